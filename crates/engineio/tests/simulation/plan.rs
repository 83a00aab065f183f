//! What happens in a schedule, apart from its delays.

use songi_engineio::{Dialect, Revision};

use crate::choices::Choices;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Disruption {
    Nothing,
    /// The WebSocket breaks. While it is a candidate, nothing may be lost.
    WebSocket,
    /// The next request is lost on its way.
    Request,
    /// The next answer is lost on its way.
    Response,
    /// The connection of the GET that waits ends.
    Poll,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) dialect: Dialect,
    pub(crate) polling: bool,
    pub(crate) upgrade: bool,
    pub(crate) max_delay: usize,
    pub(crate) max_buffered: usize,
    pub(crate) messages: usize,
    pub(crate) disruption: Disruption,
    pub(crate) client_closes: bool,
    pub(crate) server_closes: bool,
    /// After everything has arrived.
    pub(crate) closes_late: bool,
}

impl Plan {
    pub(crate) fn new(choices: &mut Choices<'_>) -> Self {
        let closers = choices.below(10);
        Self {
            dialect: Dialect {
                revision: choices.pick(&[Revision::V4, Revision::V4, Revision::V3]),
                base64: choices.percent(20),
            },
            polling: choices.percent(85),
            upgrade: choices.percent(80),
            max_delay: choices.pick(&[8, 40, 80]),
            max_buffered: choices.pick(&[500, 4 << 20]),
            messages: choices.below(25),
            disruption: choices.pick(&[
                Disruption::Nothing,
                Disruption::Nothing,
                Disruption::Nothing,
                Disruption::WebSocket,
                Disruption::WebSocket,
                Disruption::Request,
                Disruption::Response,
                Disruption::Poll,
            ]),
            client_closes: closers < 5,
            server_closes: closers >= 4,
            closes_late: choices.percent(50),
        }
    }
}
