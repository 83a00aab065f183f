use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Context, Poll, Waker};
use std::error::Error;
use std::sync::Mutex;

use bytes::Bytes;
use faststr::FastStr;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BoxFuture, EventContext, Failure, FromEvent, Handler, HandlerFn, HandlerSocket};
use crate::{ArgumentError, Arguments};

const NAME: FastStr = FastStr::from_static_str("event");

/// A socket that remembers what its handlers answered.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Vec<Answer>>>);

/// To the event with this id, if it asked for an ack.
type Answer = (Option<u64>, Value);

impl HandlerSocket for Socket {
    fn acknowledge<T: Serialize>(&self, id: u64, value: &T) {
        self.0
            .lock()
            .unwrap()
            .push((Some(id), serde_json::to_value(value).unwrap()));
    }

    fn handler_failed(&self, id: Option<u64>, event: &FastStr, failure: Failure<'_>) {
        self.0
            .lock()
            .unwrap()
            .push((id, json!({ "error": format!("{event}: {failure}") })));
    }
}

impl FromEvent<Socket> for Socket {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(event.socket().clone())
    }
}

struct Ack(Socket, Option<u64>);

impl FromEvent<Socket> for Ack {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(Self(event.socket().clone(), event.take_ack()))
    }
}

/// Calls a handler with an ack asked for by the id 7, to its end, and gives what it answered.
fn answers<M>(
    handler: impl Handler<Socket, M>,
    args: impl Serialize,
) -> Result<Vec<Answer>, ArgumentError> {
    let socket = Socket::default();
    let args = Arguments::of(&args).unwrap();
    let future =
        HandlerFn::new(handler).call(&mut EventContext::new(&socket, &NAME, &args, Some(7)))?;
    if let Some(future) = future {
        finish(future);
    }
    Ok(core::mem::take(&mut *socket.0.lock().unwrap()))
}

fn finish(mut future: BoxFuture<()>) {
    let poll = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(
        poll,
        Poll::Ready(()),
        "the handlers of these tests do not wait"
    );
}

fn answer<M>(handler: impl Handler<Socket, M>, args: impl Serialize) -> Value {
    let mut answers = answers(handler, args).unwrap();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (id, value) = answers.remove(0);
    assert_eq!(id, Some(7));
    value
}

#[test]
fn a_value_answers() {
    assert_eq!(answer(|a: i64, b: i64| a + b, (1, 2)), 3);
    assert_eq!(answer(|| "nothing needed", ()), "nothing needed");
    assert_eq!(
        answer(|name: String| json!({ "name": name }), "jane"),
        json!({ "name": "jane" })
    );
}

#[test]
fn nothing_answers_with_nothing() {
    assert_eq!(answer(|_: String| {}, "x"), Value::Null);
}

#[test]
fn a_future_answers_when_it_is_done() {
    assert_eq!(answer(async |a: i64| a + 1, 1), 2);
    assert_eq!(answer(|a: i64| async move { a + 2 }, 1), 3);
    assert_eq!(answer(async |_: Value| {}, 1), Value::Null);
}

#[test]
fn success_answers_and_failure_is_reported() {
    fn half(n: i64) -> Result<i64, Box<dyn Error + Send + Sync>> {
        if n % 2 == 0 {
            Ok(n / 2)
        } else {
            Err("odd".into())
        }
    }
    assert_eq!(answer(half, 4), 2);
    assert_eq!(answer(half, 5), json!({ "error": "event: odd" }));
    assert_eq!(
        answer(async move |n: i64| half(n), 5),
        json!({ "error": "event: odd" })
    );
}

#[test]
fn own_types_stand_among_the_arguments_and_take_none() {
    let handler = |a: String, _: Socket, b: u8, _: Socket| (a, b);
    assert_eq!(answer(handler, ("x", 1)), json!(["x", 1]));
}

#[test]
fn who_takes_the_ack_answers_alone() {
    assert_eq!(answers(|_: Ack| 5, ()).unwrap(), []);
    let handler = |n: i64, Ack(socket, id): Ack| socket.acknowledge(id.unwrap(), &(n * 2));
    assert_eq!(answer(handler, 4), 8);
}

