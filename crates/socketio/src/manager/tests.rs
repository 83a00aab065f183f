use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::*;
use crate::RawJson;
use crate::client::Error;

const SECOND: Duration = Duration::from_secs(1);
/// In the middle of the random numbers: the waits are what they are without any.
const MIDDLE: u32 = u32::MAX / 2;

/// A manager and what it asked for, put into words.
#[expect(clippy::vec_box, reason = "they come and go as boxes")]
struct Bench {
    manager: Manager<&'static str, char>,
    now: Duration,
    link: Option<LinkId>,
    names: Vec<(SocketId, String)>,
    rests: Vec<Box<Socket<&'static str, char>>>,
}

fn middle() -> u32 {
    MIDDLE
}

impl Bench {
    fn new(config: Config) -> Self {
        Self {
            manager: Manager::new(config, Parser::Json),
            now: Duration::ZERO,
            link: None,
            names: Vec::new(),
            rests: Vec::new(),
        }
    }

    fn join(&mut self, namespace: &'static str) -> SocketId {
        let socket = Socket::new(namespace.into(), self.manager.config());
        self.rests.push(Box::new(socket));
        self.rejoin()
    }

    /// Joins the socket that ended last.
    fn rejoin(&mut self) -> SocketId {
        let rest = self.rests.pop().unwrap();
        let name = rest.namespace().as_str().into();
        let socket = self.manager.join(rest, self.now).unwrap();
        self.names.push((socket, name));
        socket
    }

    /// A socket that is in its namespace, on a link that was opened for it.
    fn joined(&mut self, namespace: &'static str) -> SocketId {
        let socket = self.join(namespace);
        self.pull();
        self.open();
        self.receive(&connected(namespace, "s", None));
        assert_eq!(self.pull(), [format!("joined {namespace} s")]);
        socket
    }

    /// Opens the link and asks for all namespaces.
    fn open(&mut self) -> Vec<String> {
        self.manager.opened(self.link.unwrap());
        self.pull()
    }

    fn receive(&mut self, text: &str) {
        self.try_receive(text).unwrap();
    }

    fn try_receive(&mut self, text: &str) -> Result<(), Error> {
        let (link, text) = (self.link.unwrap(), FastStr::new(text));
        self.manager.receive_text(link, text, self.now, middle)
    }

    fn lose(&mut self) -> Vec<String> {
        let reason = DisconnectReason::TransportClose;
        let link = self.link.unwrap();
        self.manager.closed(link, reason, self.now, middle);
        self.pull()
    }

    /// Waits for the next deadline.
    fn wait(&mut self) -> Vec<String> {
        self.now = self.manager.poll_timeout().unwrap();
        self.manager.handle_timeout(self.now, middle).unwrap();
        self.pull()
    }

    /// All outputs. Payloads are given at once.
    fn pull(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.manager.poll_output() {
            all.push(match output {
                Output::Open { link } => {
                    self.link = Some(link);
                    "open".into()
                }
                Output::Close { .. } => "close".into(),
                Output::Control(packet) => String::from_utf8_lossy(&packet).into_owned(),
                Output::Send { packet, .. } => format!("send {packet}"),
                Output::Authenticate { socket, link } => {
                    self.manager.authenticate(socket, link, RawJson::of(&()));
                    continue;
                }
                Output::Joined {
                    socket,
                    sid,
                    recovered,
                    ..
                } => {
                    let recovered = if recovered { " recovered" } else { "" };
                    format!("joined {} {sid}{recovered}", self.name(socket))
                }
                Output::Event {
                    socket, id, name, ..
                } => {
                    let id = id.map_or(String::new(), |id| format!(" {id}"));
                    format!("event {} {name}{id}", self.name(socket))
                }
                Output::Answered { reply, .. } => format!("answered {reply}"),
                Output::Unanswered { reply, why } => format!("unanswered {reply} {why:?}"),
                Output::Refused { why, .. } => format!("refused {why}"),
                Output::Left { reason, .. } => format!("left: {reason}"),
                Output::Ended { rest, reason, .. } => {
                    let ended = format!("ended {}: {reason}", rest.namespace());
                    self.rests.push(rest);
                    ended
                }
                Output::NotOpened { attempt, timed_out } => {
                    let why = if timed_out { " in time" } else { "" };
                    format!("not opened{why}, attempt {}", attempt.unwrap_or(0))
                }
                Output::Reconnecting { attempt } => format!("reconnecting {attempt}"),
                Output::Reconnected { attempts } => format!("reconnected after {attempts}"),
                Output::GaveUp => "gave up".into(),
            });
        }
        all
    }

