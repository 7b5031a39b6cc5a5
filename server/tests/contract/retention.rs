//! Retention: what is older than a room keeps, or its tenant, is gone, and nobody is told so twice.

use crate::cast::{Stage, draft};
use hallway_protocol::ids::{RoomId, TenantId};
use hallway_protocol::rest::{ConfigPatch, RoomPatch, TenantPatch};
use hallway_protocol::rows::Row;
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::delta::{self, Pull};
use hallway_server::store::{Event, Me, StoreError, messages, own, pages, settings, sync, tenants};
use std::sync::Arc;
use std::time::Duration;

contract!(
    what_is_older_than_the_room_keeps_is_gone_by_one_number,
    expired_messages_are_nowhere_and_their_keys_are_known,
    a_room_that_keeps_everything_again_deletes_nothing_more,
    a_tenant_that_keeps_less_than_its_rooms_is_obeyed,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn patch(stage: &Stage, me: &Me, room: RoomId, patch: RoomPatch) {
    let me = me.clone();
    let done = stage.write(move |tx| settings::update(tx, &me, None, room, &patch)).await;
    done.expect("settings");
}

async fn what_is_older_than_the_room_keeps_is_gone_by_one_number(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    for n in 0..250 {
        stage.says(&ada, room, &format!("old {n}")).await;
    }
    stage.clock.turn(DAY * 3);
    let young = stage.says(&ada, room, "young").await;
    let keep = RoomPatch { retention_days: Some(Some(2)), ..RoomPatch::default() };
    patch(&stage, &ada, room, keep).await;
    let before = stage.heard(room).len();
    let (me, since) = (lin.clone(), young.seq);
    stage.work().await;
    assert_eq!(stage.heard(room).len(), before + 1, "two hundred and fifty took one number");
    {
        let events = stage.events.lock();
        let change = events.iter().rev().find_map(|event| match event {
            Event::Room { floor: Some(floor), rows, .. } => Some((*floor, rows.clone())),
            _ => None,
        });
        let (floor, rows) = change.expect("the change");
        assert_eq!(floor, young.seq);
        let [Row::Room(row)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(row.kept_from, floor);
    }
    let texts: Vec<_> = stage.page(&lin, room).await.into_iter().map(|row| row.text).collect();
    assert_eq!(texts, ["young", ""], "the young one and the notice");
    let pull = Pull { room, since, floor: Some(1), latest: None, going: false };
    let delta = stage.read(move |read| delta::pull(read, &me, &pull)).await.expect("a delta");
    assert_eq!(delta.min_seq, young.seq, "whoever pulls is told below what there is nothing");
    // Nothing more is old: no number is taken, and it is looked at again in an hour.
    stage.clock.turn(Duration::from_secs(3_700));
    stage.work().await;
    assert_eq!(stage.heard(room).len(), before + 1);
    stage.clock.turn(DAY * 3);
    stage.work().await;
    assert_eq!(stage.heard(room).len(), before + 2);
    assert_eq!(stage.page(&lin, room).await.len(), 0);
}

async fn expired_messages_are_nowhere_and_their_keys_are_known(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let secret = draft("a secret word, @lin");
    let said = stage.store.append(ada.clone(), room, secret.clone()).await.expect("said").message;
    let seq = said.seq;
    let me = ada.clone();
    stage
        .write(move |tx| messages::edit(tx, &me, room, None, seq, "secret again, @lin"))
        .await
        .expect("an edit");
    let me = ada.clone();
    stage.write(move |tx| messages::pin(tx, &me, room, None, seq, true)).await.expect("a pin");
    stage.clock.turn(DAY * 3);
    let keep = RoomPatch { retention_days: Some(Some(2)), ..RoomPatch::default() };
    patch(&stage, &ada, room, keep).await;
    stage.work().await;
    for me in [&ada, &lin] {
        let me = me.clone();
        let gone = stage.read(move |read| messages::show(read, &me, room, seq)).await;
        assert!(matches!(gone, Err(StoreError::NotFound("message"))), "{gone:?}");
    }
    let (me, user) = (ada.clone(), lin.user);
    let pins = stage.read(move |read| pages::pins(read, &me, room, None, 50)).await;
    assert_eq!(pins.expect("a list").rows, []);
    let mine = stage.read(move |read| own::mine(read, user, room)).await.expect("an answer");
    let mine = mine.expect("a row");
    assert_eq!((mine.unread, mine.mentions), (0, 0));
    assert!(mine.min_seq > seq);
    let me = lin.clone();
    let here = stage.read(move |read| sync::here(read, &me)).await.expect("rooms");
    assert_eq!(here[0].min_seq, mine.min_seq);
    let left = stage.read(|read| {
        let like = "%secret%";
        let sql = "select count(*) from messages where text like $1";
        let texts = read.number(sql, hallway_server::params![like])?;
        let sql = "select count(*) from edits where text like $1";
        Ok(texts + read.number(sql, hallway_server::params![like])?)
    });
    assert_eq!(left.await.expect("a count"), 0);
    // The message was heard once; a device that slept does not say it again.
    let again = stage.store.append(ada.clone(), room, secret).await.expect("an answer");
    assert_eq!((again.again, again.message.seq, again.message.text.as_str()), (true, seq, ""));
}

async fn a_room_that_keeps_everything_again_deletes_nothing_more(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let keep = |days| RoomPatch { retention_days: Some(days), ..RoomPatch::default() };
    patch(&stage, &ada, room, keep(Some(2))).await;
    let said = stage.says(&ada, room, "tea?").await;
    stage.work().await;
    patch(&stage, &ada, room, keep(None)).await;
    stage.clock.turn(DAY * 30);
    stage.work().await;
    assert!(stage.page(&ada, room).await.contains(&said));
}

async fn a_tenant_that_keeps_less_than_its_rooms_is_obeyed(stage: Arc<Stage>) {
    let tea = stage.write(|tx| tenants::create(tx, "tea", "Tea")).await.expect("a tenant").id;
    let (ada, lin) = (stage.person("ada").await, stage.person_of(tea, "lin").await);
    let elsewhere = stage.group(&[&ada]).await.room;
    let (long, short) = (stage.group(&[&lin]).await.room, stage.group(&[&lin]).await.room);
    let keep = |days| RoomPatch { retention_days: Some(days), ..RoomPatch::default() };
    patch(&stage, &lin, long, keep(Some(9))).await;
    patch(&stage, &lin, short, keep(Some(2))).await;
    let keeps = async |of: TenantId, days: Option<i64>| {
        let config = ConfigPatch { retention_days: Some(days), ..ConfigPatch::default() };
        let patch = TenantPatch { config: Some(config), ..TenantPatch::default() };
        let operator = Admin { actor: Actor::Operator, tenant: None, address: None };
        let done = stage.write(move |tx| tenants::update(tx, &operator, None, of, &patch)).await;
        done.expect("a change");
    };
    let left = async |me: &Me, room| {
        stage.work().await;
        stage.page(me, room).await.iter().filter(|row| !row.text.is_empty()).count()
    };
    keeps(tea, Some(4)).await;
    stage.work().await;
    // Made after the rule: it is found at the next look.
    let (later, hour) = (stage.group(&[&lin]).await.room, Duration::from_secs(3_700));
    for (me, room) in [(&ada, elsewhere), (&lin, long), (&lin, short), (&lin, later)] {
        stage.says(me, room, "tea?").await;
    }
    stage.clock.turn(DAY * 3);
    assert_eq!((left(&lin, long).await, left(&lin, short).await), (1, 0), "the room's is shorter");
    assert_eq!(left(&lin, later).await, 1);
    stage.clock.turn(DAY + hour);
    assert_eq!((left(&lin, long).await, left(&lin, later).await), (0, 0), "the tenant's is");
    assert_eq!(left(&ada, elsewhere).await, 1, "another tenant keeps everything");
    keeps(tea, None).await;
    stage.says(&lin, later, "milk?").await;
    stage.clock.turn(DAY * 5);
    assert_eq!(left(&lin, later).await, 1, "the rule is over");
}
