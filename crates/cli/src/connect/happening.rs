//! What there is to tell: as text for people, and as JSON lines for programs.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use songi::client::{Direction, Message};

use super::data::{Data, as_json, hex_of};

/// One thing that happened. As JSON it is an object with a `type`; the fields are described in
/// `docs/cli.md`, and none of them changes its meaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Happening {
    /// A namespace, a session or a WebSocket is there.
    Connected {
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        transport: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        recovered: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        subprotocol: Option<String>,
    },
    /// The session has moved to a WebSocket.
    Upgraded,
    /// The server sent an event.
    Event {
        namespace: String,
        event: String,
        #[serde(serialize_with = "args_as_json")]
        args: Vec<Data>,
        /// Under which number it can be answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<u64>,
    },
    /// The server answered an event.
    Ack {
        namespace: String,
        event: String,
        ack: Value,
        #[serde(serialize_with = "args_as_json")]
        args: Vec<Data>,
        #[serde(rename = "ms", serialize_with = "as_ms")]
        took: Duration,
    },
    /// It did not.
    NoAck {
        namespace: String,
        event: String,
        ack: Value,
        reason: String,
    },
    /// A message came, where there are no events.
    Message {
        #[serde(flatten, serialize_with = "message_as_json")]
        message: Message,
    },
    /// A ping or a pong of WebSocket came.
    Control {
        kind: &'static str,
        #[serde(serialize_with = "bytes_as_json")]
        data: Vec<u8>,
    },
    /// The server refused a namespace.
    Refused {
        namespace: String,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// A namespace, a session or a WebSocket is gone.
    Disconnected {
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        reason: String,
        /// Whether the client tries to come back.
        reconnecting: bool,
    },
    /// An attempt to connect again begins.
    Reconnecting { attempt: u32 },
    /// It has failed.
    ReconnectError { message: String },
    /// Something was sent. Told to people only.
    #[serde(skip)]
    Sent { text: String },
    /// Something that is said to people only.
    #[serde(skip)]
    Note(String),
    /// A line was not understood, or cannot be done.
    Error { message: String },
    /// It ends for this reason.
    Failed {
        status: u8,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// What is on the wire, at one layer.
    Raw {
        layer: &'static str,
        direction: &'static str,
        what: String,
        #[serde(flatten, serialize_with = "message_as_json")]
        message: Message,
    },
}

fn args_as_json<S: serde::Serializer>(args: &[Data], serializer: S) -> Result<S::Ok, S::Error> {
    as_json(args, serializer)
}

fn as_ms<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1e6).round() / 1e3)
}

fn bytes_as_json<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&base64_of(bytes))
}

/// `"text"` or `"binary"`.
fn message_as_json<S: serde::Serializer>(
    message: &Message,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map([match message {
        Message::Text(text) => ("text", text.to_string()),
        Message::Binary(bytes) => ("binary", base64_of(bytes)),
    }])
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// How a direction is called in JSON lines.
pub(crate) fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    }
}

/// What stands in front of a line, and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    In,
    Out,
    Good,
    Bad,
    Plain,
    Raw,
}

impl Mark {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::In => "<",
            Self::Out => ">",
            Self::Good => "+",
            Self::Bad => "-",
            Self::Plain | Self::Raw => " ",
        }
    }

    /// The parameter of the terminal's "select graphic rendition".
    pub(crate) fn colour(self) -> &'static str {
        match self {
            Self::In => "36",
            Self::Out => "33",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Plain => "0",
            Self::Raw => "2",
        }
    }
}

