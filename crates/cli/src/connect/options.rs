//! The command line of `songi connect`.

mod dial;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use songi::client::Parser;

use super::Setup;
use super::failure::{Asked, Failure};
use super::line::with_slash;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Events, acks and namespaces.
    Socketio,
    /// The messages of an Engine.IO session.
    Engineio,
    /// The messages of a WebSocket.
    Websocket,
}

/// What carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transports {
    /// A WebSocket, or long-polling if there is none.
    Auto,
    /// Long-polling alone.
    Polling,
    /// A WebSocket alone.
    Websocket,
    /// Long-polling, then a WebSocket: what browsers do.
    Upgrade,
}

/// How Socket.IO packets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Msgpack,
}

/// Whom to connect to, and how.
///
/// Lines are read from standard input: `say "tea" {"a":1}` emits an event, `add 1 2 ?` asks for an
/// ack, `/help` tells the rest. At a terminal they can be edited; from a pipe, it ends when they
/// end and all acks have come.
///
/// Exit status: 0 ended well, 2 wrong input, 3 not connected, 4 refused by the namespace,
/// 5 disconnected, 6 an ack did not come, 130 interrupted.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Where the server is: http:// or https:// for Socket.IO (the path is the namespace), ws:// or
    /// wss:// for a plain WebSocket.
    url: String,

    /// What is spoken, if the scheme of the URL does not say it.
    #[arg(short, long)]
    protocol: Option<Protocol>,

    /// What carries it.
    #[arg(short, long, default_value = "auto")]
    transport: Transports,

    /// The namespace to join; default: the path of the URL.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Who we are: a JSON object for the namespace; `@FILE` reads it from a file.
    #[arg(short, long, value_name = "JSON")]
    auth: Option<String>,

    /// A header of the HTTP requests, such as 'Authorization: Bearer …'. May be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// A parameter of the query. May be repeated.
    #[arg(short, long, value_name = "NAME=VALUE")]
    query: Vec<String>,

    /// Where the server answers; default: /socket.io/, with Engine.IO the path of the URL or
    /// /engine.io/.
    #[arg(long)]
    path: Option<String>,

    /// How Socket.IO packets are written.
    #[arg(long, default_value = "json")]
    parser: Format,

    /// A subprotocol to offer to the WebSocket. May be repeated.
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,

    /// A proxy: http:// or socks5://.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Trust the certificates in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Offer no compression of WebSocket messages.
    #[arg(long)]
    no_deflate: bool,

    /// Do not connect again when the connection is lost.
    #[arg(long)]
    no_reconnect: bool,

    /// How long connecting may take.
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    timeout: Duration,

    /// How long an ack may take.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    ack_timeout: Duration,

    /// How long to stay after the last line and the last ack, or `forever`; default: 0 with
    /// Socket.IO, 1 without acks.
    #[arg(long, value_name = "SECONDS", value_parser = stay)]
    linger: Option<Stay>,

    /// A line to do, in place of those of standard input. May be repeated.
    #[arg(short = 'e', long = "line", value_name = "LINE")]
    pub(super) lines: Vec<String>,

    /// Show what is on the wire: HTTP, WebSocket frames, Engine.IO and Socket.IO packets.
    #[arg(long)]
    pub(super) raw: bool,

    /// Read and write JSON lines.
    #[arg(long)]
    pub(super) json: bool,
}

/// How long to stay.
#[derive(Debug, Clone, Copy)]
enum Stay {
    For(Duration),
    Forever,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn stay(text: &str) -> Result<Stay, String> {
    match text {
        "forever" => Ok(Stay::Forever),
        text => seconds(text).map(Stay::For),
    }
}

impl Args {
    pub(super) fn setup(&self) -> Result<Setup, Failure> {
        let (scheme, rest) = self.url.split_once("://").ok_or_else(|| {
            Failure::input(format!("{}: the scheme is missing", self.url))
                .hint(format!("such as http://{}", self.url))
        })?;
        let protocol = self.protocol.unwrap_or(match scheme {
            "ws" | "wss" => Protocol::Websocket,
            _ => Protocol::Socketio,
        });
        self.check(protocol)?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let url_path = rest.split_once('/').map_or("", |(_, path)| path);
        let path = match (&self.path, protocol) {
            (Some(path), _) => with_slash(path),
            (None, Protocol::Engineio) if url_path.is_empty() => "/engine.io/".to_owned(),
            (None, Protocol::Socketio) => "/socket.io/".to_owned(),
            (None, _) => format!("/{url_path}"),
        };
        let namespace = match &self.namespace {
            Some(namespace) => with_slash(namespace),
            None => format!("/{url_path}"),
        };
        let linger = match (self.linger, protocol) {
            (Some(Stay::For(time)), _) => Some(time),
            (Some(Stay::Forever), _) => None,
            (None, Protocol::Socketio) => Some(Duration::ZERO),
            (None, _) => Some(Duration::from_secs(1)),
        };
        let url = format!("{scheme}://{}", rest.split('/').next().unwrap_or_default());
        Ok(Setup {
            asked: Asked {
                url,
                path,
                namespace,
                protocol,
            },
            ack_timeout: self.ack_timeout,
            linger,
        })
    }

