//! `songi connect`: a terminal client for Socket.IO, Engine.IO and WebSocket.
//!
//! | file | what is there |
//! |---|---|
//! | line.rs, data.rs | what is asked for, typed or in JSON lines: events, arguments, commands |
//! | lines.rs, terminal.rs | where lines come from |
//! | happening.rs, text.rs, output.rs | what is told: as JSON, as text, and where |
//! | raw.rs, frames.rs | what is on the wire, layer by layer |
//! | socketio.rs, messages.rs | talking, with events and without |
//! | options.rs | the command line, and what it says to connect |
//! | failure.rs | why it ended: exit statuses, and what to do |

mod data;
mod failure;
mod frames;
mod happening;
mod line;
mod lines;
mod messages;
mod options;
mod output;
mod raw;
mod socketio;
mod terminal;
mod text;

use std::future::pending;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use songi::client::Transport;
use songi::tokio::Tapped;
use tokio::time::Instant;

use crate::safe::tell_error;

use self::failure::{Asked, Failure, beginning};
use self::happening::Happening;
use self::line::Line;
use self::lines::Lines;
use self::messages::Link;
pub(crate) use self::options::Args;
use self::options::Protocol;
use self::output::Output;
use self::raw::Wire;

/// What the sessions need to know of the command line.
struct Setup {
    asked: Asked,
    ack_timeout: Duration,
    /// How long to stay after the last line; without end if none.
    linger: Option<Duration>,
}

/// Connects, talks, and says by the exit status how it ended.
pub(crate) async fn run(args: Args) -> ExitCode {
    let output = Output::new(args.json, args.raw);
    let Err(failure) = talk(&args, &output).await else {
        return ExitCode::SUCCESS;
    };
    let Failure {
        status,
        message,
        hint,
    } = failure;
    if args.json {
        output.tell(&Happening::Failed {
            status,
            message: message.clone(),
            hint: hint.clone(),
        });
    }
    tell_error(&format!("songi: {message}"));
    if let Some(hint) = hint {
        tell_error(&format!("  {hint}"));
    }
    ExitCode::from(status)
}

async fn talk(args: &Args, output: &Output) -> Result<(), Failure> {
    let setup = args.setup()?;
    let parser = match setup.asked.protocol {
        Protocol::Socketio => Some(args.parser()),
        Protocol::Engineio | Protocol::Websocket => None,
    };
    // Each connection begins with the head of a handshake.
    let wire = || watched(args).then(|| Arc::new(Wire::new(output, parser.clone())));
    let lines = || lines(args, output);
    match setup.asked.protocol {
        Protocol::Socketio => {
            let client = args.client(&setup, wire())?;
            socketio::run(client, &setup, output, lines).await
        }
        Protocol::Engineio => {
            let open = async || {
                let client = args.client(&setup, wire())?;
                let session = client.connect_engine().await;
                let session = session.map_err(|error| Failure::connect(&error, &setup.asked))?;
                output.tell(&Happening::Connected {
                    namespace: None,
                    id: Some(session.id().to_string()),
                    transport: session.transport().map(transport_name),
                    recovered: None,
                    subprotocol: None,
                });
                Ok(Link::Engine(Box::new(session)))
            };
            messages::run(open, &setup, output, lines).await
        }
        Protocol::Websocket => {
            let open = async || open_websocket(args, &setup, wire(), output).await;
            messages::run(open, &setup, output, lines).await
        }
    }
}

async fn open_websocket(
    args: &Args,
    setup: &Setup,
    wire: Option<Arc<Wire>>,
    output: &Output,
) -> Result<Link, Failure> {
    let failed = |error: songi::tokio::ConnectError| Failure::websocket(&error, &setup.asked);
    let mut connect = args.websocket(setup)?;
    let opening = async {
        let stream = connect.open_stream().await?;
        let stream = Tapped::new(stream, move |direction, bytes: &[u8]| {
            if let Some(wire) = &wire {
                wire.websocket(1, direction, bytes);
            }
        });
        connect.over(stream).await
    };
    let opened = tokio::time::timeout(args.timeout(), opening).await;
    let opened = opened.unwrap_or(Err(songi::tokio::ConnectError::Timeout));
    let (socket, response) = opened.map_err(failed)?;
    output.tell(&Happening::Connected {
        namespace: None,
        id: None,
        transport: None,
        recovered: None,
        subprotocol: response.protocol().map(str::to_owned),
    });
    Ok(Link::WebSocket(Box::new(socket)))
}

/// Whether somebody sits there.
fn is_interactive(args: &Args) -> bool {
    args.lines.is_empty() && !args.json && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether what is on the wire may be asked for.
fn watched(args: &Args) -> bool {
    args.raw || is_interactive(args)
}

fn lines(args: &Args, output: &Output) -> Result<Lines, Failure> {
    if !args.lines.is_empty() {
        return Ok(Lines::given(args.lines.clone()));
    }
    if !is_interactive(args) {
        return Ok(Lines::stdin());
    }
    let note = "type an event, or /help; Ctrl-D ends";
    output.tell(&Happening::Note(note.to_owned()));
    Lines::terminal(output).map_err(|error| Failure::input(format!("no line editor: {error}")))
}

/// What a line asks for.
fn read(line: &str, setup: &Setup, output: &Output) -> Result<Line, String> {
    let line = match output.is_json() {
        true => Line::json(line),
        false => Line::typed(line, setup.asked.protocol),
    };
    line.map_err(|error| error.to_string())
}

/// A line cannot be done: somebody can type another one; a script has gone wrong.
fn complain(line: &str, message: String, lines: &Lines, output: &Output) -> Result<(), Failure> {
    if !lines.is_interactive() {
        return Err(Failure::input(format!("{}: {message}", beginning(line))));
    }
    output.tell(&Happening::Error { message });
    Ok(())
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Polling => "polling",
        _ => "websocket",
    }
}

/// There are no more lines, and it ends at a time.
#[derive(Debug, Default)]
struct Ending(Option<Option<Instant>>);

impl Ending {
    /// It ends after this time; without one, it does not end by itself.
    fn begin(&mut self, after: Option<Duration>) {
        self.0 = Some(after.and_then(|after| Instant::now().checked_add(after)));
    }

    fn begun(&self) -> bool {
        self.0.is_some()
    }
}

/// Waits until it ends.
async fn linger(ending: &Ending) {
    match ending.0 {
        Some(Some(end)) => tokio::time::sleep_until(end).await,
        _ => pending().await,
    }
}
