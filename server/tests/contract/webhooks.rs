//! Webhooks: a delivery stands or falls with its cause, holds ids alone, and says what it says now.

use crate::cast::{Stage, draft, key};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::{DeliveryError, DeliveryStatus, HookEvent, HookState, Webhook};
use hallway_protocol::rows::{Row, Visibility};
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::deliveries::{self, OFF_AFTER, Tried};
use hallway_server::store::webhooks::{self, Changes, NewHook};
use hallway_server::store::{Me, Result, StoreError, deletions, jobs, messages};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_delivery_stands_or_falls_with_its_cause,
    what_it_says_is_read_when_it_is_sent,
    another_tenants_webhook_is_not_there,
    states_follow_how_calls_end,
    what_is_taken_away_leaves_nothing,
);

fn of(me: &Me) -> Admin {
    Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address: None }
}

async fn hook(stage: &Stage, me: &Me, rooms: &[RoomId]) -> Result<Webhook> {
    let new = NewHook {
        id: format!("hook {}", key()),
        url: "https://a.example/".into(),
        events: vec![HookEvent::Message, HookEvent::Edit, HookEvent::Delete],
        rooms: rooms.to_vec(),
        secret: "sealed".into(),
    };
    let admin = of(me);
    stage.write(move |tx| webhooks::create(tx, &admin, None, &new)).await.map(|once| once.answer)
}

async fn told(stage: &Stage, me: &Me, id: &str) -> Vec<(String, HookEvent, DeliveryStatus)> {
    let (admin, id) = (of(me), id.to_owned());
    let list = stage.read(move |read| deliveries::list(read, &admin, &id, None, 100)).await;
    let items = list.expect("a list").items.into_iter().rev();
    items.map(|one| (one.id, one.event, one.status)).collect()
}

async fn public(stage: &Stage, me: &Me) -> RoomId {
    stage.room(&[me], |new| new.visibility = Some(Visibility::Public)).await.room
}

async fn a_delivery_stands_or_falls_with_its_cause(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = public(&stage, &ada).await;
    let hook = hook(&stage, &ada, &[]).await.expect("a webhook");
    let draft = draft("tea?");
    for _ in 0..3 {
        // The same key again is nothing new.
        stage.store.append(ada.clone(), room, draft.clone()).await.expect("a message");
    }
    let (me, none) = (ada.clone(), "x".to_owned());
    let undone: Result<()> = stage
        .write(move |tx| {
            messages::edit(tx, &me, room, None, 3, &none)?;
            Err(StoreError::Forbidden("no"))
        })
        .await;
    assert!(undone.is_err());
    let known = told(&stage, &ada, &hook.id).await;
    assert_eq!(known.iter().map(|one| one.1).collect::<Vec<_>>(), [HookEvent::Message]);
    let census = stage.read(jobs::census).await.expect("a census");
    let waiting: i64 = census.iter().filter(|job| job.1 == "webhook").map(|job| job.2).sum();
    assert_eq!(waiting, 1);
}

async fn what_it_says_is_read_when_it_is_sent(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let hook = hook(&stage, &ada, &[room]).await.expect("a webhook");
    let seq = stage.says(&ada, room, "secret").await.seq;
    let id = told(&stage, &ada, &hook.id).await[0].0.clone();
    let asked = id.clone();
    let due = stage.read(move |read| deliveries::due(read, &asked)).await.expect("read");
    let call = due.and_then(|due| due.call).expect("something to say");
    assert!(matches!(&call.rows[0], Row::Message(row) if row.text == "secret"));
    assert!(matches!(&call.rows[1], Row::User(row) if row.user == ada.user));
    let me = ada.clone();
    let gone = stage.write(move |tx| deletions::create(tx, &me, room, None, seq, None)).await;
    gone.expect("a tombstone");
    let due = stage.read(move |read| deliveries::due(read, &id)).await.expect("read");
    let call = due.and_then(|due| due.call).expect("something to say");
    assert!(matches!(&call.rows[0], Row::Message(row) if row.deleted && row.text.is_empty()));
    assert_eq!(told(&stage, &ada, &hook.id).await[1].1, HookEvent::Delete);
}

