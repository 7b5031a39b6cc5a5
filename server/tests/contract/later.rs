//! What somebody keeps for later: messages put aside, and messages that are said when it is time.

use crate::cast::{Stage, draft, key};
use hallway_protocol::ids::{Key, RoomId};
use hallway_protocol::rest::{NewSaved, NewScheduled, RoomPatch, Saved, Scheduled, TenantPatch};
use hallway_protocol::rows::History;
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::{
    Me, Result, StoreError, accounts, chores, members, messages, notices, pages, rooms, saved,
    scheduled, settings, tenants,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

contract!(
    what_was_put_aside_is_listed_as_long_as_it_is_seen,
    the_same_message_is_put_aside_once,
    a_scheduled_message_is_said_once_when_it_is_time,
    one_whose_worker_was_killed_is_said_once_by_another,
    one_far_ahead_waits_through_every_look,
    what_may_not_be_said_any_more_stays_with_its_reason,
    slow_mode_makes_it_wait,
    what_was_taken_back_is_not_said,
    a_time_that_is_past_or_too_far_is_refused_and_so_is_one_too_many,
    a_closed_account_keeps_nothing_for_later,
);

pub const HOUR: Duration = Duration::from_secs(3_600);

/// Does all that is due.
pub async fn work(stage: &Stage) {
    for _ in 0..2_000 {
        let lent =
            stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await.expect("a lease");
        if lent.is_empty() {
            return;
        }
        for job in lent {
            stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
        }
    }
    panic!("there is no end of work");
}

async fn puts_aside(stage: &Stage, me: &Me, room: RoomId, seq: i64) -> Result<Saved> {
    let me = me.clone();
    let made = stage.write(move |tx| saved::create(tx, &me, None, &NewSaved { room, seq })).await;
    made.map(|once| once.answer)
}

async fn aside(stage: &Stage, me: &Me) -> Vec<(RoomId, i64)> {
    let me = me.clone();
    let list = stage.read(move |read| saved::list(read, &me, None, 50)).await.expect("a list");
    list.items.iter().map(|one| (one.room, one.seq)).collect()
}

pub async fn schedules(stage: &Stage, me: &Me, new: &NewScheduled) -> Result<Scheduled> {
    let (me, new) = (me.clone(), new.clone());
    let made = stage.write(move |tx| scheduled::create(tx, &me, &new)).await;
    made.map(|once| once.answer)
}

pub fn new(stage: &Stage, room: RoomId, text: &str, wait: Duration) -> NewScheduled {
    let wait = i64::try_from(wait.as_millis()).expect("a wait");
    let (text, at) = (text.into(), stage.clock.now() + wait);
    NewScheduled { key: key(), room, text, at, reply: None, thread: None, files: Vec::new() }
}

/// What waits: text and error.
pub async fn waiting(stage: &Stage, me: &Me) -> Vec<(String, Option<String>)> {
    let me = me.clone();
    let list = stage.read(move |read| scheduled::list(read, &me, None, 50)).await.expect("a list");
    list.items.into_iter().map(|one| (one.text, one.error)).collect()
}

/// Their ids.
async fn ids(stage: &Stage, me: &Me) -> Vec<String> {
    let me = me.clone();
    let list = stage.read(move |read| scheduled::list(read, &me, None, 50)).await.expect("a list");
    list.items.into_iter().map(|one| one.id).collect()
}

/// The texts said in a room, with their keys.
pub async fn said(stage: &Stage, me: &Me, room: RoomId) -> Vec<(String, Option<Key>)> {
    let me = me.clone();
    let page = stage.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 100));
    let rows = page.await.expect("a page").rows;
    rows.into_iter()
        .filter_map(|row| match row {
            hallway_protocol::rows::Row::Message(row) if row.n > 0 => Some((row.text, row.key)),
            _ => None,
        })
        .collect()
}

