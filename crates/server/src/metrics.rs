//! What a server counts.

mod prometheus;

use std::sync::atomic::{AtomicU64, Ordering};

use faststr::FastStr;
use parking_lot::Mutex;
use songi_engineio::Transport;
use songi_socketio::handler::Failure;

use crate::reason::DisconnectReason;
use crate::server::{Server, Shared};

/// What a server has counted, and what it has now: a snapshot, made by [`Server::metrics`].
///
/// Packets are those of Socket.IO, with their attachments as one; bytes are theirs, without the
/// headers of WebSocket and HTTP, and before compression.
///
/// ```
/// use songi_server::Server;
///
/// let io = Server::new();
/// let metrics = io.metrics();
/// assert_eq!(metrics.packets_in, 0);
/// println!("{}", metrics.to_prometheus());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Clients that are connected by long-polling now.
    pub connections_polling: usize,
    /// Clients that are connected by WebSocket now, whatever they began with.
    pub connections_websocket: usize,
    /// Connections that began with long-polling.
    pub opened_polling: u64,
    /// Connections that began with a WebSocket.
    pub opened_websocket: u64,
    /// Connections that have moved from long-polling to a WebSocket.
    pub upgraded: u64,
    /// Sockets that are in each namespace of the application's making now, by its name.
    pub sockets: Vec<(FastStr, usize)>,
    /// Sockets that are in all namespaces of clients' making now. (Their names are not listed,
    /// because clients choose them.)
    pub sockets_dynamic: usize,
    /// Packets that came.
    pub packets_in: u64,
    /// Packets that were sent.
    pub packets_out: u64,
    /// Bytes of the packets that came.
    pub bytes_in: u64,
    /// Bytes of the packets that were sent.
    pub bytes_out: u64,
    /// Volatile packets that were dropped to make room: see
    /// [`SlowClient::DropVolatileFirst`](crate::SlowClient::DropVolatileFirst).
    pub volatile_dropped: u64,
    /// Bytes that wait for all clients now.
    pub buffered_bytes: usize,
    /// Bytes that wait for the client for which the most do.
    pub buffered_bytes_max: usize,
    /// Events that wait for their handlers, or are being handled, now.
    pub pending_events: usize,
    /// Connections that were closed because their clients read too slowly.
    pub slow_clients: u64,
    /// Sockets that were disconnected, by the reason.
    pub disconnects: Vec<(DisconnectReason, u64)>,
    /// What went wrong in handlers and middlewares.
    pub handler_failures: HandlerFailures,
    /// Requests that were refused, by the number that the client was told: see
    /// [`ConnectionError::code`](crate::ConnectionError::code).
    pub refused_requests: [u64; 6],
    /// Clients that were not let into a namespace.
    pub refused_joins: u64,
    /// Sockets that came back as what they were: see [`Config::recovery`](crate::Config::recovery).
    pub recovered: u64,
    /// Sockets that asked to, and could not.
    pub not_recovered: u64,
    /// Sockets that are away now and may come back.
    pub recovery_sessions: usize,
    /// Bytes of what is kept for them.
    pub recovery_bytes: usize,
}

/// What went wrong in handlers and middlewares, by its kind: see
/// [`Failure`](crate::Failure).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerFailures {
    /// An argument did not fit its parameter.
    pub argument: u64,
    /// A middleware refused an event.
    pub rejected: u64,
    /// A handler returned an error.
    pub error: u64,
    /// A handler or middleware panicked.
    pub panic: u64,
}

/// What one connection has carried. It is counted under the connection's lock, and added to the
/// server's at its end, so that connections share nothing that they count.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) volatile_dropped: u64,
}

/// What a connection is like now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed {
    pub(crate) transport: Option<Transport>,
    pub(crate) traffic: Traffic,
    pub(crate) buffered: usize,
    pub(crate) pending: usize,
}

/// What happens rarely, for all connections, and the traffic of those that have ended.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) opened_polling: AtomicU64,
    pub(crate) opened_websocket: AtomicU64,
    pub(crate) upgraded: AtomicU64,
    pub(crate) slow_clients: AtomicU64,
    pub(crate) refused_joins: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) not_recovered: AtomicU64,
    disconnects: [AtomicU64; DisconnectReason::ALL.len()],
    failures: [AtomicU64; 4],
    refused_requests: [AtomicU64; 6],
    ended: Mutex<Traffic>,
    /// What was shown last: a connection that ends while it is being looked at may be missed, and
    /// a count must not fall.
    shown: Mutex<Traffic>,
}

