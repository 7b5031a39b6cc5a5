//! The one door for rows. Event, delta, page, `ok` and `own` all end here, and one rule applies
//! them: **store the row iff its `rev` is newer** than what is held. So duplicates and any
//! interleaving converge (P5), and a deleted text leaves the store and the search index in the
//! transaction that brought its tombstone (P14).

mod write;

pub use write::{Touched, Write};

use crate::notify::{self, News};
use crate::op::Act;
use crate::planted::{Bug, planted};
use crate::search;
use crate::store::{Sql, rewind, rooms};
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::rows::{Member, Message, MessageKind, Mine, MineState, Reaction, Row, User};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

/// Carries out the writes of a step, in order.
pub(crate) fn apply(
    tx: &Connection,
    me: UserId,
    writes: &[Write],
    server_now: Millis,
) -> Sql<Touched> {
    let mut touched = Touched::default();
    for write in writes {
        one(tx, me, write, &mut touched)?;
    }
    rooms::sweep(tx, &mut touched)?;
    notify::decide(tx, &mut touched, server_now)?;
    Ok(touched)
}

fn one(tx: &Connection, me: UserId, write: &Write, touched: &mut Touched) -> Sql<()> {
    match write {
        Write::Rows { rows, news } => {
            rows.iter().try_for_each(|row| self::row(tx, me, row, *news, touched))
        }
        Write::Mark { room, mark, covered } => {
            touched.rooms.insert(*room);
            rooms::mark(tx, *room, mark, covered.as_deref())
        }
        Write::Counted(head) => {
            touched.rooms.insert(head.room);
            rooms::counted(tx, head, touched)
        }
        Write::Whole { room, lo, hi, as_of, messages, reactions } => {
            rooms::whole(tx, (*room, *lo, *hi, *as_of), messages, reactions, touched)
        }
        Write::Distrust { room, to } => rooms::distrust(tx, *room, *to),
        Write::Cut { room, min_seq } => rooms::cut(tx, *room, *min_seq, touched),
        Write::Gone { room, why } => rooms::leave(tx, *room, why, touched),
        Write::Outside(room) => rooms::outside(tx, *room, touched),
        Write::ReadMark { room, seq } => rooms::read_mark(tx, *room, *seq, touched),
        Write::Receipts { room, marks } => rooms::receipts(tx, *room, marks),
        Write::Put(op) => {
            // What is read here needs no notice here, whether the server knows it yet or not.
            if let Act::Read { seq } = op.act {
                touched.read.insert(op.room, seq);
            }
            touch_op(tx, op.op, touched)?;
            crate::store::put_op(tx, op)?;
            touch_op(tx, op.op, touched)
        }
        Write::Remove(op) => {
            touch_op(tx, *op, touched)?;
            crate::store::remove_op(tx, *op)
        }
        Write::Set(name, value) => {
            touched.all_unsent |= *name == "held";
            crate::store::set(tx, name, value)
        }
        Write::Epoch { epoch, heads } => rewind::rewind(tx, me, epoch, heads, touched),
    }
}

/// The room shows its operations, and a message the ones that concern it.
fn touch_op(tx: &Connection, op: i64, touched: &mut Touched) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "select room, target_seq, kind, key, needs_key from outbox where op = ?1",
    )?;
    let mut rows = statement.query([op])?;
    if let Some(row) = rows.next()? {
        let room = RoomId(row.get(0)?);
        touched.rooms.insert(room);
        if let Some(seq) = row.get(1)? {
            touched.message(room, seq);
        }
        if row.get_ref(2)?.as_str()? == "send" {
            touched.unsent.insert(row.get(3)?);
        } else if let Some(needs) = row.get(4)? {
            touched.unsent.insert(needs);
        }
    }
    Ok(())
}

fn row(tx: &Connection, me: UserId, row: &Row, news: News, touched: &mut Touched) -> Sql<()> {
    match row {
        Row::Message(message) => self::message(tx, me, message, news, touched),
        Row::Reaction(reaction) => self::reaction(tx, reaction, touched),
        Row::Member(member) => self::member(tx, member, touched),
        Row::Room(room) => self::room(tx, room, touched),
        Row::User(user) => self::user(tx, user, touched),
        Row::Mine(mine) => self::mine(tx, mine, touched),
        // Devices are shown from the server's list; a kind of a later version is not ours to keep.
        Row::Session(_) | Row::Unknown => Ok(()),
    }
}

