//! Addresses by which others speak into a room, as tools for Slack do.

use crate::house::{Answer, Call, House, Person, key, list, of_kind};
use serde_json::{Value, json};

async fn hook(person: &Person, room: i64) -> (Value, String) {
    let hook =
        person.post(&format!("/rooms/{room}/hooks"), json!({"name": "Builds"})).await.ok(201);
    let url = hook["url"].as_str().expect("an address").to_owned();
    let path = url.split_once("/api/v1").expect("of the interface").1.to_owned();
    (hook, path)
}

async fn speaks(house: &House, path: &str, body: Value) -> Answer {
    Call::new("POST", path).body(body).to(house.address).await
}

async fn last(person: &Person, room: i64) -> Value {
    let page = person.get(&format!("/rooms/{room}/messages")).await.ok(200);
    of_kind(&page["rows"], "message").last().map(|row| (*row).clone()).expect("a message")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_address_speaks_under_its_name() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (made, path) = hook(&ada, room).await;
    let said = speaks(&house, &path, json!({"text": "see <https://a.example|here>"})).await;
    assert_eq!((said.status, &said.body), (200, &json!("ok")));
    assert!(said.headers["content-type"].starts_with("text/plain"), "{said:?}");
    let row = last(&ada, room).await;
    assert_eq!(
        (&row["text"], &row["sender"]),
        (&json!("see [here](https://a.example)"), &made["user"])
    );
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    let people = of_kind(&page["rows"], "user");
    let bot = people.iter().find(|row| row["user"] == made["user"]).expect("its row");
    assert_eq!((&bot["display_name"], &bot["bot"]), (&json!("Builds"), &json!(true)));
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", r#"{"attachments":[{"text":"red"}],"username":"Kettle"}"#)
        .finish();
    let call = Call::new("POST", &path).raw("application/x-www-form-urlencoded", form);
    assert_eq!(call.to(house.address).await.ok(200), "ok");
    let row = last(&ada, room).await;
    assert_eq!((&row["text"], &row["meta"]["username"]), (&json!("red"), &json!("Kettle")));
    // The same key is said once.
    let once = key();
    for _ in 0..2 {
        let call = Call::new("POST", &path).header("idempotency-key", &once);
        assert_eq!(call.body(json!({"text": "once"})).to(house.address).await.ok(200), "ok");
    }
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    let said = of_kind(&page["rows"], "message");
    assert_eq!(said.iter().filter(|row| row["text"] == "once").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_say_it_does_not_say() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (_, path) = hook(&ada, room).await;
    let before = last(&ada, room).await;
    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": "  "}), "text"),
        (json!({"text": 7}), "text"),
        (json!({"text": "x", "username": "a\u{0}b"}), "username"),
        (json!({"blocks": "x"}), "blocks"),
    ] {
        let said = speaks(&house, &path, body.clone()).await;
        assert!(said.status == 422 && said.blames(field), "{body}: {said:?}");
    }
    let call = Call::new("POST", &path).raw("application/x-www-form-urlencoded", "text=x");
    assert!(call.to(house.address).await.blames("payload"));
    let long = speaks(&house, &path, json!({"text": "x".repeat(9_000)})).await;
    assert_eq!(long.ok(200), "ok", "what is too long is cut");
    let cut = last(&ada, room).await;
    assert_eq!(cut["text"].as_str().expect("text").chars().count(), 4_000);
    assert_ne!(before["seq"], cut["seq"]);
    for path in ["/hooks/none", "/hooks/x", &path[..path.len() - 2]] {
        let said = speaks(&house, path, json!({"text": "x"})).await;
        assert_eq!(said.refused(), (404, "not_found"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_make_and_take_them_and_what_is_taken_is_silent() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let path = format!("/rooms/{room}/hooks");
    let refused = lin.post(&path, json!({"name": "x"})).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    assert_eq!(lin.get(&path).await.refused(), (403, "forbidden"));
    let (made, address) = hook(&ada, room).await;
    let (other, second) = hook(&ada, room).await;
    let listed = ada.get(&path).await.ok(200);
    assert_eq!(list(&listed["items"]).len(), 2);
    assert!(!listed.to_string().contains("/hooks/"), "no address is told: {listed}");
    ada.delete(&format!("{path}/{}", made["id"].as_str().expect("an id"))).await.ok(204);
    let said = speaks(&house, &address, json!({"text": "x"})).await;
    assert_eq!(said.refused(), (404, "not_found"));
    // Shown out like anybody, it is silent.
    let member = format!("/rooms/{room}/members/{}", other["user"]);
    ada.delete(&member).await.ok(204);
    let said = speaks(&house, &second, json!({"text": "x"})).await;
    assert_eq!(said.refused(), (404, "not_found"));
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(!page.to_string().contains(r#""text":"x""#));
}
