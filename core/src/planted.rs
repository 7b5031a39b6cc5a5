//! Planted bugs: one wrong line at a time, so that the simulation can show it would notice
//! (sync.md §6). Without the feature `planted` every question is a constant `false` and nothing of
//! this is in the program; with it the bug is chosen per thread, so seeds may run side by side.

/// A bug that concerns one client alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Bug {
    /// Rows are stored whatever their `rev`.
    ApplyWithoutVersion,
    /// `ok` moves the cursor to its `seq`.
    OkMovesCursor,
    /// A delta that is not `done` claims coverage.
    CoverBeforeDone,
    /// Coverage outside what a window looked at is kept.
    IslandsKept,
    /// A window keeps coverage below the floor that was asked for.
    FloorIgnored,
    /// An `ok` below the last window claims coverage.
    LateOkCovers,
    /// A page read before the last window claims coverage.
    OldPageCovers,
    /// The start of an interrupted replay survives a window.
    CatchFromSurvives,
    /// An edit of a message already sent rewrites the sent bytes.
    EditRewritesSent,
    /// The back-off starts anew at each connection, not after half a minute of life.
    BackoffResetAtConnect,
    /// A refused operation stops everything behind it in the room.
    FailedBlocksAll,
    /// The notified mark is not raised with the notice.
    NotifiedForgotten,
    /// A waiting edit is rewritten by one of the same number in another room.
    EditInAnyRoom,
    /// The answer to a leave whose room is gone already stays awaited.
    LeaveAwaited,
    /// A count is taken for one of the read mark that is known when it arrives.
    CountedFromHere,
    /// A message clears the draft whatever was begun since.
    AnyDraftCleared,
    /// A message that is said once more takes a newer draft along.
    DraftUnguarded,
}

/// All of them, for the test that looks for each.
pub const ALL: [Bug; 17] = [
    Bug::ApplyWithoutVersion,
    Bug::OkMovesCursor,
    Bug::CoverBeforeDone,
    Bug::IslandsKept,
    Bug::FloorIgnored,
    Bug::LateOkCovers,
    Bug::OldPageCovers,
    Bug::CatchFromSurvives,
    Bug::EditRewritesSent,
    Bug::BackoffResetAtConnect,
    Bug::FailedBlocksAll,
    Bug::NotifiedForgotten,
    Bug::EditInAnyRoom,
    Bug::LeaveAwaited,
    Bug::CountedFromHere,
    Bug::AnyDraftCleared,
    Bug::DraftUnguarded,
];

#[cfg(feature = "planted")]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Chooses the bug of this thread.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    CHOSEN.with(|chosen| chosen.set(bug));
}

/// Whether `bug` is in force.
#[cfg(feature = "planted")]
pub(crate) fn planted(bug: Bug) -> bool {
    CHOSEN.with(|chosen| chosen.get() == Some(bug))
}

/// Whether `bug` is in force: never.
#[cfg(not(feature = "planted"))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}