async fn what_was_put_aside_is_listed_as_long_as_it_is_seen(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let other = stage.group(&[&ada, &lin]).await.room;
    let strange = stage.group(&[&ada]).await.room;
    let mut all = Vec::new();
    for at in [room, room, other] {
        let seq = stage.says(&ada, at, "tea?").await.seq;
        stage.clock.turn(Duration::from_millis(5));
        puts_aside(&stage, &lin, at, seq).await.expect("put aside");
        all.insert(0, (at, seq));
    }
    assert_eq!(aside(&stage, &lin).await, all, "latest first");
    assert_eq!(aside(&stage, &ada).await, [], "and nobody else's");
    let hidden = stage.says(&ada, strange, "secret").await.seq;
    let refused = puts_aside(&stage, &lin, strange, hidden).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    let refused = puts_aside(&stage, &lin, room, 4711).await;
    assert!(matches!(refused, Err(StoreError::NotFound("message"))), "{refused:?}");
    // Page by page it is the same.
    let mut paged = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let (me, from) = (lin.clone(), next.clone());
        let page = stage.read(move |read| saved::list(read, &me, from.as_deref(), 2)).await;
        let page = page.expect("a page");
        paged.extend(page.items.iter().map(|one| (one.room, one.seq)));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let (me, seq) = (ada.clone(), all[2].1);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
    assert_eq!(aside(&stage, &lin).await, all[..2], "a deleted message is nowhere");
    let refused = puts_aside(&stage, &lin, room, seq).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, other, user)).await.expect("removed");
    assert_eq!(aside(&stage, &lin).await, all[1..2]);
    // Who comes back where history begins with joining does not see what was before.
    let joined = RoomPatch { history: Some(History::Joined), ..RoomPatch::default() };
    let me = ada.clone();
    let set = stage.write(move |tx| settings::update(tx, &me, None, other, &joined)).await;
    set.expect("settings");
    let me = ada.clone();
    let wanted = hallway_protocol::rest::MemberRole::default();
    let back = stage.write(move |tx| members::set(tx, &me, None, other, user, &wanted)).await;
    back.expect("back");
    assert_eq!(aside(&stage, &lin).await, all[1..2]);
}

async fn the_same_message_is_put_aside_once(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let seq = stage.says(&ada, room, "tea?").await.seq;
    let first = puts_aside(&stage, &ada, room, seq).await.expect("put aside");
    assert_eq!(puts_aside(&stage, &ada, room, seq).await.expect("the same"), first);
    let (me, id) = (ada.clone(), first.id.clone());
    stage.write(move |tx| saved::destroy(tx, &me, None, &id)).await.expect("gone");
    assert_eq!(aside(&stage, &ada).await, []);
    let (me, id) = (ada.clone(), first.id);
    let again = stage.write(move |tx| saved::destroy(tx, &me, None, &id)).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
}

async fn a_scheduled_message_is_said_once_when_it_is_time(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let later = new(&stage, room, "tea?", HOUR);
    let made = schedules(&stage, &ada, &later).await.expect("it waits");
    assert_eq!((made.text.as_str(), &made.key, made.error.as_ref()), ("tea?", &later.key, None));
    assert_eq!(schedules(&stage, &ada, &later).await.expect("the same"), made);
    work(&stage).await;
    assert_eq!(said(&stage, &lin, room).await, []);
    assert_eq!(waiting(&stage, &lin).await, []);
    stage.clock.turn(HOUR);
    work(&stage).await;
    let heard = [("tea?".to_owned(), Some(later.key.clone()))];
    assert_eq!(said(&stage, &lin, room).await, heard);
    assert_eq!(waiting(&stage, &ada).await, []);
    let log = stage.heard(room);
    assert!(log.windows(2).all(|pair| pair[0] + 1 == pair[1]), "dense: {log:?}");
    // Its key is that of the message, on either path.
    let again = schedules(&stage, &ada, &later).await.expect("the same");
    assert_eq!(again, made, "and the first answer");
    let mut same = draft("soup?");
    same.key = later.key.clone();
    let posted = stage.store.append(ada.clone(), room, same).await.expect("the first");
    assert!(posted.again && posted.message.text == "tea?");
    stage.says(&ada, room, "and milk").await;
    assert_eq!(said(&stage, &lin, room).await.len(), 2);
}

async fn one_whose_worker_was_killed_is_said_once_by_another(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    stage.clock.turn(HOUR);
    let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await.expect("a lease");
    // The first is dead, as far as anybody can tell; the second takes over.
    stage.clock.turn(Duration::from_millis(jobs::LEASE.unsigned_abs() + 1));
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 1);
    // And the first was only slow.
    for job in lent {
        let late = stage.write(move |tx| chores::run(tx, &job)).await;
        assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    }
    assert_eq!(said(&stage, &ada, room).await.len(), 1);
}

async fn one_far_ahead_waits_through_every_look(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    schedules(&stage, &ada, &new(&stage, room, "tea?", 30 * HOUR)).await.expect("it waits");
    for _ in 0..29 {
        work(&stage).await;
        stage.clock.turn(HOUR);
    }
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await, []);
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 1);
}

