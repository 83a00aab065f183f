use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed};
use thiserror::Error;

use crate::scan::Scanner;
use crate::{EncodeError, RawJson, encode};

mod attachments;
mod spread;

use attachments::Resolve;

/// The arguments of an event or an ack: the JSON array as it was received, checked and not yet
/// read, and its attachments.
///
/// A tuple reads one argument per element, anything else reads the first argument, `()` reads
/// none. Arguments that nobody asks for are ignored, as in JavaScript. One that is missing is
/// `None` to an [`Option`] and [`ArgumentError::Missing`] to other types.
///
/// # Binary
/// [`Bytes`], `serde_bytes` types and all that ask serde for bytes take an attachment, wherever
/// they stand in the type. They take nothing else: a JSON string or an array of numbers is not
/// binary. `serde_json::Value` has no binary: it keeps the placeholder
/// `{"_placeholder":true,"num":0}` as an object, and so do types that serde reads through a
/// buffer of its own (`#[serde(untagged)]`, `#[serde(flatten)]`, `#[serde(tag = …)]`), in which
/// bytes are therefore not found.
///
/// ```
/// # use songi_socketio::{Decoder, Limits, PacketKind};
/// # let mut decoder = Decoder::new(Limits::default());
/// # let packet = decoder.decode_text(r#"2["sum",1,2,3]"#.into(), Default::default())?.unwrap();
/// # let PacketKind::Event { args, .. } = packet.kind else { panic!() };
/// // of 2["sum",1,2,3]
/// assert_eq!(args.deserialize::<(u8, u8, u8, Option<u8>)>()?, (1, 2, 3, None));
/// assert_eq!(args.deserialize::<u8>()?, 1);
///
/// let mut reader = args.reader();
/// assert_eq!(reader.next::<u8>()?, 1);
/// assert_eq!(reader.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The whole array, with the event's name if there is one.
    array: FastStr,
    /// Where the arguments start in it: behind the bracket or behind the name.
    start: usize,
    attachments: Vec<Bytes>,
}

/// Why the arguments do not fit what was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// There are fewer arguments.
    #[error("argument {index} is missing")]
    Missing {
        /// Which one, counted from 0, the event's name not counted.
        index: usize,
    },
    /// An argument has another type or value.
    #[error("argument {index}: {source}")]
    Invalid {
        /// Which one, counted from 0, the event's name not counted.
        index: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl ArgumentError {
    /// The argument that it is about, counted from 0, the event's name not counted.
    pub fn index(&self) -> usize {
        match self {
            Self::Missing { index } | Self::Invalid { index, .. } => *index,
        }
    }
}

impl Arguments {
    /// The arguments that a value makes when it is sent: a tuple several, `()` none, anything else
    /// one.
    ///
    /// ```
    /// let args = songi_socketio::Arguments::of(&("ping timeout", 1))?;
    /// assert_eq!(args.as_json(), r#"["ping timeout",1]"#);
    /// # Ok::<(), songi_socketio::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// The value does not serialise.
    pub fn of<T: Serialize + ?Sized>(args: &T) -> Result<Self, EncodeError> {
        let (array, attachments) = encode::array(args)?;
        let array = FastStr::from_vec_u8(array).map_err(serde::ser::Error::custom)?;
        Ok(Self {
            array,
            start: 1,
            attachments,
        })
    }

    /// `array` has been scanned; its arguments start at `start`.
    pub(crate) fn new(array: FastStr, start: usize) -> Self {
        Self {
            array,
            start,
            attachments: Vec::new(),
        }
    }

    pub(crate) fn attach(&mut self, attachments: Vec<Bytes>) {
        self.attachments = attachments;
    }

    /// Reads all arguments into one type, which may borrow from them.
    ///
    /// # Errors
    /// An argument is missing or does not fit.
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ArgumentError> {
        T::deserialize(spread::Spread::new(self.reader()))
    }

    /// Reads the arguments one after another.
    pub fn reader(&self) -> ArgumentReader<'_> {
        ArgumentReader {
            array: &self.array,
            pos: self.start,
            index: 0,
            attachments: &self.attachments,
        }
    }

    /// How many arguments there are. Counted anew at each call.
    pub fn len(&self) -> usize {
        self.reader().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.reader().is_empty()
    }

    /// The JSON array as it was received: of an event, the name is its first element.
    pub fn as_json(&self) -> &str {
        &self.array
    }

    /// The attachments, to which the placeholders in the JSON text refer by their number.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

/// No arguments.
impl Default for Arguments {
    fn default() -> Self {
        Self {
            array: FastStr::from_static_str("[]"),
            start: 1,
            attachments: Vec::new(),
        }
    }
}

/// One argument.
impl From<&RawJson> for Arguments {
    fn from(json: &RawJson) -> Self {
        let array = alloc::format!("[{}]", json.as_str());
        Self {
            array: array.into(),
            start: 1,
            attachments: Vec::new(),
        }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.array)?;
        if !self.attachments.is_empty() {
            let sizes = self.attachments.iter().map(Bytes::len);
            f.write_str(" + ")?;
            f.debug_list().entries(sizes).finish()?;
        }
        Ok(())
    }
}

/// Reads [`Arguments`] one after another, each into the type that is asked for.
///
/// Made for handlers, whose parameters are found one by one.
#[derive(Clone, Debug)]
pub struct ArgumentReader<'a> {
    array: &'a str,
    pos: usize,
    index: usize,
    attachments: &'a [Bytes],
}

impl<'a> ArgumentReader<'a> {
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
        let mut rest = self.clone();
        core::iter::from_fn(|| rest.take()).count()
    }

    /// Whether no argument is left.
    pub fn is_empty(&self) -> bool {
        self.clone().take().is_none()
    }

    /// Which argument comes next, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    fn next_bytes(&mut self) -> Result<Bytes, ArgumentError> {
        let attachments = self.attachments;
        let number = self.next_seed(attachments::PlaceholderNumber {
            attachments: attachments.len(),
        })?;
        // The seed has checked the number.
        Ok(attachments.get(number).cloned().unwrap_or_default())
    }

    /// The next argument, or what the seed makes of a missing one.
    fn next_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, ArgumentError> {
        let index = self.index;
        let json = self.take();
        self.index += 1;
        let Some(json) = json else {
            return seed
                .deserialize(spread::Missing)
                .map_err(|_| ArgumentError::Missing { index });
        };
        let mut json = serde_json::Deserializer::from_str(json);
        seed.deserialize(Resolve::new(&mut json, self.attachments))
            .map_err(|source| ArgumentError::Invalid { index, source })
    }

    /// The JSON text of the next argument.
    fn take(&mut self) -> Option<&'a str> {
        let mut scanner = Scanner::at(self.array, self.pos);
        scanner.skip_whitespace();
        if scanner.eat(b',') {
            scanner.skip_whitespace();
        }
        let start = scanner.pos();
        if matches!(scanner.peek(), None | Some(b']')) {
            return None;
        }
        // It has been scanned before, so this only finds its end.
        scanner.value().ok()?;
        self.pos = scanner.pos();
        self.array.get(start..self.pos)
    }
}

#[cfg(test)]
mod tests;
