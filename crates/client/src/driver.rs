//! The task of a connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use songi_socketio::EncodeError;
use songi_socketio::handler::Contained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::auth::State;
use crate::manager::{Manager, Stay};
use crate::socket::SocketInner;
use crate::wires::{Wires, Woken};

/// Drives a connection for as long as somebody wants it. The sockets are told when the future is
/// dropped before, even if it was never polled.
pub(crate) fn drive(manager: Arc<Manager>) -> impl Future<Output = ()> + Send {
    let mut driver = Driver {
        wires: Wires::new(manager.settings().clone()),
        manager: Ending {
            manager,
            finished: false,
        },
        deadline: None,
        over: 0,
    };
    poll_fn(move |cx| driver.poll(cx))
}

struct Driver {
    manager: Ending,
    wires: Wires,
    deadline: Option<Pin<Box<Sleep>>>,
    /// How many sessions are over, as it was told last.
    over: u64,
}

/// Tells the sockets when the task ends, even if it is dropped with its runtime.
struct Ending {
    manager: Arc<Manager>,
    /// It has come to its end: there may be another task already.
    finished: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.finished {
            self.manager.abandon();
        }
    }
}

impl Driver {
    /// Connects, carries frames both ways and calls handlers.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let manager = &self.manager.manager;
            let turn = manager.turn(cx.waker(), self.wires.room());
            for (stay, socket) in turn.joins {
                authenticate(manager, stay, &socket);
            }
            self.wires.attach(turn.session);
            let busy = !turn.commands.is_empty() || !turn.work.is_empty();
            for command in turn.commands {
                self.wires.perform(command);
            }
            if turn.ended {
                self.wires.detach();
            }
            for socket in turn.work {
                socket.work();
            }
            if busy || turn.ended {
                // Handlers have something to be written, most likely.
                continue;
            }
            let manager = &self.manager.manager;
            if self.wires.poll_closing(cx).is_ready() {
                if self.over != turn.over {
                    self.over = turn.over;
                    manager.sessions_over(turn.over);
                }
                if turn.idle && manager.finish() {
                    self.manager.finished = true;
                    return Poll::Ready(());
                }
            }
            if poll_deadline(&mut self.deadline, turn.deadline, cx).is_ready() {
                manager.handle_timeout();
                continue;
            }
            match self.wires.poll(&mut manager.session(turn.session), cx) {
                Woken::Input => continue,
                Woken::Not => {}
            }
            // Room that was made just now wakes nobody.
            if turn.congested && self.wires.room() > 0 {
                continue;
            }
            return Poll::Pending;
        }
    }
}

/// Asks for a socket's namespace, as soon as its auth payload is there.
fn authenticate(manager: &Arc<Manager>, stay: Stay, socket: &SocketInner) {
    match socket.payload() {
        Ok(State::Now(auth)) => manager.authenticate(stay, auth),
        Ok(State::Later(auth)) => {
            let manager = manager.clone();
            manager.runtime().clone().spawn(async move {
                let auth = Contained::new(auth).await;
                let auth =
                    auth.unwrap_or_else(|panic| Err(EncodeError::Serialize(panic.to_string())));
                manager.authenticate(stay, auth);
            });
        }
        Err(panic) => manager.authenticate(stay, Err(panic)),
    }
}

/// Ready when the deadline has come.
pub(crate) fn poll_deadline(
    sleep: &mut Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(deadline) = deadline else {
        *sleep = None;
        return Poll::Pending;
    };
    let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
    if sleep.deadline() != deadline {
        sleep.as_mut().reset(deadline);
    }
    sleep.as_mut().poll(cx)
}
