//! WebSocket (RFC 6455) without I/O: framing, messages, closing and the opening handshake of both roles.
