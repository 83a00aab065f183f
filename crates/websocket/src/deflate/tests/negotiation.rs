//! D1 to D6: offers and answers.

use alloc::string::String;

use super::*;
use crate::handshake::extensions;

pub(super) fn accept(config: DeflateConfig, offers: &str) -> Option<(Agreed, String)> {
    let offers = extensions::parse(offers.as_bytes()).map(|offer| offer.expect("well-formed"));
    Agreed::accept(&Deflate::new(config), offers)
}

pub(super) fn confirm(config: DeflateConfig, answer: &str) -> Option<Agreed> {
    let answer = extensions::parse(answer.as_bytes()).next()??;
    Agreed::confirm(&Deflate::new(config), &answer)
}

/// The server's answer.
fn answer(config: DeflateConfig, offers: &str) -> Option<String> {
    accept(config, offers).map(|(_, answer)| answer)
}

/// D1: every form of offer (RFC 7692 §7.1, RFC 6455 §9.1).
#[test]
fn d1_offers() {
    for (offers, expected) in [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate",
        ),
        (
            "permessage-deflate; client_max_window_bits=12",
            "permessage-deflate; client_max_window_bits=12",
        ),
        (
            "permessage-deflate ;server_max_window_bits = \"1\\1\"",
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=9, permessage-deflate",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10; \
             server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10",
        ),
    ] {
        assert_eq!(
            answer(takeover(), offers).as_deref(),
            Some(expected),
            "{offers}"
        );
    }
}

/// D2: the first acceptable offer wins; nothing is answered that was not offered; no window grows
/// (RFC 7692 §5.1, §7.1.2).
#[test]
fn d2_the_first_acceptable_offer() {
    let fallback = "permessage-deflate; server_max_window_bits=7, \
                    permessage-deflate; unknown, permessage-deflate; server_no_context_takeover";
    assert_eq!(
        answer(takeover(), fallback).as_deref(),
        Some("permessage-deflate; server_no_context_takeover")
    );
    // The client's window cannot be narrowed where it did not say that it can be.
    let narrow = takeover().client_window_bits(10).server_window_bits(11);
    for (offer, expected) in [
        (
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=9",
        ),
    ] {
        assert_eq!(answer(narrow, offer).as_deref(), Some(expected), "{offer}");
    }
    for declined in [
        "",
        "foo",
        "permessage-deflate; unknown",
        "permessage-deflate2",
    ] {
        assert_eq!(answer(takeover(), declined), None, "{declined}");
    }
}

/// D3 and D4: parameters that are unknown, repeated, out of range, or with or without a value
/// against the rule: the server declines such an offer, the client fails on such an answer (RFC
/// 7692 §7). CVE-2026-2229.
#[test]
fn d3_d4_bad_parameters() {
    for parameter in [
        "unknown",
        "constructor",
        "__proto__=1",
        "server_no_context_takeover=true",
        "client_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=0",
        "server_max_window_bits=08",
        "server_max_window_bits=015",
        "server_max_window_bits=15x",
        "server_max_window_bits=+9",
        "server_max_window_bits=9999999999999999999999",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=9; client_max_window_bits=9",
        "Server_Max_Window_Bits=10",
    ] {
        let value = alloc::format!("permessage-deflate; {parameter}");
        assert_eq!(answer(takeover(), &value), None, "{value}");
        assert!(confirm(takeover(), &value).is_none(), "{value}");
    }
}

/// D3: an answer that does not fit the offer (RFC 7692 §7.1.1 and §7.1.2).
#[test]
fn d3_unrequested_answers() {
    // Without a value it is an offer, not an answer.
    assert!(confirm(takeover(), "permessage-deflate; client_max_window_bits").is_none());
    let narrow = takeover().client_window_bits(10).server_window_bits(11);
    for (answer, fits) in [
        ("permessage-deflate; server_max_window_bits=11", true),
        ("permessage-deflate; server_max_window_bits=8", true),
        ("permessage-deflate; server_max_window_bits=12", false),
        ("permessage-deflate", false),
        (
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=10",
            true,
        ),
        (
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11",
            false,
        ),
        ("permessage-foo; server_max_window_bits=11", false),
    ] {
        assert_eq!(confirm(narrow, answer).is_some(), fits, "{answer}");
    }
    // The server has to drop its window if it was asked to.
    assert!(confirm(no_takeover(), "permessage-deflate").is_none());
    assert!(
        confirm(
            no_takeover(),
            "permessage-deflate; server_no_context_takeover"
        )
        .is_some()
    );
}

