//! Socket.IO for Rust: server and client, from the WebSocket up.
