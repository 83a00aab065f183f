//! Engine.IO without I/O: packets, payloads, handshake and session state machines.
