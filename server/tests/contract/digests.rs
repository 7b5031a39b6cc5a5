//! The mail that says what is waiting: once for each period, each notice in one, never to who is
//! there; written down with its job in one transaction.

use crate::cast::Stage;
use hallway_server::params;
use hallway_server::store::alerts::{self, Alerts};
use hallway_server::store::jobs::{self, Job, Kind, Side};
use hallway_server::store::{Me, digests, marks};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_mail_is_written_down_once_for_each_period,
    a_mail_says_what_is_still_unread_when_it_is_sent,
);

const HOUR: Duration = Duration::from_secs(3_600);

/// Somebody with an address, who wants a mail after an hour.
async fn reader(stage: &Stage, name: &str) -> Me {
    let me = stage.person(name).await;
    let (who, alerts) =
        (me.clone(), Alerts { hours: None, zone: "UTC".into(), digest_minutes: 60 });
    let set = stage.write(move |tx| {
        tx.exec(
            "update users set email = 'lin@example.org', email_folded = 'lin@example.org'
             where id = $1",
            params![who.user],
        )?;
        alerts::set(tx, &who, None, &[], &alerts)
    });
    set.await.expect("settings");
    me
}

/// The digests that are due, each done by somebody who knows whether people are away.
async fn looks(stage: &Stage, away: bool) -> usize {
    let lent = stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await;
    let lent: Vec<Job> = lent.expect("a lease");
    let digests: Vec<_> = lent.into_iter().filter(|job| job.kind == Some(Kind::Digest)).collect();
    for job in &digests {
        let job = job.clone();
        stage.write(move |tx| digests::run(tx, &job, &|_| away)).await.expect("a step");
    }
    digests.len()
}

async fn mails(stage: &Stage) -> i64 {
    let sql = "select count(*) from mails where kind = 'digest'";
    stage.read(move |read| read.number(sql, &[])).await.expect("a count")
}

async fn a_mail_is_written_down_once_for_each_period(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, reader(&stage, "lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    stage.says(&ada, room, "@lin one").await;
    stage.says(&ada, room, "@lin two").await;
    assert_eq!(looks(&stage, true).await, 0, "not yet");
    stage.clock.turn(HOUR);
    assert_eq!(looks(&stage, false).await, 1);
    assert_eq!(mails(&stage).await, 0, "she is connected");
    stage.clock.turn(HOUR);
    // One worker dies with it, as far as anybody can tell, and comes back late.
    let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await.expect("a lease");
    stage.clock.turn(Duration::from_millis(jobs::LEASE.unsigned_abs() + 1));
    assert_eq!(looks(&stage, true).await, 1);
    for job in lent {
        let late = stage.write(move |tx| digests::run(tx, &job, &|_| true)).await;
        assert!(late.is_err(), "{late:?}");
    }
    assert_eq!(mails(&stage).await, 1);
    stage.clock.turn(HOUR / 2);
    stage.says(&ada, room, "@lin three").await;
    stage.clock.turn(HOUR / 2);
    looks(&stage, true).await;
    assert_eq!(mails(&stage).await, 1, "within the hour of the last");
    stage.clock.turn(HOUR);
    looks(&stage, true).await;
    assert_eq!(mails(&stage).await, 2);
    stage.clock.turn(24 * HOUR);
    assert_eq!(looks(&stage, true).await, 0, "each notice is in one");
}

async fn a_mail_says_what_is_still_unread_when_it_is_sent(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, reader(&stage, "lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let other = stage.room(&[&ada, &lin], |new| new.name = "pantry".into()).await.room;
    let seq = stage.says(&ada, room, "@lin one").await.seq;
    stage.says(&ada, other, "@lin two").await;
    stage.says(&ada, other, "@lin three").await;
    let contents = async || {
        let user = lin.user;
        stage.read(move |read| digests::contents(read, user)).await.expect("an answer")
    };
    assert_eq!(contents().await, [("pantry".to_owned(), 2), ("kitchen".to_owned(), 1)]);
    let me = lin.clone();
    stage.write(move |tx| marks::read(tx, &me, room, seq)).await.expect("a mark");
    assert_eq!(contents().await, [("pantry".to_owned(), 2)]);
}
