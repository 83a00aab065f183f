//! `songi connect`, the built binary, with a server of Songi and one in JavaScript.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use songi::server::{Bytes, Rejection, Server, Socket};
use songi_interop::{Script, serve};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that does what `client-server.mjs` does.
fn rust_server() -> Server {
    let io = Server::new();
    io.on("add", |a: i64, b: i64| a + b);
    io.on("echo", |value: Deep| value);
    io.on("silent", |_: songi::server::Ack| ());
    io.on("close me", |socket: Socket| socket.disconnect());
    io.on("count", |socket: Socket, count: usize| {
        for number in 0..count {
            socket.emit("number", number)?;
        }
        anyhow::Ok(count)
    });
    io.on("slow", async || {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "done"
    });
    io.on("ask me", async |socket: Socket| {
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        let deep = Deep {
            deep: vec![Bytes::from_static(&[9, 8])],
        };
        let echoed: Deep = socket.emit_with_ack("echo", deep).await?;
        let (text, bytes): (String, Bytes) = socket.emit_with_ack("several", ()).await?;
        let failed: Value = socket.emit_with_ack("add", "x").await?;
        anyhow::Ok(json!({
            "sum": sum,
            "echoed": { "deep": [{ "binary": echoed.deep[0].to_vec() }] },
            "text": text,
            "bytes": { "binary": bytes.to_vec() },
            "failed": failed,
        }))
    });
    let admin = io.of("/admin");
    admin.authorize(|auth: Value| {
        if auth["token"] == "right" {
            return Ok(());
        }
        let data = json!({ "code": 7, "content": "Please retry later" });
        Err(Rejection::new("not authorized").with_data(data))
    });
    admin.on_connection(|socket: Socket, auth: Value| socket.emit("welcome", (auth, socket.id())));
    io
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Deep {
    deep: Vec<Bytes>,
}

async fn js_server(name: &str, options: Value) -> Result<(Script, String)> {
    let mut server = Script::start(name, &[&options.to_string()])?;
    let port = server.find("port").await?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// How `songi connect` ended, and what it said.
struct Outcome {
    status: Option<i32>,
    lines: Vec<String>,
    errors: String,
}

impl Outcome {
    fn json(&self) -> Vec<Value> {
        let json = self.lines.iter().map(|line| serde_json::from_str(line));
        json.collect::<Result<_, _>>().unwrap()
    }

    fn of_type(&self, name: &str) -> Vec<Value> {
        of_type(&self.json(), name)
    }
}

/// The lines of a type, without what differs from run to run.
fn of_type(lines: &[Value], name: &str) -> Vec<Value> {
    let mut lines = lines.to_vec();
    lines.retain(|line| line["type"] == name);
    for line in &mut lines {
        assert!(line["time"].is_string(), "{line}");
        let line = line.as_object_mut().unwrap();
        for field in ["time", "type", "ms", "id"] {
            line.remove(field);
        }
    }
    lines
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_songi"));
    command
        .arg("connect")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it with this standard input.
async fn run(args: &[&str], input: &str) -> Result<Outcome> {
    let mut child = command(args).spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // It may end before it has read all.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await??;
    let stdout = String::from_utf8(output.stdout)?;
    Ok(Outcome {
        status: output.status.code(),
        lines: stdout.lines().map(str::to_owned).collect(),
        errors: String::from_utf8(output.stderr)?,
    })
}

/// An ack takes as long as it takes.
const PATIENT: [&str; 2] = ["--ack-timeout", "60"];

/// One that is talked with, in JSON.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    fn start(args: &[&str]) -> Result<Self> {
        let args = [args, &PATIENT].concat();
        let mut child = command(&args).arg("--json").spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self {
            input: child.stdin.take(),
            lines: BufReader::new(stdout).lines(),
            child,
        })
    }

    async fn say(&mut self, line: Value) -> Result<()> {
        let input = self.input.as_mut().context("it was closed")?;
        Ok(input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// The next line.
    async fn any(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await??;
        Ok(serde_json::from_str(&line.context("it ended")?)?)
    }

    /// The next line of a type.
    async fn hear(&mut self, name: &str) -> Result<Value> {
        loop {
            let line = self.any().await?;
            if line["type"] == name {
                return Ok(line);
            }
        }
    }

    async fn end(mut self) -> Result<Option<i32>> {
        self.input = None;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        Ok(status.code())
    }
}

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
