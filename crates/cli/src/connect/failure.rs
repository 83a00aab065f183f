//! Why it ended, as an exit status and as a sentence that says what to do.

use std::error::Error as _;
use std::io::ErrorKind;

use songi::client::{ConnectError, DisconnectReason};
use songi::tokio as websocket;

use super::Protocol;

/// The exit statuses, which do not change their meaning (`docs/cli.md`).
pub(crate) mod status {
    /// The command line or a line of the input is wrong.
    pub(crate) const INPUT: u8 = 2;
    /// The server cannot be reached, or is another one.
    pub(crate) const NOT_CONNECTED: u8 = 3;
    /// The server refused the namespace.
    pub(crate) const REFUSED: u8 = 4;
    /// The connection ended before this side wanted it to.
    pub(crate) const DISCONNECTED: u8 = 5;
    /// An ack did not come.
    pub(crate) const NO_ACK: u8 = 6;
    /// Somebody pressed Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Characters that are shown of a response's body, or of a line.
const BEGINNING: usize = 200;

/// Why it ended other than well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u8,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What was asked for, for the hints.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) url: String,
    pub(crate) path: String,
    pub(crate) namespace: String,
    pub(crate) protocol: Protocol,
}

impl Failure {
    pub(crate) fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(status::INPUT, message)
    }

    pub(crate) fn disconnected(reason: DisconnectReason) -> Self {
        let failure = Self::new(status::DISCONNECTED, format!("disconnected: {reason}"));
        match reason {
            DisconnectReason::ServerDisconnect => {
                failure.hint("the server ended it on purpose: its own log says why")
            }
            DisconnectReason::PingTimeout => failure.hint("the server was silent for too long"),
            DisconnectReason::ParseError => {
                failure.hint("the server broke the protocol: --raw shows what it sent")
            }
            _ => failure,
        }
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(status::INTERRUPTED, "interrupted")
    }

    /// Why a first connection was not there.
    pub(crate) fn connect(error: &ConnectError, asked: &Asked) -> Self {
        let Asked {
            url,
            path,
            namespace,
            ..
        } = asked;
        let no = |message: String| Self::new(status::NOT_CONNECTED, message);
        match error {
            ConnectError::Url(_) | ConnectError::Header(_) | ConnectError::Protocol(_) => {
                Self::input(error.to_string())
            }
            ConnectError::Encode(error) => Self::input(format!("--auth: {error}"))
                .hint("the auth payload is a JSON object, such as {\"token\":\"…\"}"),
            ConnectError::Refused { message, data } => {
                let data = data.as_ref().map(|data| format!(" {}", data.as_str()));
                let data = data.unwrap_or_default();
                let message = format!("the server refused the namespace {namespace}: {message}{data}");
                let hint = if message.contains("Invalid namespace") {
                    format!(
                        "the server has no namespace {namespace}; in a Socket.IO URL what stands behind the host is the namespace, and --path is where the server answers"
                    )
                } else {
                    "--auth JSON says who you are, if the server wants to know".to_owned()
                };
                Self::new(status::REFUSED, message).hint(hint)
            }
            ConnectError::Io(error) => io(error, url),
            ConnectError::Status { status: 404, .. } => no(format!(
                "nothing answers at {path} of {url} (HTTP status 404)"
            ))
            .hint("where the server has another path, say it with --path"),
            ConnectError::Status { status, body } => {
                let failure = no(format!("the server answered with HTTP status {status}: {}", beginning(body)));
                match status {
                    400 if body.contains("Unsupported protocol version") => {
                        failure.hint("the server speaks another version of Engine.IO than 4, which is that of socket.io 3 and later")
                    }
                    400 if body.contains("Transport unknown") => {
                        failure.hint("the server does not offer this transport: try another --transport")
                    }
                    401 | 403 => failure.hint("-H 'Authorization: …' or -H 'Cookie: …' may be missing"),
                    502..=504 => failure.hint("that is a proxy's answer: the server behind it may be down"),
                    _ => failure.hint("--raw shows the whole exchange"),
                }
            }
            ConnectError::Handshake(error) => no(format!("no WebSocket server: {error}"))
                .hint("something between here and the server may not let WebSockets pass: --transport polling does without"),
            ConnectError::Open(violation) => no(format!("no Engine.IO server: {violation}"))
                .hint(format!("a plain WebSocket server is reached with --protocol websocket; or --path is not {path}")),
            ConnectError::Timeout(after) => {
                no(format!("{url} did not answer within {after:?}"))
                    .hint("--timeout SECONDS waits longer; --raw shows how far it came")
            }
            other => no(other.to_string()),
        }
    }

    /// Why there was no WebSocket.
    pub(crate) fn websocket(error: &websocket::ConnectError, asked: &Asked) -> Self {
        let url = &asked.url;
        let no = |message: String| Self::new(status::NOT_CONNECTED, message);
        match error {
            websocket::ConnectError::Url(error) => Self::input(format!("invalid URL: {error}")),
            websocket::ConnectError::Io(error) => io(error, url),
            websocket::ConnectError::Timeout => {
                no(format!("{url} did not answer in time")).hint("--timeout SECONDS waits longer")
            }
            websocket::ConnectError::Response { error, body } => {
                let body = beginning(&String::from_utf8_lossy(body));
                let colon = if body.is_empty() { "" } else { ": " };
                no(format!("no WebSocket at {url}: {error}{colon}{body}")).hint(
                    "is that the right path? A Socket.IO server is reached with --protocol socketio",
                )
            }
            other => no(other.to_string()),
        }
    }
}

