//! Links that come, fail and end.

use super::*;

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
fn a_server_that_breaks_the_protocol_is_left_at_once() {
    let mut it = Bench::new(Config::default());
    it.joined("/");
    assert!(it.try_receive("nonsense").is_err());
    assert_eq!(it.pull(), ["close", "left: parse error"]);
    assert_eq!(it.wait(), ["reconnecting 1"]);
    assert_eq!(it.lose(), ["open"]);
}
