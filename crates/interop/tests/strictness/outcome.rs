//! What a server makes of a case, in a few words.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::case::{
    Case, Frame, Input, Mark, OPEN, OPEN_WEBSOCKET, POLL, Request, Session, Stage, UPGRADE, get,
    post, upgrade,
};
use crate::wire::{Answer, MARK_ANSWER, Received, Wire};

/// How much of a text is shown.
const SHOWN: usize = 60;

/// Gives the input to the server at this address.
pub(crate) async fn outcome(address: &str, case: &Case) -> Result<String> {
    let said = match &case.input {
        Input::Requests(session, requests) => answers(address, *session, requests).await,
        Input::Frames(Stage::Candidate, frames, mark) => upgraded(address, frames, *mark).await,
        Input::Frames(stage, frames, mark) => replies(address, *stage, frames, *mark).await,
    };
    Ok(said?.join("; "))
}

async fn answers(
    address: &str,
    session: Option<Session>,
    requests: &[Request],
) -> Result<Vec<String>> {
    let mut open = None;
    let mut sid = String::new();
    match session {
        Some(Session::Polling) => sid = open_polling(address).await?,
        Some(Session::WebSocket) => open = Some(open_websocket(address, &mut sid).await?),
        None => {}
    }
    let mut said = answers_in(address, &sid, requests).await?;
    match &mut open {
        Some(wire) => {
            wire.send(&[], Mark::Join).await;
            said.push(match hear(wire, &sid, Mark::Join).await?.pop() {
                Some(last) if last == "open" => "session lives".to_owned(),
                last => format!("session {}", last.unwrap_or_default()),
            });
        }
        None if session.is_some() => said.push(fate(address, &sid).await?),
        None => {}
    }
    Ok(said)
}

async fn answers_in(address: &str, sid: &str, requests: &[Request]) -> Result<Vec<String>> {
    let (mut waiting, mut held) = (Vec::new(), Vec::new());
    let mut said = Vec::new();
    for request in requests {
        let mut wire = Wire::request(address, request, sid).await?;
        match &request.body {
            // Asked to go on, it has been seen, and waits for its body.
            Some(body) if request.held => match wire.try_answer().await? {
                Some(answer) if answer.status == 100 => held.push((wire, body)),
                answer => said.push(describe(answer, &mut wire, sid).await?),
            },
            _ => waiting.push(wire),
        }
    }
    for mut wire in waiting {
        let answer = wire.try_answer().await?;
        said.push(describe(answer, &mut wire, sid).await?);
    }
    for (mut wire, body) in held {
        wire.write(body).await;
        let answer = wire.try_answer().await?;
        said.push(describe(answer, &mut wire, sid).await?);
    }
    // Requests of two connections come in any order.
    said.sort();
    Ok(said)
}

async fn replies(address: &str, stage: Stage, frames: &[Frame], mark: Mark) -> Result<Vec<String>> {
    let mut sid = String::new();
    let mut wire = open_websocket(address, &mut sid).await?;
    if stage == Stage::Joined {
        wire.text("40").await;
        ensure!(matches!(wire.receive().await?, Received::Text(text) if text.starts_with("40{")));
    }
    wire.send(frames, mark).await;
    hear(&mut wire, &sid, mark).await
}

async fn upgraded(address: &str, frames: &[Frame], mark: Mark) -> Result<Vec<String>> {
    let sid = open_polling(address).await?;
    let mut wire = Wire::request(address, &upgrade(UPGRADE), &sid).await?;
    ensure!(wire.answer().await?.status == 101, "no upgrade");
    wire.send(frames, mark).await;
    let mut said = hear(&mut wire, &sid, mark).await?;
    said.push(fate(address, &sid).await?);
    Ok(said)
}

