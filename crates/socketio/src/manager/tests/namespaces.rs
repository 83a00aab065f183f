//! Namespaces joined, left and joined again.

use super::*;

#[test]
fn what_waited_for_the_namespace_follows_its_beginning() {
    let mut it = Bench::new(Config::default());
    let socket = it.join("/");
    assert_eq!(it.pull(), ["open"]);
    let id = it.manager.expect(socket, 'a').unwrap();
    for (packet, volatile, ack) in [
        ("one", false, None),
        ("volatile", true, None),
        ("two", false, Some(id)),
    ] {
        let emitted = it.manager.emit(socket, packet, 3, volatile, ack);
        assert_eq!(emitted, Ok(None));
    }
    let id = it.manager.reserve(socket).unwrap();
    let now = it.now;
    let queued = it
        .manager
        .emit_until_answered(socket, "again", 5, id, 'b', now);
    queued.unwrap();
    assert_eq!(it.pull(), [""; 0]);
    assert_eq!(it.open(), ["0"]);
    it.receive(r#"2["early"]"#);
    assert_eq!(it.pull(), [""; 0]);
    it.receive(&connected("/", "s", None));
    let all = [
        "joined / s",
        "send one",
        "send two",
        "event / early",
        "send again",
    ];
    assert_eq!(it.pull(), all);
    assert_eq!(
        it.manager.emit(socket, "now", 3, false, None),
        Ok(Some("now"))
    );
    it.receive("31[]");
    it.receive("30[]");
    it.receive("30[]");
    assert_eq!(it.pull(), ["answered b", "answered a"]);
}

#[test]
fn all_are_joined_again_but_those_that_the_server_has_ended() {
    let mut it = Bench::new(Config::default());
    it.joined("/");
    for namespace in ["/a", "/b"] {
        it.join(namespace);
        assert_eq!(it.pull(), [format!("0{namespace},")]);
        it.receive(&connected(namespace, "s", None));
        it.pull();
    }
    it.receive("1/a,");
    let ended = [
        "left: io server disconnect",
        "ended /a: io server disconnect",
    ];
    assert_eq!(it.pull(), ended);
    assert_eq!(
        it.lose(),
        ["left: transport close", "left: transport close"]
    );
    assert_eq!(it.wait(), ["reconnecting 1", "open"]);
    assert_eq!(it.open(), ["reconnected after 1", "0", "0/b,"]);
}

#[test]
fn a_namespace_that_was_left_before_it_was_joined_is_asked_for_when_it_is_free() {
    let mut it = Bench::new(Config::default());
    it.joined("/");
    let first = it.join("/a");
    assert_eq!(it.pull(), ["0/a,"]);
    it.manager.leave(first);
    assert_eq!(it.pull(), ["ended /a: io client disconnect"]);
    it.join("/a");
    assert_eq!(it.pull(), [""; 0]);
    it.receive(&connected("/a", "s", None));
    assert_eq!(it.pull(), ["1/a,", "0/a,"]);
    it.receive(&connected("/a", "t", None));
    assert_eq!(it.pull(), ["joined /a t"]);
}

#[test]
fn a_refused_namespace_is_not_asked_for_again() {
    let mut it = Bench::new(Config::default());
    it.join("/");
    it.join("no namespace");
    it.pull();
    let outputs = it.open();
    assert_eq!(outputs.len(), 3, "{outputs:?}");
    assert_eq!(outputs[0], "0");
    assert!(outputs[1].starts_with("refused "), "{outputs:?}");
    assert_eq!(outputs[2], "ended no namespace: io server disconnect");
    it.receive(r#"4{"message":"no"}"#);
    assert_eq!(
        it.pull(),
        ["refused no", "ended /: io server disconnect", "close"]
    );
    assert_eq!(it.lose(), [""; 0]);
    assert_eq!(it.manager.poll_timeout(), None);
}

#[test]
fn namespaces_that_were_left_before_the_answer_are_bounded() {
    let limit = 3;
    let mut it = Bench::new(Config {
        max_namespaces: limit,
        ..Config::default()
    });
    it.joined("/");
    let full = Err(JoinError::TooManyNamespaces { limit });
    for name in ["/a", "/b"] {
        let left = it.join(name);
        it.pull();
        it.manager.leave(left);
        it.pull();
    }
    assert_eq!(it.manager.can_join("/c"), full);
    // One of them counts once.
    it.join("/a");
    it.pull();
    assert_eq!(it.manager.can_join("/c"), full);
    assert_eq!(it.manager.can_join("/b"), Ok(()));
    it.receive(&connected("/b", "s", None));
    assert_eq!(it.pull(), ["1/b,"]);
    it.join("/c");
    assert_eq!(it.pull(), ["0/c,"]);
    assert_eq!(it.manager.can_join("/b"), full);
}

#[test]
fn payloads_that_come_too_late_are_for_nobody() {
    let mut it = Bench::new(Config::default());
    let socket = it.join("/");
    it.pull();
    let old = it.link.unwrap();
    it.manager.not_opened(old, it.now, middle);
    it.wait();
    it.manager.authenticate(socket, old, RawJson::of(&()));
    assert_eq!(it.pull(), vec![""; 0]);
    assert_eq!(it.open(), ["reconnected after 1", "0"]);
    // Once is enough.
    let link = it.link.unwrap();
    it.manager.authenticate(socket, link, RawJson::of(&()));
    assert_eq!(it.pull(), [""; 0]);
}
