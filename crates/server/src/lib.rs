//! A Socket.IO server for tokio: long-polling and WebSocket, namespaces, rooms, acks.