fn json<T: Serialize>(value: &T) -> Sql<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// What is held of a message.
struct Held {
    rev: Seq,
    text: String,
    concerns: bool,
    doc: Option<i64>,
}

fn held(tx: &Connection, room: RoomId, seq: Seq) -> Sql<Option<Held>> {
    tx.prepare_cached("select rev, text, concerns, doc from messages where room = ?1 and seq = ?2")?
        .query_row([room.0, seq], |row| {
            Ok(Held {
                rev: row.get(0)?,
                text: row.get(1)?,
                concerns: row.get(2)?,
                doc: row.get(3)?,
            })
        })
        .optional()
}

fn message(
    tx: &Connection,
    me: UserId,
    message: &Message,
    news: News,
    touched: &mut Touched,
) -> Sql<()> {
    let Some(place) = rooms::place(tx, message.room)? else { return Ok(()) };
    let held = held(tx, message.room, message.seq)?;
    let newer = held.as_ref().is_none_or(|held| held.rev < message.rev);
    if message.seq < place.min_seq || !newer && !planted(Bug::ApplyWithoutVersion) {
        return Ok(());
    }
    // A tombstone no longer says whom it named; what was known of it still counts for the badge.
    let concerns = message.sender != me
        && message.kind == MessageKind::Text
        && (held.as_ref().is_some_and(|held| held.concerns)
            || place.direct
            || message.everyone
            || message.mentions.contains(&me)
            || answers(tx, me, message)?);
    let doc = index(tx, message, held.as_ref())?;
    write_message(tx, message, concerns, doc)?;
    if message.deleted {
        tx.prepare_cached("delete from reactions where room = ?1 and seq = ?2")?
            .execute([message.room.0, message.seq])?;
        if held.is_some() && message.sender != me {
            touched.over.insert((message.room, message.seq));
        }
    }
    if held.is_some() {
        quoted(tx, message.room, message.seq, touched)?;
    } else if message.kind == MessageKind::Text && !message.deleted && message.sender != me {
        let (room, seq) = (message.room, message.seq);
        touched.fresh.push(notify::Fresh { room, seq, at: message.at, concerns, news });
    }
    touched.message(message.room, message.seq);
    // What began the thread says how many answered.
    if let Some(root) = message.thread {
        touched.message(message.room, root);
    }
    Ok(())
}

fn answers(tx: &Connection, me: UserId, message: &Message) -> Sql<bool> {
    let Some(reply) = message.reply else { return Ok(false) };
    let sender: Option<i64> = tx
        .prepare_cached("select sender from messages where room = ?1 and seq = ?2")?
        .query_row([message.room.0, reply], |row| row.get(0))
        .optional()?;
    Ok(sender == Some(me.0))
}

/// Keeps the search index at what the row will say; answers the row's place in it.
fn index(tx: &Connection, message: &Message, held: Option<&Held>) -> Sql<Option<i64>> {
    let old = held.and_then(|held| held.doc.map(|doc| (doc, held.text.as_str())));
    if let Some((doc, text)) = old {
        if search::is_found(message) && text == message.text {
            return Ok(Some(doc));
        }
        search::remove(tx, doc, text)?;
    }
    if !search::is_found(message) {
        return Ok(None);
    }
    let doc = match old {
        Some((doc, _)) => doc,
        None => search::number(tx, message.at, message.room, message.seq)?,
    };
    search::add(tx, doc, &message.text)?;
    Ok(Some(doc))
}

fn write_message(tx: &Connection, m: &Message, concerns: bool, doc: Option<i64>) -> Sql<()> {
    let kind = match m.kind {
        MessageKind::Text => "text",
        MessageKind::System => "system",
    };
    tx.prepare_cached(
        "insert or replace into messages (room, seq, n, sender, key, at, kind, text, reply, thread,
             edited_at, deleted, pinned, everyone, mentions, meta, files, rev, verified, concerns,
             doc)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1,
             ?19, ?20)",
    )?
    .execute(params![
        m.room.0,
        m.seq,
        m.n,
        m.sender.0,
        m.key.as_ref().map(|key| key.as_str()),
        m.at,
        kind,
        m.text,
        m.reply,
        m.thread,
        m.edited_at,
        m.deleted,
        m.pinned,
        m.everyone,
        json(&m.mentions)?,
        json(&m.meta)?,
        json(&m.files)?,
        m.rev,
        concerns,
        doc,
    ])
    .map(drop)
}

