//! The settings, and what is idle.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::inflate;

/// The settings of compression. Every one has a default.
///
/// ```
/// use songi_websocket::{Deflate, DeflateConfig};
///
/// // Smaller messages, at the price of about 400 KiB for each connection.
/// let config = DeflateConfig::default().server_takeover(true).client_takeover(true);
/// let deflate = Deflate::new(config);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateConfig {
    pub(crate) level: u8,
    pub(crate) memory_level: u8,
    pub(crate) threshold: usize,
    pub(crate) idle: usize,
    pub(crate) server: Direction,
    pub(crate) client: Direction,
}

/// What one side may use to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    /// Whether its window lives on from one message to the next.
    pub(crate) takeover: bool,
    /// The base-two logarithm of the window, 8 to 15.
    pub(crate) bits: u8,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        let direction = Direction {
            takeover: false,
            bits: 15,
        };
        Self {
            level: 6,
            memory_level: 8,
            threshold: 1024,
            idle: 4,
            server: direction,
            client: direction,
        }
    }
}

impl DeflateConfig {
    /// How hard to compress, from 2 (fast) to 9 (small); others are taken as the nearest.
    /// Default: 6.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        // Level 1 of zlib-rs 0.6 panics where its output is nearly full.
        self.level = level.clamp(2, 9);
        self
    }

    /// How much memory a compressor takes besides its windows, from 1 (little) to 9; others are
    /// taken as the nearest. Default: 8.
    #[must_use]
    pub fn memory_level(mut self, level: u8) -> Self {
        self.memory_level = level.clamp(1, 9);
        self
    }

    /// Messages below so many bytes are sent uncompressed. Default: 1024.
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// How many idle compressors, and how many idle inflaters, are kept for the next message.
    /// Default: 4.
    #[must_use]
    pub const fn idle(mut self, count: usize) -> Self {
        self.idle = count;
        self
    }

    /// Whether the server may keep its window between messages (RFC 7692 §7.1.1.1). Default: no.
    #[must_use]
    pub const fn server_takeover(mut self, takeover: bool) -> Self {
        self.server.takeover = takeover;
        self
    }

    /// Whether the client may keep its window between messages (RFC 7692 §7.1.1.2). Default: no.
    #[must_use]
    pub const fn client_takeover(mut self, takeover: bool) -> Self {
        self.client.takeover = takeover;
        self
    }

    /// The largest window of the server, as a base-two logarithm of bytes from 9 to 15; others
    /// are taken as the nearest (RFC 7692 §7.1.2.1). Default: 15.
    #[must_use]
    pub fn server_window_bits(mut self, bits: u8) -> Self {
        self.server.bits = bits.clamp(9, 15);
        self
    }

    /// The largest window of the client, as a base-two logarithm of bytes from 9 to 15; others
    /// are taken as the nearest (RFC 7692 §7.1.2.2). Default: 15.
    #[must_use]
    pub fn client_window_bits(mut self, bits: u8) -> Self {
        self.client.bits = bits.clamp(9, 15);
        self
    }
}

/// The settings of compression and the pool of idle compressors: one for all connections, cheap
/// to clone. See the [module](crate::deflate) for its use.
#[derive(Clone, Default)]
pub struct Deflate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    config: DeflateConfig,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// With the bits of their windows.
    compressors: Vec<(u8, Box<zlib_rs::Deflate>)>,
    inflaters: Vec<Box<inflate::Stream>>,
}

impl Deflate {
    /// Settings, and an empty pool.
    #[must_use]
    pub fn new(config: DeflateConfig) -> Self {
        Self(Arc::new(Shared {
            config,
            idle: Mutex::default(),
        }))
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &DeflateConfig {
        &self.0.config
    }

    /// A compressor with an empty window.
    pub(crate) fn take_compressor(&self, bits: u8) -> Box<zlib_rs::Deflate> {
        let idle = {
            let compressors = &mut self.idle().compressors;
            let found = compressors.iter().rposition(|(idle, _)| *idle == bits);
            found.map(|at| compressors.swap_remove(at).1)
        };
        idle.unwrap_or_else(|| {
            Box::new(zlib_rs::Deflate::new_with_config(zlib_rs::DeflateConfig {
                level: self.0.config.level.into(),
                mem_level: self.0.config.memory_level.into(),
                // Negative: without the header of zlib.
                window_bits: -i32::from(bits),
                ..zlib_rs::DeflateConfig::default()
            }))
        })
    }

    /// Gives a compressor back.
    pub(crate) fn give_compressor(&self, bits: u8, mut compressor: Box<zlib_rs::Deflate>) {
        compressor.reset();
        let compressors = &mut self.idle().compressors;
        if compressors.len() < self.0.config.idle {
            compressors.push((bits, compressor));
        }
    }

    /// An inflater with an empty window.
    pub(crate) fn take_inflater(&self) -> Box<inflate::Stream> {
        let idle = self.idle().inflaters.pop();
        idle.unwrap_or_default()
    }

    /// Gives an inflater back.
    pub(crate) fn give_inflater(&self, mut inflater: Box<inflate::Stream>) {
        inflater.reset();
        let inflaters = &mut self.idle().inflaters;
        if inflaters.len() < self.0.config.idle {
            inflaters.push(inflater);
        }
    }

    /// What was idle stays usable though a thread panicked with the lock held: it was only moved.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deflate").field(&self.0.config).finish()
    }
}
