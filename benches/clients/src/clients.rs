//! The server, and the clients in Rust: a process of one thread for each kind.

#[cfg(feature = "rust_socketio")]
mod rust_socketio;
mod songi;

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use songi_server::{Config, Server, Socket};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Nobody is pinged while something is measured.
const NEVER: Duration = Duration::from_secs(3600);

/// Clients that connect at a time.
const AT_ONCE: usize = 50;

/// What is said.
const TEXT: &str = "Songs of the pine So";

/// Serves until the process ends.
pub(crate) fn serve() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        let io = Server::with_config(Config {
            ping_interval: NEVER,
            ping_timeout: NEVER,
            ..Config::default()
        });
        io.on("echo", |text: String| text);
        io.on("all", |socket: Socket, text: String| {
            socket.namespace().emit("all", text)
        });
        io.serve(listener).await.expect("it serves");
    });
}

/// Is a process of clients.
pub(crate) fn be(name: &str, url: &str) {
    match name {
        "songi" => block_on(follow(songi::Songi::new(url))),
        #[cfg(feature = "rust_socketio")]
        "rust_socketio" => block_on(follow(rust_socketio::RustSocketio::new(url))),
        name => panic!("no client is called {name}"),
    }
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future);
}

/// A kind of client.
trait Kind {
    type Client;

    /// Connects a client, which counts the events that it receives.
    async fn connect(&self, received: Arc<Received>) -> Self::Client;

    /// Emits `echo` and waits for its ack.
    fn ask(client: &Self::Client) -> impl Future<Output = ()> + Send + use<Self>;

    /// Emits `all`.
    async fn tell_all(client: &Self::Client);
}

/// Events that have come, to all clients together.
#[derive(Default)]
struct Received {
    count: AtomicUsize,
    wanted: AtomicUsize,
    all: Notify,
}

impl Received {
    fn one(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if count == self.wanted.load(Ordering::Relaxed) {
            self.all.notify_one();
        }
    }

    /// So many more, until somebody waits for them.
    fn expect(&self, more: usize) {
        self.wanted.fetch_add(more, Ordering::Relaxed);
    }
}

/// Does what standard input says.
async fn follow<K: Kind>(kind: K)
where
    K::Client: Send + Sync + 'static,
{
    let received = Arc::<Received>::default();
    let mut clients: Vec<Arc<K::Client>> = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.expect("a line");
        let (what, count) = line.split_once(' ').expect("two words");
        let count: usize = count.parse().expect("a number");
        match what {
            "connect" => {
                let connecting = (0..count).map(|_| kind.connect(received.clone()));
                let connecting = stream::iter(connecting).buffer_unordered(AT_ONCE);
                clients.extend(connecting.map(Arc::new).collect::<Vec<_>>().await);
                // What runs in the background gets its turn.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            "ack" => {
                let mut tasks = tokio::task::JoinSet::new();
                for client in &clients {
                    let client = client.clone();
                    tasks.spawn(async move {
                        for _ in 0..count {
                            K::ask(&client).await;
                        }
                    });
                }
                while let Some(done) = tasks.join_next().await {
                    done.expect("it answers");
                }
            }
            "receive" => {
                for _ in 0..count {
                    received.expect(clients.len());
                    K::tell_all(&clients[0]).await;
                    received.all.notified().await;
                }
            }
            what => panic!("nobody can {what}"),
        }
        println!("done");
        std::io::stdout().flush().expect("somebody reads");
    }
}
