//! Notices as the wire has them: the list, how somebody wants to be told, what a backend tells.

use crate::house::{Call, House, Socket, int, key, list};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_nothing_is_stored() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let quiet = |from: &str, to: &str, days: Value| json!({"from": from, "to": to, "days": days});
    let settings = "/users/me/notifications";
    let before = ada.get(settings).await.ok(200);
    let blank = json!({"keywords": [], "quiet": null, "digest_minutes": 0, "zone": "UTC"});
    assert_eq!(before, blank);
    for (method, path, field, body) in [
        ("PUT", settings, "keywords", json!({"keywords": "tea"})),
        ("PUT", settings, "keywords", json!({"keywords": [""]})),
        ("PUT", settings, "keywords", json!({"keywords": ["!?"]})),
        ("PUT", settings, "keywords", json!({"keywords": ["x".repeat(51)]})),
        ("PUT", settings, "keywords", json!({"keywords": vec!["x"; 51]})),
        ("PUT", settings, "quiet", json!({"quiet": quiet("24:00", "07:00", json!([]))})),
        ("PUT", settings, "quiet", json!({"quiet": quiet("22:00", "7", json!([]))})),
        ("PUT", settings, "quiet", json!({"quiet": quiet("22:00", "07:00", json!([8]))})),
        ("PUT", settings, "quiet", json!({"quiet": {"from": "22:00"}})),
        ("PUT", settings, "digest_minutes", json!({"digest_minutes": -1})),
        ("PUT", settings, "digest_minutes", json!({"digest_minutes": 10_081})),
        ("PUT", settings, "zone", json!({"zone": "Middle/Earth"})),
        ("PUT", "/notifications/read", "up_to", json!({})),
        ("PUT", "/notifications/read", "up_to", json!({"up_to": "none"})),
        ("POST", "/reminders", "at", json!({"room": room, "seq": 1, "at": 1})),
        ("POST", "/reminders", "seq", json!({"room": room, "at": 1})),
        ("GET", "/notifications?next=x", "next", Value::Null),
        ("GET", "/reminders?next=x", "next", Value::Null),
    ] {
        let refused = ada.call(method, path, body.clone()).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{path} {body}");
        assert!(refused.blames(field), "{field}: {refused:?}");
    }
    assert_eq!(ada.get(settings).await.ok(200), before);
    assert_eq!(ada.get("/reminders").await.ok(200), json!({"items": []}));
    assert_eq!(ada.get("/notifications").await.ok(200), json!({"items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_wants_is_kept_whole() {
    let house = House::open().await;
    let ada = house.ada().await;
    let wanted = json!({"keywords": ["green tea", "Café"], "digest_minutes": 60,
        "quiet": {"from": "22:00", "to": "07:30", "days": [1, 5]}, "zone": "Europe/Berlin"});
    ada.put("/users/me/notifications", wanted.clone()).await.ok(204);
    assert_eq!(ada.get("/users/me/notifications").await.ok(200), wanted);
    // What is not said is as at the beginning.
    ada.put("/users/me/notifications", json!({"digest_minutes": 5})).await.ok(204);
    let blank = json!({"keywords": [], "quiet": null, "digest_minutes": 5, "zone": "UTC"});
    assert_eq!(ada.get("/users/me/notifications").await.ok(200), blank);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_listed_until_it_is_read_and_gone_with_its_message() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let seq = int(&ada.says(room, "@lin tea?").await["seq"]);
    let items = lin.get("/notifications").await.ok(200)["items"].clone();
    let notice = &list(&items)[0];
    assert_eq!(list(&items).len(), 1);
    assert_eq!(
        (&notice["topic"], &notice["room"], &notice["seq"], &notice["read"], &notice["payload"]),
        (&json!("mention"), &json!(room), &json!(seq), &json!(false), &Value::Null)
    );
    assert_eq!(int(&lin.get(&format!("/rooms/{room}/why")).await.ok(200)["mentions"][0]), seq);
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": seq})).await.ok(204);
    let items = lin.get("/notifications").await.ok(200)["items"].clone();
    assert_eq!((&items[0]["read"], &items[0]["id"]), (&json!(true), &notice["id"]));
    ada.delete(&format!("/rooms/{room}/messages/{seq}")).await.ok(204);
    assert_eq!(lin.get("/notifications").await.ok(200)["items"], json!([]));
    // Marked by itself, it leaves the room's mark alone.
    let seq = int(&ada.says(room, "@lin milk?").await["seq"]);
    let items = lin.get("/notifications").await.ok(200)["items"].clone();
    lin.put("/notifications/read", json!({"up_to": items[0]["id"]})).await.ok(204);
    assert_eq!(lin.get("/notifications").await.ok(200)["items"][0]["read"], true);
    assert_eq!(int(&lin.get(&format!("/rooms/{room}/why")).await.ok(200)["mentions"][0]), seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_tells_reaches_its_people_at_once_and_stands_in_their_list() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let ada = house.ada().await;
    let (mut socket, _) = eve.socket().await;
    let secret = async |scopes: Value| {
        let path = format!("/admin/tenants/{tenant}/keys");
        let made = eve.post(&path, json!({"name": "shop", "scopes": scopes})).await.ok(201);
        made["key"].as_str().expect("a key").to_owned()
    };
    let (writes, reads) = (secret(json!(["write"])).await, secret(json!(["read"])).await);
    let once = key();
    let tells = async |secret: &str, once: &str, body: Value| {
        let call = Call::new("POST", "/notifications").header("x-api-key", secret);
        call.header("idempotency-key", once).body(body).to(house.address).await
    };
    let body = |users: Value| json!({"topic": "order", "payload": {"number": 7}, "users": users});
    tells(&writes, &once, body(json!([eve.user]))).await.ok(204);
    let frame = socket.hears("notice").await;
    assert_eq!((&frame["topic"], &frame["payload"]["number"]), (&json!("order"), &json!(7)));
    tells(&writes, &once, body(json!([eve.user]))).await.ok(200);
    let items = eve.get("/notifications").await.ok(200)["items"].clone();
    assert_eq!(list(&items).len(), 1);
    let mut told = frame.clone();
    told.as_object_mut().expect("a frame").remove("type");
    assert_eq!(items[0], told, "the frame is the item");
    // Who has read too little says so later: the list is what counts.
    eve.put("/notifications/read", json!({"up_to": frame["id"]})).await.ok(204);
    assert_eq!(eve.get("/notifications").await.ok(200)["items"][0]["read"], true);
    for (secret, body, status, field) in [
        (&reads, body(json!([eve.user])), 403, None),
        (&writes, body(json!([ada.user])), 422, Some("users")),
        (&writes, body(json!([eve.user, 4711])), 422, Some("users")),
        (&writes, body(json!([])), 422, Some("users")),
        (&writes, body(json!(vec![eve.user; 101])), 422, Some("users")),
        (&writes, json!({"topic": "mention", "users": [eve.user]}), 422, Some("topic")),
        (&writes, json!({"topic": "a b", "users": [eve.user]}), 422, Some("topic")),
        (&writes, json!({"topic": "", "users": [eve.user]}), 422, Some("topic")),
        (
            &writes,
            json!({"topic": "a", "payload": {"x": "x".repeat(4_096)}, "users": [eve.user]}),
            422,
            Some("payload"),
        ),
        (&writes, json!({"topic": "a", "payload": 5, "users": [eve.user]}), 422, Some("payload")),
    ] {
        let refused = tells(secret, &key(), body.clone()).await;
        assert_eq!(refused.refused().0, status, "{body}");
        assert!(field.is_none_or(|field| refused.blames(field)), "{refused:?}");
    }
    assert_eq!(eve.post("/notifications", body(json!([eve.user]))).await.refused().0, 403);
    assert_eq!(list(&eve.get("/notifications").await.ok(200)["items"]).len(), 1);
    assert_eq!(ada.get("/notifications").await.ok(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_is_heard_when_it_is_time() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = int(&ada.says(room, "tea at four").await["seq"]);
    let at = house.clock.now() + 3_600_000;
    let made = ada.post("/reminders", json!({"room": room, "seq": seq, "at": at})).await.ok(201);
    assert_eq!(ada.get("/reminders").await.ok(200)["items"], json!([made]));
    let (mut socket, _) = ada.socket().await;
    house.clock.turn(Duration::from_secs(3_601));
    house.app.jobs.ring();
    let frame = socket.hears("notice").await;
    assert_eq!(
        (&frame["topic"], &frame["room"], &frame["seq"]),
        (&json!("reminder"), &json!(room), &json!(seq))
    );
    let ada = house.login("ada").await;
    assert_eq!(ada.get("/notifications").await.ok(200)["items"][0]["id"], frame["id"]);
    assert_eq!(ada.get("/reminders").await.ok(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_hears_what_a_backend_said_meanwhile() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let path = format!("/admin/tenants/{tenant}/keys");
    let made = eve.post(&path, json!({"name": "shop", "scopes": ["write"]})).await.ok(201);
    let secret = made["key"].as_str().expect("a key");
    let tells = async |number: i64| {
        let call = Call::new("POST", "/notifications").header("x-api-key", secret);
        let body = json!({"topic": "order", "payload": {"number": number}, "users": [eve.user]});
        call.header("idempotency-key", &key()).body(body).to(house.address).await.ok(204);
    };
    let number = |notice: &Value| int(&notice["payload"]["number"]);
    let asks = async |notices: Option<&str>, wait: i64| {
        let mut body = json!({"own": 0, "rooms": [], "wait_ms": 0});
        let own = eve.post("/sync", body.clone()).await.ok(200)["own"]["to"].clone();
        (body["own"], body["wait_ms"]) = (own, json!(wait));
        if let Some(last) = notices {
            body["notices"] = json!(last);
        }
        eve.post("/sync", body).await.ok(200)["notices"].clone()
    };
    for n in 1..=3 {
        tells(n).await;
    }
    let (mut socket, _) = eve.socket().await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(socket.hears("notice").await);
    }
    assert_eq!(heard.iter().map(number).collect::<Vec<_>>(), [1, 2, 3], "oldest first");
    drop(socket);
    // Who says what they have hears the rest, and who has read something not that.
    let second = heard[1]["id"].as_str().expect("an id");
    let mut socket = Socket::dial(house.address).await;
    let hello = json!({"type": "hello", "v": 1, "token": eve.token, "notices": second});
    socket.say(hello).await;
    assert_eq!(number(&socket.hears("notice").await), 3);
    let numbers = |notices: &Value| list(notices).iter().map(number).collect::<Vec<_>>();
    assert_eq!(asks(None, 0).await, json!([]), "not asked for");
    assert_eq!(numbers(&asks(Some(""), 0).await), [1, 2, 3]);
    assert_eq!(numbers(&asks(Some(second), 0).await), [3]);
    eve.put("/notifications/read", json!({"up_to": second})).await.ok(204);
    assert_eq!(numbers(&asks(Some(""), 0).await), [3]);
    // A held call wakes for the next one.
    let third = heard[2]["id"].as_str().expect("an id");
    let (held, ()) = tokio::join!(asks(Some(third), 20_000), tells(4));
    assert_eq!(numbers(&held), [4]);
    // Of very many the latest are told; the list has them all.
    for n in 5..60 {
        tells(n).await;
    }
    let missed = numbers(&asks(Some(""), 0).await);
    assert_eq!((missed.len(), missed[0], missed[49]), (50, 10, 59));
}
