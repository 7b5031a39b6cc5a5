//! Jobs: leases, failures, the store's own chores.

use crate::cast::{Stage, key, new_session};
use crate::messages::{edit, react};
use hallway_protocol::rows::Row;
use hallway_server::store::jobs::{Job, Kind, Side};
use hallway_server::store::{
    Event, StoreError, Tx, accounts, chores, jobs, members, ops, rooms, sessions,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_job_is_lent_to_one_and_comes_back_when_that_one_dies,
    who_lost_the_lease_has_no_say_any_more,
    a_job_that_fails_waits_longer_and_dies_at_last,
    a_job_that_is_given_up_is_dead_at_once,
    a_job_for_next_month_is_not_taken_for_a_wrong_clocks,
    each_side_leases_its_own,
    a_job_goes_with_its_transaction,
    p13_a_closed_account_leaves_its_rooms_one_by_one,
    a_deleted_room_is_erased,
    what_has_had_its_time_is_forgotten,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn lease(stage: &Stage, node: &'static str) -> Vec<Job> {
    stage.write(move |tx| jobs::lease(tx, node, Side::Inside, 10)).await.expect("a lease")
}

async fn next_due(stage: &Stage) -> Option<i64> {
    stage.read(|read| jobs::next_due(read, Side::Inside)).await.expect("an answer")
}

async fn a_job_is_lent_to_one_and_comes_back_when_that_one_dies(stage: Arc<Stage>) {
    for _ in 0..2 {
        // Asked for twice, it waits once.
        stage.write(chores::begin).await.expect("a job");
    }
    assert!(stage.events.lock().contains(&Event::Jobs));
    let lent = lease(&stage, "one").await;
    assert_eq!((lent.len(), lent[0].kind, lent[0].attempts), (1, Some(Kind::CleanUp), 1));
    assert_eq!(lease(&stage, "two").await, []);
    let due = next_due(&stage).await.expect("a time");
    assert!(due > stage.clock.now());
    stage.clock.turn(Duration::from_millis(30_001));
    let again = lease(&stage, "two").await;
    assert_eq!((again.len(), again[0].attempts), (1, 2));
    let job = again[0].clone();
    stage.write(move |tx| jobs::finish(tx, &job)).await.expect("done");
    assert_eq!(next_due(&stage).await, None);
}

async fn who_lost_the_lease_has_no_say_any_more(stage: Arc<Stage>) {
    stage.write(chores::begin).await.expect("a job");
    let late = lease(&stage, "one").await.remove(0);
    stage.clock.turn(Duration::from_millis(30_001));
    let ours = lease(&stage, "two").await.remove(0);
    let hours = stage.read(chores::hours).await.expect("a count");
    let says: [fn(&mut Tx<'_>, &Job) -> hallway_server::store::Result<()>; 8] = [
        jobs::finish,
        jobs::go_on,
        jobs::give_back,
        jobs::renew,
        |tx, job| jobs::fail(tx, job, "late"),
        |tx, job| jobs::give_up(tx, job, "late"),
        |tx, job| jobs::later(tx, job, 0),
        chores::run,
    ];
    for say in says {
        let late = late.clone();
        let said = stage.write(move |tx| say(tx, &late)).await;
        assert!(matches!(said, Err(StoreError::Conflict(_))), "{said:?}");
    }
    assert_eq!(stage.read(chores::hours).await.expect("a count"), hours, "it did its work");
    stage.write(move |tx| chores::run(tx, &ours)).await.expect("a step");
    assert_eq!(stage.read(chores::hours).await.expect("a count"), hours + 1);
}

async fn a_job_for_next_month_is_not_taken_for_a_wrong_clocks(stage: Arc<Stage>) {
    let month = 30 * 24 * 3_600_000;
    let made = stage.write(move |tx| {
        let at = tx.now() + month;
        jobs::enqueue_at(tx, None, Kind::Remind, "1", None, at)?;
        jobs::enqueue_at(tx, None, Kind::Mail, "1", None, at)
    });
    made.await.expect("two jobs");
    for _ in 0..2 {
        assert_eq!(lease(&stage, "one").await, [], "nothing is due");
        let outside = stage.write(|tx| jobs::lease(tx, "one", Side::Outside, 10)).await;
        assert_eq!(outside.expect("a lease"), []);
        // It looks at the clock on the way, and asks for the rest.
        let due = next_due(&stage).await.expect("a time") - stage.clock.now();
        assert!((1..=6 * 3_600_000).contains(&due), "{due}");
        stage.clock.turn(DAY / 4);
        let job = lease(&stage, "one").await.remove(0);
        let later = stage.write(move |tx| {
            let at = tx.now() + month;
            jobs::later(tx, &job, at)
        });
        later.await.expect("put off");
        let job = stage.write(|tx| jobs::lease(tx, "one", Side::Outside, 10)).await;
        let job = job.expect("a lease").remove(0);
        let later = stage.write(move |tx| {
            let at = tx.now() + month;
            jobs::later(tx, &job, at)
        });
        later.await.expect("put off");
    }
}

async fn a_job_that_is_given_up_is_dead_at_once(stage: Arc<Stage>) {
    stage.write(chores::begin).await.expect("a job");
    let job = lease(&stage, "one").await.remove(0);
    let why = "ü".repeat(600);
    stage.write(move |tx| jobs::give_up(tx, &job, &why)).await.expect("noted");
    assert_eq!(next_due(&stage).await, None);
    stage.clock.turn(DAY);
    assert_eq!(lease(&stage, "one").await, []);
    let said = stage
        .read(|read| {
            let sql = "select last_error from jobs where state = 'dead'";
            read.one(sql, &[], |row| row.get::<String>(0))
        })
        .await;
    assert_eq!(said.expect("an answer"), Some("ü".repeat(500)), "an error is kept in part");
}

async fn each_side_leases_its_own(stage: Arc<Stage>) {
    stage.write(chores::begin).await.expect("a job");
    stage.write(|tx| jobs::enqueue(tx, None, Kind::Mail, "7", None)).await.expect("a job");
    for (side, kind) in [(Side::Inside, Kind::CleanUp), (Side::Outside, Kind::Mail)] {
        let due = stage.read(move |read| jobs::next_due(read, side)).await.expect("an answer");
        assert!(due.is_some_and(|due| due <= stage.clock.now()), "{side:?}");
        let lent = stage.write(move |tx| jobs::lease(tx, "one", side, 10)).await.expect("a lease");
        let kinds: Vec<_> = lent.iter().map(|job| job.kind).collect();
        assert_eq!(kinds, [Some(kind)]);
    }
}

async fn a_job_that_fails_waits_longer_and_dies_at_last(stage: Arc<Stage>) {
    stage.write(chores::begin).await.expect("a job");
    let (mut attempts, mut last) = (0, 0);
    loop {
        let Some(job) = lease(&stage, "one").await.pop() else { break };
        assert_eq!(job.attempts, attempts + 1, "attempts only grow");
        attempts = job.attempts;
        stage.write(move |tx| jobs::fail(tx, &job, "no")).await.expect("noted");
        let Some(due) = next_due(&stage).await else { break };
        let wait = due - stage.clock.now();
        let doubled = 30_000i64.saturating_mul(1 << attempts).min(6 * 3_600_000);
        assert!(wait > doubled * 3 / 4 && wait <= doubled * 5 / 4, "{attempts}: {wait}");
        last = wait;
        stage.clock.turn(Duration::from_millis(u64::try_from(wait + 1).expect("a wait")));
    }
    assert_eq!(attempts, 24);
    assert!(last > 4 * 3_600_000);
    stage.clock.turn(DAY);
    assert_eq!(lease(&stage, "one").await, [], "it is dead");
    stage.write(chores::begin).await.expect("the next one may wait");
    assert_eq!(lease(&stage, "one").await.len(), 1);
}

async fn a_job_goes_with_its_transaction(stage: Arc<Stage>) {
    let refused = stage
        .write(|tx| {
            jobs::enqueue(tx, None, Kind::CleanUp, "", None)?;
            Err::<(), _>(StoreError::Conflict("changed my mind"))
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(lease(&stage, "one").await, []);
    assert!(!stage.events.lock().contains(&Event::Jobs));
}

async fn p13_a_closed_account_leaves_its_rooms_one_by_one(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(stage.group(&[&ada, &lin]).await.room);
    }
    let me = ada.clone();
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("an end");
    stage.work().await;
    for room in rooms {
        let me = lin.clone();
        let list = stage.read(move |read| members::list(read, &me, room, None, 50)).await;
        let rows = list.expect("a list").rows;
        let members: Vec<_> = rows
            .iter()
            .filter_map(|row| if let Row::Member(member) = row { Some(member) } else { None })
            .collect();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].user, lin.user);
    }
}

async fn a_deleted_room_is_erased(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let said = stage.says(&ada, room, "the hidden word @lin").await;
    edit(&stage, &ada, room, said.seq, "the next hidden word").await.expect("an edit");
    react(&stage, &lin, room, said.seq, "hidden", true).await.expect("a reaction");
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, room)).await.expect("an end");
    stage.work().await;
    for sql in [
        "select count(*) from messages where room = $1 and text <> ''",
        "select count(*) from messages where room = $1 and kind = 0 and deleted_at is null",
        "select count(*) from edits where room = $1",
        "select count(*) from reactions where room = $1",
        "select count(*) from mentions where room = $1",
    ] {
        let left = stage
            .read(move |read| read.number(sql, hallway_server::params![room]))
            .await
            .expect("a count");
        assert_eq!(left, 0, "{sql}");
    }
}

