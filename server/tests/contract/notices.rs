//! Notices: whom a message is for beside its room, told once, read with the message, gone with it.

use crate::cast::{Stage, draft, key};
use crate::later::work;
use crate::messages::edit;
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{RoomId, Seq, TenantId};
use hallway_protocol::rest::{NewNotice, NewReminder, NewRoomKind, Notice, NoticesRead};
use hallway_protocol::rows::{Message, Notify};
use hallway_server::access::Admin;
use hallway_server::params;
use hallway_server::store::alerts::{self, Alerts};
use hallway_server::store::audit::Actor;
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::{
    Event, Me, Result, StoreError, chores, direct, marks, members, messages, notices, own,
    reminders,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

contract!(
    whom_a_message_names_answers_or_speaks_to_is_told_once,
    a_thread_tells_those_who_wrote_in_it,
    a_keyword_is_a_word_and_not_a_part_of_one,
    everyone_of_a_large_room_is_told_by_a_job,
    what_is_read_elsewhere_is_read_and_what_is_gone_is_gone,
    an_edit_tells_who_is_named_now_and_no_longer_who_was,
    who_wants_nothing_of_a_room_is_told_nothing,
    the_notices_of_a_room_are_its_mentions,
    what_was_told_up_to_one_is_read_and_what_comes_after_is_not,
    a_backend_tells_people_of_its_tenant_alone_and_once,
    a_reminder_comes_once_when_it_is_time,
    old_notices_go,
);

const HOUR: Duration = Duration::from_secs(3_600);

async fn all(stage: &Stage, me: &Me) -> Vec<Notice> {
    let me = me.clone();
    stage.read(move |read| notices::list(read, &me, None, 100)).await.expect("a list").items
}

/// Topic, message and whether it is read, latest first.
async fn told(stage: &Stage, me: &Me) -> Vec<(String, Seq, bool)> {
    let items = all(stage, me).await.into_iter();
    items.map(|one| (one.topic, one.seq.unwrap_or_default(), one.read)).collect()
}

async fn wants(stage: &Stage, me: &Me, keywords: &[&str]) {
    let (me, words) = (me.clone(), keywords.iter().map(|&word| word.to_owned()));
    let words: Vec<_> = words.collect();
    let alerts = Alerts { zone: "UTC".into(), ..Alerts::default() };
    let set = stage.write(move |tx| alerts::set(tx, &me, None, &words, &alerts)).await;
    set.expect("settings");
}

async fn answers(
    stage: &Stage,
    me: &Me,
    room: RoomId,
    change: impl FnOnce(&mut hallway_server::store::Draft),
) -> Message {
    let mut said = draft("yes");
    change(&mut said);
    stage.store.append(me.clone(), room, said).await.expect("a message").message
}

async fn whom_a_message_names_answers_or_speaks_to_is_told_once(stage: Arc<Stage>) {
    let (ada, lin, eve) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("eve").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    wants(&stage, &lin, &["tea"]).await;
    wants(&stage, &ada, &["tea"]).await;
    wants(&stage, &eve, &["tea"]).await;
    let one = stage.says(&ada, room, "hello").await.seq;
    let two = stage.says(&ada, room, "@lin, tea?").await.seq;
    let three = stage.says(&ada, room, "Tea!").await.seq;
    let four = stage.says(&ada, room, "@everyone").await.seq;
    let five = answers(&stage, &lin, room, |said| said.reply = Some(one)).await.seq;
    let note = |topic: &str, seq| (topic.to_owned(), seq, false);
    let expected = [note("mention", four), note("keyword", three), note("mention", two)];
    assert_eq!(told(&stage, &lin).await, expected);
    assert_eq!(told(&stage, &ada).await, [note("reply", five)], "and nobody of their own words");
    assert_eq!(told(&stage, &eve).await, [], "nor who is not in the room");
    for notice in all(&stage, &lin).await {
        let seq = notice.seq.expect("of a message");
        assert_eq!(notice.id, notices::id(lin.user, room, seq));
    }
    // Between a few people every message is for each of them.
    let (me, people) = (ada.clone(), vec![eve.user]);
    let opened = stage.write(move |tx| direct::open(tx, &me, &people)).await.expect("a room");
    let said = stage.says(&ada, opened.answer.room, "psst").await.seq;
    assert_eq!(told(&stage, &eve).await, [note("direct", said)]);
    assert_eq!(told(&stage, &ada).await.len(), 1);
}

async fn a_thread_tells_those_who_wrote_in_it(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let root = stage.says(&ada, room, "plans").await.seq;
    let first = answers(&stage, &lin, room, |said| said.thread = Some(root)).await.seq;
    let second = answers(&stage, &ada, room, |said| said.thread = Some(root)).await.seq;
    let reply = |seq| ("reply".to_owned(), seq, false);
    assert_eq!(told(&stage, &ada).await, [reply(first)]);
    assert_eq!(told(&stage, &lin).await, [reply(second)]);
    assert_eq!(told(&stage, &bob).await, [], "who wrote nothing in it");
}

async fn a_keyword_is_a_word_and_not_a_part_of_one(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let texts = [
        ("tea", "TEA!", true),
        ("tea", "teapot", false),
        ("tea", "steam", false),
        ("green tea", "Tea, green", true),
        ("green tea", "green", false),
        ("café", "CAFÉ", true),
        ("東京", "今日は東京都に", true),
        ("京", "東京", true),
        ("京", "大阪", false),
        ("C++", "c and d", true),
    ];
    for (keyword, text, hit) in texts {
        wants(&stage, &lin, &["never said", keyword]).await;
        let seq = stage.says(&ada, room, text).await.seq;
        let found = told(&stage, &lin).await.iter().any(|(_, told, _)| *told == seq);
        assert_eq!(found, hit, "{keyword} in {text}");
    }
    // Words of another tenant's people lead nowhere.
    wants(&stage, &lin, &[]).await;
    let before = told(&stage, &lin).await;
    stage.says(&ada, room, "tea").await;
    assert_eq!(told(&stage, &lin).await, before);
}

async fn everyone_of_a_large_room_is_told_by_a_job(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let mut people = Vec::new();
    for n in 0..90 {
        people.push(stage.person(&format!("p{n}")).await);
    }
    let room = stage.group(&[&ada]).await.room;
    for person in &people {
        let (me, user) = (ada.clone(), person.user);
        let wanted = hallway_protocol::rest::MemberRole::default();
        let added = stage.write(move |tx| members::set(tx, &me, None, room, user, &wanted)).await;
        added.expect("a member");
    }
    // As many as the largest rooms have, without signing each of them up.
    stage
        .write(move |tx| {
            tx.exec("update rooms set size = 5000 where id = $1", params![room])?;
            Ok(())
        })
        .await
        .expect("a large room");
    let seq = stage.says(&ada, room, "@everyone fire drill").await.seq;
    assert_eq!(told(&stage, &people[0]).await, []);
    work(&stage).await;
    for person in [&people[0], &people[89]] {
        assert_eq!(told(&stage, person).await, [("mention".to_owned(), seq, false)]);
    }
    assert_eq!(told(&stage, &ada).await, []);
    let counted = stage.read(|read| read.number("select count(*) from notices", &[])).await;
    assert_eq!(counted.expect("a count"), 90);
}

async fn what_is_read_elsewhere_is_read_and_what_is_gone_is_gone(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let mut seqs = Vec::new();
    for text in ["@lin one", "@lin two", "@lin three"] {
        seqs.push(stage.says(&ada, room, text).await.seq);
    }
    let (me, up_to) = (lin.clone(), seqs[1]);
    stage.write(move |tx| marks::read(tx, &me, room, up_to)).await.expect("a mark");
    let note = |seq, read| ("mention".to_owned(), seq, read);
    let expected = [note(seqs[2], false), note(seqs[1], true), note(seqs[0], true)];
    assert_eq!(told(&stage, &lin).await, expected);
    let (me, seq) = (ada.clone(), seqs[2]);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
    assert_eq!(told(&stage, &lin).await, expected[1..]);
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    assert_eq!(told(&stage, &lin).await, []);
    // Nobody tells who is out, not even of an older message that names them now.
    edit(&stage, &ada, room, seqs[0], "@lin again").await.expect("an edit");
    assert_eq!(told(&stage, &lin).await, []);
}

async fn an_edit_tells_who_is_named_now_and_no_longer_who_was(stage: Arc<Stage>) {
    let (ada, lin, bob) =
        (stage.person("ada").await, stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&ada, &lin, &bob]).await.room;
    let seq = stage.says(&ada, room, "@lin tea?").await.seq;
    let first = all(&stage, &lin).await;
    edit(&stage, &ada, room, seq, "@lin @bob tea?").await.expect("an edit");
    assert_eq!(all(&stage, &lin).await, first, "told once");
    assert_eq!(told(&stage, &bob).await.len(), 1);
    edit(&stage, &ada, room, seq, "@bob tea?").await.expect("an edit");
    assert_eq!(told(&stage, &lin).await, []);
    assert_eq!(told(&stage, &bob).await.len(), 1);
}

