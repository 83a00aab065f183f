//! The server: its connections, its recovery stores, and what it got.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use songi_socketio::manager::LinkId;
use songi_socketio::recovery::{self, Audience, Request, Restored, Store};
use songi_socketio::server::{Config, Connection, Incoming};
use songi_socketio::{AckRegistry, Arguments, EncodeError, FastStr, Parser, RawJson};

use crate::choices::Choices;
use crate::network::{Arrival, Message, Network, Packet};
use crate::plan::Plan;
use crate::seen::Seen;

pub(crate) const NAMESPACES: [&str; 3] = ["/", "/a", "/b"];

pub(crate) struct Server {
    pub(crate) up: bool,
    runs: u64,
    recovery: Option<recovery::Config>,
    stores: Vec<Store<Packet, ()>>,
    connections: BTreeMap<LinkId, Client>,
    /// By `sid`: the numbers of the events that were for it and can be recovered.
    pub(crate) logs: HashMap<FastStr, Vec<usize>>,
    /// Those that are there, or may come back.
    sessions: Vec<Session>,
    ids: u64,
    numbers: usize,
    pub(crate) asked: Asked,
    pub(crate) got: Vec<Got>,
    /// Stays that this side has ended: what was under way to them is dropped.
    pub(crate) cut: BTreeSet<(LinkId, usize)>,
}

/// What the server emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What can be recovered, where that is on.
    News,
    /// What asks for an ack.
    Question,
    Volatile,
}

struct Client {
    connection: Connection,
    stays: BTreeMap<usize, Stay>,
}

struct Stay {
    sid: FastStr,
    pid: Option<FastStr>,
    acks: AckRegistry<usize>,
}

struct Session {
    namespace: usize,
    sid: FastStr,
    pid: Option<FastStr>,
}

/// Questions that have neither an answer nor a reason why not, by `sid` and number.
#[derive(Debug, Default)]
pub(crate) struct Asked(pub(crate) BTreeSet<(FastStr, usize)>);

impl Asked {
    fn through(&mut self, sid: &FastStr, number: usize) {
        let first = self.0.remove(&(sid.clone(), number));
        assert!(first, "the question {number} is through twice");
    }
}

/// What came to a namespace.
#[derive(Debug, Default)]
pub(crate) struct Got {
    plain: Option<usize>,
    repeated: Option<usize>,
    pub(crate) numbers: BTreeSet<usize>,
}

impl Server {
    pub(crate) fn new(plan: &Plan) -> Self {
        let recovery = plan.recovery.map(|max_disconnection| recovery::Config {
            max_disconnection,
            max_packets: plan.max_packets,
            ..recovery::Config::default()
        });
        let mut server = Self {
            up: true,
            runs: 0,
            recovery,
            stores: Vec::new(),
            connections: BTreeMap::new(),
            logs: HashMap::new(),
            sessions: Vec::new(),
            ids: 0,
            numbers: 0,
            asked: Asked::default(),
            got: NAMESPACES.map(|_| Got::default()).into(),
            cut: BTreeSet::new(),
        };
        server.start();
        server
    }

    fn start(&mut self) {
        self.runs += 1;
        let tag = format!("r{}-", self.runs);
        let config = self.recovery.unwrap_or_default();
        self.stores = NAMESPACES.map(|_| Store::new(config, &tag)).into();
    }

    /// Ends all that it knows.
    pub(crate) fn restart(&mut self) {
        for client in std::mem::take(&mut self.connections).into_values() {
            for mut stay in client.stays.into_values() {
                self.gone(&mut stay);
            }
        }
        self.sessions.clear();
        self.start();
    }

    pub(crate) fn reached(&mut self, link: LinkId, now: Duration) {
        let client = Client {
            connection: Connection::new(&Config::default(), now),
            stays: BTreeMap::new(),
        };
        self.connections.insert(link, client);
    }

    /// The client's connection is gone.
    pub(crate) fn lost(&mut self, link: LinkId, now: Duration) {
        let Some(client) = self.connections.remove(&link) else {
            return;
        };
        for (namespace, stay) in client.stays {
            self.put_aside(namespace, stay, now);
        }
    }

    fn put_aside(&mut self, namespace: usize, mut stay: Stay, now: Duration) {
        self.gone(&mut stay);
        match &stay.pid {
            Some(pid) => {
                let rooms = vec![stay.sid.clone()];
                self.stores[namespace].suspend(pid, rooms, (), 0, now);
            }
            None => self.forget(&stay.sid),
        }
    }

    /// Its questions have no answer.
    fn gone(&mut self, stay: &mut Stay) {
        for (_, number) in stay.acks.drain() {
            self.asked.through(&stay.sid, number);
        }
    }

