//! Socket.IO without I/O: packets, binary attachments, event arguments to and from serde types, acks, namespaces.
