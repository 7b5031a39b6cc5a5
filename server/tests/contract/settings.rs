//! What a room asks of its members: who posts, how fast, whether it is in use, how long it keeps what
//! was said; and that an ephemeral one goes when it was left alone.

use crate::cast::{Stage, draft};
use hallway_protocol::ids::RoomId;
use hallway_protocol::limits::MEMBERS_MAX;
use hallway_protocol::rest::{MemberRole, NewRoomKind, RoomPatch};
use hallway_protocol::rows::{Message, MineState, Role, Room, Row};
use hallway_server::store::ephemeral::{self, ALONE};
use hallway_server::store::jobs::{self, Kind, Side};
use hallway_server::store::{
    Event, Me, Result, StoreError, codes, directory, members, messages, own, reactions, rooms,
    settings,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_patch_tells_the_room_of_each_thing_it_changes,
    who_may_change_what_is_asked_of_each_part,
    where_admins_alone_post_the_others_react,
    slow_mode_is_for_each_person_and_outlives_everything,
    what_was_put_away_is_read_and_comes_back,
    a_muted_member_reads_and_says_nothing_until_it_is_over,
    a_mute_outlives_a_leaving,
    a_full_room_takes_nobody,
    an_ephemeral_room_goes_when_it_was_alone_long_enough,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn patch(stage: &Stage, me: &Me, room: RoomId, patch: RoomPatch) -> Result<Room> {
    let me = me.clone();
    let done = stage.write(move |tx| settings::update(tx, &me, None, room, &patch)).await;
    done.map(|once| once.answer)
}

async fn says(stage: &Stage, me: &Me, room: RoomId, text: &str) -> Result<Message> {
    stage.store.append(me.clone(), room, draft(text)).await.map(|posted| posted.message)
}

async fn wants(stage: &Stage, me: &Me, room: RoomId, who: &Me, wanted: MemberRole) -> Result<()> {
    let (me, user) = (me.clone(), who.user);
    stage.write(move |tx| members::set(tx, &me, None, room, user, &wanted)).await.map(|_| ())
}

async fn mutes(stage: &Stage, me: &Me, room: RoomId, who: &Me, until: Option<i64>) -> Result<()> {
    wants(stage, me, room, who, MemberRole { role: None, muted_until: Some(until) }).await
}

fn forbidden<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(StoreError::Forbidden(_))), "{answer:?}");
}

fn conflict<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(StoreError::Conflict(_))), "{answer:?}");
}

async fn a_patch_tells_the_room_of_each_thing_it_changes(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let all = RoomPatch {
        announce: Some(true),
        slow_seconds: Some(30),
        archived: Some(true),
        retention_days: Some(Some(90)),
        ..RoomPatch::default()
    };
    for _ in 0..2 {
        let now = patch(&stage, &ada, room, all.clone()).await.expect("settings");
        assert!(now.announce && now.archived);
        assert_eq!((now.slow_seconds, now.retention_days, now.rev), (30, Some(90), 5));
    }
    assert_eq!(stage.heard(room), [1, 2, 3, 4, 5], "what is so already takes no number");
    let said: Vec<_> = stage.page(&ada, room).await.into_iter().map(|row| row.meta).collect();
    let by = ada.user;
    let expected = [
        json!({"what": "created", "by": by}),
        json!({"what": "announce", "on": true, "by": by}),
        json!({"what": "slow", "seconds": 30, "by": by}),
        json!({"what": "retention", "days": 90, "by": by}),
        json!({"what": "archived", "by": by}),
    ];
    assert_eq!(json!(said), json!(expected));
    let back = RoomPatch {
        archived: Some(false),
        retention_days: Some(None),
        name: Some("pantry".into()),
        ..RoomPatch::default()
    };
    let now = patch(&stage, &ada, room, back).await.expect("what it brings back, it may change");
    assert_eq!((now.archived, now.retention_days, now.name.as_str()), (false, None, "pantry"));
    assert!(now.announce, "what is absent stays");
}

async fn who_may_change_what_is_asked_of_each_part(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    // Bob's own tenant role says nothing here; Ada, who made the room, owns it.
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let admin = MemberRole { role: Some(Role::Admin), ..MemberRole::default() };
    wants(&stage, &ada, room, &lin, admin).await.expect("a role");
    let one = || RoomPatch { name: Some("x".into()), ..RoomPatch::default() };
    let patches = [
        (RoomPatch { announce: Some(true), ..RoomPatch::default() }, true),
        (RoomPatch { slow_seconds: Some(5), ..RoomPatch::default() }, true),
        (RoomPatch { retention_days: Some(Some(5)), ..RoomPatch::default() }, false),
        (RoomPatch { retention_days: Some(None), ..one() }, false),
        (RoomPatch { archived: Some(true), ..RoomPatch::default() }, true),
    ];
    for (wanted, admins_may) in patches {
        let before = stage.heard(room).len();
        forbidden(patch(&stage, &bob, room, wanted.clone()).await);
        let done = patch(&stage, &lin, room, wanted.clone()).await;
        if admins_may {
            done.expect("an admin may");
        } else {
            forbidden(done);
            assert_eq!(stage.heard(room).len(), before, "not even in part");
        }
    }
}