async fn what_has_had_its_time_is_forgotten(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let once = key();
    let (me, op) = (ada.clone(), once.clone());
    stage.write(move |tx| ops::keep(tx, &me, Some(&op), "test", "", None)).await.expect("a key");
    let remembered = |once: &hallway_protocol::ids::Key| {
        let (me, once, stage) = (ada.clone(), once.clone(), stage.clone());
        async move {
            let found =
                stage.read(move |read| ops::first(read, &me, Some(&once), "test", "")).await;
            found.expect("an answer").is_some()
        }
    };
    stage.write(chores::begin).await.expect("a job");
    stage.work().await;
    // A clock a year off is no year: nothing ages but by hours the server has run.
    stage.clock.turn(365 * DAY);
    stage.work().await;
    assert!(remembered(&once).await);
    assert_eq!(stage.whois(&ada.session).await, ada);
    run_for(&stage, 31 * 24).await;
    assert!(!remembered(&once).await);
    // A session in use stays, one unused for 90 days ends, and later goes.
    let (user, second) = (ada.user, new_session("second"));
    stage
        .write(move |tx| Stage::sign_in(tx, user, "hash of ada", None, &second))
        .await
        .expect("a device");
    run_for(&stage, 60 * 24).await;
    let me = stage.whois("second").await;
    stage.write(move |tx| sessions::seen(tx, &me)).await.expect("seen");
    run_for(&stage, 1).await;
    let ended = Event::Ended { user, sessions: vec![ada.session.clone()], thrown: false };
    assert!(stage.events.lock().contains(&ended));
    let me = stage.whois("second").await;
    let listed = stage.read(move |read| sessions::list(read, &me, None, 50)).await;
    assert_eq!(listed.expect("a list").rows.len(), 1);
}

/// Lets the server have run for so many hours more, by its own count, and cleans up.
async fn run_for(stage: &Stage, hours: i64) {
    let set = move |tx: &mut Tx<'_>| {
        let next = (chores::hours(tx)? + hours).to_string();
        let sql = "update meta set value = $1 where name = 'hours'";
        tx.exec(sql, hallway_server::params![&next])
    };
    assert_eq!(stage.write(set).await.expect("a count"), 1);
    stage.clock.turn(Duration::from_millis(3_600_001));
    stage.work().await;
}
