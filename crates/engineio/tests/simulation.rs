//! A client session against a server session, over a network with random delays and a clock that
//! is moved by hand. Whatever the schedule: no message is lost, repeated or reordered, every
//! request is answered once, the upgrade finishes unless its WebSocket breaks, the heartbeat
//! keeps the session alive, and a close reaches the other side.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use songi_engineio::{
    Bytes, ClientConfig, ClientEvent, ClientOutput, ClientSession, CloseReason, Event, Frame,
    Message, Output, RequestId, SendOptions, ServerConfig, ServerSession, Transport, TransportEnd,
    TransportId, Violation,
};

const MESSAGES: usize = 40;

/// What arrives somewhere after a delay.
enum Arrival {
    Get(RequestId),
    Post(RequestId, Bytes),
    /// With the server's name of the request.
    PostBody(RequestId, Bytes),
    Response(RequestId, u16, Bytes),
    WebSocketRequest,
    WebSocketOpened,
    FrameToServer(Frame),
    FrameToClient(Frame),
    EndToServer,
    EndToClient,
    /// The network breaks the WebSocket, if it is only a candidate still.
    Break,
    ClientSends,
    ServerSends,
    Close,
}

struct Simulation {
    random: u64,
    now: Duration,
    arrivals: BTreeMap<(Duration, u64), Arrival>,
    sequence: u64,
    /// A WebSocket keeps the order: when the last frame of each direction arrives.
    last_frame_to_server: Duration,
    last_frame_to_client: Duration,
    client: ClientSession,
    server: ServerSession,
    /// The server's name of a request, to the client's.
    requests: HashMap<RequestId, RequestId>,
    websocket_at_client: Option<TransportId>,
    websocket_at_server: Option<TransportId>,
    sent: [usize; 2],
    /// Numbers of the messages that the server and the client received.
    received: [Vec<usize>; 2],
    closed: [Option<CloseReason>; 2],
    closed_by_client: bool,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let server_config = ServerConfig {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_secs(2),
            max_payload: 64,
            ..ServerConfig::default()
        };
        let client = ClientSession::polling(Arc::new(ClientConfig::default()));
        let server = ServerSession::polling(Arc::new(server_config), "s".into(), Duration::ZERO);
        Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: Duration::ZERO,
            arrivals: BTreeMap::new(),
            sequence: 0,
            last_frame_to_server: Duration::ZERO,
            last_frame_to_client: Duration::ZERO,
            client,
            server,
            requests: HashMap::new(),
            websocket_at_client: None,
            websocket_at_server: None,
            sent: [0; 2],
            received: [Vec::new(), Vec::new()],
            closed: [None; 2],
            closed_by_client: false,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn at(&mut self, time: Duration, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert((time, self.sequence), arrival);
    }

    fn delayed(&mut self, arrival: Arrival) {
        let delay = Duration::from_millis(self.random(60));
        self.at(self.now + delay, arrival);
    }

    fn send_to_server(&mut self, arrival: Arrival) {
        let delay = Duration::from_millis(self.random(60));
        self.last_frame_to_server = self.last_frame_to_server.max(self.now + delay);
        self.at(self.last_frame_to_server, arrival);
    }

    fn send_to_client(&mut self, arrival: Arrival) {
        let delay = Duration::from_millis(self.random(60));
        self.last_frame_to_client = self.last_frame_to_client.max(self.now + delay);
        self.at(self.last_frame_to_client, arrival);
    }

    /// Handles the next arrival or timeout; false when nothing is left.
    fn step(&mut self) -> bool {
        let arrival = self.arrivals.keys().next().map(|key| key.0);
        let timeout = [self.client.poll_timeout(), self.server.poll_timeout()];
        let Some(next) = timeout.into_iter().flatten().chain(arrival).min() else {
            return false;
        };
        assert!(next >= self.now, "time does not go back");
        self.now = next;
        if arrival == Some(next) {
            let (_, arrival) = self.arrivals.pop_first().expect("there is one");
            self.arrive(arrival);
        } else {
            self.client.handle_timeout(next);
            self.server.handle_timeout(next);
        }
        self.pull();
        true
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.now;
        match arrival {
            Arrival::Get(request) => {
                let id = self.server.poll_opened(now);
                assert!(self.requests.insert(id, request).is_none());
            }
            Arrival::Post(request, body) => {
                let id = self.server.post_opened(None, now);
                assert!(self.requests.insert(id, request).is_none());
                self.delayed(Arrival::PostBody(id, body));
            }
            Arrival::PostBody(id, body) => self.server.post_body(id, body, now),
            Arrival::Response(request, status, body) => {
                self.client.response(request, status, body, now);
            }
            Arrival::WebSocketRequest => {
                self.websocket_at_server = Some(self.server.websocket_opened(now));
                self.delayed(Arrival::WebSocketOpened);
            }
            Arrival::WebSocketOpened => {
                if let Some(id) = self.websocket_at_client {
                    self.client.websocket_opened(id, now);
                }
            }
            Arrival::FrameToServer(frame) => {
                if let Some(id) = self.websocket_at_server {
                    self.server.frame(id, frame, now);
                }
            }
            Arrival::FrameToClient(frame) => {
                if let Some(id) = self.websocket_at_client {
                    self.client.frame(id, frame, now);
                }
            }
            Arrival::EndToServer => {
                if let Some(id) = self.websocket_at_server.take() {
                    self.server.transport_closed(id, TransportEnd::Closed, now);
                }
            }
            Arrival::EndToClient => {
                if let Some(id) = self.websocket_at_client.take() {
                    self.client.transport_closed(id, TransportEnd::Closed, now);
                }
            }
            Arrival::Break => {
                if self.client.transport() == Some(Transport::Polling) {
                    if let Some(id) = self.websocket_at_client.take() {
                        self.client.transport_closed(id, TransportEnd::Failed, now);
                    }
                    if let Some(id) = self.websocket_at_server.take() {
                        self.server.transport_closed(id, TransportEnd::Failed, now);
                    }
                }
            }
            Arrival::ClientSends => {
                let frame = message(self.sent[0]);
                self.client
                    .send(frame, SendOptions::default(), now)
                    .expect("the client is open");
                self.sent[0] += 1;
            }
            Arrival::ServerSends => {
                let frame = message(self.sent[1]);
                self.server
                    .send(frame, SendOptions::default(), now)
                    .expect("the server is open");
                self.sent[1] += 1;
            }
            Arrival::Close if self.closed_by_client => self.client.close(now),
            Arrival::Close => self.server.close(CloseReason::ForcedClose, now),
        }
    }