/// Of what is long, the first words.
pub(crate) fn beginning(body: &str) -> String {
    let mut words = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(BEGINNING) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn io(error: &std::io::Error, url: &str) -> Failure {
    let no = |message: String| Failure::new(status::NOT_CONNECTED, message);
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            no(format!("nothing listens at {url}")).hint("is the server running, and on this port?")
        }
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => no(
            format!("{url} hung up without an answer"),
        )
        .hint("https:// and wss:// are for servers with TLS, http:// and ws:// for those without"),
        _ => {
            let mut message = format!("no connection to {url}: {error}");
            if let Some(source) = error.source() {
                message.push_str(&format!(": {source}"));
            }
            let lower = message.to_lowercase();
            let failure = no(message);
            if lower.contains("certificate") {
                failure.hint(
                    "--ca FILE trusts the certificates in a PEM file, for servers with their own",
                )
            } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
                failure.hint("the server speaks no TLS: http:// or ws://")
            } else if lower.contains("lookup") || lower.contains("name or service") {
                failure.hint("the name of the host cannot be found: is it spelled right?")
            } else {
                failure
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked {
            url: "http://a:1".to_owned(),
            path: "/socket.io/".to_owned(),
            namespace: "/admin".to_owned(),
            protocol: Protocol::Socketio,
        }
    }

    fn of(error: &ConnectError) -> (u8, String) {
        let failure = Failure::connect(error, &asked());
        let hint = failure.hint.unwrap_or_default();
        (failure.status, format!("{} | {hint}", failure.message))
    }

    #[test]
    fn errors_say_what_to_do() {
        let io = |kind: ErrorKind| ConnectError::from(std::io::Error::from(kind));
        let status = |status, body: &str| ConnectError::Status {
            status,
            body: body.to_owned(),
        };
        let refused = |message: &'static str| ConnectError::Refused {
            message: message.into(),
            data: None,
        };
        for (error, expected_status, part) in [
            (io(ErrorKind::ConnectionRefused), 3, "is the server running"),
            (io(ErrorKind::UnexpectedEof), 3, "hung up without an answer"),
            (status(404, ""), 3, "say it with --path"),
            (
                status(400, "Unsupported protocol version"),
                3,
                "another version of Engine.IO",
            ),
            (status(403, ""), 3, "Authorization"),
            (status(502, ""), 3, "a proxy's answer"),
            (refused("Invalid namespace"), 4, "has no namespace /admin"),
            (refused("no"), 4, "--auth JSON"),
            (
                ConnectError::Timeout(std::time::Duration::from_secs(1)),
                3,
                "--timeout SECONDS",
            ),
            (
                std::io::Error::other("invalid peer certificate: UnknownIssuer").into(),
                3,
                "--ca FILE",
            ),
        ] {
            let (status, text) = of(&error);
            assert_eq!(status, expected_status, "{text}");
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn of_what_is_long_the_first_words_are_shown() {
        assert_eq!(beginning(" a\n b "), "a b");
        let long = "é".repeat(BEGINNING);
        assert_eq!(beginning(&long), long);
        assert_eq!(beginning(&format!("{long}x")), format!("{long}…"));
    }

    #[test]
    fn who_ended_it_is_told() {
        let failure = Failure::disconnected(DisconnectReason::ServerDisconnect);
        assert_eq!(failure.status, 5);
        assert_eq!(failure.message, "disconnected: io server disconnect");
    }
}
