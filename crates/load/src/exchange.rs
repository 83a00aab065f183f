//! What is sent, and what answers it.

use crate::frame;
use crate::target::namespace_prefix;

/// A message, encoded for both transports.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// As a masked WebSocket frame.
    pub(crate) frame: Vec<u8>,
    /// As a packet of long-polling.
    pub(crate) packet: Vec<u8>,
}

impl Outgoing {
    /// A message of a WebSocket: [`frame::TEXT`] or [`frame::BINARY`]. Packets of Socket.IO are text
    /// that starts with Engine.IO's `4`.
    pub fn new(opcode: u8, payload: &[u8]) -> Self {
        Self {
            frame: frame::masked(opcode, payload),
            packet: payload.to_vec(),
        }
    }

    /// The same so many times, to be sent at once.
    #[must_use]
    pub fn repeated(&self, times: usize) -> Self {
        Self {
            frame: self.frame.repeat(times),
            packet: vec![self.packet.as_slice(); times].join(&0x1e),
        }
    }

    /// The bytes that go over a WebSocket.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

/// A message and what answers it.
#[derive(Debug, Clone)]
pub struct Exchange {
    message: Message,
    answer: Answer,
}

#[derive(Debug, Clone)]
enum Message {
    /// The same bytes each time.
    Fixed(Outgoing),
    /// An event with an ack id between the two.
    Numbered(String, String),
}

/// What answers a message.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Whatever starts like this, in the order of the messages.
    InOrder(Vec<u8>),
    /// An ack, by its id, which stands behind this.
    ById(Vec<u8>),
    /// Nothing: sent is done.
    Nothing,
}

/// The id of the first slot: up to 90 slots have ids of the same length.
const FIRST_ID: usize = 10;

impl Exchange {
    /// A message that the next message with this start answers; an empty start is any message.
    pub fn in_order(opcode: u8, payload: &[u8], answer: &[u8]) -> Self {
        Self {
            message: Message::Fixed(Outgoing::new(opcode, payload)),
            answer: Answer::InOrder(answer.to_vec()),
        }
    }

    /// An event and its ack. `arguments` is JSON without the brackets of the array.
    pub fn ack(namespace: &str, event: &str, arguments: &str) -> Self {
        let namespace = namespace_prefix(namespace);
        Self {
            message: Message::Numbered(format!("42{namespace}"), data(event, arguments)),
            answer: Answer::ById(format!("43{namespace}").into_bytes()),
        }
    }

    /// An event that the next event of the server answers, whatever its name.
    pub fn event(namespace: &str, event: &str, arguments: &str) -> Self {
        let start = format!("42{}", namespace_prefix(namespace));
        let packet = format!("{start}{}", data(event, arguments));
        Self::in_order(frame::TEXT, packet.as_bytes(), start.as_bytes())
    }

    /// An event that nothing answers.
    pub fn emit(namespace: &str, event: &str, arguments: &str) -> Self {
        Self {
            answer: Answer::Nothing,
            ..Self::event(namespace, event, arguments)
        }
    }

    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The message of each slot, or one for all where they do not differ.
    pub(crate) fn messages(&self, slots: usize) -> Vec<Outgoing> {
        match &self.message {
            Message::Fixed(outgoing) => vec![outgoing.clone()],
            Message::Numbered(start, data) => (0..slots)
                .map(|slot| {
                    let packet = format!("{start}{}{data}", FIRST_ID + slot);
                    Outgoing::new(frame::TEXT, packet.as_bytes())
                })
                .collect(),
        }
    }
}

impl Answer {
    /// Which slot a message answers: the oldest (`Some(None)`), this one, or none at all.
    pub(crate) fn slot(&self, payload: &[u8]) -> Option<Option<usize>> {
        match self {
            Self::InOrder(start) => payload.starts_with(start).then_some(None),
            Self::ById(start) => {
                let rest = payload.strip_prefix(start.as_slice())?;
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let id: usize = str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
                id.checked_sub(FIRST_ID).map(Some)
            }
            Self::Nothing => None,
        }
    }
}

/// The JSON of an event.
fn data(event: &str, arguments: &str) -> String {
    let mut data = String::from("[\"");
    for character in event.chars() {
        match character {
            '"' | '\\' => data.extend(['\\', character]),
            '\0'..' ' => data.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => data.push(other),
        }
    }
    data.push('"');
    if !arguments.is_empty() {
        data.push(',');
        data.push_str(arguments);
    }
    data.push(']');
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_an_id_and_is_found_by_it() {
        let exchange = Exchange::ack("/a", "say", "1,2");
        let messages = exchange.messages(2);
        assert_eq!(messages[1].packet, br#"42/a,11["say",1,2]"#);
        assert_eq!(exchange.answer().slot(b"43/a,11[3]"), Some(Some(1)));
        assert_eq!(exchange.answer().slot(b"43/a,9[3]"), None);
        assert_eq!(exchange.answer().slot(br#"42/a,["said"]"#), None);
    }

    #[test]
    fn events_answer_in_order() {
        let exchange = Exchange::event("/", "s\"a\ty", "");
        assert_eq!(exchange.messages(1)[0].packet, br#"42["s\"a\u0009y"]"#);
        assert_eq!(exchange.answer().slot(br#"42["said"]"#), Some(None));
        assert_eq!(exchange.answer().slot(b"430[]"), None);
    }
}
