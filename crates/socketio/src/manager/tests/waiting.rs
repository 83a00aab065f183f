//! What waits: for the link, for an ack, for the namespace.

use super::*;

#[test]
fn what_waits_and_asks_for_no_ack_outlasts_the_end_of_its_socket() {
    let mut it = Bench::new(Config {
        max_waiting_events: 3,
        ..Config::default()
    });
    let mut socket = it.join("/");
    it.pull();
    let id = it.manager.expect(socket, 'a').unwrap();
    for (packet, ack) in [("one", None), ("asked", Some(id)), ("two", None)] {
        let emitted = it.manager.emit(socket, packet, 3, false, ack);
        assert_eq!(emitted, Ok(None));
    }
    assert_eq!(it.open(), ["0"]);
    it.receive(r#"4{"message":"no"}"#);
    let ended = [
        "refused no",
        "unanswered a Disconnected",
        "ended /: io server disconnect",
        "close",
    ];
    assert_eq!(it.pull(), ended);
    socket = it.rejoin();
    assert_eq!(it.lose(), ["open"]);
    // The limit holds for all of them.
    for expected in [Ok(None), Err(EmitError::QueueFull)] {
        let emitted = it.manager.emit(socket, "three", 5, false, None);
        assert_eq!(emitted, expected);
    }
    it.manager.leave(socket);
    assert_eq!(it.pull(), ["ended /: io client disconnect", "close"]);
    it.rejoin();
    assert_eq!(it.lose(), ["open"]);
    assert_eq!(it.open(), ["0"]);
    it.receive(&connected("/", "s", None));
    let all = ["joined / s", "send one", "send two", "send three"];
    assert_eq!(it.pull(), all);
}

#[test]
fn an_event_is_sent_again_on_the_next_link_and_after_its_time() {
    let mut it = Bench::new(Config {
        retries: 2,
        ..Config::default()
    });
    let socket = it.joined("/");
    for (packet, reply) in [("one", 'a'), ("two", 'b')] {
        let id = it.manager.reserve(socket).unwrap();
        let queued = it
            .manager
            .emit_until_answered(socket, packet, 1, id, reply, it.now);
        queued.unwrap();
    }
    assert_eq!(it.pull(), ["send one"]);
    it.lose();
    it.wait();
    it.open();
    it.receive(&connected("/", "s", None));
    assert_eq!(it.pull(), ["joined / s", "send one"]);
    assert_eq!(it.wait(), ["send one"]);
    assert_eq!(it.wait(), ["unanswered a Timeout", "send two"]);
    // It outlasts the socket.
    it.receive("1");
    it.pull();
    it.lose();
    it.rejoin();
    it.pull();
    it.open();
    it.receive(&connected("/", "s", None));
    assert_eq!(it.pull(), ["joined / s", "send two"]);
    it.receive("31[]");
    assert_eq!(it.pull(), ["answered b"]);
}

#[test]
fn more_early_events_than_the_limit_end_the_link_and_the_state_begins_anew() {
    for (max_early_events, max_early_bytes) in [(2, 1000), (1000, 15)] {
        let mut it = Bench::new(Config {
            max_early_events,
            max_early_bytes,
            ..Config::default()
        });
        it.join("/");
        it.pull();
        it.open();
        it.receive(&connected("/", "s", Some("p")));
        it.lose();
        it.wait();
        assert_eq!(it.open(), ["reconnected after 1", r#"0{"pid":"p"}"#]);
        it.receive(r#"2["e"]"#);
        it.receive(r#"2["e"]"#);
        let error = Error::TooManyEarlyEvents {
            events: max_early_events,
            bytes: max_early_bytes,
        };
        assert_eq!(it.try_receive(r#"2["e"]"#), Err(error));
        assert_eq!(it.pull(), ["close"]);
        it.lose();
        it.wait();
        assert_eq!(it.open(), ["reconnected after 1", "0"]);
        // One fits always, whatever its length.
        it.receive(r#"51-["e",{"_placeholder":true,"num":0}]"#);
        let link = it.link.unwrap();
        let data = bytes::Bytes::from_static(&[0; 2000]);
        let received = it.manager.receive_binary(link, data, it.now, middle);
        assert_eq!(received, Ok(()));
        it.receive(&connected("/", "s", None));
        assert_eq!(it.pull(), ["joined / s", "event / e"]);
    }
}

#[test]
fn sockets_and_what_they_keep_are_bounded() {
    let mut it = Bench::new(Config {
        max_namespaces: 2,
        max_waiting_events: 2,
        max_pending_acks: 1,
        ..Config::default()
    });
    let socket = it.join("/");
    let config = *it.manager.config();
    let join = |it: &mut Bench, name: &'static str| {
        let socket = Box::new(Socket::new(name.into(), &config));
        let now = it.now;
        it.manager.join(socket, now).map_err(|(error, _)| error)
    };
    assert_eq!(join(&mut it, "/"), Err(JoinError::InUse("/".into())));
    it.join("/a");
    let limit = 2;
    assert_eq!(
        join(&mut it, "/b"),
        Err(JoinError::TooManyNamespaces { limit })
    );
    for expected in [Ok(None), Ok(None), Err(EmitError::QueueFull)] {
        assert_eq!(it.manager.emit(socket, "a", 1, false, None), expected);
    }
    for expected in [Ok(()), Ok(()), Err(EmitError::QueueFull)] {
        let id = it.manager.reserve(socket).unwrap();
        let now = it.now;
        let queued = it.manager.emit_until_answered(socket, "a", 1, id, 'a', now);
        assert_eq!(queued, expected);
    }
    assert_eq!(it.manager.waiting(), 4);
    assert!(it.manager.expect(socket, 'a').is_ok());
    let error = it.manager.expect(socket, 'a');
    assert!(matches!(error, Err(EmitError::TooManyAcks(_))));
    it.manager.abandon(DisconnectReason::TransportClose);
    assert!(it.pull().contains(&"unanswered a Disconnected".into()));
    assert_eq!(
        it.manager.emit(socket, "a", 1, false, None),
        Err(EmitError::Disconnected)
    );
    assert_eq!((it.manager.sockets(), it.manager.waiting()), (0, 0));
}

#[test]
fn what_is_kept_does_not_keep_the_body_that_it_came_in() {
    const LONG: &str = "/a-name-that-is-too-long-to-stand-inline";
    let mut it = Bench::new(Config::default());
    it.join("/");
    let left = it.join(LONG);
    it.pull();
    it.open();
    let link = it.link.unwrap();

    let event = r#"2["a-name-that-is-too-long-to-stand-inline","and a text"]"#;
    let (data, alive) = body(format!("{event}{}", " ".repeat(1 << 20)).into());
    let text = FastStr::from_bytes(data.slice(..event.len())).unwrap();
    drop(data);
    assert_eq!(alive.strong_count(), 1);
    it.manager.receive_text(link, text, it.now, middle).unwrap();
    assert_eq!((it.manager.waiting(), alive.strong_count()), (1, 0));

    it.manager.leave(left);
    let (data, alive) = body(connected(LONG, "s", None).into());
    let text = FastStr::from_bytes(data).unwrap();
    it.manager.receive_text(link, text, it.now, middle).unwrap();
    it.pull();
    assert_eq!(alive.strong_count(), 0);
}

#[cfg(feature = "msgpack")]
#[test]
fn what_is_kept_of_messagepack_does_not_keep_its_body_either() {
    let mut it = Bench::new(Config::default());
    it.manager = Manager::new(Config::default(), Parser::Msgpack);
    it.join("/");
    it.pull();
    it.manager.opened(it.link.unwrap());
    it.pull();
    let mut packet = Vec::new();
    Parser::Msgpack
        .event(
            &mut packet,
            "/",
            None,
            "early",
            "a text that is long enough",
        )
        .unwrap();
    let (data, alive) = body(packet);
    let link = it.link.unwrap();
    it.manager
        .receive_binary(link, data, it.now, middle)
        .unwrap();
    assert_eq!((it.manager.waiting(), alive.strong_count()), (1, 0));
}

/// The body of a response, of which one can see whether it is still in memory.
fn body(data: Vec<u8>) -> (bytes::Bytes, alloc::sync::Weak<Vec<u8>>) {
    struct Body(alloc::sync::Arc<Vec<u8>>);
    impl AsRef<[u8]> for Body {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let data = alloc::sync::Arc::new(data);
    let alive = alloc::sync::Arc::downgrade(&data);
    (bytes::Bytes::from_owner(Body(data)), alive)
}
