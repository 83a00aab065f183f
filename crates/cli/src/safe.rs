//! Text of others, as a terminal may get it.

use std::io::{self, Write as _};

/// The text with escapes in place of what moves the cursor, changes the terminal, or makes what is
/// behind it look like something else.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// JSON in one line with its own escapes in their place: it means the same.
pub(crate) fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) {
            // All of them have four digits, and stand in strings.
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Prints a line to standard error, where somebody may read it.
pub(crate) fn tell_error(line: &str) {
    let _ = writeln!(io::stderr(), "{}", safe(line));
}

/// Control characters, and those that change the direction of text.
fn is_unsafe(character: char) -> bool {
    let is_reordering = matches!(
        character,
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || is_reordering
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACK: &str = "é\u{1b}[2J\u{7f}\u{9b}31m\u{61c}\u{202e}\r\n";

    #[test]
    fn what_changes_the_terminal_is_escaped() {
        let expected = r"é\u{1b}[2J\u{7f}\u{9b}31m\u{61c}\u{202e}\r\n";
        assert_eq!(safe(ATTACK), expected);
    }

    #[test]
    fn json_means_the_same() {
        let json = serde_json::json!({ ATTACK: ATTACK });
        let safe = safe_json(&json.to_string());
        assert!(!safe.contains(is_unsafe), "{safe}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).ok(),
            Some(json)
        );
    }
}
