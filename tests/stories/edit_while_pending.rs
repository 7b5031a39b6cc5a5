//! Second thoughts about a message that has not arrived yet: changed, deleted, reacted to, in every
//! state of its way. What was ever sent keeps its bytes (P9); what all see in the end is the last
//! thought.

use hallway_tests::cast::agree;
use hallway_tests::link::State;
use hallway_tests::{House, Link, Person};

/// How the link is while the thoughts are had.
async fn second_thoughts(while_it: State) {
    let house = House::open().await;
    house.person("lin").await;
    let link = Link::to(house.address()).await;
    let ada = Person::sign_in("ada", &link.url(), Default::default()).await;
    let lin = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    ada.says("before").await;
    ada.hears("before").await;

    match while_it {
        State::Cut => {
            link.cut();
            ada.screen.shows("she knows", |s| s.connection != "live").await;
        }
        state => link.set(state),
    }
    ada.says("tae?").await;
    ada.edits(kitchen, "tae?", "teh?").await;
    ada.edits(kitchen, "teh?", "tea?").await;
    ada.says("never mind").await;
    ada.deletes(kitchen, "never mind").await;
    ada.says("sign here").await;
    ada.reacts(kitchen, "sign here", "👍").await;
    ada.says("after").await;
    ada.screen.shows("the last one", |s| s.finds(kitchen, "after").is_some()).await;

    // Her screen shows the last thoughts at once.
    let texts = ada.texts(kitchen);
    assert!(texts.contains(&"tea?".to_owned()) && !texts.contains(&"tae?".to_owned()), "{texts:?}");
    assert!(!texts.contains(&"never mind".to_owned()), "{texts:?}");

    // And the app may be closed in between.
    let disk = ada.closes().await;
    let ada = Person::reopen(disk).await;
    ada.opens(kitchen).await;
    assert_eq!(
        ada.texts(kitchen).into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(),
        texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>()
    );

    link.mend();
    ada.network().await;
    let shown = agree(&[&ada, &lin], kitchen).await;
    let said: Vec<_> = shown.iter().filter(|line| !line.deleted).collect();
    let texts: Vec<_> = said.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["before", "tea?", "sign here", "after"]);
    assert_eq!(said[2].reactions, [("👍".to_owned(), vec![ada.user.0])]);

    // Nobody was shown "never mind" as a message; at most its tombstone is there.
    let history = house.owner.history(kitchen).await;
    assert!(history.iter().all(|row| row.text != "never mind" && row.text != "tae?"));
    let keys: Vec<_> = history.iter().filter_map(|row| row.key.clone()).collect();
    let mut once = keys.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), keys.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_was_sent() {
    second_thoughts(State::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_under_way() {
    second_thoughts(State::Stalled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_answer_is_late() {
    second_thoughts(State::Delayed(std::time::Duration::from_millis(400))).await;
}
