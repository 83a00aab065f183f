//! Odd requests to sessions that exist, or are said to.

use crate::case::{Case, POLL, Request, UPGRADE, get, polling, post, request, websocket};

pub(crate) fn sections() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Requests: sessions", sessions()),
        ("Requests: bodies", bodies()),
    ]
}

fn sessions() -> Vec<Case> {
    vec![
        request(
            "an unknown sid",
            get("EIO=4&transport=polling&sid=abcdefghijklmnopqrst"),
        ),
        request(
            "a prototype's name as sid",
            get("EIO=4&transport=polling&sid=__proto__"),
        ),
        request(
            "a method of objects as sid",
            post("EIO=4&transport=polling&sid=hasOwnProperty", "3"),
        ),
        request(
            "a sid with a line break",
            get("EIO=4&transport=polling&sid=a%0d%0ab"),
        ),
        polling(
            "two sids, the right one first",
            [post("EIO=4&transport=polling&sid=S&sid=x", "3")],
        ),
        polling(
            "two sids, the right one last",
            [post("EIO=4&transport=polling&sid=x&sid=S", "3")],
        )
        .because("Which of two values counts would be a guess."),
        polling("no revision", [post("transport=polling&sid=S", "3")]),
        polling(
            "another revision",
            [post("EIO=3&transport=polling&sid=S", "3")],
        ),
        polling("no transport", [post("EIO=4&sid=S", "3")]),
        polling("a WebSocket without an upgrade", [get(UPGRADE)]),
        polling("PUT", [Request::new("PUT", POLL).body("3")])
            .because("It is the client's mistake, not the server's."),
        polling("DELETE", [Request::new("DELETE", POLL)])
            .because("It is the client's mistake, not the server's."),
        polling("HEAD", [Request::new("HEAD", POLL)])
            .because("It is the client's mistake, not the server's."),
        polling("OPTIONS without CORS", [Request::new("OPTIONS", POLL)])
            .because("It is the client's mistake, not the server's."),
        polling("two GETs at once", [get(POLL), get(POLL)]),
        polling(
            "two POSTs at once",
            [post(POLL, "3").held(), post(POLL, "3")],
        )
        .because("Every request is answered, the one that was there first too."),
        polling(
            "a POST beside a GET is no overlap",
            [post(POLL, "42[\"a\"]"), get(POLL)],
        ),
        websocket("long-polling GET to a session on a WebSocket", get(POLL)),
        websocket(
            "long-polling POST to a session on a WebSocket",
            post(POLL, "3"),
        ),
    ]
}

fn bodies() -> Vec<Case> {
    vec![
        polling("an empty body", [post(POLL, "")]).because("The client learns that it was not taken; the session ends in both."),
        polling("no body and no length", [Request::new("POST", POLL)]).because("The client learns that it was not taken; the session ends in both."),
        polling("an unknown packet", [post(POLL, "7")]).because("The client learns that it was not taken; the session ends in both."),
        polling("no packet", [post(POLL, "hello")]).because("The client learns that it was not taken; the session ends in both."),
        polling("a separator alone", [post(POLL, "\x1e")]).because("The client learns that it was not taken; the session ends in both."),
        polling("a separator at the end", [post(POLL, "3\x1e")]).because("The client learns that it was not taken; the session ends in both."),
        polling("a separator at the start", [post(POLL, "\x1e3")]).because("The client learns that it was not taken; the session ends in both."),
        polling(
            "a bad packet after a good one",
            [post(POLL, "421[\"a\"]\x1e9")],
        ).because("The client learns that it was not taken; the session ends in both."),
        polling("a ping, which servers send", [post(POLL, "2")]).because("The client learns that it was not taken; the session ends in both."),
        polling("a pong that nobody waits for", [post(POLL, "3")]),
        polling("a pong with data", [post(POLL, "3abc")]),
        polling("an open packet", [post(POLL, "0{\"sid\":\"x\"}")]),
        polling("an upgrade packet", [post(POLL, "5")]),
        polling("a noop", [post(POLL, "6")]),
        polling("a close packet", [post(POLL, "1")]),
        polling(
            "a packet after the close packet",
            [post(POLL, "1\x1e42[\"a\"]")],
        ),
        polling(
            "base64 that is not padded",
            [post(
                POLL,
                "451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1ebAQI",
            )],
        ).because("The JavaScript clients send padded standard base64 (RFC 4648 §4); to guess at anything else would hide damage."),
        polling(
            "base64 for URLs",
            [post(
                POLL,
                "451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1eb-_8=",
            )],
        ).because("The JavaScript clients send padded standard base64 (RFC 4648 §4); to guess at anything else would hide damage."),
        polling(
            "base64 with a space in it",
            [post(
                POLL,
                "451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1ebAQ ID",
            )],
        ).because("The JavaScript clients send padded standard base64 (RFC 4648 §4); to guess at anything else would hide damage."),
        polling(
            "bytes that are no UTF-8",
            [post(POLL, *b"42[\"\xff\xfe\"]")],
        ).because("Text is UTF-8; to replace what is not would give the application something that nobody sent."),
        polling("a body of revision 3", [post(POLL, "3:42[")]),
        polling(
            "octets",
            [post(POLL, "3").header("Content-Type", "application/octet-stream")],
        ),
        polling(
            "octets in upper case",
            [post(POLL, "3").header("Content-Type", "Application/Octet-Stream")],
        ).because("Media types have no case (RFC 9110 §8.3.1): it is the same as in lower case."),
        polling(
            "no content type",
            [post(POLL, "3").header("Content-Type", "")],
        ),
        polling(
            "JSON",
            [post(POLL, "3").header("Content-Type", "application/json")],
        ),
        polling("a form, as JSONP has it, without `j`", [post(POLL, "d=3")]).because("The client learns that it was not taken; the session ends in both."),
        polling(
            "a body that says it is compressed",
            [post(POLL, "3").header("Content-Encoding", "gzip")],
        ),
        polling(
            "a body over the limit",
            [post(POLL, vec![b'4'; 1_000_001]).held()],
        ),
        polling(
            "a body of exactly the limit",
            [post(POLL, {
                let mut body = b"42[\"".to_vec();
                body.resize(1_000_000 - 2, b'a');
                body.extend(b"\"]");
                body
            })
            .held()],
        ),
        polling(
            "an announced length beyond all numbers",
            [post(POLL, "3").header("Content-Length", "99999999999999999999")],
        ),
        polling(
            "a negative length",
            [post(POLL, "3").header("Content-Length", "-1")],
        ),
        polling(
            "two lengths that differ",
            [post(POLL, "3")
                .header("Content-Length", "1")
                .header("content-length", "2")],
        ),
        polling(
            "a length and chunks",
            [post(POLL, "1\r\n3\r\n0\r\n\r\n")
                .header("Content-Length", "3")
                .header("Transfer-Encoding", "chunked")],
        ).because("hyper goes by the chunks alone, as RFC 9112 §6.3 allows."),
        polling(
            "a chunk of no length",
            [post(POLL, "x\r\n3\r\n0\r\n\r\n")
                .header("Content-Length", "")
                .header("Transfer-Encoding", "chunked")],
        ),
    ]
}