async fn who_wants_nothing_of_a_room_is_told_nothing(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let until = stage.clock.now() + 60_000;
    let muted = MinePatch { muted_until: Some(Some(until)), ..MinePatch::default() };
    let none =
        MinePatch { notify: Some(Notify::None), muted_until: Some(None), ..MinePatch::default() };
    let mentions = MinePatch { notify: Some(Notify::Mentions), ..MinePatch::default() };
    for (patch, heard) in [(muted, 0), (none, 0), (mentions, 1)] {
        let me = lin.clone();
        let set = stage.write(move |tx| marks::update(tx, &me, None, room, &patch)).await;
        set.expect("kept");
        stage.says(&ada, room, "@lin").await;
        assert_eq!(told(&stage, &lin).await.len(), heard);
    }
}

/// One definition: what makes the badge is what one is told of, and nothing of it is missing.
async fn the_notices_of_a_room_are_its_mentions(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.room(&[&ada, &lin], |new| new.kind = NewRoomKind::Channel).await.room;
    let hers = stage.says(&lin, room, "what now?").await.seq;
    stage.says(&ada, room, "nothing").await;
    stage.says(&ada, room, "@everyone").await;
    stage.says(&ada, room, "@lin and @ada").await;
    answers(&stage, &ada, room, |said| said.reply = Some(hers)).await;
    let me = lin.clone();
    let why = stage.read(move |read| own::why(read, &me, room)).await.expect("an answer");
    let mut seqs: Vec<_> = told(&stage, &lin).await.iter().map(|one| one.1).collect();
    seqs.reverse();
    assert_eq!(seqs, why.mentions);
    assert_eq!(seqs.len(), 3);
}

