//! Lines as they are typed.

use songi::client::{Bytes, Message};

use super::{Line, LineError, Tag, with_slash};
use crate::connect::Protocol;
use crate::connect::data::Data;

impl Line {
    /// Reads a line as it is typed.
    pub(crate) fn typed(text: &str, protocol: Protocol) -> Result<Self, LineError> {
        let text = text.trim_end_matches(['\r', '\n']);
        if let Some(escaped) = text.strip_prefix("//") {
            let text = format!("/{escaped}");
            return match protocol {
                Protocol::Socketio => Self::event(None, &text),
                _ => Ok(Self::Send(Message::text(text))),
            };
        }
        if text.starts_with('/') {
            return Self::command(text.trim_end(), protocol);
        }
        if text.trim().is_empty() {
            return Ok(Self::Empty);
        }
        match protocol {
            Protocol::Socketio => Self::event(None, text.trim()),
            _ => Ok(Self::Send(Message::text(text.to_owned()))),
        }
    }

    fn command(text: &str, protocol: Protocol) -> Result<Self, LineError> {
        let (command, rest) = split(text);
        let socketio = |usage: &'static str| match protocol {
            Protocol::Socketio => Ok(()),
            _ => Err(LineError::Protocol(usage, "Socket.IO")),
        };
        match (command, rest) {
            ("/help" | "/?", _) => Ok(Self::Help),
            ("/quit" | "/exit", _) => Ok(Self::Quit),
            ("/status", _) => Ok(Self::Status),
            ("/connect", _) => Ok(Self::Connect),
            ("/ping", text) if protocol == Protocol::Websocket => {
                Ok(Self::Ping(Bytes::copy_from_slice(text.as_bytes())))
            }
            ("/raw", "on" | "") => Ok(Self::Raw(true)),
            ("/raw", "off") => Ok(Self::Raw(false)),
            ("/raw", _) => Err(LineError::Usage("/raw on|off")),
            ("/binary", data) => match protocol {
                Protocol::Socketio => Err(LineError::Protocol(
                    "/binary",
                    "Engine.IO and WebSocket (in an event, 0x00ff and @file are binary)",
                )),
                _ => match Data::list(data)?.as_slice() {
                    [Data::Binary(bytes)] => Ok(Self::Send(Message::Binary(bytes.clone()))),
                    _ => Err(LineError::Usage("/binary 0x00ff, or /binary @file")),
                },
            },
            ("/join", rest) => {
                socketio("/join")?;
                let (namespace, auth) = split(rest);
                if namespace.is_empty() {
                    return Err(LineError::Usage("/join NAMESPACE [AUTH as JSON]"));
                }
                let auth = match auth {
                    "" => None,
                    auth => Some(Data::from_json(auth)?),
                };
                Ok(Self::Join {
                    namespace: with_slash(namespace),
                    auth,
                })
            }
            ("/leave", namespace) => {
                socketio("/leave")?;
                Ok(Self::Leave(
                    (!namespace.is_empty()).then(|| with_slash(namespace)),
                ))
            }
            ("/use", namespace) => {
                socketio("/use")?;
                match namespace {
                    "" => Err(LineError::Usage("/use NAMESPACE")),
                    namespace => Ok(Self::Use(with_slash(namespace))),
                }
            }
            ("/in", rest) => {
                socketio("/in")?;
                let (namespace, event) = split(rest);
                match event {
                    "" => Err(LineError::Usage("/in NAMESPACE EVENT [ARGUMENTS]")),
                    event => Self::event(Some(with_slash(namespace)), event),
                }
            }
            ("/ack", rest) => {
                socketio("/ack")?;
                let (number, args) = split(rest);
                let number = number
                    .parse()
                    .map_err(|_| LineError::Usage("/ack NUMBER [ARGUMENTS]"))?;
                Ok(Self::Answer {
                    number,
                    args: Data::list(args)?,
                })
            }
            (command, _) => Err(LineError::Unknown(command.to_owned())),
        }
    }

    /// `name args… [?]`.
    fn event(namespace: Option<String>, text: &str) -> Result<Self, LineError> {
        let (event, rest) = if text.starts_with('"') {
            let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
            // A text that starts with a quote is not empty.
            let name = names.next().transpose().map_err(LineError::Name)?;
            let rest = text.get(names.byte_offset()..).unwrap_or_default();
            (name.unwrap_or_default(), rest.trim())
        } else {
            let (name, rest) = split(text);
            (name.to_owned(), rest)
        };
        let (args, ack) = match rest.strip_suffix('?') {
            Some(args) if args.is_empty() || args.ends_with(char::is_whitespace) => {
                (args, Tag::Number)
            }
            _ => (rest, Tag::None),
        };
        Ok(Self::Emit {
            namespace,
            event,
            args: Data::list(args)?,
            ack,
        })
    }
}

/// The first word, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim())
}

