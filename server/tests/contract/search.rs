//! Search, on both engines with the same expectations: what is found by which words, by whom, and
//! that what is gone is in no index.

use crate::cast::{Stage, draft};
use crate::messages::{delete, edit, pin, react};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rest::{Hit, Hits, NewRoom, NewRoomKind, RoomPatch};
use hallway_protocol::rows::{History, Message, Row, Visibility};
use hallway_protocol::search::Query;
use hallway_server::params;
use hallway_server::search::Feeder;
use hallway_server::store::jobs::{self, Side};
use hallway_server::store::media::{self, Found, NewMedia};
use hallway_server::store::search::{self, Order, Search};
use hallway_server::store::{
    Draft, Me, Needs, Place, Result, StoreError, chores, members, rooms, settings,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    words_of_many_languages_are_found,
    operators_narrow_what_is_found,
    files_and_pictures_are_found_by_what_they_are,
    names_that_are_nobodys_find_nothing,
    who_may_not_see_finds_nothing,
    what_changes_is_found_as_it_is_now,
    what_is_gone_is_in_no_index,
    pages_stay_as_they_are_while_messages_arrive,
    a_history_from_before_the_index_is_taken_in_newest_first,
    a_lost_step_is_done_again,
);

pub async fn ask(stage: &Stage, me: &Me, search: Search) -> Result<Hits> {
    Feeder::default().catch_up(&stage.store, me, search.room).await?;
    let me = me.clone();
    stage.read(move |read| search::find(read, &me, &search)).await
}

pub fn search(q: &str) -> Search {
    let query = Query::parse(q).unwrap_or_else(|wrong| panic!("{q:?}: {wrong}"));
    Search { query, limit: 100, order: Order::Time, ..Search::default() }
}

pub fn message(hit: &Hit) -> &Message {
    let Row::Message(message) = &hit.message else { panic!("{hit:?}") };
    message
}

/// What the messages found say, newest first.
async fn found(stage: &Stage, me: &Me, q: &str) -> Vec<String> {
    let hits = ask(stage, me, search(q)).await.unwrap_or_else(|wrong| panic!("{q}: {wrong:?}"));
    assert_eq!(hits.next, None, "{q}");
    hits.items.iter().map(|hit| message(hit).text.clone()).collect()
}

/// Says things a minute apart.
async fn say(stage: &Stage, me: &Me, room: RoomId, texts: &[&str]) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for text in texts {
        stage.clock.turn(Duration::from_secs(60));
        seqs.push(stage.says(me, room, text).await.seq);
    }
    seqs
}

async fn count(stage: &Stage, sql: &'static str) -> i64 {
    stage.read(move |read| read.number(sql, &[])).await.expect("a count")
}

/// What is said and what is asked: the same for the server on both engines and for a client's own
/// store, so that all find the same.
#[derive(serde::Deserialize)]
struct Table {
    texts: Vec<String>,
    /// A search, and which texts it finds, newest first.
    asked: Vec<(String, Vec<usize>)>,
}

fn table(name: &str) -> Table {
    let tables: serde_json::Value =
        serde_json::from_str(include_str!("../../../protocol/tests/search.json")).expect("JSON");
    serde_json::from_value(tables[name].clone()).expect("a table")
}

