//! What may happen in a schedule, and how often.

use std::time::Duration;

use songi_socketio::manager::{Backoff, Config};

use crate::choices::Choices;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    /// Whether the server recovers states, and for how long.
    pub(crate) recovery: Option<Duration>,
    /// Packets that it keeps for that.
    pub(crate) max_packets: usize,
    pub(crate) max_delay: usize,
    /// What the application and the server do.
    pub(crate) actions: usize,
    /// How often the link breaks, the server restarts, or is not there.
    pub(crate) disruptions: usize,
    /// Of a hundred.
    pub(crate) refused_namespaces: usize,
    /// Of a hundred packets that waited.
    pub(crate) not_sent: usize,
    /// Of a hundred events that ask for it.
    pub(crate) unanswered: usize,
}

impl Plan {
    pub(crate) fn new(choices: &mut Choices<'_>) -> Self {
        let millis =
            |choices: &mut Choices<'_>, of: &[u64]| Duration::from_millis(choices.pick(of));
        let config = Config {
            backoff: Backoff {
                enabled: choices.percent(95),
                min: millis(choices, &[0, 100, 1000]),
                max: millis(choices, &[1000, 5000]),
                jitter: choices.pick(&[0.0, 0.5, 1.0]),
                attempts: choices.pick(&[u32::MAX, u32::MAX, u32::MAX, 3]),
            },
            connect_timeout: millis(choices, &[2000, 20_000]),
            retries: choices.pick(&[0, 2, 50]),
            ack_timeout: millis(choices, &[300, 3000]),
            max_namespaces: choices.pick(&[2, 100]),
            max_waiting_events: choices.pick(&[3, 1024]),
            max_waiting_bytes: choices.pick(&[600, 4 << 20]),
            max_pending_acks: choices.pick(&[3, 1024]),
            max_early_events: choices.pick(&[4, 10_000]),
            max_early_bytes: choices.pick(&[300, 16 << 20]),
            ..Config::default()
        };
        let recovery = [
            None,
            Some(Duration::from_secs(10)),
            Some(Duration::from_secs(120)),
        ];
        Self {
            config,
            recovery: choices.pick(&recovery),
            max_packets: choices.pick(&[10, 10_000]),
            max_delay: choices.pick(&[5, 50, 400]),
            actions: choices.pick(&[20, 60, 120]),
            disruptions: choices.pick(&[0, 1, 2, 5, 10]),
            refused_namespaces: choices.pick(&[0, 0, 10]),
            not_sent: choices.pick(&[0, 0, 10]),
            unanswered: choices.pick(&[0, 20]),
        }
    }
}
