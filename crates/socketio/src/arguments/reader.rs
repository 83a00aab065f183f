//! The arguments one by one.

use core::any::Any;

use bytes::Bytes;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::argument::Argument;
use super::{ArgumentError, attachments, spread};
#[cfg(doc)]
use crate::Arguments;
#[cfg(feature = "msgpack")]
use crate::msgpack;
use crate::scan::{Ends, Found, Rules, Scanner};

/// Reads [`Arguments`] one after another, each into the type that is asked for.
///
/// Made for handlers, whose parameters are found one by one.
#[derive(Clone, Debug)]
pub struct ArgumentReader<'a> {
    source: Source<'a>,
    index: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Source<'a> {
    Json {
        array: &'a str,
        pos: usize,
        ends: &'a Ends,
        attachments: &'a [Bytes],
    },
    #[cfg(feature = "msgpack")]
    Msgpack(msgpack::Cursor<'a>),
}

impl<'a> ArgumentReader<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, index: 0 }
    }

    /// Reads the next argument. An argument that is wholly a [`Bytes`] is not copied.
    ///
    /// After an error the reader stands behind the argument that did not fit.
    ///
    /// # Errors
    /// There is no further argument, or it does not fit.
    // Not an `Iterator`: each argument has a type of its own.
    #[expect(clippy::should_implement_trait)]
    pub fn next<T: DeserializeOwned + 'static>(&mut self) -> Result<T, ArgumentError> {
        let mut wanted: Option<T> = None;
        if let Some(bytes) = (&mut wanted as &mut dyn Any).downcast_mut::<Option<Bytes>>() {
            *bytes = Some(self.next_bytes()?);
        }
        match wanted {
            Some(bytes) => Ok(bytes),
            None => self.next_seed(core::marker::PhantomData),
        }
    }

    /// How many arguments are left. Counted anew at each call.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Json { .. } => {
                let mut rest = self.clone();
                core::iter::from_fn(|| rest.take()).count()
            }
            #[cfg(feature = "msgpack")]
            Source::Msgpack(cursor) => cursor.left(),
        }
    }

    /// Whether no argument is left.
    pub fn is_empty(&self) -> bool {
        match &self.source {
            Source::Json { array, pos, .. } => argument_start(array, *pos).is_none(),
            #[cfg(feature = "msgpack")]
            Source::Msgpack(cursor) => cursor.left() == 0,
        }
    }

    /// Which argument comes next, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    fn next_bytes(&mut self) -> Result<Bytes, ArgumentError> {
        let index = self.index;
        let argument = self.take().ok_or(ArgumentError::Missing { index })?;
        let bytes = match argument {
            Argument::Json {
                text, attachments, ..
            } => attachments::whole(&mut serde_json::Deserializer::from_str(text), attachments),
            #[cfg(feature = "msgpack")]
            Argument::Msgpack { reader, cursor } => cursor.bytes(reader),
        };
        bytes.map_err(|source| ArgumentError::Invalid { index, source })
    }

    /// The next argument, or what the seed makes of a missing one.
    pub(super) fn next_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ArgumentError> {
        let index = self.index;
        match self.take() {
            Some(argument) => seed
                .deserialize(argument)
                .map_err(|source| ArgumentError::Invalid { index, source }),
            None => seed
                .deserialize(spread::Missing)
                .map_err(|_| ArgumentError::Missing { index }),
        }
    }

    /// The next argument, unread.
    pub(super) fn take(&mut self) -> Option<Argument<'a>> {
        let index = self.index;
        self.index += 1;
        match &mut self.source {
            Source::Json {
                array,
                pos,
                ends,
                attachments,
            } => {
                let start = argument_start(array, *pos)?;
                let (end, found) = match ends.get(index) {
                    Some(known) => known,
                    None => argument_end(array, start)?,
                };
                *pos = end;
                Some(Argument::Json {
                    text: array.get(start..end)?,
                    found,
                    attachments,
                })
            }
            #[cfg(feature = "msgpack")]
            Source::Msgpack(cursor) => {
                let reader = cursor.take()?;
                let cursor = *cursor;
                Some(Argument::Msgpack { reader, cursor })
            }
        }
    }
}

/// Where the next argument starts, `pos` being behind the bracket, the name or an argument.
fn argument_start(array: &str, pos: usize) -> Option<usize> {
    let mut scanner = Scanner::new(array.as_bytes(), pos);
    scanner.skip_whitespace();
    if scanner.eat(b',') {
        scanner.skip_whitespace();
    }
    match scanner.peek() {
        None | Some(b']') => None,
        Some(_) => Some(scanner.pos()),
    }
}

/// Where an argument ends, and what it is. It has been scanned before.
#[cold]
fn argument_end(array: &str, start: usize) -> Option<(usize, Found)> {
    let mut scanner = Scanner::new(array.as_bytes(), start);
    let found = scanner.value(Rules::KEPT).ok()?;
    Some((scanner.pos(), found))
}
