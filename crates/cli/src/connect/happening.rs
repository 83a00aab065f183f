//! What there is to tell: as text for people, and as JSON lines for programs.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use songi::client::{Direction, Message};

use super::data::{Data, as_json};

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
    /// A line was not understood, or cannot be done, by somebody who can type another one.
    #[serde(skip)]
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

impl Happening {
    /// Whether it is not told to programs.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self, Self::Sent { .. } | Self::Note(_) | Self::Error { .. })
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::connect) fn args(text: &str) -> Vec<Data> {
        Data::list(text).unwrap()
    }

    pub(in crate::connect) fn event(
        namespace: &str,
        name: &str,
        text: &str,
        answer: Option<u64>,
    ) -> Happening {
        Happening::Event {
            namespace: namespace.to_owned(),
            event: name.to_owned(),
            args: args(text),
            answer,
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
