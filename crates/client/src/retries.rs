//! Events that are sent again until they are acknowledged.
//!
//! As in JavaScript ("Client options: retries"): one at a time, in order, each at most so many
//! times more. Unlike there, each try has the same ack id, so that a late ack of the first try is
//! as good as one of the second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use songi_emit::{AckError, EmitError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::Arguments;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::config::Config;
use crate::socket::SocketInner;

/// The way into the queue, whose task ends with it.
#[derive(Debug)]
pub(crate) struct Retries {
    queue: mpsc::UnboundedSender<Queued>,
    count: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queued {
    packet: Outgoing,
    id: u64,
    options: SendOptions,
    bytes: usize,
    reply: oneshot::Sender<Result<Arguments, AckError>>,
}

/// What the task of a queue has.
pub(crate) struct Queue {
    queue: mpsc::UnboundedReceiver<Queued>,
    count: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Retries {
    pub(crate) fn new() -> (Self, Queue) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (count, bytes) = (Arc::default(), Arc::default());
        let queue = Queue {
            queue: receiver,
            count: Arc::clone(&count),
            bytes: Arc::clone(&bytes),
        };
        let retries = Self {
            queue: sender,
            count,
            bytes,
        };
        (retries, queue)
    }

    /// Puts an event behind the others, if it fits.
    pub(crate) fn push(
        &self,
        packet: Outgoing,
        id: u64,
        options: SendOptions,
        config: &Config,
    ) -> Result<oneshot::Receiver<Result<Arguments, AckError>>, EmitError> {
        let bytes = packet.frames().map(|frame| frame.len()).sum();
        let count = self.count.fetch_add(1, Ordering::AcqRel);
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        let fits = count == 0 || before.saturating_add(bytes) <= config.max_buffered;
        let (reply, answered) = oneshot::channel();
        let queued = Queued {
            packet,
            id,
            options,
            bytes,
            reply,
        };
        if count < config.max_offline_events && fits && self.queue.send(queued).is_ok() {
            return Ok(answered);
        }
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        Err(EmitError::OfflineQueueFull)
    }
}

impl Queue {
    /// Sends what is put in, one by one. It does not keep the socket.
    pub(crate) async fn run(
        mut self,
        socket: Weak<SocketInner>,
        mut connected: watch::Receiver<bool>,
        config: Config,
    ) {
        while let Some(queued) = self.queue.recv().await {
            let Some(result) = deliver(&socket, &mut connected, &queued, &config).await else {
                return;
            };
            self.count.fetch_sub(1, Ordering::AcqRel);
            self.bytes.fetch_sub(queued.bytes, Ordering::AcqRel);
            // Nobody may wait for it.
            let _ = queued.reply.send(result);
        }
    }
}

/// Sends one event until it is acknowledged or given up. `None` when the socket has gone.
async fn deliver(
    socket: &Weak<SocketInner>,
    connected: &mut watch::Receiver<bool>,
    queued: &Queued,
    config: &Config,
) -> Option<Result<Arguments, AckError>> {
    let mut result = Err(AckError::Disconnected);
    for _ in 0..=config.retries {
        connected.wait_for(|connected| *connected).await.ok()?;
        let (reply, answer) = oneshot::channel();
        let sent = {
            let socket = socket.upgrade()?;
            socket.try_again(queued.id, reply, &queued.packet, queued.options)
        };
        match sent {
            Ok(()) => {}
            // It would fail again.
            Err(error @ EmitError::Unsendable) => return Some(Err(error.into())),
            Err(error) => {
                result = Err(error.into());
                // Not at once: what is full needs time.
                tokio::time::sleep(config.ack_timeout).await;
                continue;
            }
        }
        result = match timeout(config.ack_timeout, answer).await {
            Ok(Ok(args)) => return Some(Ok(args)),
            Ok(Err(_)) => Err(AckError::Disconnected),
            Err(_) => Err(AckError::Timeout(config.ack_timeout)),
        };
    }
    if let Some(socket) = socket.upgrade() {
        socket.acks.lock().take(queued.id);
    }
    Some(result)
}
