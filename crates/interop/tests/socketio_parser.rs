//! Packets between this parser and those of npm, in both directions: what one writes the other
//! reads, and both write the same bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::ser::{Serialize, SerializeTuple, Serializer};
use serde_json::{Map, Value, json};
use songi_interop::Script;
use songi_socketio::{Arguments, FastStr, Format, Limits, PacketKind, Parser};

const COUNT: usize = 10_000;

#[tokio::test]
async fn ten_thousand_packets_of_json() -> Result<()> {
    compare(&Parser::Json, "json").await
}

#[tokio::test]
async fn ten_thousand_packets_of_messagepack() -> Result<()> {
    compare(&Parser::Msgpack, "msgpack").await
}

async fn compare(parser: &Parser, name: &str) -> Result<()> {
    let mut script = Script::start("parsers/socketio", &[name])?;
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for number in 0..COUNT {
        let packet = Packet::random(&mut random);
        let messages = packet.encode(parser)?;
        let line = packet.line(&messages);
        script.send(&line).await?;
        let answer = script.line().await?;
        let context = || format!("packet {number}: {line}\n{answer}");

        let mut decoded = answer["decoded"].clone();
        for key in ["id", "data"] {
            // What JavaScript leaves undefined is not in the line.
            let fields = decoded.as_object_mut().with_context(context)?;
            fields.entry(key).or_insert(Value::Null);
        }
        assert_eq!(decoded, packet.fields(), "{}", context());
        assert_eq!(answer["encoded"], line["messages"], "{}", context());
        packet.compare_with(parser, &answer["encoded"]);
    }
    Ok(())
}

/// A packet, whose binary data is `{"binary": [bytes]}`.
struct Packet {
    kind: u64,
    namespace: String,
    id: Option<u64>,
    data: Option<Value>,
}

/// Binary data in it is given to serde as bytes.
struct Line<'a>(&'a Value);

/// Arguments of which there are as many as there are.
struct Spread<'a>(&'a [Value]);

impl Packet {
    fn random(random: &mut Random) -> Self {
        let kind = [0, 1, 2, 2, 2, 3, 3, 4][random.below(8)];
        let namespace = ["/", "/admin", "/é/ü", "/a?b=c", "/1"][random.below(5)].to_owned();
        let id = match kind {
            2 if random.below(2) == 0 => None,
            2 | 3 => Some(random.next() >> [11, 40, 56, 62][random.below(4)]),
            _ => None,
        };
        // As many attachments as the parsers take.
        let mut binary = if kind == 2 || kind == 3 { 10 } else { 0 };
        let data = match kind {
            0 if random.below(3) == 0 => None,
            0 | 4 => Some(random.object(3, &mut binary)),
            1 => None,
            _ => {
                let mut data: Vec<_> = (0..random.below(5))
                    .map(|_| random.value(4, &mut binary))
                    .collect();
                if kind == 2 {
                    data.insert(0, random.text().into());
                }
                Some(data.into())
            }
        };
        Self {
            kind,
            namespace,
            id,
            data,
        }
    }

    fn encode(&self, parser: &Parser) -> Result<Vec<Value>> {
        let mut out = Vec::new();
        let (namespace, none) = (self.namespace.as_str(), Value::Null);
        let data = self.data.as_ref().unwrap_or(&none);
        let list = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let attachments = match self.kind {
            0 => parser
                .connect(&mut out, namespace, data)
                .map(|()| Vec::new())?,
            1 => parser
                .disconnect(&mut out, namespace)
                .map(|()| Vec::new())?,
            2 => {
                let (name, args) = list.split_first().context("a name")?;
                let name = name.as_str().context("a name")?;
                parser.event(&mut out, namespace, self.id, name, &Spread(args))?
            }
            3 => parser.ack(
                &mut out,
                namespace,
                self.id.context("an id")?,
                &Spread(list),
            )?,
            _ => parser
                .error(&mut out, namespace, data)
                .map(|()| Vec::new())?,
        };
        let first = match parser.format() {
            Format::Text => String::from_utf8(out)?.into(),
            Format::Binary => json!({ "binary": out }),
        };
        let attachments = attachments
            .iter()
            .map(|data| json!({ "binary": data.to_vec() }));
        Ok(std::iter::once(first).chain(attachments).collect())
    }

    fn fields(&self) -> Value {
        json!({ "type": self.kind, "namespace": self.namespace, "id": self.id, "data": self.data })
    }

    fn line(&self, messages: &[Value]) -> Value {
        let mut line = self.fields();
        line["messages"] = messages.into();
        line
    }

