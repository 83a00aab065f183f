//! The command line, and the load that it asks for.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use songi_load::frame::{BINARY, TEXT};
use songi_load::{Exchange, Pace, Target, Transport};

/// The most messages that a connection has in flight at a fixed rate.
const IN_FLIGHT_AT_RATE: usize = 1000;

/// Measure what a server answers, and how fast.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server: `http://host:port`, with a namespace as path and a query for the handshake; with
    /// --raw the URL of the WebSocket.
    url: String,
    /// Connections.
    #[arg(short, long, default_value_t = 100, value_parser = at_least_one())]
    connections: u64,
    /// Messages in flight on each connection: the next is sent when one is answered.
    #[arg(short = 'n', long, default_value_t = 1, value_parser = at_least_one(), conflicts_with = "rate")]
    in_flight: u64,
    /// Messages a second, all connections together, whether or not the server keeps up. The time of
    /// one counts from when it was due.
    #[arg(short, long, allow_negative_numbers = true)]
    rate: Option<f64>,
    /// How long to measure, in seconds.
    #[arg(short, long, default_value_t = 10., allow_negative_numbers = true)]
    duration: f64,
    /// How long to run before that, in seconds.
    #[arg(long, default_value_t = 1., allow_negative_numbers = true)]
    warm_up: f64,
    /// How long the first answer may take, in seconds.
    #[arg(long, default_value_t = 5., allow_negative_numbers = true)]
    timeout: f64,
    /// The event to send.
    #[arg(short, long, default_value = "echo")]
    event: String,
    /// What answers the event.
    #[arg(short, long, value_enum, default_value_t = Answer::Ack)]
    answer: Answer,
    /// Bytes of text that go with the event, or in the WebSocket message.
    #[arg(short, long, default_value_t = 20)]
    payload: usize,
    /// The event's arguments in place of that text: JSON values with commas between them.
    #[arg(long, conflicts_with = "payload")]
    args: Option<String>,
    /// The namespace; the URL's path unless told otherwise.
    #[arg(long)]
    namespace: Option<String>,
    /// The auth payload: a JSON object.
    #[arg(long)]
    auth: Option<String>,
    /// A header of the requests, `Name: value`; more than once for more.
    #[arg(short = 'H', long = "header")]
    headers: Vec<String>,
    /// The path under which the server has Socket.IO.
    #[arg(long, default_value = "/socket.io/")]
    path: String,
    /// What carries Socket.IO.
    #[arg(short, long, value_enum, default_value_t = Carrier::Websocket)]
    transport: Carrier,
    /// Not Socket.IO: a WebSocket server that sends each message back.
    #[arg(long, conflicts_with_all = ["event", "answer", "args", "namespace", "auth", "path", "transport"])]
    raw: bool,
    /// Binary messages; text unless told so.
    #[arg(long, requires = "raw")]
    binary: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

fn at_least_one() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=1_000_000)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// An ack.
    Ack,
    /// The next event of the server, whatever its name.
    Event,
    /// Nothing: what the system has taken counts.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Websocket,
    Polling,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) url: String,
    pub(super) target: Target,
    pub(super) exchange: Exchange,
    pub(super) connections: usize,
    pub(super) pace: Pace,
    pub(super) duration: Duration,
    pub(super) warm_up: Duration,
    pub(super) timeout: Duration,
    answer: Answer,
    event: Option<String>,
}

impl Args {
    pub(super) fn load(&self) -> Result<Load> {
        let seconds = |name, seconds| {
            Duration::try_from_secs_f64(seconds)
                .with_context(|| format!("--{name} is a number of seconds"))
        };
        let connections = usize::try_from(self.connections)?;
        let pace = match self.rate {
            Some(rate) => {
                ensure!((1e-3..=1e9).contains(&rate), "--rate is from 0.001 to 10⁹");
                Pace::PerSecond {
                    rate,
                    in_flight: IN_FLIGHT_AT_RATE,
                }
            }
            None => Pace::InFlight(usize::try_from(self.in_flight)?),
        };
        let (target, exchange) = match self.raw {
            true => (self.target()?, self.echo()),
            false => {
                let target = self.target()?;
                let exchange = self.exchange(&target.namespace)?;
                (target, exchange)
            }
        };
        let duration = seconds("duration", self.duration)?;
        ensure!(!duration.is_zero(), "--duration is above 0");
        Ok(Load {
            url: self.url.clone(),
            target,
            exchange,
            connections,
            pace,
            duration,
            warm_up: seconds("warm-up", self.warm_up)?,
            timeout: seconds("timeout", self.timeout)?,
            answer: self.answer,
            event: (!self.raw).then(|| self.event.clone()),
        })
    }