async fn words_of_many_languages_are_found(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let Table { texts, asked } = table("languages");
    // Text is composed before it is said; the store takes it as it comes.
    say(&stage, &ada, room, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (q, which) in &asked {
        let expected: Vec<&str> = which.iter().map(|i| texts[*i].as_str()).collect();
        assert_eq!(found(&stage, &ada, q).await, expected, "{q}");
    }
    let hits = ask(&stage, &ada, search("京都")).await.expect("hits");
    assert_eq!(hits.items[0].ranges, [(1, 3)]);
    let long = "ab".repeat(1_500);
    say(&stage, &ada, room, &[&long]).await;
    let begins = &long[..400];
    assert_eq!(found(&stage, &ada, begins).await, [long.as_str()], "a word longer than is indexed");
    assert_eq!(found(&stage, &ada, &format!("{}x", &long[..300])).await, Vec::<String>::new());
}

async fn operators_narrow_what_is_found(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let kitchen = stage.group(&[&ada, &lin]).await.room;
    let hall = stage.room(&[&ada, &lin], |new| new.name = "Große Halle".into()).await.room;
    let tea = say(&stage, &ada, kitchen, &["tea one", "tea two, @lin"]).await;
    let link = say(&stage, &lin, hall, &["tea at https://tea.example/3"]).await;
    let all = say(&stage, &lin, kitchen, &["tea four @everyone"]).await;
    stage.clock.turn(Duration::from_secs(60));
    let reply = Draft { thread: Some(tea[0]), ..draft("tea five") };
    stage.store.append(ada.clone(), kitchen, reply).await.expect("a reply");
    pin(&stage, &ada, hall, link[0], true).await.expect("a pin");
    react(&stage, &ada, kitchen, all[0], "👍", true).await.expect("a reaction");
    react(&stage, &lin, kitchen, tea[0], "👍", true).await.expect("a reaction");
    react(&stage, &lin, kitchen, tea[0], "👍", false).await.expect("none");
    let Table { texts, asked } = table("operators");
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (q, which) in &asked {
        let expected: Vec<&str> = which.iter().map(|i| texts[*i]).collect();
        assert_eq!(found(&stage, &ada, q).await, expected, "{q}");
    }
    assert_eq!(found(&stage, &ada, &format!("in:{hall} tea")).await, [texts[2]]);
    assert_eq!(found(&stage, &ada, &format!("from:{} four", lin.user)).await, [texts[3]]);
    let by = |change: fn(&mut Search, (i64, Me, RoomId)), with: (i64, Me, RoomId)| {
        let mut asked = search("");
        change(&mut asked, with);
        asked
    };
    let hits = ask(&stage, &ada, search("tea")).await.expect("hits");
    let at: Vec<i64> = hits.items.iter().map(|hit| message(hit).at).collect();
    let with = |n: usize| (at[n], lin.clone(), hall);
    for (asked, which) in [
        (by(|s, (at, ..)| s.before = Some(at), with(2)), &[1, 0][..]),
        (by(|s, (at, ..)| s.after = Some(at), with(2)), &[4, 3]),
        (by(|s, (_, lin, _)| s.from = Some(lin.user), with(0)), &[3, 2]),
        (by(|s, (.., hall)| s.room = Some(hall), with(0)), &[2]),
    ] {
        let hits = ask(&stage, &ada, asked.clone()).await.expect("hits");
        let texts: Vec<_> = which.iter().map(|i: &usize| texts[*i]).collect();
        let said: Vec<_> = hits.items.iter().map(|hit| message(hit).text.as_str()).collect();
        assert_eq!(said, texts, "{asked:?}");
    }
    // What is needed to show them: people, and the reactions that are on.
    let named =
        |user| hits.rows.iter().any(|row| matches!(row, Row::User(row) if row.user == user));
    assert!(named(ada.user) && named(lin.user), "{:?}", hits.rows);
    let reactions = hits.rows.iter().filter(|row| matches!(row, Row::Reaction(_))).count();
    assert_eq!(reactions, 1, "{:?}", hits.rows);
}

/// Says something with a file of this media type.
async fn shows(stage: &Stage, me: &Me, room: RoomId, text: &str, kind: &str) -> Seq {
    let id = format!("{text}-{kind}");
    let new = NewMedia {
        id: id.clone(),
        place: format!("1/{id}"),
        name: "tea".into(),
        kind: kind.into(),
        size: 10,
        sha256: [7; 32],
        quota: None,
    };
    let found =
        Found { kind: kind.into(), size: 10, sha256: [7; 32], width: Some(4), height: Some(3) };
    let (who, named) = (me.clone(), id.clone());
    let ready = stage.write(move |tx| {
        media::create(tx, &who, None, &new)?;
        media::complete(tx, &who, None, &named, Some(&found), None)
    });
    ready.await.expect("a file");
    stage.clock.turn(Duration::from_secs(60));
    let said = Draft { files: vec![id], ..draft(text) };
    stage.store.append(me.clone(), room, said).await.expect("a message").message.seq
}

async fn files_and_pictures_are_found_by_what_they_are(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    shows(&stage, &ada, room, "tea list", "application/pdf").await;
    shows(&stage, &lin, room, "tea photo", "image/png").await;
    shows(&stage, &ada, room, "cake photo", "image/heic").await;
    // A name is no text, and a text about pictures is no picture.
    say(&stage, &ada, room, &["image file png", "tea alone"]).await;
    let gone = shows(&stage, &ada, room, "tea gone", "image/png").await;
    delete(&stage, &ada, room, gone).await.expect("deleted");
    // Of this one no word is in the index.
    shows(&stage, &lin, room, "", "image/gif").await;
    say(&stage, &ada, room, &["🫖"]).await;
    let texts = ["tea list", "tea photo", "cake photo", "image file png", "tea alone", ""];
    for (q, which) in [
        ("has:file", &[5, 2, 1, 0][..]),
        ("has:image", &[5, 2, 1]),
        ("has:file -has:image", &[0]),
        ("-has:file tea", &[4]),
        ("-has:image tea", &[4, 0]),
        ("has:image photo", &[2, 1]),
        ("has:image tea", &[1]),
        ("has:file from:lin", &[5, 1]),
        ("has:image in:kitchen", &[5, 2, 1]),
        ("has:image in:pantry", &[]),
        ("has:image has:link", &[]),
        ("has:image is:pinned", &[]),
        ("gone has:file", &[]),
    ] {
        let expected: Vec<&str> = which.iter().map(|i: &usize| texts[*i]).collect();
        assert_eq!(found(&stage, &lin, q).await, expected, "{q}");
    }
    let eve = stage.person("eve").await;
    assert_eq!(found(&stage, &eve, "has:file").await, Vec::<String>::new());
}

async fn names_that_are_nobodys_find_nothing(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada]).await.room;
    let theirs = stage.room(&[&lin], |new| new.name = "attic".into()).await.room;
    say(&stage, &ada, room, &["tea"]).await;
    for q in ["tea from:nobody", "tea in:nowhere", "tea in:attic", "mentions:nobody", "in:4711"] {
        assert_eq!(found(&stage, &ada, q).await, Vec::<String>::new(), "{q}");
    }
    assert_eq!(found(&stage, &ada, &format!("tea in:{theirs}")).await, Vec::<String>::new());
    for q in ["tea -from:nobody", "tea -in:attic", "tea -mentions:nobody"] {
        assert_eq!(found(&stage, &ada, q).await, ["tea"], "{q}");
    }
    for room in [theirs, RoomId(4711)] {
        let asked = Search { room: Some(room), ..search("tea") };
        let refused = ask(&stage, &ada, asked).await;
        assert!(matches!(refused, Err(StoreError::NotFound("room"))), "{refused:?}");
    }
    for next in ["", "x", "r1", "t", "t1.2", "t1.2.3.4"] {
        let asked = Search { next: Some(next.into()), ..search("tea") };
        let refused = ask(&stage, &ada, asked).await;
        assert!(matches!(refused, Err(StoreError::Invalid("next", _))), "{next}: {refused:?}");
    }
}

