//! The server as an HTTP service, to be mounted anywhere or to be served by itself.

mod answer;
mod client_files;
mod compress;
mod cors;
mod hooks;
mod listen;
mod peer;
mod polling;
mod refused;
mod reply;
mod route;
mod service;
mod upgrade;
mod websocket;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

pub use cors::Cors;
pub use peer::Peer;
pub use refused::{ConnectionError, RefusalCause};
pub use service::{NotFound, ServerLayer, ServerService};

pub(crate) use client_files::ClientFiles;
pub(crate) use hooks::Hooks;
pub(crate) use upgrade::policy;

type Answer = Response<Full<Bytes>>;
