//! Exponential back-off with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog,
//! 2015): the wait is drawn from `0 … min(most, least · 2^k)`, so a thousand clients that lost
//! their server together do not come back together.

use rand::RngExt;
use std::time::Duration;

/// The state of one row of attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    attempts: u32,
}

impl Backoff {
    /// Draws from `0 … least` first, doubling up to `0 … most`.
    pub fn new(least: Duration, most: Duration) -> Self {
        Backoff { least, most, attempts: 0 }
    }

    /// The bound of the next draw.
    pub fn bound(&self) -> Duration {
        self.least.saturating_mul(1u32 << self.attempts.min(20)).min(self.most)
    }

    /// Draws the next wait, and counts the attempt.
    pub fn next(&mut self, random: &mut impl rand::Rng) -> Duration {
        let bound = self.bound();
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(random.random::<f64>())
    }

    /// After a success that lasted.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waits_grow_to_the_bound_and_start_anew_after_reset() {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        for k in 0..12 {
            let bound = Duration::from_millis(500 << k.min(10)).min(Duration::from_secs(30));
            assert_eq!(backoff.bound(), bound);
            assert!(backoff.next(&mut random) <= bound);
        }
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_millis(500));
    }
}
