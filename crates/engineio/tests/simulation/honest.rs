//! A client session and a server session that keep to the protocol, and a network between them
//! that delays everything and, in some schedules, loses a request or breaks the WebSocket.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use songi_engineio::{
    Bytes, ClientConfig, ClientEvent, ClientOutput, ClientSession, CloseReason, ContentType, Event,
    Frame, Output, RequestId, Response, Revision, SendError, SendOptions, ServerConfig,
    ServerSession, Transport, TransportEnd, TransportId, Violation,
};

use crate::{
    choices::Choices,
    messages::{delivery, message, number},
    plan::{Disruption, Plan},
    translate,
};

/// What the client may post, as the open packet says.
pub(crate) const MAX_PAYLOAD: usize = 64;
/// What control packets may add to what is buffered.
const CONTROL: usize = 600;

/// What arrives somewhere after a delay.
#[derive(Debug)]
enum Arrival {
    Get(RequestId),
    Post(RequestId, Bytes),
    /// With the server's name of the request.
    PostBody(RequestId, Bytes),
    Response(RequestId, u16, Bytes),
    RequestLost(RequestId),
    /// With the server's name of the request.
    Aborted(RequestId),
    WebSocketRequest,
    WebSocketOpened,
    FrameToServer(Frame),
    FrameToClient(Frame),
    EndToServer(TransportEnd),
    EndToClient,
    /// The client takes messages again.
    CatchesUp,
    ClientSends,
    ServerSends,
    ClientCloses,
    ServerCloses,
    Disrupts,
}

/// What one side sent, received, and how it ended.
#[derive(Debug, Default)]
struct Side {
    /// Whether each message may be dropped.
    sent: Vec<bool>,
    received: Vec<usize>,
    closed: Option<CloseReason>,
    /// Whether it was open when it was asked to close.
    closed_by: bool,
}

struct Simulation<'a, 'b> {
    plan: Plan,
    choices: &'a mut Choices<'b>,
    now: Duration,
    arrivals: BTreeMap<(Duration, u64), Arrival>,
    sequence: u64,
    /// A WebSocket keeps the order: when the last frame of each direction arrives.
    last_to_server: Duration,
    last_to_client: Duration,
    client_session: ClientSession,
    server_session: ServerSession,
    /// Whether the first request has come to the server.
    reached: bool,
    /// The server's name of a request, to the client's.
    requests: HashMap<RequestId, RequestId>,
    websocket_at_client: Option<TransportId>,
    websocket_at_server: Option<TransportId>,
    websocket_broken: bool,
    lose_request: bool,
    lose_response: bool,
    /// Whether something was lost that the protocol does not repeat.
    lossy: bool,
    client: Side,
    server: Side,
    transport_before_close: Option<Transport>,
}

/// Runs one schedule to its end.
pub(crate) fn run(choices: &mut Choices<'_>) {
    let plan = Plan::new(choices);
    let mut simulation = Simulation::new(plan, choices);
    simulation.pull();
    let mut steps = 0;
    while simulation.step() {
        steps += 1;
        assert!(steps < 100_000, "it ends");
    }
    simulation.check();
}

impl<'a, 'b> Simulation<'a, 'b> {
    fn new(plan: Plan, choices: &'a mut Choices<'b>) -> Self {
        let server_config = Arc::new(ServerConfig {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_secs(2),
            // Lengths and type digits of revision 3 come on top of what the client makes.
            max_payload: match plan.dialect.revision {
                Revision::V4 => MAX_PAYLOAD,
                _ => 4 * MAX_PAYLOAD,
            },
            max_buffered: plan.max_buffered,
            allow_eio3: true,
            ..ServerConfig::default()
        });
        let client_config = Arc::new(ClientConfig {
            upgrade: plan.upgrade,
            max_buffered: plan.max_buffered,
            ..ClientConfig::default()
        });
        let (client_session, server_session, websocket) = if plan.polling {
            let server =
                ServerSession::polling_in(plan.dialect, server_config, "s".into(), Duration::ZERO);
            (ClientSession::polling(client_config), server, None)
        } else {
            let (server, websocket) = ServerSession::websocket_in(
                plan.dialect,
                server_config,
                "s".into(),
                Duration::ZERO,
            );
            let client = ClientSession::websocket(client_config);
            (client, server, Some(websocket))
        };
        Self {
            plan,
            choices,
            now: Duration::ZERO,
            arrivals: BTreeMap::new(),
            sequence: 0,
            last_to_server: Duration::ZERO,
            last_to_client: Duration::ZERO,
            client_session,
            server_session,
            reached: false,
            requests: HashMap::new(),
            websocket_at_client: None,
            websocket_at_server: websocket,
            websocket_broken: false,
            lose_request: false,
            lose_response: false,
            lossy: false,
            client: Side::default(),
            server: Side::default(),
            transport_before_close: None,
        }
    }

