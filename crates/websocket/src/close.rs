//! Close codes and Close frames (RFC 6455 §5.5.1 and §7.4).

use core::fmt;

use faststr::FastStr;

use crate::{Violation, frame::header::CONTROL_MAX};

/// The longest reason: a control frame's 125 bytes less the code.
const REASON_MAX: usize = CONTROL_MAX - 2;

/// A close code that may stand in a Close frame (RFC 6455 §7.4, and the IANA registry for 1012 to
/// 1014): 1000–1003, 1007–1014, 3000–4999.
///
/// The codes 1005, 1006 and 1015, which describe a connection and are never sent, have no value.
///
/// ```
/// use songi_websocket::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1005), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const AWAY: Self = Self(1001);
    /// 1002: a protocol error.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that cannot be accepted.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: data that does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy is broken and no other code fits.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the client wanted an extension that the server did not accept.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: something unexpected on this side.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts.
    pub const RESTART: Self = Self(1012);
    /// 1013: try again later.
    pub const TRY_AGAIN: Self = Self(1013);
    /// 1014: a gateway got a bad answer from upstream.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code `code`, if it may be sent.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The body of a Close frame: a code and a reason of at most 123 bytes (RFC 6455 §5.5.1).
///
/// ```
/// use songi_websocket::{CloseCode, CloseFrame};
///
/// let frame = CloseFrame::new(CloseCode::AWAY, "restarting");
/// assert_eq!(frame.code().get(), 1001);
/// assert_eq!(frame.reason(), "restarting");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: FastStr,
}

impl CloseFrame {
    /// A code with a reason for people and logs. A reason above 123 bytes is cut at the last
    /// character that fits, for a long reason must not keep a connection from closing.
    pub fn new(code: CloseCode, reason: impl Into<FastStr>) -> Self {
        let mut reason = reason.into();
        if reason.len() > REASON_MAX {
            let end = (0..=REASON_MAX)
                .rev()
                .find(|end| reason.is_char_boundary(*end));
            reason = FastStr::new(end.and_then(|end| reason.get(..end)).unwrap_or_default());
        }
        Self { code, reason }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason, empty where none was given.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Reads the payload of a Close frame; `None` for an empty one.
    pub(crate) fn parse(payload: &[u8]) -> Result<Option<Self>, Violation> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(Violation::TruncatedCloseCode),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(Violation::InvalidCloseCode(code))?;
        let reason = FastStr::new_u8_slice(reason).map_err(|_| Violation::InvalidCloseReason)?;
        Ok(Some(Self { code, reason }))
    }
}

impl From<CloseCode> for CloseFrame {
    fn from(code: CloseCode) -> Self {
        Self {
            code,
            reason: FastStr::empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K3: which codes may be sent (RFC 6455 §7.4, IANA).
    #[test]
    fn codes() {
        for code in 0..=u16::MAX {
            let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            let parsed = CloseFrame::parse(&code.to_be_bytes());
            assert_eq!(parsed.is_ok(), valid, "{code}");
            if !valid {
                assert_eq!(parsed, Err(Violation::InvalidCloseCode(code)));
                assert_eq!(
                    Violation::InvalidCloseCode(code).close_code(),
                    CloseCode::PROTOCOL
                );
            }
        }
    }

    /// K1: an empty body carries neither code nor reason (RFC 6455 §7.1.5).
    #[test]
    fn empty_body() {
        assert_eq!(CloseFrame::parse(b""), Ok(None));
    }

    /// K2: one byte is not a code (RFC 6455 §5.5.1).
    #[test]
    fn one_byte_body() {
        assert_eq!(CloseFrame::parse(&[3]), Err(Violation::TruncatedCloseCode));
    }

    /// U5: the reason is UTF-8 too (RFC 6455 §5.5.1).
    #[test]
    fn reason_is_utf8() {
        let violation = CloseFrame::parse(&[3, 232, 0xC0, 0xAF]).unwrap_err();
        assert_eq!(violation, Violation::InvalidCloseReason);
        assert_eq!(violation.close_code(), CloseCode::INVALID_PAYLOAD);
    }

    /// K5: a reason is cut at a character so that it fits a control frame.
    #[test]
    fn long_reason_is_cut_at_a_character() {
        let fits = "x".repeat(123);
        assert_eq!(
            CloseFrame::new(CloseCode::NORMAL, fits.clone()).reason(),
            fits
        );
        let cut = CloseFrame::new(CloseCode::NORMAL, "송".repeat(42));
        assert_eq!(cut.reason(), "송".repeat(41));
    }

    /// K4: a reason of 123 bytes is the longest that a control frame holds (RFC 6455 §5.5).
    #[test]
    fn longest_reason() {
        use crate::{Config, Connection, Event};

        let close = |reason: usize| {
            let reason = "x".repeat(reason);
            let size = 2 + reason.len() as u8;
            let header: &[u8] = match size {
                126.. => &[0x88, 126, 0, size],
                _ => &[0x88, size],
            };
            let frame = [header, &[3, 232], reason.as_bytes()].concat();
            let mut client = Connection::client(Config::default(), || [0; 4]);
            client.receive(&mut bytes::BytesMut::from(&frame[..]))
        };
        let longest = CloseFrame::new(CloseCode::NORMAL, "x".repeat(123));
        assert_eq!(close(123), Ok(Some(Event::Close(Some(longest)))));
        assert_eq!(close(124), Err(Violation::ControlTooLong));
    }

    /// K16: the codes of a server that goes away (RFC 6455 §7.4.1, IANA).
    #[test]
    fn codes_of_a_shutdown() {
        for (code, number) in [
            (CloseCode::AWAY, 1001),
            (CloseCode::RESTART, 1012),
            (CloseCode::TRY_AGAIN, 1013),
        ] {
            assert_eq!(code.get(), number);
            assert_eq!(CloseCode::new(number), Some(code));
        }
    }
}
