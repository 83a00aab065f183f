//! One coarse timer for all connections, instead of one timer each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Deadlines are kept to this.
const TICK: Duration = Duration::from_millis(20);

/// Something with deadlines.
pub(crate) trait Timed: Send + Sync + 'static {
    /// Called once after each tick for which it was scheduled, unless that was cancelled before.
    fn tick(self: Arc<Self>, tick: Tick);
}

/// A number of ticks since the server's origin of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// The first tick at or after `at`; the last one there is for times that never come.
    pub(crate) fn at(at: Duration) -> Self {
        let ticks = at.as_millis().div_ceil(TICK.as_millis());
        Self(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// Whether there is an earlier tick for this time.
    pub(crate) fn is_late_for(self, at: Duration) -> bool {
        at.saturating_add(TICK) <= self.time()
    }

    fn time(self) -> Duration {
        // In milliseconds, because this is asked for each message: a `Duration` is slow to multiply.
        let millis = self.0.saturating_mul(TICK.as_millis() as u64);
        Duration::from_millis(millis)
    }
}

/// The deadlines of all connections of a server, by tick.
///
/// A deadline that moves back is not moved here: it fires, finds nothing due and is scheduled
/// anew. So a connection whose heartbeat goes on and on costs one entry. One that ends is taken out:
/// a `Weak` would keep its memory until the tick.
pub(crate) struct Timers<T> {
    ticks: Mutex<BTreeMap<Tick, Vec<Weak<T>>>>,
    earlier: Notify,
}

impl<T: Timed> Timers<T> {
    pub(crate) fn new() -> Self {
        Self {
            ticks: Mutex::new(BTreeMap::new()),
            earlier: Notify::new(),
        }
    }

    pub(crate) fn schedule(&self, tick: Tick, timed: Weak<T>) {
        let mut ticks = self.ticks.lock();
        let first = ticks
            .first_key_value()
            .is_none_or(|(first, _)| tick < *first);
        ticks.entry(tick).or_default().push(timed);
        drop(ticks);
        if first {
            self.earlier.notify_one();
        }
    }

    /// Takes out what was scheduled for this tick, which may have fired meanwhile.
    pub(crate) fn cancel(&self, tick: Tick, timed: &Arc<T>) {
        let mut ticks = self.ticks.lock();
        let Entry::Occupied(mut entry) = ticks.entry(tick) else {
            return;
        };
        let those = entry.get_mut();
        let is_it = |there: &Weak<T>| ptr::eq(there.as_ptr(), Arc::as_ptr(timed));
        if let Some(position) = those.iter().position(is_it) {
            those.swap_remove(position);
        }
        if those.is_empty() {
            entry.remove();
        }
    }

    /// How many are scheduled.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ticks.lock().values().map(Vec::len).sum()
    }

    /// Fires what is due, for ever.
    pub(crate) async fn run(&self, now: impl Fn() -> Duration) {
        loop {
            let next = self.ticks.lock().first_key_value().map(|(tick, _)| *tick);
            match next {
                Some(next) if next.time() <= now() => self.fire(next),
                Some(next) => {
                    let wait = next.time().saturating_sub(now());
                    // Either way the first tick is looked up again.
                    let _ = tokio::time::timeout(wait, self.earlier.notified()).await;
                }
                None => self.earlier.notified().await,
            }
        }
    }

    fn fire(&self, tick: Tick) {
        let due = self.ticks.lock().remove(&tick).unwrap_or_default();
        for timed in due.iter().filter_map(Weak::upgrade) {
            timed.tick(tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU32);

    impl Timed for Counter {
        fn tick(self: Arc<Self>, _: Tick) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_tick_is_never_before_its_time() {
        for ms in [0, 1, 19, 20, 21, 25_000] {
            let at = Duration::from_millis(ms);
            assert!(Tick::at(at).time() >= at);
            assert!(Tick::at(at).time() < at + TICK);
            assert!(!Tick::at(at).is_late_for(at));
            assert!(Tick::at(at + TICK).is_late_for(at));
        }
        // A deadline that never comes.
        assert!(!Tick::at(Duration::MAX).is_late_for(Duration::MAX));
        assert!(Tick::at(Duration::MAX).is_late_for(Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn earlier_deadlines_fire_first_and_dropped_ones_never() {
        let timers = Arc::new(Timers::new());
        let origin = Instant::now();
        let running = timers.clone();
        let task = tokio::spawn(async move { running.run(|| origin.elapsed()).await });

        let (late, early) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        timers.schedule(Tick::at(Duration::from_secs(3600)), Arc::downgrade(&late));
        timers.schedule(Tick::at(Duration::from_millis(30)), Arc::downgrade(&early));
        timers.schedule(
            Tick::at(Duration::from_millis(30)),
            Arc::downgrade(&Arc::new(Counter::default())),
        );
        while early.0.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(late.0.load(Ordering::Relaxed), 0);
        assert!(origin.elapsed() >= Duration::from_millis(30));
        task.abort();
    }

    #[test]
    fn what_is_cancelled_is_held_no_longer() {
        let timers = Timers::new();
        let (first, second) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let tick = Tick::at(Duration::from_secs(25));
        timers.schedule(tick, Arc::downgrade(&first));
        timers.schedule(tick, Arc::downgrade(&second));
        timers.cancel(tick, &first);
        assert_eq!((Arc::weak_count(&first), Arc::weak_count(&second)), (0, 1));
        // Neither again, nor where it never was.
        timers.cancel(tick, &first);
        timers.cancel(Tick::at(Duration::ZERO), &second);
        assert_eq!(timers.len(), 1);
        timers.cancel(tick, &second);
        assert!(timers.ticks.lock().is_empty());
    }
}
