use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn scan(text: &str) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(text.as_bytes(), 0);
    scanner.value(Rules::KEPT)?;
    scanner.end()
}

#[test]
fn takes_what_is_json() {
    for text in [
        "0",
        "-0",
        "10",
        "1.5",
        "-1.25e+10",
        "1E-2",
        "0e0",
        "true",
        "false",
        "null",
        r#""""#,
        r#""a\"\\\/\b\f\n\r\t\u00e9\ud800""#,
        "[]",
        "{}",
        "[[],{}]",
        r#"{"a":{"b":[1,2,{"c":null}]},"d":""}"#,
        " [ 1 , 2 ] ",
        "\"\u{7f}é💜\"",
    ] {
        assert_eq!(scan(text), Ok(()), "{text}");
    }
}

#[test]
fn refuses_what_is_not() {
    for text in [
        "",
        " ",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[,1]",
        "[1,]",
        "[1 2]",
        "[1}",
        "{]",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        "{1:2}",
        r#"{"a" 1}"#,
        r#"{"a":1]"#,
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "truth",
        "nul",
        "True",
        "'a'",
        "\"",
        r#""\"#,
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u12"#,
        "\"\n\"",
        "\"\u{0}\"",
        "1 1",
        "[] []",
        "/*1*/",
        "\u{feff}1",
        "undefined",
    ] {
        assert!(scan(text).is_err(), "{text}");
    }
}

#[test]
fn every_control_character_is_refused_wherever_it_stands() {
    for control in 0..0x20_u8 {
        for before in [0, 7, 31, 32, 33, 64, 95] {
            let text = format!(
                "\"{}{}{}\"",
                "a".repeat(before),
                control as char,
                "b".repeat(40)
            );
            assert_eq!(
                scan(&text),
                Err(JsonError::UnexpectedByte { offset: before + 1 })
            );
        }
    }
}

#[test]
fn plain_text_ends_at_each_special_byte() {
    for len in [7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 200] {
        for at in 0..len {
            for start in [0, 1, at / 2, at] {
                let start = start.min(at);
                for special in [b'"', b'\\', 0x1f, 0] {
                    let mut bytes = vec![b' '; len];
                    bytes[at] = special;
                    assert_eq!(plain_end(&bytes, start), at);
                    assert_eq!(words::plain_end_inline(&bytes, start), at);
                }
            }
        }
    }
    for len in 0..200 {
        for start in 0..=len {
            assert_eq!(plain_end(&vec![0xff; len], start), len);
        }
    }
}

#[test]
fn only_the_special_bytes_end_plain_text() {
    for byte in 0..=u8::MAX {
        let special = byte < 0x20 || byte == b'"' || byte == b'\\';
        for len in [5, 40, 300] {
            let bytes = vec![byte; len];
            let end = if special { 0 } else { len };
            assert_eq!(plain_end(&bytes, 0), end, "{byte}");
        }
    }
}

#[test]
fn errors_say_where() {
    assert_eq!(scan("[1,x]"), Err(JsonError::UnexpectedByte { offset: 3 }));
    assert_eq!(scan("[1,"), Err(JsonError::UnexpectedEnd));
    assert_eq!(
        scan(r#"{"a":tru}"#),
        Err(JsonError::UnexpectedByte { offset: 8 })
    );
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

proptest! {
    /// The oracle is `serde_json`, on JSON with one byte changed.
    #[test]
    fn agrees_with_serde_json(value in json(), at: prop::sample::Index, byte in b' '..0x7f) {
        let text = value.to_string();
        prop_assert_eq!(scan(&text), Ok(()));
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert_eq!(scan(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn agrees_with_serde_json_on_anything(text in "[\\[\\]{}\":,\\\\0-9eE.+\\-truefalsn ]{0,16}") {
        prop_assert_eq!(scan(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn finds_the_ends_of_the_first_elements(values in prop::collection::vec(json(), 0..6)) {
        let text = Value::from(values.clone()).to_string();
        let mut scanner = Scanner::new(text.as_bytes(), 0);
        let rules = scanner.open_array(Rules::KEPT).unwrap();
        let ends = scanner.elements(rules).unwrap();
        prop_assert_eq!(scanner.end(), Ok(()));
        let (mut start, mut found) = (1, Vec::new());
        while let Some((end, what)) = ends.get(found.len()) {
            let element = text[start..end].to_owned();
            let plain = element.starts_with('"') && !element.contains('\\');
            prop_assert_eq!(what == Found::PlainString, plain);
            found.push(element);
            start = end + 1;
        }
        let expected: Vec<_> = values.iter().take(3).map(Value::to_string).collect();
        prop_assert_eq!(found, expected);
    }
}
