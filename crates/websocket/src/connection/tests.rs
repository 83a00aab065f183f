use alloc::vec::Vec;
use core::mem::size_of;

use super::*;
use crate::{CloseCode, ControlPayload};

fn server() -> Connection {
    Connection::server(Config::default())
}

fn client() -> Connection {
    Connection::client(Config::default(), || [1, 2, 3, 4])
}

/// Carries all that is queued, and returns the events of it.
fn carry(from: &mut Connection, to: &mut Connection) -> Vec<Event> {
    let mut input = BytesMut::new();
    from.slices()
        .for_each(|bytes| input.extend_from_slice(bytes));
    from.transmitted(from.queued());
    let mut events = Vec::new();
    while let Some(event) = to.receive(&mut input).unwrap() {
        events.push(event);
    }
    events
}

fn close(code: CloseCode) -> Event {
    Event::Close(Some(code.into()))
}

const SECOND: Duration = Duration::from_secs(1);

/// I4: an idle connection is one small value, with nothing behind it.
#[test]
fn is_small() {
    assert!(
        size_of::<Connection>() <= 256,
        "{}",
        size_of::<Connection>()
    );
    assert!(size_of::<Event>() <= 48, "{}", size_of::<Event>());
}

#[test]
fn halves_can_move_between_threads() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Connection>();
    is_send::<Receiver>();
    is_send::<Sender>();
    is_send::<Reply>();
}

/// K11: the server hangs up first, the client waits for it (RFC 6455 §7.1.1).
#[test]
fn client_closes() {
    let (mut server, mut client) = (server(), client());
    client.close(Some(CloseCode::NORMAL.into()));
    assert_eq!(carry(&mut client, &mut server), [close(CloseCode::NORMAL)]);
    assert_eq!(
        (client.next_step(), server.next_step()),
        (Step::Continue, Step::Continue)
    );
    assert_eq!(carry(&mut server, &mut client), [close(CloseCode::NORMAL)]);
    assert_eq!(
        (client.next_step(), server.next_step()),
        (Step::Continue, Step::HalfClose)
    );
    assert_eq!(client.receive_eof(), Ok(()));
    assert_eq!(client.next_step(), Step::Close);
    assert_eq!(server.receive_eof(), Ok(()));
    assert_eq!(server.next_step(), Step::Close);
    assert_eq!((client.poll_timeout(), server.poll_timeout()), (None, None));
}

/// K11: likewise when the server starts.
#[test]
fn server_closes() {
    let (mut server, mut client) = (server(), client());
    server.close(None);
    assert_eq!(carry(&mut server, &mut client), [Event::Close(None)]);
    assert_eq!(carry(&mut client, &mut server), [Event::Close(None)]);
    assert_eq!(
        (client.next_step(), server.next_step()),
        (Step::Continue, Step::HalfClose)
    );
}

/// K10: both start at once; each Close frame answers the other.
#[test]
fn both_close() {
    let (mut server, mut client) = (server(), client());
    server.close(Some(CloseCode::AWAY.into()));
    client.close(Some(CloseCode::NORMAL.into()));
    assert_eq!(carry(&mut server, &mut client), [close(CloseCode::AWAY)]);
    assert_eq!(carry(&mut client, &mut server), [close(CloseCode::NORMAL)]);
    assert_eq!((client.queued(), server.queued()), (0, 0));
    assert_eq!(server.next_step(), Step::HalfClose);
}

/// Messages that are under way when this side closes still arrive (RFC 6455 §5.5.1).
#[test]
fn messages_before_the_peers_close_frame_arrive() {
    let (mut server, mut client) = (server(), client());
    server.close(None);
    client.send(Message::text("under way")).unwrap();
    assert_eq!(
        carry(&mut client, &mut server),
        [Event::Text("under way".into())]
    );
}

