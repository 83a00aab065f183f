//! What the manager asks for and tells, against what the application expects.

use std::time::Duration;

use songi_socketio::Arguments;
use songi_socketio::manager::{
    Backoff, DisconnectReason, LinkId, Output, Socket, SocketId, Unanswered, Waited,
};

use crate::honest::{Simulation, control};
use crate::model::{Namespace, Token};
use crate::network::{Arrival, Packet};
use crate::server::number;

impl Simulation<'_, '_> {
    /// Does what the manager asks for.
    pub(crate) fn pull(&mut self) {
        while let Some(output) = self.manager.poll_output() {
            self.perform(output);
        }
        for namespace in &self.model.namespaces {
            let flushed = namespace.joined.is_none() || namespace.kept.is_empty();
            assert!(flushed, "what was kept is sent as soon as it can be");
            if let (true, Some(link), Some(&first)) = (
                self.always_sent,
                namespace.joined,
                namespace.retries.front(),
            ) {
                let on = self.model.tokens[first].on;
                assert_eq!(on, Some(link), "the first is sent at once on each link");
            }
        }
        if self.manager.sockets() == 0 {
            self.model.attempts = 0;
        }
        let config = &self.plan.config;
        let most = 2 * config.max_waiting_events + config.max_early_events;
        assert!(self.manager.waiting() <= most * self.manager.sockets());
    }

    fn perform(&mut self, output: Output<Packet, Token>) {
        let now = self.network.now;
        match output {
            Output::Open { link } => self.open(link),
            Output::Close { link } => {
                assert_eq!(self.model.link, Some(link));
                self.model.lost(now);
                let delay = self.delay();
                let end = Arrival::ServerHearsOfTheEnd(link);
                self.network.carry_to_server(link, delay, end);
                let delay = self.delay();
                let end = Arrival::ClientHearsOfTheEnd(link, DisconnectReason::TransportClose);
                self.network.after(delay, end);
            }
            Output::Control(text) => {
                let not_sent = std::mem::take(&mut self.plan.not_sent);
                self.send_to_server(&control(text)).expect("no limit");
                self.plan.not_sent = not_sent;
            }
            Output::Send { packet, waited } => self.send_waiting(&packet, waited),
            Output::Authenticate { socket, link } => {
                assert_eq!(self.model.link, Some(link));
                let delay = self.choices.millis(200);
                self.network
                    .after(delay, Arrival::Authenticated(socket, link));
            }
            Output::Joined {
                socket,
                link,
                sid,
                recovered,
            } => {
                assert_eq!(self.model.link, Some(link));
                let namespace = named(&mut self.model.namespaces, socket);
                assert!(namespace.joined.is_none());
                self.seen.joined += 1;
                if recovered {
                    assert_eq!(namespace.sid.as_ref(), Some(&sid), "the same socket");
                    self.seen.recovered += 1;
                } else {
                    self.seen.not_recovered += u64::from(namespace.sid.is_some());
                    namespace.received = 0;
                }
                namespace.sid = Some(sid);
                namespace.joined = Some(link);
            }
            Output::Event {
                socket,
                id,
                name,
                args,
            } => self.received(socket, id, &name, &args),
            Output::Answered { reply, args } => {
                let waiting = &mut self.model.tokens[reply];
                assert_eq!(number(&args), waiting.number, "the answer to another event");
                self.seen.answered += 1;
                self.through(reply);
            }
            Output::Unanswered { reply, why } => {
                let waiting = &self.model.tokens[reply];
                if waiting.repeated {
                    let tries = self.plan.config.retries + 1;
                    let all = waiting.sent == tries || why == Unanswered::Unsendable;
                    assert!(all, "{why:?} after {} of {tries} tries", waiting.sent);
                    self.seen.retries_given_up += 1;
                } else {
                    assert_ne!(why, Unanswered::Timeout);
                    let namespace = &self.model.namespaces[waiting.namespace];
                    let waits = namespace
                        .kept
                        .iter()
                        .any(|(_, waits)| *waits == Some(reply));
                    let active = self.manager.is_active(waiting.key.0);
                    assert!(!(waits && active), "its event is still to be sent");
                    self.seen.gone_before_an_answer += 1;
                }
                self.seen.never_answered += 1;
                self.through(reply);
            }
            Output::Refused { socket, .. } => {
                let namespace = named(&mut self.model.namespaces, socket);
                assert!(namespace.joined.is_none());
                self.seen.refused += 1;
            }
            Output::Left { socket, .. } => {
                let namespace = named(&mut self.model.namespaces, socket);
                assert!(namespace.joined.take().is_some());
                self.seen.left += 1;
            }
            Output::Ended {
                socket,
                rest,
                reason,
            } => self.ended(socket, rest, reason),
            Output::NotOpened { attempt, timed_out } => {
                let attempts = self.model.attempts;
                assert_eq!(attempt, (attempts > 0).then_some(attempts));
                self.model.lost(now);
                self.seen.not_opened += 1;
                self.seen.opening_timed_out += u64::from(timed_out);
            }
            Output::Reconnecting { attempt } => {
                let (waited, before) = (self.model.lost_at.take(), self.model.attempts);
                assert_eq!(attempt, before + 1, "attempts are counted");
                let waited = now - waited.expect("a connection was lost");
                assert_within(&self.plan.config.backoff, before, waited);
                self.model.attempts = attempt;
            }
            Output::Reconnected { attempts } => {
                assert_eq!(attempts, self.model.attempts);
                assert!(self.model.open && attempts > 0);
                self.model.attempts = 0;
                self.seen.reconnected += 1;
            }
            Output::GaveUp => {
                assert_eq!(self.model.attempts, self.plan.config.backoff.attempts);
                self.seen.gave_up += 1;
            }
            other => panic!("{other:?}"),
        }
    }

