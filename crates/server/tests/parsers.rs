//! A parser of the application's own, at the server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Polling;
use http::Method;
use songi_server::{
    Arguments, Bytes, Config, CustomDecoder, CustomParser, DecodeError, EncodeError, FastStr,
    Format, Limits, Packet, PacketKind, Parser, Server, Socket,
};

/// `+` joins, `-` leaves, `!text` refuses, `name=text` is an event.
#[derive(Debug)]
struct Lines;

impl CustomParser for Lines {
    fn format(&self) -> Format {
        Format::Text
    }

    fn encode(&self, packet: &Packet, out: &mut Vec<u8>) -> Result<Vec<Bytes>, EncodeError> {
        let line = match &packet.kind {
            PacketKind::Connect(_) => "+".to_owned(),
            PacketKind::Disconnect => "-".to_owned(),
            PacketKind::ConnectError(error) => format!("!{}", error.as_str()),
            PacketKind::Event { name, args, .. } => {
                format!("{name}={}", args.to_json())
            }
            PacketKind::Ack { .. } => return Err(EncodeError::Serialize("no acks".into())),
        };
        out.extend_from_slice(line.as_bytes());
        Ok(Vec::new())
    }

    fn decoder(&self, _limits: Limits) -> Box<dyn CustomDecoder> {
        Box::new(Lines)
    }
}

impl CustomDecoder for Lines {
    fn decode_text(&mut self, text: FastStr, _: Duration) -> Result<Option<Packet>, DecodeError> {
        let kind = match text.as_str() {
            "+" => PacketKind::Connect(None),
            "-" => PacketKind::Disconnect,
            text => {
                let (name, text) = text
                    .split_once('=')
                    .ok_or(DecodeError::Custom("no sign".into()))?;
                let args = Arguments::of(text)
                    .map_err(|error| DecodeError::Custom(error.to_string().into()))?;
                let (id, name) = (None, FastStr::new(name));
                PacketKind::Event { id, name, args }
            }
        };
        let namespace = "/".into();
        Ok(Some(Packet { namespace, kind }))
    }
}

#[tokio::test]
async fn the_server_speaks_what_the_application_made() {
    let io = Server::with_config(Config {
        parser: Parser::Custom(Arc::new(Lines)),
        ..Config::default()
    });
    io.on("say", |socket: Socket, text: String| {
        socket.namespace().emit("said", (text, 1))
    });
    io.on("leave", |socket: Socket| socket.disconnect());

    let client = Polling::open(&io).await;
    client.post("4+").await;
    assert_eq!(client.get().await, "4+");
    client.post("4say=hey").await;
    assert_eq!(client.get().await, r#"4said=["hey",1]"#);
    client.post("4leave=").await;
    assert_eq!(client.get().await, "4-");

    let other = Polling::open(&io).await;
    other.post("4+").await;
    assert_eq!(other.get().await, "4+");
    other.post("4nonsense").await;
    // It broke the protocol: its session is gone.
    let (status, _) = other.request(Method::GET, "").await;
    assert_eq!(status, 400);
}
