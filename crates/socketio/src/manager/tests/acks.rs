//! Acks, and who may not have them any more.

use super::*;

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
