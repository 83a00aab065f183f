//! What a server accepts.

use alloc::{string::String, vec::Vec};

use faststr::FastStr;

use super::{
    Accepted, Origin, Rejection, Request, RequestError, extensions,
    head::{Fields, single},
    key,
    list::{self, is_token},
};
use crate::deflate::{Agreed, Deflate};

/// A subprotocol's name that is not a token (RFC 6455 §4.1, item 10).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a subprotocol")]
pub struct InvalidProtocol(pub FastStr);

/// What a server accepts: which pages may connect, and which subprotocols it speaks.
///
/// ```
/// use songi_websocket::handshake::{Origin, Policy};
///
/// let policy = Policy::default().origin(Origin::Any).protocols(["chat"])?;
/// # Ok::<(), songi_websocket::handshake::InvalidProtocol>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Policy {
    origin: Origin,
    protocols: Vec<FastStr>,
    deflate: Option<Deflate>,
}

/// The parts of a request that are no header fields, from whatever HTTP library.
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a str,
    pub(crate) is_http_1_1: bool,
    pub(crate) has_valid_target: bool,
}

/// What the two sides came to.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) protocol: Option<FastStr>,
    /// With the value of the response's header.
    pub(crate) deflate: Option<(Agreed, String)>,
}

impl Terms {
    #[cfg(feature = "deflate")]
    pub(crate) fn agreed(&self) -> Option<&Agreed> {
        self.deflate.as_ref().map(|(agreed, _)| agreed)
    }

    /// The value of `Sec-WebSocket-Extensions`.
    pub(crate) fn answer(&self) -> Option<&[u8]> {
        self.deflate.as_ref().map(|(_, answer)| answer.as_bytes())
    }
}

impl Policy {
    /// Which web pages may connect. Default: [`Origin::SameHost`].
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The subprotocols that the server speaks. Of those that a client offers, the first that is
    /// among them is chosen, for a client offers them in its order of preference. Where there is
    /// none in common, the connection goes on without one. Default: none.
    ///
    /// # Errors
    /// [`InvalidProtocol`] for a name that is not a token.
    pub fn protocols<T: Into<FastStr>>(
        mut self,
        protocols: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidProtocol> {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        match self
            .protocols
            .iter()
            .find(|protocol| !is_token(protocol.as_bytes()))
        {
            Some(protocol) => Err(InvalidProtocol(protocol.clone())),
            None => Ok(self),
        }
    }

    /// Takes the first offer of compression that is acceptable (RFC 7692). Default: none.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: &Deflate) -> Self {
        self.deflate = Some(deflate.clone());
        self
    }

    /// Judges a request.
    ///
    /// # Errors
    /// The response to send instead, after which the transport is to be closed.
    pub fn accept(&self, request: &Request) -> Result<Accepted, Rejection> {
        Ok(self.check(&request.line(), request.headers())?)
    }

    /// The server's rules of RFC 6455 §4.2.1, in the order in which a request is read.
    pub(crate) fn check(
        &self,
        line: &RequestLine<'_>,
        fields: &impl Fields,
    ) -> Result<Accepted, RequestError> {
        if line.method != "GET" {
            return Err(RequestError::Method);
        }
        if !line.is_http_1_1 {
            return Err(RequestError::HttpVersion);
        }
        if !line.has_valid_target {
            return Err(RequestError::Target);
        }
        let host = single(fields, "host")
            .ok()
            .flatten()
            .ok_or(RequestError::Host)?;
        check_no_body(fields)?;
        if !list::contains(fields.values("upgrade"), "websocket") {
            return Err(RequestError::Upgrade);
        }
        if !list::contains(fields.values("connection"), "upgrade") {
            return Err(RequestError::Connection);
        }
        self.check_version(fields)?;
        let key = single(fields, "sec-websocket-key")
            .ok()
            .flatten()
            .and_then(key::parse);
        let key = key.ok_or(RequestError::Key)?;
        let terms = self.check_terms(fields, host)?;
        Ok(Accepted::new(key::accept(&key), terms))
    }

    pub(crate) fn check_version(&self, fields: &impl Fields) -> Result<(), RequestError> {
        match single(fields, "sec-websocket-version") {
            Ok(Some(version)) if list::trim(version) == b"13" => Ok(()),
            Ok(None) => Err(RequestError::MissingVersion),
            _ => Err(RequestError::UnsupportedVersion),
        }
    }

    /// What the two sides come to, over whichever version of HTTP.
    pub(crate) fn check_terms(
        &self,
        fields: &impl Fields,
        host: &[u8],
    ) -> Result<Terms, RequestError> {
        let origin = single(fields, "origin").map_err(|()| RequestError::DuplicateOrigin)?;
        if !self.origin.allows(origin, host) {
            return Err(RequestError::Origin);
        }
        Ok(Terms {
            protocol: self.choose_protocol(fields)?,
            deflate: self.choose_deflate(fields)?,
        })
    }

    fn choose_deflate(
        &self,
        fields: &impl Fields,
    ) -> Result<Option<(Agreed, String)>, RequestError> {
        const NAME: &str = "sec-websocket-extensions";
        if !fields.values(NAME).all(extensions::is_well_formed) {
            return Err(RequestError::Extensions);
        }
        let offers = fields.values(NAME).flat_map(extensions::parse).flatten();
        let deflate = self.deflate.as_ref();
        Ok(deflate.and_then(|deflate| Agreed::accept(deflate, offers)))
    }

    fn choose_protocol(&self, fields: &impl Fields) -> Result<Option<FastStr>, RequestError> {
        const NAME: &str = "sec-websocket-protocol";
        if fields.values(NAME).next().is_none() {
            return Ok(None);
        }
        let mut offered: Vec<&[u8]> = list::elements(fields.values(NAME)).collect();
        let chosen = offered
            .iter()
            .find_map(|offer| {
                self.protocols
                    .iter()
                    .find(|known| known.as_bytes() == *offer)
            })
            .cloned();
        if offered.is_empty() || !offered.iter().all(|offer| is_token(offer)) {
            return Err(RequestError::Protocols);
        }
        // "MUST all be unique strings" (RFC 6455 §4.1, item 10).
        offered.sort_unstable();
        if offered
            .iter()
            .zip(offered.iter().skip(1))
            .any(|(a, b)| a == b)
        {
            return Err(RequestError::Protocols);
        }
        Ok(chosen)
    }
}

/// A request to upgrade has no body: what follows its head are frames.
fn check_no_body(fields: &impl Fields) -> Result<(), RequestError> {
    let empty = |value: &[u8]| !value.is_empty() && value.iter().all(|&byte| byte == b'0');
    if fields.values("transfer-encoding").next().is_some()
        || !fields.values("content-length").all(empty)
    {
        return Err(RequestError::Body);
    }
    Ok(())
}
