use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

fn text(args: &(impl Serialize + ?Sized)) -> String {
    let mut out = Vec::new();
    assert!(ack(&mut out, "/", 1, args).unwrap().is_empty());
    String::from_utf8(out).unwrap()
}

fn binary(args: &(impl Serialize + ?Sized)) -> (String, Vec<Bytes>) {
    let mut out = Vec::new();
    let attachments = event(&mut out, "/", None, "e", args).unwrap();
    (String::from_utf8(out).unwrap(), attachments)
}

/// "Packet encoding", "Examples" of the protocol document.
mod examples {
    use super::*;

    #[test]
    fn events() {
        let mut out = Vec::new();
        event(&mut out, "/", None, "foo", &()).unwrap();
        event(&mut out, "/admin", None, "bar", &()).unwrap();
        event(&mut out, "/", Some(12), "foo", &()).unwrap();
        event(&mut out, "/admin", Some(456), "m", &json!({})).unwrap();
        assert_eq!(
            out,
            br#"2["foo"]2/admin,["bar"]212["foo"]2/admin,456["m",{}]"#
        );
    }

    #[test]
    fn acks() {
        let mut out = Vec::new();
        ack(&mut out, "/admin", 13, "bar").unwrap();
        ack(&mut out, "/admin", 456, &()).unwrap();
        assert_eq!(out, br#"3/admin,13["bar"]3/admin,456[]"#);
    }

    #[test]
    fn binary_event() {
        let data = Bytes::from_static(&[1, 2, 3, 4]);
        let (text, attachments) = {
            let mut out = Vec::new();
            let attachments = event(&mut out, "/", None, "baz", &(data.clone(),)).unwrap();
            (out, attachments)
        };
        assert_eq!(text, br#"51-["baz",{"_placeholder":true,"num":0}]"#);
        assert_eq!(attachments, [data]);
    }

    #[test]
    fn binary_event_with_several_attachments() {
        let data = (Bytes::from_static(&[1, 2]), Bytes::from_static(&[3, 4]));
        let mut out = b"4".to_vec();
        let attachments = event(&mut out, "/admin", Some(7), "baz", &data).unwrap();
        let expected =
            br#"452-/admin,7["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert_eq!(out, expected);
        assert_eq!(attachments, [data.0, data.1]);
    }

    #[test]
    fn binary_ack() {
        let mut out = Vec::new();
        let data = Bytes::from_static(&[1, 2, 3, 4]);
        let attachments = ack(&mut out, "/", 15, &("bar", &data)).unwrap();
        assert_eq!(out, br#"61-15["bar",{"_placeholder":true,"num":0}]"#);
        assert_eq!(attachments, [data]);
    }

    #[test]
    fn control_packets() {
        let mut out = Vec::new();
        connect(&mut out, "/", &None::<Value>).unwrap();
        connected(&mut out, "/admin", "sid", Some("p\"id")).unwrap();
        connect_error(&mut out, "/", "no", Some(&json!({ "code": 1 }))).unwrap();
        disconnect(&mut out, "/").unwrap();
        assert_eq!(
            out,
            br#"00/admin,{"sid":"sid","pid":"p\"id"}4{"message":"no","data":{"code":1}}1"#
        );
    }

    #[test]
    fn ten_attachments_make_the_number_two_digits() {
        let (text, attachments) = binary(&vec![Bytes::new(); 10]);
        assert!(text.starts_with(r#"510-["e",["#), "{text}");
        assert_eq!(attachments.len(), 10);
    }
}

#[test]
fn what_spreads_and_what_does_not() {
    #[derive(Serialize)]
    struct Pair(u8, u8);
    #[derive(Serialize)]
    struct Point {
        x: u8,
    }
    #[derive(Serialize)]
    struct Wrapped((u8, u8));
    #[derive(Serialize)]
    enum Shape {
        Dot,
        Circle(u8),
        Line(u8, u8),
        Box { w: u8 },
    }
    #[derive(Serialize)]
    struct Nothing;
    assert_eq!(text(&(1, 2)), "31[1,2]");
    assert_eq!(text(&Pair(1, 2)), "31[1,2]");
    assert_eq!(text(&()), "31[]");
    assert_eq!(text(&Nothing), "31[]");
    assert_eq!(text(&((),)), "31[null]");
    assert_eq!(text(&((1, 2),)), "31[[1,2]]");
    assert_eq!(text(&vec![1, 2]), "31[[1,2]]");
    assert_eq!(text(&[1, 2]), "31[1,2]", "to serde an array is a tuple");
    assert_eq!(text(&[1, 2][..]), "31[[1,2]]");
    assert_eq!(text(&Point { x: 1 }), r#"31[{"x":1}]"#);
    assert_eq!(text(&Wrapped((1, 2))), "31[[1,2]]");
    assert_eq!(text(&Shape::Dot), r#"31["Dot"]"#);
    assert_eq!(text(&Shape::Circle(1)), r#"31[{"Circle":1}]"#);
    assert_eq!(text(&Shape::Line(1, 2)), r#"31[{"Line":[1,2]}]"#);
    assert_eq!(text(&Shape::Box { w: 1 }), r#"31[{"Box":{"w":1}}]"#);
    assert_eq!(text(&Some((1, 2))), "31[[1,2]]");
    assert_eq!(text(&None::<u8>), "31[null]");
    assert_eq!(text("a"), r#"31["a"]"#);
    assert_eq!(text(&'c'), r#"31["c"]"#);
    assert_eq!(text(&json!([1])), "31[[1]]");
}

#[test]
fn attachments_stand_anywhere_in_a_value() {
    #[derive(Serialize)]
    enum Frame {
        New(Bytes),
        Named { data: Bytes },
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(Bytes::from_static_str);
    let map = BTreeMap::from([("k", vec![Some(b.clone()), None])]);
    let (text, attachments) = binary(&(
        &a,
        map,
        Frame::New(c.clone()),
        Frame::Named { data: d.clone() },
    ));
    assert_eq!(
        text,
        r#"54-["e",{"_placeholder":true,"num":0},{"k":[{"_placeholder":true,"num":1},null]},{"New":{"_placeholder":true,"num":2}},{"Named":{"data":{"_placeholder":true,"num":3}}}]"#
    );
    assert_eq!(attachments, [a, b, c, d]);
}

/// A short name for the test above.
trait FromStaticStr {
    fn from_static_str(text: &'static str) -> Self;
}

impl FromStaticStr for Bytes {
    fn from_static_str(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes())
    }
}

#[test]
fn numbers_as_they_are() {
    assert_eq!(
        text(&(f64::NAN, f32::INFINITY, f64::NEG_INFINITY)),
        "31[null,null,null]"
    );
    assert_eq!(
        text(&(-0.0, 1.5, 1e300, 0.1_f32)),
        "31[-0.0,1.5,1e+300,0.1]".replace("1e+300", &zmij_text(1e300))
    );
    assert_eq!(
        text(&(9_007_199_254_740_993_u64, u64::MAX, i64::MIN)),
        "31[9007199254740993,18446744073709551615,-9223372036854775808]"
    );
    assert_eq!(
        text(&(u128::MAX, i128::MIN)),
        "31[340282366920938463463374607431768211455,-170141183460469231731687303715884105728]"
    );
}

/// How `serde_json` writes the same number.
fn zmij_text(number: f64) -> String {
    serde_json::to_string(&number).unwrap()
}

#[test]
fn keys_are_text() {
    assert_eq!(
        text(&BTreeMap::from([(2, 'a'), (1, 'b')])),
        r#"31[{"1":"b","2":"a"}]"#
    );
    assert_eq!(
        text(&BTreeMap::from([(true, 1), (false, 2)])),
        r#"31[{"false":2,"true":1}]"#
    );
    assert_eq!(text(&BTreeMap::from([('"', 1)])), r#"31[{"\"":1}]"#);
    let mut out = b"4".to_vec();
    for result in [
        ack(&mut out, "/", 1, &BTreeMap::from([((1, 2), 1)])),
        ack(&mut out, "/", 1, &BTreeMap::from([(vec![1], 1)])),
        ack(&mut out, "/", 1, &BTreeMap::from([(None::<u8>, 1)])),
        ack(&mut out, "/", 1, &BTreeMap::from([((), 1)])),
        ack(&mut out, "/", 1, &BTreeMap::from([(Bytes::new(), 1)])),
    ] {
        assert!(
            matches!(result, Err(EncodeError::Serialize(_))),
            "{result:?}"
        );
    }
    assert_eq!(out, b"4", "nothing is left of what failed");
}

#[test]
fn raw_json_goes_out_as_it_is() {
    let raw = RawValue::from_string(r#"{ "a" : [1.0, 1e2] }"#.to_string()).unwrap();
    assert_eq!(text(&(&raw, 1)), r#"31[{ "a" : [1.0, 1e2] },1]"#);
    assert_eq!(text(&raw), r#"31[{ "a" : [1.0, 1e2] }]"#);
}

#[test]
fn namespaces_that_the_wire_cannot_carry() {
    let mut out = b"4".to_vec();
    for namespace in ["", "admin", "/a,b", ",", "/,"] {
        let error = Err(EncodeError::IllegalNamespace(namespace.into()));
        assert_eq!(event(&mut out, namespace, None, "e", &()).map(drop), error);
        assert_eq!(ack(&mut out, namespace, 1, &()).map(drop), error);
        assert_eq!(connect(&mut out, namespace, &()), error);
        assert_eq!(connected(&mut out, namespace, "sid", None), error);
        assert_eq!(connect_error(&mut out, namespace, "m", None::<&()>), error);
        assert_eq!(disconnect(&mut out, namespace), error);
    }
    assert_eq!(out, b"4");
}

#[test]
fn reserved_names() {
    for name in RESERVED_EVENTS {
        let error = event(&mut Vec::new(), "/", None, name, &()).unwrap_err();
        assert_eq!(error, EncodeError::ReservedEventName(name));
    }
}

#[test]
fn payloads_that_connect_cannot_have() {
    let mut out = b"4".to_vec();
    for auth in [json!([1]), json!("token"), json!(1), json!(true)] {
        assert_eq!(
            connect(&mut out, "/", &auth),
            Err(EncodeError::AuthNotObject)
        );
    }
    let data = BTreeMap::from([("token", Bytes::new())]);
    assert_eq!(
        connect(&mut out, "/", &data),
        Err(EncodeError::UnexpectedBinary)
    );
    assert_eq!(
        connect_error(&mut out, "/", "m", Some(&data)),
        Err(EncodeError::UnexpectedBinary)
    );
    assert_eq!(out, b"4");
}

#[test]
fn a_failing_serialize_leaves_nothing() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let mut out = b"4".to_vec();
    let result = event(&mut out, "/", None, "e", &("first", Bytes::new(), Fails));
    assert_eq!(result, Err(EncodeError::Serialize("no".into())));
    assert_eq!(out, b"4");
}

proptest! {
    /// The oracle is `serde_json`.
    #[test]
    fn json_as_serde_json_writes_it(text in any::<String>(), number in any::<f64>(), list in prop::collection::vec(any::<Option<i32>>(), 0..5)) {
        let value = (&text, number, &list, json!({ &text: number, "b": [text, null] }));
        let mut out = Vec::new();
        ack(&mut out, "/", 1, &value).unwrap();
        prop_assert_eq!(String::from_utf8(out).unwrap(), alloc::format!("31{}", serde_json::to_string(&value).unwrap()));
    }

    #[test]
    fn strings_as_serde_json_writes_them(text in "[\\x00-\\x7f\"\\\\é💜]{0,100}") {
        let mut out = Vec::new();
        json::string(&mut out, &text);
        prop_assert_eq!(out, serde_json::to_vec(&text).unwrap());
    }
}
