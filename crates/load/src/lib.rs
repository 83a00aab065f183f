//! A load generator for WebSocket and Socket.IO servers.
//!
//! One thread, plain non-blocking sockets, messages that were encoded before, and as little reading
//! as possible: what is measured should be the server. It shares no code with the rest of Songi, so
//! that nothing is measured with itself.
//!
//! - [`Target`]: which server, and how one gets in.
//! - [`Crowd`]: any number of clients of one target. It opens them, answers heartbeats, and tells a
//!   [`Script`] what comes.
//! - [`RoundTrips`]: the script of most loads. Each client keeps a number of messages in flight, or
//!   messages are sent at a fixed rate; answers are counted and timed.
//!
//! Not spoken: TLS, compression, binary attachments of Socket.IO.
//!
//! ```no_run
//! use std::time::Duration;
//! use songi_load::{Crowd, Exchange, Pace, RoundTrips, Target};
//!
//! let mut target = Target::socket_io("127.0.0.1:3000".parse()?);
//! target.namespace = "/chat".to_owned();
//! let mut crowd = Crowd::open(target, 100)?;
//! let exchange = Exchange::ack("/chat", "echo", r#""Songs of the pine""#);
//! let mut load = RoundTrips::new(&exchange, 100, Pace::InFlight(1));
//! load.run(&mut crowd, Duration::from_secs(5))?;
//! let report = load.report();
//! println!("{} answers/s, median {} ns", report.rate(), report.latency.value_at_quantile(0.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod crowd;
mod error;
mod exchange;
pub mod frame;
mod http;
mod round_trips;
mod target;
mod wire;

pub use client::Sender;
pub use crowd::{Crowd, Script};
pub use error::LoadError;
pub use exchange::{Exchange, Outgoing};
pub use round_trips::{Pace, Report, RoundTrips};
pub use target::{Protocol, Target, Transport};
