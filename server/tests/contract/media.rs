//! Files as the store knows them: whose, how far, who may read them, and when they end.

use crate::cast::{Stage, draft, key};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rest::MemberRole;
use hallway_protocol::rows::{File, History, Message};
use hallway_server::params;
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::media::{self, Found, Held, NewMedia, State};
use hallway_server::store::{
    Draft, Me, Result, StoreError, Tx, accounts, attachments, chores, members, messages, rooms,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    an_upload_is_begun_once_and_ends_once,
    who_may_read_a_message_may_read_its_files,
    a_file_stays_as_long_as_something_refers_to_it,
    what_nothing_refers_to_goes_in_its_time,
    a_sweep_and_a_message_do_not_cross,
    all_of_a_tenant_keeps_its_quota,
);

fn new(id: &str) -> NewMedia {
    NewMedia {
        id: id.into(),
        place: format!("1/{id}"),
        name: format!("{id}.txt"),
        kind: "text/plain".into(),
        size: 10,
        sha256: [7; 32],
        quota: None,
    }
}

fn found() -> Found {
    let (kind, size, sha256) = ("image/png".to_owned(), 9, [8; 32]);
    Found { kind, size, sha256, width: Some(4), height: Some(3) }
}

async fn begun(stage: &Stage, me: &Me, new: NewMedia) -> Result<Held> {
    let me = me.clone();
    Ok(stage.write(move |tx| media::create(tx, &me, None, &new)).await?.answer)
}

pub async fn ready(stage: &Stage, me: &Me, id: &str) -> String {
    begun(stage, me, new(id)).await.expect("an upload");
    let (me, named) = (me.clone(), id.to_owned());
    let done = stage.write(move |tx| media::complete(tx, &me, None, &named, Some(&found()), None));
    assert_eq!(done.await.expect("an end").answer.state, State::Ready);
    id.to_owned()
}

async fn shown(stage: &Stage, me: &Me, id: &str) -> Result<Held> {
    let (me, id) = (me.clone(), id.to_owned());
    stage.read(move |read| media::readable(read, &me, &id)).await
}

async fn sends(stage: &Stage, me: &Me, room: RoomId, files: &[&str]) -> Result<Message> {
    let files = files.iter().map(|id| (*id).to_owned()).collect();
    let sent = stage.store.append(me.clone(), room, Draft { files, ..draft("") }).await;
    sent.map(|posted| posted.message)
}

async fn deletes(stage: &Stage, me: &Me, said: &Message) {
    let (me, room, seq) = (me.clone(), said.room, said.seq);
    stage.write(move |tx| messages::destroy(tx, &me, room, None, seq)).await.expect("deleted");
}

fn hidden(said: &Result<Held>) -> bool {
    matches!(said, Err(StoreError::NotFound("file")))
}

/// What the bytes' own worker is asked to throw away.
async fn thrown(stage: &Stage) -> Vec<String> {
    let sql = "select target from jobs where kind = 'discard' order by target";
    stage.read(move |read| read.all(sql, &[], |row| row.get(0))).await.expect("a list")
}

async fn work(stage: &Stage) {
    for _ in 0..50 {
        let lent = stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await;
        let lent = lent.expect("a lease");
        if lent.is_empty() {
            return;
        }
        for job in lent {
            stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
        }
    }
    panic!("there is no end of work");
}

/// Lets the server have run for so many hours more, and cleans up.
async fn run_for(stage: &Stage, hours: i64) {
    let set = move |tx: &mut Tx<'_>| {
        let next = (chores::hours(tx)? + hours).to_string();
        tx.exec("update meta set value = $1 where name = 'hours'", params![&next])
    };
    stage.write(chores::begin).await.expect("a job");
    work(stage).await;
    assert_eq!(stage.write(set).await.expect("a count"), 1);
    stage.clock.turn(Duration::from_millis(3_600_001));
    work(stage).await;
}

