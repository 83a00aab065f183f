//! Talking Socket.IO: events, acks both ways, namespaces.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;
use songi::client::{
    Ack, AckError, Arguments, Client, ConnectError, ConnectFailure, DisconnectReason, Event, Socket,
};
use tokio::sync::mpsc;

use super::data::{Data, Several};
use super::failure::{Asked, Failure, status};
use super::happening::{Happening, spoken};
use super::line::{Line, Tag, help};
use super::lines::{Heard, Lines};
use super::output::Output;
use super::{Ending, Protocol, Setup, complain, linger};

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
    Answered(Question, Result<Arguments, AckError>),
}

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
        sockets: BTreeMap::from([(socket.namespace().to_string(), socket)]),
        sender,
        told,
        questions: 0,
        asked: 0,
        unanswered: false,
        answers: VecDeque::new(),
        events: 0,
        greeted: false,
        joining: false,
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
    sockets: BTreeMap<String, Socket>,
    sender: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
    /// Acks that are waited for.
    questions: usize,
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
    /// A namespace is being joined: what comes next may be for it.
    joining: bool,
    ending: Ending,
}

impl Session<'_> {
    async fn talk(&mut self) -> Result<(), Failure> {
        loop {
            let settled = self.questions == 0 && !self.joining;
            let listening = self.greeted && !self.ending.begun() && !self.joining;
            let prompt = format!("{}> ", self.current);
            tokio::select! {
                // What has come is told before the next line is done.
                biased;
                told = self.told.recv() => {
                    if let Some(told) = told {
                        self.heard(told)?;
                    }
                }
                heard = self.lines.next(&prompt), if listening => match heard {
                    Some(Heard::Line(line)) => {
                        if self.line(&line)? {
                            return Ok(());
                        }
                    }
                    Some(Heard::Interrupted) => return Err(Failure::interrupted()),
                    Some(Heard::Broken(error)) => return Err(Failure::input(error)),
                    None if self.lines.is_interactive() => return Ok(()),
                    None => self.ending.begin(self.setup.linger),
                },
                () = linger(&self.ending), if settled => return self.result(),
                () = self.output.closed() => return Ok(()),
                _ = tokio::signal::ctrl_c() => return Err(Failure::interrupted()),
            }
        }
    }

    fn result(&self) -> Result<(), Failure> {
        if self.unanswered {
            return Err(Failure::new(status::NO_ACK, "not all acks have come")
                .hint("--ack-timeout SECONDS waits longer; does the server answer this event?"));
        }
        Ok(())
    }

    /// Leaves all namespaces, and waits until that is written.
    async fn leave(&mut self) {
        self.told.close();
        for socket in self.sockets.values() {
            socket.disconnect();
        }
        let gone = async {
            for socket in self.sockets.values() {
                socket.closed().await;
            }
        };
        // A server that does not read is not waited for.
        let _ = tokio::time::timeout(GOODBYE, gone).await;
    }

    /// Does a line, and says whether it was the last.
    fn line(&mut self, text: &str) -> Result<bool, Failure> {
        let line = if self.output.is_json() {
            Line::json(text)
        } else {
            Line::typed(text, Protocol::Socketio)
        };
        let done = match line {
            Ok(Line::Quit) => return Ok(true),
            Ok(line) => self.perform(line),
            Err(error) => Err(error.to_string()),
        };
        if let Err(message) = done {
            complain(text, message, &self.lines, self.output)?;
        }
        Ok(false)
    }

    fn perform(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Emit {
                namespace,
                event,
                args,
                ack,
            } => self.emit(namespace, event, &args, ack),
            Line::Answer { number, args } => self.answer(number, &args),
            Line::Join { namespace, auth } => self.join(namespace, auth),
            Line::Leave(namespace) => {
                let namespace = namespace.unwrap_or_else(|| self.current.clone());
                self.socket(&namespace)?.disconnect();
                Ok(())
            }
            Line::Use(namespace) => {
                self.socket(&namespace)?;
                self.current = namespace;
                Ok(())
            }
            Line::Connect => self.connect_again(),
            Line::Raw(raw) => {
                self.output.show_raw(raw);
                Ok(())
            }
            Line::Status => {
                self.status();
                Ok(())
            }
            Line::Help => {
                let help = help(Protocol::Socketio).to_owned();
                self.output.tell(&Happening::Note(help));
                Ok(())
            }
            Line::Send(_) | Line::Ping(_) => {
                Err("with Socket.IO an event is sent: {\"event\":\"name\",\"args\":[…]}".to_owned())
            }
            Line::Empty | Line::Quit => Ok(()),
        }
    }

    fn emit(
        &mut self,
        namespace: Option<String>,
        event: String,
        args: &[Data],
        ack: Tag,
    ) -> Result<(), String> {
        let namespace = namespace.unwrap_or_else(|| self.current.clone());
        let socket = self.socket(&namespace)?.clone();
        let mut text = spoken(&namespace, &event, args);
        let tag = match ack {
            Tag::None => {
                let sent = socket.emit(&event, Several(args));
                sent.map_err(|error| explain(&error))?;
                self.output.tell(&Happening::Sent { text });
                return Ok(());
            }
            Tag::Number => {
                self.asked += 1;
                self.asked.into()
            }
            Tag::Own(tag) => tag,
        };
        text.push_str(&format!("   (ack {tag})"));
        self.output.tell(&Happening::Sent { text });
        let question = Question {
            namespace,
            tag,
            asked: Instant::now(),
            event,
        };
        let timeout = self.setup.ack_timeout;
        let asking = socket.timeout(timeout);
        let asking = asking.emit_with_ack::<()>(&question.event, Several(args));
        let told = self.sender.clone();
        self.questions += 1;
        tokio::spawn(async move {
            let answer = asking.arguments().await;
            tell(&told, Told::Answered(question, answer)).await;
        });
        Ok(())
    }

    fn answer(&mut self, number: u64, args: &[Data]) -> Result<(), String> {
        let position = self.answers.iter().position(|(known, _)| *known == number);
        let answer = position.and_then(|position| self.answers.remove(position));
        let Some((_, ack)) = answer else {
            return Err(format!("no event {number} waits for an answer"));
        };
        ack.send(Several(args));
        let text = format!("ack {number} {}", Data::shown(args));
        self.output.tell(&Happening::Sent { text });
        Ok(())
    }

    fn join(&mut self, namespace: String, auth: Option<Data>) -> Result<(), String> {
        if self.sockets.get(&namespace).is_some_and(Socket::active) {
            self.current = namespace;
            return Ok(());
        }
        let (_, known) = self.sockets.iter().next().ok_or("nothing is connected")?;
        let joining = listen!(known.of(&namespace), self.sender);
        let joining = match auth {
            Some(auth) => joining.auth(auth),
            None => joining,
        };
        let told = self.sender.clone();
        self.joining = true;
        tokio::spawn(async move {
            let joined = joining.connect().await.map(Some);
            tell(&told, Told::Joined(namespace, joined)).await;
        });
        Ok(())
    }

    /// Brings back what does not come back by itself.
    fn connect_again(&mut self) -> Result<(), String> {
        let gone = self.sockets.values().filter(|socket| !socket.active());
        let gone: Vec<Socket> = gone.cloned().collect();
        if gone.is_empty() {
            return Err("nothing has ended: a lost connection comes back by itself".to_owned());
        }
        for socket in gone {
            let told = self.sender.clone();
            self.joining = true;
            tokio::spawn(async move {
                let joined = socket.connect().await.map(|()| None);
                tell(&told, Told::Joined(socket.namespace().to_string(), joined)).await;
            });
        }
        Ok(())
    }

    fn socket(&self, namespace: &str) -> Result<&Socket, String> {
        let socket = self.sockets.get(namespace);
        socket.ok_or_else(|| format!("not in the namespace {namespace}: /join it first"))
    }

    fn status(&self) {
        for (namespace, socket) in &self.sockets {
            let state = match (socket.connected(), socket.active()) {
                (true, _) => {
                    let transport = socket.transport().map(|it| it.to_string());
                    let transport = transport.unwrap_or_default();
                    format!("connected, id {}, by {transport}", socket.id())
                }
                (false, true) => "connecting".to_owned(),
                (false, false) => "ended: /connect connects again".to_owned(),
            };
            let here = if *namespace == self.current {
                " (current)"
            } else {
                ""
            };
            let note = format!("{namespace}{here}: {state}");
            self.output
                .tell(&Happening::Note(super::happening::safe(&note)));
        }
        let note = format!("acks waited for: {}", self.questions);
        self.output.tell(&Happening::Note(note));
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
            Told::Answered(question, answer) => self.answered(question, answer),
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
        self.ended(socket.namespace(), Failure::disconnected(reason))
    }

    fn not_connected(&mut self, socket: &Socket, failure: ConnectFailure) -> Result<(), Failure> {
        let namespace = socket.namespace();
        // Who joins for the first time is told otherwise.
        if !self.sockets.contains_key(namespace.as_str()) || self.joining {
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
        self.ended(namespace, Failure::new(status::REFUSED, refused))
    }

    /// A namespace does not come back by itself.
    fn ended(&mut self, namespace: &str, failure: Failure) -> Result<(), Failure> {
        if self.lines.is_interactive() {
            let note = "/connect connects again, /quit ends";
            self.output.tell(&Happening::Note(note.to_owned()));
            return Ok(());
        }
        let left = failure
            .message
            .contains(DisconnectReason::ClientDisconnect.as_str());
        self.sockets.remove(namespace);
        if self.sockets.is_empty() && !left {
            return Err(failure);
        }
        if self.sockets.is_empty() {
            self.ending.begin(Some(Duration::ZERO));
        }
        Ok(())
    }

    fn joined(
        &mut self,
        namespace: String,
        joined: Result<Option<Socket>, ConnectError>,
    ) -> Result<(), Failure> {
        self.joining = false;
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
        if let ConnectError::Refused { message, data } = &error {
            self.output.tell(&Happening::Refused {
                namespace: namespace.clone(),
                message: message.to_string(),
                data: data.as_ref().and_then(|data| data.deserialize().ok()),
            });
        }
        let asked = Asked {
            namespace,
            ..self.setup.asked.clone()
        };
        let failure = Failure::connect(&error, &asked);
        if !self.lines.is_interactive() {
            return Err(failure);
        }
        let hint = failure
            .hint
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        let message = format!("{}{hint}", failure.message);
        self.output.tell(&Happening::Error { message });
        Ok(())
    }

    fn answered(&mut self, question: Question, answer: Result<Arguments, AckError>) {
        let Question {
            namespace,
            event,
            tag: ack,
            asked,
        } = question;
        self.questions -= 1;
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
    }
}

/// An error with what caused it.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text.push_str(&format!(": {cause}"));
        }
        source = error.source();
    }
    text
}
