//! The Rust client with a JavaScript server, on each transport and by every way.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod peer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use peer::{Peer, quick};
use serde_json::{Value, json};
use songi_client::rustls::pki_types::CertificateDer;
use songi_client::rustls::{ClientConfig, RootCertStore};
use songi_client::{Client, Config, Parser, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const COUNT: u64 = 10_000;

/// Numbers in both directions while the connection moves.
async fn check_order(client: Client, peer: &mut Peer) -> Result<()> {
    let (sender, mut numbers) = mpsc::unbounded_channel();
    let socket = client
        .on("number", move |number: u64| sender.send(number).unwrap())
        .start()?;
    socket.emit("numbers", COUNT)?;
    let counting = tokio::spawn({
        let socket = socket.clone();
        async move {
            for number in 0..COUNT {
                loop {
                    match socket.emit("count", ("me", number)) {
                        Ok(()) => break,
                        Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
            }
        }
    });
    for number in 0..COUNT {
        assert_eq!(numbers.recv().await, Some(number));
    }
    for number in 0..COUNT {
        assert_eq!(peer.script.find("counted").await?, number);
    }
    counting.await?;
    let (text, binary): (String, Bytes) = socket
        .emit_with_ack("echo", ("x", Bytes::from_static(&[1, 2])))
        .await?;
    assert_eq!((text.as_str(), &binary[..]), ("x", &[1, 2][..]));
    socket.disconnect();
    socket.closed().await;
    assert_eq!(
        peer.script.find("disconnected").await?,
        "client namespace disconnect"
    );
    Ok(())
}

#[tokio::test]
async fn the_order_holds_on_each_transport_and_in_between() -> Result<()> {
    for (transports, upgrade) in [
        (vec![Transport::WebSocket], true),
        (vec![Transport::Polling], true),
        (vec![Transport::Polling, Transport::WebSocket], false),
        (vec![Transport::Polling, Transport::WebSocket], true),
    ] {
        let mut peer = Peer::start(json!({})).await?;
        let config = Config {
            transports,
            upgrade,
            ..quick()
        };
        check_order(Client::new(&peer.url).config(config), &mut peer).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_upgrade_takes_cookies_and_headers_along_and_is_remembered() -> Result<()> {
    let mut peer = Peer::start(json!({ "io": { "cookie": true } })).await?;
    let config = Config {
        transports: vec![Transport::Polling, Transport::WebSocket],
        remember_upgrade: true,
        ..quick()
    };
    let socket = Client::new(format!("{}?room=1", peer.url))
        .config(config)
        .header("X-Test", "yes")
        .header("Cookie", "mine=1")
        .connect()
        .await?;
    let line = peer.script.find("connected").await?;
    assert_eq!(line["transport"], "polling");
    assert_eq!(
        (&line["test"], &line["query"], &line["cookie"]),
        (&json!("yes"), &json!("1"), &json!("mine=1"))
    );
    let upgraded = loop {
        let line = peer.script.line().await?;
        if line.get("upgraded").is_some() {
            break line;
        }
    };
    assert_eq!(upgraded["upgraded"], "websocket");
    socket.emit("cut me", ())?;
    let line = peer.script.find("connected").await?;
    assert_eq!(line["transport"], "websocket");
    let cookie = line["cookie"].as_str().unwrap();
    assert!(cookie.starts_with("mine=1; io="), "{cookie}");
    Ok(())
}

#[tokio::test]
async fn another_transport_is_tried_where_one_is_missing() -> Result<()> {
    for (has, tries) in [
        ("polling", Transport::WebSocket),
        ("websocket", Transport::Polling),
    ] {
        let mut peer = Peer::start(json!({ "io": { "transports": [has] } })).await?;
        let other = match tries {
            Transport::WebSocket => Transport::Polling,
            _ => Transport::WebSocket,
        };
        let config = Config {
            transports: vec![tries, other],
            ..quick()
        };
        let _socket = Client::new(&peer.url)
            .config(config.clone())
            .connect()
            .await?;
        assert_eq!(peer.script.find("connected").await?["transport"], has);
        let config = Config {
            try_all_transports: false,
            reconnection: false,
            ..config
        };
        let refused = Client::new(&peer.url).config(config).connect().await;
        assert!(refused.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn msgpack_compression_and_subprotocols() -> Result<()> {
    let options = json!({ "msgpack": true, "io": { "perMessageDeflate": true } });
    for transport in [Transport::WebSocket, Transport::Polling] {
        let peer = Peer::start(options.clone()).await?;
        let socket = Client::new(&peer.url)
            .config(quick())
            .transports([transport])
            .protocol("chat")
            .parser(Parser::Msgpack)
            .connect()
            .await?;
        let text = "x".repeat(100_000);
        let bytes = Bytes::from_static(&[0, 255]);
        let (back, binary): (String, Bytes) = socket.emit_with_ack("echo", (&text, &bytes)).await?;
        assert_eq!((back, binary), (text, bytes));
        let plain: Value = socket
            .compress(false)
            .emit_with_ack("echo", json!({ "a": [1.5, null] }))
            .await?;
        assert_eq!(plain, json!({ "a": [1.5, null] }));
        if transport == Transport::WebSocket {
            let protocol: String = socket.emit_with_ack("what protocol", ()).await?;
            assert_eq!(protocol, "chat");
            let extensions: String = socket.emit_with_ack("extensions", ()).await?;
            assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn tls_with_a_certificate_of_our_own() -> Result<()> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let options = json!({ "tls": {
        "key": certified.signing_key.serialize_pem(),
        "cert": certified.cert.pem(),
    } });
    let peer = Peer::start(options).await?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certified.cert.der().to_vec()))?;
    let provider = songi_client::rustls::crypto::ring::default_provider();
    let tls = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Arc::new(tls);
    let url = format!("https://localhost:{}", peer.port);
    for transport in [Transport::WebSocket, Transport::Polling] {
        let client = Client::new(&url).config(quick()).transports([transport]);
        let socket = client.tls(tls.clone()).connect().await?;
        assert_eq!(socket.emit_with_ack::<i64>("echo", 1).await?, 1);
        let distrustful = Client::new(&url)
            .transports([transport])
            .reconnection(false);
        assert!(distrustful.connect().await.is_err());
    }
    Ok(())
}

/// A proxy for one protocol; tells where each client wanted to go.
async fn proxy(socks: bool) -> Result<(String, mpsc::UnboundedReceiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (sender, targets) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let sender = sender.clone();
            tokio::spawn(async move {
                let target = if socks {
                    socks_target(&mut client).await?
                } else {
                    connect_target(&mut client).await?
                };
                sender.send(target.clone())?;
                let port = target.rsplit_once(':').unwrap().1;
                let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await?;
                anyhow::Ok(())
            });
        }
    });
    Ok((address.to_string(), targets))
}

async fn connect_target(client: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .unwrap()
        .to_owned();
    // `me:secret`.
    assert!(
        head.to_ascii_lowercase()
            .contains("proxy-authorization: basic bwu6c2vjcmv0"),
        "{head}"
    );
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    Ok(target)
}

async fn socks_target(client: &mut TcpStream) -> Result<String> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).await?;
    assert!(methods.contains(&2), "{methods:?}");
    client.write_all(&[5, 2]).await?;
    client.read_u8().await?;
    for expected in ["me", "secret"] {
        let mut text = vec![0; usize::from(client.read_u8().await?)];
        client.read_exact(&mut text).await?;
        assert_eq!(text, expected.as_bytes());
    }
    client.write_all(&[1, 0]).await?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    assert_eq!(request[3], 3, "a name");
    let mut name = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut name).await?;
    let port = client.read_u16().await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(format!("{}:{port}", String::from_utf8(name)?))
}

#[tokio::test]
async fn proxies_lead_to_the_server() -> Result<()> {
    let peer = Peer::start(json!({})).await?;
    for (scheme, socks) in [("http", false), ("socks5", true)] {
        for transport in [Transport::WebSocket, Transport::Polling] {
            let (address, mut targets) = proxy(socks).await?;
            let server = format!("server.invalid:{}", peer.port);
            let socket = Client::new(format!("http://{server}"))
                .config(quick())
                .transports([transport])
                .proxy(format!("{scheme}://me:secret@{address}"))
                .connect()
                .await?;
            assert_eq!(socket.emit_with_ack::<i64>("echo", 1).await?, 1);
            assert_eq!(targets.recv().await, Some(server));
        }
    }
    Ok(())
}

#[tokio::test]
async fn clients_of_one_server_share_a_connection_unless_told_otherwise() -> Result<()> {
    let mut peer = Peer::start(json!({})).await?;
    let url = &peer.url;
    let first = Client::new(url).connect().await?;
    let other = Client::new(format!("{url}/other")).connect().await?;
    let again = Client::new(url).connect().await?;
    let apart = Client::new(format!("{url}/other"))
        .force_new()
        .connect()
        .await?;
    let shown = [&first, &other, &again, &apart];
    let mut ids = Vec::new();
    for socket in shown {
        assert_eq!(socket.emit_with_ack::<i64>("echo", 1).await?, 1);
        let line = peer.script.find("connected").await?;
        assert_eq!(line["id"], socket.id().as_str());
        ids.push(line);
    }
    // What cuts the first connection cuts the second namespace with it, and nothing else.
    let mut cut = other.events();
    first.emit("cut me", ())?;
    assert!(matches!(
        cut.next().await,
        Some(songi_client::SocketEvent::Disconnect(_))
    ));
    assert!(again.connected() && apart.connected());
    Ok(())
}
