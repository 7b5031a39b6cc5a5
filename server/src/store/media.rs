//! Files as the store knows them: whose, how large, of what kind, where the bytes lie. The bytes are
//! elsewhere (`files.rs`); a row is there before its objects and goes before they do, so nothing lies
//! about that no row, and no job, knows. What refers to a file is in `attachments.rs`.

use super::engine::{Outcome, Record};
use super::jobs::{self, Kind};
use super::ops::{self, Done};
use super::{Me, Once, Read, Result, StoreError, Tx, attachments, chores, keys, sessions};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};

/// Hours an upload may take before it is forgotten.
pub const UPLOAD_HOURS: i64 = 24;
/// Hours a file lives that nothing refers to.
pub const LOOSE_HOURS: i64 = 40 * 24;
/// Uploads of one person that wait for their bytes.
const UNFINISHED: i64 = 100;

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Its bytes are awaited.
    New,
    /// It can be read.
    Ready,
    /// It expired.
    Gone,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Its name on the wire.
    pub id: String,
    /// Whose people may ever see it.
    pub tenant: TenantId,
    /// Who uploads it.
    pub person: UserId,
    /// How far it is.
    pub state: State,
    /// As its uploader calls it.
    pub name: String,
    /// Media type.
    pub kind: String,
    /// Bytes.
    pub size: i64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// Pixels.
    pub width: Option<i64>,
    /// Pixels.
    pub height: Option<i64>,
    /// Media type of its thumbnail.
    pub thumb: Option<String>,
    /// Where its objects lie.
    pub place: String,
    /// In how many parts its bytes come; 0: in one piece.
    pub parts: i64,
    /// Unix milliseconds.
    pub created_at: Millis,
    /// Made by the server for a preview: nobody's own.
    pub made: bool,
}

/// An upload in the making.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMedia {
    /// Random.
    pub id: String,
    /// Random, below the tenant.
    pub place: String,
    /// A label.
    pub name: String,
    /// Media type, as is said.
    pub kind: String,
    /// Bytes, as is said.
    pub size: i64,
    /// Of the bytes, as is said.
    pub sha256: [u8; 32],
    /// Bytes the whole tenant may keep.
    pub quota: Option<i64>,
}

/// What was found in the bytes of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Media type by content.
    pub kind: String,
    /// Bytes that are served.
    pub size: i64,
    /// Of those.
    pub sha256: [u8; 32],
    /// Pixels.
    pub width: Option<i64>,
    /// Pixels.
    pub height: Option<i64>,
}

/// A query of whole files, read by [`row`].
macro_rules! select_media {
    ($rest:literal) => {
        concat!(
            "select id, tenant, person, state, name, type, size, sha256, width, height, thumb, \
             place, parts, created_at, made from media ",
            $rest
        )
    };
}

/// Begins an upload.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, new: &NewMedia) -> Result<Once<Held>> {
    tx.hold_people(&[me.user])?;
    if let Some(done) = ops::first(tx, me, key, "media", "")? {
        return Ok(Once { again: true, answer: own(tx, me, &done.answer)? });
    }
    let open = "select count(*) from media where person = $1 and state = 'new' and made = 0";
    if tx.number(open, params![me.user])? >= UNFINISHED {
        return Err(StoreError::Conflict("finish the uploads that you began"));
    }
    begin(tx, me, new, false)?;
    ops::keep(tx, me, key, "media", "", Some(Done::made(&new.id)))?;
    Ok(Once { again: false, answer: own(tx, me, &new.id)? })
}

/// The server begins a picture for a preview that somebody asked for.
pub fn make(tx: &mut Tx<'_>, me: &Me, new: &NewMedia) -> Result<()> {
    begin(tx, me, new, true)
}

