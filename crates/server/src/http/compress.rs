//! Compression of HTTP bodies (RFC 9110 §8.4.1).

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};

/// Larger bodies are compressed where they keep nobody waiting.
const AT_ONCE: usize = 32 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    Gzip,
    Deflate,
}

impl Encoding {
    /// The one that a client prefers, and gzip where it has no preference; `None` if it takes
    /// neither (RFC 9110 §12.5.3).
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let (mut gzip, mut deflate, mut other) = (None, None, 0);
        for field in headers.get_all(ACCEPT_ENCODING) {
            for element in field.to_str().unwrap_or_default().split(',') {
                let (name, weight) = match element.split_once(';') {
                    Some((name, parameter)) => (name, weight(parameter)),
                    None => (element, 1000),
                };
                let name = name.trim();
                let is = |coding: &str| name.eq_ignore_ascii_case(coding);
                if is("gzip") || is("x-gzip") {
                    gzip = Some(weight);
                } else if is("deflate") {
                    deflate = Some(weight);
                } else if name == "*" {
                    other = weight;
                }
            }
        }
        match (gzip.unwrap_or(other), deflate.unwrap_or(other)) {
            (0, 0) => None,
            (gzip, deflate) if gzip >= deflate => Some(Self::Gzip),
            _ => Some(Self::Deflate),
        }
    }

    /// The value of `Content-Encoding`.
    pub(super) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        })
    }

    /// Compresses a body; `None` in the case, which does not come up, that this fails.
    pub(super) async fn compress(self, body: Bytes) -> Option<Bytes> {
        let compressed = if body.len() <= AT_ONCE {
            self.encode(&body)
        } else {
            let task = tokio::task::spawn_blocking(move || self.encode(&body));
            task.await.unwrap_or_else(|error| Err(error.into()))
        };
        compressed.map(Bytes::from).ok()
    }

    pub(super) fn encode(self, body: &[u8]) -> io::Result<Vec<u8>> {
        let compressed = Vec::with_capacity(body.len() / 4 + 64);
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(compressed, Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(compressed, Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
        }
    }
}

/// `q=0.5` in thousandths; what cannot be read is as good as nothing.
fn weight(parameter: &str) -> u16 {
    let Some((name, value)) = parameter.split_once('=') else {
        return 0;
    };
    match value.trim().parse::<f32>() {
        Ok(weight) if name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&weight) => {
            // It is between 0 and 1000.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let thousandths = (weight * 1000.0) as u16;
            thousandths
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_client_chooses() {
        for (accepted, encoding) in [
            ("gzip, deflate, br", Some(Encoding::Gzip)),
            ("deflate", Some(Encoding::Deflate)),
            ("GZIP;q=0.5, deflate ; Q = 0.8", Some(Encoding::Deflate)),
            ("gzip;q=0", None),
            ("gzip;q=0, *", Some(Encoding::Deflate)),
            ("*;q=0.1", Some(Encoding::Gzip)),
            ("*;q=0", None),
            ("br, identity", None),
            ("gzip;q=nan", None),
            ("gzip;q=-1", None),
            ("gzip;q=1e99", None),
            ("gzip;level=1", None),
            (";;;,,=,q", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(Encoding::accepted(&headers), encoding, "{accepted}");
        }
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn bodies_small_and_large_come_back() {
        for length in [0, 1024, AT_ONCE + 1] {
            let body = Bytes::from("song ".repeat(length));
            let mut read = Vec::new();
            let gzip = Encoding::Gzip.compress(body.clone()).await.unwrap();
            flate2::read::GzDecoder::new(&gzip[..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, body);
            read.clear();
            let deflate = Encoding::Deflate.compress(body.clone()).await.unwrap();
            flate2::read::ZlibDecoder::new(&deflate[..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, body);
        }
    }
}