async fn where_admins_alone_post_the_others_react(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let hers = stage.says(&lin, room, "before").await;
    let announce = |on| RoomPatch { announce: Some(on), ..RoomPatch::default() };
    patch(&stage, &ada, room, announce(true)).await.expect("settings");
    let said = stage.says(&ada, room, "news").await;
    forbidden(says(&stage, &lin, room, "but").await);
    let mut reply = draft("in the thread");
    reply.thread = Some(said.seq);
    forbidden(stage.store.append(lin.clone(), room, reply).await);
    let me = lin.clone();
    forbidden(stage.write(move |tx| messages::edit(tx, &me, room, None, hers.seq, "new")).await);
    let me = lin.clone();
    let reacted = stage.write(move |tx| reactions::set(tx, &me, room, None, said.seq, "👍", true));
    reacted.await.expect("a reaction");
    let me = lin.clone();
    let deleted = stage.write(move |tx| messages::destroy(tx, &me, room, None, hers.seq)).await;
    deleted.expect("what one said oneself");
    patch(&stage, &ada, room, announce(false)).await.expect("settings");
    says(&stage, &lin, room, "at last").await.expect("a message");
}

async fn slow_mode_is_for_each_person_and_outlives_everything(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let other = stage.group(&[&ada, &lin]).await.room;
    let slow = RoomPatch { slow_seconds: Some(30), ..RoomPatch::default() };
    patch(&stage, &ada, room, slow).await.expect("settings");
    let first = draft("one");
    let posted = stage.store.append(lin.clone(), room, first.clone()).await.expect("the first");
    stage.clock.turn(Duration::from_secs(10));
    let refused = says(&stage, &lin, room, "two").await;
    let Err(StoreError::RateLimited(wait)) = refused else { panic!("{refused:?}") };
    assert!((19_000..=20_000).contains(&wait), "{wait}");
    let again = stage.store.append(lin.clone(), room, first).await.expect("the same key");
    assert_eq!((again.again, again.message.seq), (true, posted.message.seq));
    // Others, other rooms and admins are not held up; taking it back does not help.
    says(&stage, &bob, room, "mine").await.expect("his first");
    says(&stage, &lin, other, "elsewhere").await.expect("another room");
    for _ in 0..3 {
        says(&stage, &ada, room, "quick").await.expect("an admin");
    }
    let (me, seq) = (lin.clone(), posted.message.seq);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
    assert!(matches!(says(&stage, &lin, room, "two").await, Err(StoreError::RateLimited(_))));
    stage.clock.turn(Duration::from_secs(21));
    says(&stage, &lin, room, "two").await.expect("it is time");
    // Two at once are one after the other.
    stage.clock.turn(Duration::from_secs(60));
    let (a, b) = tokio::join!(says(&stage, &lin, room, "three"), says(&stage, &lin, room, "four"));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}

async fn what_was_put_away_is_read_and_comes_back(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let made = stage.room(&[&ada, &lin], |new| new.kind = NewRoomKind::Channel).await;
    let room = made.room;
    let said = stage.says(&lin, room, "tea?").await;
    let archive = |on| RoomPatch { archived: Some(on), ..RoomPatch::default() };
    patch(&stage, &ada, room, archive(true)).await.expect("settings");
    let head = stage.heard(room).len();

    conflict(says(&stage, &lin, room, "more").await);
    conflict(says(&stage, &ada, room, "more").await);
    let me = lin.clone();
    conflict(stage.write(move |tx| messages::edit(tx, &me, room, None, said.seq, "x")).await);
    let me = lin.clone();
    let react = stage.write(move |tx| reactions::set(tx, &me, room, None, said.seq, "👍", true));
    conflict(react.await);
    let me = bob.clone();
    conflict(stage.write(move |tx| members::join(tx, &me, None, room)).await);
    let me = lin.clone();
    stage.write(move |tx| members::join(tx, &me, None, room)).await.expect("she is in it");
    let me = ada.clone();
    conflict(stage.write(move |tx| codes::create(tx, &me, None, room)).await);
    conflict(wants(&stage, &ada, room, &bob, MemberRole::default()).await);
    let renamed = RoomPatch { name: Some("attic".into()), ..RoomPatch::default() };
    conflict(patch(&stage, &ada, room, renamed).await);
    assert_eq!(stage.heard(room).len(), head);

    assert!(stage.page(&lin, room).await.contains(&said));
    for (archived, listed) in [(false, 0), (true, 1)] {
        let me = lin.clone();
        let mine = stage.read(move |read| directory::mine(read, &me, archived, None, 50)).await;
        assert_eq!(mine.expect("a list").rows.len(), listed);
        let me = bob.clone();
        let public =
            stage.read(move |read| directory::public(read, &me, "", archived, None, 50)).await;
        assert_eq!(public.expect("a list").rows.len(), listed);
    }
    patch(&stage, &ada, room, archive(false)).await.expect("back");
    says(&stage, &lin, room, "more").await.expect("in use again");
}