impl Server {
    /// What the server has counted, and what it has now. It looks at each connection, so it is to
    /// be called every few seconds and not for every event.
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn disconnected(&self, reason: DisconnectReason) {
        let position = DisconnectReason::ALL.iter().position(|it| *it == reason);
        if let Some(counter) = position.and_then(|position| self.disconnects.get(position)) {
            count(counter);
        }
    }

    pub(crate) fn failed(&self, failure: Failure<'_>) {
        let [argument, rejected, error, panic] = &self.failures;
        count(match failure {
            Failure::Argument(_) => argument,
            Failure::Rejected(_) => rejected,
            Failure::Panic(_) => panic,
            _ => error,
        });
    }

    pub(crate) fn refused(&self, code: u8) {
        if let Some(counter) = self.refused_requests.get(usize::from(code)) {
            count(counter);
        }
    }

    pub(crate) fn ended(&self, traffic: Traffic) {
        self.ended.lock().add(traffic);
    }
}

impl Traffic {
    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes_in += bytes as u64;
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.packets_out += 1;
        self.bytes_out += bytes as u64;
    }

    fn add(&mut self, other: Self) {
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.volatile_dropped += other.volatile_dropped;
    }

    fn max(self, other: Self) -> Self {
        Self {
            packets_in: self.packets_in.max(other.packets_in),
            packets_out: self.packets_out.max(other.packets_out),
            bytes_in: self.bytes_in.max(other.bytes_in),
            bytes_out: self.bytes_out.max(other.bytes_out),
            volatile_dropped: self.volatile_dropped.max(other.volatile_dropped),
        }
    }
}

impl Shared {
    fn metrics(&self) -> Metrics {
        let counters = &self.counters;
        let mut metrics = Metrics::default();
        self.observe_connections(&mut metrics);
        self.observe_namespaces(&mut metrics);
        metrics.opened_polling = read(&counters.opened_polling);
        metrics.opened_websocket = read(&counters.opened_websocket);
        metrics.upgraded = read(&counters.upgraded);
        metrics.slow_clients = read(&counters.slow_clients);
        metrics.refused_joins = read(&counters.refused_joins);
        metrics.recovered = read(&counters.recovered);
        metrics.not_recovered = read(&counters.not_recovered);
        metrics.disconnects = DisconnectReason::ALL
            .into_iter()
            .zip(counters.disconnects.each_ref().map(read))
            .collect();
        let [argument, rejected, error, panic] = counters.failures.each_ref().map(read);
        metrics.handler_failures = HandlerFailures {
            argument,
            rejected,
            error,
            panic,
        };
        metrics.refused_requests = counters.refused_requests.each_ref().map(read);
        metrics
    }

    fn observe_connections(&self, metrics: &mut Metrics) {
        let mut shown = self.counters.shown.lock();
        let mut traffic = *self.counters.ended.lock();
        for connection in self.all_connections() {
            let observed = connection.observe();
            traffic.add(observed.traffic);
            match observed.transport {
                Some(Transport::Polling) => metrics.connections_polling += 1,
                Some(_) => metrics.connections_websocket += 1,
                None => {}
            }
            metrics.buffered_bytes += observed.buffered;
            metrics.buffered_bytes_max = metrics.buffered_bytes_max.max(observed.buffered);
            metrics.pending_events += observed.pending;
        }
        *shown = shown.max(traffic);
        metrics.packets_in = shown.packets_in;
        metrics.packets_out = shown.packets_out;
        metrics.bytes_in = shown.bytes_in;
        metrics.bytes_out = shown.bytes_out;
        metrics.volatile_dropped = shown.volatile_dropped;
    }

    fn observe_namespaces(&self, metrics: &mut Metrics) {
        for namespace in self.namespaces.all() {
            let local = &namespace.inner().local;
            if namespace.is_dynamic() {
                metrics.sockets_dynamic += local.len();
            } else {
                metrics
                    .sockets
                    .push((namespace.name().clone(), local.len()));
            }
            if let Some((sessions, bytes)) = local.memory().map(|memory| memory.size()) {
                metrics.recovery_sessions += sessions;
                metrics.recovery_bytes += bytes;
            }
        }
        metrics.sockets.sort();
    }
}
