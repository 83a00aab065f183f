//! Lines of JSON.

use serde::Deserialize;
use serde_json::Value;
use songi::client::Message;

use super::{Line, LineError, Tag, with_slash};
use crate::connect::data::{Data, base64};

impl Line {
    /// Reads a JSON line.
    pub(crate) fn json(text: &str) -> Result<Self, LineError> {
        if text.trim().is_empty() {
            return Ok(Self::Empty);
        }
        let line: JsonLine = serde_json::from_str(text).map_err(LineError::Json)?;
        if line.kinds() != 1 {
            return Err(LineError::Kind);
        }
        let typed = |data: Vec<Data>| {
            let data = data.into_iter().map(Data::with_typed_binary);
            data.collect::<Result<Vec<_>, _>>()
        };
        match line {
            JsonLine {
                event: Some(event),
                args,
                namespace,
                ack,
                ..
            } => Ok(Self::Emit {
                namespace: namespace.as_deref().map(with_slash),
                event,
                args: typed(args)?,
                ack: match ack {
                    None | Some(Value::Bool(false) | Value::Null) => Tag::None,
                    Some(Value::Bool(true)) => Tag::Number,
                    Some(own) => Tag::Own(own),
                },
            }),
            JsonLine {
                answer: Some(number),
                args,
                ..
            } => Ok(Self::Answer {
                number,
                args: typed(args)?,
            }),
            JsonLine {
                join: Some(namespace),
                auth,
                ..
            } => Ok(Self::Join {
                namespace: with_slash(&namespace),
                auth: auth.map(Data::with_typed_binary).transpose()?,
            }),
            JsonLine {
                leave: Some(namespace),
                ..
            } => Ok(Self::Leave(Some(with_slash(&namespace)))),
            JsonLine {
                text: Some(text), ..
            } => Ok(Self::Send(Message::text(text))),
            JsonLine {
                binary: Some(text), ..
            } => Ok(Self::Send(Message::Binary(base64(&text)?))),
            _ => Err(LineError::Kind),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct JsonLine {
    event: Option<String>,
    answer: Option<u64>,
    join: Option<String>,
    leave: Option<String>,
    text: Option<String>,
    binary: Option<String>,
    args: Vec<Data>,
    namespace: Option<String>,
    auth: Option<Data>,
    ack: Option<Value>,
}

impl JsonLine {
    /// For how many things it asks.
    fn kinds(&self) -> usize {
        let names = [
            &self.event,
            &self.join,
            &self.leave,
            &self.text,
            &self.binary,
        ];
        let names = names.iter().filter(|name| name.is_some()).count();
        names + usize::from(self.answer.is_some())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::connect::Protocol;

    #[test]
    fn they_ask_for_what_can_be_typed() {
        let json = |text: &str| Line::json(text).unwrap();
        let typed = |text: &str| Line::typed(text, Protocol::Socketio).unwrap();
        assert_eq!(json(r#"{"event":"a"}"#), typed("a"));
        assert_eq!(
            json(r#"{"event":"a","args":[1,{"$base64":"AP8="}],"ack":true}"#),
            typed("a 1 0x00ff ?")
        );
        assert_eq!(
            json(r#"{"event":"a","ack":"mine"}"#),
            Line::Emit {
                namespace: None,
                event: "a".to_owned(),
                args: Vec::new(),
                ack: Tag::Own("mine".into()),
            }
        );
        assert_eq!(
            json(r#"{"join":"admin","auth":{"token":1}}"#),
            typed(r#"/join /admin {"token":1}"#)
        );
        assert_eq!(
            json(r#"{"answer":3,"args":["ok"]}"#),
            typed(r#"/ack 3 "ok""#)
        );
        assert_eq!(json(r#"{"leave":"/admin"}"#), typed("/leave /admin"));
        assert_eq!(json(r#"{"text":"a"}"#), Line::Send(Message::text("a")));
        let binary = Line::Send(Message::binary(vec![0, 255]));
        assert_eq!(json(r#"{"binary":"AP8="}"#), binary);
        assert_eq!(json(" "), Line::Empty);
        for wrong in [
            "{}",
            "say",
            r#"{"event":"a","arguments":[]}"#,
            r#"{"event":1}"#,
            r#"{"event":"a","join":"b"}"#,
        ] {
            assert!(Line::json(wrong).is_err(), "{wrong}");
        }
    }
}
