use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::slice;

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use serde::de::Deserialize;
use thiserror::Error;

#[cfg(feature = "msgpack")]
use crate::msgpack;
use crate::scan::Ends;
use crate::{EncodeError, RawJson, encode};

pub use reader::ArgumentReader;

use reader::Source;

mod argument;
mod attachments;
mod reader;
mod spread;

/// The arguments of an event or an ack, checked and not yet read: the JSON array as it was
/// received and its attachments, or the MessagePack array.
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
/// bytes are therefore not found. In MessagePack binary stands where it belongs: there such types
/// find it, and a `Value` does not fit it.
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
#[derive(Clone)]
pub struct Arguments(Repr);

#[derive(Clone)]
enum Repr {
    Json {
        /// The message, which ends with the array.
        text: FastStr,
        /// Where the array starts in it, with the event's name if there is one.
        array: u32,
        /// Where the arguments start in the array: behind the bracket or behind the name.
        start: u32,
        /// Where they end in the array.
        ends: Ends,
        attachments: Option<Box<Attached>>,
    },
    #[cfg(feature = "msgpack")]
    Msgpack(msgpack::List),
}

/// Behind a pointer: most packets have none, and are smaller to move so.
#[derive(Clone)]
enum Attached {
    /// Without an allocation of its own, as most packets that have any have one.
    One(Bytes),
    Several(Vec<Bytes>),
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
    /// A parameter that takes no argument cannot be had here.
    #[error("{what}")]
    Unavailable {
        /// The argument that would be next.
        index: usize,
        /// What is missing.
        what: alloc::string::String,
    },
}

impl ArgumentError {
    /// The argument that it is about, counted from 0, the event's name not counted.
    pub fn index(&self) -> usize {
        match self {
            Self::Missing { index }
            | Self::Invalid { index, .. }
            | Self::Unavailable { index, .. } => *index,
        }
    }
}

impl Arguments {
    /// The arguments that a value makes when it is sent: a tuple several, `()` none, anything else
    /// one.
    ///
    /// ```
    /// let args = songi_socketio::Arguments::of(&("ping timeout", 1))?;
    /// assert_eq!(args.to_json(), r#"["ping timeout",1]"#);
    /// # Ok::<(), songi_socketio::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// The value does not serialise.
    pub fn of<T: Serialize + ?Sized>(args: &T) -> Result<Self, EncodeError> {
        Self::from_parts(encode::array(args, None)?)
    }

    /// [`of`](Self::of) `args` and one more: an event's offset.
    pub(crate) fn with_offset<T: Serialize + ?Sized>(
        args: &T,
        offset: &str,
    ) -> Result<Self, EncodeError> {
        Self::from_parts(encode::array(args, Some(offset))?)
    }

    /// These arguments and a text behind them. `None` for those of MessagePack.
    pub(crate) fn with_text(&self, last: &str) -> Option<Self> {
        let (start, attachments) = match &self.0 {
            Repr::Json {
                start, attachments, ..
            } => (start, attachments),
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(_) => return None,
        };
        // What stands from there is `1,2]`, or `,1,2]` behind a name, or the bracket alone.
        let array = self.to_json();
        // What was received may have whitespace behind it.
        let rest = array.get(*start as usize..)?.trim_end().strip_suffix(']')?;
        let rest = rest
            .trim_start_matches([',', ' ', '\t', '\r', '\n'])
            .trim_end();
        let comma = if rest.is_empty() { "" } else { "," };
        let last = serde_json::to_string(last).ok()?;
        Some(Self(Repr::Json {
            text: alloc::format!("[{rest}{comma}{last}]").into(),
            array: 0,
            start: 1,
            ends: Ends::default(),
            attachments: attachments.clone(),
        }))
    }

    fn from_parts((array, attachments): (Vec<u8>, Vec<Bytes>)) -> Result<Self, EncodeError> {
        let text = FastStr::from_vec_u8(array).map_err(serde::ser::Error::custom)?;
        Ok(Self::with_attachments(text, 0, 1, attachments))
    }

    /// `text` is known to be JSON: its array starts at `array`, and the arguments at `start` of it.
    pub(crate) fn new(text: FastStr, array: usize, start: usize) -> Self {
        Self::scanned(text, array, start, Ends::default())
    }

    /// As [`new`](Self::new), and it is known where arguments end. No text is longer than 32 bits
    /// tell ([`Limits`](crate::Limits)).
    #[inline(always)]
    pub(crate) fn scanned(text: FastStr, array: usize, start: usize, ends: Ends) -> Self {
        Self(Repr::Json {
            text,
            array: array as u32,
            start: start as u32,
            ends,
            attachments: None,
        })
    }

    /// As [`new`](Self::new), with the attachments that the text has announced.
    pub(crate) fn with_attachments(
        text: FastStr,
        array: usize,
        start: usize,
        mut attachments: Vec<Bytes>,
    ) -> Self {
        let mut args = Self::new(text, array, start);
        if let Some(last) = attachments.pop() {
            args.attach(attachments, last);
        }
        args
    }

