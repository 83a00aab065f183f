//! The JavaScript server of `peer-server.mjs`, and settings for impatient tests.
#![allow(dead_code, unreachable_pub, reason = "a test takes what it needs")]

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use songi_client::Config;
use songi_interop::Script;

pub struct Peer {
    pub script: Script,
    pub port: u16,
    pub url: String,
}

impl Peer {
    pub async fn start(options: Value) -> Result<Self> {
        let mut script = Script::start("peer-server", &[&options.to_string()])?;
        let port = serde_json::from_value(script.find("port").await?)?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { script, port, url })
    }

    /// Tells the server to do something, and waits until it has.
    pub async fn tell(&mut self, line: Value) -> Result<()> {
        self.script.send(&line).await?;
        self.script.find("done").await.map(drop)
    }

    /// Ends the server's process.
    pub async fn stop(&mut self) {
        self.script.kill().await;
    }
}

/// Short waits, so that tests need no long ones.
pub fn quick() -> Config {
    Config {
        reconnection_delay: Duration::from_millis(50),
        reconnection_delay_max: Duration::from_millis(200),
        ..Config::default()
    }
}
