//! What clients say and what a server answers, as text messages of Engine.IO.

/// Text of so many bytes.
pub fn text(length: usize) -> String {
    "Songs of the pine ".chars().cycle().take(length).collect()
}

/// An event that asks for an ack with the same text.
pub fn echo(text: &str) -> String {
    format!(r#"4210["echo","{text}"]"#)
}

/// The ack.
pub fn echoed(text: &str) -> String {
    format!(r#"4310["{text}"]"#)
}

/// An event that is sent to everybody; all get the same bytes.
pub fn all(text: &str) -> String {
    format!(r#"42["all","{text}"]"#)
}

/// An event that asks to join a room; its ack is empty.
pub fn join(room: &str) -> String {
    format!(r#"4210["join","{room}"]"#)
}

/// An event that a room gets as [`all`].
pub fn room(room: &str, text: &str) -> String {
    format!(r#"42["room","{room}","{text}"]"#)
}
