use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn server(in_message: bool) -> Expect {
    Expect {
        role: Role::Server,
        in_message,
        compression: false,
        room: usize::MAX,
        limit: usize::MAX,
    }
}

fn client() -> Expect {
    Expect {
        role: Role::Client,
        ..server(false)
    }
}

/// The answer to the shortest prefix that has one, with its length.
fn decided(bytes: &[u8], expect: Expect) -> (Result<Option<(Header, usize)>, Violation>, usize) {
    for end in 0..=bytes.len() {
        let result = parse(&bytes[..end], expect);
        if result != Ok(None) {
            return (result, end);
        }
    }
    (Ok(None), bytes.len())
}

fn refused(bytes: &[u8], expect: Expect) -> (Violation, usize) {
    let (result, at) = decided(bytes, expect);
    (result.unwrap_err(), at)
}

/// F1 and F13: each boundary length, in its shortest form, for both roles (RFC 6455 §5.2).
#[test]
fn boundary_lengths() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        for (role, mask) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
            let mut bytes = Vec::new();
            encode(&mut bytes, first(true, false, Opcode::Binary), len, mask);
            let extended = if len < 126 {
                0
            } else if len < 65_536 {
                2
            } else {
                8
            };
            assert_eq!(bytes.len(), 2 + extended + mask.map_or(0, |_| 4));
            assert_eq!(usize::from(size(len)), 2 + extended);
            let header = Header {
                fin: true,
                compressed: false,
                opcode: Opcode::Binary,
                mask: mask.unwrap_or_default(),
                len,
            };
            let expect = Expect {
                role,
                ..server(false)
            };
            // F8: only the last byte of the header decides.
            assert_eq!(
                decided(&bytes, expect),
                (Ok(Some((header, bytes.len()))), bytes.len())
            );
        }
    }
}

/// F2: a length in a longer form than it needs, refused as soon as it shows (RFC 6455 §5.2).
#[test]
fn non_minimal_lengths() {
    let error = Violation::NonMinimalLength;
    assert_eq!(
        refused(&[0x82, 0xFE, 0, 125, 0, 0, 0, 0], server(false)),
        (error, 4)
    );
    assert_eq!(refused(&[0x82, 126, 0, 0], client()), (error, 4));
    assert_eq!(
        refused(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], client()),
        (error, 8)
    );
    assert_eq!(
        refused(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5], client()),
        (error, 8)
    );
}

