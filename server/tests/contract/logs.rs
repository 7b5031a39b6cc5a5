//! Catching up: any cursor leads to the same state; windows, holes, resets; the own log; marks.

use crate::cast::{Stage, draft, key};
use crate::messages::{delete, edit, pin, react};
use hallway_protocol::frames::{Delta, DeltaKind, MinePatch};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::limits::{DELTA_BYTES, DELTA_ROWS};
use hallway_protocol::rest::{MemberRole, Receipt, RoomPatch, Sync, SyncRoom};
use hallway_protocol::rows::{History, MineState, Notify, Row};
use hallway_server::store::delta::{self, Pull};
use hallway_server::store::pages::Part;
use hallway_server::store::{
    Event, Me, Needs, StoreError, marks, members, own, pages, settings, storage, sync,
};
use std::collections::BTreeMap;
use std::sync::Arc;

contract!(
    any_cursor_leads_to_the_same_state,
    a_replay_is_cut_between_changes,
    far_behind_is_a_window_with_a_hole,
    much_changed_is_a_reset,
    pages_meet_without_a_gap,
    heads_name_what_is_behind,
    the_own_log_can_be_replayed_from_anywhere,
    marks_never_fall,
    what_i_keep_about_a_room_is_mine,
    one_call_catches_up_with_all,
    private_values_are_private,
);

/// What a client holds: rows by what they are about, newest version wins.
#[derive(Clone, Default, PartialEq, Debug)]
struct Held {
    rows: BTreeMap<String, Row>,
    cursor: Seq,
}

impl Held {
    fn apply(&mut self, rows: &[Row]) {
        for row in rows {
            let name = match row {
                Row::Message(row) => format!("m {:06}", row.seq),
                Row::Reaction(row) => format!("r {:06} {} {}", row.seq, row.user, row.emoji),
                Row::Member(row) => format!("p {}", row.user),
                Row::Room(_) => "room".into(),
                _ => continue,
            };
            let newer = self.rows.get(&name).is_none_or(|held| held.rev() < row.rev());
            if newer {
                self.rows.insert(name, row.clone());
            }
            if let Row::Message(row) = row
                && row.deleted
            {
                let gone = format!("r {:06} ", row.seq);
                self.rows.retain(|name, _| !name.starts_with(&gone));
            }
        }
    }

    /// What is shown: a reaction taken back is the same as none.
    fn shown(&self) -> Vec<Row> {
        let on = |row: &&Row| !matches!(row, Row::Reaction(reaction) if !reaction.on);
        self.rows.values().filter(on).cloned().collect()
    }
}

async fn pull(stage: &Stage, me: &Me, room: RoomId, since: Seq, going: bool) -> Delta {
    let me = me.clone();
    let asked = Pull { room, since, floor: None, latest: Some(100), going };
    stage.read(move |read| delta::pull(read, &me, &asked)).await.expect("a delta")
}

async fn catch_up(stage: &Stage, me: &Me, room: RoomId, held: &mut Held) {
    let mut going = false;
    loop {
        let delta = pull(stage, me, room, held.cursor, going).await;
        held.apply(&delta.rows);
        held.cursor = delta.to;
        going = true;
        if delta.done {
            assert_eq!(delta.to, delta.head);
            return;
        }
    }
}