    /// It does not come back.
    fn forget(&mut self, sid: &FastStr) {
        self.sessions.retain(|session| session.sid != *sid);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let timeouts = self.connections.values().flat_map(|client| {
            let acks = client.stays.values().map(|stay| stay.acks.next_deadline());
            acks.chain([client.connection.poll_timeout()])
        });
        timeouts.flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration, seen: &mut Seen) {
        for client in self.connections.values_mut() {
            client.connection.handle_timeout(now).expect("in time");
            for stay in client.stays.values_mut() {
                for (_, number) in stay.acks.expire(now) {
                    self.asked.through(&stay.sid, number);
                    seen.not_answered_by_the_client += 1;
                }
            }
        }
    }

    pub(crate) fn receive(
        &mut self,
        link: LinkId,
        message: Message,
        network: &mut Network,
        plan: &Plan,
        choices: &mut Choices<'_>,
        seen: &mut Seen,
    ) {
        let Some(client) = self.connections.get_mut(&link) else {
            return;
        };
        let incoming = match message {
            Message::Text(text) => client.connection.receive_text(text, network.now),
            Message::Binary(bytes) => client.connection.receive_binary(bytes, network.now),
        };
        match incoming.expect("the client keeps to the protocol") {
            None => {}
            Some(Incoming::Connect { namespace, auth }) => {
                let decision = Arrival::Decides(link, index(&namespace), auth);
                let delay = choices.millis(plan.max_delay);
                network.after(delay, decision);
            }
            Some(Incoming::Disconnect { namespace }) => {
                let namespace = index(&namespace);
                let mut stay = client.stays.remove(&namespace).expect("it was joined");
                if let Some(pid) = &stay.pid {
                    self.stores[namespace].close(pid);
                }
                self.gone(&mut stay);
                self.forget(&stay.sid);
            }
            Some(Incoming::Ack {
                namespace,
                id,
                args,
            }) => {
                let stay = client.stays.get_mut(&index(&namespace));
                let stay = stay.expect("it is joined");
                if let Some(asked) = stay.acks.take(id) {
                    assert_eq!(number(&args), asked, "another event was asked");
                    self.asked.through(&stay.sid, asked);
                    seen.answered_by_the_client += 1;
                }
            }
            Some(Incoming::Event {
                namespace,
                id,
                name,
                args,
            }) => {
                let at = index(&namespace);
                let number = number(&args);
                let got = &mut self.got[at];
                if name == "plain" {
                    assert!(got.plain < Some(number), "{number} after {:?}", got.plain);
                    got.plain = Some(number);
                } else {
                    let last = got.repeated;
                    assert!(last <= Some(number), "{number} after {last:?}");
                    seen.repeated_at_the_server += u64::from(last == Some(number));
                    got.repeated = Some(number);
                }
                got.numbers.insert(number);
                let sid = &client.stays.get(&at).expect("it is joined").sid;
                if let (Some(id), false) = (id, choices.percent(plan.unanswered)) {
                    let answer = Arrival::ServerAnswers(link, at, sid.clone(), id, number);
                    network.after(choices.millis(1500), answer);
                }
            }
        }
    }

    pub(crate) fn answer(
        &mut self,
        (link, namespace, sid): (LinkId, usize, &FastStr),
        id: u64,
        number: usize,
    ) -> Option<Packet> {
        let client = self.connections.get(&link)?;
        let stay = client.stays.get(&namespace)?;
        if stay.sid != *sid {
            return None;
        }
        let mut text = Vec::new();
        Parser::Json
            .ack(&mut text, NAMESPACES[namespace], id, &number)
            .unwrap();
        Some(Packet::new(text, Vec::new(), namespace, number))
    }

    /// Answers a `CONNECT`. Gives what is to be sent.
    pub(crate) fn decide(
        &mut self,
        link: LinkId,
        namespace: usize,
        auth: Option<&RawJson>,
        accepts: bool,
        now: Duration,
    ) -> Vec<Packet> {
        let mut out = Vec::new();
        let Some(client) = self.connections.get_mut(&link) else {
            return out;
        };
        let mut text = Vec::new();
        let name = NAMESPACES[namespace];
        if !accepts {
            let data = Some(&7);
            let rejected = client.connection.reject(name, "no", data, &mut text);
            rejected.expect("it was asked for");
            return vec![Packet::new(text, Vec::new(), namespace, 0)];
        }
        let mut stay = None;
        let request = auth.and_then(Request::from_auth);
        if let (Some(request), Some(_)) = (request, self.recovery) {
            if let Restored::Live { sid } = self.stores[namespace].restore(&request, now) {
                self.take_over(namespace, &sid, now);
            }
            let restored = self.stores[namespace].restore(&request, now);
            if let Restored::Recovered { sid, missed, .. } = restored {
                out.extend(missed);
                let pid = Some(request.pid);
                stay = Some((sid, pid));
            }
        }
        let (sid, pid) = stay.unwrap_or_else(|| self.begin(namespace));
        let client = self.connections.get_mut(&link).expect("it is there");
        let accepted = client
            .connection
            .accept(name, &sid, pid.as_deref(), &mut text);
        accepted.expect("it was asked for");
        let acks = AckRegistry::default();
        client.stays.insert(namespace, Stay { sid, pid, acks });
        out.push(Packet::new(text, Vec::new(), namespace, 0));
        out
    }

