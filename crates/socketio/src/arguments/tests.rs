use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

/// Arguments without a name before them, as in an ack.
fn args(json: &str) -> Arguments {
    Arguments::new(FastStr::new(json), 0, 1)
}

fn binary(json: &str) -> Arguments {
    let attachments = vec![Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
    Arguments::with_attachments(FastStr::new(json), 0, 1, attachments)
}

const ZERO: &str = r#"{"_placeholder":true,"num":0}"#;
const ONE: &str = r#"{"_placeholder":true,"num":1}"#;

#[track_caller]
fn assert_missing<T>(result: Result<T, ArgumentError>, at: usize) {
    let error = result.err().expect("an argument is missing");
    assert!(
        matches!(error, ArgumentError::Missing { index } if index == at),
        "{error:?}"
    );
}

#[track_caller]
fn assert_invalid<T>(result: Result<T, ArgumentError>, at: usize) {
    let error = result.err().expect("an argument is invalid");
    assert!(
        matches!(error, ArgumentError::Invalid { index, .. } if index == at),
        "{error:?}"
    );
}

#[test]
fn a_text_behind_arguments_that_were_received() {
    let mut decoder = crate::Decoder::new(crate::Limits::default());
    for (event, expected) in [
        (r#"2["e"]"#, r#"["x"]"#),
        ("2[\"e\" ]\n", r#"["x"]"#),
        (r#"2["e",1,[2]]"#, r#"[1,[2],"x"]"#),
        ("2[ \"e\" , 1 , [2] ] \r\n", r#"[1 , [2],"x"]"#),
    ] {
        let packet = decoder.decode_text(event.into(), core::time::Duration::ZERO);
        let crate::PacketKind::Event { args, .. } = packet.unwrap().unwrap().kind else {
            panic!()
        };
        assert_eq!(args.is_empty(), expected == r#"["x"]"#, "{event}");
        assert_eq!(args.with_text("x").unwrap().to_json(), expected, "{event}");
    }
}

/// Of an argument that ends behind the first MiB the scan does not know it.
#[test]
fn arguments_around_a_mebibyte() {
    let mut decoder = crate::Decoder::new(crate::Limits::default());
    for len in [(1 << 20) - 20..(1 << 20) + 3, 1 << 21..(1 << 21) + 1]
        .into_iter()
        .flatten()
    {
        let long = "a".repeat(len);
        let event = format!(r#"2["e","b","{long}",3,"c"]"#);
        let packet = decoder.decode_text(event.into(), core::time::Duration::ZERO);
        let crate::PacketKind::Event { args, .. } = packet.unwrap().unwrap().kind else {
            panic!()
        };
        let read: (&str, &str, u8, &str) = args.deserialize().unwrap();
        assert!(read == ("b", &long, 3, "c"), "{len}");
    }
}

#[test]
fn a_tuple_takes_one_argument_per_element() {
    let args = args(r#"["a",{"b":[1]},-2]"#);
    let (text, value, number): (String, Value, i8) = args.deserialize().unwrap();
    assert_eq!(
        (text.as_str(), value, number),
        ("a", json!({ "b": [1] }), -2)
    );
    #[derive(Deserialize, Debug, PartialEq)]
    struct Move(String, Value);
    assert_eq!(
        args.deserialize::<Move>().unwrap(),
        Move("a".into(), json!({ "b": [1] }))
    );
}

#[test]
fn anything_else_takes_the_first_argument() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Point {
        x: u8,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Meters(f64);
    #[derive(Deserialize, Debug, PartialEq)]
    enum Shape {
        Dot,
        Circle(u8),
        Box { w: u8 },
    }
    assert_eq!(args("[7,8]").deserialize::<u8>().unwrap(), 7);
    assert_eq!(args(r#"["x","y"]"#).deserialize::<&str>().unwrap(), "x");
    assert_eq!(args(r#"["x"]"#).deserialize::<char>().unwrap(), 'x');
    assert_eq!(args("[[1,2],3]").deserialize::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(
        args(r#"[{"x":1}]"#).deserialize::<Point>().unwrap(),
        Point { x: 1 }
    );
    assert_eq!(args("[1.5]").deserialize::<Meters>().unwrap(), Meters(1.5));
    assert_eq!(
        args(r#"["Dot"]"#).deserialize::<Shape>().unwrap(),
        Shape::Dot
    );
    assert_eq!(
        args(r#"[{"Circle":3}]"#).deserialize::<Shape>().unwrap(),
        Shape::Circle(3)
    );
    assert_eq!(
        args(r#"[{"Box":{"w":3}}]"#).deserialize::<Shape>().unwrap(),
        Shape::Box { w: 3 }
    );
    assert_eq!(args("[true]").deserialize::<Value>().unwrap(), json!(true));
    assert_eq!(
        args("[{\"a\":1}]")
            .deserialize::<BTreeMap<String, u8>>()
            .unwrap()["a"],
        1
    );
    assert_eq!(
        args("[ {\"a\" : 1} ]")
            .deserialize::<&RawValue>()
            .unwrap()
            .get(),
        "{\"a\" : 1}"
    );
}

#[test]
fn a_unit_takes_none() {
    args("[]").deserialize::<()>().unwrap();
    args("[1]").deserialize::<()>().unwrap();
    args("[1]").deserialize::<serde::de::IgnoredAny>().unwrap();
}

#[test]
fn missing_arguments() {
    assert_missing(args("[]").deserialize::<u8>(), 0);
    assert_missing(args("[1]").deserialize::<(u8, u8)>(), 1);
    assert_missing(args("[1]").deserialize::<(u8, Option<u8>, Vec<u8>)>(), 2);
    assert_missing(args("[]").deserialize::<(Value,)>(), 0);
    assert_missing(args("[]").deserialize::<(Bytes,)>(), 0);
    assert_eq!(args("[]").deserialize::<Option<u8>>().unwrap(), None);
    assert_eq!(args("[null]").deserialize::<Option<u8>>().unwrap(), None);
    assert_eq!(args("[1]").deserialize::<Option<u8>>().unwrap(), Some(1));
    let pair = args("[1]").deserialize::<(u8, Option<Bytes>)>().unwrap();
    assert_eq!(pair, (1, None));
}

#[test]
fn arguments_of_the_wrong_type() {
    assert_invalid(args(r#"["a"]"#).deserialize::<u8>(), 0);
    assert_invalid(args(r#"[1,"a"]"#).deserialize::<(u8, u8)>(), 1);
    assert_invalid(args("[1,256]").deserialize::<(u8, u8)>(), 1);
    let error = args(r#"[1,"a"]"#).deserialize::<(u8, u8)>().unwrap_err();
    assert!(
        error.to_string().starts_with("argument 1: invalid type"),
        "{error}"
    );
    assert_eq!(error.index(), 1);
}

#[test]
fn the_reader_goes_on_behind_what_does_not_fit() {
    let args = args(r#"[1,"b",[3,4],null]"#);
    let mut reader = args.reader();
    assert_eq!((reader.len(), reader.index()), (4, 0));
    assert_invalid(reader.next::<String>(), 0);
    assert_eq!(reader.next::<String>().unwrap(), "b");
    assert_eq!(reader.len(), 2);
    assert_eq!(reader.next::<(u8, u8)>().unwrap(), (3, 4));
    assert!(!reader.is_empty());
    assert_eq!(reader.next::<Option<u8>>().unwrap(), None);
    assert!(reader.is_empty());
    assert_eq!(reader.len(), 0);
    assert_missing(reader.next::<u8>(), 4);
    assert_missing(reader.next::<Bytes>(), 5);
    assert_eq!(reader.next::<Option<u8>>().unwrap(), None);
    assert_eq!(reader.index(), 7);
}

#[test]
fn attachments_stand_anywhere_in_a_type() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Upload {
        name: String,
        data: Bytes,
        thumbnail: Option<Bytes>,
        none: Option<Bytes>,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Wrapped(Bytes);
    #[derive(Deserialize, Debug, PartialEq)]
    enum Frame {
        New(Bytes),
        Two(Bytes, Bytes),
        Named { data: Bytes },
    }
    let (zero, one) = (Bytes::from_static(b"zero"), Bytes::from_static(b"one"));

    let args = binary(&alloc::format!(
        r#"[{{"name":"n","data":{ONE},"thumbnail":{ZERO},"none":null}}]"#
    ));
    let upload = args.deserialize::<Upload>().unwrap();
    let (data, thumbnail) = (one.clone(), Some(zero.clone()));
    assert_eq!(
        upload,
        Upload {
            name: "n".into(),
            data,
            thumbnail,
            none: None
        }
    );

    let args = binary(&alloc::format!("[[{ZERO},{ONE}],{{\"k\":[{ONE}]}}]"));
    let (list, map): (Vec<Bytes>, BTreeMap<String, (Bytes,)>) = args.deserialize().unwrap();
    assert_eq!(
        (list, &map["k"]),
        (vec![zero.clone(), one.clone()], &(one.clone(),))
    );

    let frame = |json: &str| binary(json).deserialize::<Frame>().unwrap();
    assert_eq!(
        frame(&alloc::format!("[{{\"New\":{ONE}}}]")),
        Frame::New(one.clone())
    );
    let two = alloc::format!("[{{\"Two\":[{ONE},{ZERO}]}}]");
    assert_eq!(frame(&two), Frame::Two(one, zero.clone()));
    let named = alloc::format!("[{{\"Named\":{{\"data\":{ZERO}}}}}]");
    assert_eq!(frame(&named), Frame::Named { data: zero.clone() });

    let wrapped = binary(&alloc::format!("[{ZERO}]"))
        .deserialize::<Wrapped>()
        .unwrap();
    assert_eq!(wrapped, Wrapped(zero));
}

#[test]
fn attachments_are_borrowed_where_the_type_borrows() {
    let args = binary(&alloc::format!("[{ONE},\"text\"]"));
    let (data, text): (&[u8], Cow<'_, str>) = args.deserialize().unwrap();
    assert_eq!(data.as_ptr(), args.attachments()[1].as_ptr());
    assert_eq!(text, "text");
}

#[test]
fn an_argument_that_is_an_attachment_is_not_copied() {
    let args = binary(&alloc::format!("[{ONE}]"));
    let data: Bytes = args.reader().next().unwrap();
    assert_eq!(data.as_ptr(), args.attachments()[1].as_ptr());
}

#[test]
fn a_value_keeps_the_placeholder() {
    let args = binary(&alloc::format!("[[{ONE}]]"));
    let value: Value = args.deserialize().unwrap();
    assert_eq!(value, json!([{ "_placeholder": true, "num": 1 }]));
}

/// CVE-2022-2421 and CVE-2023-32695 are of this kind.
#[test]
fn nothing_but_a_placeholder_is_binary() {
    for json in [
        r#""text""#,
        "[1,2,3]",
        "null",
        "1",
        "true",
        "{}",
        r#"{"num":0}"#,
        r#"{"_placeholder":true}"#,
        r#"{"_placeholder":false,"num":0}"#,
        r#"{"_placeholder":"true","num":0}"#,
        r#"{"_placeholder":true,"num":2}"#,
        r#"{"_placeholder":true,"num":"0"}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        r#"{"_placeholder":true,"num":0.5}"#,
        r#"{"_placeholder":true,"num":18446744073709551616}"#,
        // The scan does not know this spelling: what it may point to is checked here.
        r#"{"\u005fplaceholder":true,"num":2}"#,
    ] {
        let args = binary(&alloc::format!("[{json}]"));
        assert_invalid(args.deserialize::<Bytes>(), 0);
        assert_invalid(args.deserialize::<(&[u8],)>(), 0);
        assert_invalid(args.reader().next::<Bytes>(), 0);
        assert_invalid(args.reader().next::<(Bytes,)>(), 0);
    }
}

#[test]
fn a_placeholder_is_nothing_but_binary() {
    let args = binary(&alloc::format!("[{ZERO}]"));
    assert_invalid(args.deserialize::<String>(), 0);
    assert_invalid(args.deserialize::<u8>(), 0);
    assert_invalid(args.deserialize::<Vec<u8>>(), 0);
}

#[test]
fn a_placeholder_without_attachments_is_not_binary() {
    assert_invalid(args(&alloc::format!("[{ZERO}]")).deserialize::<Bytes>(), 0);
}

#[test]
fn buffered_types_do_not_find_attachments() {
    // As documented: serde reads these through a buffer of its own.
    #[derive(Deserialize, Debug)]
    #[serde(untagged)]
    #[expect(dead_code)]
    enum Either {
        Data(Bytes),
    }
    assert_invalid(
        binary(&alloc::format!("[{ZERO}]")).deserialize::<Either>(),
        0,
    );
}

#[test]
fn debug_shows_the_text_and_the_sizes() {
    assert_eq!(alloc::format!("{:?}", binary("[1]")), "[1] + [4, 3]");
    assert_eq!(alloc::format!("{:?}", args("[1]")), "[1]");
}

#[test]
fn numbers_are_read_to_the_last_digit() {
    let digits = "8.88111111111111e96";
    let text = format!("2[\"n\",{digits}]");
    let packet = crate::Decoder::new(crate::Limits::default())
        .decode_text(text.into(), core::time::Duration::ZERO)
        .unwrap()
        .unwrap();
    let crate::PacketKind::Event { args, .. } = packet.kind else {
        panic!("not an event");
    };
    let number: f64 = args.deserialize().unwrap();
    assert_eq!(number, digits.parse::<f64>().unwrap());
}

/// An event's arguments as they were decoded, so that it is known where the first ones end.
fn decoded(array: &str) -> Arguments {
    let text = format!("2[\"e\",{}", array.strip_prefix('[').unwrap());
    let packet = crate::Decoder::new(crate::Limits::default())
        .decode_text(text.into(), core::time::Duration::ZERO)
        .unwrap()
        .unwrap();
    match packet.kind {
        crate::PacketKind::Event { args, .. } => args,
        _ => panic!("not an event"),
    }
}

/// The argument is read as `serde_json` would read it, and refused with its words.
fn same_as_serde_json<'a, T>(args: &'a Arguments, index: usize, json: &'a str)
where
    T: Deserialize<'a> + PartialEq + core::fmt::Debug,
{
    let mut reader = args.reader();
    for _ in 0..index {
        reader.take().unwrap();
    }
    let read = reader.next_seed(core::marker::PhantomData::<T>);
    match (read, serde_json::from_str::<T>(json)) {
        (Ok(read), Ok(expected)) => assert_eq!(read, expected),
        (Err(ArgumentError::Invalid { source, .. }), Err(expected)) => {
            assert_eq!(source.to_string(), expected.to_string());
            assert_eq!(
                (source.line(), source.column(), source.classify()),
                (expected.line(), expected.column(), expected.classify())
            );
        }
        (read, expected) => panic!("{json}: {read:?}, {expected:?}"),
    }
}

fn same_as_serde_json_for_all_types(args: &Arguments, index: usize, json: &str) {
    #[derive(Deserialize, Debug, PartialEq)]
    enum Word {
        A,
        B(u8),
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Wrapped(String);
    #[derive(Debug, PartialEq)]
    struct Short(String);
    impl<'de> Deserialize<'de> for Short {
        fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
            let text = String::deserialize(value)?;
            if text.len() < 3 {
                Ok(Self(text))
            } else {
                Err(serde::de::Error::custom("too long"))
            }
        }
    }
    same_as_serde_json::<String>(args, index, json);
    same_as_serde_json::<&str>(args, index, json);
    same_as_serde_json::<Cow<'_, str>>(args, index, json);
    same_as_serde_json::<Option<String>>(args, index, json);
    same_as_serde_json::<Option<Option<u8>>>(args, index, json);
    same_as_serde_json::<Value>(args, index, json);
    same_as_serde_json::<char>(args, index, json);
    same_as_serde_json::<bool>(args, index, json);
    same_as_serde_json::<u8>(args, index, json);
    same_as_serde_json::<i64>(args, index, json);
    same_as_serde_json::<f64>(args, index, json);
    same_as_serde_json::<()>(args, index, json);
    same_as_serde_json::<Vec<u8>>(args, index, json);
    same_as_serde_json::<BTreeMap<String, Value>>(args, index, json);
    same_as_serde_json::<Word>(args, index, json);
    same_as_serde_json::<Wrapped>(args, index, json);
    same_as_serde_json::<Short>(args, index, json);
    // A visitor that takes no text, asked for one: its error has no place of its own.
    same_as_serde_json::<core::net::Ipv4Addr>(args, index, json);
}

fn json_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"A\"".to_string()),
        "[a-zé]{0,4}".prop_map(|text| json!(text).to_string()),
        any::<String>().prop_map(|text| json!(text).to_string()),
        // Escapes that need not be, and lone surrogates.
        Just(r#""\u0041""#.to_string()),
        Just(r#""\ud800""#.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| json!(number).to_string()),
        Just("null".to_string()),
        Just("true".to_string()),
        Just(r#"{"B":1}"#.to_string()),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(|list| json!(list).to_string()),
    ]
}

proptest! {
    #[test]
    fn arguments_are_what_serde_json_makes_of_them(
        values in prop::collection::vec(json_text(), 0..5),
        blank in "[ \n\r\t]{0,2}",
    ) {
        let separator = format!("{blank},{blank}");
        let array = format!("[{blank}{}{blank}]", values.join(&separator));
        // Those of which nothing is known, and those of an event.
        let mut all = vec![args(&array)];
        if !values.is_empty() {
            all.push(decoded(&array));
        }
        for args in all {
            prop_assert_eq!(args.len(), values.len());
            for (index, value) in values.iter().enumerate() {
                same_as_serde_json_for_all_types(&args, index, value);
            }
        }
    }
}