    /// Adds the attachments that a JSON text has announced.
    pub(crate) fn attach(&mut self, mut earlier: Vec<Bytes>, last: Bytes) {
        let attached = if earlier.is_empty() {
            Attached::One(last)
        } else {
            earlier.push(last);
            Attached::Several(earlier)
        };
        match &mut self.0 {
            Repr::Json { attachments, .. } => *attachments = Some(Box::new(attached)),
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(_) => {}
        }
    }

    /// The same, in memory of its own: what is kept for long is not to keep alive what it came in,
    /// as a response of many packets.
    pub(crate) fn detached(self) -> Self {
        Self(match self.0 {
            Repr::Json {
                text,
                array,
                start,
                ends,
                attachments,
            } => Repr::Json {
                text: FastStr::new(text.as_str()),
                array,
                start,
                ends,
                attachments: attachments.map(|mut attached| {
                    for data in attached.all_mut() {
                        *data = Bytes::copy_from_slice(data);
                    }
                    attached
                }),
            },
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(list) => Repr::Msgpack(list.detached()),
        })
    }

    #[cfg(feature = "msgpack")]
    pub(crate) fn from_msgpack(list: msgpack::List) -> Self {
        Self(Repr::Msgpack(list))
    }

    /// Reads all arguments into one type, which may borrow from them.
    ///
    /// # Errors
    /// An argument is missing or does not fit.
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ArgumentError> {
        T::deserialize(spread::Spread::new(self.reader()))
    }

    /// The last argument, if it is a text of at most so many bytes.
    pub(crate) fn last_text(&self, max_bytes: usize) -> Option<FastStr> {
        let mut reader = self.reader();
        let last = core::iter::from_fn(|| reader.take()).last()?;
        last.short_text(max_bytes)
    }

    /// Reads the arguments one after another.
    pub fn reader(&self) -> ArgumentReader<'_> {
        let source = match &self.0 {
            Repr::Json {
                text,
                array,
                start,
                ends,
                attachments,
            } => Source::Json {
                array: text.get(*array as usize..).unwrap_or_default(),
                pos: *start as usize,
                ends,
                attachments: attachments.as_ref().map_or(&[], |attached| attached.all()),
            },
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(list) => Source::Msgpack(list.cursor()),
        };
        ArgumentReader::new(source)
    }

    /// How many arguments there are. Counted anew at each call.
    pub fn len(&self) -> usize {
        self.reader().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.reader().is_empty()
    }

    /// A JSON array. As it was received, where it was JSON: of an event, the name is then its first
    /// element. Otherwise it is made, of the arguments alone, and binary data has placeholders in
    /// it; for logs.
    pub fn to_json(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Json { text, array, .. } => {
                Cow::Borrowed(text.get(*array as usize..).unwrap_or_default())
            }
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(list) => Cow::Owned(list.to_json()),
        }
    }

    /// The attachments, to which the placeholders in the JSON text refer by their number. There
    /// are none in MessagePack, where binary data stands among the arguments.
    pub fn attachments(&self) -> &[Bytes] {
        match &self.0 {
            Repr::Json { attachments, .. } => {
                attachments.as_ref().map_or(&[], |attached| attached.all())
            }
            #[cfg(feature = "msgpack")]
            Repr::Msgpack(_) => &[],
        }
    }
}

impl Attached {
    fn all(&self) -> &[Bytes] {
        match self {
            Self::One(data) => slice::from_ref(data),
            Self::Several(all) => all,
        }
    }

    fn all_mut(&mut self) -> &mut [Bytes] {
        match self {
            Self::One(data) => slice::from_mut(data),
            Self::Several(all) => all,
        }
    }
}

/// The same arguments in the same encoding, of an event with the same name.
impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            #[cfg(feature = "msgpack")]
            (Repr::Msgpack(list), Repr::Msgpack(other)) => list == other,
            #[cfg(feature = "msgpack")]
            (Repr::Msgpack(_), _) | (_, Repr::Msgpack(_)) => false,
            _ => self.to_json() == other.to_json() && self.attachments() == other.attachments(),
        }
    }
}

impl Eq for Arguments {}

/// No arguments.
impl Default for Arguments {
    fn default() -> Self {
        Self::new(FastStr::from_static_str("[]"), 0, 1)
    }
}

/// One argument.
impl From<&RawJson> for Arguments {
    fn from(json: &RawJson) -> Self {
        let array = alloc::format!("[{}]", json.as_str());
        Self::new(array.into(), 0, 1)
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())?;
        if !self.attachments().is_empty() {
            let sizes = self.attachments().iter().map(Bytes::len);
            f.write_str(" + ")?;
            f.debug_list().entries(sizes).finish()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