async fn who_may_not_see_finds_nothing(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let eve = stage.person("eve").await;
    let open = stage.room(&[&ada], |new| new.kind = NewRoomKind::Channel).await.room;
    let shut = stage.group(&[&ada, &lin]).await.room;
    let joined = |new: &mut NewRoom| {
        new.kind = NewRoomKind::Channel;
        new.history = Some(History::Joined);
    };
    let late = stage.room(&[&ada], joined).await.room;
    say(&stage, &ada, open, &["public tea"]).await;
    say(&stage, &ada, shut, &["secret tea"]).await;
    say(&stage, &ada, late, &["early tea"]).await;
    assert_eq!(found(&stage, &ada, "tea").await, ["early tea", "secret tea", "public tea"]);
    assert_eq!(found(&stage, &lin, "tea").await, ["secret tea", "public tea"]);
    assert_eq!(found(&stage, &eve, "tea").await, ["public tea"]);
    // Joined, she sees what follows; of a guest public rooms are hidden.
    let me = eve.clone();
    stage.write(move |tx| members::join(tx, &me, None, late)).await.expect("in");
    say(&stage, &ada, late, &["late tea"]).await;
    assert_eq!(found(&stage, &eve, "tea").await, ["late tea", "public tea"]);
    let guest = Me { guest: true, ..eve.clone() };
    assert_eq!(found(&stage, &guest, "tea").await, ["late tea"]);
    // Removed and out of it, the same question finds nothing more.
    let (me, user) = (ada.clone(), lin.user);
    stage.write(move |tx| members::remove(tx, &me, None, shut, user)).await.expect("out");
    assert_eq!(found(&stage, &lin, "tea").await, ["public tea"]);
    let private = RoomPatch { visibility: Some(Visibility::Private), ..RoomPatch::default() };
    let me = ada.clone();
    let patched = stage.write(move |tx| settings::update(tx, &me, None, open, &private)).await;
    patched.expect("private");
    assert_eq!(found(&stage, &lin, "tea").await, Vec::<String>::new());
    // Another tenant has its own words, rooms and people of the same names.
    let other = stage.write(|tx| hallway_server::store::tenants::create(tx, "other", "Other"));
    let other = other.await.expect("a tenant").id;
    let twin = stage.person_of(other, "twin").await;
    let place = stage.room(&[&twin], |new| new.kind = NewRoomKind::Channel).await.room;
    say(&stage, &twin, place, &["foreign teapot"]).await;
    assert_eq!(found(&stage, &twin, "tea").await, ["foreign teapot"]);
    assert_eq!(found(&stage, &twin, "pot").await, ["foreign teapot"]);
    assert_eq!(found(&stage, &ada, "pot").await, Vec::<String>::new());
    assert_eq!(found(&stage, &ada, "from:twin").await, Vec::<String>::new());
    let quoted = format!("from:{}", twin.user);
    assert_eq!(found(&stage, &ada, &quoted).await, Vec::<String>::new());
    let asked = Search { room: Some(place), ..search("tea") };
    assert!(matches!(ask(&stage, &ada, asked).await, Err(StoreError::NotFound("room"))));
}