#[test]
fn an_absent_argument_is_an_error_unless_optional() {
    assert_eq!(answer(|a: i64, b: Option<i64>| (a, b), 1), json!([1, null]));
    let error = answers(|a: i64, b: i64| a + b, 1).unwrap_err();
    assert!(
        matches!(error, ArgumentError::Missing { index: 1 }),
        "{error}"
    );
}

#[test]
fn an_argument_that_does_not_fit_names_its_place() {
    let error = answers(|_: String, _: u8| {}, ("x", 256)).unwrap_err();
    assert_eq!(error.index(), 1);
}

#[test]
fn more_arguments_than_parameters_are_ignored() {
    assert_eq!(answer(|a: i64| a, (1, 2, 3)), 1);
}

#[test]
fn binary_arguments_are_attachments_wherever_they_stand() {
    #[derive(Serialize, Deserialize)]
    struct Picture {
        name: String,
        data: Bytes,
    }
    let picture = Picture {
        name: "cat".into(),
        data: Bytes::from_static(&[1, 2]),
    };
    let handler =
        |picture: Picture, data: Bytes| (picture.name, picture.data.to_vec(), data.to_vec());
    assert_eq!(
        answer(handler, (picture, Bytes::from_static(&[3]))),
        json!(["cat", [1, 2], [3]])
    );
}

#[test]
fn twelve_parameters_are_allowed() {
    let handler =
        |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8| {
            [a, b, c, d, e, f, g, h, i, j, k, l]
                .into_iter()
                .map(u32::from)
                .sum::<u32>()
        };
    assert_eq!(answer(handler, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)), 78);
}

#[cfg(feature = "std")]
mod run {
    use alloc::string::ToString;

    use super::super::{Event, HandlerTable, Job, MiddlewareFn, Place, Rejection, Run};
    use super::*;

    /// Runs the handlers of a job that waits nowhere, and gives what they answered.
    fn run(table: HandlerTable<Socket>, job: Job) -> Vec<(Option<u64>, Value)> {
        let socket = Socket::default();
        assert!(Run::start(&socket, &Arc::new(table), None, job).is_none());
        core::mem::take(&mut *socket.0.lock().unwrap())
    }

    fn event(name: &str) -> Job {
        Job::Event {
            name: name.to_string().into(),
            id: Some(1),
            args: Arguments::of(&5).unwrap(),
        }
    }

    #[test]
    fn all_handlers_are_called_whatever_became_of_those_before() {
        let mut table = HandlerTable::default();
        table.on("x".into(), HandlerFn::new(|n: i64| n + 1));
        table.on("x".into(), HandlerFn::new(|_: String| {}));
        table.on("x".into(), HandlerFn::new(|| -> () { panic!("at once") }));
        table.on(
            "x".into(),
            HandlerFn::new(async || -> () { panic!("{}", "later") }),
        );
        table.on("x".into(), HandlerFn::new(async |n: i64| n + 2));
        let answers = run(table, event("x"));
        assert_eq!(answers[0], (Some(1), json!(6)));
        let refused = answers[1].1["error"].as_str().unwrap();
        assert!(refused.starts_with("x: argument 0: "), "{refused}");
        assert_eq!(answers[1].0, Some(1));
        // Of a panic the peer is told nothing: the report has no ack id.
        assert_eq!(
            answers[2],
            (None, json!({ "error": "x: panicked: at once" }))
        );
        assert_eq!(answers[3], (None, json!({ "error": "x: panicked: later" })));
        assert_eq!(answers[4], (Some(1), json!(7)));
        assert_eq!(answers.len(), 5);
    }

    #[test]
    fn an_event_without_handlers_goes_to_the_fallback() {
        let mut table = HandlerTable::default();
        table.on("x".into(), HandlerFn::new(|| "x"));
        table.on_fallback(HandlerFn::new(|| "fallback"));
        assert_eq!(run(table.clone(), event("x")), [(Some(1), json!("x"))]);
        assert_eq!(run(table, event("y")), [(Some(1), json!("fallback"))]);
    }