/// Messages that quote a changed one show it anew.
fn quoted(tx: &Connection, room: RoomId, seq: Seq, touched: &mut Touched) -> Sql<()> {
    let mut statement =
        tx.prepare_cached("select seq from messages where room = ?1 and reply = ?2 limit 100")?;
    for quoting in statement.query_map([room.0, seq], |row| row.get(0))? {
        touched.message(room, quoting?);
    }
    Ok(())
}

fn reaction(tx: &Connection, r: &Reaction, touched: &mut Touched) -> Sql<()> {
    if rooms::place(tx, r.room)?.is_none_or(|place| r.seq < place.min_seq) {
        return Ok(());
    }
    // A tombstone took its reactions along; one that comes late does not bring them back.
    let changed = tx
        .prepare_cached(
            "insert into reactions (room, seq, user, emoji, held, rev)
             select ?1, ?2, ?3, ?4, ?5, ?6 where not exists (
                 select 1 from messages where room = ?1 and seq = ?2 and deleted = 1)
             on conflict (room, seq, user, emoji) do update set held = ?5, rev = ?6
                 where ?6 > rev or ?7",
        )?
        .execute(params![
            r.room.0,
            r.seq,
            r.user.0,
            r.emoji,
            r.on,
            r.rev,
            planted(Bug::ApplyWithoutVersion)
        ])?;
    if changed > 0 {
        touched.message(r.room, r.seq);
    }
    Ok(())
}

fn member(tx: &Connection, m: &Member, touched: &mut Touched) -> Sql<()> {
    if rooms::place(tx, m.room)?.is_none() {
        return Ok(());
    }
    let changed = tx
        .prepare_cached(
            "insert into members (room, user, role, joined_seq, left_seq, rev)
             values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (room, user) do update set role = ?3, joined_seq = ?4, left_seq = ?5,
                 rev = ?6 where ?6 > rev or ?7",
        )?
        .execute(params![
            m.room.0,
            m.user.0,
            rooms::word(&m.role)?,
            m.joined_seq,
            m.left_seq,
            m.rev,
            planted(Bug::ApplyWithoutVersion)
        ])?;
    if changed > 0 {
        touched.rooms.insert(m.room);
    }
    Ok(())
}

fn room(tx: &Connection, r: &hallway_protocol::rows::Room, touched: &mut Touched) -> Sql<()> {
    let changed = tx
        .prepare_cached(
            "update rooms set kind = ?2, name = ?3, topic = ?4, visibility = ?5, history = ?6,
                 rev = ?7 where room = ?1 and (?7 > rev or ?8)",
        )?
        .execute(params![
            r.room.0,
            rooms::word(&r.kind)?,
            r.name,
            r.topic,
            rooms::word(&r.visibility)?,
            rooms::word(&r.history)?,
            r.rev,
            planted(Bug::ApplyWithoutVersion)
        ])?;
    if changed > 0 {
        touched.rooms.insert(r.room);
    }
    Ok(())
}

fn user(tx: &Connection, u: &User, touched: &mut Touched) -> Sql<()> {
    // My own row comes whole in my own log, and without its private parts from elsewhere.
    let changed = tx
        .prepare_cached(
            "insert into users (user, name, display_name, avatar, status, bot, guest, deleted,
                 role, email, rev)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             on conflict (user) do update set name = ?2, display_name = ?3, avatar = ?4,
                 status = ?5, bot = ?6, guest = ?7, deleted = ?8, role = coalesce(?9, role),
                 email = coalesce(?10, email), rev = ?11
                 where ?11 > rev or role is null and ?9 is not null and ?11 = rev",
        )?
        .execute(params![
            u.user.0,
            u.name,
            u.display_name,
            u.avatar,
            u.status,
            u.bot,
            u.guest,
            u.deleted,
            u.role.map(|role| rooms::word(&role)).transpose()?,
            u.email,
            u.rev,
        ])?;
    if changed > 0 {
        touched.users.insert(u.user);
        rooms::of_person(tx, u.user, touched)?;
    }
    Ok(())
}

fn mine(tx: &Connection, m: &Mine, touched: &mut Touched) -> Sql<()> {
    match m.state {
        MineState::Joined => rooms::keep(tx, m, touched),
        MineState::Left => rooms::leave(tx, m.room, "left", touched),
        MineState::Removed => rooms::leave(tx, m.room, "removed", touched),
        MineState::Deleted => rooms::leave(tx, m.room, "deleted", touched),
    }
}

#[cfg(test)]
mod tests;