async fn any_cursor_leads_to_the_same_state(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let bob = stage.person("bob").await;
    let room = stage.group(&[&ada, &lin]).await.room;
    let mut clients: Vec<Held> = Vec::new();
    let mut seqs = Vec::new();
    let mut random = 7u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(random >> 33).expect("fits") % below
    };
    for step in 0..160 {
        let target = if seqs.is_empty() { 1 } else { seqs[next(seqs.len())] };
        let emoji = format!("e{}", next(3));
        // Refusals (a tombstone, a stranger) are part of the history.
        match next(8) {
            0 | 1 => seqs.push(stage.says(&ada, room, &format!("{step}")).await.seq),
            2 => drop(edit(&stage, &ada, room, target, &format!("edit {step}")).await),
            3 => drop(react(&stage, &lin, room, target, &emoji, step % 3 > 0).await),
            4 if next(4) == 0 => drop(delete(&stage, &ada, room, target).await),
            5 => drop(pin(&stage, &ada, room, target, step % 2 == 0).await),
            6 => {
                let (me, user) = (ada.clone(), bob.user);
                let there = step % 2 == 0;
                let done = stage.write(move |tx| {
                    if there {
                        members::set(tx, &me, None, room, user, &MemberRole::default()).map(|_| ())
                    } else {
                        members::remove(tx, &me, None, room, user).map(|_| ())
                    }
                });
                drop(done.await);
            }
            _ => {
                let patch = RoomPatch { topic: Some(format!("{step}")), ..RoomPatch::default() };
                let me = ada.clone();
                let done = stage.write(move |tx| settings::update(tx, &me, None, room, &patch));
                done.await.expect("a change");
            }
        }
        if step % 20 == 0 {
            clients.push(Held::default());
        }
        // Each client catches up now and then, at its own pace.
        for (i, client) in clients.iter_mut().enumerate() {
            if next(i + 2) == 0 {
                catch_up(&stage, &lin, room, client).await;
            }
        }
    }
    let mut fresh = Held::default();
    catch_up(&stage, &lin, room, &mut fresh).await;
    let mut before = Some(fresh.cursor + 1);
    while let Some(at) = before {
        let me = lin.clone();
        let page = stage.read(move |read| pages::page(read, &me, room, Part::Before(at), 50)).await;
        let page = page.expect("a page");
        fresh.apply(&page.rows);
        before = (page.lo > 1).then_some(page.lo);
    }
    let mut replayed = Held { cursor: 1, ..Held::default() };
    catch_up(&stage, &lin, room, &mut replayed).await;
    for mut client in clients {
        catch_up(&stage, &lin, room, &mut client).await;
        assert_eq!(client.cursor, fresh.cursor);
        assert_eq!(client.shown(), fresh.shown());
    }
    // A replay from the first change has everything but what that change alone wrote.
    let first = |row: &Row| row.rev() > 1;
    let later: Vec<Row> = fresh.shown().into_iter().filter(first).collect();
    assert_eq!(replayed.shown(), later);
}

async fn a_replay_is_cut_between_changes(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let asked: Vec<_> =
        (0..1200).map(|_| stage.store.append(ada.clone(), room, draft("tea?"))).collect();
    for asked in asked {
        asked.await.expect("a message");
    }
    let (mut since, mut frames) = (1, Vec::new());
    loop {
        let delta = pull(&stage, &ada, room, since, since > 1).await;
        assert_eq!((delta.kind, delta.since), (DeltaKind::Replay, since));
        let revs: Vec<Seq> =
            delta.rows.iter().filter(|row| !matches!(row, Row::User(_))).map(Row::rev).collect();
        assert!(revs.len() <= DELTA_ROWS);
        assert_eq!(revs, (since + 1..=delta.to).collect::<Vec<Seq>>());
        frames.push(revs.len());
        since = delta.to;
        if delta.done {
            break;
        }
    }
    assert_eq!(frames, [500, 500, 200]);
    // Large texts make small frames.
    let long = "x".repeat(60_000);
    for _ in 0..9 {
        stage.says(&ada, room, &long).await;
    }
    let delta = pull(&stage, &ada, room, since, true).await;
    assert!(!delta.done && delta::bytes(&delta.rows) <= DELTA_BYTES + 2_000);
    assert_eq!(delta.to, since + 4);
}

async fn far_behind_is_a_window_with_a_hole(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let early = stage.says(&ada, room, "early").await.seq;
    let still = stage.says(&ada, room, "still").await.seq;
    let since = still;
    let asked: Vec<_> =
        (0..2100).map(|_| stage.store.append(ada.clone(), room, draft("tea?"))).collect();
    for asked in asked {
        asked.await.expect("a message");
    }
    edit(&stage, &ada, room, early, "edited").await.expect("an edit");
    react(&stage, &lin, room, still, "👍", true).await.expect("a reaction");
    let me = lin.clone();
    let asked = Pull { room, since, floor: Some(2), latest: Some(10), going: false };
    let delta = stage.read(move |read| delta::pull(read, &me, &asked)).await.expect("a delta");
    assert_eq!((delta.kind, delta.done, delta.floor), (DeltaKind::Window, true, 2));
    let head = still + 2100 + 2;
    assert_eq!((delta.to, delta.head), (head, head));
    // The latest ten messages are the last ten posts; the two changes after them have no message.
    let first = still + 2100 - 9;
    assert_eq!((delta.first, delta.hole), (first, Some((since + 1, first - 1))));
    let has = |wanted: fn(&Row) -> bool| delta.rows.iter().filter(|row| wanted(row)).count();
    assert_eq!(has(|row| matches!(row, Row::Message(_))), 11);
    assert_eq!(has(|row| matches!(row, Row::Reaction(_))), 1);
    assert_eq!(has(|row| matches!(row, Row::Room(_))), 1);
    assert_eq!(has(|row| matches!(row, Row::Member(_))), 0);
    assert_eq!((delta.unread, delta.last_n), (100, 2102));
    // Below the floor nothing is held, so nothing is told.
    let me = lin.clone();
    let asked = Pull { room, since, floor: Some(still), latest: Some(10), going: false };
    let delta = stage.read(move |read| delta::pull(read, &me, &asked)).await.expect("a delta");
    assert_eq!(delta.rows.iter().filter(|row| matches!(row, Row::Message(_))).count(), 10);
    // A replay once begun goes on, however far the head is.
    let going = pull(&stage, &lin, room, 2, true).await;
    assert_eq!(going.kind, DeltaKind::Replay);
}

