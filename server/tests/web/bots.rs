//! Bots: people who are programs. They come in by their key, by both doors, and are out the moment
//! it is taken.

use crate::house::{Call, House, Person, Socket, int, key, list, of_kind};
use serde_json::{Value, json};

async fn bot(house: &House, by: &Person, name: &str) -> Person {
    let body = json!({"name": name, "display_name": "Kettle"});
    as_bot(house, &by.post("/bots", body).await.ok(201))
}

fn as_bot(house: &House, said: &Value) -> Person {
    assert_eq!(said["user"]["bot"], true, "{said}");
    Person {
        address: house.address,
        user: int(&said["user"]["user"]),
        session: String::new(),
        token: said["key"].as_str().expect("a key").to_owned(),
        refresh: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_a_member_like_others_by_both_doors() {
    let house = House::open().await;
    let ada = house.ada().await;
    let kettle = bot(&house, &ada, "kettle").await;
    assert_eq!(kettle.get("/users/me").await.ok(200)["bot"], true);
    let room = ada.group("kitchen", &[&kettle]).await;
    let said = kettle.says(room, "it boils").await;
    assert_eq!(said["sender"], kettle.user);
    let (mut socket, welcome) = kettle.socket().await;
    assert_eq!(list(&welcome["rooms"]).len(), 1, "{welcome}");
    ada.says(room, "thanks").await;
    let event = socket.hears("event").await;
    assert_eq!(of_kind(&event["rows"], "message")[0]["text"], "thanks");
    let send = json!({"type": "send", "room": room, "key": key(), "text": "any time"});
    assert_eq!(socket.told(send).await["type"], "ok");
    let bots = ada.get("/bots").await.ok(200);
    assert_eq!(of_kind(&bots["rows"], "user")[0]["name"], "kettle");
    let taken = ada.post("/bots", json!({"name": "Kettle", "display_name": "x"})).await;
    assert_eq!(taken.refused(), (409, "taken"));
    let wrong = ada.post("/bots", json!({"name": "a b", "display_name": "x"})).await;
    assert!(wrong.blames("name"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_shuts_its_connections_at_once() {
    let house = House::open().await;
    let ada = house.ada().await;
    let kettle = bot(&house, &ada, "kettle").await;
    let room = ada.group("kitchen", &[&kettle]).await;
    let (mut socket, _) = kettle.socket().await;
    let path = format!("/bots/{}", kettle.user);
    let another = ada.post(&format!("{path}/key"), Value::Null).await.ok(201);
    assert_eq!(socket.closed().await, Some(4001));
    assert_eq!(kettle.get("/users/me").await.refused(), (401, "signed_out"));
    let again = as_bot(&house, &another);
    let (mut socket, _) = again.socket().await;
    again.says(room, "back").await;
    ada.delete(&path).await.ok(204);
    socket.closed().await.expect("a code");
    assert_eq!(again.get("/users/me").await.refused(), (401, "signed_out"));
    let mut late = Socket::dial(house.address).await;
    late.say(json!({"type": "hello", "v": 1, "token": again.token, "own": 0, "rooms": []})).await;
    assert_eq!(late.closed().await, Some(4001));
    assert_eq!(ada.get("/bots").await.ok(200)["rows"], json!([]));
    assert_eq!(ada.delete(&path).await.refused(), (404, "not_found"));
    assert_eq!(ada.delete(&format!("/bots/{}", ada.user)).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_runs_nothing_and_is_no_backend() {
    let house = House::open().await;
    let ada = house.ada().await;
    let kettle = bot(&house, &ada, "kettle").await;
    for path in ["/admin/tenants", "/webhooks", "/bots", "/invites", "/admin/stats"] {
        assert_eq!(kettle.get(path).await.refused(), (403, "forbidden"), "{path}");
    }
    let backend = Call::new("GET", "/users").header("x-api-key", &kettle.token);
    assert_eq!(backend.to(house.address).await.refused(), (401, "signed_out"));
    let tenant = int(&ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"]);
    let keys = ada.get(&format!("/admin/tenants/{tenant}/keys")).await.ok(200);
    assert_eq!(keys["items"], json!([]), "a bot's key is not a backend's");
    let cut = Person { token: kettle.token[..20].to_owned(), ..kettle.clone() };
    assert_eq!(cut.get("/users/me").await.refused(), (401, "signed_out"));
    let body = json!({"name": "shop", "scopes": ["read"]});
    let shop = ada.post(&format!("/admin/tenants/{tenant}/keys"), body).await.ok(201);
    let bearer = Person { token: shop["key"].as_str().expect("a key").into(), ..kettle };
    assert_eq!(bearer.get("/users/me").await.refused(), (401, "signed_out"));
}
