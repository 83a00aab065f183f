//! How it ends, and with which status.

use anyhow::{Context, Result};
use serde_json::json;
use songi_interop::serve;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::program::{PATIENCE, Talk, run};
use crate::servers::{js_server, rust_server};

/// Exit statuses: the same with every server.
async fn check_statuses(url: &str) -> Result<()> {
    let admin = format!("{url}/admin");
    let wrong = r#"{"token":"wrong"}"#;
    let no_ack = ["--ack-timeout", "0.2"];
    for (args, input, status, error) in [
        (vec![url], "", 0, ""),
        (vec![url], "add 1 2 ?\n/quit\nnonsense", 0, ""),
        (vec![url], "add 1 two\n", 2, "a text stands in quotes"),
        (vec![url], "connect 1\n", 2, "connect 1: "),
        (vec![url], "/in /admin x\n", 2, "/join it first"),
        (vec![url, "--json"], "add 1 2\n", 2, "not a JSON line"),
        (
            vec![&admin, "--auth", wrong],
            "",
            4,
            "not authorized {\"code\":7",
        ),
        (vec![url], "/leave\n", 0, ""),
        (vec![url, "--linger", "forever"], "/leave\n", 0, ""),
        (
            vec![url],
            "/leave\n/join admin {\"token\":\"right\"}\nadd 1 two\n",
            2,
            "a text stands in quotes",
        ),
        (vec![url], "/join nowhere\n", 4, "Invalid namespace"),
        (
            vec![url, "-n", "nowhere"],
            "",
            4,
            "has no namespace /nowhere",
        ),
        (
            vec![url, "--linger", "forever"],
            "\"close me\"\n",
            5,
            "io server disconnect",
        ),
        (
            [vec![url], no_ack.to_vec()].concat(),
            "silent ?\n",
            6,
            "not all acks have come",
        ),
        (vec!["http://127.0.0.1:9"], "", 3, "is the server running"),
        (
            vec!["localhost:3000"],
            "",
            2,
            "such as http://localhost:3000",
        ),
    ] {
        let outcome = run(&args, input).await?;
        assert_eq!(
            outcome.status,
            Some(status),
            "{args:?} {input} {}",
            outcome.errors
        );
        assert!(
            outcome.errors.contains(error),
            "{args:?}: {}",
            outcome.errors
        );
        if args.contains(&"--json") {
            let failed = &outcome.of_type("failed")[0];
            assert_eq!(failed["status"], status);
        }
    }
    Ok(())
}

#[tokio::test]
async fn exit_statuses_with_a_rust_server() -> Result<()> {
    check_statuses(&serve(&rust_server()).await?).await
}

#[tokio::test]
async fn exit_statuses_with_a_js_server() -> Result<()> {
    let (_server, url) = js_server("client-server", json!({})).await?;
    check_statuses(&url).await
}

#[tokio::test]
async fn no_event_that_came_before_an_ack_is_lost() -> Result<()> {
    let url = serve(&rust_server()).await?;
    let outcome = run(
        &[
            &url,
            "--json",
            "-e",
            r#"{"event":"count","args":[500],"ack":true}"#,
        ],
        "",
    )
    .await?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
    let events = outcome.of_type("event");
    let numbers = events.iter().map(|event| event["args"][0].as_u64());
    assert!(numbers.eq((0..500).map(Some)), "{} came", events.len());
    Ok(())
}

#[tokio::test]
async fn it_stays_after_the_last_ack() -> Result<()> {
    let url = serve(&rust_server()).await?;
    let line = r#"{"event":"slow","ack":true}"#;
    // The ack takes longer than that.
    let outcome = run(&[&url, "--json", "--linger", "0.3", "-e", line], "").await?;
    let ended = jiff::Timestamp::now();
    assert_eq!(outcome.status, Some(0), "{}", outcome.errors);
    let lines = outcome.json();
    let ack = lines.iter().find(|line| line["type"] == "ack").unwrap();
    let acknowledged: jiff::Timestamp = ack["time"].as_str().unwrap().parse()?;
    let stayed = ended.duration_since(acknowledged).as_millis();
    assert!(stayed >= 300, "{stayed} ms");
    Ok(())
}

#[tokio::test]
async fn without_reconnection_a_lost_connection_is_the_end() -> Result<()> {
    let (mut server, url) = js_server("peer-server", json!({})).await?;
    let mut talk = Talk::start(&[&url, "--no-reconnect"])?;
    talk.hear("connected").await?;
    server.kill().await;
    assert_eq!(talk.hear("disconnected").await?["reconnecting"], false);
    assert_eq!(talk.hear("failed").await?["status"], 5);
    assert_eq!(talk.end().await?, Some(5));
    Ok(())
}

#[tokio::test]
async fn a_reader_that_goes_ends_it() -> Result<()> {
    let url = serve(&rust_server()).await?;
    let mut talk = Talk::start(&[&url, "--linger", "forever"])?;
    talk.hear("connected").await?;
    let Talk {
        mut child,
        mut input,
        lines,
    } = talk;
    drop(lines);
    let line = json!({ "event": "add", "args": [1, 2], "ack": true });
    let input = input.as_mut().context("no standard input")?;
    input.write_all(format!("{line}\n").as_bytes()).await?;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
    assert_eq!(status.code(), Some(0));
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_in_good_order() -> Result<()> {
    let (mut server, url) = js_server("client-server", json!({})).await?;
    let engine = vec![url.as_str(), "-p", "engineio", "--path", "/socket.io/"];
    let add = json!({ "event": "add", "args": [1, 2], "ack": true });
    for (args, line, answer) in [
        (vec![url.as_str()], add, "ack"),
        (engine, json!({ "text": "0" }), "message"),
    ] {
        let mut talk = Talk::start(&args)?;
        talk.say(line).await?;
        talk.hear(answer).await?;
        let pid = talk.child.id().context("it ended")?.to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().await?;
        assert!(sent.success());
        assert_eq!(talk.hear("failed").await?["status"], 130);
        let status = tokio::time::timeout(PATIENCE, talk.child.wait()).await??;
        assert_eq!(status.code(), Some(130));
    }
    let left = server.find("disconnected").await?;
    assert_eq!(left, "client namespace disconnect");
    Ok(())
}
