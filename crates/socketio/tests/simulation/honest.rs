//! An honest server, an honest application, and a network between them that delays everything,
//! refuses, and breaks.

use std::time::Duration;

use songi_socketio::manager::{DisconnectReason, LinkId, Manager, NotSent};
use songi_socketio::{Parser, RawJson};

use crate::choices::Choices;
use crate::model::{Model, Namespace, Token};
use crate::network::{Arrival, Message, Network, Packet};
use crate::plan::Plan;
use crate::seen::Seen;
use crate::server::{Kind, NAMESPACES, Server};

/// When the disruptions end, and what happens after.
const HEALS: Duration = Duration::from_secs(40);
const SETTLED: Duration = Duration::from_secs(80);

pub(crate) struct Simulation<'a, 'b> {
    pub(crate) plan: Plan,
    pub(crate) choices: &'a mut Choices<'b>,
    pub(crate) seen: &'a mut Seen,
    pub(crate) network: Network,
    pub(crate) manager: Manager<Packet, Token>,
    pub(crate) model: Model,
    pub(crate) server: Server,
    pub(crate) healed: bool,
    /// The link takes all packets.
    pub(crate) always_sent: bool,
    /// Acks of the last questions.
    probes: Vec<Token>,
    /// How often it was seen that all who want to be are in their namespaces.
    settled: u32,
}

/// Runs one schedule to its end.
pub(crate) fn run(choices: &mut Choices<'_>, seen: &mut Seen) {
    let plan = Plan::new(choices);
    let mut simulation = Simulation {
        manager: Manager::new(plan.config, Parser::Json),
        model: Model::new(),
        server: Server::new(&plan),
        always_sent: plan.not_sent == 0,
        plan,
        choices,
        seen,
        network: Network::default(),
        healed: false,
        probes: Vec::new(),
        settled: 0,
    };
    simulation.start();
    let mut steps = 0;
    while simulation.step() {
        steps += 1;
        assert!(steps < 100_000, "it ends");
    }
    simulation.check();
}

impl Simulation<'_, '_> {
    fn start(&mut self) {
        for _ in 0..self.plan.actions {
            for arrival in [Arrival::ClientActs, Arrival::ServerActs] {
                let time = self.choices.millis(38_000);
                self.network.at(time, arrival);
            }
        }
        for _ in 0..self.plan.disruptions {
            let time = self.choices.millis(38_000);
            self.network.at(time, Arrival::Disrupts);
        }
        self.network.at(HEALS, Arrival::Heals);
        self.network.at(HEALS + SETTLED, Arrival::Probes);
        self.network.at(HEALS + 2 * SETTLED, Arrival::Probes);
        self.network.at(HEALS + 3 * SETTLED, Arrival::Ends);
        self.join(0);
        self.pull();
    }

