//! The clock that a connection is shown.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A clock that starts when it is made, and one sleep that moves with the deadline.
#[derive(Default)]
pub(crate) struct Timer(Option<Box<State>>);

struct State {
    origin: Instant,
    sleep: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl Timer {
    /// Time since the timer was first asked.
    pub(crate) fn now(&mut self) -> Duration {
        self.state().origin.elapsed()
    }

    /// Waits until `at`, counted as [`now`](Self::now) is.
    pub(crate) fn poll(&mut self, at: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let state = self.state();
        // Far enough for a deadline that the clock cannot tell.
        let deadline = state
            .origin
            .checked_add(at)
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400 * 365));
        let (_, sleep) = match &mut state.sleep {
            Some(sleep) if sleep.0 == at => sleep,
            Some(sleep) => {
                sleep.0 = at;
                sleep.1.as_mut().reset(deadline);
                sleep
            }
            none => none.insert((at, Box::pin(sleep_until(deadline)))),
        };
        sleep.as_mut().poll(cx)
    }

    /// Waits until the deadline of before; ready if there is none.
    pub(crate) fn poll_again(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state().sleep {
            Some((_, sleep)) => sleep.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }

    fn state(&mut self) -> &mut State {
        self.0.get_or_insert_with(|| {
            Box::new(State {
                origin: Instant::now(),
                sleep: None,
            })
        })
    }
}