    fn open(&mut self, link: LinkId) {
        assert_eq!(self.model.link, None, "one link at a time");
        assert!(self.manager.sockets() > 0, "nobody wants it");
        (self.model.link, self.model.open) = (Some(link), false);
        let delay = self.delay();
        // Some servers that are not there do not even refuse.
        if self.server.up || self.choices.percent(70) {
            self.network
                .carry_to_server(link, delay, Arrival::Reaches(link));
        }
    }

    fn send_waiting(&mut self, packet: &Packet, waited: Waited) {
        let at = packet.namespace;
        let (Waited::Joined { socket, .. } | Waited::Turn { socket }) = waited else {
            panic!("{waited:?}");
        };
        assert_eq!(self.model.namespaces[at].socket, Some(socket));
        assert!(self.model.namespaces[at].joined.is_some());
        let sent = self.send_to_server(packet);
        let namespace = &mut self.model.namespaces[at];
        match waited {
            Waited::Joined { ack, .. } => {
                let (number, token) = namespace.kept.pop_front().expect("it was kept");
                assert_eq!(number, packet.number, "in order");
                let key = token.map(|token| self.model.tokens[token].key.1);
                assert_eq!(ack, key);
                if let Ok(link) = sent {
                    self.model.sent.push((link, at, number));
                }
            }
            Waited::Turn { .. } => {
                let &token = namespace.retries.front().expect("it waits");
                let waiting = &mut self.model.tokens[token];
                assert_eq!(waiting.number, packet.number, "in order");
                waiting.sent += 1;
                waiting.on = self.model.link;
                self.seen.sent_again += u64::from(waiting.sent > 1);
                assert!(waiting.sent <= self.plan.config.retries + 1);
            }
            _ => unreachable!("{waited:?}"),
        }
        if let Err(why) = sent {
            self.manager.not_sent(waited, why, self.network.now);
        }
    }

    fn received(&mut self, socket: SocketId, id: Option<u64>, name: &str, args: &Arguments) {
        let number = number(args);
        let at = self.at(socket);
        let namespace = &mut self.model.namespaces[at];
        let link = namespace.joined.expect("no event before it is joined");
        let last = namespace.last.replace(number);
        assert!(last < Some(number), "{number} after {last:?}");
        if name == "news" {
            let sid = namespace.sid.as_ref().expect("it was joined");
            let log = &self.server.logs[sid];
            if log.get(namespace.received) == Some(&number) {
                namespace.received += 1;
            } else {
                let is_of_now = log.contains(&number);
                let stale = namespace.left_on == Some(link) && !is_of_now;
                assert!(stale, "{number} after a gap in {log:?}");
            }
        }
        if let (Some(id), false) = (id, self.choices.percent(self.plan.unanswered)) {
            let answer = Arrival::ClientAnswers(socket, link, at, id, number);
            let delay = self.choices.millis(2000);
            self.network.after(delay, answer);
        }
    }

    /// Who waits for an ack is told, once.
    fn through(&mut self, token: Token) {
        let waiting = &mut self.model.tokens[token];
        assert!(!waiting.done, "{token} is told twice");
        waiting.done = true;
        if waiting.repeated {
            let queue = &mut self.model.namespaces[waiting.namespace].retries;
            assert_eq!(queue.pop_front(), Some(token), "in order");
        }
    }

    fn ended(
        &mut self,
        socket: SocketId,
        rest: Box<Socket<Packet, Token>>,
        reason: DisconnectReason,
    ) {
        let at = self.at(socket);
        let link = self.model.link;
        let namespace = &mut self.model.namespaces[at];
        assert!(namespace.joined.is_none(), "it has left first");
        namespace.socket = None;
        namespace.rest = Some(rest);
        namespace.ended = Some(reason);
        namespace.left_on = link;
        namespace.kept.retain(|(_, token)| token.is_none());
        self.seen.kept_after_the_end += namespace.kept.len() as u64;
        let by_server = reason == DisconnectReason::ServerDisconnect;
        if by_server || reason == DisconnectReason::ClientDisconnect {
            // It is not to be recovered.
            namespace.sid = None;
        }
        self.seen.ended_by_the_server += u64::from(by_server);
        for waiting in &self.model.tokens {
            let told = waiting.done || waiting.repeated || waiting.namespace != at;
            assert!(told, "who waits for an ack is told first");
        }
    }

    fn at(&self, socket: SocketId) -> usize {
        let mut namespaces = self.model.namespaces.iter();
        let found = namespaces.position(|namespace| namespace.socket == Some(socket));
        found.expect("an active socket")
    }
}

fn named(namespaces: &mut [Namespace], socket: SocketId) -> &mut Namespace {
    let mut namespaces = namespaces.iter_mut();
    let found = namespaces.find(|namespace| namespace.socket == Some(socket));
    found.expect("an active socket")
}

/// The wait after so many attempts is as long as the settings say.
fn assert_within(backoff: &Backoff, attempts: u32, waited: Duration) {
    let max = backoff.max.as_secs_f64();
    let base = backoff.min.as_secs_f64() * 2_f64.powi(attempts.min(60) as i32);
    let least = (base * (1.0 - backoff.jitter)).min(max);
    let most = (base * (1.0 + backoff.jitter)).min(max);
    let waited = waited.as_secs_f64();
    assert!(
        (least - 1e-6..=most + 1e-6).contains(&waited),
        "{waited} s after {attempts} attempts, of {least} to {most}"
    );
}