async fn much_changed_is_a_reset(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let asked: Vec<_> =
        (0..1002).map(|_| stage.store.append(ada.clone(), room, draft("tea?"))).collect();
    for asked in asked {
        asked.await.expect("a message");
    }
    let since = 1003;
    for again in 0..2 {
        let asked: Vec<_> = (2..=since)
            .map(|seq| {
                let (me, text) = (ada.clone(), format!("edit {again}"));
                stage.store.write(Needs::room(room), move |tx| {
                    hallway_server::store::messages::edit(tx, &me, room, None, seq, &text)
                })
            })
            .collect();
        for asked in asked {
            asked.await.expect("an edit");
        }
    }
    let delta = pull(&stage, &ada, room, since, false).await;
    assert_eq!((delta.kind, delta.done), (DeltaKind::Reset, true));
    assert_eq!((delta.first, delta.to), (904, 1003 + 2004));
    // A cursor past the head is of a history that was lost.
    let lost = pull(&stage, &ada, room, 99_999, false).await;
    assert_eq!((lost.kind, lost.to), (DeltaKind::Reset, 1003 + 2004));
}

async fn pages_meet_without_a_gap(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    for i in 0..12 {
        let seq = stage.says(&ada, room, &format!("{i}")).await.seq;
        react(&stage, &ada, room, seq, "👍", true).await.expect("a reaction");
    }
    let page = |part: Part, limit: usize| {
        let (me, stage) = (ada.clone(), stage.clone());
        async move {
            let page = stage.read(move |read| pages::page(read, &me, room, part, limit)).await;
            let page = page.expect("a page");
            let count = |row: &&Row| matches!(row, Row::Message(_));
            (page.lo, page.hi, page.rows.iter().filter(count).count(), page.as_of)
        }
    };
    // Messages at 2, 4, … 24; the notice at 1; reactions at 3, 5, … 25.
    assert_eq!(page(Part::Latest, 5).await, (16, 25, 5, 25));
    assert_eq!(page(Part::Before(16), 5).await, (6, 15, 5, 25));
    assert_eq!(page(Part::Before(6), 5).await, (1, 5, 3, 25));
    assert_eq!(page(Part::Before(1), 5).await, (1, 0, 0, 25));
    assert_eq!(page(Part::After(0), 5).await, (1, 8, 5, 25));
    assert_eq!(page(Part::After(20), 5).await, (21, 25, 2, 25));
    assert_eq!(page(Part::After(25), 5).await, (26, 25, 0, 25));
    assert_eq!(page(Part::Around(10), 4).await, (6, 12, 4, 25));
    let me = ada.clone();
    let latest = stage.read(move |read| pages::page(read, &me, room, Part::Latest, 3)).await;
    let rows = latest.expect("a page").rows;
    assert_eq!(rows.iter().filter(|row| matches!(row, Row::Reaction(_))).count(), 3);
    assert_eq!(rows.iter().filter(|row| matches!(row, Row::User(_))).count(), 1);
}

