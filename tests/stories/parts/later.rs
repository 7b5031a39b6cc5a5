//! What somebody keeps for later: a message that is said when its time comes, a reminder of one, one
//! put aside.

use hallway_protocol::frames::ServerFrame;
use hallway_tests::wire::{Socket, key, messages};
use hallway_tests::{Engine, Hand, House, Setup};
use serde_json::json;
use std::time::Duration;

on_both!(what_was_meant_for_later_comes_when_it_is_time);

async fn what_was_meant_for_later_comes_when_it_is_time(engine: Engine) {
    let hand = Hand::new();
    let mut house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let (mut ada, mut lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    let said = lin.says(room, "who buys milk?").await;
    let hour = hand.now() + 3_600_000;
    let (one, two) = (key(), key());
    for (key, text) in [(&one, "it is tea time"), (&two, "never to be said")] {
        let new = json!({"key": key, "room": room, "text": text, "at": hour});
        ada.post("/scheduled", new).await.good();
    }
    let waiting = ada.get("/scheduled").await.good()["items"].clone();
    assert_eq!(waiting.as_array().map(Vec::len), Some(2));
    assert_eq!(lin.get("/scheduled").await.good()["items"], json!([]), "they are hers");
    let never = waiting.as_array().expect("items").iter();
    let never =
        never.clone().find(|one| one["text"] == "never to be said").expect("it")["id"].clone();
    ada.delete(&format!("/scheduled/{}", never.as_str().expect("an id"))).await.good();
    let remind = json!({"room": room, "seq": said.seq, "at": hour});
    ada.post("/reminders", remind).await.good();
    let aside = json!({"room": room, "seq": said.seq});
    let saved = ada.post("/saved", aside.clone()).await.good();
    assert_eq!(ada.post("/saved", aside).await.good(), saved, "put aside is put aside");

    // The server is not there for most of it, and says it when it is.
    house.end().await;
    hand.turn(Duration::from_secs(3_700));
    house.up().await.expect("it starts again");
    ada.renew().await;
    lin.renew().await;
    let mut ears = Socket::open(&lin).await;
    let history = hallway_tests::until("it is said", async || {
        let history = lin.history(room).await;
        history.iter().any(|row| row.text == "it is tea time").then_some(history)
    })
    .await;
    let tea = history.last().expect("it");
    assert_eq!(
        (tea.sender, tea.key.as_ref()),
        (ada.user, Some(&one)),
        "under the key it was given"
    );
    assert!(history.iter().all(|row| row.text != "never to be said"));
    assert_eq!(ada.get("/scheduled").await.good()["items"], json!([]));
    let notice = hallway_tests::until("she is reminded", async || {
        let items = ada.get("/notifications").await.good()["items"].clone();
        items.as_array()?.iter().find(|one| one["seq"] == json!(said.seq)).cloned()
    })
    .await;
    assert_eq!(notice["room"], json!(room));
    assert_eq!(ada.get("/reminders").await.good()["items"], json!([]));

    // Somebody listens to the next one as it comes.
    let soon = json!({"key": key(), "room": room, "text": "and cake", "at": hand.now() + 60_000});
    ada.post("/scheduled", soon).await.good();
    hand.turn(Duration::from_secs(61));
    ears.until("cake", |frame| match frame {
        ServerFrame::Event { rows, .. } => {
            messages(rows).iter().any(|row| row.text == "and cake").then_some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(ada.get("/saved").await.good()["items"], json!([saved]));
    ada.delete(&format!("/saved/{}", saved["id"].as_str().expect("an id"))).await.good();
    assert_eq!(ada.get("/saved").await.good()["items"], json!([]));
}
