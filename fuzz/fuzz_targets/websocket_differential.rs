//! The same bytes for us and for tungstenite: where both accept them, they mean the same.
#![no_main]

use std::io::{self, Read, Write};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use songi_websocket::{Config, Connection, Event};
use tungstenite::{
    Message,
    protocol::{Role, WebSocket, WebSocketConfig},
};

/// Gives its bytes, and then has none for now.
struct Input<'a>(&'a [u8]);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(buffer)
    }
}

impl Write for Input<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// What we saw, and whether we refused something.
fn ours(bytes: &[u8], server: bool) -> (Vec<Seen>, bool) {
    let config = Config::default().message_limit(4096);
    let mut connection = match server {
        true => Connection::server(config),
        false => Connection::client(config, || [1, 2, 3, 4]),
    };
    let (mut seen, mut input) = (Vec::new(), BytesMut::from(bytes));
    loop {
        let event = match connection.receive(&mut input) {
            Ok(Some(event)) => event,
            Ok(None) => return (seen, false),
            Err(_) => return (seen, true),
        };
        seen.push(match event {
            Event::Text(text) => Seen::Text(text.to_string()),
            Event::Binary(payload) => Seen::Binary(payload.to_vec()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(frame) => {
                Seen::Close(frame.map(|it| (it.code().get(), it.reason().to_owned())))
            }
            event => panic!("{event:?}"),
        });
    }
}

fn theirs(bytes: &[u8], server: bool) -> (Vec<Seen>, bool) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(4096))
        .max_frame_size(Some(4096));
    let role = if server { Role::Server } else { Role::Client };
    let mut socket = WebSocket::from_raw_socket(Input(bytes), role, Some(config));
    let mut seen = Vec::new();
    loop {
        let message = match socket.read() {
            Ok(message) => message,
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (seen, false);
            }
            Err(tungstenite::Error::ConnectionClosed) => return (seen, false),
            Err(_) => return (seen, true),
        };
        let closes = matches!(message, Message::Close(_));
        seen.push(match message {
            Message::Text(text) => Seen::Text(text.to_string()),
            Message::Binary(payload) => Seen::Binary(payload.to_vec()),
            Message::Ping(payload) => Seen::Ping(payload.to_vec()),
            Message::Pong(payload) => Seen::Pong(payload.to_vec()),
            Message::Close(frame) => {
                Seen::Close(frame.map(|it| (it.code.into(), it.reason.to_string())))
            }
            Message::Frame(_) => panic!("a raw frame"),
        });
        if closes {
            return (seen, false);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&role, bytes)) = data.split_first() else {
        return;
    };
    let server = role & 1 == 0;
    let (ours, refused) = ours(bytes, server);
    let (theirs, _) = theirs(bytes, server);
    if refused {
        // It is laxer, and goes on. Up to there it saw the same.
        assert_eq!(ours[..], theirs[..ours.len().min(theirs.len())]);
    } else {
        // Whatever it refused, it accepted the same before.
        assert_eq!(theirs[..], ours[..theirs.len()]);
    }
});