async fn what_may_not_be_said_any_more_stays_with_its_reason(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let left = stage.group(&[&ada, &lin]).await.room;
    let announced = stage.group(&[&ada, &lin]).await.room;
    let archived = stage.group(&[&ada, &lin]).await.room;
    let ended = stage.group(&[&ada, &lin]).await.room;
    for (room, wait) in [(left, 1), (announced, 2), (archived, 3), (ended, 4)] {
        let later = new(&stage, room, &format!("line {wait}"), wait * HOUR);
        schedules(&stage, &lin, &later).await.expect("it waits");
    }
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, left, user)).await.expect("removed");
    let announce = RoomPatch { announce: Some(true), ..RoomPatch::default() };
    let away = RoomPatch { archived: Some(true), ..RoomPatch::default() };
    for (room, patch) in [(announced, announce), (archived, away)] {
        let me = ada.clone();
        let set = stage.write(move |tx| settings::update(tx, &me, None, room, &patch)).await;
        set.expect("settings");
    }
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, ended)).await.expect("deleted");
    stage.clock.turn(5 * HOUR);
    work(&stage).await;
    let why = |text: &str, code: &str| (text.to_owned(), Some(code.to_owned()));
    let expected = [
        why("line 1", "not_found"),
        why("line 2", "forbidden"),
        why("line 3", "conflict"),
        why("line 4", "not_found"),
    ];
    assert_eq!(waiting(&stage, &lin).await, expected);
    assert_eq!(said(&stage, &ada, announced).await, []);
    // She is told, by id: the text is in no notice.
    let me = lin.clone();
    let told = stage.read(move |read| notices::list(read, &me, None, 50)).await.expect("a list");
    let told: Vec<_> = told.items.iter().rev().collect();
    let codes: Vec<_> = told.iter().map(|one| one.payload["error"].clone()).collect();
    assert_eq!(codes, ["not_found", "forbidden", "conflict", "not_found"]);
    let ids: Vec<_> = ids(&stage, &lin).await.into_iter().map(Value::from).collect();
    assert_eq!(told.iter().map(|one| one.payload["scheduled"].clone()).collect::<Vec<_>>(), ids);
    assert!(told.iter().all(|one| one.topic == "scheduled" && !one.read));
    // After a month nobody wants to know.
    for _ in 0..31 {
        stage.clock.turn(24 * HOUR);
        stage.write(chores::begin).await.expect("a job");
        work(&stage).await;
    }
    assert_eq!(waiting(&stage, &lin).await, []);
}

async fn slow_mode_makes_it_wait(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let slow = RoomPatch { slow_seconds: Some(3_600), ..RoomPatch::default() };
    let me = ada.clone();
    stage.write(move |tx| settings::update(tx, &me, None, room, &slow)).await.expect("settings");
    schedules(&stage, &lin, &new(&stage, room, "two", HOUR)).await.expect("it waits");
    stage.clock.turn(HOUR / 2);
    stage.says(&lin, room, "one").await;
    stage.clock.turn(HOUR / 2);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 1);
    assert_eq!(waiting(&stage, &lin).await, [("two".into(), None)]);
    stage.clock.turn(HOUR / 2);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 2);
}

async fn what_was_taken_back_is_not_said(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let made = schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    let (me, id) = (lin.clone(), made.id.clone());
    let refused = stage.write(move |tx| scheduled::destroy(tx, &me, None, &id)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "another's: {refused:?}");
    let (me, id) = (ada.clone(), made.id);
    stage.write(move |tx| scheduled::destroy(tx, &me, None, &id)).await.expect("taken back");
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await, []);
}

async fn a_time_that_is_past_or_too_far_is_refused_and_so_is_one_too_many(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    for wait in [Duration::ZERO, 24 * 367 * HOUR] {
        let refused = schedules(&stage, &ada, &new(&stage, room, "tea?", wait)).await;
        assert!(matches!(refused, Err(StoreError::Invalid("at", _))), "{refused:?}");
    }
    for _ in 0..100 {
        schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    }
    let refused = schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    // A tenant that is shut says nothing.
    let (operator, tenant) =
        (Admin { actor: Actor::Operator, tenant: None, address: None }, ada.tenant);
    let suspend = TenantPatch { suspended: Some(true), ..TenantPatch::default() };
    let shut = stage.write(move |tx| tenants::update(tx, &operator, None, tenant, &suspend)).await;
    shut.expect("suspended");
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await, []);
}

async fn a_closed_account_keeps_nothing_for_later(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    for _ in 0..3 {
        let seq = stage.says(&ada, room, "tea?").await.seq;
        puts_aside(&stage, &lin, room, seq).await.expect("put aside");
    }
    schedules(&stage, &lin, &new(&stage, room, "secret", HOUR)).await.expect("it waits");
    let me = lin.clone();
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("closed");
    work(&stage).await;
    for sql in ["select count(*) from saved", "select count(*) from scheduled"] {
        assert_eq!(stage.read(move |read| read.number(sql, &[])).await.expect("a count"), 0);
    }
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 3);
}
