//! Messages that wait to be said: changed, given another time, with files and what they answer, and
//! asked about once more when they go out.

use crate::cast::{Stage, key};
use crate::later::{HOUR, new, said, schedules, waiting, work};
use crate::media::ready;
use hallway_protocol::ids::{Key, RoomId};
use hallway_protocol::rest::{NewScheduled, RoomPatch, Scheduled, ScheduledPatch};
use hallway_protocol::rows::{Message, Row};
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::media::{self, State};
use hallway_server::store::{
    Me, Result, StoreError, accounts, chores, members, messages, pages, scheduled, settings,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    text_and_time_are_changed_while_it_waits,
    a_change_that_is_wrong_changes_nothing,
    one_that_is_being_done_waits_for_its_new_time,
    one_that_was_refused_waits_again_with_another_time,
    it_answers_and_stands_in_a_thread_and_carries_files_that_stay,
    what_it_would_have_carried_goes_with_it,
    a_file_that_is_gone_keeps_it_from_being_said,
);

async fn changes(
    stage: &Stage,
    me: &Me,
    id: &str,
    key: Option<&Key>,
    patch: ScheduledPatch,
) -> Result<Scheduled> {
    let (me, id, key) = (me.clone(), id.to_owned(), key.cloned());
    let done = stage.write(move |tx| scheduled::update(tx, &me, key.as_ref(), &id, &patch)).await;
    done.map(|once| once.answer)
}

fn text(text: &str) -> ScheduledPatch {
    ScheduledPatch { text: Some(text.into()), ..ScheduledPatch::default() }
}

fn at(stage: &Stage, wait: Duration) -> ScheduledPatch {
    let wait = i64::try_from(wait.as_millis()).expect("a wait");
    ScheduledPatch { at: Some(stage.clock.now() + wait), ..ScheduledPatch::default() }
}

async fn texts(stage: &Stage, me: &Me, room: RoomId) -> Vec<String> {
    said(stage, me, room).await.into_iter().map(|(text, _)| text).collect()
}

/// The latest message of a room.
async fn latest(stage: &Stage, me: &Me, room: RoomId) -> Message {
    let me = me.clone();
    let page = stage.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 1)).await;
    let rows = page.expect("a page").rows.into_iter();
    let rows = rows.filter_map(|row| match row {
        Row::Message(message) => Some(message),
        _ => None,
    });
    // With what it quotes.
    rows.max_by_key(|message| message.seq).expect("a message")
}

async fn state(stage: &Stage, id: &str) -> String {
    let id = id.to_owned();
    let found = stage.read(move |read| {
        let sql = "select state from media where id = $1";
        read.one(sql, &[(&id).into()], |row| row.get::<String>(0))
    });
    found.await.expect("read").expect("a file")
}

async fn text_and_time_are_changed_while_it_waits(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let made = schedules(&stage, &ada, &new(&stage, room, "tea?", 30 * HOUR)).await.expect("waits");
    let (id, once) = (made.id.clone(), key());
    let soup = changes(&stage, &ada, &id, Some(&once), text("soup?")).await.expect("changed");
    assert_eq!((soup.text.as_str(), soup.at, &soup.key), ("soup?", made.at, &made.key));
    // The same key again does nothing, whatever it says.
    let again = changes(&stage, &ada, &id, Some(&once), text("milk?")).await.expect("the first");
    assert_eq!(again, soup);
    changes(&stage, &ada, &id, None, at(&stage, HOUR)).await.expect("sooner");
    changes(&stage, &ada, &id, None, at(&stage, 3 * HOUR)).await.expect("later");
    stage.clock.turn(2 * HOUR);
    work(&stage).await;
    assert_eq!(texts(&stage, &ada, room).await, Vec::<String>::new());
    stage.clock.turn(HOUR);
    work(&stage).await;
    let heard = [("soup?".to_owned(), Some(made.key))];
    assert_eq!(said(&stage, &ada, room).await, heard);
    stage.clock.turn(30 * HOUR);
    work(&stage).await;
    assert_eq!(said(&stage, &ada, room).await.len(), 1, "once");
    let late = changes(&stage, &ada, &id, None, text("x")).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
}

