//! The Engine.IO codecs against engine.io-parser from npm: version 5 for protocol revision 4 and
//! WebTransport, version 2 for revision 3. Both encode the same packets, to the same bytes, and
//! each decodes what the other encoded.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};
use songi_engineio::{Dialect, Frame, Message, Packet, Revision, payload, webtransport};
use songi_interop::Script;

const CASES: usize = 10_000;
const CASES_IN_A_LINE: usize = 100;
const FORMS: [&str; 8] = [
    "v4Frames",
    "v4Base64Frames",
    "v4Payload",
    "v3Frames",
    "v3Base64Frames",
    "v3TextPayload",
    "v3BinaryPayload",
    "webTransport",
];

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn len(&mut self) -> usize {
        match self.below(20) {
            0 => self.below(2000),
            1 => 120 + self.below(12),
            _ => self.below(30),
        }
    }

    /// Everything but U+001E, which separates the packets of a payload in revision 4.
    fn text(&mut self) -> String {
        let alphabet: Vec<char> =
            "a04b:\"\\\u{0}\u{7f}\u{80}é€\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{2028}\u{1F600}\u{10ffff}"
                .chars()
                .collect();
        (0..self.len())
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    fn packet(&mut self) -> Packet {
        match self.below(12) {
            0 => Packet::Open(self.text().into()),
            1 => Packet::Close,
            2 => Packet::Ping(self.text().into()),
            3 => Packet::Pong(self.text().into()),
            4 => Packet::Upgrade,
            5 => Packet::Noop,
            6..=8 => Packet::Message(Message::text(self.text())),
            _ => {
                let bytes: Vec<u8> = (0..self.len()).map(|_| self.below(256) as u8).collect();
                Packet::Message(Message::binary(bytes))
            }
        }
    }
}

fn dialect(form: &str) -> Dialect {
    Dialect {
        revision: if form.starts_with("v3") {
            Revision::V3
        } else {
            Revision::V4
        },
        base64: form.contains("Base64"),
    }
}

fn is_empty_message(packet: &Packet) -> bool {
    matches!(packet, Packet::Message(Message::Binary(bytes)) if bytes.is_empty())
}

/// What travels: frames one by one, or one payload. `None` where the form has nothing to carry it.
fn encode(form: &str, packets: &[Packet]) -> Option<Vec<Frame>> {
    let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
    let text = |body: Bytes| Frame::Text(String::from_utf8(body.into()).unwrap().into());
    Some(match form {
        "v4Payload" => vec![text(payload::encode(&frames))],
        "v3TextPayload" => vec![text(payload::encode_v3_text(&frames))],
        "v3BinaryPayload" => vec![Frame::Binary(payload::encode_v3_binary(&frames))],
        "webTransport" => {
            let mut stream = BytesMut::new();
            for frame in &frames {
                webtransport::encode(frame, &mut stream).ok()?;
            }
            vec![Frame::Binary(stream.freeze())]
        }
        _ => frames
            .into_iter()
            .map(|frame| dialect(form).encode(frame))
            .collect(),
    })
}

fn decode(form: &str, wires: Vec<Frame>) -> Vec<Packet> {
    let body = |frame: &Frame| match frame {
        Frame::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
        Frame::Binary(bytes) => bytes.clone(),
    };
    let first = wires.first().map(body).unwrap_or_default();
    let max = usize::MAX;
    match form {
        "v4Payload" => payload::decode(first, max)
            .unwrap()
            .map(Result::unwrap)
            .collect(),
        "v3TextPayload" => payload::decode_v3_text(first, max)
            .unwrap()
            .map(Result::unwrap)
            .collect(),
        "v3BinaryPayload" => payload::decode_v3_binary(first, max)
            .unwrap()
            .map(Result::unwrap)
            .collect(),
        "webTransport" => {
            let mut input = BytesMut::from(&first[..]);
            std::iter::from_fn(|| webtransport::decode(&mut input, max).unwrap())
                .map(|frame| Packet::decode(frame).unwrap())
                .collect()
        }
        _ => wires
            .into_iter()
            .map(|frame| dialect(form).decode(frame).unwrap())
            .collect(),
    }
}

fn to_wire(frame: &Frame) -> Value {
    match frame {
        Frame::Text(text) => json!({ "text": text.as_str() }),
        Frame::Binary(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

fn from_wire(wire: &Value) -> Frame {
    match wire["text"].as_str() {
        Some(text) => Frame::Text(text.to_owned().into()),
        None => {
            let base64 = wire["base64"].as_str().expect("text or base64");
            Frame::Binary(STANDARD.decode(base64).unwrap().into())
        }
    }
}

fn to_json(packet: &Packet) -> Value {
    let (kind, data) = match packet {
        Packet::Open(data) => ("open", data.as_str()),
        Packet::Close => ("close", ""),
        Packet::Ping(data) => ("ping", data.as_str()),
        Packet::Pong(data) => ("pong", data.as_str()),
        Packet::Upgrade => ("upgrade", ""),
        Packet::Noop => ("noop", ""),
        Packet::Message(Message::Text(text)) => ("message", text.as_str()),
        Packet::Message(Message::Binary(bytes)) => {
            return json!({ "type": "message", "data": to_wire(&Frame::Binary(bytes.clone())) });
        }
    };
    json!({ "type": kind, "data": { "text": data } })
}

#[tokio::test]
async fn ten_thousand_cases_are_the_same_on_both_sides() -> Result<()> {
    let mut script = Script::start("parsers/engineio", &[])?;
    let mut random = Random(0x5eed);
    let mut compared = 0;
    for _ in 0..CASES / CASES_IN_A_LINE {
        let cases: Vec<Vec<Packet>> = (0..CASES_IN_A_LINE)
            .map(|_| (0..=random.below(5)).map(|_| random.packet()).collect())
            .collect();
        let lines: Vec<_> = cases
            .iter()
            .map(|packets| {
                let mut wires = Map::new();
                for form in FORMS {
                    if let Some(frames) = encode(form, packets) {
                        wires.insert(form.into(), frames.iter().map(to_wire).collect());
                    }
                }
                let packets: Vec<_> = packets.iter().map(to_json).collect();
                json!({ "packets": packets, "wires": wires })
            })
            .collect();
        script.send(&lines.into()).await?;
        let answers = script.find("cases").await?;
        for (packets, answer) in cases.iter().zip(answers.as_array().unwrap()) {
            let expected: Vec<_> = packets.iter().map(to_json).collect();
            for form in FORMS {
                let Some(encoded) = encode(form, packets) else {
                    assert!(packets.iter().any(is_empty_message));
                    continue;
                };
                let theirs = &answer[form];
                assert_eq!(theirs["decoded"], Value::from(expected.clone()), "{form}");
                let wires: Vec<_> = theirs["encoded"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(from_wire)
                    .collect();
                assert_eq!(wires, encoded, "{form}: the same bytes");
                assert_eq!(&decode(form, wires), packets, "{form}");
                compared += 1;
            }
        }
    }
    assert!(compared > CASES * 7, "{compared} comparisons");
    Ok(())
}
