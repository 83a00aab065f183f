//! The client session speaks revision 4. For a server session that speaks another dialect,
//! everything is translated on the way, and pings and pongs change their roles: the pong that
//! answers a ping of the client becomes the next ping of the server, so that they go round for
//! ever.

use songi_engineio::{
    Bytes, ContentType, Dialect, Frame, Handshake, Packet, Response, Revision, payload,
};

use crate::{choices::Choices, honest::MAX_PAYLOAD};

pub(crate) fn frame_to_server(dialect: Dialect, frame: Frame, choices: &mut Choices<'_>) -> Frame {
    let packet = Packet::decode(frame).expect("the client encodes packets");
    // Any client may send base64.
    let base64 = dialect.base64 || choices.percent(20);
    Dialect { base64, ..dialect }.encode(to_server(dialect, packet).encode())
}

pub(crate) fn frame_to_client(dialect: Dialect, frame: Frame) -> Vec<Frame> {
    let packet = dialect.decode(frame).expect("the server encodes packets");
    to_client(dialect, packet)
        .iter()
        .map(Packet::encode)
        .collect()
}

pub(crate) fn post(
    dialect: Dialect,
    body: Bytes,
    choices: &mut Choices<'_>,
) -> (ContentType, Bytes) {
    let packets = payload::decode(body, usize::MAX).expect("the client encodes payloads");
    let frames: Vec<_> = packets
        .map(|packet| to_server(dialect, packet.expect("the client encodes packets")).encode())
        .collect();
    if dialect.revision == Revision::V3 && !dialect.base64 && choices.percent(30) {
        return (ContentType::Binary, payload::encode_v3_binary(&frames));
    }
    Dialect {
        base64: true,
        ..dialect
    }
    .encode_payload(&frames)
}

pub(crate) fn response(dialect: Dialect, response: &Response) -> Bytes {
    let content_type = match response.content_type {
        Some(content_type @ (ContentType::Text | ContentType::Binary)) => content_type,
        _ => return response.body.clone(),
    };
    let packets = dialect
        .decode_payload(response.body.clone(), content_type, usize::MAX)
        .expect("the server encodes payloads");
    let frames: Vec<_> = packets
        .flat_map(|packet| to_client(dialect, packet.expect("the server encodes packets")))
        .map(|packet| packet.encode())
        .collect();
    payload::encode(&frames)
}

fn to_server(dialect: Dialect, packet: Packet) -> Packet {
    match packet {
        Packet::Pong(data) if dialect.revision == Revision::V3 && data.is_empty() => {
            Packet::Ping(data)
        }
        packet => packet,
    }
}

fn to_client(dialect: Dialect, packet: Packet) -> Vec<Packet> {
    if dialect.revision == Revision::V4 {
        return vec![packet];
    }
    match packet {
        Packet::Open(json) => {
            let mut handshake = Handshake::parse(&json).expect("the server's handshake");
            handshake.max_payload = Some(MAX_PAYLOAD as u64);
            vec![
                Packet::Open(handshake.to_json().into()),
                Packet::Ping("".into()),
            ]
        }
        Packet::Pong(data) if data.is_empty() => vec![Packet::Ping(data)],
        Packet::Ping(data) => panic!("a server of revision 3 pings: {data}"),
        packet => vec![packet],
    }
}
