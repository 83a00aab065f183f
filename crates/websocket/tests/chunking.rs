//! The same bytes give the same events and the same answer, however they arrive and however the
//! answer leaves; and no order of calls does harm.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*, sample::Index};
use songi_websocket::{
    CloseCode, CloseFrame, Config, Connection, ControlPayload, Event, Message, Prepared, Reply,
    Violation,
};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn config() -> Config {
    Config::default().message_limit(2000).fragment_limit(4)
}

fn connection(server: bool) -> Connection {
    if server {
        Connection::server(config())
    } else {
        Connection::client(config(), || KEY)
    }
}

/// A frame, well-formed unless the arguments say otherwise.
fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let mask = u8::from(masked) << 7;
    match payload.len() {
        len @ 0..=125 => frame.push(mask | len as u8),
        len => {
            frame.push(mask | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    let key = if masked { KEY } else { [0; 4] };
    if masked {
        frame.extend(key);
    }
    frame.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

/// Frames of every kind, most of them valid where they stand.
fn stream(server: bool) -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        3 => "[a-zé송😀]{0,40}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..40),
        1 => vec(any::<u8>(), 100..1200),
        1 => vec(Just(b'x'), 100..2100),
    ];
    let first = prop_oneof![
        12 => prop_oneof![Just(0x81), Just(0x82)],
        8 => prop_oneof![Just(0x01), Just(0x02), Just(0x00), Just(0x80)],
        8 => prop_oneof![Just(0x89), Just(0x8A)],
        1 => Just(0x88_u8),
        1 => any::<u8>(),
    ];
    let frames = (first, payload, 0..40).prop_map(move |(first, payload, odd)| {
        let masked = if odd == 0 { !server } else { server };
        frame(first, masked, &payload)
    });
    (vec(frames, 0..12), vec(any::<u8>(), 0..6))
        .prop_map(|(frames, junk)| frames.into_iter().flatten().chain(junk).collect())
}

#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    violation: Option<Violation>,
    output: Vec<u8>,
}

/// Feeds `bytes` in pieces that end at `cuts`, and drains the output `drain` bytes at a time.
fn run(server: bool, bytes: &[u8], cuts: &[Index], drain: usize) -> Outcome {
    run_ends(server, bytes, &ends(cuts, bytes.len()), drain)
}

fn ends(cuts: &[Index], len: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(len + 1)).collect();
    ends.sort_unstable();
    ends
}

fn run_ends(server: bool, bytes: &[u8], ends: &[usize], drain: usize) -> Outcome {
    let mut connection = connection(server);
    let mut outcome = Outcome {
        events: Vec::new(),
        violation: None,
        output: Vec::new(),
    };
    let (mut input, mut start) = (BytesMut::new(), 0);
    for end in ends.iter().copied().chain([bytes.len()]) {
        input.extend_from_slice(&bytes[start..end]);
        start = end;
        loop {
            match connection.receive(&mut input) {
                Ok(Some(event)) => outcome.events.push(event),
                Ok(None) => break,
                Err(violation) => {
                    outcome.violation = Some(violation);
                    break;
                }
            }
        }
    }
    while connection.queued() > 0 {
        let n = drain.min(connection.queued());
        let queued = connection.slices().collect::<Vec<_>>().concat();
        outcome.output.extend_from_slice(&queued[..n]);
        connection.transmitted(n);
    }
    outcome
}

/// As [`run_ends`], by the lending form, with the output drained at once.
fn run_lent(server: bool, bytes: &[u8], ends: &[usize]) -> Outcome {
    let mut connection = connection(server);
    let mut outcome = Outcome {
        events: Vec::new(),
        violation: None,
        output: Vec::new(),
    };
    let (mut tail, mut start) = (Vec::new(), 0);
    for end in ends.iter().copied().chain([bytes.len()]) {
        let mut buffer = std::mem::take(&mut tail);
        buffer.extend_from_slice(&bytes[start..end]);
        start = end;
        let mut input = &mut buffer[..];
        loop {
            match connection.receive_ref(&mut input) {
                Ok(Some(event)) => outcome.events.push(event.into_owned()),
                Ok(None) => break,
                Err(violation) => {
                    outcome.violation = Some(violation);
                    break;
                }
            }
        }
        tail = input.to_vec();
    }
    outcome.output = connection.slices().collect::<Vec<_>>().concat();
    outcome
}

