//! Where it is told: lines on standard output, above the line that somebody types.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::ZonedDateTime;
use parking_lot::Mutex;
use rustyline::ExternalPrinter;
use serde::Serialize;
use tokio::sync::Notify;

use super::happening::Happening;
use super::text::Mark;
use crate::safe::safe_json;

/// Tells what happens. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct Output(Arc<Inner>);

struct Inner {
    json: bool,
    colours: bool,
    raw: AtomicBool,
    sink: Mutex<Sink>,
    /// Nobody reads it any more.
    closed: AtomicBool,
    closing: Notify,
}

/// What takes the lines.
pub(crate) type Sink = Box<dyn FnMut(String) -> io::Result<()> + Send>;

#[derive(Serialize)]
struct Timed<'a> {
    time: String,
    #[serde(flatten)]
    happening: &'a Happening,
}

impl Output {
    pub(crate) fn new(json: bool, raw: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = !json && !no_colour && io::stdout().is_terminal();
        Self::to(json, raw, colours, stdout())
    }

    fn to(json: bool, raw: bool, colours: bool, sink: Sink) -> Self {
        Self(Arc::new(Inner {
            json,
            colours,
            raw: AtomicBool::new(raw),
            sink: Mutex::new(sink),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
        }))
    }

    /// Writes above the line that is being edited from now on.
    pub(crate) fn above(&self, mut printer: impl ExternalPrinter + Send + 'static) {
        *self.0.sink.lock() = Box::new(move |line| printer.print(line).map_err(io::Error::other));
    }

    /// Writes to standard output again.
    pub(crate) fn plain(&self) {
        *self.0.sink.lock() = stdout();
    }

    pub(crate) fn is_json(&self) -> bool {
        self.0.json
    }

    /// Whether what is on the wire is shown.
    pub(crate) fn shows_raw(&self) -> bool {
        self.0.raw.load(Ordering::Relaxed)
    }

    pub(crate) fn show_raw(&self, raw: bool) {
        self.0.raw.store(raw, Ordering::Relaxed);
    }

    /// Waits until nobody reads it any more.
    pub(crate) async fn closed(&self) {
        while !self.0.closed.load(Ordering::Acquire) {
            self.0.closing.notified().await;
        }
    }

    pub(crate) fn tell(&self, happening: &Happening) {
        let now = ZonedDateTime::now();
        let line = if self.0.json {
            if happening.is_for_people() {
                return;
            }
            let time = now.timestamp();
            let time = format!("{time:.3}");
            // Everything in it serialises.
            safe_json(&serde_json::to_string(&Timed { time, happening }).unwrap_or_default())
        } else {
            let (mark, text) = happening.text();
            let time = now.strftime("%H:%M:%S%.3f").to_string();
            self.line(&time, mark, &text)
        };
        if (self.0.sink.lock())(line + "\n").is_err() {
            self.0.closed.store(true, Ordering::Release);
            self.0.closing.notify_one();
        }
    }

    fn line(&self, time: &str, mark: Mark, text: &str) -> String {
        // What has several lines is help, which has no time.
        if mark == Mark::Plain && text.contains('\n') {
            return text.to_owned();
        }
        if !self.0.colours {
            return format!("{time} {} {text}", mark.sign());
        }
        let (sign, colour) = (mark.sign(), mark.colour());
        match mark {
            Mark::Raw | Mark::Bad => {
                format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{sign} {text}\x1b[0m")
            }
            _ => format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{sign}\x1b[0m {text}"),
        }
    }
}

fn stdout() -> Sink {
    Box::new(|line| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.flush()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
pub(super) mod tests {
    use std::sync::mpsc;

    use songi::client::Message;

    use super::*;

    pub(in crate::connect) fn output(
        json: bool,
        colours: bool,
    ) -> (Output, mpsc::Receiver<String>) {
        let (sender, lines) = mpsc::channel();
        let sink = Box::new(move |line| sender.send(line).map_err(io::Error::other));
        (Output::to(json, false, colours, sink), lines)
    }

    fn message() -> Happening {
        Happening::Message {
            message: Message::text("tea"),
        }
    }

    #[test]
    fn a_line_begins_with_its_time() {
        let (output, lines) = output(false, false);
        output.tell(&message());
        let line = lines.recv().unwrap();
        let (time, rest) = line.split_at("12:34:56.789".len());
        assert_eq!(rest, " < tea\n");
        assert_eq!(
            time.replace(|c: char| c.is_ascii_digit(), "0"),
            "00:00:00.000"
        );
    }

    #[test]
    fn a_json_line_has_a_time_that_programs_read() {
        let (output, lines) = output(true, false);
        output.tell(&Happening::Note("for people".to_owned()));
        output.tell(&message());
        let line: serde_json::Value = serde_json::from_str(&lines.recv().unwrap()).unwrap();
        assert_eq!(line["text"], "tea");
        assert!(
            line["time"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .is_ok()
        );
        assert!(lines.try_recv().is_err());
    }

    #[test]
    fn json_on_a_terminal_does_not_change_it() {
        let (output, lines) = output(true, false);
        output.tell(&Happening::Message {
            message: Message::text("\u{9b}31m\u{202e}"),
        });
        let line = lines.recv().unwrap();
        assert!(line.contains(r"\u009b31m\u202e"), "{line}");
    }

    #[test]
    fn colours_end_where_the_line_does() {
        let (output, lines) = output(false, true);
        output.tell(&Happening::Error {
            message: "no".to_owned(),
        });
        let line = lines.recv().unwrap();
        assert!(line.ends_with("\x1b[31m- no\x1b[0m\n"), "{line:?}");
    }

    #[tokio::test]
    async fn that_nobody_reads_is_noticed() {
        let (output, lines) = output(false, false);
        drop(lines);
        output.tell(&message());
        output.closed().await;
    }
}
