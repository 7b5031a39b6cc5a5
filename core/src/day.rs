//! The way to a day: the first message of a room that was said at or after a moment. Nobody keeps a
//! list of days; messages lie in time, so halving the room finds the place in a few looks, of which
//! each asks the server only for what is not held.

use crate::account::Core;
use crate::error::{Fault, Result};
use crate::timeline::Ask;
use hallway_protocol::ids::{Millis, RoomId, Seq};

impl Core {
    /// The first message said at or after `at`; where there is none, the last. Clocks of a server may
    /// leap, so what is found is a place to begin reading, nothing more.
    pub async fn first_since(&self, room: RoomId, at: Millis) -> Result<Option<Seq>> {
        let view = self.room(room).await?.ok_or_else(|| Fault::not_found("room"))?;
        halved(view.head, at, |from| async move {
            let ask = Ask { after: Some(from - 1), limit: 1, ..Ask::default() };
            let part = self.timeline(room, ask).await?;
            Ok(part.rows.iter().find_map(|row| Some((row.seq?, row.at))))
        })
        .await
    }
}

/// `from` answers the first message from a number on, and when it was said.
async fn halved<F>(head: Seq, at: Millis, from: impl Fn(Seq) -> F) -> Result<Option<Seq>>
where
    F: Future<Output = Result<Option<(Seq, Millis)>>>,
{
    let (mut low, mut high) = (1, head + 1);
    let (mut found, mut last) = (None, None);
    while low < high {
        let middle = low + (high - low) / 2;
        match from(middle).await? {
            Some((seq, said)) if said < at => {
                last = last.max(Some(seq));
                low = seq + 1;
            }
            Some((seq, _)) => {
                found = Some(seq);
                high = middle;
            }
            None => high = middle,
        }
    }
    Ok(found.or(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A room of messages `(seq, at)`; answers what is found and in how many looks.
    async fn find(room: &[(Seq, Millis)], head: Seq, at: Millis) -> (Option<Seq>, u32) {
        let looks = Cell::new(0);
        let looks_at = &looks;
        let from = |first: Seq| async move {
            looks_at.set(looks_at.get() + 1);
            Ok(room.iter().copied().find(|(seq, _)| *seq >= first))
        };
        let found = halved(head, at, from).await.unwrap();
        (found, looks.get())
    }

    #[tokio::test]
    async fn the_first_message_of_a_day_is_found_in_every_room() {
        // Numbers between them were edits and reactions.
        let room: Vec<(Seq, Millis)> = (0..40).map(|n| (3 + 7 * n, 100 * n)).collect();
        for head in [276, 300] {
            for at in -1..=3_901 {
                let expected = room.iter().find(|(_, said)| *said >= at);
                let expected = expected.or(room.last()).map(|(seq, _)| *seq);
                assert_eq!(find(&room, head, at).await.0, expected, "at {at} of {head}");
            }
        }
        assert_eq!(find(&[], 0, 5).await.0, None);
        assert_eq!(find(&[], 9, 5).await.0, None, "a room of notices alone");
    }

    #[tokio::test]
    async fn a_long_history_takes_few_looks() {
        let room: Vec<(Seq, Millis)> = (1..=100_000).map(|n| (n, n)).collect();
        let (found, looks) = find(&room, 100_000, 77_777).await;
        assert_eq!(found, Some(77_777));
        assert!(looks <= 17, "{looks}");
    }
}