async fn heads_name_what_is_behind(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let quiet = stage.group(&[&ada, &lin]).await.room;
    let busy = stage.group(&[&ada, &lin]).await.room;
    let unnamed = stage.group(&[&ada, &lin]).await.room;
    let alien = stage.group(&[&ada]).await.room;
    stage.says(&ada, busy, "@lin tea?").await;
    let named = [(quiet, 1), (busy, 1), (alien, 1)];
    let me = lin.clone();
    let heads = stage.read(move |read| sync::heads(read, &me, Some(&named), None)).await;
    let heads = heads.expect("heads");
    let mut behind: Vec<_> = heads.rooms.iter().map(|head| (head.room, head.head)).collect();
    behind.sort_unstable();
    let mut expected = vec![(busy, 2), (unnamed, 1)];
    expected.sort_unstable();
    assert_eq!((behind, heads.gone), (expected, vec![alien]));
    let head = heads.rooms.iter().find(|head| head.room == busy).expect("the room");
    assert_eq!((head.base, head.last_n, head.read), (0, 1, 1));
    assert_eq!((head.unread, head.mentions), (1, 1));
    // By acks: what is stored somewhere is not behind.
    let (me, stored) = (lin.clone(), vec![(quiet, 1), (busy, 2), (alien, 1)]);
    stage.write(move |tx| marks::ack(tx, &me, &stored)).await.expect("acks");
    let me = lin.clone();
    let heads = stage.read(move |read| sync::heads(read, &me, None, None)).await.expect("heads");
    assert_eq!((heads.rooms.len(), heads.gone.len()), (0, 0));
    // Cursors of another epoch say nothing: all rooms are named.
    let me = lin.clone();
    let heads = stage.read(move |read| sync::heads(read, &me, Some(&[(busy, 2)]), Some("x"))).await;
    assert_eq!(heads.expect("heads").rooms.len(), 3);
    let me = lin.clone();
    let bumps = stage.read(move |read| sync::bumps(read, &me, Some(&[busy]))).await;
    let bumps = bumps.expect("bumps");
    assert_eq!((bumps.len(), bumps[0].head, bumps[0].unread), (1, 2, 1));
}

async fn the_own_log_can_be_replayed_from_anywhere(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let first = stage.group(&[&ada, &lin]).await.room;
    let second = stage.group(&[&ada, &lin]).await.room;
    let me = lin.clone();
    stage.write(move |tx| members::leave(tx, &me, None, first)).await.expect("a leaving");
    let own = |since: Seq| {
        let (me, stage) = (lin.clone(), stage.clone());
        async move { stage.read(move |read| sync::own(read, &me, since)).await.expect("an answer") }
    };
    // user 1, session 2, rooms 3 and 4, the leaving 5
    let all = own(0).await;
    assert_eq!((all.to, all.done, all.rows.len()), (5, true, 3));
    assert!(all.rows.iter().any(|row| matches!(row, Row::User(user) if user.role.is_some())));
    assert!(all.rows.iter().any(|row| matches!(row, Row::Session(s) if s.current)));
    assert!(all.rows.iter().any(|row| matches!(row, Row::Mine(m) if m.room == second)));
    let last = own(4).await;
    assert_eq!((last.to, last.rows.len()), (5, 1));
    assert!(matches!(&last.rows[0], Row::Mine(m) if m.state == MineState::Left && m.rev == 5));
    assert_eq!(own(5).await.rows, []);
    let beyond = own(99).await;
    assert_eq!((beyond.since, beyond.to), (0, 5));
}

async fn marks_never_fall(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    for i in 0..3 {
        stage.says(&ada, room, &format!("{i}")).await;
    }
    let read = |seq: Seq| {
        let (me, stage) = (lin.clone(), stage.clone());
        async move { stage.write(move |tx| marks::read(tx, &me, room, seq)).await.expect("a mark") }
    };
    assert_eq!((read(3).await, read(2).await, read(3).await), (4, 4, 4));
    // Past the head is the head.
    assert_eq!(read(1000).await, 5);
    let receipts = {
        let (me, stage) = (ada.clone(), stage.clone());
        stage
            .read(move |read| marks::receipts(read, &me, room, None, 50))
            .await
            .expect("receipts")
            .items
    };
    let mut expected = vec![
        Receipt { user: ada.user, read: 1, delivered: 1 },
        Receipt { user: lin.user, read: 4, delivered: 4 },
    ];
    expected.sort_unstable_by_key(|receipt| receipt.user);
    assert_eq!(receipts, expected);
    let moved = |seq| Event::Marks { room, user: lin.user, read: seq, delivered: seq };
    assert!(stage.events.lock().contains(&moved(3)) && stage.events.lock().contains(&moved(4)));
    let (me, stored) = (ada.clone(), vec![(room, 3), (room, 2), (room, 99), (RoomId(1), 1)]);
    stage.write(move |tx| marks::ack(tx, &me, &stored)).await.expect("acks");
    let acked = Event::Marks { room, user: ada.user, read: 1, delivered: 3 };
    assert_eq!(stage.events.lock().last(), Some(&acked));
    let eve = stage.person("eve").await;
    let refused = stage.write(move |tx| marks::read(tx, &eve, room, 1)).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))));
}

