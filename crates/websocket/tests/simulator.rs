//! Two ends, a network that delays and cuts, and a clock that is moved by hand: what was sent
//! arrives in order, and every connection comes to its end.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{collections::VecDeque, time::Duration};

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*};
use songi_websocket::{
    AbnormalClosure, CloseCode, Config, Connection, ControlPayload, Event, Message, Step, Timeout,
};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Debug, Clone)]
enum Action {
    Text(String),
    Binary(Vec<u8>),
    Parts(Vec<String>),
    Ping,
    Close,
}

/// Who does what, and how long after the action before.
type Script = Vec<(bool, u64, Action)>;

fn script() -> impl Strategy<Value = Script> {
    let action = prop_oneof![
        4 => "[a-z송이😀]{0,300}".prop_map(Action::Text),
        4 => vec(any::<u8>(), 0..2000).prop_map(Action::Binary),
        2 => vec("[a-z송]{0,100}", 1..5).prop_map(Action::Parts),
        2 => Just(Action::Ping),
        1 => Just(Action::Close),
    ];
    vec((any::<bool>(), 0..3000_u64, action), 0..20)
}

/// One direction of the network.
struct Link {
    delay: Duration,
    segment: usize,
    /// Bytes with the time at which they arrive; no bytes are the end.
    flight: VecDeque<(Duration, Vec<u8>)>,
    dead: bool,
}

struct End {
    connection: Connection,
    input: BytesMut,
    received: Vec<Vec<u8>>,
    partial: Vec<u8>,
    sent: Vec<Vec<u8>>,
    shut_down: bool,
    eof: bool,
    end: Option<Step>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            received: Vec::new(),
            partial: Vec::new(),
            sent: Vec::new(),
            shut_down: false,
            eof: false,
            end: None,
        }
    }

    fn act(&mut self, action: Action) {
        let sent = match action {
            Action::Text(text) => {
                let payload = text.clone().into_bytes();
                self.connection.send(Message::text(text)).map(|()| payload)
            }
            Action::Binary(bytes) => self
                .connection
                .send(Message::binary(bytes.clone()))
                .map(|()| bytes),
            Action::Parts(parts) => {
                let last = parts.len() - 1;
                let payload = parts.concat().into_bytes();
                let mut result = Ok(payload);
                for (index, part) in parts.into_iter().enumerate() {
                    let part = Message::text(part);
                    if let Err(error) = self.connection.send_chunk(part, index == last) {
                        result = Err(error);
                    }
                }
                result
            }
            Action::Ping => {
                let ping = ControlPayload::new("ping").unwrap();
                let _ = self.connection.send(Message::Ping(ping));
                return;
            }
            Action::Close => return self.connection.close(Some(CloseCode::AWAY.into())),
        };
        match sent {
            Ok(payload) => self.sent.push(payload),
            Err(error) => assert!(!self.connection.is_open(), "{error}"),
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        if self.end.is_some() {
            return;
        }
        if bytes.is_empty() {
            self.eof = true;
            // Abnormal or not, the next step knows.
            let _: Result<(), AbnormalClosure> = self.connection.receive_eof();
            return;
        }
        self.input.extend_from_slice(bytes);
        while let Some(event) = self.connection.receive(&mut self.input).unwrap() {
            let (part, last) = match event {
                Event::Text(text) => (text.as_bytes().to_vec(), true),
                Event::Binary(payload) => (payload.to_vec(), true),
                Event::TextChunk { text, last } => (text.as_bytes().to_vec(), last),
                Event::BinaryChunk { payload, last } => (payload.to_vec(), last),
                _ => continue,
            };
            self.partial.extend(part);
            if last {
                self.received.push(std::mem::take(&mut self.partial));
            }
        }
    }

    /// Writes, and does with the transport what the connection says.
    fn drive(&mut self, now: Duration, link: &mut Link) {
        while self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now);
        }
        if self.end.is_some() {
            return;
        }
        while self.connection.queued() > 0 && !self.shut_down {
            let bytes = self.connection.slices().next().unwrap();
            let bytes = bytes[..bytes.len().min(link.segment)].to_vec();
            self.connection.transmitted(bytes.len());
            link.flight.push_back((now + link.delay, bytes));
        }
        let step = self.connection.next_step();
        if step != Step::Continue && !self.shut_down {
            self.shut_down = true;
            link.flight.push_back((now + link.delay, Vec::new()));
        }
        if matches!(step, Step::Close | Step::Abort) {
            self.end = Some(step);
        }
    }
}

#[derive(Debug, Clone)]
struct Network {
    delays: (u64, u64),
    segment: usize,
    /// From then on nothing arrives, and nobody is told.
    dies: Option<u64>,
}

