//! Odd requests that open sessions or try to.

use crate::case::{
    Case, OPEN, OPEN_WEBSOCKET, POLL, Request, UPGRADE, get, polling, post, request, upgrade,
    websocket,
};

pub(crate) fn sections() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Requests: paths and bundles", paths()),
        ("Requests: opening a session", opening()),
        ("Requests: headers", headers()),
        ("Requests: upgrades", upgrades()),
    ]
}

fn paths() -> Vec<Case> {
    vec![
        request("no slash at the end", get(OPEN).path("/socket.io")),
        request(
            "a path that only begins alike",
            get(OPEN).path("/socket.iox/"),
        ),
        request(
            "something behind the path",
            get(OPEN).path("/socket.io/extra"),
        ),
        request("two slashes", get(OPEN).path("//socket.io/")),
        request("upper case", get(OPEN).path("/SOCKET.IO/")),
        request("an escaped letter", get(OPEN).path("/%73ocket.io/")),
        request(
            "a bundle that does not exist",
            get("").path("/socket.io/socket.io.exe.js"),
        ),
        request(
            "a way out of the folder",
            get("").path("/socket.io/../package.json"),
        ),
        request(
            "an escaped way out",
            get("").path("/socket.io/%2e%2e/package.json"),
        ),
        request("a bundle's ETag, weak", {
            get("")
                .path("/socket.io/socket.io.min.js")
                .header("If-None-Match", "W/\"4.8.4\"")
        })
        .because(
            "Songi's tags are made of the file, not of its version: this is the tag of no file.",
        ),
        request(
            "POST to a bundle",
            post("", "x").path("/socket.io/socket.io.js.map"),
        )
        .because("Files are read by GET and HEAD."),
    ]
}

fn opening() -> Vec<Case> {
    vec![
        request("no query", get("")),
        request("no transport", get("EIO=4")),
        request("an unknown transport", get("EIO=4&transport=flashsocket")),
        request(
            "a prototype's name as transport",
            get("EIO=4&transport=__proto__"),
        ),
        request("upper case", get("EIO=4&transport=Polling")),
        request("an empty transport", get("EIO=4&transport=")),
        request(
            "WebTransport over HTTP/1.1",
            get("EIO=4&transport=webtransport"),
        ),
        request(
            "two transports",
            get("EIO=4&transport=polling&transport=websocket"),
        )
        .because("Which of two values counts would be a guess."),
        request(
            "the same transport twice",
            get("EIO=4&transport=polling&transport=polling"),
        )
        .because("Which of two values counts would be a guess."),
        request("no revision", get("transport=polling")),
        request(
            "revision 3, which is not allowed",
            get("EIO=3&transport=polling"),
        ),
        request("revision 5", get("EIO=5&transport=polling")),
        request(
            "a revision that is no number",
            get("EIO=abc&transport=polling"),
        ),
        request(
            "a revision with a leading zero",
            get("EIO=04&transport=polling"),
        ),
        request("two revisions", get("EIO=4&EIO=4&transport=polling"))
            .because("Which of two values counts would be a guess."),
        request("the keys in lower case", get("eio=4&transport=polling")),
        request("an escaped value", get("EIO=4&transport=p%6flling")),
        request(
            "an escape that is none",
            get("EIO=4&transport=polling&x=%zz"),
        ),
        request("semicolons for ampersands", get("EIO=4;transport=polling")),
        request("two question marks", get("?EIO=4&transport=polling")),
        request("POST without a session", post(OPEN, "40")),
        request("HEAD", Request::new("HEAD", OPEN)),
        request("PUT", Request::new("PUT", OPEN)),
        request("OPTIONS without CORS", Request::new("OPTIONS", OPEN)),
        request("a method that nobody knows", Request::new("BREW", OPEN)).because(
            "Node.js refuses it before the server sees it; hyper knows any token as a method.",
        ),
        request("GET with a body", get(OPEN).body("40")),
        request("an empty sid", get("EIO=4&transport=polling&sid=")),
        request("a WebSocket without an upgrade", get(OPEN_WEBSOCKET)),
        request("long-polling by an upgrade", upgrade(OPEN))
            .because("What cannot become a WebSocket is refused before it is one."),
        request("base64 asked for", get("EIO=4&transport=polling&b64=1")),
        request("JSONP of revision 4", get("EIO=4&transport=polling&j=0")),
        request("JSONP with a script for a number", {
            get("EIO=4&transport=polling&j=alert(1)//7")
        }),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        request(
            "a control character in Origin",
            get(OPEN).header("Origin", "http://a\u{1}"),
        ),
        request(
            "an Origin that is no URL",
            get(OPEN).header("Origin", "null"),
        ),
        request(
            "an Origin beyond ASCII",
            get(OPEN).header("Origin", "http://é.example"),
        ),
        request("a header without a name", get(OPEN).header("", "x")),
        request("a space before the colon", get(OPEN).header("X-A ", "x")),
        request("no Host", get(OPEN).header("Host", "")),
        request("100 headers", many(99)),
        request(
            "a large header",
            get(OPEN).header("X-Large", "a".repeat(20_000)),
        ),
        request(
            "an unknown expectation",
            get(OPEN).header("Expect", "coffee"),
        )
        .because("RFC 9110 §10.1.1 leaves it to the server; nothing here depends on it."),
        request(
            "an upgrade to something else",
            get(OPEN)
                .header("Connection", "Upgrade")
                .header("Upgrade", "h2c"),
        )
        .because("The status is the same; the words are for people."),
    ]
}

