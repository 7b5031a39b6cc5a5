//! Ranges in which nothing is missing: disjoint, ascending, never touching. A room holds one set;
//! it is the second of the two facts of sync.md §5 (the cursor is the first).

use hallway_protocol::ids::Seq;

/// Disjoint ranges `[lo, hi]`, both inclusive.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage(Vec<(Seq, Seq)>);

impl Coverage {
    /// The ranges of a store, in any order.
    pub fn new(ranges: impl IntoIterator<Item = (Seq, Seq)>) -> Self {
        let mut coverage = Coverage::default();
        for (lo, hi) in ranges {
            coverage.add(lo, hi);
        }
        coverage
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(Seq, Seq)] {
        &self.0
    }

    /// Nothing is missing in `[lo, hi]` any more. An empty range adds nothing.
    pub fn add(&mut self, lo: Seq, hi: Seq) {
        if lo > hi {
            return;
        }
        // Live traffic extends the last range: the common case costs nothing.
        if let Some(last) = self.0.last_mut()
            && last.0 <= lo
            && last.1.saturating_add(1) >= lo
        {
            last.1 = last.1.max(hi);
            return;
        }
        let from = self.0.partition_point(|range| range.1.saturating_add(1) < lo);
        let to = self.0.partition_point(|range| range.0 <= hi.saturating_add(1));
        let mut whole = (lo, hi);
        for range in &self.0[from..to] {
            whole = (whole.0.min(range.0), whole.1.max(range.1));
        }
        self.0.splice(from..to, [whole]);
    }

    /// Keeps only what lies inside `[lo, hi]`.
    pub fn clip(&mut self, lo: Seq, hi: Seq) {
        self.0.retain_mut(|range| {
            *range = (range.0.max(lo), range.1.min(hi));
            range.0 <= range.1
        });
    }

    /// `seq` may be missing again.
    pub fn remove(&mut self, seq: Seq) {
        let Some(at) = self.0.iter().position(|range| range.0 <= seq && seq <= range.1) else {
            return;
        };
        let (lo, hi) = self.0[at];
        let parts = [(lo, seq - 1), (seq + 1, hi)];
        self.0.splice(at..=at, parts.into_iter().filter(|part| part.0 <= part.1));
    }

    /// The lowest covered number.
    pub fn floor(&self) -> Option<Seq> {
        self.0.first().map(|range| range.0)
    }

    /// The range that holds `seq`.
    pub fn around(&self, seq: Seq) -> Option<(Seq, Seq)> {
        let at = self.0.partition_point(|range| range.1 < seq);
        self.0.get(at).copied().filter(|range| range.0 <= seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut coverage = Coverage::default();
        for (lo, hi) in [(10, 20), (30, 40), (5, 4), (21, 29), (1, 2), (41, 41), (4, 8)] {
            coverage.add(lo, hi);
        }
        assert_eq!(coverage.ranges(), [(1, 2), (4, 8), (10, 41)]);
        coverage.add(3, 9);
        assert_eq!(coverage.ranges(), [(1, 41)]);
        coverage.remove(20);
        coverage.remove(1);
        assert_eq!(coverage.ranges(), [(2, 19), (21, 41)]);
        coverage.clip(5, 30);
        assert_eq!(coverage.ranges(), [(5, 19), (21, 30)]);
        assert_eq!(coverage.around(20), None);
        assert_eq!(coverage.around(21), Some((21, 30)));
        assert_eq!(coverage.floor(), Some(5));
    }

    #[test]
    fn the_ends_of_numbers_are_numbers() {
        let mut coverage = Coverage::new([(4, 8)]);
        coverage.add(Seq::MAX, Seq::MAX);
        coverage.add(20, Seq::MAX);
        assert_eq!(coverage.ranges(), [(4, 8), (20, Seq::MAX)]);
    }

    #[test]
    fn it_is_the_set_of_its_numbers_whatever_the_order() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand::rngs::StdRng::seed_from_u64(7);
        for _ in 0..300 {
            let (mut coverage, mut set) = (Coverage::default(), BTreeSet::new());
            for _ in 0..20 {
                let lo = random.random_range(1..60);
                let hi = lo + random.random_range(-1..9);
                match random.random_range(0..6) {
                    0 => {
                        coverage.clip(lo, hi + 20);
                        set.retain(|seq| (lo..=hi + 20).contains(seq));
                    }
                    1 => {
                        coverage.remove(lo);
                        set.remove(&lo);
                    }
                    _ => {
                        coverage.add(lo, hi);
                        set.extend(lo..=hi);
                    }
                }
                let listed: BTreeSet<Seq> =
                    coverage.ranges().iter().flat_map(|range| range.0..=range.1).collect();
                assert_eq!(listed, set);
                assert!(coverage.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            }
        }
    }
}
