//! The table as a document.

use std::fmt::Write as _;

use crate::case::{Case, Frame, Input, Request, Session, Stage};

/// How much of an input is shown.
const SHOWN: usize = 90;

/// How many headers are shown.
const HEADERS: usize = 3;

const INTRODUCTION: &str = "\
# Strictness

What the JavaScript server (socket.io 4.8 with engine.io 6.6 and ws 8) and Songi make of malformed
and odd inputs, both with their default settings. This document is written by
[the test that sends them](../crates/interop/tests/strictness/main.rs) to both servers and fails
when either does something else; `SONGI_BLESS=1 cargo test -p songi-interop --test strictness`
writes it anew.

Songi does what the JavaScript server does where a client may depend on it, and is stricter where
only a mistake or an attack can be the cause. Where the two differ, the table says why.

`S` is the id of a session that exists. Of messages, it is shown what comes back before the server
answers a packet to join another namespace; \"open\" means that it does. \"Cut off\" is a connection
that ends without a Close frame.
";

/// A case, what the JavaScript server made of it, and what Songi did.
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) javascript: String,
    pub(crate) songi: String,
}

pub(crate) fn document(sections: &[(&str, Vec<Row>)]) -> String {
    let mut document = INTRODUCTION.to_owned();
    let rows = || sections.iter().flat_map(|(_, rows)| rows);
    let different = rows().filter(|row| row.javascript != row.songi).count();
    let _ = writeln!(
        document,
        "\n{} inputs; on {different} of them the two differ.",
        rows().count()
    );
    for (title, rows) in sections {
        let _ = writeln!(
            document,
            "\n## {title}\n\n| what is odd | input | JavaScript | Songi | why |\n|---|---|---|---|---|"
        );
        for Row {
            case,
            javascript,
            songi,
        } in rows
        {
            let songi = if songi == javascript {
                "the same"
            } else {
                songi
            };
            let cells = [
                case.name,
                &input(&case.input),
                javascript,
                songi,
                case.reason,
            ];
            let cells = cells.map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(document, "| {} |", cells.join(" | "));
        }
    }
    document
}

fn input(input: &Input) -> String {
    match input {
        Input::Requests(session, requests) => {
            let requests: Vec<_> = requests.iter().map(request).collect();
            let session = match session {
                Some(Session::WebSocket) => "on a WebSocket: ",
                _ => "",
            };
            format!("{session}{}", requests.join(", "))
        }
        Input::Frames(stage, frames, _) => {
            let frames: Vec<_> = frames.iter().map(frame).collect();
            let stage = match stage {
                Stage::Open => "before joining: ",
                Stage::Joined => "",
                Stage::Candidate => "on the candidate: ",
            };
            format!("{stage}{}", frames.join(", "))
        }
    }
}

fn request(request: &Request) -> String {
    let mut text = format!("{} {}", request.method, request.path);
    if !request.query.is_empty() {
        let _ = write!(text, "?{}", request.query);
    }
    let mut text = code(&text);
    if request.upgrade {
        text += " as an upgrade";
    }
    for (name, value) in request.headers.iter().take(HEADERS) {
        if value.is_empty() {
            let _ = write!(text, " without {}", code(name));
        } else {
            let _ = write!(text, " {}", code(&format!("{name}: {value}")));
        }
    }
    if let more @ 1.. = request.headers.len().saturating_sub(HEADERS) {
        let _ = write!(text, " and {more} more headers");
    }
    if let Some(body) = &request.body {
        let _ = write!(text, " {}", bytes(body));
    }
    text
}

fn frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) if text.is_empty() => "an empty text".to_owned(),
        Frame::Text(text) => code(text),
        Frame::Binary(payload) => format!("binary {}", bytes(payload)),
        Frame::Raw(_, shown) => (*shown).to_owned(),
    }
}

fn bytes(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok("") => "with an empty body".to_owned(),
        Ok(text) if !text.contains(|c: char| c.is_control() && !"\x1e\r\n".contains(c)) => {
            code(text)
        }
        _ => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            code(&format!("0x{digits}"))
        }
    }
}

fn code(text: &str) -> String {
    let text = text
        .replace('\x1e', "\u{241e}")
        .replace("\r\n", "\u{240d}\u{240a}");
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(visible).collect();
    let left = text.chars().count().saturating_sub(SHOWN);
    if left > 0 {
        shown += "\u{2026}";
        return format!("`{shown}` ({} bytes)", text.len());
    }
    format!("`{shown}`")
}
