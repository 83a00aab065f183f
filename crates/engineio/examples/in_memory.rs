//! A client and a server session in one process, joined by hand: what a driver does, without I/O.
//!
//! `cargo run -p songi-engineio --example in_memory`

use std::{sync::Arc, time::Duration};

use songi_engineio::{
    ClientConfig, ClientEvent, ClientOutput, ClientSession, Event, Frame, Message, Output,
    SendOptions, ServerConfig, ServerSession,
};

fn main() {
    let now = Duration::ZERO;
    let mut client = ClientSession::websocket(Arc::new(ClientConfig::default()));
    let Some(ClientOutput::OpenWebSocket(at_client)) = client.poll_output() else {
        unreachable!("a new session asks for its WebSocket")
    };
    // Here a driver opens a TCP connection, and both sides do the WebSocket handshake.
    let config = Arc::new(ServerConfig::default());
    let (mut server, at_server) = ServerSession::websocket(config, "a-random-sid".into(), now);
    client.websocket_opened(at_client, now);

    let hello = Frame::message(Message::text("hello"));
    server
        .send(hello, SendOptions::default(), now)
        .expect("the session is open");

    // Outputs of one side are inputs of the other, until both are silent.
    loop {
        let mut silent = true;
        while let Some(output) = server.poll_output() {
            silent = false;
            match output {
                Output::Frame { frame, .. } => client.frame(at_client, frame, now),
                Output::Event(Event::Message(message)) => println!("server got {message:?}"),
                Output::Event(event) => println!("server: {event:?}"),
                other => println!("server: {other:?}"),
            }
        }
        while let Some(output) = client.poll_output() {
            silent = false;
            match output {
                ClientOutput::Frame { frame, .. } => server.frame(at_server, frame, now),
                ClientOutput::Event(ClientEvent::Message(message)) => {
                    println!("client got {message:?}");
                    // Echo it, then leave.
                    let echo = Frame::message(message);
                    client
                        .send(echo, SendOptions::default(), now)
                        .expect("the session is open");
                    client.close(now);
                }
                ClientOutput::CloseTransport(_) => {
                    let end = songi_engineio::TransportEnd::Closed;
                    server.transport_closed(at_server, end, now);
                }
                ClientOutput::Event(event) => println!("client: {event:?}"),
                other => println!("client: {other:?}"),
            }
        }
        if silent {
            break;
        }
    }
}
