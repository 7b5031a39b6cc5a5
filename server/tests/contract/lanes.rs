//! What lanes promise: group commit, order, undoing, needs.

use crate::cast::{Stage, draft};
use hallway_server::store::{Event, Needs, Store, StoreError, own};
use std::sync::Arc;
use std::sync::atomic::Ordering;

contract!(
    a_refused_job_leaves_nothing_and_its_neighbours_stay,
    a_job_that_panics_is_refused_alone,
    a_swallowed_error_is_not_acknowledged,
    own_logs_leave_in_order_whatever_the_lane,
    a_store_closed_and_opened_again_has_everything,
);

async fn a_refused_job_leaves_nothing_and_its_neighbours_stay(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let asked: Vec<_> = (0..40)
        .map(|i| {
            let user = ada.user;
            stage.store.write(Needs::person(user), move |tx| {
                let rev = own::next(tx, user)?;
                tx.emit(Event::Own { user, since: rev - 1, to: rev, rows: Vec::new() });
                if i % 4 == 3 { Err(StoreError::Conflict("every fourth")) } else { Ok(rev) }
            })
        })
        .collect();
    let mut revs = Vec::new();
    for (i, asked) in asked.into_iter().enumerate() {
        match asked.await {
            Ok(rev) => revs.push(rev),
            Err(StoreError::Conflict(_)) => assert_eq!(i % 4, 3),
            Err(other) => panic!("{other:?}"),
        }
    }
    // user 1, session 2, then these thirty
    assert_eq!(revs, (3..33).collect::<Vec<_>>());
    let steps = stage.heard_own(ada.user);
    assert!(steps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{steps:?}");
    assert_eq!(steps.last(), Some(&(31, 32)));
}

async fn a_job_that_panics_is_refused_alone(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let user = ada.user;
    let bad = stage.store.write(Needs::person(user), move |tx| {
        own::next(tx, user)?;
        std::panic::resume_unwind(Box::new("on purpose"));
        #[expect(unreachable_code, reason = "gives the job its type")]
        Ok(())
    });
    let good = stage.store.write(Needs::person(user), move |tx| own::next(tx, user));
    assert!(matches!(bad.await, Err(StoreError::Broken(_))));
    assert_eq!(good.await.expect("the neighbour"), 3);
}

async fn a_swallowed_error_is_not_acknowledged(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let user = ada.user;
    let done = stage
        .write(move |tx| {
            own::next(tx, user)?;
            let _ = tx.exec("insert into migrations (name, at) values ('0001_people', 0)", &[]);
            Ok(())
        })
        .await;
    assert!(matches!(done, Err(StoreError::Broken(_))), "{done:?}");
    assert_eq!(stage.read(move |read| own::head(read, user)).await.expect("a head"), 2);
}

async fn own_logs_leave_in_order_whatever_the_lane(stage: Arc<Stage>) {
    // One lane hands its events out slowly: the others must wait for it.
    stage.slow.store(true, Ordering::Relaxed);
    let ada = stage.person("ada").await;
    let user = ada.user;
    let mut rooms = Vec::new();
    for _ in 0..6 {
        rooms.push(stage.group(&[&ada]).await.room);
    }
    // The same person's log from the lanes of six rooms.
    let asked: Vec<_> = (0..300)
        .map(|i| {
            let needs = Needs::room(rooms[i % 6]).and([user]);
            stage.store.write(needs, move |tx| {
                let rev = own::next(tx, user)?;
                tx.emit(Event::Own { user, since: rev - 1, to: rev, rows: Vec::new() });
                Ok(())
            })
        })
        .collect();
    for asked in asked {
        asked.await.expect("a change");
    }
    let steps = stage.heard_own(user);
    assert!(steps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{steps:?}");
    assert_eq!(steps.last().map(|step| step.1), Some(308));
}

async fn a_store_closed_and_opened_again_has_everything(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let said = stage.says(&ada, room, "tea?").await;
    let epoch = stage.store.epoch();
    stage.store.close().await;
    let closed = stage.store.append(ada.clone(), room, draft("late")).await;
    assert!(matches!(closed, Err(StoreError::Busy)), "{closed:?}");
    let again = Store::open(&stage.place, stage.clock.clone(), Arc::new(|_| {})).expect("a store");
    assert_eq!(again.epoch(), epoch);
    let mut same = draft("tea?");
    same.key = said.key.clone().expect("a key");
    let posted = again.append(ada, room, same).await.expect("an answer");
    assert!(posted.again);
    assert_eq!(posted.message, said);
    again.close().await;
}