    #[test]
    fn a_life_has_a_beginning_and_an_end() {
        let mut table = HandlerTable::default();
        table.on_connection(HandlerFn::new(|socket: Socket, auth: i64| {
            socket.acknowledge(8, &auth);
        }));
        table.on_disconnect(HandlerFn::new(|socket: Socket, reason: String| {
            socket.acknowledge(9, &reason);
        }));
        let connected = Job::Connected(Arguments::of(&5).unwrap());
        assert_eq!(run(table.clone(), connected), [(Some(8), json!(5))]);
        let disconnected = Job::Disconnected(Arguments::of("gone").unwrap());
        assert_eq!(run(table, disconnected), [(Some(9), json!("gone"))]);
    }

    /// A table whose handlers answer with their names in the order in which they are called.
    fn named(table: &mut HandlerTable<Socket>, prefix: &'static str) {
        table.on(
            "x".into(),
            HandlerFn::new(move || format!("{prefix} handler")),
        );
        table.on_any(
            Place::Back,
            HandlerFn::new(move |socket: Socket, event: Event| {
                socket.acknowledge(0, &format!("{prefix} any {}", event.name()));
            }),
        );
        table.use_event(MiddlewareFn::new(move |socket: Socket| {
            socket.acknowledge(0, &format!("{prefix} middleware"));
            Ok::<_, Rejection>(())
        }));
    }

    #[test]
    fn listeners_then_middlewares_then_handlers_the_shared_ones_before_the_own() {
        let (mut shared, mut own) = (HandlerTable::default(), HandlerTable::default());
        named(&mut shared, "shared");
        named(&mut own, "own");
        own.on_any(
            Place::Front,
            HandlerFn::new(|socket: Socket| socket.acknowledge(0, &"front")),
        );
        let socket = Socket::default();
        let (shared, own) = (Arc::new(shared), Arc::new(own));
        assert!(Run::start(&socket, &shared, Some(&own), event("x")).is_none());
        let answers: Vec<_> = socket
            .0
            .lock()
            .unwrap()
            .drain(..)
            .map(|(_, value)| value)
            .collect();
        assert_eq!(
            answers,
            [
                "shared any x",
                "front",
                "own any x",
                "shared middleware",
                "own middleware",
                "shared handler",
                "own handler",
            ]
        );
    }

    #[test]
    fn a_middleware_that_rejects_panics_or_does_not_fit_keeps_the_event_from_its_handlers() {
        let cases: [(MiddlewareFn<Socket>, &str); 4] = [
            (MiddlewareFn::new(|| Err::<(), _>("no")), "x: rejected: no"),
            (
                MiddlewareFn::new(async || Err::<(), _>("later no")),
                "x: rejected: later no",
            ),
            (
                MiddlewareFn::new(|| -> Result<(), Rejection> { panic!("oh") }),
                "x: panicked: oh",
            ),
            (
                MiddlewareFn::new(|_: String| Ok::<_, Rejection>(())),
                "x: argument 0",
            ),
        ];
        for (middleware, report) in cases {
            let mut table = HandlerTable::default();
            table.use_event(middleware);
            table.use_event(MiddlewareFn::new(|| -> Result<(), Rejection> {
                panic!("never called")
            }));
            table.on("x".into(), HandlerFn::new(|| "handled"));
            let answers = run(table, event("x"));
            // The peer is told nothing: the report has no ack id.
            let [(None, answer)] = answers.as_slice() else {
                panic!("{answers:?}")
            };
            assert!(
                answer["error"].as_str().unwrap().starts_with(report),
                "{answer}"
            );
        }
    }

    #[test]
    fn what_was_removed_is_not_called() {
        let mut table = HandlerTable::default();
        named(&mut table, "shared");
        table.off_any();
        let second = HandlerFn::new(|| "second");
        table.on("x".into(), second.clone());
        table.remove(&second);
        assert_eq!(run(table.clone(), event("x")).len(), 2);
        table.off("x");
        table.on_fallback(HandlerFn::new(|| "fallback"));
        assert_eq!(
            run(table, event("x")).last(),
            Some(&(Some(1), json!("fallback")))
        );
    }
}
