//! Decodes a captured long-polling body from standard input, and prints its packets.
//!
//! `printf '4hello\x1ebAQIDBA==' | cargo run -p songi-engineio --example decode`
//!
//! The first argument tells the format: `v4` (as without one), `v3`, `v3-binary`, `form` (the POST
//! of a JSONP client of revision 3), or `webtransport` (the bytes of a stream).

use std::{
    error::Error,
    io::{Read as _, stdin},
};

use bytes::BytesMut;
use songi_engineio::{Bytes, Jsonp, Message, Packet, payload, webtransport};

/// More than any server takes by default.
const MAX: usize = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let format = std::env::args().nth(1);
    let mut input = Vec::new();
    stdin().take(MAX as u64 + 1).read_to_end(&mut input)?;
    // What a shell appends to a line is not part of the body.
    if format.as_deref() != Some("webtransport") && input.ends_with(b"\n") {
        input.pop();
    }
    let body = Bytes::from(input);
    let packets = match format.as_deref() {
        None | Some("v4") => payload::decode(body, MAX)?,
        Some("v3") => payload::decode_v3_text(body, MAX)?,
        Some("v3-binary") => payload::decode_v3_binary(body, MAX)?,
        Some("form") => payload::decode_v3_text(Jsonp::form(&body), MAX)?,
        Some("webtransport") => return stream(&body),
        Some(other) => return Err(format!("no such format: {other}").into()),
    };
    for packet in packets {
        print(&packet?);
    }
    Ok(())
}

fn stream(bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut input = BytesMut::from(bytes);
    while let Some(frame) = webtransport::decode(&mut input, MAX)? {
        print(&Packet::decode(frame)?);
    }
    if !input.is_empty() {
        return Err(format!("{} bytes of an unfinished frame", input.len()).into());
    }
    Ok(())
}

fn print(packet: &Packet) {
    match packet {
        Packet::Open(json) => println!("open     {json}"),
        Packet::Close => println!("close"),
        Packet::Ping(data) => println!("ping     {data}"),
        Packet::Pong(data) => println!("pong     {data}"),
        Packet::Message(Message::Text(text)) => println!("message  {text:?}"),
        Packet::Message(Message::Binary(bytes)) => println!("message  {bytes:?}"),
        Packet::Upgrade => println!("upgrade"),
        Packet::Noop => println!("noop"),
    }
}
