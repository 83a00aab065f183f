//! The songi binary: a demo chat server and tools for Socket.IO.

fn main() {}
