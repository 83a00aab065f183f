//! Operations on the recovery store, against a model that keeps everything.
#![no_main]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use arbitrary::Arbitrary;
use faststr::FastStr;
use libfuzzer_sys::fuzz_target;
use songi_socketio::recovery::{Audience, Config, Request, Restored, Store};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    Open(u8),
    Suspend(u8, u8),
    Close(u8),
    /// A packet to some rooms, of so many bytes.
    Record(u8, u8, u16),
    Restore(u8, u8),
    RestoreWith(&'a str, &'a str),
    Wait(u8),
}

const CONFIG: Config = Config {
    max_disconnection: Duration::from_secs(120),
    max_packets: 20,
    max_packet_bytes: 100_000,
    max_sessions: 3,
    max_session_bytes: 10_000,
};

fn rooms(bits: u8) -> Vec<FastStr> {
    (0..4)
        .filter(|bit| bits >> bit & 1 == 1)
        .map(|bit| FastStr::from(format!("room{bit}")))
        .collect()
}

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let mut now = Duration::ZERO;
    let mut store = Store::<usize, u8>::new(CONFIG, "t-");
    // All packets that were ever recorded: offset, rooms, except.
    let mut log: Vec<(String, u8, u8)> = Vec::new();
    // The rooms of those who are away.
    let mut away: BTreeMap<u8, u8> = BTreeMap::new();
    for operation in operations {
        match operation {
            Operation::Open(n) => {
                away.remove(&(n % 6));
                store.open(pid(n), sid(n));
            }
            Operation::Suspend(n, bits) => {
                let gone = store.suspend(&pid(n), rooms(bits), bits, 10, now);
                // One that is away already stays as it was.
                away.entry(n % 6).or_insert(bits);
                for expired in gone {
                    away.retain(|&n, _| sid(n) != expired.sid);
                }
            }
            Operation::Close(n) => {
                away.remove(&(n % 6));
                store.close(&pid(n));
            }
            Operation::Record(to, except, bytes) => {
                let audience = Audience {
                    rooms: rooms(to),
                    except: rooms(except & !to),
                };
                let number = log.len();
                let result = store.record(audience, now, |offset| {
                    log.push((offset.into(), to & 15, except & !to & 15));
                    Ok::<_, Infallible>((number, bytes.into()))
                });
                assert_eq!(result, Ok(number));
            }
            Operation::Restore(n, back) => {
                let Some(seen) = log.len().checked_sub(1 + usize::from(back)) else {
                    continue;
                };
                let request = Request {
                    pid: pid(n),
                    offset: FastStr::new(&log[seen].0),
                };
                if let Restored::Recovered {
                    sid: id,
                    data,
                    missed,
                    ..
                } = store.restore(&request, now)
                {
                    assert_eq!(id, sid(n));
                    assert_eq!(away.remove(&(n % 6)), Some(data));
                    let mine = data & 15;
                    let expected: Vec<_> = (seen + 1..log.len())
                        .filter(|&at| log[at].1 == 0 || log[at].1 & mine != 0)
                        .filter(|&at| log[at].2 & mine == 0)
                        .collect();
                    assert_eq!(missed, expected);
                }
            }
            Operation::RestoreWith(pid, offset) => {
                let request = Request {
                    pid: FastStr::new(pid),
                    offset: FastStr::new(offset),
                };
                if let Restored::Recovered { sid: id, .. } = store.restore(&request, now) {
                    away.retain(|&n, _| sid(n) != id);
                }
            }
            Operation::Wait(seconds) => {
                now += Duration::from_secs(seconds.into());
                for expired in store.expire(now) {
                    away.retain(|&n, _| sid(n) != expired.sid);
                }
                assert!(store.next_deadline().is_none_or(|deadline| deadline > now));
            }
        }
        assert!(store.packets() <= CONFIG.max_packets);
        assert!(store.sessions() <= 6);
        assert!(store.bytes() <= CONFIG.max_packet_bytes + CONFIG.max_session_bytes);
    }
});

fn pid(n: u8) -> FastStr {
    format!("pid{}", n % 6).into()
}

fn sid(n: u8) -> FastStr {
    format!("sid{}", n % 6).into()
}
