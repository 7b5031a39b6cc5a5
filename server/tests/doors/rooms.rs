//! Rooms and messages over REST, as people use them.

use crate::house::{House, Person, key};
use serde_json::{Value, json};

async fn three() -> (House, Person, Person, Person) {
    let house = House::open().await;
    let ada = house.ada().await;
    let (lin, eve) = (house.invited(&ada, "lin").await, house.invited(&ada, "eve").await);
    (house, ada, lin, eve)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_room_is_one_however_often_and_at_once_it_is_asked_for() {
    let (_house, ada, lin, _) = three().await;
    let ask = |me: &Person, other: i64| {
        let me = me.clone();
        async move { me.post("/rooms/direct", json!({"users": [other]})).await }
    };
    let (one, two) = tokio::join!(ask(&ada, lin.id), ask(&lin, ada.id));
    assert_eq!(one.body["room"], two.body["room"]);
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    let room = one.body["room"].as_i64().unwrap();
    lin.says(room, "hello").await;
    let mine = ada.get("/rooms").await.ok(200);
    assert!(mine["rows"].as_array().unwrap().iter().any(|row| row["room"] == room), "{mine}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_in_and_the_directory_shows_what_is_public() {
    let (_house, ada, lin, eve) = three().await;
    let room = ada.room("kitchen", &[]).await;
    let code = ada.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    let code = code["code"].as_str().unwrap().to_owned();
    let spelled = format!("{}-{}", code[..4].to_lowercase(), &code[4..]);
    let joined = lin.post("/rooms/join", json!({ "code": spelled })).await.ok(200);
    assert_eq!(joined["name"], "kitchen");
    for wrong in ["", "ABCDEFGH", "no such code at all", "👍"] {
        let answer = eve.post("/rooms/join", json!({ "code": wrong })).await;
        assert_eq!((answer.status, answer.refused()), (404, "not_found"), "{wrong}");
    }
    ada.call("DELETE", &format!("/rooms/{room}/code"), Value::Null).await.ok(204);
    assert_eq!(eve.post("/rooms/join", json!({ "code": code })).await.status, 404);

    let body = json!({"kind": "channel", "name": "News", "topic": "of the house"});
    let news = ada.post("/rooms", body).await.ok(201)["room"].as_i64().unwrap();
    let found = eve.get("/rooms/directory?query=new").await.ok(200);
    assert_eq!(found["rows"][0]["room"], news);
    assert_eq!(
        eve.post(&format!("/rooms/{news}/messages"), json!({"key": key(), "text": "x"}))
            .await
            .refused(),
        "forbidden"
    );
    eve.post(&format!("/rooms/{news}/join"), Value::Null).await.ok(200);
    eve.says(news, "hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_in_pages_and_keeps_replies_threads_and_edits() {
    let (_house, ada, lin, _) = three().await;
    let room = ada.room("kitchen", &[&lin]).await;
    let first = ada.says(room, "tea?").await;
    let path = format!("/rooms/{room}/messages");
    let reply = json!({"key": key(), "text": "yes", "reply": first, "thread": first});
    let reply = lin.post(&path, reply).await.ok(201);
    assert_eq!((&reply["reply"], &reply["thread"]), (&json!(first), &json!(first)));
    for n in 0..5 {
        ada.says(room, &format!("cup {n}")).await;
    }
    let page = ada.get(&format!("{path}?limit=3")).await.ok(200);
    let texts = |page: &Value| -> Vec<String> {
        let rows = page["rows"].as_array().unwrap().iter();
        let messages = rows.filter(|row| row["t"] == "message");
        messages.map(|row| row["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(texts(&page), ["cup 2", "cup 3", "cup 4"]);
    let before = ada.get(&format!("{path}?limit=2&before={}", page["lo"])).await.ok(200);
    assert_eq!(texts(&before), ["cup 0", "cup 1"]);
    let thread = ada.get(&format!("{path}/{first}/thread")).await.ok(200);
    assert_eq!(texts(&thread), ["tea?", "yes"]);
    ada.call("PATCH", &format!("{path}/{first}"), json!({"text": "coffee?"})).await.ok(200);
    let edits = lin.get(&format!("{path}/{first}/edits")).await.ok(200);
    assert_eq!(edits["items"][0]["text"], "tea?");
    ada.call("PUT", &format!("{path}/{first}/pin"), Value::Null).await.ok(204);
    assert_eq!(texts(&lin.get(&format!("/rooms/{room}/pins")).await.ok(200)), ["coffee?"]);
    ada.call("DELETE", &format!("{path}/{first}"), Value::Null).await.ok(204);
    let tombstone = lin.get(&format!("{path}/{first}")).await.ok(200);
    assert_eq!((&tombstone["deleted"], tombstone.get("text")), (&json!(true), None));
    assert_eq!(lin.get(&format!("{path}/{first}/edits")).await.ok(200)["items"], json!([]));
    let mine = lin.get("/users/me/messages").await.ok(200);
    assert_eq!(texts(&mine), ["yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_storage_and_profile_are_kept() {
    let (_house, ada, lin, _) = three().await;
    let room = ada.room("kitchen", &[&lin]).await;
    let seq = ada.says(room, "tea?").await;
    let mark = format!("/rooms/{room}/read-mark");
    lin.call("PUT", &mark, json!({ "seq": seq })).await.ok(204);
    lin.call("PUT", &mark, json!({ "seq": 1 })).await.ok(204);
    let receipts = ada.get(&format!("/rooms/{room}/receipts")).await.ok(200);
    let lins = receipts["items"].as_array().unwrap().iter().find(|item| item["user"] == lin.id);
    assert_eq!(lins.unwrap()["read"], seq);
    let mine = json!({"notify": "mentions", "favourite": true, "draft": "almost"});
    let mine = lin.call("PATCH", &format!("/rooms/{room}/mine"), mine).await.ok(200);
    assert_eq!((&mine["notify"], &mine["draft"]), (&json!("mentions"), &json!("almost")));
    let value = json!({"theme": "dark", "sizes": [1, 2]});
    let path = "/users/me/storage/look";
    lin.call("PUT", path, value.clone()).await.ok(204);
    assert_eq!(lin.get(path).await.ok(200), value);
    assert_eq!(ada.get(path).await.refused(), "not_found");
    let large = json!("x".repeat(65_536));
    assert_eq!(lin.call("PUT", path, large).await.refused(), "too_large");
    lin.call("DELETE", path, Value::Null).await.ok(204);
    assert_eq!(lin.get(path).await.refused(), "not_found");
    let taken = lin.call("PATCH", "/users/me", json!({"name": "ADA"})).await;
    assert_eq!((taken.refused(), taken.body["fields"]["name"].is_string()), ("taken", true));
    lin.call("PATCH", "/users/me", json!({"status": "at tea"})).await.ok(200);
    assert_eq!(ada.get(&format!("/users/{}", lin.id)).await.ok(200)["status"], "at tea");
    let found = ada.get(&format!("/users?ids={},{}", lin.id, ada.id)).await.ok(200);
    assert_eq!(found["rows"].as_array().unwrap().len(), 2);
}