fn begin(tx: &mut Tx<'_>, me: &Me, new: &NewMedia, made: bool) -> Result<()> {
    has_room(tx, me.tenant, new.size, new.quota)?;
    let (now, due) = (tx.now(), chores::hours(tx)? + UPLOAD_HOURS);
    tx.exec(
        "insert into media (id, tenant, person, state, name, type, size, sha256, width, height,
            thumb, place, parts, created_at, due_hour, made)
         values ($1, $2, $3, 'new', $4, $5, $6, $7, null, null, null, $8, 0, $9, $10, $11)",
        params![
            &new.id,
            me.tenant,
            me.user,
            &new.name,
            &new.kind,
            new.size,
            &new.sha256,
            &new.place,
            now,
            due,
            made
        ],
    )?;
    Ok(())
}

/// Whether the tenant may keep so many bytes more.
fn has_room(tx: &mut Tx<'_>, tenant: TenantId, more: i64, quota: Option<i64>) -> Result<()> {
    let Some(quota) = quota else { return Ok(()) };
    // Those who ask at once, on other lanes, take turns.
    tx.exec("update tenants set suspended = suspended where id = $1", params![tenant])?;
    let sum = "select cast(sum(size) as bigint) from media where tenant = $1";
    let used = tx.number(sum, params![tenant])?;
    if used.saturating_add(more) > quota {
        return Err(StoreError::Full((quota - used).max(0)));
    }
    Ok(())
}

