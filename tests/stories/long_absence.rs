//! Somebody comes back after 10,000 messages: the newest are there at once, what is between is a
//! hole that fills as they scroll, and in the end nothing is missing or twice.

use hallway_protocol::ids::{RoomId, Seq};
use hallway_tests::wire::{Socket, key};
use hallway_tests::{Engine, House, Person, Setup, soon};
use serde_json::json;
use std::collections::BTreeSet;

/// Messages said meanwhile.
const MEANWHILE: usize = 10_000;
#[tokio::test(flavor = "multi_thread")]
async fn long_absence() {
    let house = House::with(Setup::new(Engine::Sqlite).unlimited()).await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let rest = house.person("lin").await;
    rest.joins(kitchen).await;
    let mut held = Vec::new();
    for n in 0..40 {
        held.push(ada.says(kitchen, &format!("held {n}")).await);
    }
    let lin = house.core("lin").await;
    lin.opens(kitchen).await;
    lin.hears("held 39").await;
    lin.settles().await;
    let disk = lin.closes().await;

    let meanwhile = (0..MEANWHILE).map(|n| format!("meanwhile {n}"));
    Socket::open(&ada).await.pours(kitchen, meanwhile).await;
    // Among what she holds something changed too.
    let path = |n: usize| format!("/rooms/{kitchen}/messages/{}", held[n].seq);
    ada.patch(&path(5), json!({"key": key(), "text": "held 5, changed"})).await.good();
    ada.delete(&path(6)).await.good();

    let lin = Person::reopen(disk).await;
    lin.settles().await;
    let last = format!("meanwhile {}", MEANWHILE - 1);
    let shown = lin.page(kitchen, None, 100).await;
    assert_eq!(shown.rows.last().map(|row| row.text.as_str()), Some(last.as_str()));
    assert!(shown.more_before);
    let unread = &lin.screen.now().room(kitchen)["unread"];
    assert!(unread.as_i64() >= Some(100), "99+ is shown from {unread}");

    // The window brought what changed among the held, without what lies between.
    let old = lin.page(kitchen, Some(held[39].seq + 1), 100).await;
    let texts: Vec<_> = old.rows.iter().map(|row| row.text.as_str()).collect();
    assert!(texts.contains(&"held 5, changed") && !texts.contains(&"held 5"), "{texts:?}");
    assert!(!texts.contains(&"held 6"), "{texts:?}");

    let seqs = scroll_up(&lin, kitchen).await;
    let there = ada.history(kitchen).await;
    let there: BTreeSet<Seq> = there.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, there);

    // What was scrolled to is held: it is there with no server, too.
    lin.online(false).await;
    lin.is("offline").await;
    assert_eq!(scroll_up(&lin, kitchen).await, there);
}

/// All the way up, a page at a time; the numbers seen.
async fn scroll_up(person: &Person, room: RoomId) -> BTreeSet<Seq> {
    let mut seen = BTreeSet::new();
    let mut before = None;
    soon("the top", async {
        loop {
            let page = person.page(room, before, 100).await;
            let seqs: Vec<_> = page.rows.iter().filter_map(|row| row.seq).collect();
            assert!(seqs.is_sorted(), "{seqs:?}");
            for seq in &seqs {
                assert!(seen.insert(*seq), "{seq} is on two pages");
            }
            before = seqs.first().copied();
            if !page.more_before {
                return;
            }
            assert!(before.is_some(), "more is promised and nothing comes");
        }
    })
    .await;
    seen
}