/// What `/help` shows.
pub(crate) fn help(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Socketio => {
            "\
EVENT [ARGUMENTS]     emit an event; arguments are JSON: say \"tea\" {\"a\":1}
EVENT [ARGUMENTS] ?   emit an event and ask for an ack
  0x00ff, @FILE       binary arguments; within JSON: {\"$hex\":\"00ff\"}, {\"$base64\":\"AP8=\"}
/ack NUMBER [ARGS]    answer an event for which the server wants an ack
/join NAMESPACE [AUTH as JSON], /leave [NAMESPACE]
/use NAMESPACE        talk to it from now on
/in NAMESPACE EVENT … talk to it once
/raw on|off           show what is on the wire
/connect              connect again after the server has ended it
/status, /help, /quit (or Ctrl-D)
An event whose name begins with / or \" or has spaces: \"the name\" …"
        }
        Protocol::Engineio | Protocol::Websocket => {
            "\
TEXT                  send a text message; //text sends /text
/binary 0x00ff        send a binary message; /binary @FILE sends what is in a file
/ping [TEXT]          send a ping (WebSocket only)
/raw on|off           show what is on the wire
/connect              connect again after the server has ended it
/status, /help, /quit (or Ctrl-D)"
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn typed(text: &str) -> Line {
        Line::typed(text, Protocol::Socketio).unwrap()
    }

    fn emit(event: &str, args: &str, ack: Tag) -> Line {
        Line::Emit {
            namespace: None,
            event: event.to_owned(),
            args: Data::list(args).unwrap(),
            ack,
        }
    }

    #[test]
    fn events() {
        for (text, event, args, ack) in [
            ("ping", "ping", "", Tag::None),
            ("ping ?", "ping", "", Tag::Number),
            (
                "say \"tea\" {\"a\":1}\r",
                "say",
                r#""tea" {"a":1}"#,
                Tag::None,
            ),
            ("  add 1 2 ?  ", "add", "1 2", Tag::Number),
            // Neither of these is a wish for an ack.
            (r#"say "tea?""#, "say", r#""tea?""#, Tag::None),
            ("what?", "what?", "", Tag::None),
            (r#""two words" 1"#, "two words", "1", Tag::None),
            (r#""/quit""#, "/quit", "", Tag::None),
            ("//quit", "/quit", "", Tag::None),
            (r#""x"?"#, "x", "", Tag::Number),
        ] {
            assert_eq!(typed(text), emit(event, args, ack), "{text}");
        }
        assert_eq!(typed("   "), Line::Empty);
    }

    #[test]
    fn commands() {
        let namespace = "/admin".to_owned();
        for (text, expected) in [
            ("/help", Line::Help),
            ("/exit", Line::Quit),
            ("/raw", Line::Raw(true)),
            ("/raw off", Line::Raw(false)),
            ("/status", Line::Status),
            ("/leave", Line::Leave(None)),
            ("/leave admin", Line::Leave(Some(namespace.clone()))),
            ("/use /admin", Line::Use(namespace.clone())),
            (
                "/join admin {\"token\":1}",
                Line::Join {
                    namespace: namespace.clone(),
                    auth: Some(Data::from_json("{\"token\":1}").unwrap()),
                },
            ),
            (
                "/ack 3 \"ok\" 0xff",
                Line::Answer {
                    number: 3,
                    args: Data::list("\"ok\" 0xff").unwrap(),
                },
            ),
            (
                "/in /admin say 1 ?",
                Line::Emit {
                    namespace: Some(namespace),
                    event: "say".to_owned(),
                    args: Data::list("1").unwrap(),
                    ack: Tag::Number,
                },
            ),
        ] {
            assert_eq!(typed(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        for (text, expected) in [
            ("/nothing", "there is no command /nothing: /help lists them"),
            ("/raw maybe", "usage: /raw on|off"),
            ("/join", "usage: /join NAMESPACE [AUTH as JSON]"),
            ("/use", "usage: /use NAMESPACE"),
            ("/in /admin", "usage: /in NAMESPACE EVENT [ARGUMENTS]"),
            ("/ack x", "usage: /ack NUMBER [ARGUMENTS]"),
            (
                "say tea",
                "argument: `tea` is not JSON: a text stands in quotes, as in \"tea\"",
            ),
            (
                "\"say",
                "the name of the event is not a JSON string: EOF while parsing a string at line 1 column 4",
            ),
            (
                "/binary 0x00",
                "/binary is for Engine.IO and WebSocket (in an event, 0x00ff and @file are binary) only",
            ),
        ] {
            let error = Line::typed(text, Protocol::Socketio).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let error = Line::typed("/join a", Protocol::Websocket).unwrap_err();
        assert_eq!(error.to_string(), "/join is for Socket.IO only");
    }

    #[test]
    fn without_events_a_line_is_a_message() {
        for protocol in [Protocol::Engineio, Protocol::Websocket] {
            let message = |text: &str| Line::typed(text, protocol).unwrap();
            assert_eq!(message(" a b "), Line::Send(Message::text(" a b ")));
            assert_eq!(message("//a"), Line::Send(Message::text("/a")));
            assert_eq!(message(""), Line::Empty);
            let binary = Message::binary(vec![0, 255]);
            assert_eq!(message("/binary 0x00ff"), Line::Send(binary));
            assert!(Line::typed("/binary 1", protocol).is_err());
        }
    }
}
