//! The server: its namespaces, its clients, and how it begins and ends.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use faststr::FastStr;
use parking_lot::RwLock;
use songi_engineio::ServerConfig;
use songi_websocket::Deflate;
use songi_websocket::handshake::Policy;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connection::Connection;
use crate::failure::ErrorHook;
use crate::flusher::Flusher;
use crate::http::{self, ClientFiles, Hooks, ServerLayer, ServerService};
use crate::metrics::Counters;
use crate::namespace::Namespace;
use crate::namespaces::Namespaces;
use crate::state::States;
use crate::timers::Timers;

/// A Socket.IO server. Cloning is cheap: clones are the same server.
///
/// A server is also its main namespace, `/`: all that a [`Namespace`] can do, it can.
///
/// ```no_run
/// use songi_server::{Server, Socket};
///
/// #[tokio::main]
/// async fn main() -> std::io::Result<()> {
///     let io = Server::new();
///     io.on_connection(|socket: Socket| println!("{} connected", socket.id()));
///     io.on("message", |socket: Socket, text: String| socket.broadcast().send(text));
///     io.listen("127.0.0.1:3000").await
/// }
/// ```
#[derive(Clone)]
pub struct Server {
    pub(crate) shared: Arc<Shared>,
}

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Arc<ServerConfig>,
    /// What WebSockets are opened by.
    pub(crate) policy: Policy,
    pub(crate) client_files: Option<ClientFiles>,
    pub(crate) hooks: Hooks,
    pub(crate) counters: Counters,
    pub(crate) connections: RwLock<HashMap<FastStr, Arc<Connection>>>,
    pub(crate) timers: Arc<Timers<Connection>>,
    /// There is one from the first client on.
    flusher: OnceLock<Arc<Flusher<Connection>>>,
    /// The tasks of the WebSockets and of the HTTP connections that the server accepted itself.
    pub(crate) tasks: TaskTracker,
    /// Nobody is let in any more.
    pub(crate) closing: CancellationToken,
    /// All have gone: nothing is served any more.
    pub(crate) closed: CancellationToken,
    main: Namespace,
    pub(crate) namespaces: Namespaces,
    pub(crate) states: RwLock<Arc<States>>,
    pub(crate) error_hook: RwLock<Option<ErrorHook>>,
    weak: Weak<Shared>,
    origin: Instant,
    /// Where the tasks run, known from the first client on.
    runtime: OnceLock<Handle>,
    background: OnceLock<Vec<AbortHandle>>,
}

impl Server {
    /// A server with the default settings, and the main namespace without handlers.
    pub fn new() -> Self {
        Self::with_config(Config::default())
    }

    /// A server with settings of its own.
    pub fn with_config(config: Config) -> Self {
        let shared = Arc::new_cyclic(|server| {
            let main = Namespace::main(server, &config);
            Shared {
                engine: config.engine(),
                policy: http::policy(config.per_message_deflate.map(Deflate::new).as_ref()),
                client_files: config.serve_client.clone().map(ClientFiles::new),
                hooks: Hooks::default(),
                counters: Counters::default(),
                config: config.with_slashes(),
                connections: RwLock::default(),
                timers: Arc::new(Timers::new()),
                flusher: OnceLock::new(),
                tasks: TaskTracker::new(),
                closing: CancellationToken::new(),
                closed: CancellationToken::new(),
                namespaces: Namespaces::new(main.clone()),
                states: RwLock::default(),
                error_hook: RwLock::default(),
                main,
                weak: server.clone(),
                origin: Instant::now(),
                runtime: OnceLock::new(),
                background: OnceLock::new(),
            }
        });
        Self { shared }
    }

    /// How many clients are connected, each counted once whatever namespaces it is in.
    pub fn connections(&self) -> usize {
        self.shared.connections.read().len()
    }

    /// The server as a [`tower::Layer`](tower_layer::Layer): it answers the requests that are for
    /// it and passes on all others.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use songi_server::Server;
    ///
    /// let io = Server::new();
    /// let app: Router = Router::new()
    ///     .route("/", get(async || "Hello!"))
    ///     .layer(io.layer());
    /// ```
    pub fn layer(&self) -> ServerLayer {
        ServerLayer::new(self.clone())
    }

    /// The server as a [`tower::Service`](tower_service::Service) that answers 404 to requests
    /// that are not for it.
    pub fn service(&self) -> ServerService {
        ServerService::alone(self.clone())
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Server {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.shared.main
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The time since the server was made.
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Where tasks run, from the first client on.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.runtime.get()
    }

    pub(crate) fn connection(&self, sid: &str) -> Option<Arc<Connection>> {
        self.connections.read().get(sid).cloned()
    }

    /// Starts what runs in the background, with the first client: only then is a runtime sure to
    /// be there.
    pub(crate) fn start(&self) {
        let runtime = self.runtime.get_or_init(Handle::current);
        self.background.get_or_init(|| {
            self.start_adapters();
            self.start_sweeper(runtime);
            let (timers, origin) = (self.timers.clone(), self.origin);
            let timers = runtime.spawn(async move { timers.run(|| origin.elapsed()).await });

            let threads = runtime.metrics().num_workers();
            let flusher = self.flusher.get_or_init(|| Arc::new(Flusher::new(threads)));
            let flush = |thread| {
                let flusher = flusher.clone();
                runtime.spawn(async move { flusher.run(thread).await })
            };
            std::iter::once(timers)
                .chain((0..threads).map(flush))
                .map(|task| task.abort_handle())
                .collect()
        });
    }

    /// Writes to the clients of a broadcast what is queued for them.
    pub(crate) fn flush(&self, receivers: Vec<Arc<Connection>>) {
        // There are clients, so there is one.
        if let Some(flusher) = self.flusher.get() {
            flusher.add(receivers);
        }
    }

    /// Forgets what is kept for clients that have not come back.
    fn start_sweeper(&self, runtime: &Handle) {
        let Some(recovery) = &self.config.recovery else {
            return;
        };
        let (interval, weak) = (recovery.sweep_interval(), self.weak.clone());
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(shared) = weak.upgrade() else {
                    return;
                };
                for namespace in shared.namespaces.all() {
                    if let Some(memory) = namespace.inner().local.memory() {
                        drop(memory.expire());
                    }
                }
            }
        });
    }

    /// Runs a task, from whatever thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // There is a client, or there would be no task.
        if let Some(runtime) = self.runtime.get() {
            runtime.spawn(task);
        }
    }

    pub(crate) fn all_connections(&self) -> Vec<Arc<Connection>> {
        self.connections.read().values().cloned().collect()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for task in self.background.get().into_iter().flatten() {
            task.abort();
        }
    }
}
