//! Numbered messages, and whether they came in order.

use songi_engineio::{Frame, Message};

use crate::choices::Choices;

/// Checks that nothing came twice, or before what was sent earlier. Returns whether everything
/// came that may not be dropped.
pub(crate) fn delivery(sent: &[bool], received: &[usize]) -> bool {
    let mut missing = 0;
    let mut next = 0;
    for &number in received {
        assert!(
            next <= number && number < sent.len(),
            "{received:?} of {}",
            sent.len()
        );
        missing += sent[next..number]
            .iter()
            .filter(|&&volatile| !volatile)
            .count();
        next = number + 1;
    }
    // What is missing was at the end: nothing came after what was lost.
    assert_eq!(missing, 0, "{received:?} has a gap");
    sent[next..].iter().all(|&volatile| volatile)
}

/// A number, and some padding that no encoding leaves as it is.
pub(crate) fn message(number: usize, choices: &mut Choices<'_>) -> Frame {
    let padding = choices.pick(&["", "€", "\u{1F600}é", "0123456789"]);
    let text = format!("{number}.{padding}");
    Frame::message(if choices.percent(50) {
        Message::text(text)
    } else {
        Message::binary(text.into_bytes())
    })
}

pub(crate) fn number(message: &Message) -> usize {
    let text = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    };
    let text = std::str::from_utf8(text).expect("text");
    let (number, _) = text.split_once('.').expect("a point");
    number.parse().expect("a number")
}