/// A file of mine, whatever its state.
pub fn own(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Held> {
    let found = read.one(
        select_media!("where id = $1 and tenant = $2 and person = $3 and made = 0"),
        params![id, me.tenant, me.user],
        row,
    )?;
    found.ok_or(StoreError::NotFound("file"))
}

/// One of mine that can still be worked with; and whether this call was made before.
pub fn opened(read: &mut Read<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<(Held, bool)> {
    let held = own(read, me, id)?;
    let again = ops::first(read, me, key, "media-complete", id)?.is_some();
    if held.state == State::Gone { Err(StoreError::Gone) } else { Ok((held, again)) }
}

/// A file that I may read: my own, a picture of somebody of the tenant, one that a message carries
/// which I may read, or the picture of a preview.
pub fn show(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Held> {
    let sql = select_media!("where id = $1 and tenant = $2");
    let found = read.one(sql, params![id, me.tenant], row)?;
    let held = found.ok_or(StoreError::NotFound("file"))?;
    if held.person == me.user && !held.made {
        return Ok(held);
    }
    let seen = held.state == State::Ready && attachments::seen(read, me, id)?;
    if seen { Ok(held) } else { Err(StoreError::NotFound("file")) }
}

/// The same for whoever wants its bytes.
pub fn readable(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Held> {
    let held = show(read, me, id)?;
    match held.state {
        State::Ready => Ok(held),
        State::New => Err(StoreError::NotYet("its bytes have not come")),
        State::Gone => Err(StoreError::Gone),
    }
}

/// Who a signed address was made for, if they may still come in.
pub fn bearer(
    read: &mut Read<'_>,
    tenant: TenantId,
    user: UserId,
    session: &str,
) -> Result<Option<Me>> {
    let me = match keys::of_session(session) {
        None => sessions::whois(read, session)?.map(|known| known.me),
        Some(key) => {
            let lives = keys::known(read, key)?.is_some_and(|known| known.tenant == tenant);
            if lives { keys::person(read, tenant, key, &keys::Who::Ours(user))? } else { None }
        }
    };
    Ok(me.filter(|me| me.tenant == tenant && me.user == user))
}

/// The bytes of a file of mine come in so many parts.
pub fn split(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str, n: i64) -> Result<Once<Held>> {
    tx.hold_people(&[me.user])?;
    let held = own(tx, me, id)?;
    if ops::first(tx, me, key, "media-parts", id)?.is_some() {
        return Ok(Once { again: true, answer: held });
    }
    match held.state {
        State::New => {}
        State::Ready => return Err(StoreError::Conflict("all of it is there")),
        State::Gone => return Err(StoreError::Gone),
    }
    tx.exec("update media set parts = $1 where id = $2", params![n, id])?;
    ops::keep(tx, me, key, "media-parts", id, None)?;
    Ok(Once { again: false, answer: own(tx, me, id)? })
}

/// All of a file is there, and this is what it is. What only led to it is thrown away.
pub fn complete(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    id: &str,
    found: Option<&Found>,
    quota: Option<i64>,
) -> Result<Once<Held>> {
    tx.hold_people(&[me.user])?;
    let (held, again) = opened(tx, me, key, id)?;
    if again {
        return Ok(Once { again, answer: held });
    }
    if held.state == State::New {
        let found = found.ok_or(StoreError::NotYet("its bytes have not come"))?;
        if found.size > held.size {
            // A picture that was made anew may be larger than it came.
            has_room(tx, me.tenant, found.size - held.size, quota)?;
        }
        settle(tx, &held, found)?;
    }
    ops::keep(tx, me, key, "media-complete", id, None)?;
    Ok(Once { again: false, answer: own(tx, me, id)? })
}

/// A picture that the server made is there, and a preview refers to it; false: it came too late.
pub(super) fn made(tx: &mut Tx<'_>, tenant: TenantId, id: &str, found: &Found) -> Result<bool> {
    let sql = select_media!("where id = $1 and tenant = $2 and made = 1 and state = 'new'");
    let Some(held) = tx.one(sql, params![id, tenant], row)? else { return Ok(false) };
    settle(tx, &held, found)?;
    attachments::refer(tx, id)?;
    Ok(true)
}

fn settle(tx: &mut Tx<'_>, held: &Held, found: &Found) -> Result<()> {
    let due = chores::hours(tx)? + LOOSE_HOURS;
    tx.exec(
        "update media set state = 'ready', type = $1, size = $2, sha256 = $3, width = $4,
            height = $5, due_hour = $6
         where id = $7 and state = 'new'",
        params![&found.kind, found.size, &found.sha256, found.width, found.height, due, &held.id],
    )?;
    if found.width.is_some() {
        jobs::enqueue(tx, Some(held.tenant), Kind::Thumbnail, &held.id, Some(&held.id))?;
    }
    jobs::enqueue(tx, None, Kind::Discard, &format!("{}/in", held.place), None)
}

/// Whether bytes of this file are awaited.
pub fn awaited(read: &mut Read<'_>, id: &str) -> Result<bool> {
    let sql = "select count(*) from media where id = $1 and state = 'new'";
    Ok(read.number(sql, params![id])? > 0)
}

/// A file that is ready, for a job.
pub fn ready(read: &mut Read<'_>, id: &str) -> Result<Option<Held>> {
    read.one(select_media!("where id = $1 and state = 'ready'"), params![id], row)
}

/// A file has a thumbnail of this media type now; false: it ended meanwhile.
pub fn thumbed(tx: &mut Tx<'_>, id: &str, kind: &str) -> Result<bool> {
    let sql = "update media set thumb = $1 where id = $2 and state = 'ready'";
    Ok(tx.exec(sql, params![kind, id])? == 1)
}

fn row(row: &Record<'_>) -> Outcome<Held> {
    let state = match row.get::<String>(3)?.as_str() {
        "new" => State::New,
        "ready" => State::Ready,
        _ => State::Gone,
    };
    Ok(Held {
        id: row.get(0)?,
        tenant: row.get(1)?,
        person: row.get(2)?,
        state,
        name: row.get(4)?,
        kind: row.get(5)?,
        size: row.get(6)?,
        sha256: row.get(7)?,
        width: row.get(8)?,
        height: row.get(9)?,
        thumb: row.get(10)?,
        place: row.get(11)?,
        parts: row.get(12)?,
        created_at: row.get(13)?,
        made: row.get(14)?,
    })
}