async fn a_change_that_is_wrong_changes_nothing(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let made = schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    let anothers = changes(&stage, &lin, &made.id, None, text("x")).await;
    assert!(matches!(anothers, Err(StoreError::NotFound(_))), "{anothers:?}");
    let none = ScheduledPatch { files: Some(Vec::new()), ..text(" ") };
    let empty = changes(&stage, &ada, &made.id, None, none).await;
    assert!(matches!(empty, Err(StoreError::Invalid("text", _))), "{empty:?}");
    for wait in [Duration::ZERO, 24 * 367 * HOUR] {
        let wrong = ScheduledPatch { text: Some("x".into()), ..at(&stage, wait) };
        let refused = changes(&stage, &ada, &made.id, None, wrong).await;
        assert!(matches!(refused, Err(StoreError::Invalid("at", _))), "{refused:?}");
    }
    let file = ready(&stage, &lin, "lins").await;
    let hers = ScheduledPatch { files: Some(vec![file]), ..text("x") };
    let refused = changes(&stage, &ada, &made.id, None, hers).await;
    assert!(matches!(refused, Err(StoreError::Invalid("files", _))), "{refused:?}");
    assert_eq!(waiting(&stage, &ada).await, [("tea?".to_owned(), None)]);
    // Who is not there any more cannot give it another time.
    let (me, user) = (ada.clone(), lin.user);
    let hers = schedules(&stage, &lin, &new(&stage, room, "mine", HOUR)).await.expect("it waits");
    stage.write(move |tx| members::remove(tx, &me, None, room, user)).await.expect("removed");
    let refused = changes(&stage, &lin, &hers.id, None, at(&stage, 2 * HOUR)).await;
    assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
}

async fn one_that_is_being_done_waits_for_its_new_time(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let made = schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    stage.clock.turn(HOUR);
    let lent =
        stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await.expect("a lease");
    assert!(!lent.is_empty());
    changes(&stage, &ada, &made.id, None, at(&stage, 2 * HOUR)).await.expect("later");
    for job in lent {
        stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
    }
    work(&stage).await;
    assert_eq!(texts(&stage, &ada, room).await, Vec::<String>::new());
    stage.clock.turn(2 * HOUR);
    work(&stage).await;
    assert_eq!(texts(&stage, &ada, room).await, ["tea?"]);
}

