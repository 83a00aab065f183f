//! One client: a plain socket, prepared bytes, and as little reading as possible.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// What a client says to open a session by WebSocket.
const REQUEST: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub struct Client {
    pub stream: TcpStream,
    /// What came and is not a whole frame.
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

impl Client {
    /// Opens a session and joins the main namespace.
    pub fn join(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("TCP");
        let mut client = Self {
            stream: TcpStream::from_std(stream),
            unread: Vec::new(),
            unsent: Vec::new(),
        };
        client.write_all(REQUEST);
        while !client.unread.windows(4).any(|end| end == b"\r\n\r\n") {
            client.read_some();
        }
        let head = client.unread.windows(4).position(|end| end == b"\r\n\r\n");
        client.unread.drain(..head.expect("it was found") + 4);
        client.write_all(&frame("40"));
        client.wait_for(b"40");
        let stream = std::net::TcpStream::from(client.stream);
        stream.set_nonblocking(true).expect("TCP");
        client.stream = TcpStream::from_std(stream);
        client
    }

    /// Sends an event and waits for what it brings: for a client that nobody polls.
    pub fn ask(&mut self, frame: &[u8]) {
        self.write_all(frame);
        self.wait_for(b"43");
    }

    /// Takes what has come; how many packets of Socket.IO it was.
    pub fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let mut packets = 0;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => panic!("the server closed"),
                Ok(length) => {
                    let whole = length < buffer.len();
                    packets += self.count(&buffer[..length]);
                    if whole {
                        return packets;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return packets,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Queues bytes; they are written as the kernel takes them.
    pub fn send(&mut self, bytes: &[u8], times: usize) {
        for _ in 0..times {
            self.unsent.extend_from_slice(bytes);
        }
        if self.unsent.is_empty() {
            return;
        }
        match self.stream.write(&self.unsent) {
            Ok(written) => drop(self.unsent.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn count(&mut self, bytes: &[u8]) -> usize {
        let mut packets = 0;
        let mut rest = bytes;
        if !self.unread.is_empty() {
            self.unread.extend_from_slice(bytes);
            rest = &self.unread;
        }
        while let Some((payload, behind)) = split_frame(rest) {
            packets += usize::from(payload.first() == Some(&b'4'));
            rest = behind;
        }
        self.unread = rest.to_vec();
        packets
    }

    fn wait_for(&mut self, start: &[u8]) {
        loop {
            while let Some((payload, rest)) = split_frame(&self.unread) {
                let found = payload.starts_with(start);
                self.unread = rest.to_vec();
                if found {
                    return;
                }
            }
            self.read_some();
        }
    }

    fn read_some(&mut self) {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => panic!("the server closed"),
            Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }
}

/// A server's frame, which is never long here, and what is behind it.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (start, length) = match bytes {
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, length, ..] if *length < 126 => (2, usize::from(*length)),
        _ => return None,
    };
    let payload = bytes.get(start..start + length)?;
    Some((payload, &bytes[start + length..]))
}

/// A client's frame.
pub fn frame(text: &str) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).expect("it is short")];
    frame.extend(key);
    frame.extend(
        text.bytes()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}