    /// Decodes what JavaScript has written.
    fn compare_with(&self, parser: &Parser, messages: &Value) {
        let mut decoder = parser.decoder(Limits::default());
        let mut packet = None;
        for message in messages.as_array().unwrap() {
            packet = match message.as_str() {
                Some(text) => decoder.decode_text(FastStr::new(text), Duration::ZERO),
                None => decoder.decode_binary(binary(message).unwrap(), Duration::ZERO),
            }
            .unwrap();
        }
        let packet = packet.unwrap();
        assert_eq!(packet.namespace, self.namespace);
        match packet.kind {
            PacketKind::Connect(payload) => {
                let data = payload.map(|payload| payload.deserialize::<Value>().unwrap());
                assert_eq!((0, &data), (self.kind, &self.data));
            }
            PacketKind::ConnectError(payload) => {
                let data = payload.deserialize::<Value>().unwrap();
                assert_eq!((4, Some(&data)), (self.kind, self.data.as_ref()));
            }
            PacketKind::Disconnect => assert_eq!(1, self.kind),
            PacketKind::Event { id, name, args } => {
                let (expected, args_expected) = self.list().split_first().unwrap();
                assert_eq!(
                    (2, id, name.as_str()),
                    (self.kind, self.id, expected.as_str().unwrap())
                );
                compare_arguments(args_expected, &args, parser.format());
            }
            PacketKind::Ack { id, args } => {
                assert_eq!((3, Some(id)), (self.kind, self.id));
                compare_arguments(self.list(), &args, parser.format());
            }
        }
    }

    fn list(&self) -> &[Value] {
        self.data.as_ref().and_then(Value::as_array).unwrap()
    }
}

fn compare_arguments(expected: &[Value], args: &Arguments, format: Format) {
    assert_eq!(args.len(), expected.len());
    let mut attachments = Vec::new();
    let mut reader = args.reader();
    for argument in expected {
        match binary(argument) {
            Some(data) => assert_eq!(reader.next::<Bytes>().unwrap(), data),
            None if contains_binary(argument) => {
                reader.next::<serde::de::IgnoredAny>().unwrap();
            }
            None => assert_eq!(&reader.next::<Value>().unwrap(), argument),
        }
    }
    let placeholders: Vec<_> = expected
        .iter()
        .map(|argument| with_placeholders(argument, &mut attachments))
        .collect();
    let mut array: Vec<Value> = serde_json::from_str(&args.to_json()).unwrap();
    let start = array.len() - expected.len();
    assert_eq!(array.split_off(start), placeholders);
    if format == Format::Text {
        assert_eq!(args.attachments(), attachments);
    }
}

fn binary(value: &Value) -> Option<Bytes> {
    let bytes = value.get("binary")?.as_array()?;
    bytes
        .iter()
        .map(|byte| Some(byte.as_u64()? as u8))
        .collect()
}

fn contains_binary(value: &Value) -> bool {
    with_placeholders(value, &mut Vec::new()) != *value
}

fn with_placeholders(value: &Value, attachments: &mut Vec<Bytes>) -> Value {
    if let Some(data) = binary(value) {
        attachments.push(data);
        return json!({ "_placeholder": true, "num": attachments.len() - 1 });
    }
    match value {
        Value::Array(list) => list
            .iter()
            .map(|value| with_placeholders(value, attachments))
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), with_placeholders(value, attachments)))
            .collect(),
        scalar => scalar.clone(),
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (binary(self.0), self.0) {
            (Some(data), _) => serializer.serialize_bytes(&data),
            (_, Value::Array(list)) => serializer.collect_seq(list.iter().map(Line)),
            (_, Value::Object(map)) => {
                serializer.collect_map(map.iter().map(|(key, value)| (key, Line(value))))
            }
            (_, scalar) => scalar.serialize(serializer),
        }
    }
}

impl Serialize for Spread<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in self.0 {
            tuple.serialize_element(&Line(value))?;
        }
        tuple.end()
    }
}

/// The same packets in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    fn text(&mut self) -> String {
        const CHARACTERS: [&str; 12] = [
            "a", "Z", "9", " ", "\"", "\\", "\n", "\u{1}", "é", "송", "💜", "\u{2028}",
        ];
        let len = [0, 1, 5, 40, 300][self.below(5)];
        (0..len).map(|_| CHARACTERS[self.below(12)]).collect()
    }

    fn value(&mut self, depth: usize, binary: &mut usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            // JavaScript has 53 bits, and no difference between 1 and 1.0.
            2 => {
                let number = (self.next() >> 11 >> self.below(53)).cast_signed();
                (if self.below(2) == 0 { number } else { -number }).into()
            }
            3 => (((self.next() >> 32) as f64 + 0.5) / 16.0).into(),
            4 => self.text().into(),
            5 if *binary > 0 => {
                *binary -= 1;
                let len = [0, 1, 20, 255, 256, 1000][self.below(6)];
                let bytes: Vec<_> = (0..len).map(|_| self.next() as u8).collect();
                json!({ "binary": bytes })
            }
            5 => Value::Null,
            6 => {
                let len = [0, 1, 3, 15, 16, 20][self.below(6)];
                (0..len)
                    .map(|_| self.value(depth.saturating_sub(2), binary))
                    .collect()
            }
            _ => self.object(depth, binary),
        }
    }

    fn object(&mut self, depth: usize, binary: &mut usize) -> Value {
        let len = [0, 1, 2, 16][self.below(4)];
        let mut object = Map::new();
        for number in 0..len {
            // A letter first: JavaScript puts numbers before all other keys.
            let key = format!("k{number}{}", self.text());
            let value = self.value(depth.saturating_sub(2), binary);
            object.insert(key, value);
        }
        object.into()
    }
}
