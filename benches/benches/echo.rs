//! Echo servers over loopback TCP, each on one thread: `cargo bench --bench echo`.
//!
//! A load generator on a thread of its own keeps a number of 20-byte messages in flight on each of
//! 100 connections. What is compared is the CPU time that the server's thread takes for a message:
//! the generator is the same for all, and is the slower side. Rounds are interleaved, and the
//! median of each server is shown.

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use mio::net::TcpStream as MioStream;
use mio::{Events, Interest, Poll, Token};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 100;
const PAYLOAD: usize = 20;
const WINDOWS: [usize; 2] = [1, 16];
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_millis(200);
const MEASURED: Duration = Duration::from_millis(800);

/// A frame of a client: header, masking key, payload.
const FRAME: usize = 6 + PAYLOAD;
/// What a server sends back: it does not mask.
const ECHO: usize = 2 + PAYLOAD;

type Start = fn() -> Server;

fn main() {
    let servers: [(&str, Start); 5] = [
        ("songi-tokio", || Server::start(songi)),
        ("tokio-tungstenite", || Server::start(tungstenite)),
        ("tokio-websockets", || Server::start(tokio_websockets)),
        ("fastwebsockets", || Server::start(fastwebsockets)),
        ("yawc", || Server::start(yawc)),
    ];
    for window in WINDOWS {
        println!("\n{CONNECTIONS} connections, {PAYLOAD} bytes, {window} in flight on each");
        let mut results = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for ((_, start), results) in servers.iter().zip(&mut results) {
                results.push(measure(&start(), window));
            }
        }
        let medians: Vec<_> = results.into_iter().map(median).collect();
        let own = medians[0].cpu;
        for ((name, _), median) in servers.iter().zip(medians) {
            println!(
                "  {name:<18} {:>6.2} µs of CPU per message, {:>5.2} x songi, {:>9.0} messages/s",
                median.cpu,
                median.cpu / own,
                median.rate,
            );
        }
    }
}

#[derive(Clone, Copy)]
struct Measured {
    /// Microseconds of the server's thread per message.
    cpu: f64,
    /// Messages per second.
    rate: f64,
}

fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    rounds[rounds.len() / 2]
}

/// A server on a thread of its own, which ends with the process.
struct Server {
    address: SocketAddr,
    /// The kernel's account of the thread.
    schedstat: String,
}

impl Server {
    fn start<F>(serve: fn(TcpStream) -> F) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let thread = fs::read_link("/proc/thread-self").expect("Linux");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime.expect("a runtime"), async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let server = Self {
                    address: listener.local_addr().expect("an address"),
                    schedstat: format!("/proc/{}/schedstat", thread.display()),
                };
                sender.send(server).expect("main waits");
                // Serves the connections of one round.
                for _ in 0..CONNECTIONS {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    stream.set_nodelay(true).expect("TCP");
                    tokio::task::spawn_local(serve(stream));
                }
                std::future::pending::<Infallible>().await;
            });
        });
        receiver.recv().expect("the server starts")
    }

    /// Time on a CPU.
    fn cpu(&self) -> Duration {
        let text = fs::read_to_string(&self.schedstat).expect("the thread lives");
        let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
        Duration::from_nanos(nanoseconds.expect("a number"))
    }
}

struct Client {
    stream: MioStream,
    /// Bytes that the kernel has not taken yet.
    unsent: usize,
    /// Bytes of an echo that has not come whole.
    partial: usize,
}

fn measure(server: &Server, window: usize) -> Measured {
    let frames = frame().repeat(window);
    let mut poll = Poll::new().expect("epoll");
    let mut clients: Vec<_> = (0..CONNECTIONS)
        .map(|index| {
            let stream = std::net::TcpStream::connect(server.address).expect("the server listens");
            stream.set_nodelay(true).expect("TCP");
            stream.set_nonblocking(true).expect("TCP");
            let mut stream = MioStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(index), interest)
                .expect("epoll");
            Client {
                stream,
                unsent: frames.len(),
                partial: 0,
            }
        })
        .collect();

    let mut events = Events::with_capacity(CONNECTIONS);
    let mut buffer = vec![0; 64 * 1024];
    let mut run = |duration: Duration| {
        let started = Instant::now();
        let mut echoes = 0;
        while started.elapsed() < duration {
            poll.poll(&mut events, Some(Duration::from_millis(100)))
                .expect("epoll");
            for event in &events {
                let client = &mut clients[event.token().0];
                echoes += client.receive(&mut buffer);
                client.send(&frames);
            }
        }
        (echoes, started.elapsed())
    };
    run(WARM_UP);
    let before = server.cpu();
    let (echoes, elapsed) = run(MEASURED);
    let cpu = server.cpu() - before;
    assert!(echoes > 0, "no echo");
    Measured {
        cpu: cpu.as_secs_f64() * 1e6 / echoes as f64,
        rate: echoes as f64 / elapsed.as_secs_f64(),
    }
}

impl Client {
    /// Reads all there is; for each echo, another message may be sent.
    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let mut received = 0;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => panic!("the server closed"),
                Ok(length) => received += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.partial += received;
        let echoes = self.partial / ECHO;
        self.partial %= ECHO;
        self.unsent += echoes * FRAME;
        echoes
    }

    fn send(&mut self, frames: &[u8]) {
        while self.unsent > 0 {
            // All frames are the same: where in them the next byte is, is all that counts.
            let start = (FRAME - self.unsent % FRAME) % FRAME;
            let end = frames.len().min(start + self.unsent);
            match self.stream.write(&frames[start..end]) {
                Ok(written) => self.unsent -= written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn frame() -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x82, 0x80 | PAYLOAD as u8];
    frame.extend(key);
    frame.extend((0..PAYLOAD).map(|index| b'a' ^ key[index % 4]));
    assert_eq!(frame.len(), FRAME);
    frame
}

async fn songi(stream: TcpStream) {
    use songi_tokio::{Config, Event, Message, WebSocket};
    let mut socket = WebSocket::server(stream, Default::default(), Config::default());
    while let Some(Ok(event)) = socket.recv().await {
        if let Event::Binary(payload) = event {
            socket.send(Message::Binary(payload)).expect("room");
        }
    }
}

async fn tungstenite(stream: TcpStream) {
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() && socket.send(message).await.is_err() {
            break;
        }
    }
}

async fn tokio_websockets(stream: TcpStream) {
    let mut socket = tokio_websockets::ServerBuilder::new().serve(stream);
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() && socket.send(message).await.is_err() {
            break;
        }
    }
}

async fn fastwebsockets(stream: TcpStream) {
    use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
    let mut socket = WebSocket::after_handshake(stream, Role::Server);
    socket.set_writev(true);
    let mut socket = FragmentCollector::new(socket);
    while let Ok(frame) = socket.read_frame().await {
        if frame.opcode == OpCode::Binary && socket.write_frame(frame).await.is_err() {
            break;
        }
    }
}

async fn yawc(stream: TcpStream) {
    use yawc::{Options, Role, WebSocket};
    let Ok(mut socket) = WebSocket::from_stream(stream, Role::Server, Options::default()) else {
        return;
    };
    while let Some(frame) = socket.next().await {
        if socket.send(frame).await.is_err() {
            break;
        }
    }
}
