//! Crowds against a server of a few lines, which answers as it is told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use songi_load::frame::{self, BINARY, TEXT};
use songi_load::{Crowd, Exchange, LoadError, Pace, RoundTrips, Target};

const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

/// Each connection gets a thread of its own.
fn serve(connection: impl Fn(TcpStream) + Send + Sync + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || connection(stream));
        }
    });
    address
}

/// Reads a request's head and nothing behind it.
fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
}

/// Answers each message of so many bytes of payload with these bytes.
fn answer(mut stream: TcpStream, payload: usize, answer: &[u8]) {
    read_request(&mut stream);
    stream.write_all(SWITCHING).unwrap();
    let mut message = vec![0; frame::masked(TEXT, &vec![0; payload]).len()];
    while stream.read_exact(&mut message).is_ok() && stream.write_all(answer).is_ok() {}
}

#[test]
fn as_many_answers_are_counted_as_were_asked_for() {
    let address = serve(|stream| {
        answer(stream, 8, &frame::unmasked(TEXT, b"answer"));
    });
    for in_flight in [1, 16] {
        let mut crowd = Crowd::open(Target::web_socket(address), 3).unwrap();
        let exchange = Exchange::in_order(TEXT, b"question", b"");
        let mut load = RoundTrips::new(&exchange, 3, Pace::InFlight(in_flight));
        load.run_count(&mut crowd, 500).unwrap();
        let report = load.report();
        // The last turn may have brought some more.
        assert!((500..500 + 3 * in_flight as u64).contains(&report.answers));
        assert_eq!(report.latency.len(), report.answers);
    }
}

#[test]
fn what_does_not_start_as_the_answer_is_not_counted() {
    let address = serve(|stream| {
        let other = frame::unmasked(TEXT, b"other");
        let both = [other, frame::unmasked(TEXT, b"answer")].concat();
        answer(stream, 8, &both);
    });
    let mut crowd = Crowd::open(Target::web_socket(address), 1).unwrap();
    let exchange = Exchange::in_order(TEXT, b"question", b"ans");
    let mut load = RoundTrips::new(&exchange, 1, Pace::InFlight(1));
    load.run_count(&mut crowd, 10).unwrap();
    assert_eq!(load.report().answers, 10);
}

#[test]
fn a_long_message_that_takes_many_reads_is_one() {
    let address = serve(|stream| {
        let long = frame::unmasked(BINARY, &vec![7; 2_000_000]);
        answer(stream, 2_000_000, &long);
    });
    let mut crowd = Crowd::open(Target::web_socket(address), 2).unwrap();
    let exchange = Exchange::in_order(BINARY, &vec![1; 2_000_000], b"\x07\x07");
    let mut load = RoundTrips::new(&exchange, 2, Pace::InFlight(1));
    load.run_count(&mut crowd, 5).unwrap();
    assert!(load.report().answers < 7);
}

#[test]
fn acks_are_found_by_their_ids_in_whatever_order_they_come() {
    let address = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(SWITCHING).unwrap();
        stream.write_all(&frame::unmasked(TEXT, b"0{}")).unwrap();
        let mut connect = vec![0; frame::masked(TEXT, b"40").len()];
        stream.read_exact(&mut connect).unwrap();
        stream.write_all(&frame::unmasked(TEXT, b"40{}")).unwrap();
        let mut events = vec![0; 2 * frame::masked(TEXT, br#"4210["a"]"#).len()];
        while stream.read_exact(&mut events).is_ok() {
            let acks = [
                frame::unmasked(TEXT, b"4311[]"),
                frame::unmasked(TEXT, b"4310[]"),
            ];
            stream.write_all(&acks.concat()).unwrap();
        }
    });
    let mut crowd = Crowd::open(Target::socket_io(address), 1).unwrap();
    let exchange = Exchange::ack("/", "a", "");
    let mut load = RoundTrips::new(&exchange, 1, Pace::InFlight(2));
    load.run_count(&mut crowd, 20).unwrap();
    assert_eq!(load.report().answers, 20);
}

#[test]
fn a_close_frame_ends_the_load_with_its_code() {
    let address = serve(|stream| {
        let close = frame::unmasked(8, &1013_u16.to_be_bytes());
        answer(stream, 8, &close);
    });
    let mut crowd = Crowd::open(Target::web_socket(address), 1).unwrap();
    let exchange = Exchange::in_order(TEXT, b"question", b"");
    let mut load = RoundTrips::new(&exchange, 1, Pace::InFlight(1));
    let error = load.run_count(&mut crowd, 1).unwrap_err();
    assert!(matches!(error, LoadError::Closed(Some(1013))), "{error}");
}

#[test]
fn who_is_not_let_in_is_told_why() {
    let address = serve(|mut stream| {
        read_request(&mut stream);
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nno ws";
        stream.write_all(refusal).unwrap();
    });
    let error = Crowd::open(Target::web_socket(address), 1).unwrap_err();
    assert_eq!(error.to_string(), "the server answered 403: no ws");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let address = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(SWITCHING).unwrap();
        thread::sleep(Duration::from_secs(3600));
    });
    let mut crowd = Crowd::open(Target::web_socket(address), 1).unwrap();
    let exchange = Exchange::in_order(TEXT, b"question", b"");
    let mut load = RoundTrips::new(&exchange, 1, Pace::InFlight(1));
    load.set_patience(Duration::from_millis(50));
    let error = load.run_count(&mut crowd, 1).unwrap_err();
    assert!(matches!(error, LoadError::Silent { .. }), "{error}");
}

#[test]
fn where_nothing_answers_the_next_is_sent_at_once() {
    let address = serve(|stream| answer(stream, 8, b""));
    let mut crowd = Crowd::open(Target::web_socket(address), 1).unwrap();
    let exchange = Exchange::emit("/", "a", "");
    let mut load = RoundTrips::new(&exchange, 1, Pace::InFlight(1));
    // If each waited until something comes, in one run or in many, it would take minutes.
    load.run_count(&mut crowd, 5000).unwrap();
    for _ in 0..5000 {
        load.run_count(&mut crowd, 1).unwrap();
    }
    assert_eq!(load.report().answers, 10_000);
}

#[test]
fn what_a_fixed_rate_leaves_unanswered_is_counted() {
    // It answers the first message, and no other.
    let address = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(SWITCHING).unwrap();
        let mut message = vec![0; frame::masked(TEXT, b"question").len()];
        stream.read_exact(&mut message).unwrap();
        stream.write_all(&frame::unmasked(TEXT, b"answer")).unwrap();
        while stream.read_exact(&mut message).is_ok() {}
    });
    let mut crowd = Crowd::open(Target::web_socket(address), 1).unwrap();
    let exchange = Exchange::in_order(TEXT, b"question", b"");
    let pace = Pace::PerSecond {
        rate: 1000.,
        in_flight: 2,
    };
    let mut load = RoundTrips::new(&exchange, 1, pace);
    load.run_count(&mut crowd, 1).unwrap();
    for _ in 0..1000 {
        load.run(&mut crowd, Duration::from_millis(10)).unwrap();
        let report = load.report();
        assert_eq!((report.answers, report.dropped), (1, 0));
        // Two are in flight, and more are due.
        if report.unanswered > 2 {
            return;
        }
    }
    panic!("nothing is unanswered");
}
