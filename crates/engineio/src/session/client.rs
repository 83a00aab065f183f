//! The client's side of one session.