async fn another_tenants_webhook_is_not_there(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let hook = hook(&stage, &ada, &[]).await.expect("a webhook");
    let other = Admin { tenant: Some(hallway_protocol::ids::TenantId(4711)), ..of(&ada) };
    let (admin, id) = (other.clone(), hook.id.clone());
    let seen = stage.read(move |read| webhooks::show(read, &admin, &id)).await;
    assert!(matches!(seen, Err(StoreError::NotFound("webhook"))), "{seen:?}");
    let (admin, id) = (other, hook.id.clone());
    let gone = stage.write(move |tx| webhooks::destroy(tx, &admin, None, &id)).await;
    assert!(matches!(gone, Err(StoreError::NotFound("webhook"))), "{gone:?}");
    let lin = stage.person("lin").await;
    let hers = stage.group(&[&lin]).await.room;
    let named = self::hook(&stage, &ada, &[hers]).await;
    assert!(matches!(named, Err(StoreError::NotFound("room"))), "{named:?}");
}

async fn states_follow_how_calls_end(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = public(&stage, &ada).await;
    let hook = hook(&stage, &ada, &[]).await.expect("a webhook");
    stage.says(&ada, room, "tea?").await;
    let id = told(&stage, &ada, &hook.id).await[0].0.clone();
    let tried = async |how: Tried| {
        let (id, webhook) = (id.clone(), hook.id.clone());
        stage.write(move |tx| deliveries::tried(tx, &id, &webhook, how)).await.expect("written")
    };
    let state = async || {
        let (admin, id) = (of(&ada), hook.id.clone());
        stage.read(move |read| webhooks::show(read, &admin, &id)).await.expect("it").state
    };
    let error = DeliveryError::Slow;
    let failed = Tried::Failed { error, answer: None, last: false, gone: false };
    assert!(!tried(failed).await);
    assert_eq!(state().await, HookState::Failing);
    assert!(!tried(Tried::Arrived(204)).await);
    assert_eq!(state().await, HookState::Active);
    tried(failed).await;
    stage.clock.turn(Duration::from_millis(OFF_AFTER.unsigned_abs()));
    assert!(tried(failed).await, "it is off now");
    assert!(tried(failed).await, "and stays it");
    assert_eq!(state().await, HookState::Off);
    stage.says(&ada, room, "soup?").await;
    assert_eq!(told(&stage, &ada, &hook.id).await.len(), 1);
    let (admin, webhook) = (of(&ada), hook.id.clone());
    let on = Changes { on: Some(true), ..Changes::default() };
    let on = stage.write(move |tx| webhooks::update(tx, &admin, None, &webhook, &on)).await;
    assert_eq!(on.expect("changed").answer.state, HookState::Active);
}

async fn what_is_taken_away_leaves_nothing(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = public(&stage, &ada).await;
    let hook = hook(&stage, &ada, &[room]).await.expect("a webhook");
    stage.says(&ada, room, "tea?").await;
    let id = told(&stage, &ada, &hook.id).await[0].0.clone();
    let (admin, webhook) = (of(&ada), hook.id.clone());
    stage.write(move |tx| webhooks::destroy(tx, &admin, None, &webhook)).await.expect("gone");
    let due = stage.read(move |read| deliveries::due(read, &id)).await.expect("read");
    assert_eq!(due, None, "nobody is called any more");
    let left = stage.write(|tx| {
        while deliveries::forget(tx, 500)? > 0 {}
        let mut left = 0;
        for sql in [
            "select count(*) from webhooks",
            "select count(*) from webhook_rooms",
            "select count(*) from deliveries",
        ] {
            left += tx.number(sql, &[])?;
        }
        Ok(left)
    });
    assert_eq!(left.await.expect("counted"), 0);
}