/// What comes on a WebSocket until the mark is answered, or the connection is over.
async fn hear(wire: &mut Wire, sid: &str, mark: Mark) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let mut pongs = 0;
    loop {
        let (last, end) = match wire.receive().await? {
            Received::Text(text) if mark == Mark::Join && text.starts_with(MARK_ANSWER) => {
                ("open".to_owned(), true)
            }
            // A server may answer a ping before what came with it, and the next one not.
            Received::Pong if pongs == 0 => {
                pongs += 1;
                wire.send(&[], Mark::Ping).await;
                continue;
            }
            Received::Pong => ("open".to_owned(), true),
            Received::Text(text) => (shown(&text, sid), false),
            Received::Binary(bytes) => (format!("binary {bytes:?}"), false),
            Received::Close(Some(code)) => (format!("closed with {code}"), true),
            Received::Close(None) => ("closed without a code".to_owned(), true),
            Received::End => ("cut off".to_owned(), true),
        };
        said.push(last);
        if end {
            return Ok(said);
        }
    }
}

async fn describe(answer: Option<Answer>, wire: &mut Wire, sid: &str) -> Result<String> {
    let Some(answer) = answer else {
        return Ok("cut off".to_owned());
    };
    let status = answer.status;
    if status == 101 {
        wire.send(&[], Mark::Ping).await;
        let heard = hear(wire, sid, Mark::Ping).await?;
        return Ok(format!("101, then {}", heard.join(", ")));
    }
    let body = String::from_utf8_lossy(&answer.body);
    let json: Option<Value> = serde_json::from_str(&body).ok();
    let code = json.as_ref().and_then(|json| json.get("code"));
    let about = match (code, body.as_ref()) {
        (Some(code), _) => format!("{status} with code {code}"),
        (None, "") => status.to_string(),
        (None, body) => format!("{status} {}", shown(body, sid)),
    };
    match answer.header("content-encoding") {
        Some(encoding) => Ok(format!("{status}, {encoding}")),
        None => Ok(about),
    }
}

/// A text without what is different each time.
fn shown(text: &str, sid: &str) -> String {
    let mut text = text.replace('\x1e', "\u{241e}").replace('\n', "\u{240a}");
    if !sid.is_empty() {
        text = text.replace(sid, "S");
    }
    // In a script its quotes are escaped.
    for start in ["{\"sid\":", "{\\\"sid\\\":"] {
        while let Some(start) = text.find(start) {
            let end = text[start..]
                .find('}')
                .map_or(text.len(), |end| start + end + 1);
            text.replace_range(start..end, "{\u{2026}}");
        }
    }
    if text.chars().count() > SHOWN {
        text = text.chars().take(SHOWN).chain(['\u{2026}']).collect();
    }
    format!("`{text}`")
}

/// Whether a session lives. A pong is never wrong.
async fn fate(address: &str, sid: &str) -> Result<String> {
    let mut wire = Wire::request(address, &post(POLL, "3"), sid).await?;
    let answer = wire.answer().await?;
    let body = String::from_utf8_lossy(&answer.body);
    let fate = match (answer.status, body.as_ref()) {
        (200, "ok") => "session lives",
        (400, body) if body.starts_with("{\"code\":1,") => "session dead",
        (400, body) if body.starts_with("{\"code\":3,") => "session has moved",
        other => anyhow::bail!("{other:?}"),
    };
    Ok(fate.to_owned())
}

async fn open_polling(address: &str) -> Result<String> {
    let answer = Wire::request(address, &get(OPEN), "")
        .await?
        .answer()
        .await?;
    let sid = sid_of(&String::from_utf8(answer.body)?)?;
    // In the main namespace, and with nothing left to poll for.
    Wire::request(address, &post(POLL, "40"), &sid)
        .await?
        .answer()
        .await?;
    let joined = Wire::request(address, &get(POLL), &sid)
        .await?
        .answer()
        .await?;
    ensure!(joined.body.starts_with(b"40{"), "not joined");
    Ok(sid)
}

async fn open_websocket(address: &str, sid: &mut String) -> Result<Wire> {
    let mut wire = Wire::request(address, &upgrade(OPEN_WEBSOCKET), "").await?;
    ensure!(wire.answer().await?.status == 101, "no WebSocket");
    if let Received::Text(open) = wire.receive().await? {
        *sid = sid_of(&open)?;
    }
    Ok(wire)
}

fn sid_of(open: &str) -> Result<String> {
    let open: Value = serde_json::from_str(open.strip_prefix('0').context("not open")?)?;
    let sid = open.get("sid").and_then(Value::as_str);
    Ok(sid.context("no sid")?.to_owned())
}
