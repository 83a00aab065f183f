//! The server as an HTTP service, to be mounted anywhere or to be served by itself.

mod answer;
mod listen;
mod polling;
mod route;
mod service;
mod websocket;

pub use service::{NotFound, ServerLayer, ServerService};
