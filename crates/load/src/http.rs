//! HTTP/1.1 responses, as far as a load needs them.

use memchr::memmem;

use crate::LoadError;

/// A response whose body has come whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// Bytes of all of it.
    pub(crate) length: usize,
}

/// The first response in the bytes, `None` while it is not whole.
///
/// What follows a 101 is not its body. A chunked body must be one chunk, which is how servers send
/// what they have in one piece.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Response<'_>>, LoadError> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return match bytes.len() > MAX_HEAD {
            true => Err(LoadError::Protocol("a response's head without an end")),
            false => Ok(None),
        };
    };
    let (head, rest) = bytes.split_at(end + 4);
    let head = str::from_utf8(head).map_err(|_| LoadError::Protocol("a head that is no text"))?;
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|line| line.get(2..5)?.parse().ok())
        .ok_or(LoadError::Protocol("no HTTP response"))?;
    let whole = |body, length| {
        let length = head.len() + length;
        Ok(Some(Response {
            status,
            body,
            length,
        }))
    };
    if status == 101 {
        return whole(&[], 0);
    }
    if header(head, "transfer-encoding").is_some() {
        return match memmem::find(rest, b"\r\n0\r\n\r\n") {
            Some(end) => {
                let body = rest.get(..end).unwrap_or_default();
                let start = memmem::find(body, b"\r\n").map_or(body.len(), |at| at + 2);
                whole(body.get(start..).unwrap_or_default(), end + 7)
            }
            None => Ok(None),
        };
    }
    let length = match header(head, "content-length") {
        Some(length) => length.parse(),
        None => Ok(0),
    };
    let length = length.map_err(|_| LoadError::Protocol("a Content-Length that is no number"))?;
    match rest.get(..length) {
        Some(body) => whole(body, length),
        None => Ok(None),
    }
}

const MAX_HEAD: usize = 64 * 1024;

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

impl Response<'_> {
    /// An error unless the status is this one.
    pub(crate) fn expect(&self, status: u16) -> Result<(), LoadError> {
        if self.status == status {
            return Ok(());
        }
        let start = self.body.get(..300).unwrap_or(self.body);
        Err(LoadError::Http {
            status: self.status,
            body: String::from_utf8_lossy(start).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_its_length_says() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP";
        let response = read(bytes).unwrap().unwrap();
        assert_eq!((response.status, response.body), (200, &b"ok"[..]));
        assert_eq!(&bytes[response.length..], b"HTTP");
        assert_eq!(read(&bytes[..39]).unwrap(), None);
        assert_eq!(read(&bytes[..20]).unwrap(), None);
    }

    #[test]
    fn a_body_of_one_chunk_is_read() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx";
        let response = read(bytes).unwrap().unwrap();
        assert_eq!(response.body, b"ok");
        assert_eq!(&bytes[response.length..], b"x");
        assert_eq!(read(&bytes[..bytes.len() - 2]).unwrap(), None);
    }

    #[test]
    fn what_follows_a_101_is_not_its_body() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00";
        assert_eq!(read(bytes).unwrap().unwrap().length, bytes.len() - 2);
    }

    #[test]
    fn something_else_is_refused() {
        assert!(read(b"SSH-2.0\r\n\r\n").is_err());
        let answer = read(b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno!").unwrap();
        let error = answer.unwrap().expect(200).unwrap_err();
        assert_eq!(error.to_string(), "the server answered 404: no!");
    }
}
