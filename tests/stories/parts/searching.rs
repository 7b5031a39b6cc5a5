//! People look for what was said: by words and parts of words, in any script, narrowed as they know
//! it from elsewhere; and find only what they may see.

use hallway_tests::wire::key;
use hallway_tests::{Engine, House, Rest};
use serde_json::{Value, json};

on_both!(what_was_said_is_found_at_once_by_those_who_may);

/// What the messages found say, newest first.
async fn found(who: &Rest, q: &str) -> Vec<String> {
    let encoded = q.replace('"', "%22").replace('#', "%23").replace(' ', "%20");
    let said = who.get(&format!("/search?sort=time&q={encoded}")).await.good();
    let text = |item: &Value| item["message"]["text"].as_str().expect("a text").to_owned();
    said["items"].as_array().expect("items").iter().map(text).collect()
}

async fn what_was_said_is_found_at_once_by_those_who_may(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let (kitchen, hall) = (ada.groups("kitchen", &[&lin]).await, ada.creates("hall").await);
    lin.joins(hall).await;
    let cake = ada.says(kitchen, "Apfelkuchen für alle").await;
    // It is there the moment it was acknowledged, however it is written.
    for q in ["apfelkuchen", "APFEL", "kuchen", "für alle", "\"für alle\""] {
        assert_eq!(found(&lin, q).await, ["Apfelkuchen für alle"], "{q}");
    }
    lin.says(kitchen, "東京でお茶を飲む").await;
    assert_eq!(found(&ada, "お茶").await, ["東京でお茶を飲む"]);
    assert_eq!(found(&ada, "東京").await.len(), 1);
    let link = lin.says(hall, "@ada look: https://tea.example/pot").await;
    let file = ada.uploads("pot.txt", "text/plain", b"a pot").await;
    let says = json!({"key": key(), "text": "a pot", "files": [file["id"]]});
    ada.post(&format!("/rooms/{hall}/messages"), says).await.good();
    ada.put(&format!("/rooms/{kitchen}/messages/{}/pin", cake.seq), json!({})).await.good();
    let (cake_text, link_text) = ("Apfelkuchen für alle", "@ada look: https://tea.example/pot");
    for (q, expected) in [
        ("pot", &["a pot", link_text][..]),
        ("pot from:lin", &[link_text]),
        ("pot in:hall from:ada", &["a pot"]),
        ("has:link", &[link_text]),
        ("has:file", &["a pot"]),
        ("mentions:me", &[link_text]),
        ("is:pinned", &[cake_text]),
        ("pot -look", &["a pot"]),
        ("pot before:2001-01-01", &[]),
        ("apfelkuchen after:2001-01-01", &[cake_text]),
        ("nothing of the kind", &[]),
    ] {
        assert_eq!(found(&ada, q).await, expected, "{q}");
    }
    // Where it stands in the text is told in characters.
    let hit = ada.get("/search?q=tea.example").await.good()["items"][0].clone();
    let text: Vec<char> = link_text.chars().collect();
    let range = |n: usize, m: usize| {
        usize::try_from(hit["ranges"][n][m].as_i64().expect("a place")).expect("a place")
    };
    let marked: String = text[range(0, 0)..range(0, 1)].iter().collect();
    assert!("tea.example".contains(&marked) && !marked.is_empty(), "{marked}");

    // Who is not in a room finds nothing of it; a public one is everybody's to read.
    assert_eq!(found(&eve, "kuchen").await, Vec::<String>::new());
    assert_eq!(found(&eve, "look").await, [link_text]);
    // What is changed is found as it is now, what is deleted not at all.
    let path = format!("/rooms/{hall}/messages/{}", link.seq);
    lin.patch(&path, json!({"key": key(), "text": "never mind"})).await.good();
    assert_eq!(found(&ada, "look").await, Vec::<String>::new());
    assert_eq!(found(&ada, "mind").await, ["never mind"]);
    lin.delete(&path).await.good();
    assert_eq!(found(&ada, "mind").await, Vec::<String>::new());
    ada.delete(&format!("/rooms/{kitchen}/members/{}", lin.user)).await.good();
    assert_eq!(found(&lin, "kuchen").await, Vec::<String>::new(), "and who was removed");

    // Page after page, each once.
    for n in 0..25 {
        ada.says(hall, &format!("kettle {n}")).await;
    }
    let (mut seqs, mut next) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/search?q=kettle&limit=10{next}")).await.good();
        let items = page["items"].as_array().expect("items").clone();
        seqs.extend(items.iter().map(|hit| hit["message"]["seq"].as_i64()));
        let Some(more) = page["next"].as_str() else { break };
        next = format!("&next={more}");
    }
    assert_eq!(seqs.len(), 25);
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 25, "none twice");
    let wrong = ada.get("/search?q=before:someday").await;
    assert_eq!(wrong.refused(), (422, "invalid"));
    assert!(wrong.body["fields"]["q"].is_string(), "{wrong:?}");
}
