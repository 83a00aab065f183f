//! Somebody at a terminal: a line that can be edited, with the lines of before.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc as blocking;
use std::thread;

use etcetera::BaseStrategy as _;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::sync::mpsc;

use super::happening::Happening;
use super::lines::Heard;
use super::output::Output;

/// Lines that are remembered.
const HISTORY: usize = 1000;

/// Reads a line for each prompt, in a thread of its own, while what happens is printed above it.
pub(crate) fn start(
    output: &Output,
    prompts: blocking::Receiver<String>,
    lines: mpsc::Sender<Heard>,
) -> Result<(), ReadlineError> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .auto_add_history(true)
        .build();
    let mut editor = DefaultEditor::with_config(config)?;
    let history = history_file();
    if let Some(history) = &history {
        // There is none the first time.
        let _ = editor.load_history(history);
    }
    output.above(editor.create_external_printer()?);
    let output = output.clone();
    thread::spawn(move || {
        let mut reader = Reader {
            editor,
            history,
            output: output.clone(),
        };
        reader.read(&prompts, &lines);
        output.plain();
    });
    Ok(())
}

struct Reader {
    editor: DefaultEditor,
    history: Option<PathBuf>,
    output: Output,
}

impl Reader {
    fn read(&mut self, prompts: &blocking::Receiver<String>, lines: &mpsc::Sender<Heard>) {
        while let Ok(prompt) = prompts.recv() {
            let Some(heard) = self.next(&prompt) else {
                return;
            };
            let ends = !matches!(heard, Heard::Line(_));
            if lines.blocking_send(heard).is_err() || ends {
                return;
            }
        }
    }

    /// The next line; `None` after Ctrl-D.
    fn next(&mut self, prompt: &str) -> Option<Heard> {
        let mut interrupted = false;
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => {
                    self.remember();
                    return Some(Heard::Line(line));
                }
                Err(ReadlineError::Interrupted) if interrupted => return Some(Heard::Interrupted),
                Err(ReadlineError::Interrupted) => {
                    interrupted = true;
                    let note = "once more ends it; so does Ctrl-D";
                    self.output.tell(&Happening::Note(note.to_owned()));
                }
                Err(ReadlineError::Eof) => return None,
                Err(error) => return Some(Heard::Broken(error.to_string())),
            }
        }
    }

    /// Keeps the line for the next time. Where that cannot be, it is only kept for this time.
    fn remember(&mut self) {
        let Some(history) = &self.history else {
            return;
        };
        if let Some(folder) = history.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = self.editor.append_history(history);
    }
}

/// `~/.local/state/songi/history`, or what the system has in its place.
fn history_file() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    Some(folder.join("songi").join("history"))
}
