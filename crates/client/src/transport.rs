//! How bytes get to the server: streams, requests, WebSockets.

pub(crate) mod cookies;
pub(crate) mod dial;
pub(crate) mod http;
pub(crate) mod proxy;
pub(crate) mod websocket;
