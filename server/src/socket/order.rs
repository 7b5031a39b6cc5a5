//! The order of commands on one connection. Commands of a room keep it to the commit: after one
//! that may be tried again, later ones of that room get the same refusal until its key comes again
//! or is forgotten. At most 16 wait for their answer in a room; 50 come in a second.

use hallway_protocol::error::{Code, Refused, Retry};
use hallway_protocol::ids::{Key, RoomId};
use std::collections::HashMap;

/// What stands in the way of each room's commands.
#[derive(Debug, Default)]
pub struct Order {
    /// Unanswered commands a room may have; 0: any number.
    most: usize,
    rooms: HashMap<RoomId, Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    unanswered: usize,
    refused: Option<(Key, Refused)>,
}

impl Order {
    /// At most so many unanswered commands a room; 0 means no limit.
    pub fn new(most: usize) -> Self {
        Order { most, rooms: HashMap::new() }
    }

    /// A command comes: whether it may go on.
    pub fn admit(&mut self, room: RoomId, key: Option<&Key>) -> Result<(), Box<Refused>> {
        let waiting = self.rooms.entry(room).or_default();
        if let Some((first, refused)) = &waiting.refused {
            if key != Some(first) {
                return Err(Box::new(refused.clone()));
            }
            waiting.refused = None;
        }
        if self.most > 0 && waiting.unanswered >= self.most {
            let message = format!("{} commands of this room wait for their answer", self.most);
            let refused = Refused::new(Code::RateLimited, message);
            waiting.refused = key.map(|key| (key.clone(), refused.clone()));
            return Err(Box::new(refused));
        }
        waiting.unanswered += 1;
        Ok(())
    }

    /// A command that was not even admitted for a passing reason: the room waits for it as well.
    pub fn turned_away(&mut self, room: RoomId, key: Option<&Key>, refused: &Refused) {
        let waiting = self.rooms.entry(room).or_default();
        if let Some(key) = key {
            waiting.refused.get_or_insert_with(|| (key.clone(), refused.clone()));
        }
    }

    /// An admitted command was answered.
    pub fn answered(&mut self, room: RoomId, key: Option<&Key>, refused: Option<&Refused>) {
        let Some(waiting) = self.rooms.get_mut(&room) else { return };
        waiting.unanswered = waiting.unanswered.saturating_sub(1);
        if let (Some(key), Some(refused)) = (key, refused)
            && refused.retry == Retry::Later
            && waiting.refused.is_none()
        {
            waiting.refused = Some((key.clone(), refused.clone()));
        }
        self.tidy(room);
    }

    /// The key will not come again.
    pub fn forget(&mut self, room: RoomId, key: &Key) {
        if let Some(waiting) = self.rooms.get_mut(&room) {
            waiting.refused.take_if(|(first, _)| first == key);
        }
        self.tidy(room);
    }

    fn tidy(&mut self, room: RoomId) {
        if self.rooms.get(&room).is_some_and(|w| w.unanswered == 0 && w.refused.is_none()) {
            self.rooms.remove(&room);
        }
        if self.rooms.is_empty() {
            // An idle connection keeps no table.
            self.rooms = HashMap::new();
        }
    }
}

/// A bucket that fills by `rate` a second up to `burst`.
#[derive(Debug)]
pub struct Bucket {
    rate: f64,
    burst: f64,
    left: f64,
    at: i64,
}

impl Bucket {
    /// A full one; a rate of 0 never empties it.
    pub fn new(rate: u32, burst: u32) -> Self {
        Bucket { rate: rate.into(), burst: burst.into(), left: burst.into(), at: 0 }
    }

    /// Takes one at `now` (monotonic milliseconds), or says how long until there is one.
    pub fn take(&mut self, now: i64) -> Result<(), i64> {
        if self.rate == 0.0 {
            return Ok(());
        }
        let passed = (now - self.at).max(0) as f64 / 1000.0;
        self.at = now;
        self.left = (self.left + passed * self.rate).min(self.burst);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(((1.0 - self.left) / self.rate * 1000.0).ceil() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(7);

    fn key(n: i64) -> Key {
        Key::new(n)
    }

    fn busy() -> Refused {
        Refused::new(Code::Busy, "busy")
    }

    #[test]
    fn after_a_passing_refusal_the_room_waits_for_its_key() {
        let (a, b) = (key(1), key(2));
        let mut order = Order::new(16);
        order.admit(ROOM, Some(&a)).unwrap();
        order.answered(ROOM, Some(&a), Some(&busy()));
        assert_eq!(order.admit(ROOM, Some(&b)).unwrap_err().code, Code::Busy);
        assert_eq!(order.admit(ROOM, None).unwrap_err().code, Code::Busy);
        order.admit(RoomId(8), Some(&b)).unwrap();
        order.admit(ROOM, Some(&a)).unwrap();
        order.admit(ROOM, Some(&b)).unwrap();
    }

    #[test]
    fn a_forgotten_key_and_a_lasting_refusal_hold_nothing_up() {
        let (a, b) = (key(1), key(2));
        let mut order = Order::new(16);
        order.admit(ROOM, Some(&a)).unwrap();
        order.answered(ROOM, Some(&a), Some(&busy()));
        order.forget(ROOM, &b);
        assert!(order.admit(ROOM, Some(&b)).is_err());
        order.forget(ROOM, &a);
        order.admit(ROOM, Some(&b)).unwrap();
        order.answered(ROOM, Some(&b), Some(&Refused::new(Code::Forbidden, "no")));
        order.admit(ROOM, Some(&a)).unwrap();
        order.answered(ROOM, Some(&a), None);
        assert!(order.rooms.is_empty());
    }

    #[test]
    fn the_first_of_several_is_waited_for() {
        let keys = [key(1), key(2), key(3)];
        let mut order = Order::new(16);
        for key in &keys[..2] {
            order.admit(ROOM, Some(key)).unwrap();
        }
        for key in &keys[..2] {
            order.answered(ROOM, Some(key), Some(&busy()));
        }
        assert!(order.admit(ROOM, Some(&keys[1])).is_err());
        order.admit(ROOM, Some(&keys[0])).unwrap();
        order.admit(ROOM, Some(&keys[1])).unwrap();
    }

    #[test]
    fn the_seventeenth_unanswered_is_refused_and_waited_for() {
        let mut order = Order::new(16);
        let keys: Vec<_> = (0..18).map(key).collect();
        for key in &keys[..16] {
            order.admit(ROOM, Some(key)).unwrap();
        }
        assert_eq!(order.admit(ROOM, Some(&keys[16])).unwrap_err().code, Code::RateLimited);
        order.answered(ROOM, Some(&keys[0]), None);
        assert!(order.admit(ROOM, Some(&keys[17])).is_err());
        order.admit(ROOM, Some(&keys[16])).unwrap();
        let mut free = Order::new(0);
        assert!(keys.iter().all(|key| free.admit(ROOM, Some(key)).is_ok()));
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(50, 100);
        assert!((0..100).all(|_| bucket.take(0).is_ok()));
        assert_eq!(bucket.take(0), Err(20));
        assert!(bucket.take(20).is_ok());
        assert!(bucket.take(20).is_err());
        assert!((0..1000).all(|_| Bucket::new(0, 0).take(0).is_ok()));
    }
}