impl Happening {
    /// For people: a mark and a text without control characters other than line ends of its own.
    pub(crate) fn text(&self) -> (Mark, String) {
        match self {
            Self::Connected {
                namespace,
                id,
                transport,
                recovered,
                subprotocol,
            } => {
                let mut text = String::from("connected");
                if let Some(namespace) = namespace {
                    text.push_str(&format!(" to {}", safe(namespace)));
                }
                if let Some(id) = id {
                    text.push_str(&format!(", id {}", safe(id)));
                }
                if let Some(transport) = transport {
                    text.push_str(&format!(", by {transport}"));
                }
                if *recovered == Some(true) {
                    text.push_str(", with what was missed");
                }
                if let Some(subprotocol) = subprotocol {
                    text.push_str(&format!(", subprotocol {}", safe(subprotocol)));
                }
                (Mark::Good, text)
            }
            Self::Upgraded => (Mark::Good, "upgraded to websocket".to_owned()),
            Self::Event {
                namespace,
                event,
                args,
                answer,
            } => {
                let mut text = spoken(namespace, event, args);
                if let Some(number) = answer {
                    text.push_str(&format!("   (wants an ack: /ack {number} …)"));
                }
                (Mark::In, text)
            }
            Self::Ack {
                namespace,
                event,
                ack,
                args,
                took,
            } => {
                let took = took.as_secs_f64() * 1e3;
                let answer = if args.is_empty() {
                    "nothing".to_owned()
                } else {
                    safe(&Data::shown(args))
                };
                let event = spoken(namespace, event, &[]);
                (
                    Mark::In,
                    format!(
                        "ack {} of {event}: {answer}   ({took:.1} ms)",
                        safe(&ack.to_string())
                    ),
                )
            }
            Self::NoAck {
                namespace,
                event,
                ack,
                reason,
            } => {
                let event = spoken(namespace, event, &[]);
                let ack = safe(&ack.to_string());
                (Mark::Bad, format!("no ack {ack} of {event}: {reason}"))
            }
            Self::Message { message } => (Mark::In, message_text(message)),
            Self::Control { kind, data } => {
                let data = if data.is_empty() {
                    String::new()
                } else {
                    format!(" 0x{}", hex_of(data))
                };
                (Mark::In, format!("({kind}{data})"))
            }
            Self::Refused {
                namespace,
                message,
                data,
            } => {
                let data = data
                    .as_ref()
                    .map(|data| format!(" {data}"))
                    .unwrap_or_default();
                let text = format!("{namespace} refused: {message}{data}");
                (Mark::Bad, safe(&text))
            }
            Self::Disconnected {
                namespace,
                reason,
                reconnecting,
            } => {
                let from = namespace.as_ref().map(|it| format!(" from {}", safe(it)));
                let from = from.unwrap_or_default();
                let then = if *reconnecting {
                    "; connecting again"
                } else {
                    ""
                };
                (
                    Mark::Bad,
                    format!("disconnected{from}: {}{then}", safe(reason)),
                )
            }
            Self::Reconnecting { attempt } => {
                (Mark::Plain, format!("connecting again, attempt {attempt}"))
            }
            Self::ReconnectError { message } => {
                (Mark::Bad, format!("not connected: {}", safe(message)))
            }
            Self::Sent { text } => (Mark::Out, safe(text)),
            Self::Note(text) => (Mark::Plain, text.clone()),
            Self::Error { message } => (Mark::Bad, safe(message)),
            Self::Failed { message, .. } => (Mark::Bad, safe(message)),
            Self::Raw {
                layer,
                direction,
                what,
                message,
            } => {
                let sign = if *direction == "sent" { '>' } else { '<' };
                let message = match message {
                    Message::Text(text) => safe(text.trim_end()),
                    Message::Binary(bytes) => spaced_hex(bytes),
                };
                let mut text = format!("{sign} {layer:<9}");
                for part in [safe(what), message] {
                    if !part.is_empty() {
                        text.push_str("  ");
                        text.push_str(&part);
                    }
                }
                (Mark::Raw, text)
            }
        }
    }
}

/// An event as it is typed.
pub(crate) fn spoken(namespace: &str, event: &str, args: &[Data]) -> String {
    let mut text = String::new();
    if namespace != "/" {
        text.push_str(namespace);
        text.push(' ');
    }
    let is_plain = !event.is_empty()
        && !event.starts_with(['/', '"'])
        && !event.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_plain {
        text.push_str(event);
    } else {
        text.push_str(&Value::from(event).to_string());
    }
    if !args.is_empty() {
        text.push(' ');
        text.push_str(&Data::shown(args));
    }
    safe(&text)
}

