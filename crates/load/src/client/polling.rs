//! A client over long-polling: one connection has a GET that waits, another posts.

use std::io::Write as _;
use std::mem;
use std::net::IpAddr;

use memchr::memmem;
use mio::{Registry, Token};

use super::{Packet, Prepared, Stage, packet};
use crate::wire::{Read, Wire};
use crate::{LoadError, http};

/// What separates the packets of a body (Engine.IO protocol v4, "HTTP long-polling").
const SEPARATOR: u8 = 0x1e;

#[derive(Debug)]
pub(crate) struct Polling {
    pub(super) stage: Stage,
    getter: Half,
    poster: Half,
    /// The GET of the session.
    get: Vec<u8>,
    /// The head of its POSTs, up to the length.
    post: Vec<u8>,
    /// What the next POST takes.
    outbox: Vec<u8>,
    is_posting: bool,
}

#[derive(Debug)]
struct Half {
    wire: Wire,
    unread: Vec<u8>,
}

impl Polling {
    pub(super) fn connect(
        prepared: &Prepared,
        source: Option<IpAddr>,
        registry: &Registry,
        [getter, poster]: [Token; 2],
    ) -> Result<Self, LoadError> {
        let connect = |token| {
            Ok::<_, LoadError>(Half {
                wire: Wire::connect(prepared.target.address, source, registry, token)?,
                unread: Vec::new(),
            })
        };
        let target = &prepared.target;
        let mut request = target.head("GET", &target.engine_io("polling"));
        request.push_str("\r\n");
        let mut client = Self {
            stage: Stage::Requesting,
            getter: connect(getter)?,
            poster: connect(poster)?,
            get: Vec::new(),
            post: Vec::new(),
            outbox: Vec::new(),
            is_posting: false,
        };
        client.getter.wire.queue(request.as_bytes());
        client.flush()?;
        Ok(client)
    }

    pub(super) fn read(
        &mut self,
        half: usize,
        prepared: &Prepared,
        buffer: &mut [u8],
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        let from = match half {
            0 => &mut self.getter,
            _ => &mut self.poster,
        };
        loop {
            match from.wire.read(buffer)? {
                Read::End => return Err(LoadError::Closed(None)),
                Read::More(length) => from
                    .unread
                    .extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Read::All(length) => {
                    from.unread
                        .extend_from_slice(buffer.get(..length).unwrap_or_default());
                    break;
                }
            }
        }
        let mut unread = mem::take(&mut from.unread);
        let mut used = 0;
        while let Some(response) = http::read(unread.get(used..).unwrap_or_default())? {
            response.expect(200)?;
            match half {
                0 => self.got(response.body, prepared, message)?,
                _ => {
                    self.is_posting = false;
                    self.post();
                }
            }
            used += response.length;
        }
        unread.drain(..used);
        match half {
            0 => self.getter.unread = unread,
            _ => self.poster.unread = unread,
        }
        Ok(())
    }

    /// The body of a GET: packets.
    fn got(
        &mut self,
        body: &[u8],
        prepared: &Prepared,
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        if self.stage == Stage::Requesting {
            self.stage = Stage::Opening;
            self.prepare(body, prepared)?;
        }
        for payload in body.split(|byte| *byte == SEPARATOR) {
            match packet(self.stage, payload)? {
                Packet::Message(payload) => message(payload),
                Packet::Ping => self.send(b"3"),
                Packet::Open => {
                    self.stage = Stage::Joining;
                    self.send(&prepared.connect.packet);
                }
                Packet::Joined => self.stage = Stage::Ready,
                Packet::Ignored => {}
            }
        }
        self.getter.wire.queue(&self.get);
        Ok(())
    }

    /// Writes the requests of the session that the open packet names.
    fn prepare(&mut self, open: &[u8], prepared: &Prepared) -> Result<(), LoadError> {
        const KEY: &[u8] = br#""sid":""#;
        let sid = memmem::find(open, KEY)
            .and_then(|at| open.get(at + KEY.len()..))
            .and_then(|rest| rest.split(|byte| *byte == b'"').next())
            .and_then(|sid| str::from_utf8(sid).ok())
            .ok_or(LoadError::Protocol("an open packet without a sid"))?;
        let target = &prepared.target;
        let path = format!("{}&sid={sid}", target.engine_io("polling"));
        self.get = target.head("GET", &path).into_bytes();
        self.get.extend(b"\r\n");
        self.post = target.head("POST", &path).into_bytes();
        self.post
            .extend(b"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ");
        Ok(())
    }

    pub(super) fn send(&mut self, packet: &[u8]) {
        if !self.outbox.is_empty() {
            self.outbox.push(SEPARATOR);
        }
        self.outbox.extend_from_slice(packet);
    }

    fn post(&mut self) {
        if self.is_posting || self.outbox.is_empty() {
            return;
        }
        let mut head = self.post.clone();
        let _ = write!(head, "{}\r\n\r\n", self.outbox.len());
        self.poster.wire.queue(&head);
        self.poster.wire.queue(&self.outbox);
        self.outbox.clear();
        self.is_posting = true;
    }

    pub(super) fn flush(&mut self) -> Result<(), LoadError> {
        self.post();
        self.poster.wire.flush()?;
        self.getter.wire.flush()?;
        Ok(())
    }

    pub(super) fn is_flushed(&self) -> bool {
        !self.is_posting && self.outbox.is_empty()
    }
}