async fn one_that_was_refused_waits_again_with_another_time(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let made = schedules(&stage, &ada, &new(&stage, room, "tea?", HOUR)).await.expect("it waits");
    let put = async |archived: bool| {
        let (me, away) = (ada.clone(), Some(archived));
        let patch = RoomPatch { archived: away, ..RoomPatch::default() };
        stage.write(move |tx| settings::update(tx, &me, None, room, &patch)).await.expect("done");
    };
    put(true).await;
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(waiting(&stage, &ada).await, [("tea?".into(), Some("conflict".into()))]);
    // Another text alone does not send it off, and where it may not be said it does not wait.
    changes(&stage, &ada, &made.id, None, text("soup?")).await.expect("changed");
    let refused = changes(&stage, &ada, &made.id, None, at(&stage, HOUR)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(waiting(&stage, &ada).await, [("soup?".into(), Some("conflict".into()))]);
    put(false).await;
    let again = changes(&stage, &ada, &made.id, None, at(&stage, HOUR)).await.expect("it waits");
    assert_eq!(again.error, None);
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(texts(&stage, &ada, room).await, ["soup?"]);
    assert_eq!(waiting(&stage, &ada).await, []);
}

async fn it_answers_and_stands_in_a_thread_and_carries_files_that_stay(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let asked = stage.says(&lin, room, "a list?").await.seq;
    let files = vec![ready(&stage, &ada, "one").await, ready(&stage, &ada, "two").await];
    let wrong = NewScheduled { reply: Some(4711), ..new(&stage, room, "x", HOUR) };
    let refused = schedules(&stage, &ada, &wrong).await;
    assert!(matches!(refused, Err(StoreError::Invalid("reply", _))), "{refused:?}");
    let wrong = NewScheduled { thread: Some(4711), ..new(&stage, room, "x", HOUR) };
    let refused = schedules(&stage, &ada, &wrong).await;
    assert!(matches!(refused, Err(StoreError::Invalid("thread", _))), "{refused:?}");
    let wait = 24 * 90 * HOUR;
    let later = NewScheduled {
        reply: Some(asked),
        thread: Some(asked),
        files: files.clone(),
        ..new(&stage, room, "", wait)
    };
    let made = schedules(&stage, &ada, &later).await.expect("it waits");
    assert_eq!((made.reply, made.thread), (Some(asked), Some(asked)));
    let ids = |files: &[hallway_protocol::rows::File]| {
        files.iter().map(|file| file.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&made.files), files);
    assert_eq!(schedules(&stage, &ada, &later).await.expect("the same"), made);
    // What nobody refers to would be gone long before; hours are counted while the server runs.
    for _ in 0..90 {
        stage.clock.turn(24 * HOUR - Duration::from_secs(1));
        stage.write(chores::begin).await.expect("a job");
        work(&stage).await;
    }
    assert_eq!(
        (state(&stage, &files[0]).await, texts(&stage, &ada, room).await.len()),
        ("ready".into(), 1)
    );
    stage.clock.turn(HOUR);
    work(&stage).await;
    let message = latest(&stage, &lin, room).await;
    assert_eq!((message.reply, message.thread), (Some(asked), Some(asked)));
    assert_eq!(ids(&message.files), files);
    let (me, id) = (lin.clone(), files[0].clone());
    let held = stage.read(move |read| media::readable(read, &me, &id)).await.expect("readable");
    assert_eq!(held.state, State::Ready);
    // With the message the files go, as those of any other.
    let (me, seq) = (ada.clone(), message.seq);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
    work(&stage).await;
    assert_eq!(state(&stage, &files[1]).await, "gone");
}

async fn what_it_would_have_carried_goes_with_it(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let [taken, changed, kept, hers] = ["taken", "changed", "kept", "hers"];
    for id in [taken, changed, kept] {
        ready(&stage, &ada, id).await;
    }
    ready(&stage, &lin, hers).await;
    let with = |ids: &[&str]| {
        let files = ids.iter().map(|id| (*id).to_owned()).collect();
        NewScheduled { files, ..new(&stage, room, "", HOUR) }
    };
    let one = schedules(&stage, &ada, &with(&[taken])).await.expect("it waits");
    let two = schedules(&stage, &ada, &with(&[changed, kept])).await.expect("it waits");
    schedules(&stage, &lin, &with(&[hers])).await.expect("it waits");
    let (me, id) = (ada.clone(), one.id);
    stage.write(move |tx| scheduled::destroy(tx, &me, None, &id)).await.expect("taken back");
    let other = ScheduledPatch { files: Some(vec![kept.into()]), ..ScheduledPatch::default() };
    let left = changes(&stage, &ada, &two.id, None, other).await.expect("changed").files;
    assert_eq!(left.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), [kept]);
    let me = lin.clone();
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("closed");
    work(&stage).await;
    for (id, how) in [(taken, "gone"), (changed, "gone"), (kept, "ready"), (hers, "gone")] {
        assert_eq!(state(&stage, id).await, how, "{id}");
    }
}

async fn a_file_that_is_gone_keeps_it_from_being_said(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let files = vec![ready(&stage, &ada, "one").await];
    let later = NewScheduled { files, ..new(&stage, room, "see", HOUR) };
    schedules(&stage, &ada, &later).await.expect("it waits");
    let gone = stage.write(|tx| tx.exec("update media set state = 'gone' where id = 'one'", &[]));
    gone.await.expect("gone");
    stage.clock.turn(HOUR);
    work(&stage).await;
    assert_eq!(waiting(&stage, &ada).await, [("see".into(), Some("gone".into()))]);
    assert_eq!(texts(&stage, &ada, room).await, Vec::<String>::new());
}