async fn what_changes_is_found_as_it_is_now(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&ada, &lin]).await.room;
    let seqs = say(&stage, &ada, room, &["green tea", "black coffee"]).await;
    // Changed before the index knew it, and after.
    edit(&stage, &ada, room, seqs[0], "white milk").await.expect("an edit");
    assert_eq!(found(&stage, &ada, "tea").await, Vec::<String>::new());
    assert_eq!(found(&stage, &ada, "milk").await, ["white milk"]);
    edit(&stage, &ada, room, seqs[0], "buttermilk for @lin").await.expect("an edit");
    assert_eq!(found(&stage, &ada, "\"milk\"").await, Vec::<String>::new());
    assert_eq!(found(&stage, &ada, "*milk").await, ["buttermilk for @lin"]);
    assert_eq!(found(&stage, &ada, "mentions:lin").await, ["buttermilk for @lin"]);
    delete(&stage, &ada, room, seqs[1]).await.expect("a deletion");
    assert_eq!(found(&stage, &ada, "coffee").await, Vec::<String>::new());
    assert_eq!(found(&stage, &ada, "from:ada").await, ["buttermilk for @lin"]);
    assert_eq!(count(&stage, "select count(*) from search_docs").await, 1);
    // A word goes with the last message that has it, and is found again when it is said again.
    let words = "select count(*) from search_terms where word = 'buttermilk'";
    let more = say(&stage, &lin, room, &["buttermilk"]).await;
    assert_eq!(found(&stage, &ada, "termi").await, ["buttermilk", "buttermilk for @lin"]);
    delete(&stage, &ada, room, seqs[0]).await.expect("a deletion");
    assert_eq!((found(&stage, &ada, "termi").await.len(), count(&stage, words).await), (1, 1));
    delete(&stage, &ada, room, more[0]).await.expect("a deletion");
    assert_eq!((found(&stage, &ada, "termi").await.len(), count(&stage, words).await), (0, 0));
    say(&stage, &lin, room, &["buttermilk"]).await;
    assert_eq!((found(&stage, &ada, "termi").await.len(), count(&stage, words).await), (1, 1));
}