    /// Handles the next arrival or timeout; false when nothing is left.
    fn step(&mut self) -> bool {
        let arrival = self.network.next_time();
        let timeouts = [self.manager.poll_timeout(), self.server.poll_timeout()];
        let Some(next) = timeouts.into_iter().flatten().chain(arrival).min() else {
            return false;
        };
        // A wait of no length is over at once.
        let next = next.max(self.network.now);
        self.network.now = next;
        if arrival == Some(next)
            && let Some(arrival) = self.network.pop()
        {
            self.arrive(arrival);
        } else {
            self.server.handle_timeout(next, self.seen);
            let random = self.choices.any();
            let handled = self.manager.handle_timeout(next, || random);
            handled.expect("the server keeps to the protocol");
            let timeout = self.manager.poll_timeout();
            // The next wait may have no length.
            let over = timeout.is_none_or(|timeout| timeout > next);
            assert!(
                over || self.plan.config.backoff.min.is_zero()
                    || self.plan.config.backoff.jitter == 1.0,
                "a timeout that was handled is over"
            );
        }
        self.pull();
        true
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.network.now;
        match arrival {
            Arrival::Reaches(link) => {
                if !self.network.is_whole(link) {
                    return;
                }
                if !self.server.up {
                    let delay = self.delay();
                    return self
                        .network
                        .carry_to_client(link, delay, Arrival::NotOpened(link));
                }
                self.network.wires.entry(link).or_default().reached = true;
                self.server.reached(link, now);
                let delay = self.delay();
                self.network
                    .carry_to_client(link, delay, Arrival::Opened(link));
            }
            Arrival::Opened(link) => {
                if self.network.is_whole(link) {
                    self.model.open |= self.model.link == Some(link);
                    self.manager.opened(link);
                }
            }
            Arrival::NotOpened(link) => {
                let random = self.choices.any();
                self.manager.not_opened(link, now, || random);
            }
            Arrival::ToServer(link, message) => {
                if self.network.is_whole(link) {
                    self.server.receive(
                        link,
                        message,
                        &mut self.network,
                        &self.plan,
                        self.choices,
                        self.seen,
                    );
                }
            }
            Arrival::ToClient(link, message) => {
                if self.network.is_whole(link) {
                    self.receive(link, message);
                }
            }
            Arrival::ClientHearsOfTheEnd(link, reason) => {
                let random = self.choices.any();
                if self.model.link == Some(link) {
                    self.model.lost(now);
                }
                self.manager.closed(link, reason, now, || random);
            }
            Arrival::ServerHearsOfTheEnd(link) => self.server.lost(link, now),
            Arrival::Authenticated(socket, link) => {
                let own = self.choices.percent(50).then_some(("token", 1));
                let auth = RawJson::of(
                    &own.into_iter()
                        .collect::<std::collections::BTreeMap<_, _>>(),
                );
                self.manager.authenticate(socket, link, auth);
            }
            Arrival::Decides(link, namespace, auth) => {
                let refuses = !self.healed && self.choices.percent(self.plan.refused_namespaces);
                let packets = self
                    .server
                    .decide(link, namespace, auth.as_ref(), !refuses, now);
                let replayed = packets.len().saturating_sub(1);
                self.seen.replayed += replayed as u64;
                if replayed > 0 && !self.healed && self.choices.percent(20) {
                    // Before the client knows that it has recovered, perhaps.
                    let delay = self.delay();
                    self.network.after(delay, Arrival::Breaks(link));
                }
                for packet in packets {
                    self.send_to_client(link, &packet);
                }
            }
            Arrival::ServerAnswers(link, namespace, sid, id, number) => {
                let stay = (link, namespace, &sid);
                if let Some(packet) = self.server.answer(stay, id, number) {
                    self.send_to_client(link, &packet);
                }
            }
            Arrival::ClientAnswers(socket, link, namespace, id, number) => {
                self.answer(socket, link, namespace, id, number);
            }
            Arrival::Forgets(token) => self.forget(token),
            Arrival::ClientActs => self.act(),
            Arrival::ServerActs => self.server_acts(),
            Arrival::Disrupts => self.disrupt(),
            Arrival::Breaks(link) => {
                if self.model.link == Some(link) {
                    self.break_link();
                }
            }
            Arrival::ServerIsBack => self.server.up = true,
            Arrival::Heals => {
                self.healed = true;
                self.server.up = true;
                (self.plan.unanswered, self.plan.not_sent) = (0, 0);
            }
            Arrival::Probes => self.probe(),
            Arrival::Ends => {
                for &token in &self.probes {
                    assert!(self.model.tokens[token].done, "a well network answers");
                }
                for namespace in &self.model.namespaces {
                    if let (Some(_), Some(sid)) = (namespace.joined, &namespace.sid) {
                        let sent = self.server.logs[sid].len();
                        assert_eq!(namespace.received, sent, "all that was sent has come");
                    }
                }
                for namespace in 0..NAMESPACES.len() {
                    self.leave(namespace);
                }
            }
        }
    }

    pub(crate) fn delay(&mut self) -> Duration {
        Duration::from_millis(1) + self.choices.millis(self.plan.max_delay)
    }

    fn send_to_client(&mut self, link: LinkId, packet: &Packet) {
        let delay = self.delay();
        for message in packet.messages.iter().cloned() {
            let arrival = Arrival::ToClient(link, message);
            self.network.carry_to_client(link, delay, arrival);
        }
    }

    /// Gives a packet to the open link, or says why it does not take it.
    pub(crate) fn send_to_server(&mut self, packet: &Packet) -> Result<LinkId, NotSent> {
        let link = self.model.link.filter(|_| self.model.open);
        let link = link.expect("only on an open link");
        if self.choices.percent(self.plan.not_sent) {
            return Err(self.choices.pick(&[NotSent::Full, NotSent::Unsendable]));
        }
        let delay = self.delay();
        for message in packet.messages.iter().cloned() {
            let arrival = Arrival::ToServer(link, message);
            self.network.carry_to_server(link, delay, arrival);
        }
        self.seen.attachments += packet.messages.len() as u64 - 1;
        Ok(link)
    }

    fn server_acts(&mut self) {
        let now = self.network.now;
        let namespace = self.choices.below(NAMESPACES.len());
        match self.choices.below(100) {
            0..90 => {
                let kinds = [
                    Kind::News,
                    Kind::News,
                    Kind::News,
                    Kind::Question,
                    Kind::Volatile,
                ];
                let kind = self.choices.pick(&kinds);
                for (link, packet) in self.server.emit(namespace, kind, now, self.choices) {
                    self.send_to_client(link, &packet);
                }
            }
            90..95 => {
                if let Some((link, packet)) = self.server.disconnect(namespace) {
                    self.send_to_client(link, &packet);
                }
            }
            _ => {}
        }
    }

