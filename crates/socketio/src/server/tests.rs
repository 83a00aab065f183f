use alloc::format;

use serde_json::{Value, json};

use super::*;
use crate::RESERVED_EVENTS;

const START: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);

fn connection() -> Connection {
    Connection::new(&Config::default(), START)
}

/// A client that is in `/`.
fn joined() -> Connection {
    let mut client = connection();
    join(&mut client, "/");
    client
}

fn join(client: &mut Connection, namespace: &str) {
    let text = if namespace == "/" {
        "0".into()
    } else {
        format!("0{namespace},")
    };
    let incoming = receive(client, &text).unwrap();
    assert!(matches!(incoming, Some(Incoming::Connect { namespace: got, .. }) if got == namespace));
    client
        .accept(namespace, "sid", None, &mut Vec::new())
        .unwrap();
}

fn receive(client: &mut Connection, text: &str) -> Result<Option<Incoming>, Error> {
    client.receive_text(FastStr::new(text), START)
}

#[track_caller]
fn assert_closes(mut client: Connection, text: &str, error: &Error) {
    assert_eq!(&receive(&mut client, text).unwrap_err(), error, "{text}");
    assert_eq!(receive(&mut client, "0").unwrap_err(), Error::Closed);
    assert_eq!(
        client.receive_binary(Bytes::new(), START).unwrap_err(),
        Error::Closed
    );
    assert_eq!(client.handle_timeout(START), Err(Error::Closed));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn connect_with_auth_and_accept_with_a_recovery_secret() {
    let mut client = connection();
    let incoming = receive(&mut client, r#"0/admin,{"token":"123"}"#).unwrap();
    let Some(Incoming::Connect {
        namespace,
        auth: Some(auth),
    }) = incoming
    else {
        panic!()
    };
    assert_eq!(namespace, "/admin");
    assert_eq!(
        auth.deserialize::<Value>().unwrap(),
        json!({ "token": "123" })
    );
    assert!(!client.is_joined("/admin"));
    let mut out = b"4".to_vec();
    client
        .accept("/admin", "sid", Some("pid"), &mut out)
        .unwrap();
    assert_eq!(out, br#"40/admin,{"sid":"sid","pid":"pid"}"#);
    assert!(client.is_joined("/admin"));
    assert!(!client.is_joined("/"));
    assert_eq!(client.joined().collect::<Vec<_>>(), ["/admin"]);
}

#[test]
fn events_acks_and_leaving() {
    let mut client = joined();
    let incoming = receive(&mut client, r#"212["hi",1]"#).unwrap();
    let Some(Incoming::Event {
        id: Some(12),
        name,
        args,
        ..
    }) = incoming
    else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), args.deserialize::<u8>().unwrap()),
        ("hi", 1)
    );

    let incoming = receive(&mut client, "37[2]").unwrap();
    let Some(Incoming::Ack { id: 7, args, .. }) = incoming else {
        panic!()
    };
    assert_eq!(args.deserialize::<u8>().unwrap(), 2);

    let incoming = receive(&mut client, "1").unwrap();
    assert!(matches!(incoming, Some(Incoming::Disconnect { namespace }) if namespace == "/"));
    assert_eq!(client.joined().count(), 0);
    join(&mut client, "/");
}

#[test]
fn binary_events() {
    let mut client = joined();
    let text = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    assert!(receive(&mut client, text).unwrap().is_none());
    assert_eq!(client.poll_timeout(), Some(60 * SECOND));
    let incoming = client
        .receive_binary(Bytes::from_static(b"data"), START)
        .unwrap();
    let Some(Incoming::Event { args, .. }) = incoming else {
        panic!()
    };
    assert_eq!(args.deserialize::<&[u8]>().unwrap(), b"data");
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn namespaces_are_apart() {
    let mut client = joined();
    join(&mut client, "/a");
    join(&mut client, "/b");
    receive(&mut client, "1/a,").unwrap();
    assert!(receive(&mut client, r#"2/b,["x"]"#).unwrap().is_some());
    assert!(receive(&mut client, r#"2["x"]"#).unwrap().is_some());
    assert_closes(client, r#"2/a,["x"]"#, &Error::NotJoined("/a".into()));
}

/// "If the server does not receive a CONNECT packet first, then it MUST close the connection".
#[test]
fn anything_before_connect_closes() {
    for text in [r#"2["x"]"#, "31[]", "1", r#"2/admin,["x"]"#] {
        let namespace = if text.contains("admin") {
            "/admin"
        } else {
            "/"
        };
        assert_closes(connection(), text, &Error::NotJoined(namespace.into()));
    }
}

/// As in JavaScript, where a socket is known only when its middleware has finished.
#[test]
fn anything_while_connect_is_pending_closes() {
    for text in [r#"2["x"]"#, "31[]", "1"] {
        let mut client = connection();
        receive(&mut client, "0").unwrap();
        assert_closes(client, text, &Error::NotJoined("/".into()));
    }
}

#[test]
fn a_second_connect_closes() {
    assert_closes(joined(), "0", &Error::DoubleConnect("/".into()));
    let mut client = connection();
    receive(&mut client, "0/admin,").unwrap();
    assert_closes(client, "0/admin,{}", &Error::DoubleConnect("/admin".into()));
}

#[test]
fn connect_error_from_a_client_closes() {
    assert_closes(
        joined(),
        r#"4{"message":"x"}"#,
        &Error::ConnectErrorFromClient,
    );
    assert_closes(connection(), r#"4"x""#, &Error::ConnectErrorFromClient);
}

#[test]
fn what_is_not_a_packet_closes() {
    assert_closes(joined(), "2", &Error::Decode(DecodeError::MissingPayload));
    for name in RESERVED_EVENTS {
        let error = Error::Decode(DecodeError::ReservedEventName(name));
        assert_closes(joined(), &format!("2[{name:?}]"), &error);
    }
    let mut client = joined();
    let error = client.receive_binary(Bytes::new(), START).unwrap_err();
    assert_eq!(error, Error::Decode(DecodeError::UnexpectedAttachment));
    assert_eq!(
        receive(&mut client, r#"2["x"]"#).unwrap_err(),
        Error::Closed
    );
}

#[test]
fn a_rejected_client_may_ask_again() {
    let mut client = connection();
    receive(&mut client, "0").unwrap();
    let mut out = Vec::new();
    client
        .reject("/", "Not authorized", Some(&json!({ "code": 7 })), &mut out)
        .unwrap();
    assert_eq!(out, br#"4{"message":"Not authorized","data":{"code":7}}"#);
    assert_eq!(
        client.poll_timeout(),
        Some(45 * SECOND),
        "it has not joined anything"
    );
    join(&mut client, "/");
}

#[test]
fn what_was_under_way_when_the_server_ended_it_is_dropped() {
    let mut client = joined();
    join(&mut client, "/a");
    let mut out = Vec::new();
    client.disconnect("/a", &mut out).unwrap();
    assert_eq!(out, b"1/a,");
    assert!(!client.is_joined("/a"));
    assert_eq!(client.joined().count(), 1);
    assert!(receive(&mut client, r#"2/a,["x"]"#).unwrap().is_none());
    assert!(receive(&mut client, "3/a,1[]").unwrap().is_none());
    join(&mut client, "/a");
    client.disconnect("/a", &mut out).unwrap();
    assert!(
        receive(&mut client, "1/a,").unwrap().is_none(),
        "both left at once"
    );
    assert_closes(client, r#"2/a,["x"]"#, &Error::NotJoined("/a".into()));
}

#[test]
fn answers_that_nobody_waits_for() {
    let mut client = joined();
    let mut out = Vec::new();
    let not_pending = |namespace: &str| StateError::NotPending(FastStr::new(namespace));
    assert_eq!(
        client.accept("/", "sid", None, &mut out),
        Err(not_pending("/"))
    );
    assert_eq!(
        client.accept("/a", "sid", None, &mut out),
        Err(not_pending("/a"))
    );
    assert_eq!(
        client.reject("/", "m", None::<&()>, &mut out),
        Err(not_pending("/"))
    );
    assert_eq!(
        client.disconnect("/a", &mut out),
        Err(StateError::NotJoined("/a".into()))
    );
    client.disconnect("/", &mut out).unwrap();
    assert_eq!(
        client.disconnect("/", &mut out),
        Err(StateError::NotJoined("/".into()))
    );
    assert_eq!(out, b"1");
}

#[test]
fn connect_timeout() {
    let mut client = connection();
    assert_eq!(client.poll_timeout(), Some(45 * SECOND));
    assert_eq!(
        client.handle_timeout(45 * SECOND - Duration::from_nanos(1)),
        Ok(())
    );
    // A CONNECT that has no answer yet is not a namespace, as in JavaScript.
    receive(&mut client, "0").unwrap();
    assert_eq!(
        client.handle_timeout(45 * SECOND),
        Err(Error::ConnectTimeout)
    );
    assert_eq!(client.handle_timeout(46 * SECOND), Err(Error::Closed));
}

#[test]
fn no_connect_timeout_once_joined() {
    let mut client = joined();
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(client.handle_timeout(Duration::MAX), Ok(()));
    client.disconnect("/", &mut Vec::new()).unwrap();
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn attachment_timeout() {
    let mut client = joined();
    receive(&mut client, r#"51-["a"]"#).unwrap();
    let error = Error::Decode(DecodeError::AttachmentTimeout { missing: 1 });
    assert_eq!(client.handle_timeout(60 * SECOND), Err(error));
    assert_eq!(receive(&mut client, "1").unwrap_err(), Error::Closed);
}

#[test]
fn namespaces_are_limited() {
    let config = Config {
        max_namespaces: 3,
        ..Config::default()
    };
    let mut client = Connection::new(&config, START);
    join(&mut client, "/");
    join(&mut client, "/a");
    receive(&mut client, "0/pending,").unwrap();
    client.disconnect("/a", &mut Vec::new()).unwrap();
    // One that the server ended gives way.
    join(&mut client, "/b");
    assert_closes(client, "0/c,", &Error::TooManyNamespaces { limit: 3 });
}

#[test]
fn a_kept_namespace_does_not_keep_the_message() {
    let mut client = connection();
    let name = format!("/{}", "n".repeat(50));
    let message = Bytes::from(format!("0{name},{{\"token\":\"123\"}}"));
    let text = FastStr::from_bytes(message.clone()).unwrap();
    drop(client.receive_text(text, START).unwrap());
    assert!(message.is_unique());
}

/// Socket.IO protocol version 4, as `EIO=3` clients of socket.io 2 speak it.
mod version_4 {
    use super::*;

    fn opened() -> Connection {
        let mut client = connection().with_revision(Revision::V4);
        let incoming = client.opened();
        assert!(
            matches!(incoming, Some(Incoming::Connect { namespace, auth: None }) if namespace == "/")
        );
        client
    }

    fn joined() -> Connection {
        let mut client = opened();
        client.accept("/", "sid", None, &mut Vec::new()).unwrap();
        client
    }

    #[test]
    fn the_server_connects_the_client_by_itself() {
        let mut client = opened();
        assert!(client.opened().is_none(), "once");
        let mut out = Vec::new();
        client.accept("/", "sid", Some("pid"), &mut out).unwrap();
        assert_eq!(out, b"0", "CONNECT has no payload");
        assert!(client.is_joined("/"));
        assert!(client.opened().is_none());
        assert!(matches!(
            receive(&mut client, r#"2["a"]"#),
            Ok(Some(Incoming::Event { .. }))
        ));
    }

    #[test]
    fn version_5_asks_by_itself() {
        assert!(connection().opened().is_none());
    }

    #[test]
    fn a_query_is_the_authentication() {
        let mut client = joined();
        let incoming = receive(&mut client, "0/admin?token=a%20b&x=1,").unwrap();
        let Some(Incoming::Connect { namespace, auth }) = incoming else {
            panic!()
        };
        assert_eq!(namespace, "/admin");
        assert_eq!(auth.unwrap().as_str(), r#"{"token":"a b","x":"1"}"#);
        let mut out = Vec::new();
        client.accept("/admin", "sid", None, &mut out).unwrap();
        assert_eq!(out, b"0/admin,");
        // socket.io looks at the path alone in every packet.
        let incoming = receive(&mut client, r#"2/admin?token=a,["a"]"#).unwrap();
        assert!(
            matches!(incoming, Some(Incoming::Event { namespace, .. }) if namespace == "/admin")
        );
    }

    #[test]
    fn without_a_query_there_is_no_authentication() {
        let incoming = receive(&mut joined(), "0/admin,").unwrap();
        assert!(matches!(
            incoming,
            Some(Incoming::Connect { auth: None, .. })
        ));
    }

    #[test]
    fn a_question_mark_is_part_of_the_name_in_version_5() {
        let incoming = receive(&mut connection(), "0/admin?token=a,").unwrap();
        assert!(
            matches!(incoming, Some(Incoming::Connect { namespace, auth: None }) if namespace == "/admin?token=a")
        );
    }

    #[test]
    fn a_refusal_is_the_bare_data() {
        let mut client = joined();
        for (data, text) in [
            (None, r#"4/admin,"no""#),
            (Some(json!({ "code": 1 })), r#"4/admin,{"code":1}"#),
            (Some(json!("why")), r#"4/admin,"why""#),
        ] {
            receive(&mut client, "0/admin,").unwrap();
            let mut out = Vec::new();
            client
                .reject("/admin", "no", data.as_ref(), &mut out)
                .unwrap();
            assert_eq!(out, text.as_bytes());
        }
        let mut client = opened();
        let mut out = Vec::new();
        client.reject("/", "no", None::<&()>, &mut out).unwrap();
        assert_eq!(out, br#"4"no""#);
    }

    #[test]
    fn binary_events_and_leaving_are_as_in_version_5() {
        let mut client = joined();
        assert!(
            receive(&mut client, r#"51-["a",{"_placeholder":true,"num":0}]"#)
                .unwrap()
                .is_none()
        );
        let incoming = client
            .receive_binary(Bytes::from_static(b"x"), START)
            .unwrap();
        assert!(matches!(incoming, Some(Incoming::Event { .. })));
        assert!(matches!(
            receive(&mut client, "1"),
            Ok(Some(Incoming::Disconnect { .. }))
        ));
    }

    #[test]
    fn what_closes() {
        assert_closes(opened(), r#"2["a"]"#, &Error::NotJoined("/".into()));
        assert_closes(opened(), "0", &Error::DoubleConnect("/".into()));
        assert_closes(joined(), "0", &Error::DoubleConnect("/".into()));
        assert_closes(joined(), "0/?a=b,", &Error::DoubleConnect("/".into()));
        assert_closes(
            joined(),
            r#"0/a,{"a":1}"#,
            &DecodeError::UnexpectedPayload.into(),
        );
        assert_closes(joined(), "4\"a\"", &Error::ConnectErrorFromClient);
    }

    #[test]
    fn name_and_query_have_limits_of_their_own() {
        let mut client = joined();
        let text = format!("0/{}?{},", "n".repeat(255), "q".repeat(8192));
        assert!(receive(&mut client, &text).unwrap().is_some());
        let text = format!("0/a?{},", "q".repeat(8193));
        let error = DecodeError::QueryTooLong {
            bytes: 8193,
            limit: 8192,
        };
        assert_closes(client, &text, &error.into());
        let text = format!("0/{}?a=b,", "n".repeat(256));
        let error = DecodeError::NamespaceTooLong {
            bytes: 257,
            limit: 256,
        };
        assert_closes(joined(), &text, &error.into());
    }

    #[test]
    fn the_connect_timeout_holds_for_middleware_that_never_ends() {
        let mut client = opened();
        assert_eq!(
            client.handle_timeout(45 * SECOND),
            Err(Error::ConnectTimeout)
        );
    }
}
