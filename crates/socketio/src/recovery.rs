//! Connection state recovery: a client whose connection was lost comes back as the same socket and
//! gets the events that it has missed.
//!
//! On the wire it is little. A server that offers it gives each socket a secret, the `pid`, in its
//! `CONNECT`, and writes an `offset` as the last argument of every event that asks for no ack and
//! is not volatile ([`encode::recoverable_event`]). The client remembers both ([`Resume`]) and sends
//! them with its next `CONNECT` ([`Request`]). If the server still has all that followed this
//! offset ([`Store`]), it sends the missed events, and *then* a `CONNECT` with the same `sid` and
//! `pid`, by which the client knows that it has recovered.
//!
//! ```
//! use core::time::Duration;
//! use songi_socketio::recovery::{Audience, Config, Request, Restored, Resume, Store};
//! use songi_socketio::{Arguments, FastStr, RawJson, encode};
//!
//! let now = Duration::ZERO;
//! let mut store = Store::<String, ()>::new(Config::default(), "srv1-");
//! let mut emit = |store: &mut Store<String, ()>, text: &str| {
//!     store.record(Audience::default(), now, |offset| {
//!         let mut out = Vec::new();
//!         encode::recoverable_event(&mut out, "/", "say", text, offset)?;
//!         let packet = String::from_utf8(out).unwrap_or_default();
//!         let bytes = packet.len();
//!         Ok::<_, songi_socketio::EncodeError>((packet, bytes))
//!     })
//! };
//! // A client is connected and receives one event …
//! store.open("pid1".into(), "sid1".into());
//! let mut client = Resume::default();
//! assert!(!client.connected(Some("pid1")));
//! emit(&mut store, "one")?;
//! client.received(None, &Arguments::of(&("one", "srv1-0"))?);
//! // … is away for two, and comes back.
//! store.suspend("pid1", vec!["room".into()], (), 0, now);
//! emit(&mut store, "two")?;
//! emit(&mut store, "three")?;
//! let auth = client.auth(&RawJson::of(&())?);
//! let request = Request::from_auth(&auth).expect("both are there");
//! let Restored::Recovered { sid, rooms, missed, .. } = store.restore(&request, now) else { panic!() };
//! assert_eq!((sid.as_str(), rooms), ("sid1", vec![FastStr::from("room")]));
//! assert_eq!(missed, [r#"2["say","two","srv1-1"]"#, r#"2["say","three","srv1-2"]"#]);
//! assert!(client.connected(Some("pid1")));
//! # Ok::<(), songi_socketio::EncodeError>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;

use faststr::FastStr;
use serde::Deserialize;
use serde_json::{Map, Value};

#[cfg(doc)]
use crate::encode;
use crate::{Arguments, RawJson};

mod store;

pub use store::{Audience, Config, Expired, Peeked, Restored, Store};

/// The most bytes of a `pid` or an `offset`: ours and those of socket.io have a few dozen.
pub const MAX_TOKEN_BYTES: usize = 128;

/// What a client that wants to recover its state sends along with its authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The secret that its `CONNECT` gave it.
    pub pid: FastStr,
    /// The last offset that it has received.
    pub offset: FastStr,
}

impl Request {
    /// Finds it in the payload of a `CONNECT`. `None`: it is a new client, or one that has not
    /// received anything yet. Only strings of up to [`MAX_TOKEN_BYTES`] are taken, as both have
    /// to be.
    pub fn from_auth(auth: &RawJson) -> Option<Self> {
        #[derive(Deserialize)]
        struct Tokens<'a> {
            #[serde(borrow)]
            pid: Cow<'a, str>,
            #[serde(borrow)]
            offset: Cow<'a, str>,
        }
        let Tokens { pid, offset } = auth.deserialize().ok()?;
        if pid.len() > MAX_TOKEN_BYTES || offset.len() > MAX_TOKEN_BYTES {
            return None;
        }
        Some(Self {
            pid: FastStr::new(pid),
            offset: FastStr::new(offset),
        })
    }
}

/// What a client remembers of one namespace, from one connection to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    pid: Option<FastStr>,
    offset: Option<FastStr>,
}

impl Resume {
    /// What to send with the next `CONNECT`: the application's own payload, an object or `null`,
    /// and what is remembered. As in JavaScript, keys of the application win. A payload that is
    /// neither stays as it is.
    pub fn auth(&self, own: &RawJson) -> RawJson {
        let Some(pid) = &self.pid else {
            return own.clone();
        };
        let Ok(object) = own.deserialize::<Option<Map<String, Value>>>() else {
            return own.clone();
        };
        let mut payload = Map::new();
        payload.insert("pid".into(), pid.as_str().into());
        if let Some(offset) = &self.offset {
            payload.insert("offset".into(), offset.as_str().into());
        }
        payload.extend(object.unwrap_or_default());
        RawJson::of(&payload).unwrap_or_else(|_| own.clone())
    }

    /// The server has confirmed the namespace. Tells whether the state was recovered: the `pid` is
    /// the one that was asked for. One of more than [`MAX_TOKEN_BYTES`] is as good as none, as no
    /// [`Request`] could have it.
    pub fn connected(&mut self, pid: Option<&str>) -> bool {
        let pid = pid.filter(|pid| pid.len() <= MAX_TOKEN_BYTES);
        let recovered = pid.is_some() && self.pid.as_deref() == pid;
        if !recovered {
            // What was seen before says nothing of what the new session has missed.
            (self.pid, self.offset) = (pid.map(FastStr::new), None);
        }
        recovered
    }

    /// An event has come: its last argument is remembered if it can be an offset. One that asks
    /// for an ack, by its `id`, never has one. Does nothing as long as the server gives no `pid`.
    ///
    /// What comes before [`connected`](Self::connected) while a state is being recovered counts too.
    pub fn received(&mut self, id: Option<u64>, args: &Arguments) {
        if self.pid.is_none() || id.is_some() {
            return;
        }
        if let Some(offset) = args.last_text(MAX_TOKEN_BYTES) {
            self.offset = Some(offset);
        }
    }

    /// Starts anew: the next `CONNECT` asks for nothing.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests;
