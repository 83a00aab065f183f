//! Talking Socket.IO: events, acks both ways, namespaces.

mod perform;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use songi::client::{
    Ack, AckError, Arguments, Client, ConnectError, ConnectFailure, DisconnectReason, Event,
    Namespace, Socket,
};
use tokio::sync::mpsc;

use self::perform::explain;
use super::data::Data;
use super::failure::{Asked, Failure, status};
use super::happening::Happening;
use super::lines::Lines;
use super::output::Output;
use super::{Ending, Setup, linger};

/// What may wait to be told before the connection is held up.
const AHEAD: usize = 64;

/// Events that may wait for an answer of ours; the oldest is forgotten.
const MAX_ANSWERS: usize = 1000;

/// How long leaving may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// What the connection tells.
enum Told {
    Connected(Socket),
    Event(Socket, Event, Ack),
    Disconnected(Socket, DisconnectReason),
    NotConnected(Socket, ConnectFailure),
    Attempt(u32),
    Joined(String, Result<Option<Socket>, ConnectError>),
}

/// An ack that is waited for, and what it is for.
type Asking = Pin<Box<dyn Future<Output = (Question, Result<Arguments, AckError>)> + Send>>;

/// An event whose ack is waited for.
struct Question {
    namespace: String,
    event: String,
    tag: Value,
    asked: Instant,
}

/// Tells what happens to a namespace, whichever of `Client` and `Namespace` joins it.
macro_rules! listen {
    ($joining:expr, $told:expr) => {{
        let [connected, event, disconnected, failed, attempt] = [(); 5].map(|()| $told.clone());
        $joining
            .on_connect(move |socket: Socket| tell(&connected, Told::Connected(socket)))
            .on_fallback(move |socket: Socket, content: Event, ack: Ack| {
                tell(&event, Told::Event(socket, content, ack))
            })
            .on_disconnect(move |socket: Socket, reason: DisconnectReason| {
                tell(&disconnected, Told::Disconnected(socket, reason))
            })
            .on_connect_error(move |socket: Socket, failure: ConnectFailure| {
                tell(&failed, Told::NotConnected(socket, failure))
            })
            .on_reconnect_attempt(move |number: u32| tell(&attempt, Told::Attempt(number)))
    }};
}

fn tell(told: &mpsc::Sender<Told>, what: Told) -> impl Future<Output = ()> + Send + use<> {
    let told = told.clone();
    async move {
        // Nobody is told any more when it ends.
        let _ = told.send(what).await;
    }
}

/// A namespace that is to be joined besides, and tells what happens to it.
fn listening(namespace: Namespace, told: &mpsc::Sender<Told>) -> Namespace {
    listen!(namespace, told)
}

/// Connects, and talks until it ends.
pub(crate) async fn run(
    client: Client,
    setup: &Setup,
    output: &Output,
    lines: impl FnOnce() -> Result<Lines, Failure>,
) -> Result<(), Failure> {
    let (sender, told) = mpsc::channel(AHEAD);
    let connected = listen!(client, sender).connect().await;
    let socket = connected.map_err(|error| Failure::connect(&error, &setup.asked))?;
    let mut session = Session {
        setup,
        output,
        lines: lines()?,
        current: socket.namespace().to_string(),
        first: socket.clone(),
        sockets: BTreeMap::from([(socket.namespace().to_string(), socket)]),
        sender,
        told,
        questions: FuturesUnordered::new(),
        asked: 0,
        unanswered: false,
        answers: VecDeque::new(),
        events: 0,
        greeted: false,
        joining: BTreeSet::new(),
        ending: Ending::default(),
    };
    let result = session.talk().await;
    session.leave().await;
    result
}

