//! Talking where there are no events: Engine.IO, or a plain WebSocket.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use songi::client::{Bytes, DisconnectReason, EmitError, EngineEvent, EngineSocket, Message};
use songi::tokio::{self as websocket, CloseFrame, ControlPayload, Stream, Tapped, WebSocket};

use super::failure::{Failure, status};
use super::happening::Happening;
use super::line::{Line, help};
use super::lines::Lines;
use super::output::Output;
use super::text::message_text;
use super::{Ending, Setup, complain, linger, read};

/// How long closing may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// What carries messages.
pub(crate) enum Link {
    Engine(Box<EngineSocket>),
    WebSocket(Box<WebSocket<Tapped<Stream>>>),
}

/// What came of it.
enum Came {
    Happening(Happening),
    Ended(Failure),
    Nothing,
}

impl Link {
    /// Cancel safe.
    async fn recv(&mut self) -> Came {
        match self {
            Self::Engine(session) => match session.recv().await {
                Some(EngineEvent::Message(message)) => {
                    Came::Happening(Happening::Message { message })
                }
                Some(EngineEvent::Upgraded) => Came::Happening(Happening::Upgraded),
                Some(EngineEvent::Closed(reason)) => Came::Ended(Failure::disconnected(reason)),
                Some(_) => Came::Nothing,
                None => Came::Ended(Failure::disconnected(DisconnectReason::TransportClose)),
            },
            Self::WebSocket(socket) => match socket.recv().await {
                Some(Ok(event)) => of_websocket(event),
                Some(Err(error)) => Came::Ended(ended(error.to_string())),
                None => Came::Ended(ended("the connection was closed".to_owned())),
            },
        }
    }

    fn send(&mut self, message: Message) -> Result<(), String> {
        match self {
            Self::Engine(session) => session.send(message).map_err(|error| match error {
                EmitError::Unsendable => {
                    "the server does not take this message by long-polling".to_owned()
                }
                error => error.to_string(),
            }),
            Self::WebSocket(socket) => {
                let message = match message {
                    Message::Text(text) => websocket::Message::Text(text),
                    Message::Binary(bytes) => websocket::Message::Binary(bytes),
                };
                socket.send(message).map_err(|error| error.to_string())
            }
        }
    }

    fn ping(&mut self, payload: Bytes) -> Result<(), String> {
        let Self::WebSocket(socket) = self else {
            return Err("the server pings, in Engine.IO".to_owned());
        };
        let payload = ControlPayload::new(payload);
        let payload = payload.map_err(|error| error.to_string())?;
        let ping = websocket::Message::Ping(payload);
        socket.send(ping).map_err(|error| error.to_string())
    }

    async fn close(mut self) {
        let closing = async {
            match &mut self {
                Self::Engine(session) => {
                    session.close();
                    while session.recv().await.is_some() {}
                }
                Self::WebSocket(socket) => {
                    let normal = CloseFrame::new(websocket::CloseCode::NORMAL, "");
                    // It ends either way.
                    let _ = socket.close(normal).await;
                }
            }
        };
        // A server that does not answer is not waited for.
        let _ = tokio::time::timeout(GOODBYE, closing).await;
    }
}

fn of_websocket(event: websocket::Event) -> Came {
    use websocket::Event;
    Came::Happening(match event {
        Event::Text(text) => Happening::Message {
            message: Message::Text(text),
        },
        Event::Binary(bytes) => Happening::Message {
            message: Message::Binary(bytes),
        },
        Event::Ping(data) => Happening::Control {
            kind: "ping",
            data: data.to_vec(),
        },
        Event::Pong(data) => Happening::Control {
            kind: "pong",
            data: data.to_vec(),
        },
        Event::Close(frame) => {
            let reason = frame.map_or("the server closed it, with no code".to_owned(), |frame| {
                format!(
                    "the server closed it: {} {}",
                    frame.code().get(),
                    frame.reason()
                )
            });
            return Came::Ended(ended(reason));
        }
        _ => return Came::Nothing,
    })
}

fn ended(reason: String) -> Failure {
    Failure::new(status::DISCONNECTED, reason)
}

/// Opens a link, and talks until it ends.
pub(crate) async fn run(
    open: impl AsyncFn() -> Result<Link, Failure>,
    setup: &Setup,
    output: &Output,
    lines: impl FnOnce() -> Result<Lines, Failure>,
) -> Result<(), Failure> {
    let link = open().await?;
    let mut talk = Talk {
        link: Some(link),
        lines: lines()?,
        ending: Ending::default(),
        setup,
        output,
    };
    let result = talk.talk(open).await;
    if let Some(link) = talk.link.take() {
        link.close().await;
    }
    result
}

