//! Raw connections: requests and frames go out as the case has them, however wrong.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::case::{Frame, Mark, Request};

/// How long a server may be silent before the test fails: far more than it ever takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The packet that joins a namespace of which the cases know nothing, and how its answer begins.
const MARK: &str = "40/mark,";
pub(crate) const MARK_ANSWER: &str = "40/mark,{";

pub(crate) const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A connection to a server, and what has been read from it and not used.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer of HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

/// What a server sends on a WebSocket.
pub(crate) enum Received {
    Text(String),
    Binary(Vec<u8>),
    Pong,
    /// A Close frame, with its code if it has one.
    Close(Option<u16>),
    /// The end of the connection.
    End,
}

impl Wire {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        Ok(Self {
            stream: TcpStream::connect(address).await?,
            buffer: Vec::new(),
        })
    }

    /// Sends a request whole, or only its head where its body is held back.
    pub(crate) async fn request(address: &str, request: &Request, sid: &str) -> Result<Self> {
        let mut wire = Self::connect(address).await?;
        wire.write(request.head(sid).as_bytes()).await;
        match &request.body {
            Some(body) if !request.held => wire.write(body).await,
            _ => {}
        }
        Ok(wire)
    }

    /// A server may have seen enough, and closed, before everything is written.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.write(&masked(FIN | TEXT, text.as_bytes())).await;
    }

    /// Sends frames and what comes after them, all at once: a server could otherwise do more or
    /// less between two of them.
    pub(crate) async fn send(&mut self, frames: &[Frame], mark: Mark) {
        let mut bytes = Vec::new();
        for frame in frames {
            match frame {
                Frame::Text(text) => bytes.extend(masked(FIN | TEXT, text.as_bytes())),
                Frame::Binary(payload) => bytes.extend(masked(FIN | BINARY, payload)),
                Frame::Raw(raw, _) => bytes.extend(raw),
            }
        }
        bytes.extend(match mark {
            Mark::Join => masked(FIN | TEXT, MARK.as_bytes()),
            Mark::Ping => masked(FIN | PING, b""),
        });
        self.write(&bytes).await;
    }

    /// The next answer; `None` when the connection ends without one. Its body is all that follows,
    /// but for that of a switch of protocols.
    pub(crate) async fn try_answer(&mut self) -> Result<Option<Answer>> {
        let end = loop {
            let head = self.buffer.windows(4).position(|end| end == b"\r\n\r\n");
            if let Some(head) = head {
                break head + 4;
            }
            if !self.read().await? {
                ensure!(self.buffer.is_empty(), "an answer breaks off");
                return Ok(None);
            }
        };
        let body = self.buffer.split_off(end);
        let head = String::from_utf8(std::mem::replace(&mut self.buffer, body))?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let mut answer = Answer {
            status,
            head: head.to_ascii_lowercase(),
            body: Vec::new(),
        };
        if status >= 200 {
            while self.read().await? {}
            answer.body = std::mem::take(&mut self.buffer);
            if answer.header("transfer-encoding") == Some("chunked") {
                answer.body = unchunk(&answer.body).context("a broken chunk")?;
            }
        }
        Ok(Some(answer))
    }

    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        self.try_answer().await?.context("no answer")
    }

    pub(crate) async fn receive(&mut self) -> Result<Received> {
        loop {
            if let Some(received) = self.frame() {
                return Ok(received);
            }
            if !self.read().await? {
                return Ok(Received::End);
            }
        }
    }

    /// The first whole frame in the buffer.
    fn frame(&mut self) -> Option<Received> {
        let (&[first, second], rest) = self.buffer.split_first_chunk()?;
        let (length, rest) = match second {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u16::from_be_bytes(*length).into(), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
            }
            length => (usize::from(length), rest),
        };
        let (payload, rest) = rest.split_at_checked(length)?;
        let received = match first & 0x0f {
            TEXT => Received::Text(String::from_utf8_lossy(payload).into_owned()),
            CLOSE => {
                let code = payload.first_chunk().copied();
                Received::Close(code.map(u16::from_be_bytes))
            }
            PONG => Received::Pong,
            _ => Received::Binary(payload.to_vec()),
        };
        self.buffer = rest.to_vec();
        Some(received)
    }

    /// Reads on; `false` at the end. Who is reset has come to the end, too.
    async fn read(&mut self) -> Result<bool> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        let read = read.with_context(|| {
            let buffer = String::from_utf8_lossy(&self.buffer);
            format!("silence after {buffer:?}")
        })?;
        Ok(read.is_ok_and(|read| read > 0))
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.split("\r\n").skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let mask = MASK.iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}

fn unchunk(mut chunked: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunked.windows(2).position(|end| end == b"\r\n")?;
        let (size, rest) = chunked.split_at_checked(end)?;
        let size = usize::from_str_radix(str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, rest) = rest.get(2..)?.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        chunked = rest.get(2..)?;
    }
}