    fn begin(&mut self, namespace: usize) -> (FastStr, Option<FastStr>) {
        self.ids += 1;
        let sid = FastStr::new(format!("s{}", self.ids));
        let pid = self
            .recovery
            .map(|_| FastStr::new(format!("p{}", self.ids)));
        if let Some(pid) = &pid {
            self.stores[namespace].open(pid.clone(), sid.clone());
        }
        self.logs.insert(sid.clone(), Vec::new());
        self.sessions.push(Session {
            namespace,
            sid: sid.clone(),
            pid: pid.clone(),
        });
        (sid, pid)
    }

    /// The client comes back before its old connection is known to be dead.
    fn take_over(&mut self, namespace: usize, sid: &FastStr, now: Duration) {
        for client in self.connections.values_mut() {
            let old = client.stays.get(&namespace).map(|stay| &stay.sid);
            if old == Some(sid)
                && let Some(stay) = client.stays.remove(&namespace)
            {
                return self.put_aside(namespace, stay, now);
            }
        }
    }

    /// Sends an event to a namespace. Gives it for each link.
    pub(crate) fn emit(
        &mut self,
        namespace: usize,
        kind: Kind,
        now: Duration,
        choices: &mut Choices<'_>,
    ) -> Vec<(LinkId, Packet)> {
        let number = self.numbers;
        self.numbers += 1;
        let name = NAMESPACES[namespace];
        let blob = choices.percent(10).then(|| Bytes::from_static(b"blob"));
        if kind == Kind::Volatile {
            let packet = event(namespace, None, "volatile", number, blob);
            return self.to_all(namespace, &packet);
        }
        if kind == Kind::Question {
            let mut out = Vec::new();
            let deadline = Some(now + Duration::from_secs(2));
            for (&link, client) in &mut self.connections {
                if let Some(stay) = client.stays.get_mut(&namespace)
                    && let Ok(id) = stay.acks.insert(number, deadline)
                {
                    self.asked.0.insert((stay.sid.clone(), number));
                    let packet = event(namespace, Some(id), "ask", number, blob.clone());
                    out.push((link, packet));
                }
            }
            return out;
        }
        let store = &mut self.stores[namespace];
        let _expired = store.expire(now).count();
        let packet = if self.recovery.is_some() {
            let recorded = store.record(Audience::default(), now, |offset| {
                let mut text = Vec::new();
                let args = (number, blob);
                let attachments =
                    Parser::Json.recoverable_event(&mut text, name, "news", &args, offset)?;
                let packet = Packet::new(text, attachments, namespace, number);
                let bytes = packet.bytes();
                Ok::<_, EncodeError>((packet, bytes))
            });
            recorded.unwrap()
        } else {
            event(namespace, None, "news", number, blob)
        };
        self.sessions.retain(|session| match &session.pid {
            Some(pid) => self.stores[session.namespace].is_known(pid),
            None => true,
        });
        for session in &self.sessions {
            if session.namespace == namespace {
                let log = self.logs.get_mut(&session.sid);
                log.expect("it has one").push(number);
            }
        }
        self.to_all(namespace, &packet)
    }

    fn to_all(&self, namespace: usize, packet: &Packet) -> Vec<(LinkId, Packet)> {
        let clients = self.connections.iter();
        let there = clients.filter(|(_, client)| client.stays.contains_key(&namespace));
        there.map(|(&link, _)| (link, packet.clone())).collect()
    }

    /// Ends the client's stay in a namespace. Gives what is to be sent.
    pub(crate) fn disconnect(&mut self, namespace: usize) -> Option<(LinkId, Packet)> {
        let mut clients = self.connections.iter_mut();
        let (&link, client) = clients.find(|(_, it)| it.stays.contains_key(&namespace))?;
        let mut stay = client.stays.remove(&namespace)?;
        let mut text = Vec::new();
        let ended = client
            .connection
            .disconnect(NAMESPACES[namespace], &mut text);
        ended.expect("it is joined");
        if let Some(pid) = &stay.pid {
            self.stores[namespace].close(pid);
        }
        self.gone(&mut stay);
        self.forget(&stay.sid);
        self.cut.insert((link, namespace));
        Some((link, Packet::new(text, Vec::new(), namespace, 0)))
    }
}

/// An event of either side.
pub(crate) fn event(
    namespace: usize,
    id: Option<u64>,
    name: &str,
    number: usize,
    blob: Option<Bytes>,
) -> Packet {
    let mut text = Vec::new();
    let to = NAMESPACES[namespace];
    let attachments = Parser::Json.event(&mut text, to, id, name, &(number, blob));
    Packet::new(text, attachments.unwrap(), namespace, number)
}

pub(crate) fn index(namespace: &str) -> usize {
    let mut names = NAMESPACES.iter();
    names.position(|name| *name == namespace).expect("a name")
}

/// The first argument of all events and acks.
pub(crate) fn number(args: &Arguments) -> usize {
    args.reader().next().expect("a number")
}