fn message() -> impl Strategy<Value = Message> {
    let control =
        vec(any::<u8>(), 0..125).prop_map(|payload| ControlPayload::new(payload).unwrap());
    prop_oneof![
        any::<String>().prop_map(Message::text),
        "[a-z]{1000,1100}".prop_map(Message::text),
        vec(any::<u8>(), 0..300).prop_map(Message::binary),
        vec(any::<u8>(), 60_000..70_000).prop_map(Message::binary),
        control.clone().prop_map(Message::Ping),
        control.prop_map(Message::Pong),
    ]
}

#[derive(Debug, Clone)]
enum Call {
    Receive(Vec<u8>),
    Eof,
    Send(Message),
    Prepared,
    Close(bool),
    Transmitted(usize),
    Time(u64),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        stream(true).prop_map(Call::Receive),
        stream(false).prop_map(Call::Receive),
        Just(Call::Eof),
        message().prop_map(Call::Send),
        Just(Call::Prepared),
        any::<bool>().prop_map(Call::Close),
        (0usize..3000).prop_map(Call::Transmitted),
        (0u64..30).prop_map(Call::Time),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

    /// I1 and I2: any split of the input and of the output, for both roles.
    #[test]
    fn any_split_gives_the_same(
        (server, bytes) in any::<bool>().prop_flat_map(|server| (Just(server), stream(server))),
        cuts in vec(any::<Index>(), 0..20),
        drain in 1usize..100,
    ) {
        let whole = run(server, &bytes, &[], usize::MAX);
        prop_assert_eq!(&run(server, &bytes, &cuts, drain), &whole);
        let each = (0..bytes.len()).collect::<Vec<_>>();
        prop_assert_eq!(&run_ends(server, &bytes, &each, 1), &whole);
    }

    /// I1: lent events are the owned ones, and so are the answers, for any split.
    #[test]
    fn lent_is_owned(
        (server, bytes) in any::<bool>().prop_flat_map(|server| (Just(server), stream(server))),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let whole = run(server, &bytes, &[], usize::MAX);
        for ends in [ends(&cuts, bytes.len()), (0..bytes.len()).collect()] {
            prop_assert_eq!(&run_lent(server, &bytes, &ends), &whole);
        }
    }

    /// G5 and G7: the chunks of a message are the message, for any split; one that does not end
    /// has no last chunk.
    #[test]
    fn chunks_are_the_messages(
        (server, bytes) in any::<bool>().prop_flat_map(|server| (Just(server), stream(server))),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let whole = run(server, &bytes, &[], usize::MAX);
        let config = config().chunks(true);
        let mut connection = if server {
            Connection::server(config)
        } else {
            Connection::client(config, || KEY)
        };
        let (mut input, mut start) = (BytesMut::new(), 0);
        let (mut events, mut violation) = (Vec::new(), None);
        let mut partial = Vec::new();
        for end in ends(&cuts, bytes.len()).into_iter().chain([bytes.len()]) {
            input.extend_from_slice(&bytes[start..end]);
            start = end;
            while violation.is_none() {
                let event = match connection.receive(&mut input) {
                    Ok(Some(event)) => event,
                    Ok(None) => break,
                    Err(error) => {
                        violation = Some(error);
                        break;
                    }
                };
                let (part, last, is_text) = match event {
                    Event::TextChunk { text, last } => (text.into_bytes(), last, true),
                    Event::BinaryChunk { payload, last } => (payload, last, false),
                    event => {
                        events.push(event);
                        continue;
                    }
                };
                partial.extend_from_slice(&part);
                if last {
                    let message = std::mem::take(&mut partial);
                    events.push(match is_text {
                        true => Event::Text(String::from_utf8(message).unwrap().into()),
                        false => Event::Binary(message.into()),
                    });
                }
            }
        }
        prop_assert_eq!((events, violation), (whole.events, whole.violation));
    }

