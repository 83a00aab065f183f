//! What is on the wire, told layer by layer: HTTP or WebSocket, Engine.IO, Socket.IO.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use songi::client::{Bytes, Direction, FastStr, Frame, Message, Parser, Traffic};
use songi::engineio::{Packet, payload};
use songi::socketio::{Limits, PacketKind};

use super::frames::{Piece, Splitter};
use super::happening::{Happening, name};
use super::output::Output;

/// WebSockets whose bytes are followed: those before are closed.
const WEBSOCKETS: usize = 4;

/// The most that is looked at of a body.
const BODY_MAX: usize = 64 << 20;

/// Looks at what travels.
pub(crate) struct Wire {
    output: Output,
    /// How Socket.IO packets are written, if there are any.
    parser: Option<Parser>,
    /// What is sent and what is received, of each WebSocket.
    websockets: Mutex<BTreeMap<u64, [Splitter; 2]>>,
}

impl Wire {
    pub(crate) fn new(output: &Output, parser: Option<Parser>) -> Self {
        Self {
            output: output.clone(),
            parser,
            websockets: Mutex::default(),
        }
    }

    pub(crate) fn see(&self, traffic: &Traffic<'_>) {
        match traffic {
            Traffic::Request(request) => {
                let what = format!("{} {}", request.method(), request.uri());
                self.http(Direction::Sent, what, request.body());
            }
            Traffic::Response(response) => {
                self.http(
                    Direction::Received,
                    response.status().to_string(),
                    response.body(),
                );
            }
            Traffic::WebSocket {
                number,
                direction,
                bytes,
            } => self.websocket(*number, *direction, bytes),
            Traffic::Frame { direction, frame } => self.engine(*direction, frame),
            _ => {}
        }
    }

    /// Bytes of a WebSocket. They are followed even when nothing is shown, so that it is known
    /// where a frame begins.
    pub(crate) fn websocket(&self, number: u64, direction: Direction, bytes: &[u8]) {
        let pieces = {
            let mut websockets = self.websockets.lock();
            let [sent, received] = websockets.entry(number).or_default();
            let splitter = match direction {
                Direction::Sent => sent,
                Direction::Received => received,
            };
            let pieces = splitter.push(bytes);
            while websockets.len() > WEBSOCKETS {
                websockets.pop_first();
            }
            pieces
        };
        for piece in pieces {
            match piece {
                Piece::Head(head) => {
                    for line in head.lines().filter(|line| !line.is_empty()) {
                        self.tell("http", direction, String::new(), text(line));
                    }
                }
                Piece::Body(body) => self.tell("http", direction, String::new(), text(&body)),
                Piece::Frame { what, bytes } => {
                    self.tell("websocket", direction, what, Message::Binary(bytes));
                }
            }
        }
    }

    fn http(&self, direction: Direction, what: String, body: &Bytes) {
        let shown = text(&String::from_utf8_lossy(body).replace('\u{1e}', "\u{241e}"));
        self.tell("http", direction, what, shown);
        // What is no payload, such as the `ok` for a POST, is no packet.
        let packets = payload::decode(body.clone(), BODY_MAX).ok();
        for packet in packets.into_iter().flatten().map_while(Result::ok) {
            if !body.is_empty() {
                self.engine(direction, &packet.encode());
            }
        }
    }

    fn engine(&self, direction: Direction, frame: &Frame) {
        if !self.output.shows_raw() {
            return;
        }
        let packet = Packet::decode(frame.clone());
        let what = match &packet {
            Ok(Packet::Open(_)) => "open",
            Ok(Packet::Close) => "close",
            Ok(Packet::Ping(_)) => "ping",
            Ok(Packet::Pong(_)) => "pong",
            Ok(Packet::Message(_)) => "message",
            Ok(Packet::Upgrade) => "upgrade",
            Ok(Packet::Noop) => "noop",
            Err(_) => "malformed",
        };
        let shown = match frame {
            Frame::Text(text) => Message::Text(text.clone()),
            Frame::Binary(bytes) => Message::Binary(bytes.clone()),
        };
        self.tell("engine.io", direction, what.to_owned(), shown);
        if let (Ok(Packet::Message(message)), Some(parser)) = (packet, &self.parser) {
            let what = socketio(&message, parser);
            self.tell("socket.io", direction, what, message);
        }
    }