    fn at(&mut self, time: Duration, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert((time, self.sequence), arrival);
    }

    fn delay(&mut self) -> Duration {
        Duration::from_millis(2) + self.choices.millis(self.plan.max_delay)
    }

    fn delayed(&mut self, arrival: Arrival) {
        let time = self.now + self.delay();
        self.at(time, arrival);
    }

    fn send_to_server(&mut self, arrival: Arrival) {
        self.last_to_server = self.last_to_server.max(self.now + self.delay());
        self.at(self.last_to_server, arrival);
    }

    fn send_to_client(&mut self, arrival: Arrival) {
        self.last_to_client = self.last_to_client.max(self.now + self.delay());
        self.at(self.last_to_client, arrival);
    }

    /// Handles the next arrival or timeout; false when nothing is left.
    fn step(&mut self) -> bool {
        let arrival = self.arrivals.keys().next().map(|key| key.0);
        let server_timeout = self.reached.then(|| self.server_session.poll_timeout());
        let timeouts = [self.client_session.poll_timeout(), server_timeout.flatten()];
        let Some(next) = timeouts.into_iter().flatten().chain(arrival).min() else {
            return false;
        };
        assert!(next >= self.now, "time does not go back");
        self.now = next;
        let is_open = self.client.closed.is_none() && self.server.closed.is_none();
        if let (true, Some(transport)) = (is_open, self.client_session.transport()) {
            self.transport_before_close = Some(transport);
        }
        if arrival == Some(next) {
            let (_, arrival) = self.arrivals.pop_first().expect("there is one");
            self.arrive(arrival);
            // A driver may take several inputs before it pulls.
            let more = self.arrivals.keys().next().map(|key| key.0) == Some(next);
            if more && self.choices.percent(30) {
                return true;
            }
        } else {
            self.client_session.handle_timeout(next);
            if self.reached {
                self.server_session.handle_timeout(next);
            }
        }
        self.pull();
        let timeouts = [
            &self.client_session.poll_timeout(),
            &server_timeout_of(self),
        ];
        for timeout in timeouts.into_iter().flatten() {
            assert!(
                arrival == Some(next) || *timeout > next,
                "a timeout that was handled is over"
            );
        }
        for buffered in [
            self.client_session.buffered(),
            self.server_session.buffered(),
        ] {
            assert!(
                buffered <= self.plan.max_buffered + CONTROL,
                "{buffered} bytes wait"
            );
        }
        true
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.now;
        match arrival {
            Arrival::Get(request) => {
                self.reached = true;
                let id = self.server_session.poll_opened(now);
                assert!(self.requests.insert(id, request).is_none());
            }
            Arrival::Post(request, body) => {
                let (content_type, body) = self.translate_post(body);
                let id = self.server_session.post_opened(content_type, now);
                assert!(self.requests.insert(id, request).is_none());
                self.delayed(Arrival::PostBody(id, body));
            }
            Arrival::PostBody(id, body) => self.server_session.post_body(id, body, now),
            Arrival::Response(request, status, body) => {
                self.client_session.response(request, status, body, now);
            }
            Arrival::RequestLost(request) => self.client_session.request_failed(request, now),
            Arrival::Aborted(id) => {
                self.pull();
                if self.requests.remove(&id).is_some() {
                    self.server_session.request_aborted(id, now);
                }
            }
            Arrival::WebSocketRequest => {
                self.reached = true;
                if self.websocket_at_server.is_none() {
                    self.websocket_at_server = Some(self.server_session.websocket_opened(now));
                }
                self.send_to_client(Arrival::WebSocketOpened);
            }
            Arrival::WebSocketOpened => {
                if let Some(id) = self.websocket_at_client {
                    self.client_session.websocket_opened(id, now);
                }
            }
            Arrival::FrameToServer(frame) => {
                if let Some(id) = self.websocket_at_server {
                    self.server_session.frame(id, frame, now);
                }
            }
            Arrival::FrameToClient(frame) => {
                if let Some(id) = self.websocket_at_client {
                    self.client_session.frame(id, frame, now);
                }
            }
            Arrival::EndToServer(end) => {
                if let Some(id) = self.websocket_at_server.take() {
                    self.server_session.transport_closed(id, end, now);
                }
            }
            Arrival::EndToClient => {
                if let Some(id) = self.websocket_at_client.take() {
                    self.client_session
                        .transport_closed(id, TransportEnd::Closed, now);
                }
            }
            Arrival::CatchesUp => self.client_session.hold_back(false),
            Arrival::ClientSends => {
                let (number, volatile) = (self.client.sent.len(), self.choices.percent(20));
                let frame = message(number, self.choices);
                let sent = self.client_session.send(frame, options(volatile), now);
                count(&mut self.client, sent, volatile);
            }
            Arrival::ServerSends => {
                let (number, volatile) = (self.server.sent.len(), self.choices.percent(20));
                let frame = message(number, self.choices);
                let sent = self.server_session.send(frame, options(volatile), now);
                count(&mut self.server, sent, volatile);
            }
            Arrival::ClientCloses => {
                self.client.closed_by =
                    !self.client_session.is_closed() && self.client_session.handshake().is_some();
                // To close before the session is open is known to nobody else.
                self.lossy |= self.client_session.handshake().is_none();
                self.client_session.close(now);
            }
            Arrival::ServerCloses => {
                self.server.closed_by = !self.server_session.is_closed();
                self.server_session.close(CloseReason::ForcedClose, now);
            }
            Arrival::Disrupts => self.disrupt(),
        }
    }