fn network() -> impl Strategy<Value = Network> {
    (
        (0..500_u64, 0..500_u64),
        1..2000_usize,
        proptest::option::weighted(0.3, 0..30_000_u64),
    )
        .prop_map(|(delays, segment, dies)| Network {
            delays,
            segment,
            dies,
        })
}

fn simulate(server: Connection, client: Connection, network: &Network, script: Script) -> [End; 2] {
    let mut ends = [End::new(server), End::new(client)];
    let link = |delay| Link {
        delay: millis(delay),
        segment: network.segment,
        flight: VecDeque::new(),
        dead: false,
    };
    let mut links = [link(network.delays.0), link(network.delays.1)];
    let mut now = Duration::ZERO;
    let mut script: VecDeque<_> = script.into();
    let mut next_action = Duration::ZERO;
    let mut steps = 0;

    while ends.iter().any(|end| end.end.is_none()) {
        steps += 1;
        assert!(steps < 100_000, "it does not end");
        if network.dies.is_some_and(|dies| now >= millis(dies)) {
            links.iter_mut().for_each(|link| link.dead = true);
        }
        while now >= next_action {
            match script.pop_front() {
                Some((by_server, wait, action)) => {
                    ends[usize::from(!by_server)].act(action);
                    next_action = now + millis(wait);
                }
                None => {
                    // All said: the client closes.
                    ends[1].act(Action::Close);
                    next_action = Duration::MAX;
                }
            }
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let arrived = |link: &Link| link.flight.front().is_some_and(|(at, _)| *at <= now);
            while arrived(&links[from]) {
                let (_, bytes) = links[from].flight.pop_front().unwrap();
                if !links[from].dead {
                    ends[to].receive(&bytes);
                }
            }
        }
        ends[0].drive(now, &mut links[0]);
        ends[1].drive(now, &mut links[1]);

        let arrivals = links.iter().filter_map(|link| Some(link.flight.front()?.0));
        let deadlines = ends.iter().filter(|end| end.end.is_none());
        let deadlines = deadlines.filter_map(|end| end.connection.poll_timeout());
        let next = arrivals.chain(deadlines).chain([next_action]).min();
        now = next.unwrap().max(now);
    }
    ends
}

#[cfg(feature = "deflate")]
fn compress(server: &mut Connection, client: &mut Connection, takeover: bool) {
    use songi_websocket::{
        Deflate, DeflateConfig,
        handshake::{Client, Policy, RequestReader, Url},
    };

    let config = DeflateConfig::default()
        .threshold(50)
        .server_takeover(takeover);
    let deflate = Deflate::new(config);
    let url: Url = "ws://example.com/".parse().unwrap();
    let mut handshake = Client::new(&url, [7; 16]).deflate(&deflate);
    let mut input = BytesMut::from(&handshake.request()[..]);
    let request = RequestReader::default().read(&mut input).unwrap().unwrap();
    let accepted = Policy::default()
        .deflate(&deflate)
        .accept(&request)
        .unwrap();
    let mut input = BytesMut::from(&accepted.to_bytes()[..]);
    let response = handshake.read(&mut input).unwrap().unwrap();
    server.set_deflate(accepted.deflate());
    client.set_deflate(response.deflate());
}

#[cfg(not(feature = "deflate"))]
fn compress(_: &mut Connection, _: &mut Connection, _: bool) {}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 200 }))]

    #[test]
    fn all_arrives_and_all_ends(
        script in script(),
        network in network(),
        deflate in proptest::option::of(any::<bool>()),
        chunks: bool,
    ) {
        let config = Config::default()
            .chunks(chunks)
            .close_timeout(Duration::from_secs(5))
            .heartbeat(Duration::from_secs(2), Duration::from_secs(3));
        let mut server = Connection::server(config);
        let mut client = Connection::client(config, || [1, 2, 3, 4]);
        if let Some(takeover) = deflate {
            compress(&mut server, &mut client, takeover);
        }
        let [server, client] = simulate(server, client, &network, script);

        for (from, to) in [(&server, &client), (&client, &server)] {
            // A prefix at least: whoever has closed takes nothing more.
            let arrived = &from.sent[..to.received.len()];
            prop_assert_eq!(arrived, &to.received[..]);
            prop_assert_eq!(from.connection.poll_timeout().filter(|_| from.end == Some(Step::Close)), None);
        }
        if network.dies.is_none() {
            // With the network alive, both close in order, and what a side sent before it heard
            // of the closing has been read by the side that had not begun it.
            prop_assert_eq!((server.end, client.end), (Some(Step::Close), Some(Step::Close)));
            prop_assert_eq!(server.sent.len(), client.received.len());
            prop_assert_eq!(client.sent.len(), server.received.len());
        } else {
            for end in [&server, &client] {
                let timeout = end.connection.timed_out();
                let given_up = matches!(timeout, Some(Timeout::Close | Timeout::Heartbeat));
                prop_assert!(given_up || end.end == Some(Step::Close));
            }
        }
    }
}