struct Talk<'a> {
    /// None when the server has ended it, and somebody may want it again.
    link: Option<Link>,
    lines: Lines,
    ending: Ending,
    setup: &'a Setup,
    output: &'a Output,
}

impl Talk<'_> {
    async fn talk(&mut self, open: impl AsyncFn() -> Result<Link, Failure>) -> Result<(), Failure> {
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        loop {
            let listening = !self.ending.begun();
            tokio::select! {
                // What ends it comes before a flood of messages, and what has come is told before
                // the next line is done.
                biased;
                _ = &mut interrupted => return Err(Failure::interrupted()),
                () = self.output.closed() => return Ok(()),
                () = linger(&self.ending) => return Ok(()),
                came = recv(self.link.as_mut()) => self.came(came)?,
                line = self.lines.next("> "), if listening => match line? {
                    Some(line) => tokio::select! {
                        // To connect again may take long.
                        _ = &mut interrupted => return Err(Failure::interrupted()),
                        is_last = self.line(&line, &open) => if is_last? {
                            return Ok(());
                        },
                    },
                    None if self.lines.is_interactive() => return Ok(()),
                    None => self.ending.begin(self.setup.linger),
                },
            }
        }
    }

    fn came(&mut self, came: Came) -> Result<(), Failure> {
        let failure = match came {
            Came::Happening(happening) => {
                self.output.tell(&happening);
                return Ok(());
            }
            Came::Ended(failure) => failure,
            Came::Nothing => return Ok(()),
        };
        self.link = None;
        let reason = failure
            .message
            .trim_start_matches("disconnected: ")
            .to_owned();
        self.output.tell(&Happening::Disconnected {
            namespace: None,
            reason,
            reconnecting: false,
        });
        if !self.lines.is_interactive() {
            return Err(failure);
        }
        let note = "/connect connects again, /quit ends";
        self.output.tell(&Happening::Note(note.to_owned()));
        Ok(())
    }

    /// Does a line, and says whether it was the last.
    async fn line(
        &mut self,
        text: &str,
        open: &impl AsyncFn() -> Result<Link, Failure>,
    ) -> Result<bool, Failure> {
        let done = match read(text, self.setup, self.output) {
            Ok(Line::Quit) => return Ok(true),
            Ok(Line::Connect) if self.link.is_some() => Err("it is connected".to_owned()),
            Ok(Line::Connect) => match open().await {
                Ok(link) => {
                    self.link = Some(link);
                    Ok(())
                }
                Err(failure) => Err(failure.message),
            },
            Ok(line) => self.perform(line),
            Err(message) => Err(message),
        };
        if let Err(message) = done {
            complain(text, message, &self.lines, self.output)?;
        }
        Ok(false)
    }

    fn perform(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Send(message) => {
                let text = message_text(&message);
                self.link()?.send(message)?;
                self.output.tell(&Happening::Sent { text });
            }
            Line::Ping(payload) => self.link()?.ping(payload)?,
            Line::Raw(raw) => self.output.show_raw(raw),
            Line::Help => {
                let help = help(self.setup.asked.protocol).to_owned();
                self.output.tell(&Happening::Note(help));
            }
            Line::Status => {
                let state = match &self.link {
                    None => "ended: /connect connects again".to_owned(),
                    Some(Link::WebSocket(_)) => "connected".to_owned(),
                    Some(Link::Engine(session)) => {
                        let transport = session.transport().map(|it| it.to_string());
                        format!("connected, by {}", transport.unwrap_or_default())
                    }
                };
                self.output.tell(&Happening::Note(state));
            }
            Line::Empty | Line::Quit | Line::Connect => {}
            Line::Emit { .. }
            | Line::Answer { .. }
            | Line::Join { .. }
            | Line::Leave(_)
            | Line::Use(_) => {
                let message = "there are only messages here: {\"text\":…} or {\"binary\":…}";
                return Err(message.to_owned());
            }
        }
        Ok(())
    }

    fn link(&mut self) -> Result<&mut Link, String> {
        let link = self.link.as_mut();
        link.ok_or_else(|| "not connected: /connect connects again".to_owned())
    }
}

async fn recv(link: Option<&mut Link>) -> Came {
    match link {
        Some(link) => link.recv().await,
        None => pending().await,
    }
}