    fn disrupt(&mut self) {
        self.pull();
        match self.plan.disruption {
            Disruption::Nothing => {}
            Disruption::Request => self.lose_request = true,
            Disruption::Response => self.lose_response = true,
            Disruption::WebSocket => {
                if let Some(id) = self.websocket_at_client.take() {
                    let polling = self.client_session.transport() == Some(Transport::Polling);
                    self.lossy |= !polling;
                    self.websocket_broken = true;
                    self.arrivals.retain(|_, arrival| {
                        !matches!(
                            arrival,
                            Arrival::WebSocketRequest
                                | Arrival::WebSocketOpened
                                | Arrival::FrameToServer(_)
                                | Arrival::FrameToClient(_)
                                | Arrival::EndToServer(_)
                                | Arrival::EndToClient
                        )
                    });
                    let failed = TransportEnd::Failed;
                    self.client_session.transport_closed(id, failed, self.now);
                    self.delayed(Arrival::EndToServer(failed));
                }
            }
            Disruption::Poll => {
                // The GET is the request that has no body on its way.
                let posting = |id| {
                    let is_body = |arrival: &Arrival| matches!(arrival, Arrival::PostBody(of, _) if *of == id);
                    self.arrivals.values().any(is_body)
                };
                let get = self.requests.iter().find(|(id, _)| !posting(**id));
                if let Some((&id, &request)) = get {
                    self.lossy = true;
                    self.delayed(Arrival::Aborted(id));
                    self.delayed(Arrival::RequestLost(request));
                }
            }
        }
    }

    fn pull(&mut self) {
        while let Some(output) = self.client_session.poll_output() {
            match output {
                ClientOutput::CloseTransport(_) => {
                    self.websocket_at_client = None;
                    if !self.websocket_broken {
                        self.send_to_server(Arrival::EndToServer(TransportEnd::Closed));
                    }
                }
                output => {
                    assert_eq!(self.client.closed, None, "{output:?} after the end");
                    self.client_output(output);
                }
            }
            if self.choices.percent(10) {
                self.client_session.hold_back(true);
                self.delayed(Arrival::CatchesUp);
            }
        }
        while self.reached
            && let Some(output) = self.server_session.poll_output()
        {
            match output {
                Output::Respond { request, response } => self.respond(request, &response),
                Output::CloseTransport(_) => {
                    self.websocket_at_server = None;
                    if !self.websocket_broken {
                        self.send_to_client(Arrival::EndToClient);
                    }
                }
                output => {
                    assert_eq!(self.server.closed, None, "{output:?} after the end");
                    self.server_output(output);
                }
            }
        }
    }

