use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::*;
use crate::RawJson;
use crate::client::Error;

mod acks;
mod links;
mod namespaces;
mod recovery;
mod waiting;

const SECOND: Duration = Duration::from_secs(1);
/// In the middle of the random numbers: the waits are what they are without any.
const MIDDLE: u32 = u32::MAX / 2;

/// A manager and what it asked for, put into words.
#[expect(clippy::vec_box, reason = "they come and go as boxes")]
struct Bench {
    manager: Manager<&'static str, char>,
    now: Duration,
    link: Option<LinkId>,
    names: Vec<(SocketId, String)>,
    rests: Vec<Box<Socket<&'static str, char>>>,
}

fn middle() -> u32 {
    MIDDLE
}

impl Bench {
    fn new(config: Config) -> Self {
        Self {
            manager: Manager::new(config, Parser::Json),
            now: Duration::ZERO,
            link: None,
            names: Vec::new(),
            rests: Vec::new(),
        }
    }

    fn join(&mut self, namespace: &'static str) -> SocketId {
        let socket = Socket::new(namespace.into(), self.manager.config());
        self.rests.push(Box::new(socket));
        self.rejoin()
    }

    /// Joins the socket that ended last.
    fn rejoin(&mut self) -> SocketId {
        let rest = self.rests.pop().unwrap();
        let name = rest.namespace().as_str().into();
        let socket = self.manager.join(rest, self.now).unwrap();
        self.names.push((socket, name));
        socket
    }

    /// A socket that is in its namespace, on a link that was opened for it.
    fn joined(&mut self, namespace: &'static str) -> SocketId {
        let socket = self.join(namespace);
        self.pull();
        self.open();
        self.receive(&connected(namespace, "s", None));
        assert_eq!(self.pull(), [format!("joined {namespace} s")]);
        socket
    }

    /// Opens the link and asks for all namespaces.
    fn open(&mut self) -> Vec<String> {
        self.manager.opened(self.link.unwrap());
        self.pull()
    }

    fn receive(&mut self, text: &str) {
        self.try_receive(text).unwrap();
    }

    fn try_receive(&mut self, text: &str) -> Result<(), Error> {
        let (link, text) = (self.link.unwrap(), FastStr::new(text));
        self.manager.receive_text(link, text, self.now, middle)
    }

    fn lose(&mut self) -> Vec<String> {
        let reason = DisconnectReason::TransportClose;
        let link = self.link.unwrap();
        self.manager.closed(link, reason, self.now, middle);
        self.pull()
    }

    /// Waits for the next deadline.
    fn wait(&mut self) -> Vec<String> {
        self.now = self.manager.poll_timeout().unwrap();
        self.manager.handle_timeout(self.now, middle).unwrap();
        self.pull()
    }

    /// All outputs. Payloads are given at once.
    fn pull(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.manager.poll_output() {
            all.push(match output {
                Output::Open { link } => {
                    self.link = Some(link);
                    "open".into()
                }
                Output::Close { .. } => "close".into(),
                Output::Control(packet) => String::from_utf8_lossy(&packet).into_owned(),
                Output::Send { packet, .. } => format!("send {packet}"),
                Output::Authenticate { socket, link } => {
                    self.manager.authenticate(socket, link, RawJson::of(&()));
                    continue;
                }
                Output::Joined {
                    socket,
                    sid,
                    recovered,
                    ..
                } => {
                    let recovered = if recovered { " recovered" } else { "" };
                    format!("joined {} {sid}{recovered}", self.name(socket))
                }
                Output::Event {
                    socket, id, name, ..
                } => {
                    let id = id.map_or(String::new(), |id| format!(" {id}"));
                    format!("event {} {name}{id}", self.name(socket))
                }
                Output::Answered { reply, .. } => format!("answered {reply}"),
                Output::Unanswered { reply, why } => format!("unanswered {reply} {why:?}"),
                Output::Refused { why, .. } => format!("refused {why}"),
                Output::Left { reason, .. } => format!("left: {reason}"),
                Output::Ended { rest, reason, .. } => {
                    let ended = format!("ended {}: {reason}", rest.namespace());
                    self.rests.push(rest);
                    ended
                }
                Output::NotOpened { attempt, timed_out } => {
                    let why = if timed_out { " in time" } else { "" };
                    format!("not opened{why}, attempt {}", attempt.unwrap_or(0))
                }
                Output::Reconnecting { attempt } => format!("reconnecting {attempt}"),
                Output::Reconnected { attempts } => format!("reconnected after {attempts}"),
                Output::GaveUp => "gave up".into(),
            });
        }
        all
    }

    fn name(&self, socket: SocketId) -> &str {
        let known = self.names.iter().find(|(id, _)| *id == socket);
        &known.unwrap().1
    }
}

/// The server's answer to a `CONNECT`.
fn connected(namespace: &str, sid: &str, pid: Option<&str>) -> String {
    let name = if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    };
    match pid {
        Some(pid) => format!(r#"0{name}{{"sid":"{sid}","pid":"{pid}"}}"#),
        None => format!(r#"0{name}{{"sid":"{sid}"}}"#),
    }
}
