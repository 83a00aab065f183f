//! What the two sides agree on, in the opening handshake (RFC 7692 §5 and §7.1).

use alloc::string::String;
use core::fmt::Write as _;

use super::{
    Deflate,
    compress::{self, Compressor},
    inflate::Inflater,
    pool::Direction,
};
use crate::{Bytes, Role, handshake::extensions::Extension};

/// The name of the extension.
const NAME: &str = "permessage-deflate";

/// The window where nothing is said of it.
const BITS_MAX: u8 = 15;

/// A compression that both sides agreed on, with the pool to use for it: from
/// [`Accepted::deflate`](crate::handshake::Accepted::deflate) or
/// [`Response::deflate`](crate::handshake::Response::deflate), for
/// [`Connection::set_deflate`](crate::Connection::set_deflate).
#[derive(Debug, Clone)]
pub struct Agreed {
    pub(super) deflate: Deflate,
    server: Direction,
    client: Direction,
}

/// The parameters of an offer, or of the answer to one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// An offer may name the parameter without a value.
    client_max_window_bits: Option<Option<u8>>,
}

impl Agreed {
    /// The server's answer to the first acceptable of the offers: what is agreed on, and the
    /// value of the response's header (RFC 7692 §5.1).
    pub(crate) fn accept<'a>(
        deflate: &Deflate,
        mut offers: impl Iterator<Item = Extension<'a>>,
    ) -> Option<(Self, String)> {
        offers.find_map(|offer| Some(Self::answer(deflate, Parameters::parse(&offer)?)))
    }

    /// The client's judgement of the server's answer; `None` if that is no answer to our offer
    /// (RFC 7692 §5.1 and §7.1).
    pub(crate) fn confirm(deflate: &Deflate, answer: &Extension<'_>) -> Option<Self> {
        let answer = Parameters::parse(answer)?;
        let config = deflate.config();
        let server_bits = answer.server_max_window_bits.unwrap_or(BITS_MAX);
        let client_bits = match answer.client_max_window_bits {
            None => config.client.bits,
            // In an answer it has a value (RFC 7692 §7.1.2.2), and narrows what was offered.
            Some(bits) => bits.filter(|bits| *bits <= config.client.bits)?,
        };
        let asked = config.server;
        let server_takeover = !answer.server_no_context_takeover;
        if (server_takeover && !asked.takeover) || server_bits > asked.bits {
            return None;
        }
        Some(Self {
            deflate: deflate.clone(),
            server: Direction {
                takeover: server_takeover,
                bits: server_bits,
            },
            client: Direction {
                takeover: config.client.takeover && !answer.client_no_context_takeover,
                bits: client_bits,
            },
        })
    }

    /// The offer of a client.
    pub(crate) fn offer(deflate: &Deflate) -> String {
        let config = deflate.config();
        let bits = |direction: Direction| Some(direction.bits).filter(|bits| *bits < BITS_MAX);
        let parameters = Parameters {
            server_no_context_takeover: !config.server.takeover,
            client_no_context_takeover: !config.client.takeover,
            server_max_window_bits: bits(config.server),
            // Without it the server could not narrow our window.
            client_max_window_bits: Some(bits(config.client)),
        };
        parameters.to_value()
    }

    pub(crate) fn inflater(&self, role: Role) -> Inflater {
        let takeover = match role {
            Role::Server => self.client.takeover,
            Role::Client => self.server.takeover,
        };
        Inflater::new(self, takeover)
    }

    pub(crate) fn compressor(&self, role: Role) -> Compressor {
        let direction = match role {
            Role::Server => self.server,
            Role::Client => self.client,
        };
        Compressor::new(self, direction)
    }

    fn answer(deflate: &Deflate, offer: Parameters) -> (Self, String) {
        let config = deflate.config();
        let server = Direction {
            takeover: config.server.takeover && !offer.server_no_context_takeover,
            bits: config
                .server
                .bits
                .min(offer.server_max_window_bits.unwrap_or(BITS_MAX)),
        };
        let client = Direction {
            takeover: config.client.takeover && !offer.client_no_context_takeover,
            // Who does not offer the parameter cannot be told to narrow its window.
            bits: match offer.client_max_window_bits {
                None => BITS_MAX,
                Some(bits) => config.client.bits.min(bits.unwrap_or(BITS_MAX)),
            },
        };
        let answer = Parameters {
            server_no_context_takeover: !server.takeover,
            client_no_context_takeover: !client.takeover,
            server_max_window_bits: Some(server.bits).filter(|bits| *bits < BITS_MAX),
            client_max_window_bits: Some(client.bits).filter(|bits| *bits < BITS_MAX).map(Some),
        };
        let agreed = Self {
            deflate: deflate.clone(),
            server,
            client,
        };
        (agreed, answer.to_value())
    }
}

impl Deflate {
    /// Compresses a message that is to be sent by many servers, and returns the bits of the
    /// window that it takes.
    pub(crate) fn prepare(&self, payload: &[u8]) -> Option<(u8, Bytes)> {
        let bits = self.config().server.bits;
        Some((bits, compress::alone(self, bits, payload)?))
    }
}

impl Parameters {
    /// `None` for another extension, and for parameters that are unknown, repeated or out of
    /// range: such an offer is declined, such an answer fails the handshake (RFC 7692 §7).
    fn parse(extension: &Extension<'_>) -> Option<Self> {
        if extension.name() != NAME.as_bytes() {
            return None;
        }
        let mut parsed = Self::default();
        for (name, value) in extension.parameters() {
            let value = value.map(|value| window_bits(value.bytes()));
            match (name, value) {
                (b"server_no_context_takeover", None) if !parsed.server_no_context_takeover => {
                    parsed.server_no_context_takeover = true;
                }
                (b"client_no_context_takeover", None) if !parsed.client_no_context_takeover => {
                    parsed.client_no_context_takeover = true;
                }
                (b"server_max_window_bits", Some(bits))
                    if parsed.server_max_window_bits.is_none() =>
                {
                    parsed.server_max_window_bits = Some(bits?);
                }
                (b"client_max_window_bits", bits) if parsed.client_max_window_bits.is_none() => {
                    parsed.client_max_window_bits = Some(match bits {
                        None => None,
                        Some(bits) => Some(bits?),
                    });
                }
                _ => return None,
            }
        }
        Some(parsed)
    }

    fn to_value(self) -> String {
        let mut value = String::from(NAME);
        let mut add = |name: &str, bits: Option<u8>| {
            value.push_str("; ");
            value.push_str(name);
            if let Some(bits) = bits {
                // Writing to a string does not fail.
                let _ = write!(value, "={bits}");
            }
        };
        if self.server_no_context_takeover {
            add("server_no_context_takeover", None);
        }
        if self.client_no_context_takeover {
            add("client_no_context_takeover", None);
        }
        if let Some(bits) = self.server_max_window_bits {
            add("server_max_window_bits", Some(bits));
        }
        if let Some(bits) = self.client_max_window_bits {
            add("client_max_window_bits", bits);
        }
        value
    }
}

/// A decimal number from 8 to 15, without leading zeros (RFC 7692 §7.1.2.1).
fn window_bits(mut digits: impl Iterator<Item = u8>) -> Option<u8> {
    match (digits.next(), digits.next(), digits.next()) {
        (Some(digit @ b'8'..=b'9'), None, None) => Some(digit - b'0'),
        (Some(b'1'), Some(digit @ b'0'..=b'5'), None) => Some(10 + digit - b'0'),
        _ => None,
    }
}
