//! A manager whose server, network and application do anything at any time: it keeps its limits,
//! tells everyone once, and ends when it is asked to.

use std::time::Duration;

use songi_socketio::manager::{
    Backoff, Config, DisconnectReason, LinkId, Manager, NotSent, Output, Socket, SocketId, Waited,
};
use songi_socketio::{Limits, Parser, RawJson, client};

use crate::choices::Choices;

const NAMESPACES: [&str; 4] = ["/", "/a", "/b", "no namespace, this"];
const MAX_WAITING: usize = 5;
const MAX_EARLY: usize = 5;
const MAX_ACKS: usize = 5;
/// How servers let somebody in.
const CONNECTS: [&str; 6] = [
    r#"0{"sid":"s"}"#,
    r#"0{"sid":"s","pid":"p"}"#,
    r#"0{"sid":"s","pid":"q"}"#,
    r#"0/a,{"sid":"s"}"#,
    r#"0/a,{"sid":"s","pid":"p"}"#,
    r#"0/b,{"sid":"s"}"#,
];
/// What they say.
const TEXTS: [&str; 22] = [
    "1",
    "1/a,",
    "1/b,",
    r#"2["e"]"#,
    r#"2["e",1,"offset"]"#,
    r#"2/a,["e","offset"]"#,
    r#"2/c,["e"]"#,
    r#"20["e"]"#,
    r#"2/a,0["e",2]"#,
    r#"2[1]"#,
    "30[]",
    "31[1]",
    "32[2]",
    "33[3]",
    "3/a,0[0]",
    "3/a,1[0]",
    "3/b,0[0]",
    r#"4{"message":"no"}"#,
    r#"4/a,{"message":"no","data":1}"#,
    r#"4/b,"no""#,
    r#"51-["e",{"_placeholder":true,"num":0}]"#,
    r#"61-0[{"_placeholder":true,"num":0}]"#,
];
/// What they should not say.
const NONSENSE: [&str; 9] = [
    "",
    "0",
    "0/a",
    r#"0{"sid":7}"#,
    r#"2["connect"]"#,
    "2[",
    "3[]",
    r#"4{"message":1}"#,
    "€",
];

/// What the application knows of a socket.
struct Known {
    id: SocketId,
    name: &'static str,
    joined: bool,
}

#[expect(clippy::vec_box, reason = "they come and go as boxes")]
struct Host<'a, 'b> {
    choices: &'a mut Choices<'b>,
    manager: Manager<usize, usize>,
    now: Duration,
    /// All that there were, the newest last.
    links: Vec<LinkId>,
    open: Option<LinkId>,
    closing: Option<LinkId>,
    sockets: Vec<Known>,
    past: Vec<SocketId>,
    rests: Vec<Box<Socket<usize, usize>>>,
    asked: Vec<(SocketId, LinkId)>,
    /// Whether each ack that was waited for has been told, and under which key.
    told: Vec<(bool, SocketId, u64)>,
    seen: &'a mut Seen,
}

/// What a schedule has come across.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) violations: u64,
    pub(crate) joined: u64,
    pub(crate) events: u64,
    pub(crate) answers: u64,
}

pub(crate) fn run(choices: &mut Choices<'_>, seen: &mut Seen) {
    let config = Config {
        backoff: Backoff {
            attempts: choices.pick(&[0, 2, u32::MAX]),
            enabled: choices.percent(90),
            ..Backoff::default()
        },
        retries: choices.pick(&[0, 2, u32::MAX]),
        max_namespaces: 3,
        max_waiting_events: MAX_WAITING,
        max_pending_acks: MAX_ACKS,
        max_early_events: MAX_EARLY,
        protocol: client::Config {
            limits: Limits {
                attachment_timeout: Duration::from_secs(5),
                ..Limits::default()
            },
        },
        ..Config::default()
    };
    let mut host = Host {
        choices,
        manager: Manager::new(config, Parser::Json),
        now: Duration::ZERO,
        links: Vec::new(),
        open: None,
        closing: None,
        sockets: Vec::new(),
        past: Vec::new(),
        rests: Vec::new(),
        asked: Vec::new(),
        told: Vec::new(),
        seen,
    };
    for _ in 0..host.choices.below(150) {
        // Otherwise little happens.
        if host.choices.percent(60) {
            host.cooperate();
        } else {
            host.operate();
        }
        host.check();
        if host.choices.is_over() {
            break;
        }
    }
    host.end();
}