/// Does all that is due.
async fn work(stage: &Stage) {
    for _ in 0..500 {
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

async fn what_is_gone_is_in_no_index(stage: Arc<Stage>) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let ada = stage.person("ada").await;
    let kept = stage.group(&[&ada]).await.room;
    let old = stage.room(&[&ada], |new| new.name = "old".into()).await.room;
    let gone = stage.room(&[&ada], |new| new.name = "gone".into()).await.room;
    say(&stage, &ada, kept, &["amselkept"]).await;
    let words = ["zaunkoenigexpired", "rotkehlchenerased", "bachstelzedeleted", "goldammeredited"];
    say(&stage, &ada, old, &[words[0]]).await;
    for n in 0..230 {
        stage.says(&ada, gone, &format!("{} {n}", words[1])).await;
    }
    let seqs = say(&stage, &ada, kept, &[words[2], words[3]]).await;
    for word in words {
        let hits = ask(&stage, &ada, search(&word[2..])).await.expect("hits");
        assert!(!hits.items.is_empty(), "{word}");
    }
    // Retention, the end of a room, a deletion, an edit.
    let me = ada.clone();
    let keep = RoomPatch { retention_days: Some(Some(2)), ..RoomPatch::default() };
    let patched = stage.write(move |tx| settings::update(tx, &me, None, old, &keep)).await;
    patched.expect("retention");
    let me = ada.clone();
    stage.write(move |tx| rooms::destroy(tx, &me, None, gone)).await.expect("gone");
    delete(&stage, &ada, kept, seqs[0]).await.expect("a deletion");
    edit(&stage, &ada, kept, seqs[1], "plain").await.expect("an edit");
    stage.clock.turn(DAY * 3);
    work(&stage).await;
    assert_eq!(found(&stage, &ada, "plain").await, ["plain"]);
    for word in words {
        assert_eq!(found(&stage, &ada, &word[2..]).await, Vec::<String>::new(), "{word}");
    }
    assert_eq!(count(&stage, "select count(*) from search_docs").await, 2);
    assert_eq!(count(&stage, "select count(*) from search_terms").await, 2);
    assert_eq!(count(&stage, "select count(*) from search_rooms").await, 2);
    // An edit keeps its old text for its room; it goes with the message.
    delete(&stage, &ada, kept, seqs[1]).await.expect("a deletion");
    let Place::Sqlite(folder) = stage.place.clone() else { return };
    stage.store.close().await;
    let mut held = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        let holds = |word: &str| bytes.windows(8).any(|part| part == &word.as_bytes()[..8]);
        held.extend(words.into_iter().chain(["amselkept"]).filter(|word| holds(word)));
    }
    assert_eq!(held, ["amselkept"], "only what was not deleted");
}

