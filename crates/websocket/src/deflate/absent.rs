//! What stands for compression where the feature `deflate` is off: it is never agreed upon, so
//! these types have no values.

use alloc::string::String;

use bytes::Bytes;

use crate::handshake::extensions::Extension;

#[derive(Debug, Clone)]
pub(crate) enum Deflate {}

#[derive(Debug, Clone)]
pub(crate) enum Agreed {}

impl Agreed {
    pub(crate) fn accept<'a>(
        deflate: &Deflate,
        _: impl Iterator<Item = Extension<'a>>,
    ) -> Option<(Self, String)> {
        match *deflate {}
    }

    pub(crate) fn confirm(deflate: &Deflate, _: &Extension<'_>) -> Option<Self> {
        match *deflate {}
    }

    pub(crate) fn offer(deflate: &Deflate) -> String {
        match *deflate {}
    }
}

/// Data that is no deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidDeflate;

#[derive(Debug)]
pub(crate) enum Inflater {}

impl Inflater {
    pub(crate) fn inflate(&mut self, _: &mut &[u8]) -> Result<Inflated<'_>, InvalidDeflate> {
        match *self {}
    }

    pub(crate) fn finish(&mut self) -> Result<Inflated<'_>, InvalidDeflate> {
        match *self {}
    }

    pub(crate) fn end(&mut self) {
        match *self {}
    }
}

/// A piece of inflated data.
pub(crate) struct Inflated<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) more: bool,
}

#[derive(Debug)]
pub(crate) enum Compressor {}

impl Compressor {
    pub(crate) fn message(&mut self, _: &[u8]) -> Option<Bytes> {
        match *self {}
    }

    pub(crate) fn chunk(&mut self, _: &[u8], _: bool) -> Option<Bytes> {
        match *self {}
    }

    pub(crate) fn takes_prepared(&self, _: u8) -> bool {
        match *self {}
    }
}