/// K12: the stream ends without a Close frame (RFC 6455 §7.1.5).
#[test]
fn abnormal_closure() {
    for mut connection in [server(), client()] {
        assert_eq!(connection.receive_eof(), Err(AbnormalClosure));
        assert_eq!(connection.next_step(), Step::Close);
        assert!(!connection.is_open());
    }
}

/// K14: a closing that the peer does not finish is aborted at its deadline.
#[test]
fn close_deadline() {
    let mut connection = server();
    assert_eq!(connection.poll_timeout(), None);
    connection.handle_timeout(SECOND);
    connection.close(None);
    assert_eq!(connection.poll_timeout(), Some(Duration::ZERO));
    connection.handle_timeout(5 * SECOND);
    assert_eq!(connection.poll_timeout(), Some(15 * SECOND));
    connection.handle_timeout(14 * SECOND);
    assert_eq!(connection.next_step(), Step::Continue);
    connection.handle_timeout(15 * SECOND);
    assert_eq!(connection.next_step(), Step::Abort);
    assert_eq!(connection.poll_timeout(), None);
}

/// K14: the deadline holds for the answer to the peer's Close frame too.
#[test]
fn deadline_of_the_answer() {
    let (mut server, mut client) = (server(), client());
    client.close(None);
    carry(&mut client, &mut server);
    // The answer cannot be written.
    server.handle_timeout(SECOND);
    server.handle_timeout(11 * SECOND);
    assert_eq!(server.next_step(), Step::Abort);
}

/// K11: a client waits for the server to hang up until the deadline, then does it itself.
#[test]
fn client_waits_for_the_server_to_hang_up() {
    let (mut server, mut client) = (server(), client());
    client.close(None);
    carry(&mut client, &mut server);
    carry(&mut server, &mut client);
    client.handle_timeout(SECOND);
    assert_eq!(client.next_step(), Step::Continue);
    client.handle_timeout(11 * SECOND);
    assert_eq!(client.next_step(), Step::Close);
}

/// K13: after a violation: Close frame, half-close, and an end to the waiting.
#[test]
fn violation() {
    let mut connection = server();
    let mut input = BytesMut::from(&b"\x81\x02hi"[..]);
    assert_eq!(connection.receive(&mut input), Err(Violation::Unmasked));
    assert_eq!(connection.receive(&mut input), Err(Violation::Unmasked));
    assert_eq!(
        connection.slices().collect::<Vec<_>>().concat(),
        b"\x88\x02\x03\xEA"
    );
    assert_eq!(connection.next_step(), Step::Continue);
    connection.transmitted(4);
    assert_eq!(connection.next_step(), Step::HalfClose);
    connection.handle_timeout(Duration::ZERO);
    connection.handle_timeout(10 * SECOND);
    assert_eq!(connection.next_step(), Step::Close);
}

/// C9: a pong tells which ping it answers, by its payload.
#[test]
fn ping_and_pong() {
    let (mut server, mut client) = (server(), client());
    let payload = ControlPayload::new(&b"17"[..]).unwrap();
    server.send(Message::Ping(payload.clone())).unwrap();
    assert_eq!(
        carry(&mut server, &mut client),
        [Event::Ping(payload.clone())]
    );
    assert_eq!(carry(&mut client, &mut server), [Event::Pong(payload)]);
    assert_eq!(server.queued(), 0);
}

/// C5: a pong that nobody asked for is reported, and not answered (RFC 6455 §5.5.3).
#[test]
fn unsolicited_pong() {
    let (mut server, mut client) = (server(), client());
    client
        .send(Message::Pong(ControlPayload::default()))
        .unwrap();
    assert_eq!(
        carry(&mut client, &mut server),
        [Event::Pong(ControlPayload::default())]
    );
    assert_eq!(server.queued(), 0);
}

/// A clock at its end does not overflow.
#[test]
fn late_clock() {
    let mut connection = server();
    connection.close(None);
    connection.handle_timeout(Duration::MAX);
    assert_eq!(
        connection.poll_timeout(),
        Some(Duration::from_micros(u64::MAX))
    );
}