    fn target(&self) -> Result<Target> {
        let url: http::Uri = self.url.parse().context("the URL")?;
        let port = match url.scheme_str() {
            Some("http" | "ws") => 80,
            Some("https" | "wss") => {
                bail!("TLS is not spoken here: measure the server behind it, by http://")
            }
            _ => bail!("a URL starts with http:// or ws://"),
        };
        let authority = url.authority().context("the URL names no host")?;
        let port = authority.port_u16().unwrap_or(port);
        let host = authority.host().trim_matches(['[', ']']);
        let address = (host, port)
            .to_socket_addrs()
            .with_context(|| format!("no address for {host}"))?
            .next()
            .with_context(|| format!("no address for {host}"))?;
        let query = url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let mut target = match self.raw {
            true => Target {
                path: format!("{}{query}", url.path()),
                ..Target::web_socket(address)
            },
            false => Target {
                path: format!("{}{query}", self.path),
                namespace: self
                    .namespace
                    .clone()
                    .unwrap_or_else(|| url.path().to_owned()),
                ..Target::socket_io(address)
            },
        };
        ensure!(
            target.namespace.starts_with('/') && !target.namespace.contains(','),
            "a namespace starts with / and has no comma"
        );
        target.host = authority
            .as_str()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        if self.transport == Carrier::Polling {
            target.transport = Transport::Polling;
        }
        if let Some(auth) = &self.auth {
            let _: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(auth).context("--auth is a JSON object")?;
            target.auth = Some(auth.clone());
        }
        for header in &self.headers {
            let (name, value) = header
                .split_once(':')
                .context("--header is `Name: value`")?;
            let name: http::HeaderName = name.trim().parse().context("a header's name")?;
            let value: http::HeaderValue = value.trim().parse().context("a header's value")?;
            let value = value.to_str().context("a header's value")?.to_owned();
            target.headers.push((name.to_string(), value));
        }
        Ok(target)
    }

    fn echo(&self) -> Exchange {
        let opcode = if self.binary { BINARY } else { TEXT };
        Exchange::in_order(opcode, text(self.payload).as_bytes(), b"")
    }

    fn exchange(&self, namespace: &str) -> Result<Exchange> {
        let args = match &self.args {
            Some(args) => {
                let _: Vec<serde_json::Value> =
                    serde_json::from_str(&format!("[{args}]")).context("--args are JSON values")?;
                args.clone()
            }
            None => format!("\"{}\"", text(self.payload)),
        };
        Ok(match self.answer {
            Answer::Ack => Exchange::ack(namespace, &self.event, &args),
            Answer::Event => Exchange::event(namespace, &self.event, &args),
            Answer::None => Exchange::emit(namespace, &self.event, &args),
        })
    }
}

impl Load {
    /// The open files of one connection.
    pub(super) fn files_each(&self) -> u64 {
        match self.target.transport {
            Transport::WebSocket => 1,
            Transport::Polling => 2,
        }
    }

    /// What is counted.
    pub(super) fn unit(&self) -> &'static str {
        match self.answer {
            Answer::None => "messages",
            _ => "round trips",
        }
    }

    /// Why nothing may have been answered.
    pub(super) fn silence(&self) -> String {
        match (&self.event, self.answer) {
            (None, _) => "the server does not send messages back".to_owned(),
            (Some(event), Answer::Ack) => format!(
                "the server does not acknowledge the event `{event}`: name one that it \
                 acknowledges with --event, or say what answers it with --answer"
            ),
            (Some(event), _) => format!("the server does not answer the event `{event}`"),
        }
    }
}

/// Text of so many bytes.
fn text(length: usize) -> String {
    "Songs of the pine ".chars().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn load(args: &[&str]) -> Result<Load> {
        let args = ["bench"].iter().chain(args);
        Cli::try_parse_from(args)?.args.load()
    }

    #[test]
    fn the_path_is_the_namespace_and_the_query_goes_into_the_handshake() {
        let target = load(&["http://127.0.0.1:3000/chat?token=1"])
            .unwrap()
            .target;
        assert_eq!(target.address, ([127, 0, 0, 1], 3000).into());
        assert_eq!(target.namespace, "/chat");
        assert_eq!(target.path, "/socket.io/?token=1");
        let target = load(&["ws://127.0.0.1/chat?token=1", "--raw"])
            .unwrap()
            .target;
        assert_eq!(target.path, "/chat?token=1");
        assert_eq!(target.address.port(), 80);
        assert_eq!(target.host, "127.0.0.1");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (args, reason) in [
            (&["https://127.0.0.1"][..], "TLS"),
            (&["127.0.0.1:3000"], "http://"),
            (&["http://127.0.0.1", "--auth", "{"], "--auth"),
            (&["http://127.0.0.1", "--args", "1,"], "--args"),
            (&["http://127.0.0.1", "--header", "X"], "--header"),
            (&["http://127.0.0.1", "--header", "X: a\r\nY: b"], "value"),
            (&["http://127.0.0.1", "--namespace", "chat"], "namespace"),
            (&["http://127.0.0.1", "--duration", "-1"], "--duration"),
            (&["http://127.0.0.1", "--duration", "0"], "--duration"),
            (&["http://127.0.0.1", "--rate", "0"], "--rate"),
            (&["http://127.0.0.1", "--rate", "1e-300"], "--rate"),
            (&["http://127.0.0.1", "--auth", "1"], "--auth"),
            (&["http://127.0.0.1", "--connections", "0"], "--connections"),
            (&["http://127.0.0.1", "--raw", "--event", "x"], "--raw"),
            (&["http://127.0.0.1", "--rate", "1", "-n", "2"], "--rate"),
        ] {
            let error = format!("{:#}", load(args).expect_err(&args.join(" ")));
            assert!(error.contains(reason), "{args:?}: {error}");
        }
    }
}
