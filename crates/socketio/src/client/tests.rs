use serde_json::{Value, json};

use super::*;
use crate::encode;
use crate::server;

const START: Duration = Duration::ZERO;

fn connecting() -> Connection {
    let mut server = Connection::new(&Config::default());
    server.connect("/", &(), &mut Vec::new()).unwrap();
    server
}

fn connected() -> Connection {
    let mut server = connecting();
    receive(&mut server, r#"0{"sid":"abc"}"#).unwrap();
    server
}

fn receive(server: &mut Connection, text: &str) -> Result<Option<Incoming>, Error> {
    server.receive_text(FastStr::new(text), START)
}

#[test]
fn connect() {
    let mut server = Connection::new(&Config::default());
    let mut out = Vec::new();
    server.connect("/", &(), &mut out).unwrap();
    server
        .connect("/admin", &json!({ "token": "123" }), &mut out)
        .unwrap();
    assert_eq!(out, br#"00/admin,{"token":"123"}"#);
    assert_eq!(
        server.connect("/", &(), &mut out),
        Err(StateError::InUse("/".into()))
    );
    assert!(!server.is_connected("/"));

    let incoming = receive(&mut server, r#"0{"sid":"abc","pid":"def"}"#).unwrap();
    let Some(Incoming::Connected {
        namespace,
        sid,
        pid,
    }) = incoming
    else {
        panic!()
    };
    assert_eq!(
        (namespace.as_str(), sid.as_str(), pid.as_deref()),
        ("/", "abc", Some("def"))
    );
    assert!(server.is_connected("/"));
    assert!(!server.is_connected("/admin"));

    let incoming = receive(&mut server, r#"0/admin,{"sid":"\u0061bc","x":1}"#).unwrap();
    assert!(matches!(incoming, Some(Incoming::Connected { sid, pid: None, .. }) if sid == "abc"));
    assert_eq!(
        server.connect("/", &(), &mut out),
        Err(StateError::InUse("/".into()))
    );
}

#[test]
fn connect_that_cannot_be_written_changes_nothing() {
    let mut server = Connection::new(&Config::default());
    let mut out = Vec::new();
    let error = server.connect("/", &1, &mut out);
    assert_eq!(error, Err(StateError::Encode(EncodeError::AuthNotObject)));
    server.connect("/", &(), &mut out).unwrap();
    assert_eq!(out, b"0");
}

#[test]
fn refused() {
    let mut server = connecting();
    let text = r#"4{"message":"Not \"authorized\"","data":{"code": 7}}"#;
    let Some(Incoming::Refused { namespace, error }) = receive(&mut server, text).unwrap() else {
        panic!()
    };
    assert_eq!(namespace, "/");
    assert_eq!(error.message, "Not \"authorized\"");
    assert_eq!(error.data.unwrap().as_str(), r#"{"code": 7}"#);
    server.connect("/", &(), &mut Vec::new()).unwrap();
}

#[test]
fn refused_with_a_string_or_without_a_message() {
    let incoming = receive(&mut connecting(), r#"4"Unauthorized""#).unwrap();
    let Some(Incoming::Refused { error, .. }) = incoming else {
        panic!()
    };
    assert_eq!((error.message.as_str(), error.data), ("Unauthorized", None));
    let incoming = receive(&mut connecting(), r#"4{"data":null}"#).unwrap();
    let Some(Incoming::Refused { error, .. }) = incoming else {
        panic!()
    };
    assert_eq!(error.message, "");
}

#[test]
fn events_acks_and_disconnect() {
    let mut server = connected();
    let incoming = receive(&mut server, r#"25["hi",{"a":1}]"#).unwrap();
    let Some(Incoming::Event {
        early: false,
        id: Some(5),
        name,
        args,
        ..
    }) = incoming
    else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), args.deserialize::<Value>().unwrap()),
        ("hi", json!({ "a": 1 }))
    );
    let incoming = receive(&mut server, "30[1]").unwrap();
    assert!(matches!(incoming, Some(Incoming::Ack { id: 0, .. })));
    let incoming = receive(&mut server, "1").unwrap();
    assert!(matches!(incoming, Some(Incoming::Disconnect { namespace }) if namespace == "/"));
    assert!(!server.is_connected("/"));
    server.connect("/", &(), &mut Vec::new()).unwrap();
}

/// A server that recovers a state sends what was missed before its CONNECT.
#[test]
fn early_events_are_marked() {
    let mut server = connecting();
    let incoming = receive(&mut server, r#"2["missed"]"#).unwrap();
    assert!(matches!(
        incoming,
        Some(Incoming::Event { early: true, .. })
    ));
}

#[test]
fn other_namespaces_are_ignored() {
    let mut server = connected();
    for text in [
        r#"2/x,["a"]"#,
        r#"0/x,{"sid":"a"}"#,
        "1/x,",
        "3/x,1[]",
        r#"4/x,{"message":""}"#,
    ] {
        assert!(receive(&mut server, text).unwrap().is_none(), "{text}");
    }
}

#[test]
fn disconnect_while_connected() {
    let mut server = connected();
    let mut out = Vec::new();
    server.disconnect("/", &mut out).unwrap();
    assert_eq!(out, b"1");
    assert_eq!(
        server.disconnect("/", &mut out),
        Err(StateError::NotConnected("/".into()))
    );
    assert!(receive(&mut server, r#"2["late"]"#).unwrap().is_none());
}

#[test]
fn disconnect_while_connecting_waits_for_the_answer() {
    for (answer, unwanted) in [(r#"0{"sid":"abc"}"#, true), (r#"4{"message":"no"}"#, false)] {
        let mut server = connecting();
        let mut out = Vec::new();
        server.disconnect("/", &mut out).unwrap();
        assert!(
            out.is_empty(),
            "a server that has not answered takes no DISCONNECT"
        );
        assert_eq!(
            server.disconnect("/", &mut out),
            Err(StateError::NotConnected("/".into()))
        );
        assert_eq!(
            server.connect("/", &(), &mut out),
            Err(StateError::InUse("/".into()))
        );
        assert!(receive(&mut server, r#"2["missed"]"#).unwrap().is_none());
        let incoming = receive(&mut server, answer).unwrap();
        assert_eq!(
            matches!(incoming, Some(Incoming::Unwanted { .. })),
            unwanted
        );
        server.connect("/", &(), &mut out).unwrap();
    }
}

#[test]
fn what_breaks_the_protocol_is_final() {
    for (mut server, text, error) in [
        (connecting(), "0", Error::MissingSid),
        (connecting(), r#"0{"sid":1}"#, Error::MissingSid),
        (
            connected(),
            r#"0{"sid":"abc"}"#,
            Error::DoubleConnect("/".into()),
        ),
        (connected(), r#"4{"message":1}"#, Error::IllegalConnectError),
        (connected(), "2", Error::Decode(DecodeError::MissingPayload)),
    ] {
        assert_eq!(receive(&mut server, text).unwrap_err(), error);
        assert_eq!(receive(&mut server, "1").unwrap_err(), Error::Closed);
        assert_eq!(
            server.receive_binary(Bytes::new(), START).unwrap_err(),
            Error::Closed
        );
        assert_eq!(server.handle_timeout(START), Err(Error::Closed));
    }
}

#[test]
fn attachment_timeout() {
    let mut server = connected();
    receive(&mut server, r#"51-["a"]"#).unwrap();
    assert_eq!(server.poll_timeout(), Some(Duration::from_secs(60)));
    let error = Error::Decode(DecodeError::AttachmentTimeout { missing: 1 });
    assert_eq!(server.handle_timeout(Duration::from_secs(60)), Err(error));
    assert_eq!(server.poll_timeout(), None);
}

/// Both sides against each other.
mod simulation {
    use alloc::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const NAMESPACES: [&str; 2] = ["/", "/a"];

    /// What one of the two applications does, or that one message arrives.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Connect(usize),
        ClientLeaves(usize),
        ServerLeaves(usize),
        Accept(usize),
        Reject(usize),
        ClientEmits(usize),
        ServerEmits(usize),
        ToServer,
        ToClient,
    }

    fn step() -> impl Strategy<Value = Step> {
        let namespace = 0..NAMESPACES.len();
        prop_oneof![
            namespace.clone().prop_map(Step::Connect),
            namespace.clone().prop_map(Step::ClientLeaves),
            namespace.clone().prop_map(Step::ServerLeaves),
            namespace.clone().prop_map(Step::Accept),
            namespace.clone().prop_map(Step::Reject),
            namespace.clone().prop_map(Step::ClientEmits),
            namespace.prop_map(Step::ServerEmits),
            Just(Step::ToServer),
            Just(Step::ToServer),
            Just(Step::ToClient),
            Just(Step::ToClient),
        ]
    }

    fn message(write: impl FnOnce(&mut Vec<u8>)) -> Option<FastStr> {
        let mut out = Vec::new();
        write(&mut out);
        (!out.is_empty()).then(|| FastStr::from_vec_u8(out).unwrap())
    }

    struct Pair {
        client: Connection,
        server: server::Connection,
        to_server: VecDeque<FastStr>,
        to_client: VecDeque<FastStr>,
    }

    impl Pair {
        fn step(&mut self, step: Step) {
            match step {
                Step::Connect(n) => self.to_server.extend(message(|out| {
                    let _ = self.client.connect(NAMESPACES[n], &(), out);
                })),
                Step::ClientLeaves(n) => self.to_server.extend(message(|out| {
                    let _ = self.client.disconnect(NAMESPACES[n], out);
                })),
                Step::ServerLeaves(n) => self.to_client.extend(message(|out| {
                    let _ = self.server.disconnect(NAMESPACES[n], out);
                })),
                Step::Accept(n) => self.to_client.extend(message(|out| {
                    let _ = self.server.accept(NAMESPACES[n], "sid", None, out);
                })),
                Step::Reject(n) => self.to_client.extend(message(|out| {
                    let _ = self.server.reject(NAMESPACES[n], "no", None::<&()>, out);
                })),
                Step::ClientEmits(n) if self.client.is_connected(NAMESPACES[n]) => {
                    self.to_server.extend(message(|out| {
                        encode::event(out, NAMESPACES[n], None, "e", &()).unwrap();
                    }));
                }
                Step::ServerEmits(n) if self.server.is_joined(NAMESPACES[n]) => {
                    self.to_client.extend(message(|out| {
                        encode::event(out, NAMESPACES[n], None, "e", &()).unwrap();
                    }));
                }
                Step::ClientEmits(_) | Step::ServerEmits(_) => {}
                Step::ToServer => {
                    if let Some(text) = self.to_server.pop_front() {
                        self.server
                            .receive_text(text, START)
                            .expect("the client is honest");
                    }
                }
                Step::ToClient => {
                    if let Some(text) = self.to_client.pop_front() {
                        let incoming = self.client.receive_text(text, START);
                        if let Some(Incoming::Unwanted { namespace }) =
                            incoming.expect("the server is honest")
                        {
                            self.to_server.extend(message(|out| {
                                encode::disconnect(out, &namespace).unwrap();
                            }));
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Whatever two honest applications do, and however late messages arrive: neither side
        /// calls the other a violator, and when all has arrived they agree.
        #[test]
        fn honest_sides_agree(steps in prop::collection::vec(step(), 0..60)) {
            let mut pair = Pair {
                client: Connection::new(&Config::default()),
                server: server::Connection::new(&server::Config::default(), START),
                to_server: VecDeque::new(),
                to_client: VecDeque::new(),
            };
            for step in steps {
                pair.step(step);
            }
            while !(pair.to_server.is_empty() && pair.to_client.is_empty()) {
                pair.step(Step::ToServer);
                pair.step(Step::ToClient);
            }
            for namespace in NAMESPACES {
                prop_assert_eq!(pair.client.is_connected(namespace), pair.server.is_joined(namespace));
            }
        }
    }
}