async fn a_muted_member_reads_and_says_nothing_until_it_is_over(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let said = stage.says(&ada, room, "tea?").await;
    let until = Some(stage.clock.now() + 60_000);
    forbidden(mutes(&stage, &bob, room, &lin, until).await);
    forbidden(mutes(&stage, &lin, room, &ada, until).await);
    mutes(&stage, &ada, room, &lin, until).await.expect("a mute");
    let head = stage.heard(room).len();
    mutes(&stage, &ada, room, &lin, until).await.expect("the same again");
    assert_eq!(stage.heard(room).len(), head, "takes no number");
    {
        let events = stage.events.lock();
        let Some(Event::Room { rows, .. }) = events.last() else { panic!("no change") };
        let [Row::Member(member)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((member.user, member.muted_until), (lin.user, until));
    }
    forbidden(says(&stage, &lin, room, "but").await);
    let me = lin.clone();
    let react = stage.write(move |tx| reactions::set(tx, &me, room, None, said.seq, "👍", true));
    forbidden(react.await);
    assert!(stage.page(&lin, room).await.contains(&said));
    stage.clock.turn(Duration::from_secs(61));
    says(&stage, &lin, room, "at last").await.expect("it is over by itself");
    mutes(&stage, &ada, room, &lin, Some(stage.clock.now() + 60_000)).await.expect("a mute");
    mutes(&stage, &ada, room, &lin, None).await.expect("lifted");
    says(&stage, &lin, room, "again").await.expect("it was lifted");
}

async fn a_mute_outlives_a_leaving(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada, &lin], |new| new.kind = NewRoomKind::Channel).await.room;
    mutes(&stage, &ada, room, &lin, Some(stage.clock.now() + 60_000)).await.expect("a mute");
    let me = lin.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("left");
    let me = lin.clone();
    stage.write(move |tx| members::join(tx, &me, None, room)).await.expect("back");
    forbidden(says(&stage, &lin, room, "but").await);
}

async fn a_full_room_takes_nobody(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.room(&[&ada, &lin], |new| new.kind = NewRoomKind::Channel).await.room;
    let size = move |size: i64| {
        move |tx: &mut hallway_server::store::Tx<'_>| {
            let params = hallway_server::params![size, room];
            tx.exec("update rooms set size = $1 where id = $2", params)
        }
    };
    stage.write(size(MEMBERS_MAX)).await.expect("as if it were");
    let join = |me: &Me| {
        let me = me.clone();
        stage.write(move |tx| members::join(tx, &me, None, room))
    };
    conflict(join(&bob).await);
    conflict(wants(&stage, &ada, room, &bob, MemberRole::default()).await);
    join(&lin).await.expect("she is in it");
    let me = lin.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("left");
    join(&bob).await.expect("there is a place");
    conflict(join(&lin).await);
}

async fn an_ephemeral_room_goes_when_it_was_alone_long_enough(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada, &lin], |new| new.ephemeral = true).await.room;
    let kept = stage.group(&[&ada]).await.room;
    let vacate = async |alone: i64| {
        let lent =
            stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await.expect("a lease");
        let job = lent.into_iter().find(|job| job.kind == Some(Kind::Vacate));
        let Some(job) = job else { return false };
        assert_eq!(job.target, room.to_string());
        stage.write(move |tx| ephemeral::look(tx, &job, &|_| alone)).await.expect("a look");
        true
    };
    assert!(!vacate(ALONE).await, "it is not time to look");
    stage.clock.turn(Duration::from_millis(ALONE as u64));
    assert!(vacate(0).await);
    let due = stage
        .read(|read| jobs::next_due(read, Side::Inside))
        .await
        .expect("an answer")
        .expect("a time");
    assert!((due - stage.clock.now() - ALONE).abs() < 5_000, "somebody is there");
    stage.clock.turn(Duration::from_millis(ALONE as u64));
    assert!(vacate(ALONE - 30_000).await);
    let due = stage
        .read(|read| jobs::next_due(read, Side::Inside))
        .await
        .expect("an answer")
        .expect("a time");
    assert!((due - stage.clock.now() - 30_000).abs() < 5_000, "nearly");
    stage.clock.turn(Duration::from_millis(30_000));
    assert!(vacate(ALONE).await);
    for me in [&ada, &lin] {
        let (user, me) = (me.user, me.clone());
        let gone = stage.read(move |read| rooms::show(read, &me, room)).await;
        assert!(matches!(gone, Err(StoreError::NotFound("room"))), "{gone:?}");
        let mine = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
        assert_eq!(mine.expect("a row").state, MineState::Deleted);
    }
    stage.work().await;
    stage.clock.turn(DAY);
    stage.work().await;
    let me = ada.clone();
    stage.read(move |read| rooms::show(read, &me, kept)).await.expect("the other one stays");
}
