use alloc::string::ToString;

use serde_json::{Value, json};

use super::*;
use crate::{client, server};

const START: Duration = Duration::ZERO;

/// Packets as `Debug` prints them in a binary message, and kept on the other side of the wire by
/// the test's own table.
#[derive(Debug)]
struct Wordy;

#[derive(Debug, Default)]
struct WordyDecoder(Option<FastStr>);

impl CustomParser for Wordy {
    fn format(&self) -> Format {
        Format::Binary
    }

    fn encode(&self, packet: &Packet, out: &mut Vec<u8>) -> Result<Vec<Bytes>, EncodeError> {
        let text = match &packet.kind {
            PacketKind::Connect(payload) => json!(["connect", payload]),
            PacketKind::ConnectError(payload) => json!(["refuse", payload]),
            PacketKind::Disconnect => json!(["leave"]),
            PacketKind::Event { name, args, .. } => {
                let args: (Option<Value>, Option<Value>) = args.deserialize().unwrap();
                json!(["event", name.as_str(), args.0, args.1])
            }
            PacketKind::Ack { id, .. } => json!(["ack", id]),
        };
        out.extend_from_slice(text.to_string().as_bytes());
        // The namespace follows, to have a packet of two messages.
        Ok(alloc::vec![Bytes::copy_from_slice(
            packet.namespace.as_bytes()
        )])
    }

    fn decoder(&self, _limits: Limits) -> Box<dyn CustomDecoder> {
        Box::new(WordyDecoder::default())
    }
}

impl CustomDecoder for WordyDecoder {
    fn decode_binary(
        &mut self,
        data: Bytes,
        _now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        let text = FastStr::from_bytes(data).map_err(|_| DecodeError::Custom("not text".into()))?;
        let Some(first) = self.0.take() else {
            self.0 = Some(text);
            return Ok(None);
        };
        let value: Value =
            serde_json::from_str(&first).map_err(|_| DecodeError::Custom("not JSON".into()))?;
        let payload = |value: &Value| RawJson::of(value).unwrap();
        let kind = match value[0].as_str() {
            Some("connect") if value[1].is_null() => PacketKind::Connect(None),
            Some("connect") => PacketKind::Connect(Some(payload(&value[1]))),
            Some("refuse") => PacketKind::ConnectError(payload(&value[1])),
            Some("leave") => PacketKind::Disconnect,
            Some("event") => PacketKind::Event {
                id: None,
                name: FastStr::new(value[1].as_str().unwrap()),
                args: Arguments::of(&(&value[2], &value[3])).unwrap(),
            },
            _ => return Err(DecodeError::Custom("not a packet".into())),
        };
        Ok(Some(Packet {
            namespace: text,
            kind,
        }))
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.0.as_ref().map(|_| Duration::from_secs(1))
    }

    fn handle_timeout(&mut self, now: Duration) -> Result<(), DecodeError> {
        match self.0 {
            Some(_) if now >= Duration::from_secs(1) => {
                Err(DecodeError::AttachmentTimeout { missing: 1 })
            }
            _ => Ok(()),
        }
    }
}

fn parsers() -> Vec<Parser> {
    alloc::vec![
        Parser::Json,
        #[cfg(feature = "msgpack")]
        Parser::Msgpack,
    ]
}

fn messages(
    parser: &Parser,
    first: Vec<u8>,
    attachments: Vec<Bytes>,
) -> Vec<Result<FastStr, Bytes>> {
    let first = match parser.format() {
        Format::Text => Ok(FastStr::from_vec_u8(first).unwrap()),
        Format::Binary => Err(first.into()),
    };
    core::iter::once(first)
        .chain(attachments.into_iter().map(Err))
        .collect()
}

