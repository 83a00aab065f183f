//! `songi connect` with somebody at a terminal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use songi::server::{Server, Socket};
use songi_interop::serve;
use tokio::process::Command;
use tokio::sync::mpsc;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is typed, and what is shown.
struct Terminal {
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// A terminal, and the program's end of it.
    fn open() -> Result<(Self, File)> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?;
        let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let program = OpenOptions::new().read(true).write(true).open(name)?;
        let keyboard = File::from(keyboard);
        let mut output = keyboard.try_clone()?;
        let (sender, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match output.read(&mut buffer) {
                    Ok(length) => {
                        let shown = buffer.get(..length).unwrap_or_default();
                        if length == 0 || sender.send(shown.to_vec()).is_err() {
                            return;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // The program has closed its end.
                    Err(_) => return,
                }
            }
        });
        let terminal = Self {
            keyboard,
            screen,
            shown: String::new(),
        };
        Ok((terminal, program))
    }

    fn type_in(&mut self, keys: &str) -> Result<()> {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// Waits until this is shown, behind what was waited for before.
    async fn see(&mut self, text: &str) -> Result<()> {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return Ok(());
            }
            let more = tokio::time::timeout(PATIENCE, self.screen.recv()).await;
            let more = more.with_context(|| format!("no {text:?} in {:?}", self.shown))?;
            let more = more.with_context(|| format!("ended without {text:?}: {:?}", self.shown))?;
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
    }
}

#[tokio::test]
async fn a_line_is_typed_and_the_event_comes_back() -> Result<()> {
    let io = Server::new();
    io.on("say", |socket: Socket, text: String| {
        socket.emit("said", text)
    });
    let url = serve(&io).await?;
    let (mut terminal, program) = Terminal::open()?;
    let home = std::env::temp_dir().join(format!("songi-terminal-{}", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_songi"))
        .args(["connect", &url])
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        // The lines of this test are not to be among the user's.
        .env("HOME", &home)
        .env("XDG_STATE_HOME", &home)
        .stdin(Stdio::from(program.try_clone()?))
        .stdout(Stdio::from(program))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;

    terminal.see("+ connected to /, id ").await?;
    terminal.see("/> ").await?;
    // A key too many, and one that takes it back.
    terminal.type_in("sayy\u{7f} \"tea\"\r")?;
    terminal.see("> say \"tea\"").await?;
    terminal.see("< said \"tea\"").await?;
    terminal.type_in("say tea\r")?;
    terminal.see("- argument: `tea` is not JSON").await?;
    terminal.see("/> ").await?;
    terminal.type_in("\u{4}")?;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
    assert_eq!(status.code(), Some(0));

    let history = std::fs::read_to_string(home.join("songi/history"))?;
    std::fs::remove_dir_all(&home)?;
    assert!(history.contains("say \"tea\"\n"), "{history}");
    Ok(())
}
