//! The answers to an event that many got.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use songi_emit::AckReply;
use songi_socketio::Arguments;
use tokio::sync::mpsc;

/// Where answers go. When all clones are gone, no more will come.
#[derive(Clone)]
pub struct Answers {
    replies: mpsc::UnboundedSender<Arguments>,
    shared: Arc<Shared>,
}

/// Where answers come out. Dropped, nobody waits for them any more.
pub struct Collected {
    replies: mpsc::UnboundedReceiver<Arguments>,
    shared: Arc<Shared>,
}

struct Shared {
    expected: AtomicUsize,
    at_end: Mutex<AtEnd>,
}

enum AtEnd {
    Waiting(Vec<Box<dyn FnOnce() + Send>>),
    Over,
}

impl Answers {
    /// Both ends.
    pub fn channel() -> (Self, Collected) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            expected: AtomicUsize::new(0),
            at_end: Mutex::new(AtEnd::Waiting(Vec::new())),
        });
        let answers = Self {
            replies: sender,
            shared: shared.clone(),
        };
        let collected = Collected {
            replies: receiver,
            shared,
        };
        (answers, collected)
    }

    /// So many more are asked.
    pub fn expect(&self, count: usize) {
        self.shared.expected.fetch_add(count, Ordering::Relaxed);
    }

    /// Somebody has answered.
    pub fn answer(&self, args: Arguments) {
        // Nobody may want to know any more.
        let _ = self.replies.send(args);
    }

    /// Calls `forget` when nobody waits for the answers any more, be they complete or not.
    pub fn on_end(&self, forget: impl FnOnce() + Send + 'static) {
        if let AtEnd::Waiting(forgets) = &mut *self.shared.at_end.lock() {
            forgets.push(Box::new(forget));
            return;
        }
        forget();
    }

    pub(super) fn reply(&self) -> AckReply {
        AckReply::Each(self.replies.clone())
    }
}

impl Collected {
    /// The next answer; `None` when there will be no more.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Arguments> {
        self.replies.recv().await
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arguments>> {
        self.replies.poll_recv(cx)
    }

    /// How many were asked, as far as is known.
    pub fn expected(&self) -> usize {
        self.shared.expected.load(Ordering::Relaxed)
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        let at_end = mem::replace(&mut *self.shared.at_end.lock(), AtEnd::Over);
        if let AtEnd::Waiting(forgets) = at_end {
            forgets.into_iter().for_each(|forget| forget());
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("expected", &self.expected())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[tokio::test]
    async fn the_answers_end_with_the_last_who_could_give_one() {
        let (answers, mut collected) = Answers::channel();
        answers.expect(2);
        let other = answers.clone();
        answers.answer(Arguments::of(&1).unwrap());
        drop(answers);
        assert!(collected.next().await.is_some());
        other.answer(Arguments::of(&2).unwrap());
        drop(other);
        assert!(collected.next().await.is_some());
        assert!(collected.next().await.is_none());
        assert_eq!(collected.expected(), 2);
    }

    #[test]
    fn who_waited_is_forgotten_at_the_end_or_at_once_after_it() {
        let (answers, collected) = Answers::channel();
        let forgotten = Arc::new(AtomicBool::new(false));
        let forget = || {
            let forgotten = forgotten.clone();
            move || forgotten.store(true, Ordering::Relaxed)
        };
        answers.on_end(forget());
        assert!(!forgotten.load(Ordering::Relaxed));
        drop(collected);
        assert!(forgotten.swap(false, Ordering::Relaxed));
        answers.on_end(forget());
        assert!(forgotten.load(Ordering::Relaxed));
    }
}
