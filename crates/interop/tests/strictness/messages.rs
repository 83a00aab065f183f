//! Odd packets of Socket.IO.

use crate::case::{Case, binary, joined, open, text};

const BYTES: &str = "451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]";

pub(crate) fn sections() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Socket.IO: joining", joining()),
        ("Socket.IO: headers", headers()),
        ("Socket.IO: events and acks", events()),
        ("Socket.IO: attachments", attachments()),
    ]
}

fn joining() -> Vec<Case> {
    vec![
        open("an event before joining", [text("42[\"a\"]")]),
        open("an ack before joining", [text("430[]")]),
        open("a disconnection before joining", [text("41")]),
        open("a namespace that does not exist", [text("40/nowhere,")]),
        open("no comma behind a namespace", [text("40/nowhere")]),
        open("a namespace of a prototype", [text("40/__proto__,")]),
        open("a query in a namespace", [text("40/?token=1,")]),
        open("a slash alone", [text("40/,")]),
        open("a namespace without its slash", [text("40nowhere,")]),
        open(
            "a middleware that says no",
            [text("40/auth,{\"token\":\"wrong\"}")],
        ),
        open(
            "a middleware that says no, without auth",
            [text("40/auth,")],
        ),
        open(
            "another try",
            [
                text("40/auth,{\"token\":\"wrong\"}"),
                text("40/auth,{\"token\":\"right\"}"),
            ],
        ),
        open("null for auth", [text("40null")]),
        open("a list for auth", [text("40[]")]),
        open("a text for auth", [text("40\"x\"")]),
        open("a number for auth", [text("407")]).because("It reads as an ack id, which a request to join does not have."),
        open("auth that is no JSON", [text("40{\"a\"")]),
        open(
            "auth with a prototype",
            [text("40{\"__proto__\":{\"token\":\"right\"}}")],
        ),
        open(
            "a recovery that was never offered",
            [text("40{\"pid\":\"x\",\"offset\":\"y\"}")],
        ),
        joined("joining twice", [text("40")]),
        joined("a namespace that is not joined", [text("42/auth,[\"a\"]")]),
        joined(
            "a disconnection from what is not joined",
            [text("41/auth,")],
        ),
        joined("a disconnection with data", [text("41[\"x\"]")]),
        joined(
            "a disconnection, and an event",
            [text("41"), text("42[\"a\"]")],
        ).because("It was disconnected when the event came. In JavaScript it matters whether both come in one TCP segment."),
        joined(
            "a disconnection, and joining again",
            [text("41"), text("40")],
        ).because("A client may come back. In JavaScript it may not when both come in one TCP segment."),
        joined(
            "a refusal, which servers send",
            [text("44{\"message\":\"x\"}")],
        ),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        joined("an unknown type", [text("47[]")]),
        joined("a letter for a type", [text("4x[\"a\"]")]),
        joined("no payload", [text("42")])
            .because("An event is a JSON array with a name; here there is none."),
        joined("an ack id and no payload", [text("421")])
            .because("An event is a JSON array with a name; here there is none."),
        joined("a namespace and no payload", [text("42/,")])
            .because("An event is a JSON array with a name; here there is none."),
        joined("an id with a leading zero", [text("4201[\"a\"]")])
            .because("No client writes it, and the ack would come with another id."),
        joined("an id beyond 2^53", [text("429007199254740993[\"a\"]")])
            .because("Songi's ids are exact up to 2^64; JavaScript answers with another id."),
        joined(
            "an id of 30 digits",
            [text("42123456789012345678901234567890[\"a\"]")],
        )
        .because("It is beyond 2^64; JavaScript answers with what is no id."),
        joined("a negative id", [text("42-1[\"a\"]")]),
        joined("a space before the payload", [text("42 [\"a\"]")]).because(
            "The payload begins with its bracket. JavaScript takes the space for the ack id 0.",
        ),
        joined("a space behind the payload", [text("42[\"a\"] ")]),
        joined("something behind the payload", [text("42[\"a\"]x")]),
        joined("the main namespace by its name", [text("42/,1[\"a\"]")]),
        joined(
            "attachments of an event that has none to have",
            [text("421-[\"a\"]")],
        ),
    ]
}

