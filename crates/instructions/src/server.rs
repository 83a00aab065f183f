//! A whole server, with a client in the same thread, over loopback TCP.
//!
//! The runtime's clock stands still, so that no timer runs, however long valgrind takes. The clients
//! are plain sockets, whose instructions are few beside the server's.

use std::future::Future;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use anyhow::{Result, bail, ensure};
use songi_server::Server;
use tokio::net::TcpListener;
use tokio::task;

const ECHO: &str = r#"4210["echo","Songs of the pine So"]"#;
const ECHOED: &str = r#"4310["Songs of the pine So"]"#;
const ALL: &str = r#"42["all","Songs of the pine So"]"#;

const RECEIVERS: usize = 100;

pub(crate) fn ack(count: usize) -> Result<()> {
    run(async |_, address| {
        let message = masked(1, ECHO);
        let answer = 2 + ECHOED.len();
        let mut client = Client::join(address).await?;
        for _ in 0..count {
            client.stream.write_all(&message)?;
            client.read(answer).await?;
        }
        Ok(())
    })
}

pub(crate) fn broadcast(count: usize) -> Result<()> {
    run(async |io, address| {
        let delivered = 2 + ALL.len();
        let mut clients = Vec::new();
        for _ in 0..RECEIVERS {
            clients.push(Client::join(address).await?);
        }
        for _ in 0..count / RECEIVERS {
            io.emit("all", "Songs of the pine So")?;
            for client in &mut clients {
                client.read(delivered).await?;
            }
        }
        Ok(())
    })
}

/// Runs with a server, while the clock of the runtime stands still.
fn run<F>(clients: impl FnOnce(Server, SocketAddr) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    // A paused clock would jump to the next timer whenever all wait, but not while a blocking task
    // runs.
    let (done, wait) = mpsc::channel::<()>();
    let result = runtime.block_on(async {
        task::spawn_blocking(move || wait.recv());
        let io = Server::new();
        io.on("echo", |text: String| text);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = io.clone();
        task::spawn(async move { serving.serve(listener).await });
        clients(io, address).await
    });
    drop(done);
    result
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn join(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut client = Self {
            stream,
            buffer: vec![0; 4096],
        };
        client.stream.write_all(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
              Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )?;
        client.read_until(b"maxPayload").await?;
        client.stream.write_all(&masked(1, "40"))?;
        client.read_until(b"40{").await?;
        Ok(client)
    }

    /// Reads so many bytes, neither less nor more.
    async fn read(&mut self, length: usize) -> Result<()> {
        let mut missing = length;
        while missing > 0 {
            let read = self.read_some().await?;
            ensure!(read <= missing, "more came than was asked for");
            missing -= read;
        }
        Ok(())
    }

    async fn read_until(&mut self, word: &[u8]) -> Result<()> {
        loop {
            let length = self.read_some().await?;
            let came = self.buffer.get(..length).unwrap_or_default();
            if came.windows(word.len()).any(|window| window == word) {
                return Ok(());
            }
        }
    }

    /// Lets the server run until something has come.
    async fn read_some(&mut self) -> Result<usize> {
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => bail!("the server closed"),
                Ok(length) => return Ok(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A client's frame, of at most 125 bytes.
pub(crate) fn masked(opcode: u8, payload: &str) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8];
    frame.extend(KEY);
    let bytes = payload.bytes().zip(KEY.iter().cycle());
    frame.extend(bytes.map(|(byte, key)| byte ^ key));
    frame
}
