//! What the schedules have come across: a simulation in which nothing happens shows nothing.

macro_rules! seen {
    ($($name:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Seen {
            $(pub(crate) $name: u64,)*
        }

        impl Seen {
            /// All of it has happened.
            pub(crate) fn check(&self) {
                $(assert!(self.$name > 0, "no schedule has come across {}", stringify!($name));)*
            }
        }
    };
}

seen!(
    joined,
    recovered,
    replayed,
    not_recovered,
    refused,
    left,
    ended_by_the_server,
    gave_up,
    reconnected,
    not_opened,
    opening_timed_out,
    restarts,
    kept,
    kept_after_the_end,
    queue_full,
    too_many_acks,
    too_many_namespaces,
    too_many_early_events,
    answered,
    answered_by_the_client,
    not_answered_by_the_client,
    answers_too_late_to_be_sent,
    gone_before_an_answer,
    never_answered,
    sent_again,
    repeated_at_the_server,
    retries_given_up,
    forgotten,
    forgotten_before_sent,
    dropped_volatile,
    attachments,
);
