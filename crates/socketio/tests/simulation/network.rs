//! What carries messages: links that keep the order, delay, and break.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use songi_socketio::manager::{DisconnectReason, LinkId, SocketId};
use songi_socketio::{FastStr, RawJson};

use bytes::Bytes;

/// What a link carries.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Text(FastStr),
    Binary(Bytes),
}

/// A packet with its attachments.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) messages: Rc<Vec<Message>>,
    /// Which event of its namespace it is.
    pub(crate) number: usize,
    pub(crate) namespace: usize,
}

impl Packet {
    pub(crate) fn new(
        text: Vec<u8>,
        attachments: Vec<Bytes>,
        namespace: usize,
        number: usize,
    ) -> Self {
        let text = Message::Text(FastStr::from_vec_u8(text).unwrap());
        let attachments = attachments.into_iter().map(Message::Binary);
        Self {
            messages: Rc::new(std::iter::once(text).chain(attachments).collect()),
            number,
            namespace,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let len = |message: &Message| match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        self.messages.iter().map(len).sum()
    }
}

/// What happens at some time.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// The server takes the link.
    Reaches(LinkId),
    Opened(LinkId),
    NotOpened(LinkId),
    ToServer(LinkId, Message),
    ToClient(LinkId, Message),
    ClientHearsOfTheEnd(LinkId, DisconnectReason),
    ServerHearsOfTheEnd(LinkId),
    /// The application has made its authentication payload.
    Authenticated(SocketId, LinkId),
    /// The server's application has decided about a `CONNECT`.
    Decides(LinkId, usize, Option<RawJson>),
    /// It answers the event of this number, with this ack id, on a stay with this `sid`.
    ServerAnswers(LinkId, usize, FastStr, u64, usize),
    ClientAnswers(SocketId, LinkId, usize, u64, usize),
    /// Who waits for an ack does so no longer.
    Forgets(usize),
    ClientActs,
    ServerActs,
    Disrupts,
    /// The link breaks, if it is still there.
    Breaks(LinkId),
    ServerIsBack,
    /// From here on nothing is refused, lost or broken.
    Heals,
    /// All namespaces are wanted, and each side sends something.
    Probes,
    /// All namespaces are left.
    Ends,
}

/// One link.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) broken: bool,
    /// The server has it.
    pub(crate) reached: bool,
    to_server: Duration,
    to_client: Duration,
}

/// All that is under way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) now: Duration,
    arrivals: BTreeMap<(Duration, u64), Arrival>,
    sequence: u64,
    pub(crate) wires: BTreeMap<LinkId, Wire>,
}

impl Network {
    pub(crate) fn at(&mut self, time: Duration, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert((time, self.sequence), arrival);
    }

    pub(crate) fn after(&mut self, delay: Duration, arrival: Arrival) {
        self.at(self.now.saturating_add(delay), arrival);
    }

    /// Behind all that is under way to the server.
    pub(crate) fn carry_to_server(&mut self, link: LinkId, delay: Duration, arrival: Arrival) {
        let time = self.now + delay;
        let wire = self.wires.entry(link).or_default();
        wire.to_server = wire.to_server.max(time);
        let time = wire.to_server;
        self.at(time, arrival);
    }

    /// Behind all that is under way to the client.
    pub(crate) fn carry_to_client(&mut self, link: LinkId, delay: Duration, arrival: Arrival) {
        let time = self.now + delay;
        let wire = self.wires.entry(link).or_default();
        wire.to_client = wire.to_client.max(time);
        let time = wire.to_client;
        self.at(time, arrival);
    }

    pub(crate) fn is_whole(&self, link: LinkId) -> bool {
        self.wires.get(&link).is_some_and(|wire| !wire.broken)
    }

    pub(crate) fn next_time(&self) -> Option<Duration> {
        self.arrivals.keys().next().map(|key| key.0)
    }

    pub(crate) fn pop(&mut self) -> Option<Arrival> {
        self.arrivals.pop_first().map(|(_, arrival)| arrival)
    }
}
