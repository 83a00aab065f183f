//! JSONP: long-polling by script elements and forms, for the browsers of old.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use bytes::Bytes;
use faststr::FastStr;

use crate::request::{ContentType, Response, query::percent_decode};

/// The most digits of `j` that are kept.
const MAX_DIGITS: usize = 20;

/// The `j` parameter of a long-polling request: its answer is a script that hands the payload to
/// the callback of this number, and its POST is a form with the payload as the field `d`.
///
/// It concerns each request by itself; the session knows nothing of it.
///
/// ```
/// use songi_engineio::{Jsonp, Query};
/// let jsonp = Query::parse("EIO=3&transport=polling&j=12").jsonp.expect("it is there");
/// assert_eq!(jsonp.script("2:4\""), r#"___eio[12]("2:4\"");"#);
/// assert_eq!(Jsonp::form(b"d=6%3A4hello"), "6:4hello");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jsonp {
    /// Digits and nothing else: it is put into a script.
    index: FastStr,
}

impl Jsonp {
    /// The first twenty digits of `index`; everything else in it is dropped, since it would be
    /// executed.
    pub fn new(index: &str) -> Self {
        let digits = index.chars().filter(char::is_ascii_digit).take(MAX_DIGITS);
        Self {
            index: FastStr::from_string(digits.collect()),
        }
    }

    /// The same answer as a script, if it is a payload as text; any other is left as it is.
    pub fn response(&self, response: Response) -> Response {
        let Ok(payload) = core::str::from_utf8(&response.body) else {
            return response;
        };
        if response.content_type != Some(ContentType::Text) {
            return response;
        }
        Response {
            content_type: Some(ContentType::JavaScript),
            body: self.script(payload).into(),
            ..response
        }
    }

    /// The script that calls `___eio[index]` with the text.
    pub fn script(&self, text: &str) -> String {
        // A line of JSON may hold U+2028 and U+2029, one of JavaScript (before 2019) may not.
        let json = serde_json::Value::from(text).to_string();
        let json = json.replace('\u{2028}', "\\u2028");
        let json = json.replace('\u{2029}', "\\u2029");
        alloc::format!("___eio[{}]({json});", self.index)
    }

    /// The payload in the body of a form (`application/x-www-form-urlencoded`), which is no longer
    /// than the body. A form without exactly one field `d` has none: that is the empty payload,
    /// which every session refuses.
    ///
    /// Browsers would turn a line feed into two characters, so that it travels as `\n`, and `\n`
    /// itself as `\\n`.
    pub fn form(body: &[u8]) -> Bytes {
        let mut fields = body
            .split(|&byte| byte == b'&')
            .filter_map(|field| match field {
                [b'd', b'=', value @ ..] => Some(value),
                b"d" => Some(&[]),
                _ => None,
            });
        match (fields.next(), fields.next()) {
            (Some(value), None) => unescape(percent_decode(value)).into(),
            _ => Bytes::new(),
        }
    }
}