async fn an_upload_is_begun_once_and_ends_once(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let (me, once) = (ada.clone(), key());
    let asked = once.clone();
    let first = stage.write(move |tx| media::create(tx, &me, Some(&asked), &new("a"))).await;
    let first = first.expect("an upload");
    let (me, asked) = (ada.clone(), once.clone());
    let again = stage.write(move |tx| media::create(tx, &me, Some(&asked), &new("b"))).await;
    let again = again.expect("the same");
    assert_eq!((again.again, &again.answer), (true, &first.answer));
    assert!(matches!(shown(&stage, &ada, "a").await, Err(StoreError::NotYet(_))));
    assert!(hidden(&shown(&stage, &lin, "a").await) && hidden(&shown(&stage, &ada, "b").await));
    let (me, asked) = (lin.clone(), once.clone());
    let other =
        stage.write(move |tx| media::complete(tx, &me, Some(&asked), "a", Some(&found()), None));
    assert!(matches!(other.await, Err(StoreError::NotFound("file"))));
    let (me, asked) = (ada.clone(), once);
    let other =
        stage.write(move |tx| media::complete(tx, &me, Some(&asked), "a", Some(&found()), None));
    assert!(matches!(other.await, Err(StoreError::Conflict(_))), "the key is of another call");
    let (me, once) = (ada.clone(), key());
    let done = stage.write(move |tx| {
        let first = media::complete(tx, &me, Some(&once), "a", Some(&found()), None)?;
        let wrong = Found { size: 1, ..found() };
        Ok((first, media::complete(tx, &me, Some(&once), "a", Some(&wrong), None)?))
    });
    let (first, second) = done.await.expect("an end");
    assert_eq!((first.again, second.again, &first.answer), (false, true, &second.answer));
    assert_eq!((first.answer.size, first.answer.kind.as_str()), (9, "image/png"));
    assert_eq!(thrown(&stage).await, ["1/a/in"], "what led to it");
}

async fn who_may_read_a_message_may_read_its_files(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let bob = stage.person("bob").await;
    let room = stage.room(&[&ada, &lin], |new| new.history = Some(History::Joined)).await.room;
    let file = ready(&stage, &ada, "a").await;
    assert!(hidden(&shown(&stage, &lin, &file).await));
    assert!(matches!(
        sends(&stage, &lin, room, &[&file]).await,
        Err(StoreError::Invalid("files", _))
    ));
    let said = sends(&stage, &ada, room, &[&file]).await.expect("a message");
    let carried = File {
        id: file.clone(),
        name: "a.txt".into(),
        kind: "image/png".into(),
        size: 9,
        width: Some(4),
        height: Some(3),
    };
    assert_eq!(said.files, std::slice::from_ref(&carried));
    let me = lin.clone();
    let read = stage.read(move |read| messages::show(read, &me, room, said.seq)).await;
    assert_eq!(read.expect("a message").files, [carried]);
    assert!(shown(&stage, &lin, &file).await.is_ok() && hidden(&shown(&stage, &bob, &file).await));
    let (me, new) = (ada.clone(), bob.user);
    stage
        .write(move |tx| members::set(tx, &me, None, room, new, &MemberRole::default()))
        .await
        .expect("a member");
    assert!(hidden(&shown(&stage, &bob, &file).await), "it was said before they came");
    let me = lin.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("left");
    assert!(hidden(&shown(&stage, &lin, &file).await));
    // By the same token in another room.
    let second = stage.group(&[&ada, &bob]).await.room;
    sends(&stage, &ada, second, &[&file]).await.expect("a message");
    assert!(shown(&stage, &bob, &file).await.is_ok());
    let eve = stage.write(|tx| hallway_server::store::tenants::create(tx, "other", "Other"));
    let eve = stage.person_of(eve.await.expect("a tenant").id, "eve").await;
    assert!(hidden(&shown(&stage, &eve, &file).await));
}

async fn a_file_stays_as_long_as_something_refers_to_it(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let (one, two) = (stage.group(&[&ada]).await.room, stage.group(&[&ada, &lin]).await.room);
    let file = ready(&stage, &ada, "a").await;
    let first = sends(&stage, &ada, one, &[&file]).await.expect("a message");
    let second = sends(&stage, &ada, two, &[&file]).await.expect("a message");
    run_for(&stage, 50 * 24).await;
    let (me, picture) = (ada.clone(), file.clone());
    let row = stage.write(move |tx| attachments::portray(tx, &me, None, Some(&picture))).await;
    assert_eq!(row.expect("a row").answer.avatar.as_ref(), Some(&file));
    deletes(&stage, &ada, &first).await;
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, two)).await.expect("deleted");
    work(&stage).await;
    assert!(shown(&stage, &lin, &file).await.is_ok(), "it is her picture");
    let gone = stage.read(move |read| messages::show(read, &ada, one, first.seq)).await;
    assert_eq!(gone.expect("a tombstone").files, []);
    assert_eq!(second.files.len(), 1);
    let me = stage.whois("session of ada").await;
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("closed");
    work(&stage).await;
    assert!(hidden(&shown(&stage, &lin, &file).await));
    assert_eq!(thrown(&stage).await, ["1/a", "1/a/in"]);
    let sql = "select count(*) from attachments";
    assert_eq!(stage.read(move |read| read.number(sql, &[])).await.expect("a count"), 0);
}

