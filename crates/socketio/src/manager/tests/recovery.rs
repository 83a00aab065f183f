//! States that the server has kept.

use super::*;

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
