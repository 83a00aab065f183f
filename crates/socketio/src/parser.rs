//! What packets look like on the wire.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;

use crate::encode::{self, EncodeError, check_event_name, check_namespace, restore_on_error};
#[cfg(feature = "msgpack")]
use crate::msgpack::encode as msgpack;
use crate::{Arguments, DecodeError, Decoder, Limits, Packet, PacketKind, RawJson};

mod offset;

/// How packets are written and read. Both ends of a connection have to use the same parser.
///
/// Each method appends the first message of one packet to a buffer of the caller and returns its
/// attachments, as the functions of [`encode`] do, and fails as they do. That first message is
/// text or binary according to [`format`](Self::format); attachments are always binary.
///
/// ```
/// use songi_socketio::{Format, Limits, PacketKind, Parser};
///
/// let parser = Parser::Json;
/// let mut out = Vec::new();
/// parser.event(&mut out, "/", None, "hi", &1)?;
/// assert_eq!((parser.format(), out.as_slice()), (Format::Text, br#"2["hi",1]"#.as_slice()));
///
/// let mut decoder = parser.decoder(Limits::default());
/// let packet = decoder.decode_text(String::from_utf8(out)?.into(), Default::default())?;
/// assert!(matches!(packet.unwrap().kind, PacketKind::Event { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Parser {
    /// JSON with binary attachments: `socket.io-parser`, which every implementation has.
    #[default]
    Json,
    /// MessagePack: `socket.io-msgpack-parser`. Each packet is one binary message.
    #[cfg(feature = "msgpack")]
    Msgpack,
    /// The application's own.
    Custom(Arc<dyn CustomParser>),
}

/// What the first message of a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text.
    Text,
    /// Binary.
    Binary,
}

/// A parser of the application's own.
///
/// It works on whole [`Packet`]s. What an application emits comes as [`Arguments`] that are JSON
/// with attachments, to be read as any type; what is received may be given as [`Arguments::of`] of
/// any type. So it costs more than [`Parser::Json`], which has no packet in between.
///
/// Reserved event names and illegal namespaces are refused outside of it, and no message is larger
/// than [`Limits::max_packet_bytes`]. Everything else it has to check, and to bound, by itself.
///
/// ```
/// use bytes::Bytes;
/// use core::time::Duration;
/// use songi_socketio::*;
///
/// /// Events alone, as `name=text`.
/// #[derive(Debug)]
/// struct Lines;
///
/// impl CustomParser for Lines {
///     fn format(&self) -> Format {
///         Format::Text
///     }
///
///     fn encode(&self, packet: &Packet, out: &mut Vec<u8>) -> Result<Vec<Bytes>, EncodeError> {
///         let PacketKind::Event { name, args, .. } = &packet.kind else {
///             return Err(EncodeError::Serialize("not an event".into()));
///         };
///         let text: &str = args.deserialize().map_err(|error| EncodeError::Serialize(error.to_string()))?;
///         out.extend_from_slice(format!("{name}={text}").as_bytes());
///         Ok(Vec::new())
///     }
///
///     fn decoder(&self, _limits: Limits) -> Box<dyn CustomDecoder> {
///         Box::new(Lines)
///     }
/// }
///
/// impl CustomDecoder for Lines {
///     fn decode_text(&mut self, text: FastStr, _now: Duration) -> Result<Option<Packet>, DecodeError> {
///         let (name, text) = text.split_once('=').ok_or(DecodeError::Custom("no sign".into()))?;
///         let args = Arguments::of(text).map_err(|error| DecodeError::Custom(error.to_string().into()))?;
///         let kind = PacketKind::Event { id: None, name: FastStr::new(name), args };
///         Ok(Some(Packet { namespace: "/".into(), kind }))
///     }
/// }
///
/// let parser = Parser::Custom(std::sync::Arc::new(Lines));
/// let mut out = Vec::new();
/// parser.event(&mut out, "/", None, "say", "Hej")?;
/// assert_eq!(out, b"say=Hej");
/// let packet = parser.decoder(Limits::default()).decode_text("say=Hej".into(), Duration::ZERO)?;
/// let PacketKind::Event { args, .. } = packet.unwrap().kind else { panic!() };
/// assert_eq!(args.deserialize::<&str>()?, "Hej");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It and its decoders are called while a connection is locked: they are to read and write packets,
/// and must neither use a socket, a client or a server, nor wait for who does.
pub trait CustomParser: Debug + Send + Sync {
    /// Whether the first message of each packet is text or binary.
    fn format(&self) -> Format;