fn events() -> Vec<Case> {
    vec![
        joined("no name", [text("42[]")]),
        joined("an object for arguments", [text("42{\"a\":1}")]),
        joined("a text for arguments", [text("42\"a\"")]),
        joined("a number for a name", [text("42[1]")]).because("Names are text in Songi: the number's digits."),
        joined("null for a name", [text("42[null]")]),
        joined("a list for a name", [text("42[[\"a\"]]")]),
        joined("an object for a name", [text("42[{\"toString\":\"x\"}]")]),
        joined("an empty name", [text("42[\"\"]")]),
        joined("the name `connect`", [text("42[\"connect\"]")]),
        joined("the name `disconnect`", [text("42[\"disconnect\"]")]),
        joined("the name `disconnecting`", [text("42[\"disconnecting\"]")]),
        joined("the name `connect_error`", [text("42[\"connect_error\"]")]),
        joined("the name `newListener`", [text("42[\"newListener\"]")]),
        joined(
            "the name `removeListener`",
            [text("42[\"removeListener\"]")],
        ),
        joined("the name `error`", [text("42[\"error\",\"x\"]")]),
        joined("the name `__proto__`", [text("42[\"__proto__\",1]")]),
        joined("a payload that breaks off", [text("42[\"a\"")]),
        joined("single quotes", [text("42['a']")]),
        joined("a comma at the end", [text("42[\"a\",]")]),
        joined("a number that is none", [text("42[\"a\",NaN]")]),
        joined("a number with a leading zero", [text("42[\"a\",01]")]),
        joined("a large integer", [text("421[\"a\",9007199254740993]")]).because("Integers are exact in Songi."),
        joined("half of a surrogate pair", [text("421[\"a\",\"\\ud800\"]")]).because("Text in Rust has whole characters: a handler that wants this one fails, which is reported, and the connection goes on."),
        joined(
            "a control character in a text",
            [text("42[\"a\",\"\u{1}\"]")],
        ),
        joined("a key twice", [text("421[\"a\",{\"k\":1,\"k\":2}]")]),
        joined(
            "100 lists in each other",
            [text(format!(
                "421[\"a\",{}{}]",
                "[".repeat(100),
                "]".repeat(100)
            ))],
        ),
        joined(
            "5000 lists in each other",
            [text(format!(
                "42[\"quiet\",{}{}]",
                "[".repeat(5000),
                "]".repeat(5000)
            ))],
        ).because("Depth is bounded. JavaScript runs out of stack, and ends, when it sends the same back."),
        joined("an ack without an id", [text("43[\"a\"]")]).because("It answers nothing."),
        joined("an ack that nobody waits for", [text("437[\"a\"]")]),
        joined("an ack that is no list", [text("437{\"a\":1}")]),
        joined("an ack without a payload", [text("437")]).because("An ack is a JSON array, if an empty one."),
    ]
}

fn attachments() -> Vec<Case> {
    vec![
        joined("no number", [text("45[\"a\"]")]),
        joined("none", [text("450-[\"a\"]")]),
        joined("a negative number", [text("45-1-[\"a\"]")]),
        joined("a number with an exponent", [text("451e0-[\"a\"]")])
            .because("The number is digits. JavaScript reads it as it reads any number.")
            .ping_after(),
        joined("a space for a number", [text("45 -[\"a\"]")]),
        joined("eleven", [text("4511-[\"a\"]")]),
        joined("45999999", [text("4545999999-[\"a\"]")]),
        joined("one that has not come yet", [text(BYTES)]).ping_after(),
        joined("a text in its place", [text(BYTES), text("42[\"a\"]")]),
        joined(
            "a pong in its place",
            [text(BYTES), text("3"), binary([1, 2])],
        ),
        joined("an empty one", [text(BYTES), binary([])]),
        joined(
            "one more than announced",
            [text(BYTES), binary([1]), binary([2])],
        )
        .because(
            "The event was complete before. JavaScript loses it when both come in one TCP segment.",
        ),
        joined(
            "a placeholder out of range",
            [
                text("451-[\"bytes\",{\"_placeholder\":true,\"num\":1}]"),
                binary([1]),
            ],
        ),
        joined(
            "a negative placeholder",
            [
                text("451-[\"bytes\",{\"_placeholder\":true,\"num\":-1}]"),
                binary([1]),
            ],
        ),
        joined(
            "a text for a placeholder's number",
            [
                text("451-[\"bytes\",{\"_placeholder\":true,\"num\":\"0\"}]"),
                binary([1]),
            ],
        ),
        joined(
            "a placeholder without a number",
            [text("451-[\"bytes\",{\"_placeholder\":true}]"), binary([1])],
        ),
        joined(
            "the same attachment twice",
            [
                text(
                    "451-[\"bytes\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
                ),
                binary([1]),
            ],
        ),
        joined(
            "an attachment that is not used",
            [text("451-[\"a\"]"), binary([1])],
        ),
        joined(
            "a placeholder in an event without attachments",
            [text("421[\"a\",{\"_placeholder\":true,\"num\":0}]")],
        ),
        joined(
            "a binary event that is no list",
            [text("451-{\"a\":1}"), binary([1])],
        ),
        joined(
            "a binary ack that nobody waits for",
            [
                text("461-7[{\"_placeholder\":true,\"num\":0}]"),
                binary([1]),
            ],
        ),
        joined(
            "attachments of a namespace that is not joined",
            [
                text("451-/auth,[\"bytes\",{\"_placeholder\":true,\"num\":0}]"),
                binary([1]),
            ],
        ),
        open("attachments before joining", [text(BYTES), binary([1])]),
    ]
}