    fn disrupt(&mut self) {
        match self.choices.below(10) {
            0..6 => self.break_link(),
            6..8 => {
                self.seen.restarts += 1;
                self.server.restart();
                // Links that the client is closing too.
                for wire in self.network.wires.values_mut() {
                    wire.broken |= wire.reached;
                }
                self.break_link();
            }
            _ => {
                self.server.up = false;
                let time = self.choices.millis(10_000);
                self.network.after(time, Arrival::ServerIsBack);
                self.break_link();
            }
        }
    }

    /// All that is under way is lost. The two sides hear of it at different times.
    fn break_link(&mut self) {
        let Some(link) = self.model.link else {
            return;
        };
        let wire = self.network.wires.entry(link).or_default();
        wire.broken = true;
        let reached = wire.reached;
        let time = self.choices.millis(3000);
        let reason = self.choices.pick(&[
            DisconnectReason::TransportClose,
            DisconnectReason::TransportError,
            DisconnectReason::PingTimeout,
        ]);
        let end = Arrival::ClientHearsOfTheEnd(link, reason);
        self.network.after(time, end);
        if reached {
            let time = self.choices.millis(10_000);
            self.network.after(time, Arrival::ServerHearsOfTheEnd(link));
        }
    }

    /// All who want to be are in their namespaces, or have said why not.
    fn probe(&mut self) {
        self.settled += 1;
        for namespace in 0..NAMESPACES.len() {
            let Namespace {
                name,
                socket,
                joined,
                ended,
                ..
            } = &self.model.namespaces[namespace];
            match socket {
                Some(_) => assert!(joined.is_some(), "{name} is wanted and not joined"),
                None => assert!(self.settled == 1 || ended.is_some(), "{name} has no reason"),
            }
        }
        for namespace in 0..NAMESPACES.len() {
            if self.settled == 1 {
                self.join(namespace);
            } else if let Some(token) = self.ask(namespace, false, None) {
                self.probes.push(token);
                let now = self.network.now;
                for (link, packet) in self.server.emit(namespace, Kind::News, now, self.choices) {
                    self.send_to_client(link, &packet);
                }
            }
        }
    }

    fn check(&mut self) {
        assert_eq!(self.manager.sockets(), 0);
        assert_eq!(self.manager.poll_timeout(), None);
        assert_eq!(self.model.link, None, "the link is closed");
        assert!(self.server.asked.0.is_empty(), "{:?}", self.server.asked);
        for namespace in &mut self.model.namespaces {
            assert!(namespace.joined.is_none());
            // Those that were not joined again are told by this.
            let rest = namespace.rest.take();
            if rest.is_some() {
                for token in namespace.retries.drain(..) {
                    self.model.tokens[token].done = true;
                }
            }
        }
        for (token, waiting) in self.model.tokens.iter().enumerate() {
            assert!(waiting.done, "{token} has no answer: {waiting:?}");
        }
        for &(link, namespace, number) in &self.model.sent {
            let lost = !self.network.is_whole(link) || self.server.cut.contains(&(link, namespace));
            let came = self.server.got[namespace].numbers.contains(&number);
            assert!(lost || came, "{number} was lost on a link that was whole");
        }
    }
}

impl Model {
    fn new() -> Self {
        Self {
            namespaces: NAMESPACES.map(Namespace::new).into(),
            tokens: Vec::new(),
            numbers: 0,
            sent: Vec::new(),
            link: None,
            open: false,
            attempts: 0,
            lost_at: None,
        }
    }

    pub(crate) fn lost(&mut self, now: Duration) {
        (self.link, self.open) = (None, false);
        self.lost_at = Some(now);
    }
}

/// What the manager's own packets are sent as.
pub(crate) fn control(text: Vec<u8>) -> Packet {
    Packet::new(text, Vec::new(), 0, 0)
}

/// What comes to the client.
impl Simulation<'_, '_> {
    fn receive(&mut self, link: LinkId, message: Message) {
        let random = self.choices.any();
        let now = self.network.now;
        let received = match message {
            Message::Text(text) => self.manager.receive_text(link, text, now, || random),
            Message::Binary(bytes) => self.manager.receive_binary(link, bytes, now, || random),
        };
        if let Err(error) = received {
            let expected = songi_socketio::client::Error::TooManyEarlyEvents {
                events: self.plan.config.max_early_events,
                bytes: self.plan.config.max_early_bytes,
            };
            assert_eq!(error, expected, "an honest server");
            self.seen.too_many_early_events += 1;
        }
    }
}
