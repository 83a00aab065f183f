//! What the reader has for the writer.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use songi_websocket::Reply;

/// Replies that may wait. Beyond them the oldest pong, or note of one, is forgotten, for only the
/// newest ping has to be answered (RFC 6455 §5.5.3).
const REPLIES_MAX: usize = 32;

/// The place where replies wait. Its lock is held for a moment, and never while anything is read
/// or written.
#[derive(Default)]
pub(super) struct Mailbox(Mutex<State>);

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    /// The writer has nothing more to write.
    finished: bool,
    /// The writer is gone: nobody takes replies any more.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Mailbox {
    /// Leaves a reply for the writer.
    pub(super) fn put(&self, reply: Reply) {
        let mut state = self.state();
        if state.finished || state.abandoned {
            return;
        }
        if state.replies.len() >= REPLIES_MAX {
            let passing = |reply: &Reply| matches!(reply, Reply::Pong(_) | Reply::Alive(_));
            if let Some(oldest) = state.replies.iter().position(passing) {
                state.replies.remove(oldest);
            }
        }
        state.replies.push_back(reply);
        wake(state, |state| state.writer.take());
    }

    /// Takes the replies; pending, with `cx` to be woken, if there are none.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<VecDeque<Reply>> {
        let mut state = self.state();
        if state.replies.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(mem::take(&mut state.replies))
    }

    /// The writer is done.
    pub(super) fn finish(&self) {
        let mut state = self.state();
        state.finished = true;
        state.replies.clear();
        wake(state, |state| state.reader.take());
    }

    /// The writer is gone.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.replies.clear();
        wake(state, |state| state.reader.take());
    }

    /// Ready when the writer is done; for a reader that only waits for the end since the
    /// connection failed, also when it is gone.
    pub(super) fn poll_finished(&self, failed: bool, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.finished || (failed && state.abandoned) {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes a half after the lock is free.
fn wake(mut state: MutexGuard<'_, State>, take: impl FnOnce(&mut State) -> Option<Waker>) {
    let waker = take(&mut state);
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use songi_websocket::{ControlPayload, Violation};

    use super::*;

    /// C4: a flood of pings costs no memory, and the newest are answered.
    #[test]
    fn is_bounded() {
        let mailbox = Mailbox::default();
        mailbox.put(Reply::Eof);
        for number in 0..1000_u32 {
            let payload = ControlPayload::new(number.to_be_bytes().to_vec()).unwrap();
            mailbox.put(Reply::Pong(payload));
        }
        mailbox.put(Reply::Fail(Violation::Masked));
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(replies) = mailbox.poll_take(&mut cx) else {
            panic!("there are replies");
        };
        assert_eq!(replies.len(), 32);
        assert_eq!(replies.front(), Some(&Reply::Eof));
        assert_eq!(replies.back(), Some(&Reply::Fail(Violation::Masked)));
        let newest = ControlPayload::new(999_u32.to_be_bytes().to_vec()).unwrap();
        assert_eq!(replies.get(30), Some(&Reply::Pong(newest)));
        assert!(mailbox.poll_take(&mut cx).is_pending());
    }
}
