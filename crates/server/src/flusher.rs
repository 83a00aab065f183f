//! Writes what broadcasts have queued.
//!
//! To wake the task of each receiver costs more than the write that it would do. So a broadcast
//! leaves its receivers here, and one task writes for all of them; there are as many such tasks as
//! the runtime has threads. What is sent before they begin, by one broadcast or several, leaves in
//! one write for each receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{iter, mem};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Receivers that are written to before other tasks have their turn: a fraction of a millisecond.
const AT_ONCE: usize = 64;

/// Something that has a queue to be written.
pub(crate) trait Flush: Send + Sync + 'static {
    /// Writes what can be written without waiting.
    fn flush(&self);
}

/// The receivers that are to be written to.
pub(crate) struct Flusher<T> {
    shares: Box<[Share<T>]>,
    next: AtomicUsize,
}

/// What one task writes.
struct Share<T> {
    receivers: Mutex<Vec<Arc<T>>>,
    added: Notify,
}

impl<T: Flush> Flusher<T> {
    /// For so many tasks, each of which is to call [`run`](Self::run).
    pub(crate) fn new(tasks: usize) -> Self {
        let share = || Share {
            receivers: Mutex::new(Vec::new()),
            added: Notify::new(),
        };
        Self {
            shares: iter::repeat_with(share).take(tasks.max(1)).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Leaves receivers to be written to. Many are shared out among the tasks.
    pub(crate) fn add(&self, mut receivers: Vec<Arc<T>>) {
        let share = receivers.len().div_ceil(self.shares.len()).max(AT_ONCE);
        while !receivers.is_empty() {
            let rest = receivers.split_off(share.min(receivers.len()));
            self.add_share(mem::replace(&mut receivers, rest));
        }
    }

    fn add_share(&self, mut receivers: Vec<Arc<T>>) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(share) = self.shares.get(turn % self.shares.len()) else {
            return;
        };
        share.receivers.lock().append(&mut receivers);
        share.added.notify_one();
    }

    /// Writes for the task of this number, for ever.
    pub(crate) async fn run(&self, task: usize) {
        let Some(share) = self.shares.get(task) else {
            return;
        };
        loop {
            let receivers = mem::take(&mut *share.receivers.lock());
            if receivers.is_empty() {
                share.added.notified().await;
                continue;
            }
            for receivers in receivers.chunks(AT_ONCE) {
                for receiver in receivers {
                    receiver.flush();
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Receiver(AtomicUsize);

    impl Flush for Receiver {
        fn flush(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn each_receiver_is_flushed_once_whichever_task_does_it() {
        let flusher = Arc::new(Flusher::new(3));
        let tasks = [0, 1, 2].map(|task| {
            let flusher = flusher.clone();
            tokio::spawn(async move { flusher.run(task).await })
        });
        let receivers: Vec<_> = iter::repeat_with(|| Arc::new(Receiver::default()))
            .take(10 * AT_ONCE + 1)
            .collect();
        flusher.add(receivers.clone());
        flusher.add(vec![receivers[0].clone()]);
        flusher.add(Vec::new());
        let flushed = |receiver: &Arc<Receiver>| receiver.0.load(Ordering::Relaxed);
        while receivers.iter().any(|receiver| flushed(receiver) == 0) || flushed(&receivers[0]) < 2
        {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            receivers.iter().map(flushed).sum::<usize>(),
            receivers.len() + 1
        );
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