/// `\n` becomes a line feed; one backslash of several before an `n` is taken away.
fn unescape(text: Vec<u8>) -> Vec<u8> {
    if !text.windows(2).any(|pair| pair == b"\\n") {
        return text;
    }
    let mut unescaped = Vec::with_capacity(text.len());
    let mut backslashes = 0_usize;
    for byte in text {
        match (byte, backslashes) {
            (b'\\', _) => backslashes += 1,
            (b'n', 1..) => {
                unescaped.pop();
                unescaped.push(if backslashes == 1 { b'\n' } else { b'n' });
                backslashes = 0;
                continue;
            }
            _ => backslashes = 0,
        }
        unescaped.push(byte);
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jsonp() -> Jsonp {
        Jsonp::new("0")
    }

    /// A form as the JavaScript client and a browser make it.
    fn form_of(payload: &str) -> String {
        let escaped = payload.replace("\\n", "\\\n").replace('\n', "\\n");
        let mut form = String::from("d=");
        for byte in escaped.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => form.push(char::from(byte)),
                b' ' => form.push('+'),
                _ => form.push_str(&alloc::format!("%{byte:02x}")),
            }
        }
        form
    }

    #[test]
    fn only_digits_are_reflected() {
        for (index, kept) in [
            ("12", "12"),
            ("1];alert(1);//", "11"),
            ("<script>", ""),
            ("-1.5e3", "153"),
            ("٣", ""),
            ("1\u{2028}2", "12"),
            ("123456789012345678901234", "12345678901234567890"),
        ] {
            assert_eq!(
                Jsonp::new(index).script("6"),
                alloc::format!(r#"___eio[{kept}]("6");"#)
            );
        }
    }

    #[test]
    fn the_script_is_javascript_and_nothing_escapes_from_it() {
        assert_eq!(
            jsonp().script("4a\"b\\c\n\r\u{8}\u{c}\t\u{0}\u{1e}\u{2028}\u{2029}é"),
            r#"___eio[0]("4a\"b\\c\n\r\b\f\t\u0000\u001e\u2028\u2029é");"#
        );
    }

    #[test]
    fn only_payloads_as_text_become_scripts() {
        let text = Response::payload((ContentType::Text, "6".into()), true);
        let wrapped = jsonp().response(text);
        assert_eq!(wrapped.body, r#"___eio[0]("6");"#);
        assert_eq!((wrapped.status, wrapped.compress), (200, true));
        assert_eq!(
            wrapped.content_type.map(ContentType::as_str),
            Some("text/javascript; charset=UTF-8")
        );
        let binary = Response::payload((ContentType::Binary, "\0\u{1}".into()), false);
        for other in [
            binary,
            Response::ok(),
            Response::empty(413),
            crate::RequestError::UnknownSid.response(false),
        ] {
            assert_eq!(jsonp().response(other.clone()), other);
        }
    }

    #[test]
    fn forms() {
        let form = |body: &str| Jsonp::form(body.as_bytes());
        assert_eq!(form("d=6%3A4hello2:40"), "6:4hello2:40");
        assert_eq!(form("x=1&d=4a+b%2B&y"), "4a b+");
        assert_eq!(form("d=4a%5Cnb"), "4a\nb");
        assert_eq!(form("d=4a%5C%5Cnb"), "4a\\nb");
        assert_eq!(form("d=4a%5C%5C%5Cnb"), "4a\\\\nb");
        assert_eq!(form("d=4a%5Cmb%5C"), "4a\\mb\\");
        assert_eq!(form("d=4%"), "4%");
        assert_eq!(form("d=%ff"), &b"\xff"[..]);
    }

    #[test]
    fn a_form_without_one_field_is_an_empty_payload() {
        for body in [
            "",
            "d",
            "d=",
            "e=4a",
            "d=4a&d=4b",
            "D=4a",
            "%64=4a",
            "d[]=4a",
        ] {
            assert_eq!(Jsonp::form(body.as_bytes()), "", "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_payload_survives_the_form(payload in r"([^\\\n]|\\[^\\\n])*") {
            prop_assert_eq!(Jsonp::form(form_of(&payload).as_bytes()), payload);
        }

        #[test]
        fn line_feeds_and_their_escapes_survive_the_form(
            parts in proptest::collection::vec(prop_oneof![Just("\n"), Just("\\n"), Just("a")], 0..20)
        ) {
            let payload = parts.concat();
            prop_assert_eq!(Jsonp::form(form_of(&payload).as_bytes()), payload);
        }

        #[test]
        fn a_script_is_json_between_its_ends(text in ".*") {
            let script = jsonp().script(&text);
            let is_one_line = !script.contains(['\u{2028}', '\u{2029}', '\n', '\r']);
            prop_assert!(is_one_line);
            let json = script.strip_prefix("___eio[0](").and_then(|s| s.strip_suffix(");"));
            prop_assert_eq!(serde_json::from_str::<String>(json.unwrap()).unwrap(), text);
        }

        #[test]
        fn a_payload_is_no_longer_than_its_form(body: Vec<u8>) {
            prop_assert!(Jsonp::form(&body).len() <= body.len());
        }
    }
}
