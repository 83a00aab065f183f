//! The servers that are measured, and what is said to them.

pub mod peers;
pub mod words;
