//! A WebSocket over any tokio stream, driven by songi-websocket.