/// F3: the highest bit of a 64-bit length (RFC 6455 §5.2).
#[test]
fn highest_bit_of_a_length() {
    let bytes = [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(refused(&bytes, client()), (Violation::LengthOverflow, 3));
    let all = [0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(refused(&all, client()), (Violation::LengthOverflow, 3));
}

/// F4: a length above the limit is refused from the header alone (RFC 6455 §10.4).
#[test]
fn length_above_the_limit() {
    let limited = |limit| Expect {
        room: limit,
        limit,
        ..client()
    };
    let too_big = |limit| Violation::MessageTooBig { limit };
    assert_eq!(refused(&[0x82, 11], limited(10)), (too_big(10), 2));
    assert!(parse(&[0x82, 10], limited(10)).unwrap().is_some());
    assert_eq!(
        refused(&[0x82, 126, 0x04, 0x01], limited(1024)),
        (too_big(1024), 4)
    );
    assert_eq!(
        refused(&[0x82, 126, 0x05, 0x00], limited(1024)),
        (too_big(1024), 3)
    );
    let huge = [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(refused(&huge, limited(1024)), (too_big(1024), 3));
}

/// G3: the limit is the message's, and the sum cannot overflow.
#[test]
fn limit_across_fragments() {
    let expect = Expect {
        in_message: true,
        room: 10,
        limit: 20,
        ..client()
    };
    assert!(parse(&[0x80, 10], expect).unwrap().is_some());
    assert_eq!(
        refused(&[0x80, 11], expect),
        (Violation::MessageTooBig { limit: 20 }, 2)
    );
    let expect = Expect {
        room: 0,
        limit: usize::MAX,
        ..expect
    };
    assert_eq!(
        refused(&[0x80, 1], expect),
        (Violation::MessageTooBig { limit: usize::MAX }, 2)
    );
}

/// F5: reserved bits without an extension (RFC 6455 §5.2).
#[test]
fn reserved_bits() {
    for bit in [0x40, 0x20, 0x10, 0x70] {
        for opcode in [0x81, 0x82, 0x88, 0x89, 0x8A] {
            assert_eq!(
                refused(&[opcode | bit], server(false)),
                (Violation::ReservedBits, 1)
            );
        }
    }
}

/// F6: reserved opcodes (RFC 6455 §5.2).
#[test]
fn reserved_opcodes() {
    for opcode in (3..=7).chain(11..=15) {
        let error = Violation::ReservedOpcode(opcode);
        assert_eq!(refused(&[0x80 | opcode], server(false)), (error, 1));
        assert_eq!(refused(&[opcode], server(true)), (error, 1));
    }
}

/// F7: who masks and who does not (RFC 6455 §5.1).
#[test]
fn masking_by_role() {
    assert_eq!(
        refused(&[0x81, 0x05], server(false)),
        (Violation::Unmasked, 2)
    );
    assert_eq!(refused(&[0x81, 0x85], client()), (Violation::Masked, 2));
}

/// C1: a control frame is not fragmented (RFC 6455 §5.5).
#[test]
fn fragmented_control() {
    for opcode in [8, 9, 10] {
        assert_eq!(
            refused(&[opcode], server(false)),
            (Violation::FragmentedControl, 1)
        );
    }
}

/// C2: a control frame carries at most 125 bytes, in either extended form (RFC 6455 §5.5).
#[test]
fn long_control() {
    for opcode in [0x88, 0x89, 0x8A] {
        for short in [126, 127] {
            let error = Violation::ControlTooLong;
            assert_eq!(refused(&[opcode, 0x80 | short], server(false)), (error, 2));
        }
        // The message limit is not theirs.
        let expect = Expect {
            limit: 0,
            ..server(false)
        };
        assert!(
            parse(&[opcode, 0x80 | 125, 0, 0, 0, 0], expect)
                .unwrap()
                .is_some()
        );
    }
}

/// G2: continuation and new messages where they do not belong (RFC 6455 §5.4).
#[test]
fn fragments_out_of_order() {
    for first in [0x00, 0x80] {
        let error = Violation::UnexpectedContinuation;
        assert_eq!(refused(&[first], server(false)), (error, 1));
    }
    for first in [0x01, 0x81, 0x02, 0x82] {
        assert_eq!(
            refused(&[first], server(true)),
            (Violation::InterleavedMessage, 1)
        );
    }
}

proptest! {
    /// F14: what a prefix decides stays decided, whatever follows.
    #[test]
    fn decisions_do_not_depend_on_later_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..16),
        masked: bool,
        in_message: bool,
        compression: bool,
        received in 0usize..2000,
        limit in prop_oneof![Just(usize::MAX), 0usize..100_000],
    ) {
        let role = if masked { Role::Server } else { Role::Client };
        let expect = Expect { role, in_message, room: limit.saturating_sub(received), limit, compression };
        let (result, at) = decided(&bytes, expect);
        for end in at..=bytes.len() {
            prop_assert_eq!(parse(&bytes[..end], expect), result);
        }
    }

    /// What is written is read back.
    #[test]
    fn round_trip(fin: bool, opcode in 0u8..11, len in 0usize..200_000, key: Option<[u8; 4]>) {
        let opcode = Opcode::from_bits(opcode).filter(|opcode| !opcode.is_control());
        let opcode = opcode.unwrap_or(Opcode::Text);
        let mut bytes = Vec::new();
        encode(&mut bytes, first(fin, false, opcode), len, key);
        prop_assert!(bytes.len() <= MAX);
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let in_message = opcode == Opcode::Continuation;
        let expect = Expect { role, in_message, ..server(false) };
        let header = Header { fin, compressed: false, opcode, mask: key.unwrap_or_default(), len };
        let size = bytes.len();
        prop_assert_eq!(parse(&bytes, expect), Ok(Some((header, size))));
        let trailing: Vec<u8> = bytes.iter().copied().chain([1, 2, 3]).collect();
        prop_assert_eq!(parse(&trailing, expect), Ok(Some((header, size))));
    }
}
