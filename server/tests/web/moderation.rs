//! What moderators do, as the wire has it: sockets that close, doors that stay shut, bad input.

use crate::house::{House, PASSWORD, int, key};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn bad_reports_and_bans_name_their_field_and_nothing_is_stored() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let seq = int(&lin.says(room, "buy now").await["seq"]);
    for (path, field, body) in [
        ("/reports", "reason", json!({"room": room, "seq": seq, "reason": " "})),
        ("/reports", "reason", json!({"room": room, "seq": seq, "reason": "x".repeat(501)})),
        ("/reports", "reason", json!({"room": room, "seq": seq})),
        ("/reports", "seq", json!({"room": room, "seq": "one", "reason": "spam"})),
        ("/bans", "user", json!({"reason": "spam"})),
        ("/bans", "user", json!({"user": 4711, "reason": "spam"})),
        ("/bans", "address", json!({"user": lin.user, "address": "192.0.2.7", "reason": "spam"})),
        ("/bans", "address", json!({"address": "next door", "reason": "spam"})),
        ("/bans", "until", json!({"user": lin.user, "until": 1, "reason": "spam"})),
        ("/bans", "reason", json!({"user": lin.user})),
        ("/bans", "reason", json!({"user": lin.user, "reason": ""})),
    ] {
        let refused = ada.post(path, body.clone()).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{path} {body}");
        assert!(refused.blames(field), "{field}: {refused:?}");
    }
    assert_eq!(ada.get("/reports").await.ok(200)["items"], json!([]));
    assert_eq!(ada.get("/bans").await.ok(200)["items"], json!([]));
    lin.get("/users/me").await.ok(200);
    let message = format!("/rooms/{room}/messages/{seq}");
    let refused = ada.call("DELETE", &message, json!({"reason": "x".repeat(501)})).await;
    assert!(refused.blames("reason"), "{refused:?}");
    assert_eq!(ada.get(&message).await.ok(200)["text"], "buy now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_person_is_thrown_out_and_cannot_come_back() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut one, _) = lin.socket().await;
    let (mut two, _) = house.login("lin").await.socket().await;
    let until = house.clock.now() + 60_000;
    let body = json!({"user": lin.user, "until": until, "reason": "spam"});
    let ban = ada.post("/bans", body).await.ok(201);
    assert_eq!((&ban["user"], &ban["by"]), (&json!(lin.user), &json!(ada.user)));
    assert_eq!(one.closed().await, Some(4003));
    assert_eq!(two.closed().await, Some(4003));
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"));
    let refresh = json!({"refresh_token": lin.refresh});
    let refresh = house.call("POST", "/auth/refresh", refresh).await;
    assert_eq!(refresh.refused(), (401, "signed_out"));
    let login = json!({"login": "lin", "password": PASSWORD});
    let refused = house.call("POST", "/auth/login", login.clone()).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    // A wrong password does not learn of the ban.
    let wrong = json!({"login": "lin", "password": "not it, not at all"});
    let wrong = house.call("POST", "/auth/login", wrong).await;
    assert_eq!(wrong.refused(), (401, "wrong_credentials"));
    let listed = ada.get("/bans").await.ok(200);
    assert_eq!(listed["items"], json!([ban]));
    house.clock.turn(Duration::from_secs(61));
    house.call("POST", "/auth/login", login).await.ok(200);
    let lin = house.login("lin").await;
    lin.says(room, "sorry").await;
    assert_eq!(ada.get("/bans").await.ok(200)["items"], json!([]), "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barred_address_is_refused_at_the_door_and_the_owner_never() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut hers, _) = ada.socket().await;
    let (mut socket, _) = lin.socket().await;
    // Everyone in this test comes from here.
    let ban = ada.post("/bans", json!({"address": "127.0.0.1", "reason": "spam"})).await.ok(201);
    assert_eq!(socket.closed().await, Some(4001));
    assert_eq!(lin.get("/users/me").await.refused(), (403, "forbidden"));
    let path = format!("/rooms/{room}/messages");
    let said = lin.post(&path, json!({"key": key(), "text": "but"})).await;
    assert_eq!(said.refused(), (403, "forbidden"));
    let login = json!({"login": "lin", "password": PASSWORD});
    assert_eq!(house.call("POST", "/auth/login", login.clone()).await.refused().0, 403);
    let refresh = json!({"refresh_token": lin.refresh});
    assert_eq!(house.call("POST", "/auth/refresh", refresh.clone()).await.refused().0, 403);
    let invite = ada.post("/invites", json!({})).await.ok(201);
    let newcomer = json!({"name": "eve", "password": PASSWORD, "invite": invite["code"]});
    let refused = house.call("POST", "/auth/register", newcomer).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    assert_eq!(ada.get("/users?query=eve").await.ok(200)["rows"], json!([]), "not even in part");
    let mut late = crate::house::Socket::dial(house.address).await;
    late.say(json!({"type": "hello", "v": 1, "token": lin.token, "device": "test", "own": 0,
        "rooms": []}))
        .await;
    let (code, words) = late.last_words().await;
    assert_eq!(code, Some(4001));
    assert!(words.iter().any(|word| word["code"] == "forbidden"), "{words:?}");
    // The owner goes on, and comes in anew.
    let pull = json!({"type": "pull", "room": room, "since": 0});
    assert_eq!(hers.told(pull).await["type"], "delta");
    let ada = house.login("ada").await;
    ada.delete(&format!("/bans/{}", ban["id"].as_str().expect("an id"))).await.ok(204);
    lin.get("/users/me").await.ok(200);
    house.call("POST", "/auth/refresh", refresh).await.ok(200);
    house.call("POST", "/auth/login", login).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deletes_for_all_may_say_why() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (lin, bob) = (house.newcomer(&ada, "lin").await, house.newcomer(&ada, "bob").await);
    let room = ada.group("kitchen", &[&lin, &bob]).await;
    let seq = int(&lin.says(room, "buy now").await["seq"]);
    let report = json!({"room": room, "seq": seq, "reason": "spam"});
    let report = bob.post("/reports", report).await.ok(201);
    assert_eq!(lin.get("/reports").await.ok(200)["items"], json!([]));
    let open = ada.get("/reports?resolved=false").await.ok(200);
    assert_eq!(open["items"], json!([report]));
    let message = format!("/rooms/{room}/messages/{seq}");
    ada.call("DELETE", &message, json!({"reason": " advertising "})).await.ok(204);
    let told = lin.get(&format!("{message}/deletion")).await.ok(200);
    assert_eq!((&told["by"], &told["reason"]), (&json!(ada.user), &json!("advertising")));
    assert_eq!(bob.get(&format!("{message}/deletion")).await.refused(), (403, "forbidden"));
    let id = report["id"].as_str().expect("an id");
    let path = format!("/reports/{id}");
    assert_eq!(bob.patch(&path, json!({"resolved": true})).await.refused(), (404, "not_found"));
    let done = ada.patch(&path, json!({"resolved": true})).await.ok(200);
    assert_eq!(done["resolved_by"], json!(ada.user));
    assert_eq!(ada.get("/reports?resolved=false").await.ok(200)["items"], json!([]));
    // Over the socket it is the same act, without a reason.
    let seq = int(&lin.says(room, "buy more").await["seq"]);
    let (mut socket, _) = ada.socket().await;
    let delete = json!({"type": "delete", "room": room, "key": key(), "seq": seq});
    assert_eq!(socket.told(delete).await["type"], "ok");
    let told = lin.get(&format!("/rooms/{room}/messages/{seq}/deletion")).await.ok(200);
    assert_eq!((&told["by"], &told["reason"]), (&json!(ada.user), &Value::Null));
}
