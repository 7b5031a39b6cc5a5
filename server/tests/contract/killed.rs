//! P16: an `ok` survives SIGKILL, of the server on both engines and of PostgreSQL's postmaster; and
//! what was deleted is not in the files.

use crate::cast::{Stage, draft, key, newcomer};
use crate::messages::{delete, edit};
use crate::postgres::Postgres;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rest::{NewRoom, NewRoomKind, Registration};
use hallway_server::store::{
    Me, Needs, Place, Store, StoreError, accounts, rooms, sessions, sync, tenants,
};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

contract!(p16_what_was_acknowledged_survives_a_kill);

/// Names the place to the process that is killed.
const PLACE: &str = "HALLWAY_TEST_PLACE";
/// Messages in flight when it is killed, and some.
const IN_FLIGHT: usize = 64;

/// Not a test of its own: what [`p16_what_was_acknowledged_survives_a_kill`] starts and kills. It
/// says each acknowledged key and number on stdout.
#[test]
#[ignore = "started by the test above, to be killed"]
fn victim() {
    let place = std::env::var(PLACE).expect("started by its test");
    let place = match place.strip_prefix("folder ") {
        Some(folder) => Place::Sqlite(PathBuf::from(folder)),
        None => Place::Postgres(place),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&place, Clock::system(), Arc::new(|_| {})).expect("a store");
        let (me, room) = settle(&store).await;
        let mut sending = tokio::task::JoinSet::new();
        for n in 0.. {
            let draft = draft(&format!("{n}"));
            let (key, posted) = (draft.key.clone(), store.append(me.clone(), room, draft));
            sending.spawn(async move { (key, posted.await) });
            if sending.len() >= IN_FLIGHT {
                let (key, posted) = sending.join_next().await.expect("one").expect("no panic");
                let seq = posted.expect("a message").message.seq;
                let mut out = std::io::stdout().lock();
                writeln!(out, "acked {key} {seq}").expect("somebody reads");
                out.flush().expect("somebody reads");
            }
        }
    });
}

/// Ada and her room, made at the first call.
async fn settle(store: &Store) -> (Me, RoomId) {
    let tenant = store.read(|read| tenants::by_name(read, None)).await.expect("a tenant").id;
    let new = newcomer("ada");
    let session = new.session.id.clone();
    let needs = Needs::tenant(tenant);
    let made = store
        .write(needs, move |tx| accounts::register(tx, tenant, Registration::Open, &new))
        .await;
    assert!(matches!(made, Ok(_) | Err(StoreError::Taken(_))), "{made:?}");
    let me = store.read(move |read| sessions::whois(read, &session)).await;
    let me = me.expect("an answer").expect("a session").me;
    let asker = me.clone();
    let here = store.read(move |read| sync::here(read, &asker)).await.expect("rooms");
    if let Some(here) = here.first() {
        return (me, here.room);
    }
    let new = NewRoom {
        key: Some(key()),
        kind: NewRoomKind::Group,
        name: "kitchen".into(),
        topic: None,
        visibility: None,
        history: None,
        members: Vec::new(),
        ephemeral: false,
        sealed: false,
    };
    let asker = me.clone();
    let needs = Needs::person(me.user);
    let room = store.write(needs, move |tx| rooms::create(tx, &asker, None, &new)).await;
    (me, room.expect("a room").answer.room)
}

/// Runs the victim until it acknowledged `count` messages, kills it, and answers all it said.
fn kill_after(place: &str, count: usize) -> HashMap<Key, Seq> {
    let mut victim = Command::new(std::env::current_exe().expect("this binary"));
    victim.args(["--exact", "killed::victim", "--ignored", "--nocapture"]).env(PLACE, place);
    let mut victim = victim.stdout(Stdio::piped()).spawn().expect("a process");
    let mut said = BufReader::new(victim.stdout.take().expect("a pipe"));
    let (mut acked, mut killed, mut line) = (HashMap::new(), false, String::new());
    while said.read_line(&mut line).expect("a pipe") > 0 {
        // A line that the kill cut off has no end, and counts for nothing.
        let whole = line.strip_suffix('\n').unwrap_or_default().to_owned();
        line.clear();
        let mut words = whole.split(' ');
        if words.next() == Some("acked")
            && let (Some(key), Some(seq)) = (words.next(), words.next())
        {
            acked.insert(key.parse().expect("a key"), seq.parse::<Seq>().expect("a number"));
        }
        if acked.len() >= count && !killed {
            victim.kill().expect("it runs");
            killed = true;
        }
    }
    victim.wait().expect("an end");
    assert!(killed, "it ended by itself after {} messages", acked.len());
    acked
}

async fn p16_what_was_acknowledged_survives_a_kill(stage: Arc<Stage>) {
    stage.store.close().await;
    let place = match &stage.place {
        Place::Sqlite(folder) => format!("folder {}", folder.display()),
        Place::Postgres(url) => url.clone(),
    };
    let mut acked = HashMap::new();
    for round in 1..=3 {
        let place = place.clone();
        let said = tokio::task::spawn_blocking(move || kill_after(&place, 150 * round)).await;
        acked.extend(said.expect("a kill"));
    }
    let store = Store::open(&stage.place, Clock::system(), Arc::new(|_| {})).expect("a store");
    let (me, room) = settle(&store).await;
    compare(&store, &me, room, &acked).await;
    store.close().await;
}