impl Host<'_, '_> {
    /// What is needed for the next namespace to be joined.
    fn cooperate(&mut self) {
        if self.sockets.is_empty() {
            self.join();
        } else if let Some(link) = self.open.filter(|_| self.manager.is_opening()) {
            self.manager.opened(link);
        } else if let Some((socket, link)) = self.asked.pop() {
            self.manager.authenticate(socket, link, RawJson::of(&()));
        } else if let Some(link) = self.closing {
            let reason = DisconnectReason::TransportClose;
            self.manager.closed(link, reason, self.now, || 0);
            self.gone(link);
        } else if self.open.is_none() {
            self.time();
        } else if let Some(at) = self.sockets.iter().position(|known| !known.joined) {
            let name = match self.sockets[at].name {
                "/" => "",
                "/a" => "/a,",
                _ => "/b,",
            };
            let pid = self.choices.pick(&["", r#","pid":"p""#]);
            let text = format!(r#"0{name}{{"sid":"s"{pid}}}"#);
            self.receive_text(Some(text));
        } else {
            self.emit();
        }
    }

    fn check(&mut self) {
        self.pull();
        let most = 2 * MAX_WAITING + MAX_EARLY;
        assert!(self.manager.waiting() <= most * self.manager.sockets());
        assert_eq!(self.manager.sockets(), self.sockets.len());
    }

    fn operate(&mut self) {
        let now = self.now;
        let random = self.choices.any();
        match self.choices.below(24) {
            0..8 => self.receive(),
            8 | 9 => {
                if let Some(link) = self.link() {
                    self.manager.opened(link);
                }
            }
            10 => {
                if let Some(link) = self.link() {
                    self.manager.not_opened(link, now, || random);
                    self.gone(link);
                }
            }
            11 | 12 => {
                if let Some(link) = self.link() {
                    let reason = DisconnectReason::PingTimeout;
                    self.manager.closed(link, reason, now, || random);
                    self.gone(link);
                }
            }
            13 => self.join(),
            14 => {
                if let Some(socket) = self.socket() {
                    self.manager.leave(socket);
                }
            }
            15..18 => self.emit(),
            18 | 19 => {
                if let Some((socket, link)) = self.asked.pop() {
                    let auths = [r#"{"a":1}"#, "null", r#""text""#, r#"{"pid":"x"}"#];
                    let auth: serde_json::Value =
                        serde_json::from_str(self.choices.pick(&auths)).unwrap();
                    let link = if self.choices.percent(90) {
                        link
                    } else {
                        self.links[0]
                    };
                    self.manager.authenticate(socket, link, RawJson::of(&auth));
                }
            }
            20 => {
                if let (Some(socket), false) = (self.socket(), self.told.is_empty()) {
                    let waited = [
                        Waited::Turn { socket },
                        Waited::Joined {
                            socket,
                            ack: Some(self.choices.below(4) as u64),
                        },
                    ];
                    let waited = self.choices.pick(&waited);
                    let why = self.choices.pick(&[NotSent::Full, NotSent::Unsendable]);
                    self.manager.not_sent(waited, why, now);
                }
            }
            21 if self.choices.percent(5) => {
                self.manager.abandon(DisconnectReason::TransportClose);
                (self.open, self.closing) = (None, None);
            }
            _ => self.time(),
        }
    }

    fn receive(&mut self) {
        let text = match self.choices.below(40) {
            0 => String::from_utf8(self.choices.bytes(12)).ok(),
            1 => None,
            2 => Some(self.choices.pick(&NONSENSE).to_owned()),
            3..7 => Some(self.choices.pick(&CONNECTS).to_owned()),
            _ => Some(self.choices.pick(&TEXTS).to_owned()),
        };
        self.receive_text(text);
    }

    /// Without a text, bytes.
    fn receive_text(&mut self, text: Option<String>) {
        let Some(link) = self.link() else {
            return;
        };
        let (now, random) = (self.now, self.choices.any());
        let received = match text {
            Some(text) => self.manager.receive_text(link, text.into(), now, || random),
            None => {
                let data = self.choices.bytes(12).into();
                self.manager.receive_binary(link, data, now, || random)
            }
        };
        if let Err(error) = received {
            assert_ne!(error, client::Error::Closed, "it is not asked again");
            self.seen.violations += 1;
            self.pull();
            assert_ne!(self.open, Some(link), "{error}: the link is closed");
        }
    }

    fn join(&mut self) {
        let name = self.choices.pick(&NAMESPACES);
        let (name, socket) = match self.rests.pop().filter(|_| self.choices.percent(50)) {
            Some(rest) => {
                let mut names = NAMESPACES.into_iter();
                let name = names.find(|name| *name == rest.namespace().as_str());
                (name.expect("one of them"), rest)
            }
            None => {
                let socket = Socket::new(name.into(), self.manager.config());
                (name, Box::new(socket))
            }
        };
        if let Ok(id) = self.manager.join(socket, self.now) {
            let joined = false;
            self.sockets.push(Known { id, name, joined });
        }
    }

    fn emit(&mut self) {
        let Some(socket) = self.socket() else {
            return;
        };
        let (token, now) = (self.told.len(), self.now);
        match self.choices.below(4) {
            0 => {
                let _ = self.manager.emit(socket, 0, 10, false, None);
            }
            1 => {
                if let Ok(id) = self.manager.expect(socket, token) {
                    self.told.push((false, socket, id));
                    let _ = self.manager.emit(socket, 0, 10, false, Some(id));
                }
            }
            2 => {
                if let Ok(id) = self.manager.reserve(socket)
                    && self
                        .manager
                        .emit_until_answered(socket, 0, 10, id, token, now)
                        .is_ok()
                {
                    self.told.push((false, socket, u64::MAX));
                }
            }
            _ => {
                if self.told.is_empty() {
                    return;
                }
                let token = self.choices.below(self.told.len());
                let (told, socket, id) = self.told[token];
                match self.manager.forget(socket, id) {
                    Some(forgotten) => self.tell(forgotten),
                    None => assert!(told || id == u64::MAX, "it waits"),
                }
            }
        }
    }

    fn time(&mut self) {
        let random = self.choices.any();
        if self.choices.percent(50) {
            self.now = self.now.saturating_add(self.choices.millis(20_000));
        } else if let Some(at) = self.manager.poll_timeout() {
            self.now = self.now.max(at);
        }
        if self.manager.handle_timeout(self.now, || random).is_err() {
            self.seen.violations += 1;
        }
        self.pull();
        let next = self.manager.poll_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timeout is handled"
        );
    }

    fn pull(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.manager.poll_output() {
            outputs += 1;
            assert!(outputs < 200, "an input has so many outputs at most");
            self.perform(output);
        }
        for known in &self.sockets {
            assert!(self.manager.is_active(known.id));
        }
    }

    fn perform(&mut self, output: Output<usize, usize>) {
        match output {
            Output::Open { link } => {
                assert_eq!((self.open, self.closing), (None, None), "one at a time");
                self.open = Some(link);
                self.links.push(link);
            }
            Output::Close { link } => {
                assert_eq!(self.open.take(), Some(link));
                self.closing = Some(link);
            }
            Output::Control(_) => assert!(self.open.is_some() || self.closing.is_some()),
            Output::Send { waited, .. } => {
                let (Waited::Joined { socket, .. } | Waited::Turn { socket }) = waited else {
                    panic!("{waited:?}");
                };
                assert!(self.known(socket).joined, "only to a namespace is sent");
                if self.choices.percent(10) {
                    let why = self.choices.pick(&[NotSent::Full, NotSent::Unsendable]);
                    self.manager.not_sent(waited, why, self.now);
                }
            }
            Output::Authenticate { socket, link } => {
                assert_eq!(self.open, Some(link));
                self.asked.push((socket, link));
            }
            Output::Joined { socket, link, .. } => {
                assert_eq!(self.open, Some(link));
                let known = self.known(socket);
                assert!(!std::mem::replace(&mut known.joined, true));
                self.seen.joined += 1;
            }
            Output::Left { socket, .. } => {
                let known = self.known(socket);
                assert!(std::mem::replace(&mut known.joined, false));
            }
            Output::Event { socket, .. } => {
                assert!(self.known(socket).joined, "no event before it is joined");
                self.seen.events += 1;
            }
            Output::Answered { reply, .. } => {
                self.seen.answers += 1;
                self.tell(reply);
            }
            Output::Unanswered { reply, .. } => self.tell(reply),
            Output::Refused { socket, .. } => {
                self.known(socket);
            }
            Output::Ended { socket, rest, .. } => {
                assert!(!self.known(socket).joined, "it has left first");
                self.sockets.retain(|known| known.id != socket);
                self.past.push(socket);
                self.rests.push(rest);
            }
            Output::NotOpened { .. } => self.open = None,
            Output::Reconnecting { .. } | Output::Reconnected { .. } | Output::GaveUp => {}
            other => panic!("{other:?}"),
        }
    }

    /// All is left, and all are told.
    fn end(&mut self) {
        for at in (0..self.sockets.len()).rev() {
            let socket = self.sockets[at].id;
            self.manager.leave(socket);
            self.pull();
        }
        if let Some(link) = self.closing.take() {
            let reason = DisconnectReason::TransportClose;
            self.manager.closed(link, reason, self.now, || 0);
            self.pull();
        }
        assert_eq!(self.manager.sockets(), 0);
        assert_eq!(self.open, None, "the link is closed");
        assert_eq!(self.manager.poll_timeout(), None);
        for (told, _, id) in &self.told {
            // What is sent until it is acknowledged waits for the socket to be joined again.
            assert!(*told || *id == u64::MAX, "somebody waits for nothing");
        }
    }

    fn tell(&mut self, token: usize) {
        let (told, ..) = &mut self.told[token];
        assert!(!std::mem::replace(told, true), "{token} is told twice");
    }

    fn gone(&mut self, link: LinkId) {
        self.open.take_if(|open| *open == link);
        self.closing.take_if(|closing| *closing == link);
    }

    fn known(&mut self, socket: SocketId) -> &mut Known {
        let mut sockets = self.sockets.iter_mut();
        let known = sockets.find(|known| known.id == socket);
        known.expect("an active socket")
    }

    /// Mostly the newest.
    fn link(&mut self) -> Option<LinkId> {
        if self.choices.percent(90) {
            return self.links.last().copied();
        }
        (!self.links.is_empty()).then(|| self.choices.pick(&self.links))
    }

    /// Mostly an active one.
    fn socket(&mut self) -> Option<SocketId> {
        if self.choices.percent(10) {
            return self.past.last().copied();
        }
        if self.sockets.is_empty() {
            return None;
        }
        let at = self.choices.below(self.sockets.len());
        Some(self.sockets[at].id)
    }
}