    fn pull(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Get(request) => self.delayed(Arrival::Get(request)),
                ClientOutput::Post { request, body } => {
                    assert!(body.len() <= 64, "the server's limit is kept");
                    self.delayed(Arrival::Post(request, body));
                }
                ClientOutput::OpenWebSocket(id) => {
                    self.websocket_at_client = Some(id);
                    self.delayed(Arrival::WebSocketRequest);
                }
                ClientOutput::Frame { frame, .. } => {
                    self.send_to_server(Arrival::FrameToServer(frame));
                }
                ClientOutput::CloseTransport(_) => {
                    self.websocket_at_client = None;
                    self.send_to_server(Arrival::EndToServer);
                }
                ClientOutput::Event(event) => self.client_event(event),
                other => panic!("{other:?}"),
            }
        }
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Respond { request, response } => {
                    let request = self
                        .requests
                        .remove(&request)
                        .expect("asked, and not answered");
                    self.delayed(Arrival::Response(request, response.status, response.body));
                }
                Output::Frame { frame, .. } => self.send_to_client(Arrival::FrameToClient(frame)),
                Output::CloseTransport(_) => {
                    self.websocket_at_server = None;
                    self.send_to_client(Arrival::EndToClient);
                }
                Output::Event(Event::Message(message)) => {
                    self.received[0].push(number(&message));
                }
                Output::Event(Event::Closed { reason, violation }) => {
                    assert_eq!(violation, None);
                    assert_eq!(self.closed[0].replace(reason), None);
                }
                Output::Event(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn client_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Opened => {
                for _ in 0..MESSAGES {
                    let time = self.now + Duration::from_millis(self.random(1500));
                    self.at(time, Arrival::ClientSends);
                    let time = self.now + Duration::from_millis(self.random(1500));
                    self.at(time, Arrival::ServerSends);
                }
                let time = self.now + Duration::from_secs(20);
                self.at(time, Arrival::Close);
            }
            ClientEvent::Message(message) => self.received[1].push(number(&message)),
            ClientEvent::Closed { reason, violation } => {
                // A POST that was under way when the server closed may bring its refusal before
                // the GET brings the close packet.
                let late = self.closed[0].is_some() && violation == Some(Violation::Status(400));
                assert!(violation.is_none() || late, "{violation:?}");
                let reason = if late {
                    CloseReason::TransportClose
                } else {
                    reason
                };
                assert_eq!(self.closed[1].replace(reason), None);
            }
            _ => {}
        }
    }
}

/// Odd numbers are binary.
fn message(number: usize) -> Frame {
    let text = number.to_string();
    Frame::message(if number.is_multiple_of(2) {
        Message::text(text)
    } else {
        Message::binary(text.into_bytes())
    })
}

fn number(message: &Message) -> usize {
    let digits = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    };
    std::str::from_utf8(digits)
        .expect("digits")
        .parse()
        .expect("a number")
}

fn run(seed: u64, break_candidate: bool) {
    let mut simulation = Simulation::new(seed);
    simulation.closed_by_client = seed.is_multiple_of(2);
    if break_candidate {
        let time = Duration::from_millis(simulation.random(500));
        simulation.at(time, Arrival::Break);
    }
    simulation.pull();
    let mut transport_before_close = None;
    for _ in 0..100_000 {
        if simulation.closed == [None; 2] {
            transport_before_close = simulation.client.transport();
        }
        if !simulation.step() {
            break;
        }
    }
    let all: Vec<_> = (0..MESSAGES).collect();
    assert_eq!(simulation.received, [all.clone(), all], "seed {seed}");
    if !break_candidate {
        assert_eq!(
            transport_before_close,
            Some(Transport::WebSocket),
            "seed {seed}"
        );
    }
    let [server, client] = simulation.closed;
    let (by, other) = if simulation.closed_by_client {
        (client, server)
    } else {
        (server, client)
    };
    assert_eq!(by, Some(CloseReason::ForcedClose), "seed {seed}");
    assert_eq!(other, Some(CloseReason::TransportClose), "seed {seed}");
    assert!(
        simulation.requests.is_empty(),
        "every request was answered (seed {seed})"
    );
}

#[test]
fn sessions_upgrade_and_close_under_any_schedule() {
    for seed in 0..1000 {
        run(seed, false);
    }
}

#[test]
fn a_candidate_that_breaks_at_any_moment_loses_nothing() {
    for seed in 0..1000 {
        run(seed, true);
    }
}