/// Every acknowledged key is a message with that number, and no number is missing.
async fn compare(store: &Store, me: &Me, room: RoomId, acked: &HashMap<Key, Seq>) {
    for (key, seq) in acked {
        let mut same = draft("again");
        same.key = key.clone();
        let posted = store.append(me.clone(), room, same).await.expect("an answer");
        assert_eq!((posted.again, posted.message.seq), (true, *seq), "{key}");
    }
    let sql = "select count(*) from messages where room = $1";
    let rows = store.read(move |read| read.number(sql, hallway_server::params![room])).await;
    let asker = me.clone();
    let here = store.read(move |read| sync::here(read, &asker)).await.expect("rooms");
    assert_eq!(rows.expect("a count"), here[0].head);
    assert!(here[0].head > acked.len() as i64);
}

#[test]
fn a_killed_postmaster_loses_nothing_that_was_acknowledged() {
    let mut postgres = Postgres::start();
    let place = Place::Postgres(postgres.database("killed"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = Store::open(&place, Clock::system(), Arc::new(|_| {})).expect("a store");
    let epoch = store.epoch();
    let (me, room) = runtime.block_on(settle(&store));
    let mut acked = HashMap::new();
    for _ in 0..3 {
        let mut sending = tokio::task::JoinSet::new();
        let mut failed = Vec::new();
        for n in 0..400 {
            let draft = draft(&format!("{n}"));
            let (again, posted) = (draft.clone(), store.append(me.clone(), room, draft));
            sending.spawn_on(async move { (again, posted.await) }, runtime.handle());
            if n == 200 {
                postgres.kill();
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        postgres.restart();
        while let Some(done) = runtime.block_on(sending.join_next()) {
            let (draft, posted) = done.expect("no panic");
            match posted {
                Ok(posted) => drop(acked.insert(draft.key, posted.message.seq)),
                Err(StoreError::Busy | StoreError::Lost) => failed.push(draft),
                Err(other) => panic!("{other:?}"),
            }
        }
        // The same keys again, as clients do: nothing is doubled.
        for draft in failed {
            let key = draft.key.clone();
            let posted = runtime.block_on(store.append(me.clone(), room, draft));
            acked.insert(key, posted.expect("a message").message.seq);
        }
    }
    assert_eq!(acked.len(), 1200);
    runtime.block_on(compare(&store, &me, room, &acked));
    // One row for each key, and the notice of the room's beginning.
    let sql = "select count(*) from messages where room = $1";
    let rows = store.read(move |read| read.number(sql, hallway_server::params![room]));
    assert_eq!(runtime.block_on(rows).expect("a count"), 1201);
    assert_eq!(store.epoch(), epoch, "a restart is the same data set");
    runtime.block_on(store.close());
}

#[test]
fn deleted_text_is_not_in_the_files() {
    let stage = Stage::sqlite();
    let Place::Sqlite(folder) = stage.place.clone() else { panic!("a folder") };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ada = stage.person("ada").await;
        let room = stage.group(&[&ada]).await.room;
        let mut said = Vec::new();
        for i in 0..40 {
            said.push(
                stage.says(&ada, room, &format!("unutterable {i} {}", "x".repeat(300))).await,
            );
        }
        assert!(found(&folder), "the test can find what is there");
        for message in said {
            edit(&stage, &ada, room, message.seq, "unutterable still").await.expect("an edit");
            delete(&stage, &ada, room, message.seq).await.expect("a deletion");
        }
        // The log is emptied once it has been quiet for a second.
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if !found(&folder) {
                break;
            }
        }
        assert!(!found(&folder), "deleted text is in the files");
        stage.store.close().await;
    });
}

#[test]
fn after_a_failed_disk_a_start_checks_every_page() {
    let stage = Stage::sqlite();
    let Place::Sqlite(folder) = stage.place.clone() else { panic!("a folder") };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ada = stage.person("ada").await;
        let room = stage.group(&[&ada]).await.room;
        for i in 0..200 {
            stage.says(&ada, room, &format!("{i} {}", "x".repeat(200))).await;
        }
        stage.store.close().await;
    });
    let (mark, file) = (folder.join("check-before-use"), folder.join("hallway.db"));
    let sink: hallway_server::store::Sink = Arc::new(|_| {});
    std::fs::write(&mark, "disk").expect("a mark");
    let sound = Store::open(&stage.place, Clock::system(), sink.clone()).expect("sound");
    runtime.block_on(sound.close());
    assert!(!mark.exists());
    // Damage in the middle of the file: the start that has a reason to look finds it.
    let mut bytes = std::fs::read(&file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    std::fs::write(&file, bytes).expect("a file");
    std::fs::write(&mark, "disk").expect("a mark");
    let refused = Store::open(&stage.place, Clock::system(), sink);
    assert!(matches!(refused, Err(StoreError::Broken(_))));
    assert!(mark.exists());
}

fn found(folder: &std::path::Path) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    files
        .map(|file| std::fs::read(file.path()).expect("a file"))
        .any(|bytes| bytes.windows(b"unutterable".len()).any(|window| window == b"unutterable"))
}