async fn what_was_told_up_to_one_is_read_and_what_comes_after_is_not(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    for n in 0..5 {
        stage.says(&ada, room, &format!("@lin {n}")).await;
    }
    let items = all(&stage, &lin).await;
    let mark = async |me: &Me, up_to: &str| {
        let (me, read) = (me.clone(), NoticesRead { up_to: up_to.to_owned() });
        stage.write(move |tx| notices::mark(tx, &me, &read)).await
    };
    for at in [2, 4] {
        mark(&lin, &items[at].id).await.expect("a mark");
        let read: Vec<_> = told(&stage, &lin).await.iter().map(|one| one.2).collect();
        assert_eq!(read, [false, false, true, true, true], "it never moves back");
    }
    let refused = mark(&ada, &items[0].id).await;
    assert!(matches!(refused, Err(StoreError::Invalid("up_to", _))), "another's: {refused:?}");
    // The room's own mark is another thing.
    let me = lin.clone();
    let why = stage.read(move |read| own::why(read, &me, room)).await.expect("an answer");
    assert_eq!(why.mentions.len(), 5);
    // Page by page it is the same list.
    let (mut paged, mut next): (Vec<Notice>, Option<String>) = (Vec::new(), None);
    loop {
        let (me, from) = (lin.clone(), next.clone());
        let page = stage.read(move |read| notices::list(read, &me, from.as_deref(), 2)).await;
        let page = page.expect("a page");
        paged.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(paged, all(&stage, &lin).await);
}

async fn tells(stage: &Stage, tenant: TenantId, once: &str, new: &NewNotice) -> Result<bool> {
    let admin = Admin { actor: Actor::Key("k1".into()), tenant: Some(tenant), address: None };
    let (once, new) = (once.parse().expect("a key"), new.clone());
    let told = stage.write(move |tx| notices::create(tx, &admin, Some(&once), &new)).await;
    told.map(|once| once.again)
}

async fn a_backend_tells_people_of_its_tenant_alone_and_once(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let other = stage
        .write(|tx| hallway_server::store::tenants::create(tx, "tea", "Tea"))
        .await
        .expect("a tenant")
        .id;
    let eve = stage.person_of(other, "eve").await;
    let payload = json!({"order": 7, "of": ["tea", null]});
    let new = |users| NewNotice { topic: "order".into(), payload: payload.clone(), users };
    let refused =
        tells(&stage, ada.tenant, &key().to_string(), &new(vec![ada.user, eve.user])).await;
    assert!(matches!(refused, Err(StoreError::Invalid("users", _))), "{refused:?}");
    assert_eq!(told(&stage, &ada).await, [], "not even in part");
    let once = key().to_string();
    let both = new(vec![lin.user, ada.user, lin.user]);
    for again in [false, true] {
        assert_eq!(tells(&stage, ada.tenant, &once, &both).await.expect("told"), again);
    }
    let items = all(&stage, &lin).await;
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].topic.as_str(), &items[0].payload), ("order", &payload));
    assert_eq!((items[0].room, items[0].read), (None, false));
    let events = stage.events.lock().clone();
    let heard: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Notice { user, notice } if *user == lin.user => Some((**notice).clone()),
            _ => None,
        })
        .collect();
    assert_eq!(heard, items);
}