/// The offer says what this side wants, and that it understands the narrowing of its window.
#[test]
fn offers_of_ours() {
    for (config, expected) in [
        (takeover(), "permessage-deflate; client_max_window_bits"),
        (
            no_takeover().client_window_bits(12).server_window_bits(9),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9; client_max_window_bits=12",
        ),
    ] {
        assert_eq!(Agreed::offer(&Deflate::new(config)), expected);
    }
}

/// D5: the flags hold for each direction by itself, and the server may impose the client's
/// though it was not offered (RFC 7692 §7.1.1.2).
#[test]
fn d5_takeover_by_direction() {
    let text = || Message::text("one two three four five six seven eight nine ten ten ten ten ten");
    // (server's wish, client's wish), and whether each direction keeps its window.
    for (server, client, server_keeps, client_keeps) in [
        (takeover(), takeover(), true, true),
        (no_takeover(), takeover(), false, false),
        (takeover(), no_takeover(), false, false),
        (takeover().client_takeover(false), takeover(), true, false),
        (takeover(), takeover().server_takeover(false), false, true),
    ] {
        let (mut server, mut client) = pair_of(server, client, Config::default());
        for (to_client, keeps) in [(true, server_keeps), (false, client_keeps)] {
            let (from, to) = if to_client {
                (&mut server, &mut client)
            } else {
                (&mut client, &mut server)
            };
            let first = carry(from, to, text());
            let second = carry(from, to, text());
            // With the window, the second is one reference back.
            assert_eq!(second < first, keeps);
        }
    }
    let imposed = answer(takeover().client_takeover(false), "permessage-deflate").unwrap();
    assert_eq!(imposed, "permessage-deflate; client_no_context_takeover");
    assert!(confirm(takeover(), &imposed).is_some());
}

/// D6: windows of 256 bytes are inflated; a side that is bound to one sends uncompressed
/// (madler/zlib #171, websockets #1757).
#[test]
fn d6_windows_of_256_bytes() {
    let (server, answer) = accept(
        takeover(),
        "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    )
    .unwrap();
    assert_eq!(
        answer,
        "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"
    );
    let client = confirm(takeover(), &answer).unwrap();
    let mut connections = (
        Connection::server(Config::default()),
        Connection::client(Config::default(), || KEY),
    );
    connections.0.set_deflate(Some(&server));
    connections.1.set_deflate(Some(&client));
    let text = "song ".repeat(100);
    let size = carry(
        &mut connections.0,
        &mut connections.1,
        Message::text(text.clone()),
    );
    assert_eq!(size, text.len() + 4);
    let size = carry(
        &mut connections.1,
        &mut connections.0,
        Message::text(text.clone()),
    );
    assert_eq!(size, text.len() + 8);
    // In parts too.
    connections.0.send_chunk(Message::text("a"), false).unwrap();
    connections.0.send_chunk(Message::text("b"), true).unwrap();
    assert_eq!(drain(&mut connections.0), b"\x01\x01a\x80\x01b");
    // A peer whose compressor knows such windows.
    let (events, violation) = feed(
        &mut connections.1,
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
        3,
    );
    assert_eq!(
        (events.as_slice(), violation),
        (&[Event::Text("Hello".into())][..], None)
    );
}

/// Every window from 9 to 15, in both directions.
#[test]
fn every_window() {
    let text: String = (0..20_000)
        .map(|i| alloc::format!("{} ", i % 3000))
        .collect();
    for bits in 9..=15 {
        let config = takeover().server_window_bits(bits).client_window_bits(bits);
        let (mut server, mut client) = pair(config);
        for _ in 0..2 {
            assert!(carry(&mut server, &mut client, Message::text(text.clone())) < text.len());
            assert!(carry(&mut client, &mut server, Message::text(text.clone())) < text.len());
        }
    }
}