/// A message as a text, binary in hexadecimal digits.
pub(crate) fn message_text(message: &Message) -> String {
    match message {
        Message::Text(text) => safe(text),
        Message::Binary(bytes) => format!("(binary) 0x{}", hex_of(bytes)),
    }
}

/// Nothing that a server sends moves the cursor or changes the terminal.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_reordering(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Characters that make the text behind them look like something else.
fn is_reordering(character: char) -> bool {
    matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bytes of a frame, the first of them.
fn spaced_hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 48;
    let shown: Vec<String> = bytes
        .iter()
        .take(SHOWN)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let more = if bytes.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn args(text: &str) -> Vec<Data> {
        Data::list(text).unwrap()
    }

    fn event(namespace: &str, name: &str, text: &str, answer: Option<u64>) -> Happening {
        Happening::Event {
            namespace: namespace.to_owned(),
            event: name.to_owned(),
            args: args(text),
            answer,
        }
    }

    #[test]
    fn an_event_is_shown_as_it_would_be_typed() {
        for (happening, text) in [
            (
                event("/", "said", r#""tea" 0x00"#, None),
                r#"said "tea" 0x00"#,
            ),
            (event("/admin", "a b", "", None), r#"/admin "a b""#),
            (
                event("/", "/x", "1", Some(2)),
                r#""/x" 1   (wants an ack: /ack 2 …)"#,
            ),
        ] {
            assert_eq!(happening.text(), (Mark::In, text.to_owned()));
        }
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal() {
        let attack = "\u{1b}[2J\u{9b}31m\u{202e}\r\n";
        let message = Happening::Message {
            message: Message::text(attack),
        };
        for happening in [
            event(attack, attack, "", None),
            message,
            Happening::Refused {
                namespace: attack.to_owned(),
                message: attack.to_owned(),
                data: Some(json!(attack)),
            },
            Happening::Disconnected {
                namespace: None,
                reason: attack.to_owned(),
                reconnecting: false,
            },
            Happening::Raw {
                layer: "http",
                direction: "sent",
                what: attack.to_owned(),
                message: Message::text(attack),
            },
        ] {
            let (_, text) = happening.text();
            assert!(
                !text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\n', '\r']),
                "{text:?}"
            );
        }
    }

    #[test]
    fn json_lines_are_stable() {
        let lines = [
            (
                Happening::Connected {
                    namespace: Some("/".to_owned()),
                    id: Some("x".to_owned()),
                    transport: Some("websocket"),
                    recovered: Some(false),
                    subprotocol: None,
                },
                json!({ "type": "connected", "namespace": "/", "id": "x", "transport": "websocket", "recovered": false }),
            ),
            (
                event("/", "said", r#""tea" 0x00ff"#, Some(1)),
                json!({ "type": "event", "namespace": "/", "event": "said", "args": ["tea", { "$base64": "AP8=" }], "answer": 1 }),
            ),
            (
                Happening::Ack {
                    namespace: "/".to_owned(),
                    event: "add".to_owned(),
                    ack: json!(1),
                    args: args("3"),
                    took: Duration::from_micros(1500),
                },
                json!({ "type": "ack", "namespace": "/", "event": "add", "ack": 1, "args": [3], "ms": 1.5 }),
            ),
            (
                Happening::Message {
                    message: Message::binary(vec![0, 255]),
                },
                json!({ "type": "message", "binary": "AP8=" }),
            ),
            (
                Happening::Raw {
                    layer: "engine.io",
                    direction: "sent",
                    what: "ping".to_owned(),
                    message: Message::text("2"),
                },
                json!({ "type": "raw", "layer": "engine.io", "direction": "sent", "what": "ping", "text": "2" }),
            ),
            (
                Happening::Failed {
                    status: 3,
                    message: "no".to_owned(),
                    hint: None,
                },
                json!({ "type": "failed", "status": 3, "message": "no" }),
            ),
        ];
        for (happening, expected) in lines {
            assert_eq!(serde_json::to_value(&happening).unwrap(), expected);
        }
    }
}
