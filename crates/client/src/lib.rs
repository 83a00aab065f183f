//! A Socket.IO client for tokio.