    /// An option that the protocol has no use for is a mistake.
    fn check(&self, protocol: Protocol) -> Result<(), Failure> {
        let name = match protocol {
            Protocol::Socketio => return Ok(()),
            Protocol::Engineio => "Engine.IO",
            Protocol::Websocket => "plain WebSockets",
        };
        let is_plain = protocol == Protocol::Websocket;
        let given = [
            ("--auth", self.auth.is_some()),
            ("--namespace", self.namespace.is_some()),
            ("--parser", self.parser != Format::Json),
            ("--path", is_plain && self.path.is_some()),
            (
                "--transport",
                is_plain && self.transport != Transports::Auto,
            ),
            ("--proxy", is_plain && self.proxy.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(Failure::input(format!("{option} is not for {name}"))),
            None => Ok(()),
        }
    }

    pub(super) fn parser(&self) -> Parser {
        match self.parser {
            Format::Json => Parser::Json,
            Format::Msgpack => Parser::Msgpack,
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Connecting {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &[&str]) -> Args {
        let line = ["connect"].iter().chain(line);
        Connecting::try_parse_from(line).unwrap().args
    }

    #[test]
    fn what_a_url_means() {
        use Protocol::{Engineio, Socketio, Websocket};
        for (line, protocol, path, namespace) in [
            (&["http://a:1"][..], Socketio, "/socket.io/", "/"),
            (&["https://a/admin?x=1"], Socketio, "/socket.io/", "/admin"),
            (
                &["http://a", "-n", "admin", "--path", "x"],
                Socketio,
                "/x",
                "/admin",
            ),
            (&["ws://a/chat"], Websocket, "/chat", "/chat"),
            (&["ws://a", "-p", "socketio"], Socketio, "/socket.io/", "/"),
            (
                &["http://a", "-p", "engineio"],
                Engineio,
                "/engine.io/",
                "/",
            ),
            (
                &["http://a/socket.io/", "-p", "engineio"],
                Engineio,
                "/socket.io/",
                "/socket.io/",
            ),
        ] {
            let asked = args(line).setup().unwrap().asked;
            assert_eq!(asked.protocol, protocol, "{line:?}");
            assert_eq!(
                (asked.path.as_str(), asked.namespace.as_str()),
                (path, namespace)
            );
        }
        assert_eq!(args(&["a:1"]).setup().err().unwrap().status, 2);
    }

    #[test]
    fn how_long_it_stays() {
        let linger = |line: &[&str]| args(line).setup().unwrap().linger;
        assert_eq!(linger(&["http://a"]), Some(Duration::ZERO));
        assert_eq!(linger(&["ws://a"]), Some(Duration::from_secs(1)));
        assert_eq!(
            linger(&["http://a", "--linger", "1.5"]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(linger(&["http://a", "--linger", "forever"]), None);
        assert!(Connecting::try_parse_from(["", "http://a", "--linger", "-1"]).is_err());
    }

    #[test]
    fn wrong_options_are_wrong_input() {
        for line in [
            &["http://a", "-H", "x"][..],
            &["http://a", "--auth", "token"],
            &["http://a", "--auth", "[1]"],
            &["http://a", "--auth", "@/no/such/file"],
            &["http://a", "--ca", "/no/such/file"],
        ] {
            let args = args(line);
            let setup = args.setup().unwrap();
            assert_eq!(
                args.client(&setup, None).err().map(|it| it.status),
                Some(2),
                "{line:?}"
            );
        }
        for (line, expected) in [
            (
                &["ws://a", "--proxy", "http://b"][..],
                "--proxy is not for plain WebSockets",
            ),
            (
                &["ws://a", "-t", "polling"],
                "--transport is not for plain WebSockets",
            ),
            (
                &["http://a", "-p", "engineio", "-a", "{}"],
                "--auth is not for Engine.IO",
            ),
        ] {
            let failure = args(line).setup().err().unwrap();
            assert_eq!((failure.status, failure.message.as_str()), (2, expected));
        }
    }
}
