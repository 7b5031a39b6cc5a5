//! Join codes of rooms: eight characters without look-alikes, shown again to whoever may see them.

use super::rooms::{self, folded_code};
use super::{Me, Once, Result, Tx, ops};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, RoomId};
use hallway_protocol::rest::JoinCode;

/// No 0 and O, no 1, I and L.
const LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// 31^8: half a chance to guess one of a thousand codes after 4·10^8 tries.
const LENGTH: usize = 8;

/// The room's code; made when there is none.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, room: RoomId) -> Result<Once<JoinCode>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    let again = ops::first(tx, me, key, "code", &target)?.is_some();
    access::may(tx, me, Act::Code, &facts)?;
    let present = tx
        .one("select code from rooms where id = $1", params![room], |row| {
            row.get::<Option<String>>(0)
        })?
        .flatten();
    let code = match present {
        Some(code) => code,
        None => give(tx, room)?,
    };
    if !again {
        ops::keep(tx, me, key, "code", &target, None)?;
    }
    Ok(Once { again, answer: JoinCode { code } })
}

/// The code opens nothing any more.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, room: RoomId) -> Result<Once<()>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    let again = ops::first(tx, me, key, "code-delete", &target)?.is_some();
    if !again {
        access::may(tx, me, Act::Code, &facts)?;
        tx.exec("update rooms set code = null where id = $1", params![room])?;
        ops::keep(tx, me, key, "code-delete", &target, None)?;
    }
    Ok(Once { again, answer: () })
}

/// Gives a room that is locked, or new, a code.
pub(super) fn give(tx: &mut Tx<'_>, room: RoomId) -> Result<String> {
    let code = draw();
    tx.exec("update rooms set code = $1 where id = $2", params![&code, room])?;
    Ok(code)
}

fn draw() -> String {
    let letter = |_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    folded_code(&(0..LENGTH).map(letter).collect::<String>())
}
