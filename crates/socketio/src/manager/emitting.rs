//! What the application sends, and the acks that it waits for.

use core::time::Duration;

#[cfg(doc)]
use super::Config;
use super::{EmitError, LinkId, Manager, NotSent, Output, SocketId, Unanswered, Waited};

impl<P: Clone, A> Manager<P, A> {
    /// Takes an event, with the ack that [`expect`](Self::expect) gave it, of so many bytes. Gives
    /// it back if it is to be sent now, and keeps it if its namespace is still to be joined. A
    /// volatile one is not kept. What waits and asks for no ack outlasts the socket's end, and is
    /// sent when it is joined again.
    ///
    /// # Errors
    /// The socket has ended, or keeps too many events.
    pub fn emit(
        &mut self,
        socket: SocketId,
        packet: P,
        bytes: usize,
        volatile: bool,
        ack: Option<u64>,
    ) -> Result<Option<P>, EmitError> {
        let config = self.config;
        let socket = self.socket(socket).ok_or(EmitError::Disconnected)?;
        if socket.is_joined() {
            return Ok(Some(packet));
        }
        if volatile || socket.offline.push(packet, bytes, ack, &config) {
            return Ok(None);
        }
        Err(EmitError::QueueFull)
    }

    /// Waits for an ack, and gives it an id. It ends by [`Output::Answered`],
    /// [`Output::Unanswered`] or [`forget`](Self::forget).
    ///
    /// # Errors
    /// The socket has ended, or waits for too many acks.
    pub fn expect(&mut self, socket: SocketId, reply: A) -> Result<u64, EmitError> {
        let socket = self.socket(socket).ok_or(EmitError::Disconnected)?;
        Ok(socket.acks.insert(reply, None)?)
    }

    /// Nobody waits for an ack any more. As in JavaScript, its event is not sent if it waits for
    /// its namespace. Gives who waited.
    pub fn forget(&mut self, socket: SocketId, ack: u64) -> Option<A> {
        let socket = self.socket(socket)?;
        let reply = socket.acks.take(ack)?;
        socket.offline.forget(ack);
        Some(reply)
    }

    /// An id for [`emit_until_answered`](Self::emit_until_answered), which no other ack gets.
    ///
    /// # Errors
    /// The socket has ended.
    pub fn reserve(&mut self, socket: SocketId) -> Result<u64, EmitError> {
        let socket = self.socket(socket).ok_or(EmitError::Disconnected)?;
        Ok(socket.acks.reserve())
    }

    /// Puts an event of so many bytes, that asks for the ack `id`, behind the others of its socket
    /// that are sent until they are acknowledged: one at a time and in order, each again after
    /// [`Config::ack_timeout`] or when the namespace was left, [`Config::retries`] times at most.
    /// So the server may see one more than once, with the same id. Those that wait outlast the
    /// socket's end, and go on when it is joined again.
    ///
    /// # Errors
    /// The socket has ended, or keeps too many events.
    pub fn emit_until_answered(
        &mut self,
        socket: SocketId,
        packet: P,
        bytes: usize,
        id: u64,
        reply: A,
        now: Duration,
    ) -> Result<(), EmitError> {
        let config = self.config;
        let queue = self.socket(socket).ok_or(EmitError::Disconnected)?;
        if !queue.retries.push(packet, bytes, id, reply, &config) {
            return Err(EmitError::QueueFull);
        }
        self.retry(socket, now);
        Ok(())
    }

    /// A packet of [`Output::Send`] was not taken by the link. To be called before the next output
    /// is asked for.
    pub fn not_sent(&mut self, waited: Waited, why: NotSent, now: Duration) {
        let config = self.config;
        let (Waited::Joined { socket: id, .. } | Waited::Turn { socket: id }) = waited;
        let Some(socket) = self.socket(id) else {
            return;
        };
        match (waited, why) {
            (Waited::Joined { ack, .. }, why) => {
                let reply = ack.and_then(|ack| socket.acks.take(ack));
                let why = match why {
                    NotSent::Full => Unanswered::Full,
                    NotSent::Unsendable => Unanswered::Unsendable,
                };
                self.unanswered(reply, why);
            }
            (Waited::Turn { .. }, NotSent::Full) => {
                let failed = socket.retries.found_no_room(now, &config);
                self.gave_up_one(failed);
            }
            (Waited::Turn { .. }, NotSent::Unsendable) => {
                let failed = socket.retries.unsendable();
                self.gave_up_one(failed);
            }
        }
        self.retry(id, now);
    }

    /// Whether the answer to an event that came on a link still goes to who asked: the socket is
    /// in its namespace, and on the same link. On another one, the same ack id is somebody else's.
    pub fn can_answer(&self, socket: SocketId, link: LinkId) -> bool {
        self.link.as_ref().is_some_and(|open| open.id == link)
            && self
                .active(socket)
                .is_some_and(|active| active.socket.is_joined())
    }

    /// Sends the next event that is sent until it is acknowledged, if it is its turn.
    pub(super) fn retry(&mut self, id: SocketId, now: Duration) {
        let config = self.config;
        let Some(socket) = self.socket(id).filter(|socket| socket.is_joined()) else {
            return;
        };
        if let Some(packet) = socket.retries.next(now, &config) {
            let waited = Waited::Turn { socket: id };
            self.outputs.push_back(Output::Send { packet, waited });
        }
    }
}
