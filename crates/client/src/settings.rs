//! All that a connection is made with.

use std::sync::Arc;
use std::time::SystemTime;

use faststr::FastStr;
use parking_lot::Mutex;
use songi_socketio::Parser;

use crate::config::Config;
use crate::tap::{Tap, Traffic};
use crate::target::Target;
use crate::transport::cookies::Jar;
use crate::transport::dial::{Dialer, Stream};

pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) protocols: Vec<FastStr>,
    pub(crate) parser: Parser,
    pub(crate) config: Config,
    pub(crate) dialer: Dialer,
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<songi_tokio::Deflate>,
    /// Those that the server has set.
    pub(crate) cookies: Mutex<Jar>,
    /// Who sees what travels.
    pub(crate) tap: Option<Arc<Tap>>,
}

impl Settings {
    /// Appends the server's own cookies to the value of a `Cookie` header.
    pub(crate) fn append_cookies(&self, value: &mut Vec<u8>) {
        if self.config.cookies {
            self.cookies.lock().append(value, SystemTime::now());
        }
    }

    /// Shows what travels, if somebody wants to see it.
    pub(crate) fn show<'a>(&self, traffic: impl FnOnce() -> Traffic<'a>) {
        if let Some(tap) = &self.tap {
            tap.show(traffic());
        }
    }

    /// The stream of a WebSocket, with its bytes shown if somebody wants to see them.
    pub(crate) fn tapped(&self, stream: Stream) -> Stream {
        match &self.tap {
            Some(tap) => tap.on_websocket(stream),
            None => stream,
        }
    }

    /// Equal for settings that make the same connection, in one runtime.
    pub(crate) fn key(&self) -> String {
        let parser = match &self.parser {
            Parser::Custom(parser) => format!("{:p}", Arc::as_ptr(parser)),
            parser => format!("{parser:?}"),
        };
        let tap = self.tap.as_ref().map(Arc::as_ptr);
        let tls = self.dialer.tls.as_ref().map(Arc::as_ptr);
        // The namespace is no part of it, and the login of a proxy is.
        format!(
            "{:?}",
            (
                self.target.url(&self.config.path, ""),
                &self.headers,
                &self.protocols,
                parser,
                &self.config,
                tls,
                self.dialer.proxy.as_ref().map(|proxy| proxy.key()),
                tap,
            )
        )
    }
}