struct Session<'a> {
    setup: &'a Setup,
    output: &'a Output,
    lines: Lines,
    /// The namespace that events go to.
    current: String,
    /// That of the command line, from which others are joined.
    first: Socket,
    sockets: BTreeMap<String, Socket>,
    sender: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
    /// Acks that are waited for: told in the order in which they come, as tasks would not.
    questions: FuturesUnordered<Asking>,
    /// How many there have been.
    asked: u64,
    /// Whether an ack did not come.
    unanswered: bool,
    /// Events that can be answered, by their number.
    answers: VecDeque<(u64, Ack)>,
    /// How many there have been.
    events: u64,
    /// The first namespace is there, and that has been told.
    greeted: bool,
    /// Namespaces that are being joined: what comes next may be for them.
    joining: BTreeSet<String>,
    ending: Ending,
}

impl Session<'_> {
    async fn talk(&mut self) -> Result<(), Failure> {
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        loop {
            let settled = self.questions.is_empty() && self.joining.is_empty();
            let listening = self.greeted && !self.ending.begun() && self.joining.is_empty();
            let prompt = format!("{}> ", self.current);
            tokio::select! {
                // What ends it comes before a flood of events, and what has come is told before the
                // next line is done.
                biased;
                _ = &mut interrupted => return Err(Failure::interrupted()),
                () = self.output.closed() => return Ok(()),
                () = linger(&self.ending), if settled => return self.result(),
                told = self.told.recv() => {
                    if let Some(told) = told {
                        self.heard(told)?;
                    }
                }
                Some((question, answer)) = self.questions.next() => self.answered(question, answer),
                line = self.lines.next(&prompt), if listening => match line? {
                    Some(line) => {
                        if self.line(&line)? {
                            return Ok(());
                        }
                    }
                    None if self.lines.is_interactive() => return Ok(()),
                    None => self.end(),
                },
            }
        }
    }

    /// No more lines come: it ends some time after the last thing that they asked for.
    fn end(&mut self) {
        let linger = match self.sockets.is_empty() {
            true => Some(Duration::ZERO),
            false => self.setup.linger,
        };
        self.ending.begin(linger);
    }

    fn result(&self) -> Result<(), Failure> {
        if self.unanswered {
            return Err(Failure::new(status::NO_ACK, "not all acks have come")
                .hint("--ack-timeout SECONDS waits longer; does the server answer this event?"));
        }
        Ok(())
    }

    /// Leaves all namespaces, tells the events that had come before, and waits until that is
    /// written.
    async fn leave(&mut self) {
        let sockets: Vec<Socket> = self.sockets.values().cloned().collect();
        let mut left: BTreeSet<String> = sockets
            .iter()
            .filter(|socket| socket.connected())
            .map(|socket| socket.namespace().to_string())
            .collect();
        for socket in &sockets {
            socket.disconnect();
        }
        let gone = async {
            // Events are told by tasks, which the ack for which it stayed may have overtaken.
            while !left.is_empty() {
                match self.told.recv().await {
                    Some(Told::Event(socket, event, ack)) => self.event(&socket, &event, ack),
                    Some(Told::Disconnected(socket, _)) => {
                        left.remove(socket.namespace().as_str());
                    }
                    _ => {}
                }
            }
            for socket in &sockets {
                socket.closed().await;
            }
        };
        // A server that does not read is not waited for.
        let _ = tokio::time::timeout(GOODBYE, gone).await;
    }

    fn heard(&mut self, told: Told) -> Result<(), Failure> {
        match told {
            Told::Connected(socket) => {
                self.greeted = true;
                self.output.tell(&Happening::Connected {
                    namespace: Some(socket.namespace().to_string()),
                    id: Some(socket.id().to_string()),
                    transport: socket.transport().map(super::transport_name),
                    recovered: Some(socket.recovered()),
                    subprotocol: None,
                });
            }
            Told::Event(socket, event, ack) => self.event(&socket, &event, ack),
            Told::Disconnected(socket, reason) => return self.disconnected(&socket, reason),
            Told::NotConnected(socket, failure) => return self.not_connected(&socket, failure),
            Told::Attempt(attempt) => self.output.tell(&Happening::Reconnecting { attempt }),
            Told::Joined(namespace, joined) => return self.joined(namespace, joined),
        }
        Ok(())
    }

    fn event(&mut self, socket: &Socket, event: &Event, ack: Ack) {
        let answer = ack.is_expected().then(|| {
            self.events += 1;
            if self.answers.len() >= MAX_ANSWERS {
                self.answers.pop_front();
            }
            self.answers.push_back((self.events, ack));
            self.events
        });
        self.output.tell(&Happening::Event {
            namespace: socket.namespace().to_string(),
            event: event.name().to_string(),
            args: Data::of_arguments(event.arguments()),
            answer,
        });
    }

    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) -> Result<(), Failure> {
        let reconnecting = socket.active();
        self.output.tell(&Happening::Disconnected {
            namespace: Some(socket.namespace().to_string()),
            reason: reason.to_string(),
            reconnecting,
        });
        if reconnecting {
            return Ok(());
        }
        let by_server = reason != DisconnectReason::ClientDisconnect;
        let failure = by_server.then(|| Failure::disconnected(reason));
        self.ended(socket.namespace(), failure)
    }

    fn not_connected(&mut self, socket: &Socket, failure: ConnectFailure) -> Result<(), Failure> {
        let namespace = socket.namespace();
        // Who joins for the first time is told otherwise.
        if !self.sockets.contains_key(namespace.as_str())
            || self.joining.contains(namespace.as_str())
        {
            return Ok(());
        }
        let ConnectFailure { message, data, .. } = failure;
        if socket.active() {
            self.output.tell(&Happening::ReconnectError { message });
            return Ok(());
        }
        let refused = format!("the server refused the namespace {namespace}: {message}");
        self.output.tell(&Happening::Refused {
            namespace: namespace.to_string(),
            message,
            data,
        });
        self.ended(namespace, Some(Failure::new(status::REFUSED, refused)))
    }

    /// A namespace does not come back by itself: because of a failure, or because this side has
    /// left it.
    fn ended(&mut self, namespace: &str, failure: Option<Failure>) -> Result<(), Failure> {
        if self.lines.is_interactive() {
            let note = "/connect connects again, /quit ends";
            self.output.tell(&Happening::Note(note.to_owned()));
            return Ok(());
        }
        self.sockets.remove(namespace);
        if !self.sockets.is_empty() || !self.joining.is_empty() {
            return Ok(());
        }
        if self.ending.begun() {
            self.end();
        }
        failure.map_or(Ok(()), Err)
    }

    fn joined(
        &mut self,
        namespace: String,
        joined: Result<Option<Socket>, ConnectError>,
    ) -> Result<(), Failure> {
        self.joining.remove(&namespace);
        let error = match joined {
            Ok(socket) => {
                if let Some(socket) = socket {
                    self.sockets.insert(namespace.clone(), socket);
                    self.current = namespace;
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let asked = Asked {
            namespace: namespace.clone(),
            ..self.setup.asked.clone()
        };
        let failure = Failure::connect(&error, &asked);
        let ConnectError::Refused { message, data } = error else {
            return match self.lines.is_interactive() {
                true => {
                    let message = failure.message;
                    self.output.tell(&Happening::Error { message });
                    Ok(())
                }
                false => Err(failure),
            };
        };
        self.output.tell(&Happening::Refused {
            namespace,
            message: message.to_string(),
            data: data.and_then(|data| data.deserialize().ok()),
        });
        if !self.lines.is_interactive() {
            return Err(failure);
        }
        if let Some(hint) = failure.hint {
            self.output.tell(&Happening::Note(hint));
        }
        Ok(())
    }

    fn answered(&mut self, question: Question, answer: Result<Arguments, AckError>) {
        let Question {
            namespace,
            event,
            tag: ack,
            asked,
        } = question;
        let happening = match answer {
            Ok(arguments) => Happening::Ack {
                namespace,
                event,
                ack,
                args: Data::of_arguments(&arguments),
                took: asked.elapsed(),
            },
            Err(error) => {
                self.unanswered = true;
                let reason = match &error {
                    AckError::Emit(error) => explain(error),
                    error => error.to_string(),
                };
                Happening::NoAck {
                    namespace,
                    event,
                    ack,
                    reason,
                }
            }
        };
        self.output.tell(&happening);
        if self.ending.begun() {
            self.end();
        }
    }
}