async fn pages_stay_as_they_are_while_messages_arrive(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    let mut expected = Vec::new();
    for n in 0..23 {
        let text = match n % 3 {
            0 => format!("tea {n}"),
            1 => format!("teapot {n}"),
            _ => format!("green tea {n}, tea"),
        };
        say(&stage, &ada, room, &[&text]).await;
        expected.push(text);
    }
    expected.reverse();
    for order in [Order::Time, Order::Rank] {
        let (mut next, mut texts) = (None, Vec::new());
        loop {
            let asked = Search { limit: 5, order, next, ..search("tea") };
            let hits = ask(&stage, &ada, asked).await.expect("a page");
            assert!(hits.items.len() <= 5);
            texts.extend(hits.items.iter().map(|hit| message(hit).text.clone()));
            say(&stage, &ada, room, &["new tea"]).await;
            next = hits.next;
            if next.is_none() {
                break;
            }
        }
        texts.retain(|text| text != "new tea" || order == Order::Time);
        let newest = expected.clone();
        let mut ranked: Vec<String> =
            newest.iter().filter(|t| !t.contains("pot")).cloned().collect();
        ranked.extend(newest.iter().filter(|t| t.contains("pot")).cloned());
        texts.retain(|text| text != "new tea");
        assert_eq!(texts, if order == Order::Time { newest } else { ranked }, "{order:?}");
    }
}

async fn a_history_from_before_the_index_is_taken_in_newest_first(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    for n in 0..130 {
        stage.says(&ada, room, &format!("word{n} tea")).await;
    }
    assert_eq!(ask(&stage, &ada, search("tea")).await.expect("hits").items.len(), 100);
    // As a database from before, or one that was fed by other rules.
    stage
        .write(|tx| tx.exec("update meta set value = 'old' where name = 'search'", &[]))
        .await
        .expect("old");
    stage.store.close().await;
    let stage = Stage::open(stage.place.clone(), None);
    assert_eq!(count(&stage, "select count(*) from search_docs").await, 0);
    let known = search::Known::default();
    let step = async |known: search::Known| {
        stage.store.write(Needs::rooms([room]), move |tx| search::feed(tx, &[room], &known)).await
    };
    let (behind, _) = step(known).await.expect("a step");
    assert_eq!(behind, [room], "more than one step");
    let me = ada.clone();
    let newest = stage.read(move |read| search::find(read, &me, &search("tea"))).await;
    let newest = newest.expect("hits");
    assert_eq!(message(&newest.items[0]).text, "word129 tea");
    assert!(newest.items.len() < 100);
    // What is said meanwhile comes before what is old.
    stage.says(&ada, room, "fresh tea").await;
    step(search::Known::default()).await.expect("a step");
    let me = ada.clone();
    let fresh = stage.read(move |read| search::find(read, &me, &search("fresh"))).await;
    assert_eq!(fresh.expect("hits").items.len(), 1);
    assert_eq!(found(&stage, &ada, "\"word0\"").await, ["word0 tea"], "a search takes in the rest");
    assert_eq!(found(&stage, &ada, "ord77").await, ["word77 tea"]);
    stage.store.close().await;
}

async fn a_lost_step_is_done_again(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let room = stage.group(&[&ada]).await.room;
    say(&stage, &ada, room, &["teapot"]).await;
    let known = Arc::new(search::Known::default());
    let fed = known.clone();
    let lost = stage.write(move |tx| {
        let (_, met) = search::feed(tx, &[room], &fed)?;
        drop(met);
        Err::<(), _>(StoreError::Conflict("as if the process ended here"))
    });
    assert!(lost.await.is_err());
    assert_eq!(count(&stage, "select count(*) from search_docs").await, 0);
    let again = known.clone();
    let fed = stage.write(move |tx| search::feed(tx, &[room], &again)).await.expect("fed");
    known.remember(fed.1);
    assert_eq!(found(&stage, &ada, "eapo").await, ["teapot"]);
    let docs = stage.read(move |read| {
        read.number("select count(*) from search_docs where room = $1", params![room])
    });
    assert_eq!(docs.await.expect("a count"), 1);
}
