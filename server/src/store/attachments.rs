//! What refers to files: messages that carry them or will, people whose picture they are, and
//! previews. A file that is referred to stays; when the last message that carried it is deleted, or
//! somebody takes another picture, it goes with the next sweep, and so does what nothing ever came to
//! refer to, in its time.

use super::jobs::{self, Kind};
use super::media::{self, LOOSE_HOURS, State};
use super::rooms;
use super::{Me, Once, Read, Result, StoreError, Tx, chores, ops, own, previews, users};
use crate::access;
use crate::params;
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::{File, User};

/// Whether I may read a message that carries the file, know somebody whose picture it is, or would be
/// shown the preview whose picture it is.
pub(super) fn seen(read: &mut Read<'_>, me: &Me, id: &str) -> Result<bool> {
    let of = read.all(
        "select id from users where avatar = $1 and tenant = $2 and deleted_at is null",
        params![id, me.tenant],
        |row| row.get::<UserId>(0),
    )?;
    for person in of {
        if !me.guest || users::shares_room(read, me, person)? {
            return Ok(true);
        }
    }
    if previews::shows(read, me, id)? {
        return Ok(true);
    }
    let carried = read.all(
        "select room, max(seq) from attachments where media = $1 group by room",
        params![id],
        |row| Ok((row.get::<RoomId>(0)?, row.get::<Seq>(1)?)),
    )?;
    for (room, seq) in carried {
        let Some(facts) = rooms::facts(read, room)? else { continue };
        if access::sees(read, me, &facts)?.is_some_and(|min_seq| seq >= min_seq) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The files of a message in the making, as its row will carry them.
pub(super) fn named(tx: &mut Read<'_>, me: &Me, ids: &[String]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for id in ids {
        let held = match media::readable(tx, me, id) {
            // Whose it is, or whether it is at all, is not said.
            Err(StoreError::NotFound(_)) => {
                return Err(StoreError::Invalid("files", "name no upload of yours".into()));
            }
            held => held?,
        };
        let media::Held { id, name, kind, size, width, height, .. } = held;
        files.push(File { id, name, kind, size, width, height });
    }
    Ok(files)
}

/// A message carries these: from here on they stay.
pub(super) fn keep(tx: &mut Tx<'_>, room: RoomId, seq: Seq, files: &[File]) -> Result<()> {
    for file in files {
        refer(tx, &file.id)?;
        tx.exec(
            "insert into attachments (media, room, seq) values ($1, $2, $3)",
            params![&file.id, room, seq],
        )?;
    }
    Ok(())
}

/// Something refers to a file: it does not end. A sweep that was faster has taken it.
pub(super) fn refer(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let done =
        tx.exec("update media set due_hour = null where id = $1 and state = 'ready'", params![id])?;
    if done == 1 { Ok(()) } else { Err(StoreError::Gone) }
}

/// A message carries nothing any more.
pub(super) fn release(tx: &mut Tx<'_>, room: RoomId, seq: Seq) -> Result<()> {
    let carried = tx.all(
        "select media from attachments where room = $1 and seq = $2 order by media",
        params![room, seq],
        |row| row.get::<String>(0),
    )?;
    for id in carried {
        tx.exec(
            "delete from attachments where media = $1 and room = $2 and seq = $3",
            params![&id, room, seq],
        )?;
        loosen(tx, &id)?;
    }
    Ok(())
}

/// Ends references of the messages of a room that is erased; true: there are more.
pub(super) fn release_some(tx: &mut Tx<'_>, room: RoomId, most: i64) -> Result<u64> {
    let seqs = tx.all(
        "select distinct seq from attachments where room = $1 order by seq limit $2",
        params![room, most],
        |row| row.get::<Seq>(0),
    )?;
    for seq in &seqs {
        release(tx, room, *seq)?;
    }
    Ok(seqs.len() as u64)
}

/// One reference less. Where it was the last, the file goes as soon as somebody sweeps.
pub(super) fn loosen(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let hour = chores::hours(tx)?;
    // Locked first, asked then: another lane may be referring to it at this moment.
    tx.exec("update media set due_hour = due_hour where id = $1", params![id])?;
    let loose = tx.exec(
        "update media set due_hour = $1 where id = $2 and state = 'ready'
            and not exists (select 1 from attachments a where a.media = media.id)
            and not exists (select 1 from scheduled_files s where s.media = media.id)
            and not exists (select 1 from users u where u.avatar = media.id)
            and not exists (select 1 from previews p where p.image = media.id)",
        params![hour, id],
    )?;
    if loose == 1 { jobs::enqueue(tx, None, Kind::Sweep, "", Some("")) } else { Ok(()) }
}

/// Sees to it that nothing stays whose time has come; true: there is more.
pub(super) fn sweep(tx: &mut Tx<'_>, most: i64) -> Result<bool> {
    let hour = chores::hours(tx)?;
    let due = tx.all(
        "select id, place from media where due_hour <= $1 order by due_hour limit $2",
        params![hour, most],
        |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)),
    )?;
    for (id, place) in &due {
        // What is gone is remembered for a while, so that who still names it is told so.
        let later = hour + LOOSE_HOURS;
        let ended = tx.exec(
            "update media set state = 'gone', name = '', size = 0, width = null, height = null,
                thumb = null, due_hour = $1
             where id = $2 and due_hour <= $3 and state <> 'gone'",
            params![later, id, hour],
        )?;
        if ended == 1 {
            jobs::enqueue(tx, None, Kind::Discard, place, None)?;
        } else {
            let old = params![id, hour];
            tx.exec("delete from media where id = $1 and due_hour <= $2 and state = 'gone'", old)?;
        }
    }
    Ok(due.len() as i64 == most)
}

/// A picture of mine, or none.
pub fn portray(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    picture: Option<&str>,
) -> Result<Once<User>> {
    tx.hold_people(&[me.user])?;
    let kind = if picture.is_some() { "avatar" } else { "avatar-delete" };
    if ops::first(tx, me, key, kind, "")?.is_some() {
        return Ok(Once { again: true, answer: users::own_row(tx, me.user)? });
    }
    let before = users::own_row(tx, me.user)?.avatar;
    if let Some(id) = picture {
        let held = media::own(tx, me, id)?;
        match held.state {
            State::New => return Err(StoreError::NotYet("its bytes have not come")),
            State::Gone => return Err(StoreError::Gone),
            State::Ready if held.width.is_none() => {
                return Err(StoreError::Invalid("media", "is no picture".into()));
            }
            State::Ready => refer(tx, id)?,
        }
    }
    if before.as_deref() != picture {
        let rev = own::next(tx, me.user)?;
        tx.exec(
            "update users set avatar = $1, rev = $2 where id = $3",
            params![picture, rev, me.user],
        )?;
        users::publish(tx, me)?;
        if let Some(before) = before {
            loosen(tx, &before)?;
        }
    }
    ops::keep(tx, me, key, kind, "", None)?;
    Ok(Once { again: false, answer: users::own_row(tx, me.user)? })
}

/// The picture of an account that is being closed.
pub(super) fn unportray(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    let Some(before) = users::own_row(tx, user)?.avatar else { return Ok(()) };
    tx.exec("update users set avatar = null where id = $1", params![user])?;
    loosen(tx, &before)
}