    fn tell(&self, layer: &'static str, direction: Direction, what: String, message: Message) {
        if self.output.shows_raw() {
            self.output.tell(&Happening::Raw {
                layer,
                direction: name(direction),
                what,
                message,
            });
        }
    }
}

fn text(text: &str) -> Message {
    Message::Text(FastStr::new(text))
}

/// What kind of Socket.IO packet a message is.
fn socketio(message: &Message, parser: &Parser) -> String {
    const KINDS: [&str; 7] = [
        "connect",
        "disconnect",
        "event",
        "ack",
        "connect_error",
        "binary event",
        "binary ack",
    ];
    match message {
        Message::Text(text) => {
            let digit = text.bytes().next().and_then(|byte| byte.checked_sub(b'0'));
            let kind = digit.and_then(|digit| KINDS.get(usize::from(digit)));
            (*kind.unwrap_or(&"malformed")).to_owned()
        }
        Message::Binary(_) if matches!(parser, Parser::Json) => "attachment".to_owned(),
        Message::Binary(bytes) => {
            let mut decoder = parser.decoder(Limits::default());
            match decoder.decode_binary(bytes.clone(), Duration::ZERO) {
                Ok(Some(packet)) => {
                    let kind = match &packet.kind {
                        PacketKind::Connect(_) => "connect".to_owned(),
                        PacketKind::Disconnect => "disconnect".to_owned(),
                        PacketKind::Event { name, args, .. } => format!("event {name:?} {args:?}"),
                        PacketKind::Ack { id, args } => format!("ack {id} {args:?}"),
                        PacketKind::ConnectError(error) => format!("connect_error {error:?}"),
                    };
                    format!("{kind} in {}", packet.namespace)
                }
                _ => "malformed".to_owned(),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::connect::output::tests::output;

    #[test]
    fn each_layer_is_a_line() {
        let (output, lines) = output(true, false);
        output.show_raw(true);
        let wire = Wire::new(&output, Some(Parser::Json));
        wire.see(&Traffic::Frame {
            direction: Direction::Sent,
            frame: &Frame::Text(r#"42["hi"]"#.into()),
        });
        let sent = b"GET / HTTP/1.1\r\n\r\n\x81\x81\0\0\0\0x";
        wire.websocket(1, Direction::Sent, sent);
        let body = Bytes::from_static(b"2\x1e40{\"sid\":\"x\"}");
        wire.http(Direction::Received, "200 OK".to_owned(), &body);

        let lines = lines.try_iter().map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            let part = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let content = part("text") + &part("binary");
            format!(
                "{} {} {}: {content}",
                part("direction"),
                part("layer"),
                part("what")
            )
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                r#"sent engine.io message: 42["hi"]"#,
                r#"sent socket.io event: 2["hi"]"#,
                "sent http : GET / HTTP/1.1",
                "sent websocket text, 1 B, masked: gYEAAAAAeA==",
                "received http 200 OK: 2\u{241e}40{\"sid\":\"x\"}",
                "received engine.io ping: 2",
                "received engine.io message: 40{\"sid\":\"x\"}",
                "received socket.io connect: 0{\"sid\":\"x\"}",
            ]
        );
    }

    #[test]
    fn messagepack_is_read() {
        let mut bytes = Vec::new();
        Parser::Msgpack
            .event(&mut bytes, "/n", Some(1), "hi", &("x", 2))
            .unwrap();
        let what = socketio(&Message::binary(bytes), &Parser::Msgpack);
        assert_eq!(what, r#"event "hi" ["x",2] in /n"#);
        let attachment = Message::binary(vec![1]);
        assert_eq!(socketio(&attachment, &Parser::Json), "attachment");
        assert_eq!(socketio(&Message::text("9"), &Parser::Json), "malformed");
    }

    #[test]
    fn websockets_of_the_past_are_forgotten() {
        let (output, _lines) = output(true, false);
        let wire = Wire::new(&output, None);
        for number in 0..100 {
            wire.websocket(number, Direction::Sent, b"GET");
        }
        assert_eq!(wire.websockets.lock().len(), WEBSOCKETS);
    }
}
