//! Keys of calls that make something. The same wish made again, because its answer was lost on the
//! way, goes with the same key: so nothing is made twice, whoever asks.

use hallway_kit::Clock;
use hallway_protocol::ids::Key;
use parking_lot::Mutex;
use serde::Serialize;

/// A wish made again after this long is another one, milliseconds.
const SAME: i64 = 10 * 60_000;
/// Wishes remembered at once; nobody presses more buttons.
const WISHES: usize = 32;

/// Wishes that were not answered with success yet.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Vec<Wish>>);

#[derive(Debug)]
struct Wish {
    what: String,
    key: Key,
    at: i64,
}

impl Held {
    /// The key of this wish: a new one, or that of the last time it was made.
    pub fn key(&self, clock: &Clock, kind: &str, wish: &impl Serialize) -> Key {
        let what = format!("{kind} {}", serde_json::to_string(wish).unwrap_or_default());
        let now = clock.ticks();
        let mut wishes = self.0.lock();
        wishes.retain(|wish| now - wish.at < SAME);
        if let Some(same) = wishes.iter().find(|wish| wish.what == what) {
            return same.key.clone();
        }
        if wishes.len() == WISHES {
            wishes.remove(0);
        }
        let key = Key::new(clock.now());
        wishes.push(Wish { what, key: key.clone(), at: now });
        key
    }

    /// It was granted: the next one like it is another.
    pub fn done(&self, key: &Key) {
        self.0.lock().retain(|wish| wish.key != *key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wish_made_again_is_the_same_until_it_is_granted() {
        let (held, clock) = (Held::default(), Clock::system());
        let first = held.key(&clock, "room", &"kitchen");
        assert_eq!(held.key(&clock, "room", &"kitchen"), first);
        assert_ne!(held.key(&clock, "room", &"garden"), first);
        assert_ne!(held.key(&clock, "invite", &"kitchen"), first);
        held.done(&first);
        let second = held.key(&clock, "room", &"kitchen");
        assert_ne!(second, first);
        clock.turn(Duration::from_millis(SAME.unsigned_abs()));
        assert_ne!(held.key(&clock, "room", &"kitchen"), second);
        (0..2 * WISHES).for_each(|n| drop(held.key(&clock, "room", &n)));
        assert_eq!(held.0.lock().len(), WISHES);
    }
}
