//! Without a link people read, search and write; with it again everything arrives once, in order.

use hallway_tests::cast::agree;
use hallway_tests::{House, Link, Person};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn offline_and_back() {
    let house = House::open().await;
    house.person("lin").await;
    let link = Link::to(house.address()).await;
    let ada = house.core("ada").await;
    let lin = Person::sign_in("lin", &link.url(), Default::default()).await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    for n in 0..20 {
        ada.says(&format!("before {n}")).await;
    }
    lin.says("a word to be changed").await;
    lin.hears("before 19").await;
    agree(&[&ada, &lin], kitchen).await;

    link.cut();
    lin.screen.shows("she knows", |s| s.connection != "live").await;
    for n in 0..30 {
        ada.says(&format!("meanwhile {n}")).await;
        if n < 5 {
            lin.says(&format!("offline {n}")).await;
        }
    }
    ada.deletes(kitchen, "before 3").await;
    ada.edits(kitchen, "before 4", "before 4, better").await;
    lin.edits(kitchen, "a word to be changed", "a word that was changed").await;
    lin.reacts(kitchen, "before 5", "👍").await;
    ada.settles().await;

    // She reads, finds old words, and sees what waits.
    let found = lin.core.search("before 7".into(), None, 20).await.expect("search needs no server");
    assert_eq!(found.items.len(), 1);
    let unsent = lin.core.search("offline 2".into(), None, 20).await.expect("and what is unsent");
    let unsent: Vec<_> =
        unsent.items.iter().map(|hit| (hit.message.text.as_str(), hit.message.seq)).collect();
    assert_eq!(unsent, [("offline 2", None)]);
    let page = lin.page(kitchen, None, 100).await;
    let pending = page.rows.iter().filter(|row| row.seq.is_none()).count();
    assert_eq!(pending, 5);
    assert!(lin.screen.now().outbox["waiting"].as_u64() >= Some(5));

    // She closes the app, and opens it with no server to be had: everything is as it was.
    let before = lin.shows(kitchen);
    let lin = Person::reopen(lin.closes().await).await;
    lin.opens(kitchen).await;
    assert_eq!(lin.shows(kitchen), before);
    lin.says("offline again").await;

    link.mend();
    lin.network().await;
    let shown = agree(&[&ada, &lin], kitchen).await;
    let texts: Vec<_> = shown.iter().map(|line| line.text.as_str()).collect();
    for n in 0..30 {
        assert_eq!(texts.iter().filter(|text| **text == format!("meanwhile {n}")).count(), 1);
    }
    let hers: Vec<_> = texts.iter().filter(|text| text.starts_with("offline")).collect();
    let meant = ["offline 0", "offline 1", "offline 2", "offline 3", "offline 4", "offline again"];
    assert_eq!(hers.len(), meant.len());
    assert!(hers.iter().zip(meant).all(|(said, meant)| **said == meant), "{hers:?}");
    assert!(texts.contains(&"before 4, better") && texts.contains(&"a word that was changed"));
    assert!(!texts.contains(&"before 3"));
    let sign = shown.iter().find(|line| line.text == "before 5").expect("it is there");
    assert_eq!(sign.reactions, [("👍".to_owned(), vec![lin.user.0])]);
    assert_eq!(lin.screen.now().outbox["failed"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_had_a_link_says_so() {
    let house = House::open().await;
    let link = Link::to(house.address()).await;
    link.cut();
    let answer = Person::tries("ada", &link.url(), Default::default()).await;
    let fault = answer.err().expect("there is nobody to sign in with");
    assert_eq!(fault.code(), "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_again_and_again_loses_nothing() {
    let house = House::open().await;
    house.person("lin").await;
    let link = Link::to(house.address()).await;
    let ada = Person::sign_in("ada", &link.url(), Default::default()).await;
    let lin = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let mut meant = Vec::new();
    for round in 0..12 {
        for n in 0..10 {
            let text = format!("round {round} line {n}");
            ada.says(&text).await;
            meant.push(text);
            if n == round % 10 {
                link.cut();
                link.mend();
                ada.network().await;
            }
        }
        ada.hears(&format!("round {round} line {}", round % 10)).await;
    }
    let shown = agree(&[&ada, &lin], kitchen).await;
    let texts: Vec<_> = shown.into_iter().map(|line| line.text).collect();
    assert_eq!(texts, meant);
}
