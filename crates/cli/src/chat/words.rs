//! What people type: names, rooms and messages, each within its limits.

use serde::Serialize;
use songi::server::FastStr;
use thiserror::Error;

/// Why a name, a room or a message is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum WordsError {
    #[error("the {0} is empty")]
    Empty(&'static str),
    #[error("the {what} is longer than {limit} characters")]
    TooLong { what: &'static str, limit: usize },
    #[error("the {0} contains a control character")]
    Control(&'static str),
}

/// A member's name: one line of 1 to 24 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Name(FastStr);

impl Name {
    const LIMIT: usize = 24;

    pub(super) fn parse(input: &str) -> Result<Self, WordsError> {
        line("name", input, Self::LIMIT).map(Self)
    }

    /// The same name with a number behind it, for a room that has it already.
    pub(super) fn numbered(&self, number: usize) -> Self {
        Self(format!("{} {number}", self.0).into())
    }

    /// Equal for names that people would take for the same.
    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

/// A room's name: one line of 1 to 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Room(FastStr);

impl Room {
    const LIMIT: usize = 32;

    pub(super) fn parse(input: &str) -> Result<Self, WordsError> {
        line("room", input, Self::LIMIT).map(Self)
    }

    /// The name of the server's room. It is never a socket's id, which is a room too.
    pub(super) fn key(&self) -> String {
        format!("chat: {}", self.0)
    }
}

/// A message: 1 to 2000 characters, in lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Text(FastStr);

impl Text {
    const LIMIT: usize = 2000;

    pub(super) fn parse(input: &str) -> Result<Self, WordsError> {
        let text = input.trim();
        let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
        within("message", text, Self::LIMIT, is_control)?;
        Ok(Self(FastStr::new(text)))
    }
}

/// One line, with single spaces between its words.
fn line(what: &'static str, input: &str, limit: usize) -> Result<FastStr, WordsError> {
    // What is far too long is not worked on.
    if input.len() > limit * 16 {
        return Err(WordsError::TooLong { what, limit });
    }
    let words: Vec<&str> = input.split_whitespace().collect();
    let line = words.join(" ");
    within(what, &line, limit, char::is_control)?;
    Ok(line.into())
}

fn within(
    what: &'static str,
    text: &str,
    limit: usize,
    is_control: impl Fn(char) -> bool,
) -> Result<(), WordsError> {
    if text.is_empty() {
        return Err(WordsError::Empty(what));
    }
    if text.chars().nth(limit).is_some() {
        return Err(WordsError::TooLong { what, limit });
    }
    if text.contains(is_control) {
        return Err(WordsError::Control(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_with_single_spaces() {
        assert_eq!(Name::parse(" Mina \n  Kim\t"), Ok(Name("Mina Kim".into())));
        assert_eq!(Name::parse("송이"), Ok(Name("송이".into())));
        assert_eq!(Name::parse(" \n "), Err(WordsError::Empty("name")));
        assert_eq!(Name::parse("a\u{7}b"), Err(WordsError::Control("name")));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Name::parse(&"송".repeat(24)).is_ok());
        assert!(Room::parse(&"송".repeat(32)).is_ok());
        assert!(Text::parse(&"송".repeat(2000)).is_ok());
        for (what, limit, parsed) in [
            ("name", 24, Name::parse(&"송".repeat(25)).err()),
            ("room", 32, Room::parse(&"송".repeat(33)).err()),
            ("message", 2000, Text::parse(&"송".repeat(2001)).err()),
            ("name", 24, Name::parse(&" ".repeat(1_000_000)).err()),
        ] {
            assert_eq!(parsed, Some(WordsError::TooLong { what, limit }));
        }
    }

    #[test]
    fn a_message_keeps_its_lines_and_its_markup() {
        let text = Text::parse(" <b>one</b>\n\ttwo ").unwrap();
        assert_eq!(text, Text("<b>one</b>\n\ttwo".into()));
        assert_eq!(Text::parse("a\0"), Err(WordsError::Control("message")));
    }

    #[test]
    fn a_room_is_never_the_room_of_a_socket() {
        let key = Room::parse("abcdefghijklmnopqrst").unwrap().key();
        assert!(key.contains(' '));
    }
}
