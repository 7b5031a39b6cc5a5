//! The table that is printed at the end.

use std::fmt;

/// Lines in the order they were measured.
#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
}

struct Line {
    what: String,
    measured: String,
    expected: String,
    holds: Option<bool>,
    note: String,
}

impl Table {
    /// A figure with an expectation.
    pub fn figure(&mut self, what: &str, measured: String, expected: &str, holds: bool) {
        self.push(what, measured, expected, Some(holds), String::new());
    }

    /// A figure that stands beside another and expects nothing.
    pub fn beside(&mut self, what: &str, measured: String, note: &str) {
        self.push(what, measured, "", None, note.into());
    }

    fn push(
        &mut self,
        what: &str,
        measured: String,
        expected: &str,
        holds: Option<bool>,
        note: String,
    ) {
        // Said at once too: a run takes a minute, and may be ended early.
        eprintln!("{what}: {measured}");
        let (what, expected) = (what.to_owned(), expected.to_owned());
        self.lines.push(Line { what, measured, expected, holds, note });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |part: fn(&Line) -> &str| {
            self.lines.iter().map(|line| part(line).chars().count()).max().unwrap_or(0).max(8)
        };
        let (w, m, e) = (width(|l| &l.what), width(|l| &l.measured), width(|l| &l.expected));
        writeln!(f, "{:w$}  {:>m$}  {:e$}  ", "figure", "measured", "expected")?;
        for line in &self.lines {
            let holds = match line.holds {
                Some(true) => "holds",
                Some(false) => "falls short",
                None => &line.note,
            };
            let (what, measured, expected) = (&line.what, &line.measured, &line.expected);
            writeln!(f, "{what:w$}  {measured:>m$}  {expected:e$}  {holds}")?;
        }
        Ok(())
    }
}
