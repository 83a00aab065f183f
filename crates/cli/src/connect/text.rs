//! What happens, as people read it.

use serde_json::Value;
use songi::client::Message;

use super::data::{Data, hex_of};
use super::happening::Happening;
use crate::safe::safe;

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
                let reason = safe(reason);
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::happening::tests::event;

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
            Happening::NoAck {
                namespace: attack.to_owned(),
                event: attack.to_owned(),
                ack: json!(attack),
                reason: attack.to_owned(),
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
}
