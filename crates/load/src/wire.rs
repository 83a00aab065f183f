//! One TCP connection: what came and is not used yet, and what the kernel did not take yet.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    unsent: Vec<u8>,
}

/// What a read brought.
pub(crate) enum Read {
    /// So many bytes, and there may be more.
    More(usize),
    /// So many bytes, and there are no more now.
    All(usize),
    End,
}

impl Wire {
    /// Begins to connect, from an address of this machine if one is named.
    pub(crate) fn connect(
        address: SocketAddr,
        source: Option<IpAddr>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            unsent: Vec::new(),
        })
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Ok(Read::End),
                // The kernel tells of what comes after a read that had room left.
                Ok(length) if length < buffer.len() => Ok(Read::All(length)),
                Ok(length) => Ok(Read::More(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Read::All(0)),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Bytes for the next [`flush`](Self::flush).
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// Writes what the kernel takes; whether that was all.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = self.unsent.get(written..) {
            match self.stream.write(rest) {
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The connection is still being made.
                Err(error) if error.kind() == ErrorKind::NotConnected => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if written == self.unsent.len() {
            self.unsent.clear();
            // A client that waits keeps little; one that is busy keeps its buffer.
            if self.unsent.capacity() > KEPT {
                self.unsent = Vec::new();
            }
            return Ok(true);
        }
        self.unsent.drain(..written);
        Ok(false)
    }

    /// Gives back what a client that does nothing does not need.
    pub(crate) fn shrink(&mut self) {
        self.unsent.shrink_to_fit();
    }

    pub(crate) fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }
}

/// The most that a client's buffer keeps while it has nothing to send.
const KEPT: usize = 16 * 1024;

/// `EINPROGRESS`, which std has no stable name for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const IN_PROGRESS: i32 = 115;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const IN_PROGRESS: i32 = 36;