async fn what_nothing_refers_to_goes_in_its_time(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    begun(&stage, &ada, new("slow")).await.expect("an upload");
    let loose = ready(&stage, &ada, "loose").await;
    run_for(&stage, media::UPLOAD_HOURS - 2).await;
    assert!(matches!(shown(&stage, &ada, "slow").await, Err(StoreError::NotYet(_))));
    run_for(&stage, 2).await;
    assert!(matches!(shown(&stage, &ada, "slow").await, Err(StoreError::Gone)));
    let me = ada.clone();
    let late = stage.write(move |tx| media::complete(tx, &me, None, "slow", Some(&found()), None));
    assert!(matches!(late.await, Err(StoreError::Gone)));
    run_for(&stage, media::LOOSE_HOURS - media::UPLOAD_HOURS - 8).await;
    assert!(shown(&stage, &ada, &loose).await.is_ok());
    run_for(&stage, 8).await;
    assert!(matches!(shown(&stage, &ada, &loose).await, Err(StoreError::Gone)));
    assert_eq!(thrown(&stage).await, ["1/loose", "1/loose/in", "1/slow"]);
    run_for(&stage, media::LOOSE_HOURS + 2).await;
    assert!(hidden(&shown(&stage, &ada, &loose).await), "nobody remembers it");
}

async fn a_sweep_and_a_message_do_not_cross(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    for n in 0..20 {
        let file = ready(&stage, &ada, &format!("f{n}")).await;
        let first = sends(&stage, &ada, room, &[&file]).await.expect("a message");
        // It is let go, swept, and sent again, all at once.
        let (me, seq) = (ada.clone(), first.seq);
        let delete = stage.write(move |tx| messages::destroy(tx, &me, room, None, seq));
        let files = [file.as_str()];
        let (deleted, (), sent) =
            tokio::join!(delete, work(&stage), sends(&stage, &ada, room, &files));
        deleted.expect("deleted");
        work(&stage).await;
        let there = shown(&stage, &ada, &file).await;
        match sent {
            Ok(said) => {
                assert!(there.is_ok(), "a message carries it");
                assert!(!thrown(&stage).await.contains(&format!("1/{file}")));
                deletes(&stage, &ada, &said).await;
                work(&stage).await;
            }
            Err(StoreError::Gone) => assert!(matches!(there, Err(StoreError::Gone))),
            Err(other) => panic!("{other:?}"),
        }
        assert!(thrown(&stage).await.contains(&format!("1/{file}")));
    }
}

async fn all_of_a_tenant_keeps_its_quota(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let within = |id: &str| NewMedia { quota: Some(25), ..new(id) };
    begun(&stage, &ada, within("a")).await.expect("ten");
    begun(&stage, &lin, within("b")).await.expect("twenty");
    let over = begun(&stage, &ada, within("c")).await;
    assert!(matches!(over, Err(StoreError::Full(5))), "{over:?}");
    // A picture that was made anew, and larger, is held against it too; what fits still comes.
    let grows = |me: &Me, size: i64| {
        let (me, found) = (me.clone(), Found { size, ..found() });
        stage.write(move |tx| media::complete(tx, &me, None, "a", Some(&found), Some(25)))
    };
    let over = grows(&ada, 16).await;
    assert!(matches!(over, Err(StoreError::Full(5))), "{over:?}");
    let still = shown(&stage, &ada, "a").await;
    assert!(matches!(still, Err(StoreError::NotYet(_))), "{still:?}");
    assert_eq!(grows(&ada, 15).await.expect("all of it").answer.size, 15);
}