fn upgrades() -> Vec<Case> {
    vec![
        request("no transport", upgrade("EIO=4")),
        request("another transport", upgrade("EIO=4&transport=flashsocket")),
        request("no revision", upgrade("transport=websocket")).because("JavaScript opens the WebSocket and then writes an HTTP answer into it; Songi answers before."),
        request(
            "revision 3, which is not allowed",
            upgrade("EIO=3&transport=websocket"),
        ).because("JavaScript opens the WebSocket and then writes an HTTP answer into it; Songi answers before."),
        request("an unknown sid", upgrade("EIO=4&transport=websocket&sid=x")),
        request(
            "a prototype's name as sid",
            upgrade("EIO=4&transport=websocket&sid=__proto__"),
        ),
        request(
            "no key",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Key", ""),
        ).because("The status is the same; the words are for people."),
        request(
            "a short key",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Key", "AAAA"),
        ).because("The status is the same; the words are for people."),
        request(
            "version 8",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Version", "8"),
        ).because("The version of RFC 6455 is 13; other ones are answered with 426 and the right one (§4.4)."),
        request(
            "version 12",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Version", "12"),
        ).because("426 with the right version is the answer (RFC 6455 §4.4)."),
        request(
            "no version",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Version", ""),
        ).because("The status is the same; the words are for people."),
        request(
            "an upgrade to something else",
            upgrade(OPEN_WEBSOCKET).header("Upgrade", "h2c"),
        ).because("426 says what it should have been (RFC 9110 §15.5.22)."),
        request(
            "a Connection header without the upgrade",
            upgrade(OPEN_WEBSOCKET).header("Connection", "close"),
        ).because("426 says what is missing; for Node.js this is no upgrade at all."),
        request(
            "a list in Upgrade",
            upgrade(OPEN_WEBSOCKET).header("Upgrade", "h2c, websocket"),
        ).because("The header is a list (RFC 9110 §7.8)."),
        request(
            "the word in upper case",
            upgrade(OPEN_WEBSOCKET).header("Upgrade", "WEBSOCKET"),
        ),
        request(
            "POST",
            Request {
                method: "POST",
                ..upgrade(OPEN_WEBSOCKET)
            },
        ),
        request(
            "a subprotocol that is no token",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Protocol", "a b"),
        ).because("The status is the same; the words are for people."),
        request(
            "a subprotocol twice",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Protocol", "a, a"),
        ).because("The status is the same; the words are for people."),
        request(
            "an unknown extension",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Extensions", "x-coffee"),
        ),
        request(
            "extensions that cannot be read",
            upgrade(OPEN_WEBSOCKET).header("Sec-WebSocket-Extensions", "a;b=\"c"),
        ).because("The handshake fails (RFC 6455 §9.1). ws does not read the header while compression is off."),
        request(
            "a control character in Origin",
            upgrade(OPEN_WEBSOCKET).header("Origin", "http://a\u{1}"),
        ),
        polling(
            "another revision than the session's",
            [upgrade("EIO=3&transport=websocket&sid=S")],
        ),
        polling("long-polling by an upgrade", [upgrade(POLL)]).because("What cannot become a WebSocket is refused before it is one."),
        polling("an upgrade of a session", [upgrade(UPGRADE)]),
        websocket(
            "an upgrade of a session that is on a WebSocket",
            upgrade(UPGRADE),
        ).because("There is nothing to upgrade: it is a mistake, or somebody else."),
    ]
}

/// So many headers beside `Host`, of which `Connection` is one.
fn many(count: usize) -> Request {
    const NAMES: [&str; 4] = ["X-A", "X-B", "X-C", "X-D"];
    let names = NAMES.into_iter().cycle().take(count - 1);
    names.fold(get(OPEN), |request, name| request.header(name, "x"))
}
