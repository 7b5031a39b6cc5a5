//! The hand of a server's clock: turned forward while it runs, so that hours of waiting take no time
//! in a test. It is the machine's clock that is turned, from outside the program (libfaketime): dates,
//! and where a story is about how long something takes the monotonic side as well. That one ends
//! whatever is under way: it is turned when all is quiet.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where Debian's package puts it.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// The library that stands before a program's clock.
///
/// # Panics
/// Where there is none, with the line that installs it.
pub fn library() -> &'static str {
    let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
    library.expect("no libfaketime here; install it: apt-get install --yes faketime")
}

/// One clock's hand; it must outlive the server that goes by it.
pub struct Hand {
    folder: tempfile::TempDir,
    /// Seconds it was turned by so far.
    turned: AtomicU64,
    /// The monotonic side stays as it is.
    dates: bool,
}

impl Hand {
    /// One that shows the right time, and turns all of it.
    #[must_use]
    pub fn new() -> Hand {
        Hand::with(false)
    }

    /// One that turns dates alone: what is due by its date is due, nothing takes longer.
    #[must_use]
    pub fn of_dates() -> Hand {
        Hand::with(true)
    }

    fn with(dates: bool) -> Hand {
        let (folder, turned) = (crate::server::folder("clock"), AtomicU64::new(0));
        let hand = Hand { folder, turned, dates };
        hand.show();
        hand
    }

    /// What a program is told that shall go by it.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let file = self.file().display().to_string();
        let mut env = vec![
            ("LD_PRELOAD", library().to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", file),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
        ];
        if self.dates {
            env.push(("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()));
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Turns it forward. A program that sleeps notices when it wakes: ask it something.
    pub fn turn(&self, by: Duration) {
        self.turned.fetch_add(by.as_secs(), Ordering::SeqCst);
        self.show();
    }

    /// What the clock shows, Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        let turned = self.turned.load(Ordering::SeqCst) * 1_000;
        hallway_kit::Clock::system().now() + i64::try_from(turned).expect("not so far")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// Whole or not at all: it is read at any moment.
    fn show(&self) {
        let draft = self.folder.path().join("next");
        let offset = format!("+{}\n", self.turned.load(Ordering::SeqCst));
        std::fs::write(&draft, offset).expect("a file of our own");
        std::fs::rename(&draft, self.file()).expect("a file of our own");
    }
}

impl Default for Hand {
    fn default() -> Self {
        Hand::new()
    }
}
