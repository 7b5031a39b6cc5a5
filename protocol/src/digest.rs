//! The digest of a heartbeat: both ends sum up which heads they know of, so that a lost last event
//! shows although nothing follows it.

use crate::ids::{RoomId, Seq};

/// The sum over joined rooms and the own log: 16 hex digits, whatever the order of the rooms.
pub fn digest(rooms: impl IntoIterator<Item = (RoomId, Seq)>, own: Seq) -> String {
    let sum = rooms.into_iter().fold(mix(own.cast_unsigned()), |sum, (room, head)| {
        let word = room.0.cast_unsigned() ^ head.cast_unsigned().rotate_left(32);
        sum.wrapping_add(mix(word))
    });
    format!("{sum:016x}")
}

/// splitmix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_depends_on_every_head_and_on_no_order() {
        let (a, b) = ((RoomId(7), 815), (RoomId(9), 44));
        let whole = digest([a, b], 56);
        assert_eq!(whole, digest([b, a], 56));
        assert_ne!(whole, digest([a, (RoomId(9), 45)], 56));
        assert_ne!(whole, digest([a, b], 57));
        assert_ne!(whole, digest([a], 56));
    }

    /// Other clients compute it too: these are the numbers they must find.
    #[test]
    fn it_is_the_same_everywhere() {
        assert_eq!(digest([], 0), "0000000000000000");
        assert_eq!(digest([], 1), "5692161d100b05e5");
        assert_eq!(digest([(RoomId(7), 815), (RoomId(9), 44)], 56), "059a46914d7f5ab6");
    }
}
