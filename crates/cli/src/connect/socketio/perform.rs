//! Doing what a line asks for.

use std::time::Instant;

use songi::client::Socket;

use super::{Question, Session, Told, listening, tell};
use crate::connect::data::{Data, Several};
use crate::connect::failure::Failure;
use crate::connect::happening::Happening;
use crate::connect::line::{Line, Tag, help};
use crate::connect::text::spoken;
use crate::connect::{Protocol, complain, read};
use crate::safe::safe;

impl Session<'_> {
    /// Does a line, and says whether it was the last.
    pub(super) fn line(&mut self, text: &str) -> Result<bool, Failure> {
        let done = match read(text, self.setup, self.output) {
            Ok(Line::Quit) => return Ok(true),
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
        self.questions.push(Box::pin(
            async move { (question, asking.arguments().await) },
        ));
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
        let joining = listening(self.first.of(&namespace), &self.sender);
        let joining = match auth {
            Some(auth) => joining.auth(auth),
            None => joining,
        };
        let told = self.sender.clone();
        self.joining.insert(namespace.clone());
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
            self.joining.insert(socket.namespace().to_string());
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
            self.output.tell(&Happening::Note(safe(&note)));
        }
        let note = format!("acks waited for: {}", self.questions.len());
        self.output.tell(&Happening::Note(note));
    }
}

/// An error with what caused it.
pub(super) fn explain(error: &dyn std::error::Error) -> String {
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
