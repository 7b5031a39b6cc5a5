//! The path of a message, from the key pressed to every screen, as the README tells it.

use hallway_tests::cast::agree;
use hallway_tests::link::State;
use hallway_tests::{House, Link, Person};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_travels() {
    let house = House::open().await;
    house.person("lin").await;
    let link = Link::to(house.address()).await;
    let ada = Person::sign_in("ada", &link.url(), Default::default()).await;
    let lin = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;

    ada.says("tea?").await;
    lin.hears("tea?").await;
    ada.hears("tea?").await;
    assert_eq!(lin.shows(kitchen), ada.shows(kitchen));

    // Step by step: nothing moves on Ada's link, so the message stands on her screen, pending.
    link.set(State::Stalled);
    let key = ada.says("with milk?").await;
    let pending = ada.screen.until("pending", |s| s.finds(kitchen, "with milk?")).await;
    assert_eq!(pending["key"], json!(key));
    assert!(pending["seq"].is_null() && pending["state"].is_string(), "{pending}");
    assert!(lin.screen.now().finds(kitchen, "with milk?").is_none());

    // It moves again: the same key, so the same row on her screen, and one row on everybody's.
    link.mend();
    let (hers, his) = (ada.hears("with milk?").await, lin.hears("with milk?").await);
    assert_eq!((&hers["key"], &his["key"]), (&json!(key), &json!(key)));
    assert!(hers["state"].is_null(), "{hers}");
    assert_eq!(hers["seq"], his["seq"]);
    let with_milk = |texts: Vec<String>| texts.iter().filter(|t| *t == "with milk?").count();
    assert_eq!((with_milk(ada.texts(kitchen)), with_milk(lin.texts(kitchen))), (1, 1));

    // Unread is counted until it is read; what one says oneself is not.
    let unread = |person: &Person| person.screen.now().room(kitchen)["unread"].clone();
    assert_eq!((unread(&ada), unread(&lin)), (json!(0), json!(2)));
    lin.core.read(kitchen, his["seq"].as_i64()).await.expect("taken");
    lin.screen.shows("all is read", |s| s.room(kitchen)["unread"] == json!(0)).await;

    // And back: an answer, a better wording, a sign, and one word less.
    let reply = his["seq"].as_i64().map(hallway_core::Target::Seq);
    lin.core.send(kitchen, "no, thanks".into(), reply, None).await.expect("taken");
    let answer = ada.hears("no, thanks").await;
    assert_eq!(answer["reply"]["text"], json!("with milk?"), "{answer}");
    lin.edits(kitchen, "no, thanks", "yes, please").await;
    let answer = ada.hears("yes, please").await;
    assert_eq!(answer["edited"], json!(true));
    ada.reacts(kitchen, "yes, please", "🫖").await;
    lin.screen
        .shows("the sign", |s| {
            let row = s.finds(kitchen, "yes, please").unwrap_or(Value::Null);
            row["reactions"][0]["emoji"] == json!("🫖")
        })
        .await;
    ada.deletes(kitchen, "tea?").await;
    lin.screen.shows("one word less", |s| s.finds(kitchen, "tea?").is_none()).await;

    let shown = agree(&[&ada, &lin], kitchen).await;
    assert_eq!(shown.len(), 3);
    assert!(shown[0].deleted && shown[0].text.is_empty());
    assert_eq!(ada.screen.now().problems, Vec::<String>::new());
}