/// A client and a server through any parser: joining, an event with binary, an ack, a refusal.
#[test]
fn a_conversation_through_each_parser() {
    for parser in parsers() {
        let mut server =
            server::Connection::new(&server::Config::default(), START).with_parser(&parser);
        let mut client = client::Connection::new(&client::Config::default()).with_parser(&parser);
        let to_server = |server: &mut server::Connection, message| match message {
            Ok(text) => server.receive_text(text, START).unwrap(),
            Err(data) => server.receive_binary(data, START).unwrap(),
        };
        let to_client = |client: &mut client::Connection, message| match message {
            Ok(text) => client.receive_text(text, START).unwrap(),
            Err(data) => client.receive_binary(data, START).unwrap(),
        };
        let one = |out: Vec<u8>| messages(&parser, out, Vec::new()).remove(0);

        let mut out = Vec::new();
        client
            .connect("/a", &json!({ "token": [1, "é", null] }), &mut out)
            .unwrap();
        let Some(server::Incoming::Connect {
            namespace,
            auth: Some(auth),
        }) = to_server(&mut server, one(out))
        else {
            panic!()
        };
        assert_eq!(
            (namespace.as_str(), auth.as_str()),
            ("/a", r#"{"token":[1,"é",null]}"#)
        );
        let mut out = Vec::new();
        server.accept("/a", "sid", Some("pid"), &mut out).unwrap();
        let Some(client::Incoming::Connected { sid, pid, .. }) = to_client(&mut client, one(out))
        else {
            panic!()
        };
        assert_eq!((sid.as_str(), pid.as_deref()), ("sid", Some("pid")));

        let mut out = Vec::new();
        let data = Bytes::from_static(&[0, 255]);
        let attachments = parser
            .event(&mut out, "/a", Some(7), "e", &(1, &data))
            .unwrap();
        let mut incoming = None;
        for message in messages(&parser, out, attachments) {
            incoming = to_server(&mut server, message);
        }
        let Some(server::Incoming::Event {
            id: Some(7), args, ..
        }) = incoming
        else {
            panic!()
        };
        assert_eq!(args.deserialize::<(u8, Bytes)>().unwrap(), (1, data));

        let mut out = Vec::new();
        assert!(parser.ack(&mut out, "/a", 7, "yes").unwrap().is_empty());
        let Some(client::Incoming::Ack { id: 7, args, .. }) = to_client(&mut client, one(out))
        else {
            panic!()
        };
        assert_eq!(args.deserialize::<&str>().unwrap(), "yes");

        let mut out = Vec::new();
        let attachments = parser
            .recoverable_event(&mut out, "/a", "e", &(), "o1")
            .unwrap();
        assert!(attachments.is_empty());
        let Some(client::Incoming::Event { id: None, args, .. }) = to_client(&mut client, one(out))
        else {
            panic!()
        };
        assert_eq!((args.len(), args.deserialize::<&str>().unwrap()), (1, "o1"));

        let mut out = Vec::new();
        client.connect("/b", &(), &mut out).unwrap();
        let incoming = to_server(&mut server, one(out));
        assert!(matches!(
            incoming,
            Some(server::Incoming::Connect { auth: None, .. })
        ));
        let mut out = Vec::new();
        server
            .reject("/b", "no", Some(&json!({ "code": 1 })), &mut out)
            .unwrap();
        let Some(client::Incoming::Refused { error, .. }) = to_client(&mut client, one(out)) else {
            panic!()
        };
        assert_eq!(
            (error.message.as_str(), error.data.unwrap().as_str()),
            ("no", r#"{"code":1}"#)
        );

        let mut out = Vec::new();
        client.disconnect("/a", &mut out).unwrap();
        let incoming = to_server(&mut server, one(out));
        assert!(matches!(
            incoming,
            Some(server::Incoming::Disconnect { .. })
        ));
    }
}

#[test]
fn a_parser_of_the_application() {
    let parser = Parser::Custom(Arc::new(Wordy));
    let mut decoder = parser.decoder(Limits::default());
    let mut out = Vec::new();
    let attachments = parser
        .recoverable_event(&mut out, "/a", "e", &5, "o1")
        .unwrap();
    assert_eq!(out, br#"["event","e",5,"o1"]"#);
    assert!(decoder.decode_binary(out.into(), START).unwrap().is_none());
    assert_eq!(decoder.poll_timeout(), Some(Duration::from_secs(1)));
    assert!(decoder.handle_timeout(Duration::from_secs(1)).is_err());
    let packet = decoder
        .decode_binary(attachments[0].clone(), START)
        .unwrap()
        .unwrap();
    assert_eq!(packet.namespace, "/a");
    let PacketKind::Event { args, .. } = packet.kind else {
        panic!()
    };
    assert_eq!(args.deserialize::<(u8, &str)>().unwrap(), (5, "o1"));

    let mut out = Vec::new();
    parser.event(&mut out, "/a", None, "e", &()).unwrap();
    assert_eq!(out, br#"["event","e",null,null]"#);
}

/// What holds for every parser is not left to the application's.
#[test]
fn a_parser_of_the_application_cannot_break_the_rules() {
    let parser = Parser::Custom(Arc::new(Wordy));
    let limits = Limits {
        max_packet_bytes: 300,
        ..Limits::default()
    };
    let receive = |first: &'static str, second: &'static str| {
        let mut decoder = parser.decoder(limits);
        decoder.decode_binary(Bytes::from_static(first.as_bytes()), START)?;
        decoder.decode_binary(Bytes::from_static(second.as_bytes()), START)
    };
    let long: &'static str = alloc::format!("/{}", "n".repeat(260)).leak();
    let huge: &'static str = "x".repeat(301).leak();
    assert!(receive(r#"["leave"]"#, "/a").unwrap().is_some());
    assert_eq!(
        receive(r#"["leave"]"#, "a").unwrap_err(),
        DecodeError::IllegalNamespace
    );
    assert_eq!(
        receive(r#"["leave"]"#, "/a,b").unwrap_err(),
        DecodeError::IllegalNamespace
    );
    let error = receive(r#"["leave"]"#, long).unwrap_err();
    assert_eq!(
        error,
        DecodeError::NamespaceTooLong {
            bytes: 261,
            limit: 256
        }
    );
    let error = receive(r#"["event","connect"]"#, "/").unwrap_err();
    assert_eq!(error, DecodeError::ReservedEventName("connect"));
    assert_eq!(
        receive(huge, "/").unwrap_err(),
        DecodeError::PacketTooLarge { limit: 300 }
    );
    assert_eq!(
        parser
            .decoder(limits)
            .decode_text("x".into(), START)
            .unwrap_err(),
        DecodeError::UnexpectedText
    );

    let mut out = Vec::new();
    let error = parser
        .event(&mut out, "/", None, "disconnect", &())
        .unwrap_err();
    assert_eq!(error, EncodeError::ReservedEventName("disconnect"));
    let error = parser.event(&mut out, "a", None, "e", &()).unwrap_err();
    assert_eq!(error, EncodeError::IllegalNamespace("a".into()));
    // Its two messages are one too many for a packet that the state machines write.
    assert_eq!(
        parser.disconnect(&mut out, "/").unwrap_err(),
        EncodeError::UnexpectedBinary
    );
}
