//! What browsers are told, and whether it is still so: one job for a person and a room, one push for
//! each time away, taken back once it is read.

use crate::cast::Stage;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_server::store::endpoints::{self, NewEndpoint};
use hallway_server::store::jobs::{self, Job, Side};
use hallway_server::store::pushes::{self, Due, What};
use hallway_server::store::{Me, marks, members, notices};
use std::sync::Arc;
use std::time::Duration;

contract!(
    one_job_waits_for_a_person_and_a_room_and_goes_when_a_device_has_it,
    a_push_comes_once_for_each_time_away_whoever_dies,
    what_comes_while_the_old_is_taken_back_is_told_too,
    what_was_shown_is_taken_back_once_it_is_read,
    who_is_out_of_the_room_or_has_no_browser_hears_nothing,
    the_key_for_push_services_is_made_once,
);

async fn registers(stage: &Stage, me: &Me, which: u8) -> String {
    let new = NewEndpoint {
        id: format!("e{which}-{}", me.user),
        hash: [which; 32],
        host: "push.example".into(),
        sealed: format!("sealed {which}"),
    };
    let me = me.clone();
    let made = stage.write(move |tx| endpoints::create(tx, &me, None, &new)).await;
    made.expect("an endpoint").answer
}

/// The pushes that wait.
async fn waiting(stage: &Stage) -> Vec<String> {
    let sql = "select target from jobs where kind = 'push' order by target";
    stage.read(move |read| read.all(sql, &[], |row| row.get(0))).await.expect("a list")
}

/// The jobs of pushes that are due, lent to somebody.
async fn lent(stage: &Stage) -> Vec<Job> {
    stage.clock.turn(Duration::from_secs(11));
    stage.write(|tx| jobs::lease(tx, "worker", Side::Outside, 10)).await.expect("a lease")
}

async fn due(stage: &Stage, job: &Job) -> Option<Due> {
    let target = job.target.clone();
    stage.read(move |read| pushes::due(read, &target)).await.expect("an answer")
}

/// Tells it, and is done with the job.
async fn tells(stage: &Stage, job: Job, due: Due) {
    let done = stage.write(move |tx| {
        pushes::told(tx, &due)?;
        jobs::finish(tx, &job)
    });
    done.await.expect("done");
}

async fn reads(stage: &Stage, me: &Me, room: RoomId, seq: Seq) {
    let me = me.clone();
    stage.write(move |tx| marks::read(tx, &me, room, seq)).await.expect("a mark");
}

async fn one_job_waits_for_a_person_and_a_room_and_goes_when_a_device_has_it(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    stage.says(&ada, room, "@lin before").await;
    assert_eq!(waiting(&stage).await, Vec::<String>::new(), "nobody would hear it");
    registers(&stage, &lin, 1).await;
    stage.says(&ada, room, "nothing for anybody").await;
    assert_eq!(waiting(&stage).await, Vec::<String>::new());
    stage.says(&ada, room, "@lin one").await;
    let first = stage.says(&ada, room, "@lin two").await.seq;
    let last = stage.says(&ada, room, "and so on").await.seq;
    assert_eq!(waiting(&stage).await, [format!("{}:{room}", lin.user)]);
    for (seq, left) in [(first, 1), (last, 0)] {
        let me = lin.clone();
        stage.write(move |tx| marks::ack(tx, &me, &[(room, seq)])).await.expect("stored");
        assert_eq!(waiting(&stage).await.len(), left, "{seq}");
    }
    // What a device has is no news, read or not.
    stage.says(&ada, room, "@lin three").await;
    let job = lent(&stage).await.remove(0);
    assert!(due(&stage, &job).await.is_some());
    let (me, head) = (lin.clone(), last + 1);
    stage.write(move |tx| marks::ack(tx, &me, &[(room, head)])).await.expect("stored");
    assert_eq!(due(&stage, &job).await, None);
}

async fn a_push_comes_once_for_each_time_away_whoever_dies(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    registers(&stage, &lin, 1).await;
    registers(&stage, &lin, 2).await;
    stage.says(&ada, room, "@lin one").await;
    let seq = stage.says(&ada, room, "@lin two").await.seq;
    let first = lent(&stage).await.remove(0);
    let told = due(&stage, &first).await.expect("due");
    assert_eq!(told.endpoints.len(), 2);
    let text = told.what.text();
    assert_eq!((&text["seq"], &text["unread"]), (&seq.into(), &2.into()));
    assert_eq!(text["id"], notices::id(lin.user, room, seq));
    // Its worker died before it was written down: another tells the same, in the same place.
    stage.clock.turn(Duration::from_millis(jobs::LEASE.unsigned_abs() + 1));
    let second = lent(&stage).await.remove(0);
    let again = due(&stage, &second).await.expect("due");
    assert_eq!((again.topic(), again.what.text()), (told.topic(), text));
    tells(&stage, second, again).await;
    let late = stage.write(move |tx| {
        pushes::told(tx, &told)?;
        jobs::finish(tx, &first)
    });
    late.await.expect_err("the job was another's");
    for n in 0..3 {
        stage.says(&ada, room, &format!("@lin {n}")).await;
    }
    assert_eq!(waiting(&stage).await, Vec::<String>::new(), "she knows");
    let head = seq + 3;
    let me = lin.clone();
    stage.write(move |tx| marks::ack(tx, &me, &[(room, head)])).await.expect("stored");
    stage.says(&ada, room, "@lin away again?").await;
    assert_eq!(waiting(&stage).await.len(), 1);
}

