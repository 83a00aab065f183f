//! `songi connect`, the built binary, with a server of Songi and one in JavaScript.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod ending;
mod program;
mod servers;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use songi_interop::serve;

use program::{Talk, of_type, run};
use servers::{js_server, rust_server};

/// A script of JSON lines: the same with every server.
async fn check_script(url: &str) -> Result<()> {
    let script = [
        json!({ "event": "add", "args": [1, 2], "ack": "sum" }),
        json!({ "event": "echo", "args": [{ "deep": [{ "$base64": "AP8=" }] }], "ack": true }),
        json!({ "join": "admin", "auth": { "token": "right" } }),
        json!({ "event": "add", "args": [2, 3], "ack": [7], "namespace": "/" }),
    ];
    for (transport, named) in [
        ("auto", "websocket"),
        ("polling", "polling"),
        ("websocket", "websocket"),
    ] {
        let mut talk = Talk::start(&[url, "-t", transport])?;
        for line in &script {
            talk.say(line.clone()).await?;
        }
        // Two namespaces, three acks and a welcome.
        let mut lines = Vec::new();
        for _ in 0..6 {
            lines.push(talk.any().await?);
        }
        assert_eq!(
            of_type(&lines, "ack"),
            [
                json!({ "namespace": "/", "event": "add", "ack": "sum", "args": [3] }),
                json!({ "namespace": "/", "event": "echo", "ack": 1, "args": [{ "deep": [{ "$base64": "AP8=" }] }] }),
                json!({ "namespace": "/", "event": "add", "ack": [7], "args": [5] }),
            ]
        );
        assert_eq!(
            of_type(&lines, "connected"),
            [
                json!({ "namespace": "/", "transport": named, "recovered": false }),
                json!({ "namespace": "/admin", "transport": named, "recovered": false }),
            ]
        );
        let welcome = &of_type(&lines, "event")[0];
        assert_eq!(welcome["namespace"], "/admin");
        assert_eq!(welcome["event"], "welcome");
        assert_eq!(welcome["args"][0], json!({ "token": "right" }));
        assert_eq!(talk.end().await?, Some(0));
    }
    Ok(())
}

#[tokio::test]
async fn a_script_with_a_rust_server() -> Result<()> {
    check_script(&serve(&rust_server()).await?).await
}

#[tokio::test]
async fn a_script_with_a_js_server() -> Result<()> {
    let (_server, url) = js_server("client-server", json!({})).await?;
    check_script(&url).await
}

/// Questions of the server, with binary data: the same with every server.
async fn check_answers(url: &str) -> Result<Value> {
    let mut talk = Talk::start(&[url])?;
    talk.hear("connected").await?;
    talk.say(json!({ "event": "ask me", "ack": true })).await?;
    let bytes = json!({ "deep": [{ "$base64": "CQg=" }] });
    for (event, args, answer) in [
        ("add", json!([1, 2]), json!([3])),
        ("echo", json!([bytes]), json!([bytes])),
        ("several", json!([]), json!(["two", { "$base64": "BQ==" }])),
        ("add", json!(["x"]), json!([{ "error": "no" }])),
    ] {
        let asked = talk.hear("event").await?;
        assert_eq!((&asked["event"], &asked["args"]), (&json!(event), &args));
        talk.say(json!({ "answer": asked["answer"], "args": answer }))
            .await?;
    }
    let ack = talk.hear("ack").await?;
    assert_eq!(talk.end().await?, Some(0));
    Ok(ack["args"][0].clone())
}

fn answers() -> Value {
    json!({
        "sum": 3,
        "echoed": { "deep": [{ "binary": [9, 8] }] },
        "text": "two",
        "bytes": { "binary": [5] },
        "failed": { "error": "no" },
    })
}

#[tokio::test]
async fn questions_of_a_rust_server() -> Result<()> {
    let url = serve(&rust_server()).await?;
    assert_eq!(check_answers(&url).await?, answers());
    Ok(())
}

