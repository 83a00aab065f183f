//! Where lines come from: the command line, standard input, or somebody at a terminal.

use std::io::BufRead;
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::mpsc;

use super::failure::Failure;
use super::output::Output;
use super::terminal;

/// Lines that are read ahead.
const AHEAD: usize = 16;

/// Lines, one after another.
pub(crate) struct Lines {
    lines: mpsc::Receiver<Heard>,
    /// To ask somebody at a terminal for the next line.
    prompts: Option<blocking::Sender<String>>,
    asked: bool,
}

/// What was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    Line(String),
    /// Standard input cannot be read.
    Broken(String),
    /// Ctrl-C, twice in a row.
    Interrupted,
}

impl Lines {
    /// These, and then no more.
    pub(crate) fn given(given: Vec<String>) -> Self {
        let (sender, lines) = mpsc::channel(given.len().max(1));
        for line in given {
            // There is room for all.
            let _ = sender.try_send(Heard::Line(line));
        }
        Self::new(lines, None)
    }

    /// Those of standard input.
    pub(crate) fn stdin() -> Self {
        let (sender, lines) = mpsc::channel(AHEAD);
        // A thread that waits for a line ends with the process.
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let heard = match line {
                    Ok(line) => Heard::Line(line),
                    Err(error) => Heard::Broken(error.to_string()),
                };
                let ends = matches!(heard, Heard::Broken(_));
                if sender.blocking_send(heard).is_err() || ends {
                    return;
                }
            }
        });
        Self::new(lines, None)
    }

    /// Those of somebody at a terminal.
    pub(crate) fn terminal(output: &Output) -> Result<Self, rustyline::error::ReadlineError> {
        let (sender, lines) = mpsc::channel(AHEAD);
        let (prompts, asking) = blocking::channel();
        terminal::start(output, asking, sender)?;
        Ok(Self::new(lines, Some(prompts)))
    }

    fn new(lines: mpsc::Receiver<Heard>, prompts: Option<blocking::Sender<String>>) -> Self {
        Self {
            lines,
            prompts,
            asked: false,
        }
    }

    /// Whether there is somebody who can correct a mistake.
    pub(crate) fn is_interactive(&self) -> bool {
        self.prompts.is_some()
    }

    /// The next line; `None` when there are no more. Cancel safe.
    pub(crate) async fn next(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        if let Some(prompts) = self.prompts.as_ref().filter(|_| !self.asked) {
            self.asked = true;
            // Who is not there any more has closed the channel of lines, too.
            let _ = prompts.send(prompt.to_owned());
        }
        let heard = self.lines.recv().await;
        self.asked = false;
        match heard {
            None => Ok(None),
            Some(Heard::Line(line)) => Ok(Some(line)),
            Some(Heard::Broken(error)) => Err(Failure::input(error)),
            Some(Heard::Interrupted) => Err(Failure::interrupted()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_that_are_given_come_in_order_and_end() {
        let mut lines = Lines::given(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(lines.next("").await, Ok(Some("a".to_owned())));
        assert_eq!(lines.next("").await, Ok(Some("b".to_owned())));
        assert_eq!(lines.next("").await, Ok(None));
        assert!(!lines.is_interactive());
    }

    #[tokio::test]
    async fn nobody_is_asked_twice_for_one_line() {
        let (sender, lines) = mpsc::channel(1);
        let (prompts, asking) = blocking::channel();
        let mut lines = Lines::new(lines, Some(prompts));
        for _ in 0..3 {
            let next = lines.next("/> ");
            assert!(futures_poll(next).await.is_none(), "there is no line yet");
        }
        let heard = sender.send(Heard::Interrupted).await;
        assert!(heard.is_ok());
        assert_eq!(lines.next("/> ").await, Err(Failure::interrupted()));
        assert_eq!(asking.try_iter().count(), 1);
    }

    /// Polls a future once, and drops it.
    async fn futures_poll<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