async fn what_comes_while_the_old_is_taken_back_is_told_too(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    registers(&stage, &lin, 1).await;
    let seq = stage.says(&ada, room, "@lin one").await.seq;
    let job = lent(&stage).await.remove(0);
    let shown = due(&stage, &job).await.expect("due");
    // Between the word that it was told and the end of its job it is read.
    assert_eq!(stage.write(move |tx| pushes::told(tx, &shown)).await.expect("told"), None);
    reads(&stage, &lin, room, seq).await;
    stage.write(move |tx| jobs::finish(tx, &job)).await.expect("ended");
    let job = lent(&stage).await.remove(0);
    let back = due(&stage, &job).await.expect("due");
    assert_eq!(back.what, What::TakeBack(room, seq));
    // And while it is taken back there is something new, which finds this job being done.
    stage.says(&ada, room, "@lin two").await;
    let more = stage.write(move |tx| pushes::told(tx, &back)).await.expect("told");
    let at = more.expect("there is more");
    stage.write(move |tx| jobs::later(tx, &job, at)).await.expect("later");
    assert!(
        stage
            .write(|tx| jobs::lease(tx, "worker", Side::Outside, 10))
            .await
            .expect("a lease")
            .is_empty()
    );
    let job = lent(&stage).await.remove(0);
    let shown = due(&stage, &job).await.expect("due");
    assert!(matches!(shown.what, What::Show(_)), "{shown:?}");
    tells(&stage, job, shown).await;
    assert_eq!(waiting(&stage).await, Vec::<String>::new());
}

async fn what_was_shown_is_taken_back_once_it_is_read(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    registers(&stage, &lin, 1).await;
    let seq = stage.says(&ada, room, "@lin one").await.seq;
    let job = lent(&stage).await.remove(0);
    let shown = due(&stage, &job).await.expect("due");
    let topic = shown.topic();
    // Read while it was told: there is more to say.
    reads(&stage, &lin, room, seq).await;
    let more = stage.write(move |tx| pushes::told(tx, &shown)).await.expect("told");
    assert!(more.is_some());
    let back = due(&stage, &job).await.expect("due");
    assert_eq!(back.what, What::TakeBack(room, seq));
    assert_eq!(back.topic(), topic, "in the place of what it takes back");
    tells(&stage, job, back).await;
    // Read after it was told.
    let seq = stage.says(&ada, room, "@lin two").await.seq;
    let job = lent(&stage).await.remove(0);
    let shown = due(&stage, &job).await.expect("due");
    tells(&stage, job, shown).await;
    assert_eq!(waiting(&stage).await, Vec::<String>::new());
    reads(&stage, &lin, room, seq).await;
    let job = lent(&stage).await.remove(0);
    let back = due(&stage, &job).await.expect("due");
    assert_eq!(back.what, What::TakeBack(room, seq));
    tells(&stage, job, back).await;
    reads(&stage, &lin, room, seq).await;
    assert_eq!(waiting(&stage).await, Vec::<String>::new(), "once");
}

async fn who_is_out_of_the_room_or_has_no_browser_hears_nothing(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let id = registers(&stage, &lin, 1).await;
    assert_eq!(registers(&stage, &lin, 1).await, id, "the same address is the same browser");
    stage.says(&ada, room, "@lin one").await;
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    let job = lent(&stage).await.remove(0);
    assert_eq!(due(&stage, &job).await, None);
    stage.write(move |tx| endpoints::gone(tx, &id)).await.expect("gone");
    let me = lin.clone();
    let left = stage.read(move |read| endpoints::list(read, &me, None, 50)).await;
    assert_eq!(left.expect("a list").items, []);
}

async fn the_key_for_push_services_is_made_once(stage: Arc<Stage>) {
    let first = stage.write(|tx| endpoints::vapid(tx, "one")).await.expect("a key");
    let second = stage.write(|tx| endpoints::vapid(tx, "two")).await.expect("a key");
    assert_eq!((first.as_str(), second.as_str()), ("one", "one"));
}