    fn name(&self, socket: SocketId) -> &str {
        let known = self.names.iter().find(|(id, _)| *id == socket);
        &known.unwrap().1
    }
}

/// The server's answer to a `CONNECT`.
fn connected(namespace: &str, sid: &str, pid: Option<&str>) -> String {
    let name = if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    };
    match pid {
        Some(pid) => format!(r#"0{name}{{"sid":"{sid}","pid":"{pid}"}}"#),
        None => format!(r#"0{name}{{"sid":"{sid}"}}"#),
    }
}

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
fn the_last_to_leave_closes_the_link_and_the_next_one_waits_for_its_end() {
    let mut it = Bench::new(Config::default());
    let socket = it.joined("/");
    it.manager.leave(socket);
    let left = [
        "1",
        "left: io client disconnect",
        "ended /: io client disconnect",
        "close",
    ];
    assert_eq!(it.pull(), left);
    it.manager.leave(socket);
    let socket = it.rejoin();
    assert_eq!(it.pull(), [""; 0]);
    assert_eq!(it.try_receive(r#"2["late"]"#), Ok(()));
    assert_eq!(it.lose(), ["open"]);
    // Before it is open, too.
    it.manager.leave(socket);
    assert_eq!(it.pull(), ["ended /: io client disconnect", "close"]);
    assert_eq!(it.lose(), [""; 0]);
    assert_eq!(it.manager.poll_timeout(), None);
}

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
fn a_recovered_state_goes_on_where_it_was() {
    let mut it = Bench::new(Config::default());
    it.join("/");
    it.pull();
    it.open();
    it.receive(&connected("/", "s", Some("p")));
    it.receive(r#"2["e","o1"]"#);
    it.lose();
    it.wait();
    assert_eq!(
        it.open(),
        ["reconnected after 1", r#"0{"offset":"o1","pid":"p"}"#]
    );
    // It is lost again before the server has said that it has recovered it: what came does not
    // count.
    it.receive(r#"2["e","o2"]"#);
    assert_eq!(it.lose(), [""; 0]);
    it.wait();
    assert_eq!(
        it.open(),
        ["reconnected after 1", r#"0{"offset":"o1","pid":"p"}"#]
    );
    it.receive(r#"2["e","o2"]"#);
    it.receive(&connected("/", "s", Some("p")));
    assert_eq!(it.pull(), ["joined / s recovered", "event / e"]);
    it.lose();
    it.wait();
    assert_eq!(
        it.open(),
        ["reconnected after 1", r#"0{"offset":"o2","pid":"p"}"#]
    );
    // Another state: what was seen of the last one says nothing.
    it.receive(r#"2["e","o3"]"#);
    it.receive(&connected("/", "t", Some("q")));
    assert_eq!(it.pull(), ["joined / t", "event / e"]);
    it.lose();
    it.wait();
    assert_eq!(it.open(), ["reconnected after 1", r#"0{"pid":"q"}"#]);
}

#[test]
fn who_has_left_is_not_recovered() {
    let mut it = Bench::new(Config::default());
    it.join("/a");
    it.pull();
    it.open();
    it.receive(&connected("/a", "s", Some("p")));
    it.receive("1/a,");
    it.pull();
    it.rejoin();
    it.lose();
    assert_eq!(it.open(), ["0/a,"]);
}

#[test]
fn what_was_under_way_to_an_earlier_stay_is_not_answered_and_answers_nothing() {
    let mut it = Bench::new(Config::default());
    it.joined("/");
    let before = it.join("/a");
    it.pull();
    it.receive(&connected("/a", "s", None));
    let link = it.link.unwrap();
    assert!(it.manager.can_answer(before, link));
    it.manager.leave(before);
    it.pull();
    assert!(!it.manager.can_answer(before, link));
    let socket = it.join("/a");
    assert_eq!(it.pull(), ["0/a,"]);
    assert_eq!(it.manager.expect(socket, 'a'), Ok(0));
    it.receive("3/a,0[]");
    it.receive(r#"2/a,0["question"]"#);
    it.receive(&connected("/a", "t", None));
    assert_eq!(it.pull(), ["joined /a t", "event /a question"]);
    it.receive(r#"2/a,0["question"]"#);
    it.receive("3/a,0[]");
    assert_eq!(it.pull(), ["event /a question 0", "answered a"]);
}

#[test]
fn what_was_asked_on_one_link_is_not_answered_on_the_next() {
    let mut it = Bench::new(Config::default());
    let socket = it.joined("/");
    let link = it.link.unwrap();
    assert!(it.manager.can_answer(socket, link));
    it.lose();
    assert!(!it.manager.can_answer(socket, link));
    it.wait();
    it.open();
    it.receive(&connected("/", "s", None));
    assert!(!it.manager.can_answer(socket, link));
    assert!(it.manager.can_answer(socket, it.link.unwrap()));
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
fn acks_end_with_the_stay_unless_their_event_still_waits() {
    let mut it = Bench::new(Config::default());
    let socket = it.joined("/");
    assert_eq!(it.manager.expect(socket, 'a'), Ok(0));
    let lost = it.lose();
    assert_eq!(lost, ["left: transport close", "unanswered a Disconnected"]);
    let kept = it.manager.expect(socket, 'b').unwrap();
    it.manager.emit(socket, "b", 1, false, Some(kept)).unwrap();
    let forgotten = it.manager.expect(socket, 'c').unwrap();
    let ack = Some(forgotten);
    it.manager.emit(socket, "c", 1, false, ack).unwrap();
    it.wait();
    let link = it.link.unwrap();
    it.manager.not_opened(link, it.now, middle);
    assert_eq!(it.pull(), ["not opened, attempt 1"]);
    assert_eq!(it.manager.forget(socket, forgotten), Some('c'));
    assert_eq!(it.manager.forget(socket, forgotten), None);
    it.wait();
    it.open();
    it.receive(&connected("/", "s", None));
    assert_eq!(it.pull(), ["joined / s", "send b"]);
    let waited = Waited::Joined {
        socket,
        ack: Some(kept),
    };
    it.manager.not_sent(waited, NotSent::Unsendable, it.now);
    assert_eq!(it.pull(), ["unanswered b Unsendable"]);
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
fn a_link_that_takes_too_long_is_closed_and_tried_again() {
    let mut it = Bench::new(Config::default());
    it.join("/");
    assert_eq!(it.pull(), ["open"]);
    assert_eq!(it.wait(), ["close", "not opened in time, attempt 0"]);
    assert_eq!(it.now, 20 * SECOND);
    // The next one waits for its end, too.
    assert_eq!(it.wait(), ["reconnecting 1"]);
    assert_eq!(it.lose(), ["open"]);
}

#[test]
fn it_gives_up_after_the_last_attempt_and_begins_anew() {
    let mut it = Bench::new(Config {
        backoff: Backoff {
            attempts: 1,
            ..Backoff::default()
        },
        ..Config::default()
    });
    it.join("/");
    it.pull();
    let link = it.link.unwrap();
    it.manager.not_opened(link, it.now, middle);
    assert_eq!(it.pull(), ["not opened, attempt 0"]);
    assert_eq!(it.wait(), ["reconnecting 1", "open"]);
    let link = it.link.unwrap();
    it.manager.not_opened(link, it.now, middle);
    let gave_up = [
        "not opened, attempt 1",
        "gave up",
        "ended /: transport error",
    ];
    assert_eq!(it.pull(), gave_up);
    assert_eq!(it.manager.poll_timeout(), None);
    it.rejoin();
    assert_eq!(it.pull(), ["open"]);
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

#[test]
fn a_server_that_breaks_the_protocol_is_left_at_once() {
    let mut it = Bench::new(Config::default());
    it.joined("/");
    assert!(it.try_receive("nonsense").is_err());
    assert_eq!(it.pull(), ["close", "left: parse error"]);
    assert_eq!(it.wait(), ["reconnecting 1"]);
    assert_eq!(it.lose(), ["open"]);
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
