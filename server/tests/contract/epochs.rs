//! A new epoch: every room is named, with what a device of any epoch before may keep of it.

use crate::cast::Stage;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_server::store::{Me, Store, StoreError, pages, sync};
use std::sync::Arc;

contract!(
    a_device_that_slept_through_two_epochs_keeps_what_both_have,
    who_holds_more_than_there_is_has_to_sync_or_made_it_up,
);

/// The base of each room as a device of `epoch` is told, by room.
async fn bases(store: &Store, me: &Me, epoch: &str, named: Vec<(RoomId, Seq)>) -> Vec<Seq> {
    let (me, epoch, rooms) = (me.clone(), epoch.to_owned(), named.clone());
    let heads = store.read(move |read| sync::heads(read, &me, Some(&rooms), Some(&epoch))).await;
    let heads = heads.expect("heads").rooms;
    let base = |(room, _): &(RoomId, Seq)| {
        heads.iter().find(|head| head.room == *room).expect("every room is named").base
    };
    named.iter().map(base).collect()
}

/// Ends the epoch; `lost` of the room's changes are gone with it.
async fn next(stage: &Stage, store: &Store, lost: bool) -> Store {
    let job = move |tx: &mut hallway_server::store::Tx<'_>| {
        tx.exec("update meta set value = value || 'x' where name = 'dataset'", &[])?;
        if lost {
            tx.exec("update rooms set head = head - 2 where head > 2", &[])?;
        }
        Ok(())
    };
    store.write(hallway_server::store::Needs::default(), job).await.expect("a change");
    store.close().await;
    Store::open(&stage.place, stage.clock.clone(), Arc::new(|_| {})).expect("a store")
}

async fn a_device_that_slept_through_two_epochs_keeps_what_both_have(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let busy = stage.group(&[&ada]).await.room;
    let quiet = stage.group(&[&ada]).await.room;
    for _ in 0..4 {
        stage.says(&ada, busy, "tea?").await;
    }
    let named = vec![(busy, 5), (quiet, 1)];
    let first = stage.store.epoch();
    let store = next(&stage, &stage.store, true).await;
    let second = store.epoch();
    assert_ne!(first, second);
    assert_eq!(bases(&store, &ada, &first, named.clone()).await, [3, 1]);
    // The second epoch says more and loses nothing of it; then it, too, is over.
    let store = next(&stage, &store, false).await;
    assert_eq!(bases(&store, &ada, &first, named.clone()).await, [3, 1]);
    assert_eq!(bases(&store, &ada, &second, named.clone()).await, [3, 1]);
    let store = next(&stage, &store, true).await;
    assert_eq!(bases(&store, &ada, &first, named.clone()).await, [1, 1]);
    assert_eq!(bases(&store, &ada, "of nobody here", named).await, [0, 0]);
    store.close().await;
}

async fn who_holds_more_than_there_is_has_to_sync_or_made_it_up(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    for _ in 0..4 {
        stage.says(&ada, room, "tea?").await;
    }
    let asks = async |store: &Store, fresh: Option<Seq>| {
        let me = ada.clone();
        let page = store.read(move |read| {
            let page = pages::page(read, &me, room, pages::Part::Latest, 50)?;
            pages::reaches(read, room, page.as_of, fresh)?;
            Ok(page.as_of)
        });
        page.await
    };
    assert!(matches!(asks(&stage.store, None).await, Ok(5)));
    assert!(matches!(asks(&stage.store, Some(5)).await, Ok(5)));
    let made_up = asks(&stage.store, Some(6)).await;
    assert!(matches!(made_up, Err(StoreError::Invalid("fresh", _))), "{made_up:?}");
    let store = next(&stage, &stage.store, true).await;
    let lost = asks(&store, Some(5)).await;
    assert!(matches!(lost, Err(StoreError::Conflict(_))), "{lost:?}");
    assert!(matches!(asks(&store, Some(3)).await, Ok(3)));
    store.close().await;
}
