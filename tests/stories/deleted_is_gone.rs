//! P14, and the promise of the server beside it: a deleted text is nowhere in the raw files, not of
//! the server and not of any device, and neither is what an edit replaced.

use hallway_tests::cast::agree;
use hallway_tests::cipher;
use hallway_tests::files::{contains, files, holding};
use hallway_tests::{Engine, House, Person};
use serde_json::json;
use std::path::Path;

/// One word each, in lower case and without marks: the search index holds them as they stand.
const DELETED: &str = "zaunkoenigdeletedword";
const REPLACED: &str = "rotkehlchenreplacedword";
const KEPT: &str = "amselkeptword";

/// Files of the server's data that hold `text`, once it has been shut down in good order.
///
/// On PostgreSQL a dead row stays in its page until a vacuum, and its write-ahead log is a journal
/// that it recycles by itself: what is looked for is a row that still says it, so the tables are
/// rewritten first and the journal is left out.
async fn on_the_server(house: &mut House, engine: Engine, text: &str) -> Vec<String> {
    house.end().await;
    let found = match engine {
        Engine::Sqlite => holding(house.data(), text),
        Engine::Postgres | Engine::Shared => {
            let postgres = house.postgres();
            postgres.sql("vacuum full");
            postgres.sql("checkpoint");
            let found = holding(postgres.dir(), text);
            found.into_iter().filter(|file| !file.to_string_lossy().contains("/pg_wal/")).collect()
        }
    };
    house.up().await.expect("it starts again");
    found.iter().map(|file| file.display().to_string()).collect()
}

/// Whether the stores below `dir` hold `text` in any page, live or free.
fn on_the_device(dir: &Path, key: &[u8; 32], text: &str) -> bool {
    let stores = files(dir).into_iter().filter(|file| file.extension().is_some_and(|e| e == "db"));
    let mut any = false;
    let mut found = false;
    for store in stores {
        any = true;
        found |= contains(&cipher::plain(&store, key), text.as_bytes());
    }
    assert!(any, "no store in {:?}", files(dir));
    found
}

async fn deleted_is_gone(engine: Engine) {
    let mut house = House::on(engine).await;
    house.person("lin").await;
    let ada = house.core("ada").await;
    let lin = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    ada.says(KEPT).await;
    ada.says(DELETED).await;
    ada.says(REPLACED).await;
    let deleted = lin.hears(DELETED).await["seq"].as_i64().expect("confirmed");
    lin.hears(REPLACED).await;
    // A quote, a reaction, a pin and an edit hang on what goes; a second edit puts it in the edits.
    let reply = Some(hallway_core::Target::Seq(deleted));
    lin.core.send(kitchen, "an answer".into(), reply, None).await.expect("taken");
    lin.reacts(kitchen, DELETED, "👍").await;
    let path = format!("/rooms/{kitchen}/messages/{}", deleted);
    house.owner.put(&format!("{path}/pin"), json!({})).await.good();
    let edited = format!("{DELETED} edited");
    ada.edits(kitchen, DELETED, &edited).await;
    lin.hears(&edited).await;
    agree(&[&ada, &lin], kitchen).await;

    // The search below finds what is there, or it would prove nothing.
    assert!(!on_the_server(&mut house, engine, DELETED).await.is_empty());
    for person in [&ada, &lin] {
        person.network().await;
        person.settles().await;
    }
    let (ada, lin) = (closed(ada, DELETED, true).await, closed(lin, DELETED, true).await);

    ada.opens(kitchen).await;
    lin.opens(kitchen).await;
    ada.edits(kitchen, REPLACED, "something else").await;
    ada.deletes(kitchen, &edited).await;
    // What is deleted while pending never was.
    lin.online(false).await;
    lin.says(&format!("{DELETED} pending")).await;
    lin.deletes(kitchen, &format!("{DELETED} pending")).await;
    lin.online(true).await;
    let shown = agree(&[&ada, &lin], kitchen).await;
    assert!(shown.iter().any(|line| line.deleted), "{shown:?}");
    let found = lin.core.search(DELETED.into(), None, 10).await.expect("search answers");
    assert!(found.items.is_empty());

    assert_eq!(on_the_server(&mut house, engine, DELETED).await, Vec::<String>::new());
    let edits = house.owner.get(&format!("{path}/edits")).await;
    assert!(!edits.body.to_string().contains(DELETED), "{edits:?}");
    // An edit keeps the old text where its author can look it up, until the message goes.
    assert!(!on_the_server(&mut house, engine, KEPT).await.is_empty());
    for person in [ada, lin] {
        let person = closed(person, DELETED, false).await;
        person.settles().await;
        let person = closed(person, REPLACED, false).await;
        person.settles().await;
        drop(closed(person, KEPT, true).await);
    }
}

/// Closes the app, looks whether its store holds `text`, and opens it again.
async fn closed(person: Person, text: &str, expected: bool) -> Person {
    let name = person.name.clone();
    let key = person.key();
    let disk = person.closes().await;
    assert_eq!(on_the_device(&disk.dir(), &key, text), expected, "{name}'s store and {text:?}");
    Person::reopen(disk).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_is_gone_on_sqlite() {
    deleted_is_gone(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_is_gone_on_postgres() {
    deleted_is_gone(Engine::Postgres).await;
}