    /// What one end sends the other receives, in both directions.
    #[test]
    fn round_trip(
        messages in vec(message(), 0..10),
        client_sends: bool,
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let config = Config::default();
        let (mut from, mut to) = (Connection::server(config), Connection::client(config, || KEY));
        if client_sends {
            std::mem::swap(&mut from, &mut to);
        }
        for message in &messages {
            from.send(message.clone()).unwrap();
        }
        let bytes = from.slices().collect::<Vec<_>>().concat();
        let (mut input, mut start, mut received) = (BytesMut::new(), 0, Vec::new());
        for end in ends(&cuts, bytes.len()).into_iter().chain([bytes.len()]) {
            input.extend_from_slice(&bytes[start..end]);
            start = end;
            while let Some(event) = to.receive(&mut input).unwrap() {
                received.push(match event {
                    Event::Text(text) => Message::Text(text),
                    Event::Binary(payload) => Message::Binary(payload),
                    Event::Ping(payload) => Message::Ping(payload),
                    Event::Pong(payload) => Message::Pong(payload),
                    event => panic!("{event:?}"),
                });
            }
        }
        prop_assert_eq!(received, messages);
        prop_assert!(input.is_empty());
    }

    /// I5 and I6: no order of calls panics; what is queued is what the slices hold; after the end
    /// nothing more happens.
    #[test]
    fn any_order_of_calls(server: bool, calls in vec(call(), 0..20)) {
        let mut connection = connection(server);
        let (mut violation, mut closed) = (None, false);
        for call in calls {
            match call {
                Call::Receive(bytes) => {
                    let mut input = BytesMut::from(&bytes[..]);
                    loop {
                        match connection.receive(&mut input) {
                            Ok(None) => break,
                            Ok(Some(event)) => {
                                prop_assert!(!closed && violation.is_none());
                                closed = matches!(event, Event::Close(_));
                            }
                            Err(error) => {
                                prop_assert!(violation.is_none_or(|before| before == error));
                                violation = Some(error);
                                break;
                            }
                        }
                    }
                }
                Call::Eof => {
                    let result = connection.receive_eof();
                    if closed || violation.is_some() {
                        prop_assert_eq!(result, Ok(()));
                    } else {
                        prop_assert!(result.is_err());
                    }
                }
                Call::Send(message) => {
                    if let Err(error) = connection.send(message.clone()) {
                        prop_assert_eq!(error.into_message(), message);
                    }
                }
                Call::Prepared => {
                    let open = connection.is_open();
                    let sent = connection.send_prepared(&Prepared::text("x"));
                    prop_assert!(open || sent.is_err());
                }
                Call::Close(true) => connection.close(CloseFrame::from(CloseCode::NORMAL)),
                Call::Close(false) => connection.close(None),
                Call::Transmitted(n) => connection.transmitted(n),
                Call::Time(seconds) => {
                    connection.handle_timeout(std::time::Duration::from_secs(seconds));
                }
            }
            let _ = (connection.next_step(), connection.poll_timeout());
            prop_assert_eq!(connection.slices().map(<[u8]>::len).sum::<usize>(), connection.queued());
        }
    }

    /// The halves do together what the whole does.
    #[test]
    fn halves_do_what_the_whole_does(bytes in stream(true)) {
        let whole = run(true, &bytes, &[], usize::MAX);
        let (mut receiver, mut sender) = connection(true).split();
        let mut input = BytesMut::from(&bytes[..]);
        let mut events = Vec::new();
        let violation = loop {
            match receiver.receive(&mut input) {
                Ok(Some(event)) => {
                    if let Some(reply) = Reply::to(&event) {
                        sender.reply(reply);
                    }
                    events.push(event);
                }
                Ok(None) => break None,
                Err(violation) => {
                    sender.reply(Reply::Fail(violation));
                    break Some(violation);
                }
            }
        };
        let mut output = Vec::new();
        while sender.queued() > 0 {
            let queued = sender.slices().collect::<Vec<_>>().concat();
            sender.transmitted(queued.len());
            output.extend(queued);
        }
        prop_assert_eq!(Outcome { events, violation, output }, whole);
    }
}
