//! The protocols: bytes in, messages out, and the other way round.

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::{Bytes, BytesMut};
use faststr::FastStr;
use songi_engineio::{Frame, SendOptions, ServerConfig, ServerSession};
use songi_socketio::{Decoder, Limits, encode};
use songi_websocket::{Config, Connection, Message, Prepared};

use crate::server::masked;

const PAYLOAD: &str = "Songs of the pine So";

/// So many frames come with one read.
const READ: usize = 50;

const TEXT: u8 = 1;
const BINARY: u8 = 2;

pub(crate) fn decode_binary_lent(count: usize) -> Result<()> {
    decode_lent(BINARY, count)
}

pub(crate) fn decode_text_lent(count: usize) -> Result<()> {
    decode_lent(TEXT, count)
}

pub(crate) fn decode_binary_owned(count: usize) -> Result<()> {
    decode_owned(BINARY, count)
}

pub(crate) fn decode_text_owned(count: usize) -> Result<()> {
    decode_owned(TEXT, count)
}

fn decode_lent(opcode: u8, count: usize) -> Result<()> {
    let input = masked(opcode, PAYLOAD).repeat(READ);
    let mut connection = Connection::server(Config::default());
    let mut buffer = input.clone();
    let mut taken = 0;
    while taken < count {
        buffer.copy_from_slice(&input);
        let mut rest = buffer.as_mut_slice();
        while let Some(event) = connection.receive_ref(&mut rest)? {
            black_box(event);
            taken += 1;
        }
    }
    Ok(())
}

fn decode_owned(opcode: u8, count: usize) -> Result<()> {
    let input = masked(opcode, PAYLOAD).repeat(READ);
    let mut connection = Connection::server(Config::default());
    let mut buffer = BytesMut::new();
    let mut taken = 0;
    while taken < count {
        buffer.extend_from_slice(&input);
        while let Some(event) = connection.receive(&mut buffer)? {
            black_box(event);
            taken += 1;
        }
    }
    Ok(())
}

pub(crate) fn encode(count: usize) -> Result<()> {
    let payload = Bytes::from_static(PAYLOAD.as_bytes());
    let mut connection = Connection::server(Config::default());
    for _ in 0..count {
        connection.send(Message::Binary(black_box(payload.clone())))?;
        transmit(&mut connection);
    }
    Ok(())
}

pub(crate) fn prepared(count: usize) -> Result<()> {
    let prepared = Prepared::binary(Bytes::from_static(PAYLOAD.as_bytes()));
    let mut connection = Connection::server(Config::default());
    for _ in 0..count {
        connection.send_prepared(black_box(&prepared))?;
        transmit(&mut connection);
    }
    Ok(())
}

/// Takes all that is queued, as a writer would.
fn transmit(connection: &mut Connection) {
    while connection.queued() > 0 {
        let mut slices = [IoSlice::new(&[]); 16];
        let used = connection.transmit(&mut slices);
        let written = slices.iter().take(used).map(|slice| slice.len()).sum();
        black_box(&slices);
        connection.transmitted(written);
    }
}

pub(crate) fn session_in(count: usize) -> Result<()> {
    let config = Arc::new(ServerConfig::default());
    let (mut session, transport) =
        ServerSession::websocket(config, FastStr::from_static_str("sid"), Duration::ZERO);
    while session.poll_output().is_some() {}
    let text = FastStr::new(r#"42["message","Songs of the pine So"]"#);
    for _ in 0..count {
        let frame = Frame::Text(black_box(text.clone()));
        session.frame(transport, frame, Duration::ZERO);
        ensure!(session.poll_output().is_some(), "no message");
        ensure!(session.poll_output().is_none(), "more than a message");
    }
    Ok(())
}

pub(crate) fn session_out(count: usize) -> Result<()> {
    let config = Arc::new(ServerConfig::default());
    let (mut session, _) =
        ServerSession::websocket(config, FastStr::from_static_str("sid"), Duration::ZERO);
    while session.poll_output().is_some() {}
    let text = FastStr::new(r#"42["message","Songs of the pine So"]"#);
    for _ in 0..count {
        let frame = Frame::Text(black_box(text.clone()));
        session.send(frame, SendOptions::default(), Duration::ZERO)?;
        ensure!(session.poll_output().is_some(), "no frame");
        ensure!(session.poll_output().is_none(), "more than a frame");
    }
    Ok(())
}

pub(crate) fn decode_event(count: usize) -> Result<()> {
    let mut decoder = Decoder::new(Limits::default());
    let text = FastStr::new(r#"210["message","Songs of the pine So"]"#);
    for _ in 0..count {
        let packet = decoder.decode_text(black_box(text.clone()), Duration::ZERO)?;
        ensure!(black_box(packet).is_some(), "no packet");
    }
    Ok(())
}

pub(crate) fn encode_event(count: usize) -> Result<()> {
    for _ in 0..count {
        let mut out = Vec::with_capacity(128);
        encode::event(&mut out, "/", None, "message", black_box(PAYLOAD))?;
        black_box(out);
    }
    Ok(())
}

pub(crate) fn encode_ack(count: usize) -> Result<()> {
    for _ in 0..count {
        let mut out = Vec::with_capacity(128);
        encode::ack(&mut out, "/", 10, black_box(PAYLOAD))?;
        black_box(out);
    }
    Ok(())
}