async fn what_i_keep_about_a_room_is_mine(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let patch = MinePatch {
        notify: Some(Notify::Mentions),
        muted_until: Some(Some(5)),
        favourite: Some(true),
        unread_mark: Some(true),
        draft: Some(Some("te".into())),
    };
    for expected in [4, 4] {
        let (me, patch) = (lin.clone(), patch.clone());
        let rev = stage.write(move |tx| marks::update(tx, &me, None, room, &patch)).await;
        assert_eq!(rev.expect("a change"), expected);
    }
    let clear = MinePatch { muted_until: Some(None), draft: Some(None), ..MinePatch::default() };
    let me = lin.clone();
    stage.write(move |tx| marks::update(tx, &me, None, room, &clear)).await.expect("a change");
    let user = lin.user;
    let mine = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
    let mine = mine.expect("a row");
    assert_eq!((mine.rev, mine.notify, mine.favourite), (5, Notify::Mentions, true));
    assert_eq!((mine.muted_until, mine.draft, mine.unread_mark), (None, None, true));
    // Reading on takes the mark away that was set by hand.
    stage.says(&ada, room, "tea?").await;
    let me = lin.clone();
    stage.write(move |tx| marks::read(tx, &me, room, 2)).await.expect("a mark");
    let mine = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
    assert!(!mine.expect("a row").unread_mark);
    let other = ada.user;
    let untouched = stage.read(move |read| own::mine(read, other, room)).await.expect("an answer");
    assert_eq!(untouched.expect("a row").notify, Notify::All);
}

async fn one_call_catches_up_with_all(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let mut rooms = Vec::new();
    for _ in 0..6 {
        let room = stage.room(&[&ada, &lin], |new| new.history = Some(History::All)).await.room;
        for _ in 0..5 {
            stage.says(&ada, room, &"x".repeat(60_000)).await;
        }
        rooms.push(room);
    }
    let asked = Sync {
        own: 3,
        rooms: rooms.iter().map(|room| SyncRoom::Short(*room, 1)).collect(),
        ..Sync::default()
    };
    let me = lin.clone();
    let caught = stage.read(move |read| sync::sync(read, &me, &asked, None)).await.expect("all");
    assert_eq!(caught.heads.rooms.len(), 6);
    assert_eq!(caught.own.to, 8);
    // Frames of 256 KiB, and no more of them once there is 1 MiB.
    let order: Vec<RoomId> = caught.deltas.iter().map(|delta| delta.room).collect();
    assert_eq!(order, rooms[..5]);
    assert!(caught.deltas.iter().all(|delta| !delta.done && delta.since == 1));
    let asked = Sync {
        own: 8,
        rooms: rooms
            .iter()
            .map(|room| SyncRoom::Full { room: *room, since: 6, floor: Some(1), latest: None })
            .collect(),
        ..Sync::default()
    };
    let caught = stage.read(move |read| sync::sync(read, &lin, &asked, None)).await.expect("all");
    assert_eq!((caught.heads.rooms.len(), caught.deltas.len()), (0, 0));
    assert_eq!(caught.own.rows, []);
}

async fn private_values_are_private(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let once = key();
    for (again, value) in [(false, "1"), (true, "2")] {
        let (me, once) = (ada.clone(), once.clone());
        let done = stage.write(move |tx| storage::put(tx, &me, Some(&once), "theme", value)).await;
        assert_eq!(done.expect("kept").again, again);
    }
    let me = ada.clone();
    assert_eq!(
        stage.read(move |read| storage::show(read, &me, "theme")).await.expect("a value"),
        "1"
    );
    let other = stage.read(move |read| storage::show(read, &lin, "theme")).await;
    assert!(matches!(other, Err(StoreError::NotFound("value"))));
    let me = ada.clone();
    let full = stage
        .write(move |tx| {
            for i in 0..255 {
                storage::put(tx, &me, None, &format!("k{i}"), "0")?;
            }
            storage::put(tx, &me, None, "one more", "0").map(|_| ())
        })
        .await;
    assert!(matches!(full, Err(StoreError::Conflict(_))), "{full:?}");
    let me = ada.clone();
    stage.write(move |tx| storage::destroy(tx, &me, None, "theme")).await.expect("gone");
    let me = ada.clone();
    assert_eq!(
        stage.read(move |read| storage::list(read, &me)).await.expect("a list"),
        Vec::<String>::new()
    );
    let gone = stage.read(move |read| storage::show(read, &ada, "theme")).await;
    assert!(matches!(gone, Err(StoreError::NotFound("value"))));
}
