//! Counts: what a part of the tests reported, read from what its runner printed.

/// How many tests or checks passed and failed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Tally) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

impl Tally {
    /// One check that is passed or not.
    pub fn check(ok: bool) -> Tally {
        Tally { passed: u64::from(ok), failed: u64::from(!ok) }
    }

    /// Sums Cargo's `test result:` lines. A run that failed without naming a failure (it did not
    /// compile, it was killed) is one failure, and so is a run that tested nothing.
    pub fn cargo(ok: bool, out: &str) -> Tally {
        let mut tally = Tally::default();
        for line in out.lines() {
            let Some((_, counts)) = line.split_once("test result: ") else { continue };
            tally.passed += before(counts, " passed");
            tally.failed += before(counts, " failed");
        }
        tally.honest(ok)
    }

    /// Node's summary: `ℹ pass 12`, `ℹ fail 0`, `ℹ cancelled 0`.
    pub fn node(ok: bool, out: &str) -> Tally {
        let after = |word: &str| {
            let line = out.lines().rev().find_map(|line| line.strip_prefix(word));
            line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
        };
        let failed = after("ℹ fail ") + after("ℹ cancelled ");
        Tally { passed: after("ℹ pass "), failed }.honest(ok)
    }

    /// Lines that begin with `ok ` or `not ok `, as shell scripts print them.
    pub fn lines(ok: bool, out: &str) -> Tally {
        let count = |word: &str| out.lines().filter(|line| line.starts_with(word)).count() as u64;
        Tally { passed: count("ok "), failed: count("not ok ") }.honest(ok)
    }

    fn honest(mut self, ok: bool) -> Tally {
        if self.failed == 0 && (!ok || self.passed == 0) {
            self.failed = 1;
        }
        self
    }
}

/// The number before a word, as in `ok. 12 passed; 0 failed`.
fn before(text: &str, word: &str) -> u64 {
    let Some(at) = text.find(word) else { return 0 };
    let digits = text[..at].rsplit(' ').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_results_are_summed() {
        let out = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured\n\
                   test result: FAILED. 3 passed; 2 failed; 0 ignored";
        assert_eq!(Tally::cargo(false, out), Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn a_run_that_did_not_compile_is_a_failure() {
        assert_eq!(Tally::cargo(false, ""), Tally { passed: 0, failed: 1 });
        assert_eq!(Tally::cargo(false, "test result: ok. 4 passed; 0 failed").failed, 1);
    }

    #[test]
    fn a_run_without_tests_is_a_failure() {
        assert_eq!(Tally::cargo(true, "test result: ok. 0 passed; 0 failed").failed, 1);
        assert_eq!(Tally::node(true, "ℹ pass 0\nℹ fail 0").failed, 1);
    }

    #[test]
    fn lines_of_a_script_are_counted() {
        let out = "ok it starts\nit said something\nnot ok it stops\nok it is gone";
        assert_eq!(Tally::lines(true, out), Tally { passed: 2, failed: 1 });
        assert_eq!(Tally::lines(false, "ok it starts").failed, 1);
    }

    #[test]
    fn nodes_summary_is_read() {
        let out = "✔ a (1ms)\nℹ tests 5\nℹ pass 4\nℹ fail 1\nℹ cancelled 0";
        assert_eq!(Tally::node(false, out), Tally { passed: 4, failed: 1 });
    }
}
