//! The open handshake: what the server says in the first packet of a session.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use faststr::FastStr;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    config::ServerConfig,
    packet::{Frame, Packet},
    transport::Transport,
};

/// The longest session id that is accepted, in bytes.
pub const MAX_SID: usize = 128;

/// The data of the open packet ("Engine.IO protocol v4, Handshake").
///
/// ```
/// use songi_engineio::Handshake;
/// let json = r#"{"sid":"AiiKfP6JjxYQi4oGAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// let handshake = Handshake::parse(json)?;
/// assert_eq!(handshake.sid, "AiiKfP6JjxYQi4oGAAAA");
/// assert!(handshake.upgrade_to_websocket);
/// assert_eq!(handshake.to_json(), json);
/// # Ok::<(), songi_engineio::handshake::HandshakeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The secret name of the session.
    pub sid: FastStr,
    /// Whether `upgrades` names `websocket`. Names that are not known are ignored.
    pub upgrade_to_websocket: bool,
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// Time to answer one.
    pub ping_timeout: Duration,
    /// The largest long-polling body that the server takes, in bytes; `None` when it does not say.
    pub max_payload: Option<u64>,
}

impl Handshake {
    /// What a server says to a session that starts on `transport`.
    pub fn new(config: &ServerConfig, sid: FastStr, transport: Transport) -> Self {
        Self {
            sid,
            upgrade_to_websocket: transport == Transport::Polling && config.upgradable(),
            ping_interval: config.ping_interval,
            ping_timeout: config.ping_timeout,
            max_payload: Some(u64::try_from(config.max_payload).unwrap_or(u64::MAX)),
        }
    }

    /// Parses the data of an open packet. Unknown keys are ignored.
    ///
    /// # Errors
    /// When it is not the JSON of the protocol, or the sid is empty or longer than [`MAX_SID`].
    pub fn parse(json: &str) -> Result<Self, HandshakeError> {
        let wire: Wire<'_> = parse_object(json).ok_or(HandshakeError::Json)?;
        if wire.sid.is_empty() || wire.sid.len() > MAX_SID {
            return Err(HandshakeError::Sid);
        }
        Ok(Self {
            sid: FastStr::new(wire.sid),
            upgrade_to_websocket: wire.upgrades.iter().any(|name| name == "websocket"),
            ping_interval: Duration::from_millis(wire.ping_interval),
            ping_timeout: Duration::from_millis(wire.ping_timeout),
            max_payload: wire.max_payload,
        })
    }

    /// The JSON, in the key order of the JavaScript server. Intervals are whole milliseconds.
    pub fn to_json(&self) -> String {
        let upgrades: &[&str] = if self.upgrade_to_websocket {
            &["websocket"]
        } else {
            &[]
        };
        let wire = Wire {
            sid: Cow::Borrowed(&self.sid),
            upgrades: upgrades.iter().map(|&name| Cow::Borrowed(name)).collect(),
            ping_interval: millis(self.ping_interval),
            ping_timeout: millis(self.ping_timeout),
            max_payload: self.max_payload,
        };
        // Strings and integers always serialise.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The open packet.
    pub fn to_frame(&self) -> Frame {
        Packet::Open(self.to_json().into()).encode()
    }
}

/// Parses a JSON object into a struct, which serde would make of an array too.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    let is_object = json.trim_ascii_start().starts_with('{');
    serde_json::from_str(json).ok().filter(|_| is_object)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    sid: Cow<'a, str>,
    #[serde(borrow)]
    upgrades: Vec<Cow<'a, str>>,
    ping_interval: u64,
    ping_timeout: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_payload: Option<u64>,
}

/// Why the data of an open packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not JSON, or a key is missing or of the wrong type.
    #[error("open packet is not the JSON of the protocol")]
    Json,
    /// The sid is empty or longer than [`MAX_SID`].
    #[error("session id is empty or longer than {MAX_SID} bytes")]
    Sid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_websocket_session_offers_no_upgrade() {
        let config = ServerConfig::default();
        let polling = Handshake::new(&config, "s".into(), Transport::Polling);
        let websocket = Handshake::new(&config, "s".into(), Transport::WebSocket);
        assert!(polling.to_json().contains(r#""upgrades":["websocket"]"#));
        assert!(websocket.to_json().contains(r#""upgrades":[]"#));
    }

    #[test]
    fn upgrades_follow_the_settings() {
        let mut config = ServerConfig {
            allow_upgrades: false,
            ..ServerConfig::default()
        };
        assert!(!Handshake::new(&config, "s".into(), Transport::Polling).upgrade_to_websocket);
        config.allow_upgrades = true;
        config.transports = crate::Transports::POLLING;
        assert!(!Handshake::new(&config, "s".into(), Transport::Polling).upgrade_to_websocket);
    }

    #[test]
    fn unknown_keys_and_upgrades_are_ignored_and_max_payload_is_optional() {
        let json = r#"{"x":[{}],"sid":"a\u0062","upgrades":["webtransport"],"pingInterval":1,"pingTimeout":2}"#;
        let handshake = Handshake::parse(json).unwrap();
        assert_eq!(handshake.sid, "ab");
        assert!(!handshake.upgrade_to_websocket);
        assert_eq!(handshake.max_payload, None);
    }

    #[test]
    fn malformed_handshakes() {
        let bad = [
            "",
            "{}",
            "[]",
            "null",
            r#"["a",[],1,2,3]"#,
            r#"{"sid":1,"upgrades":[],"pingInterval":1,"pingTimeout":2}"#,
            r#"{"sid":"a","upgrades":{},"pingInterval":1,"pingTimeout":2}"#,
            r#"{"sid":"a","upgrades":[],"pingInterval":-1,"pingTimeout":2}"#,
            r#"{"sid":"a","upgrades":[],"pingInterval":1.5,"pingTimeout":2}"#,
            r#"{"sid":"a","upgrades":[],"pingInterval":1e99,"pingTimeout":2}"#,
        ];
        for json in bad {
            assert_eq!(Handshake::parse(json), Err(HandshakeError::Json), "{json}");
        }
        for sid in ["", &"x".repeat(MAX_SID + 1)] {
            let json = alloc::format!(
                r#"{{"sid":"{sid}","upgrades":[],"pingInterval":1,"pingTimeout":2}}"#
            );
            assert_eq!(Handshake::parse(&json), Err(HandshakeError::Sid));
        }
    }
}
