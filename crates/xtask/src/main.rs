//! Songi's own tasks: tests, fuzzing, benches.

fn main() {}