    /// Appends the first message of a packet to `out`, and returns the binary messages that follow
    /// it. A text has to be UTF-8.
    ///
    /// # Errors
    /// The packet cannot be written.
    fn encode(&self, packet: &Packet, out: &mut Vec<u8>) -> Result<Vec<Bytes>, EncodeError>;

    /// A decoder for one connection.
    fn decoder(&self, limits: Limits) -> Box<dyn CustomDecoder>;
}

/// The receiving half of a [`CustomParser`], for one connection. An error closes the connection.
pub trait CustomDecoder: Debug + Send + Sync {
    /// Takes a text message. `None`: more messages belong to the packet.
    ///
    /// # Errors
    /// The message is not one of a packet. A parser whose format is binary has not to implement
    /// this: all text is an error.
    fn decode_text(
        &mut self,
        _text: FastStr,
        _now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        Err(DecodeError::UnexpectedText)
    }

    /// Takes a binary message. `None`: more messages belong to the packet.
    ///
    /// # Errors
    /// The message is not one of a packet. A parser without attachments whose format is text has
    /// not to implement this: all binary is an error.
    fn decode_binary(
        &mut self,
        _data: Bytes,
        _now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        Err(DecodeError::UnexpectedAttachment)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called: while a packet is unfinished.
    fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Tells the time.
    ///
    /// # Errors
    /// A packet was not finished in time.
    fn handle_timeout(&mut self, _now: Duration) -> Result<(), DecodeError> {
        Ok(())
    }
}

impl Parser {
    /// What the first message of each packet is.
    pub fn format(&self) -> Format {
        match self {
            Self::Json => Format::Text,
            #[cfg(feature = "msgpack")]
            Self::Msgpack => Format::Binary,
            Self::Custom(parser) => parser.format(),
        }
    }

    /// A decoder for one connection.
    pub fn decoder(&self, limits: Limits) -> Decoder {
        match self {
            Self::Json => Decoder::new(limits),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => Decoder::msgpack(limits),
            Self::Custom(parser) => Decoder::custom(limits, parser.decoder(limits)),
        }
    }

    /// Writes an event: see [`encode::event`].
    ///
    /// # Errors
    /// The namespace is illegal, the name reserved, or the arguments do not serialise.
    pub fn event<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &T,
    ) -> Result<Vec<Bytes>, EncodeError> {
        match self {
            Self::Json => encode::event(out, namespace, id, name, args),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => {
                msgpack::event(out, namespace, id, name, args, None).map(|()| Vec::new())
            }
            Self::Custom(parser) => {
                check_event_name(name)?;
                let (name, args) = (FastStr::new(name), Arguments::of(args)?);
                write(
                    &**parser,
                    out,
                    namespace,
                    PacketKind::Event { id, name, args },
                )
            }
        }
    }