async fn a_reminder_comes_once_when_it_is_time(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let strange = stage.group(&[&ada]).await.room;
    let seq = stage.says(&ada, room, "tea at four").await.seq;
    let gone = stage.says(&ada, room, "never mind").await.seq;
    let hidden = stage.says(&ada, strange, "secret").await.seq;
    let asks = async |room, seq, wait: Duration| {
        let wait = i64::try_from(wait.as_millis()).expect("a wait");
        let (me, new) = (lin.clone(), NewReminder { room, seq, at: stage.clock.now() + wait });
        stage.write(move |tx| reminders::create(tx, &me, None, &new)).await.map(|one| one.answer)
    };
    let refused = asks(strange, hidden, HOUR).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    let refused = asks(room, seq, Duration::ZERO).await;
    assert!(matches!(refused, Err(StoreError::Invalid("at", _))), "{refused:?}");
    // She has read the message long ago; that is why.
    let me = lin.clone();
    stage.write(move |tx| marks::read(tx, &me, room, gone)).await.expect("a mark");
    let first = asks(room, seq, 30 * HOUR).await.expect("it waits");
    let second = asks(room, gone, HOUR).await.expect("it waits");
    let back = asks(room, seq, HOUR + Duration::from_secs(1)).await.expect("it waits");
    let listed = async || {
        let me = lin.clone();
        let list = stage.read(move |read| reminders::list(read, &me, None, 50)).await;
        list.expect("a list").items
    };
    assert_eq!(listed().await, [second, back.clone(), first.clone()].map(|one| one));
    let (me, id) = (ada.clone(), back.id.clone());
    let refused = stage.write(move |tx| reminders::destroy(tx, &me, None, &id)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "another's: {refused:?}");
    let (me, id) = (lin.clone(), back.id);
    stage.write(move |tx| reminders::destroy(tx, &me, None, &id)).await.expect("taken back");
    let me = ada.clone();
    stage.write(move |tx| messages::destroy(tx, &me, room, None, gone)).await.expect("deleted");
    assert_eq!(listed().await, [first]);
    for _ in 0..29 {
        stage.clock.turn(HOUR);
        work(&stage).await;
    }
    assert_eq!(told(&stage, &lin).await, [], "of what is gone nobody is reminded");
    stage.clock.turn(HOUR);
    // The first worker dies with it, as far as anybody can tell.
    let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await.expect("a lease");
    stage.clock.turn(Duration::from_millis(jobs::LEASE.unsigned_abs() + 1));
    work(&stage).await;
    assert_eq!(told(&stage, &lin).await, [("reminder".to_owned(), seq, false)]);
    for job in lent {
        let late = stage.write(move |tx| chores::run(tx, &job)).await;
        assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    }
    assert_eq!(told(&stage, &lin).await.len(), 1);
    assert_eq!(listed().await, []);
}

async fn old_notices_go(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    stage.says(&ada, room, "@lin old").await;
    stage.clock.turn(24 * 89 * HOUR);
    let new = stage.says(&ada, room, "@lin new").await.seq;
    stage.clock.turn(48 * HOUR);
    stage.write(chores::begin).await.expect("a job");
    work(&stage).await;
    assert_eq!(told(&stage, &lin).await, [("mention".to_owned(), new, false)]);
}
