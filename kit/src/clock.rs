//! The one source of time. Wall time is for people to read; everything that decides something uses
//! the monotonic side, so a machine whose clock is a year off works like any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock: cheap to clone, the clones share it.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    /// Milliseconds a test has turned the clock forward, both sides of it.
    turned: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Clock { started: Instant::now(), turned: Arc::default() }
    }

    /// Unix milliseconds, for display. May jump.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        millis(since) + self.turned.load(Ordering::Relaxed)
    }

    /// Milliseconds since the clock was made; never runs back, knows nothing of dates.
    pub fn ticks(&self) -> i64 {
        millis(self.started.elapsed()) + self.turned.load(Ordering::Relaxed)
    }

    /// Turns both sides forward, for tests.
    pub fn turn(&self, by: Duration) {
        self.turned.fetch_add(millis(by), Ordering::Relaxed);
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_moves_both_sides() {
        let clock = Clock::system();
        let (now, ticks) = (clock.now(), clock.ticks());
        clock.turn(Duration::from_secs(3600));
        assert!(clock.now() - now >= 3_600_000);
        assert!(clock.ticks() - ticks >= 3_600_000);
    }
}