    fn client_output(&mut self, output: ClientOutput) {
        match output {
            ClientOutput::Get(request) | ClientOutput::Post { request, .. }
                if std::mem::take(&mut self.lose_request) =>
            {
                self.lossy = true;
                self.delayed(Arrival::RequestLost(request));
            }
            ClientOutput::Get(request) => self.delayed(Arrival::Get(request)),
            ClientOutput::Post { request, body } => {
                assert!(body.len() <= MAX_PAYLOAD, "the server's limit is kept");
                self.delayed(Arrival::Post(request, body));
            }
            ClientOutput::OpenWebSocket(id) => {
                self.websocket_at_client = Some(id);
                self.send_to_server(Arrival::WebSocketRequest);
            }
            ClientOutput::Frame { frame, .. } => {
                let frame = translate::frame_to_server(self.plan.dialect, frame, self.choices);
                self.send_to_server(Arrival::FrameToServer(frame));
            }
            ClientOutput::Event(ClientEvent::Opened) => self.opened(),
            ClientOutput::Event(ClientEvent::Message(message)) => {
                self.client.received.push(number(&message));
            }
            ClientOutput::Event(ClientEvent::Closed { reason, violation }) => {
                // A POST that was under way when the server closed may bring its refusal before
                // the GET brings the close packet.
                let late =
                    self.server.closed.is_some() && violation == Some(Violation::Status(400));
                assert!(violation.is_none() || late || self.lossy, "{violation:?}");
                let reason = if late && reason == CloseReason::TransportError {
                    CloseReason::TransportClose
                } else {
                    reason
                };
                assert_eq!(self.client.closed.replace(reason), None);
            }
            ClientOutput::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn server_output(&mut self, output: Output) {
        match output {
            Output::Frame { .. } if self.websocket_broken => {}
            Output::Frame { frame, .. } => {
                for frame in translate::frame_to_client(self.plan.dialect, frame) {
                    self.send_to_client(Arrival::FrameToClient(frame));
                }
            }
            Output::Event(Event::Message(message)) => self.server.received.push(number(&message)),
            Output::Event(Event::Closed { reason, violation }) => {
                assert!(violation.is_none() || self.lossy, "{violation:?}");
                assert_eq!(self.server.closed.replace(reason), None);
            }
            Output::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn respond(&mut self, id: RequestId, response: &Response) {
        let request = self.requests.remove(&id);
        let request = request.expect("it was asked, and not answered before");
        if std::mem::take(&mut self.lose_response) {
            self.lossy = true;
            return self.delayed(Arrival::RequestLost(request));
        }
        let body = translate::response(self.plan.dialect, response);
        self.delayed(Arrival::Response(request, response.status, body));
    }

    fn translate_post(&mut self, body: Bytes) -> (Option<&'static [u8]>, Bytes) {
        let (content_type, body) = translate::post(self.plan.dialect, body, self.choices);
        let binary = content_type == ContentType::Binary;
        (binary.then_some(b"application/octet-stream"), body)
    }

    /// The client is open: everything else is fixed now.
    fn opened(&mut self) {
        let mut last = self.now;
        for _ in 0..self.plan.messages {
            for arrival in [Arrival::ClientSends, Arrival::ServerSends] {
                let time = self.now + self.choices.millis(1200);
                last = last.max(time);
                self.at(time, arrival);
            }
        }
        let time = self.now + self.choices.millis(1500);
        self.at(time, Arrival::Disrupts);
        let close = if self.plan.closes_late {
            last + Duration::from_secs(3)
        } else {
            self.now + self.choices.millis(1500)
        };
        if self.plan.client_closes {
            self.at(close, Arrival::ClientCloses);
        }
        if self.plan.server_closes {
            let close = close + self.choices.millis(100);
            self.at(close, Arrival::ServerCloses);
        }
    }

    fn check(&self) {
        assert!(self.requests.is_empty(), "every request is answered");
        assert!(self.client.closed.is_some() && self.server.closed.is_some());
        let to_server = delivery(&self.client.sent, &self.server.received);
        let to_client = delivery(&self.server.sent, &self.client.received);
        if self.lossy {
            return;
        }
        let (client, server) = (&self.client, &self.server);
        // What a side sent before it closed arrives, unless the other closed too.
        match (client.closed_by, server.closed_by) {
            (true, false) => {
                assert_eq!(client.closed, Some(CloseReason::ForcedClose));
                assert_eq!(server.closed, Some(CloseReason::TransportClose));
                assert!(to_server, "the client's messages arrive");
            }
            (false, true) => {
                assert_eq!(server.closed, Some(CloseReason::ForcedClose));
                assert_eq!(client.closed, Some(CloseReason::TransportClose));
                assert!(to_client, "the server's messages arrive");
            }
            (true, true) => {}
            (false, false) => panic!("nobody closed"),
        }
        if self.plan.closes_late {
            assert!(to_server && to_client, "all messages arrive");
            let upgrades = self.plan.upgrade && !self.websocket_broken;
            let expected = if !self.plan.polling || upgrades {
                Transport::WebSocket
            } else {
                Transport::Polling
            };
            assert_eq!(self.transport_before_close, Some(expected));
        }
    }
}

fn server_timeout_of(simulation: &Simulation<'_, '_>) -> Option<Duration> {
    simulation
        .server_session
        .poll_timeout()
        .filter(|_| simulation.reached)
}

fn options(volatile: bool) -> SendOptions {
    SendOptions {
        volatile,
        ..SendOptions::default()
    }
}

/// Only what was taken has a number.
fn count(side: &mut Side, sent: Result<(), SendError>, volatile: bool) {
    match sent {
        Ok(()) => side.sent.push(volatile),
        Err(SendError::Closed(_) | SendError::Full(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}