    /// Writes an event that a client can catch up on: see [`encode::recoverable_event`].
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn recoverable_event<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        name: &str,
        args: &T,
        offset: &str,
    ) -> Result<Vec<Bytes>, EncodeError> {
        match self {
            Self::Json => encode::recoverable_event(out, namespace, name, args, offset),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => {
                msgpack::event(out, namespace, None, name, args, Some(offset)).map(|()| Vec::new())
            }
            Self::Custom(parser) => {
                check_event_name(name)?;
                let (id, name) = (None, FastStr::new(name));
                let args = Arguments::with_offset(args, offset)?;
                write(
                    &**parser,
                    out,
                    namespace,
                    PacketKind::Event { id, name, args },
                )
            }
        }
    }

    /// Writes the answer to an event: see [`encode::ack`].
    ///
    /// # Errors
    /// The namespace is illegal, or the arguments do not serialise.
    pub fn ack<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        id: u64,
        args: &T,
    ) -> Result<Vec<Bytes>, EncodeError> {
        match self {
            Self::Json => encode::ack(out, namespace, id, args),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => msgpack::ack(out, namespace, id, args).map(|()| Vec::new()),
            Self::Custom(parser) => {
                let args = Arguments::of(args)?;
                write(&**parser, out, namespace, PacketKind::Ack { id, args })
            }
        }
    }

    /// Writes a client's request to join a namespace: see [`encode::connect`].
    ///
    /// # Errors
    /// The namespace is illegal, or `auth` is not an object, does not serialise or has binary data.
    pub fn connect<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        auth: &T,
    ) -> Result<(), EncodeError> {
        if matches!(self, Self::Json) {
            return encode::connect(out, namespace, auth);
        }
        // Once per namespace: the same rules, by way of JSON.
        let auth = RawJson::of(auth)?;
        let payload = match auth.as_str() {
            "null" => None,
            object if object.starts_with('{') => Some(auth),
            _ => return Err(EncodeError::AuthNotObject),
        };
        self.connect_packet(out, namespace, payload)
    }

    /// Writes a server's confirmation: see [`encode::connected`].
    ///
    /// # Errors
    /// The namespace is illegal.
    pub fn connected(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        sid: &str,
        pid: Option<&str>,
    ) -> Result<(), EncodeError> {
        #[derive(Serialize)]
        struct Session<'a> {
            sid: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            pid: Option<&'a str>,
        }
        if matches!(self, Self::Json) {
            return encode::connected(out, namespace, sid, pid);
        }
        let payload = RawJson::of(&Session { sid, pid })?;
        self.connect_packet(out, namespace, Some(payload))
    }

    /// Writes a server's refusal: see [`encode::connect_error`].
    ///
    /// # Errors
    /// The namespace is illegal, or `data` does not serialise or has binary data.
    pub fn connect_error<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        message: &str,
        data: Option<&T>,
    ) -> Result<(), EncodeError> {
        #[derive(Serialize)]
        struct Refusal<'a, T: ?Sized> {
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a T>,
        }
        if matches!(self, Self::Json) {
            return encode::connect_error(out, namespace, message, data);
        }
        self.error(out, namespace, &Refusal { message, data })
    }

    /// Writes a refusal of protocol version 4: see [`encode::error`].
    ///
    /// # Errors
    /// The namespace is illegal, or `data` does not serialise or has binary data.
    pub fn error<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        data: &T,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Json => encode::error(out, namespace, data),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => msgpack::plain(out, 4, namespace, &RawJson::of(data)?),
            Self::Custom(parser) => {
                let kind = PacketKind::ConnectError(RawJson::of(data)?);
                write(&**parser, out, namespace, kind).and_then(no_attachments)
            }
        }
    }

    /// Writes that the sender leaves a namespace: see [`encode::disconnect`].
    ///
    /// # Errors
    /// The namespace is illegal.
    pub fn disconnect(&self, out: &mut Vec<u8>, namespace: &str) -> Result<(), EncodeError> {
        match self {
            Self::Json => encode::disconnect(out, namespace),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => msgpack::bare(out, 1, namespace),
            Self::Custom(parser) => {
                write(&**parser, out, namespace, PacketKind::Disconnect).and_then(no_attachments)
            }
        }
    }

    fn connect_packet(
        &self,
        out: &mut Vec<u8>,
        namespace: &str,
        payload: Option<RawJson>,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Json => encode::connect(out, namespace, &payload),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => match payload {
                Some(payload) => msgpack::plain(out, 0, namespace, &payload),
                None => msgpack::bare(out, 0, namespace),
            },
            Self::Custom(parser) => {
                let kind = PacketKind::Connect(payload);
                write(&**parser, out, namespace, kind).and_then(no_attachments)
            }
        }
    }
}

fn write(
    parser: &dyn CustomParser,
    out: &mut Vec<u8>,
    namespace: &str,
    kind: PacketKind,
) -> Result<Vec<Bytes>, EncodeError> {
    check_namespace(namespace)?;
    let namespace = FastStr::new(namespace);
    restore_on_error(out, |out| parser.encode(&Packet { namespace, kind }, out))
}

/// Of a packet that the state machines write, whose attachments nobody would send.
#[expect(clippy::needless_pass_by_value, reason = "it is a step of a chain")]
fn no_attachments(attachments: Vec<Bytes>) -> Result<(), EncodeError> {
    if attachments.is_empty() {
        Ok(())
    } else {
        Err(EncodeError::UnexpectedBinary)
    }
}

#[cfg(test)]
mod tests;