#[tokio::test]
async fn questions_of_a_js_server() -> Result<()> {
    let (_server, url) = js_server("client-server", json!({})).await?;
    let mut given = check_answers(&url).await?;
    // It asks once more, and is not answered.
    let timeout = given.as_object_mut().unwrap().remove("timeout");
    assert_eq!(timeout, Some(json!("operation has timed out")));
    assert_eq!(given, answers());
    Ok(())
}

#[tokio::test]
async fn what_a_person_reads() -> Result<()> {
    let url = serve(&rust_server()).await?;
    let args = [
        &url,
        "-e",
        "add 1 2 ?",
        "-e",
        r#"echo {"deep":[{"$hex":"00ff"}]} ?"#,
    ];
    let args: Vec<&str> = args.iter().map(|arg| arg.as_ref()).collect();
    let outcome = run(&args, "not read").await?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
    let text: Vec<&str> = outcome
        .lines
        .iter()
        .map(|line| line.split_once(' ').unwrap().1)
        .map(|line| line.split("   (").next().unwrap())
        .collect();
    assert!(text[0].starts_with("+ connected to /, id "), "{text:?}");
    let mut rest = text[1..].to_vec();
    rest.sort_unstable();
    assert_eq!(
        rest,
        [
            "< ack 1 of add: 3",
            r#"< ack 2 of echo: {"deep":[{"$hex":"00ff"}]}"#,
            "> add 1 2",
            r#"> echo {"deep":[{"$hex":"00ff"}]}"#,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn every_layer_is_shown() -> Result<()> {
    let (_server, url) = js_server("client-server", json!({})).await?;
    let mut talk = Talk::start(&[&url, "--raw", "-t", "upgrade"])?;
    let mut lines = Vec::new();
    // An ack that came before the upgrade would end the program within it.
    while lines.last() != Some(&"sent engine.io 5".to_owned()) {
        lines.push(raw_text(&talk.hear("raw").await?));
    }
    talk.say(json!({ "event": "add", "args": [1, 2], "ack": true }))
        .await?;
    while lines.last() != Some(&"received socket.io 30[3]".to_owned()) {
        lines.push(raw_text(&talk.hear("raw").await?));
    }
    assert_eq!(talk.end().await?, Some(0));
    for expected in [
        "sent http 40",
        "received http ok",
        "received http HTTP/1.1 101 Switching Protocols",
        "sent engine.io 2probe",
        "sent engine.io 5",
        "sent websocket …",
        "received websocket …",
        "sent socket.io 0",
        r#"sent engine.io 420["add",1,2]"#,
        r#"sent socket.io 20["add",1,2]"#,
        "received engine.io 430[3]",
        "received socket.io 30[3]",
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:#?}"
        );
    }
    assert!(lines[0].starts_with("sent http"));
    Ok(())
}

/// A line of what is on the wire, in short.
fn raw_text(line: &Value) -> String {
    let [direction, layer, text] =
        ["direction", "layer", "text"].map(|key| line[key].as_str().unwrap_or("…"));
    format!("{direction} {layer} {text}")
}

#[tokio::test]
async fn what_the_server_sees_of_the_options() -> Result<()> {
    let (mut server, url) = js_server("client-server", json!({ "path": "/live/" })).await?;
    let url = format!("{url}?room=a%20b");
    let args = [&url, "--path", "live", "-H", "X-Test: yes", "-q", "other=1"];
    assert_eq!(run(&args, "").await?.status, Some(0));
    let seen = server.line().await?;
    assert_eq!(seen, json!({ "query": "a b", "header": "yes" }));
    Ok(())
}

#[tokio::test]
async fn messagepack() -> Result<()> {
    let (_server, url) = js_server("peer-server", json!({ "msgpack": true })).await?;
    let line = r#"{"event":"echo","args":[{"b":[{"$base64":"AP8="}],"a":1.5}],"ack":true}"#;
    let outcome = run(&[&url, "--json", "--parser", "msgpack", "-e", line], "").await?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
    let echoed = json!([{ "b": [{ "$base64": "AP8=" }], "a": 1.5 }]);
    assert_eq!(outcome.of_type("ack")[0]["args"], echoed);
    Ok(())
}

#[tokio::test]
async fn a_lost_connection_comes_back_and_what_was_emitted_is_sent() -> Result<()> {
    let options = |port: Value| json!({ "port": port, "loud": true });
    let (mut server, url) = js_server("peer-server", options(json!(0))).await?;
    let port: u16 = url.rsplit(':').next().context("no port")?.parse()?;
    let mut talk = Talk::start(&[&url])?;
    talk.hear("connected").await?;
    server.kill().await;
    assert_eq!(talk.hear("disconnected").await?["reconnecting"], true);
    talk.say(json!({ "event": "echo", "args": ["late"], "ack": true }))
        .await?;
    let (_server, _) = js_server("peer-server", options(json!(port))).await?;
    talk.hear("connected").await?;
    assert_eq!(talk.hear("ack").await?["args"], json!(["late"]));
    assert_eq!(talk.end().await?, Some(0));
    Ok(())
}

/// Without Socket.IO: packets by hand, over each transport and a plain WebSocket.
async fn check_messages(url: &str) -> Result<()> {
    let engine = format!("{url}/socket.io/");
    let websocket = format!(
        "{}/socket.io/?EIO=4&transport=websocket",
        url.replace("http", "ws")
    );
    for (args, digit) in [
        (vec!["-p", "engineio", "-t", "polling", &engine], ""),
        (vec!["-p", "engineio", "-t", "upgrade", &engine], ""),
        (vec!["-p", "engineio", &engine], ""),
        (vec![&websocket], "4"),
    ] {
        let mut talk = Talk::start(&args)?;
        talk.hear("connected").await?;
        let mut say_and_hear = async |said: &str, heard: &str| {
            talk.say(json!({ "text": format!("{digit}{said}") }))
                .await?;
            loop {
                let message = talk.hear("message").await?;
                let text = message["text"].as_str().unwrap_or_default().to_owned();
                if text.starts_with(&format!("{digit}{heard}")) {
                    return anyhow::Ok(());
                }
            }
        };
        say_and_hear("0", "0{").await?;
        say_and_hear(r#"27["add",1,2]"#, "37[3]").await?;
        assert_eq!(talk.end().await?, Some(0), "{args:?}");
    }
    Ok(())
}

#[tokio::test]
async fn messages_of_a_rust_server() -> Result<()> {
    check_messages(&serve(&rust_server()).await?).await
}

#[tokio::test]
async fn messages_of_a_js_server() -> Result<()> {
    let (_server, url) = js_server("client-server", json!({})).await?;
    check_messages(&url).await
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_if_told_so() -> Result<()> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let tls = json!({ "key": own.signing_key.serialize_pem(), "cert": own.cert.pem() });
    let (_server, url) = js_server("peer-server", json!({ "tls": tls })).await?;
    let file = std::env::temp_dir().join(format!("songi-ca-{}.pem", std::process::id()));
    std::fs::write(&file, own.cert.pem())?;
    let path = file.to_string_lossy();

    let url = url.replace("http://127.0.0.1", "https://localhost");
    let wss = url.replace("https", "wss") + "/socket.io/?EIO=4&transport=websocket";
    for url in [&url, &wss] {
        let refused = run(&[url], "").await?;
        assert_eq!(refused.status, Some(3), "{}", refused.errors);
        assert!(refused.errors.contains("--ca FILE"), "{}", refused.errors);
        let trusted = run(&[url, "--ca", &path, "--linger", "0"], "").await?;
        assert_eq!(trusted.status, Some(0), "{}", trusted.errors);
    }
    std::fs::remove_file(&file)?;
    Ok(())
}
