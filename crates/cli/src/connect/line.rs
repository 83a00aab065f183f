//! What somebody asks for, line by line: as it is typed, and the same as JSON.

mod json;
mod typed;

use serde_json::Value;
use songi::client::{Bytes, Message};
use thiserror::Error;

use super::data::{Data, DataError};
pub(crate) use typed::help;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line {
    /// Nothing.
    Empty,
    /// To emit an event, in a namespace or in the current one.
    Emit {
        namespace: Option<String>,
        event: String,
        args: Vec<Data>,
        ack: Tag,
    },
    /// To answer an event of the server.
    Answer { number: u64, args: Vec<Data> },
    /// To join a namespace.
    Join {
        namespace: String,
        auth: Option<Data>,
    },
    /// To leave a namespace, or the current one.
    Leave(Option<String>),
    /// To talk to a namespace from now on.
    Use(String),
    /// To send a message, where there are no events.
    Send(Message),
    /// To show what is on the wire, or no more.
    Raw(bool),
    /// To connect again, where that does not happen by itself.
    Connect,
    /// To send a ping of WebSocket.
    Ping(Bytes),
    /// To be told what is connected.
    Status,
    /// To be told what there is to type.
    Help,
    /// To end.
    Quit,
}

/// How the ack of an event is called, if one is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tag {
    /// No ack is wanted.
    None,
    /// It gets a number.
    Number,
    /// As the line says.
    Own(Value),
}

/// Why a line is not understood.
#[derive(Debug, Error)]
pub(crate) enum LineError {
    #[error("there is no command {0}: /help lists them")]
    Unknown(String),
    #[error("{0} is for {1} only")]
    Protocol(&'static str, &'static str),
    #[error("usage: {0}")]
    Usage(&'static str),
    #[error("the name of the event is not a JSON string: {0}")]
    Name(serde_json::Error),
    #[error("argument: {0}")]
    Data(#[from] DataError),
    #[error("not a JSON line: {0}")]
    Json(serde_json::Error),
    #[error(
        "a JSON line has one of \"event\", \"answer\", \"join\", \"leave\", \"text\" and \"binary\""
    )]
    Kind,
}

/// The name of a namespace, which begins with a slash.
pub(crate) fn with_slash(namespace: &str) -> String {
    if namespace.starts_with('/') {
        namespace.to_owned()
    } else {
        format!("/{namespace}")
    }
}
