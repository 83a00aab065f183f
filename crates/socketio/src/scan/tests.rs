use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn scan(text: &str) -> Result<(), JsonError> {
    let mut scanner = Scanner::new(text, MAX_DEPTH, 0);
    scanner.skip_whitespace();
    scanner.value()?;
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
fn plain_len_stops_at_each_special_byte() {
    for at in 0..100 {
        for special in [b'"', b'\\', 0x1f, 0] {
            let mut bytes = [b' '; 100];
            bytes[at] = special;
            assert_eq!(plain_len(&bytes), at);
        }
    }
    assert_eq!(plain_len(&[0xff; 77]), 77);
    assert_eq!(plain_len(&[]), 0);
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
    fn finds_the_end_of_each_element(values in prop::collection::vec(json(), 0..6)) {
        let text = Value::from(values.clone()).to_string();
        let mut pos = 1;
        let mut found = Vec::new();
        loop {
            let mut scanner = Scanner::at(&text, pos);
            scanner.eat(b',');
            if scanner.peek() == Some(b']') {
                break;
            }
            let start = scanner.pos();
            scanner.value().unwrap();
            pos = scanner.pos();
            found.push(text[start..pos].to_owned());
        }
        let expected: Vec<_> = values.iter().map(Value::to_string).collect();
        prop_assert_eq!(found, expected);
    }
}
