//! Reads the text messages of a Socket.IO connection from standard input, one per line, and says
//! what they are. A line that starts with `b` is a binary message, in hexadecimal.
//!
//! ```text
//! $ printf '0{"token":"123"}\n51-["image","cat",{"_placeholder":true,"num":0}]\nb89504e47\n' \
//!     | cargo run --example decode
//! ```

use std::io::{self, BufRead};
use std::time::Instant;

use songi_socketio::{DecodeError, Decoder, Limits, Packet, PacketKind};

fn main() -> io::Result<()> {
    let start = Instant::now();
    let mut decoder = Decoder::new(Limits::default());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let result = match line.strip_prefix('b') {
            Some(hex) => match bytes(hex) {
                Some(data) => decoder.decode_binary(data.into(), start.elapsed()),
                None => {
                    println!("not hexadecimal: {hex}");
                    continue;
                }
            },
            None => decoder.decode_text(line.into(), start.elapsed()),
        };
        report(result);
    }
    Ok(())
}

fn report(result: Result<Option<Packet>, DecodeError>) {
    let Packet { namespace, kind } = match result {
        Ok(Some(packet)) => packet,
        Ok(None) => return println!("… waiting for attachments"),
        Err(error) => return println!("refused: {error}"),
    };
    match kind {
        PacketKind::Connect(None) => println!("{namespace} CONNECT"),
        PacketKind::Connect(Some(payload)) => println!("{namespace} CONNECT {payload:?}"),
        PacketKind::Disconnect => println!("{namespace} DISCONNECT"),
        PacketKind::Event {
            id: None,
            name,
            args,
        } => println!("{namespace} EVENT {name:?}: {args:?}"),
        PacketKind::Event {
            id: Some(id),
            name,
            args,
        } => {
            println!("{namespace} EVENT {name:?} (answer as {id}): {args:?}");
        }
        PacketKind::Ack { id, args } => println!("{namespace} ACK {id}: {args:?}"),
        PacketKind::ConnectError(payload) => println!("{namespace} CONNECT_ERROR {payload:?}"),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
