//! Rooms: making, finding, joining by code, roles, leaving, vanishing, direct rooms.

use crate::house::{House, key};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_has_the_defaults_of_its_kind() {
    let house = House::open();
    let ada = house.ada().await;
    let group = ada.post("/rooms", json!({"kind": "group", "name": " a "})).await.ok(201);
    assert_eq!((&group["t"], &group["name"]), (&json!("room"), &json!("a")));
    assert_eq!((&group["visibility"], &group["history"]), (&json!("private"), &json!("all")));
    let channel = ada.post("/rooms", json!({"kind": "channel", "name": "b"})).await.ok(201);
    assert_eq!(channel["visibility"], "public");
    let page = ada.get(&format!("/rooms/{}/messages", group["room"])).await.ok(200);
    let first = &page["rows"][0];
    assert_eq!((&first["kind"], &first["meta"]["what"]), (&json!("system"), &json!("created")));
    assert!(first["key"].is_null() && first["n"].is_null() && first["text"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_its_room_however_it_is_written() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[]).await;
    let code = ada.post(&format!("/rooms/{room}/code"), json!({})).await.fine()["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    assert_eq!(code.len(), 8);
    assert!(!code.contains(['0', 'O', '1', 'I', 'L']), "look-alikes in {code}");
    let sloppy = format!("{}-{}", &code[..4].to_lowercase(), &code[4..]);
    let joined = lin.post("/rooms/join", json!({"code": sloppy})).await.ok(200);
    assert_eq!((&joined["t"], &joined["room"]), (&json!("room"), &json!(room)));
    lin.post("/rooms/join", json!({"code": code})).await.ok(200);
    ada.call(reqwest::Method::DELETE, &format!("/rooms/{room}/code"), None).await.ok(204);
    assert_eq!(lin.post("/rooms/join", json!({"code": code})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_hands_over() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let eve = house.newcomer(&ada, "eve").await;
    let room = ada.group("kitchen", &[&lin, &eve]).await;
    let role = json!({"role": "admin"});
    ada.put(&format!("/rooms/{room}/members/{}", eve.user), role).await.fine();
    ada.post(&format!("/rooms/{room}/leave"), json!({})).await.ok(204);
    let members = lin.get(&format!("/rooms/{room}/members")).await.ok(200);
    let rows = members["rows"].as_array().expect("rows");
    let role = |user: i64| {
        let row = rows.iter().find(|row| row["t"] == "member" && row["user"] == user);
        row.map(|row| (row["role"].clone(), row["left_seq"].clone()))
    };
    assert_eq!(role(eve.user), Some((json!("owner"), Value::Null)), "{members}");
    assert_eq!(role(lin.user).expect("a member").0, "member");
    assert!(role(ada.user).is_none_or(|(_, left)| left.is_i64()));
    assert_eq!(ada.get(&format!("/rooms/{room}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_tells_everyone_and_closes() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = lin.socket().await;
    ada.delete(&format!("/rooms/{room}")).await.ok(204);
    let own = socket.hears("own").await;
    let mine = own["rows"].as_array().expect("rows").iter().find(|row| row["t"] == "mine");
    assert_eq!(mine.expect("a mine row")["state"], "deleted");
    assert_eq!(lin.get(&format!("/rooms/{room}/messages")).await.status, 404);
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_room_is_one_however_many_ask_at_once() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (to_lin, to_ada) = (&json!({"users": [lin.user]}), &json!({"users": [ada.user]}));
    let (ada, lin) = (&ada, &lin);
    let asks: Vec<_> = (0..10)
        .map(|i| async move {
            let (who, body) = if i % 2 == 0 { (ada, to_lin) } else { (lin, to_ada) };
            let said = who.post("/rooms/direct", body.clone()).await;
            (said.status, said.body["room"].as_i64().expect("an id"))
        })
        .collect();
    let said = futures_util::future::join_all(asks).await;
    assert_eq!(said.iter().filter(|(status, _)| *status == 201).count(), 1, "{said:?}");
    assert!(said.iter().all(|(_, room)| *room == said[0].1), "{said:?}");
    // With oneself, doubled or in another order, it is the same set.
    let again = json!({"users": [lin.user, ada.user, lin.user]});
    assert_eq!(ada.post("/rooms/direct", again).await.ok(200)["room"], said[0].1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_room_appears_with_its_first_message() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let eve = house.newcomer(&ada, "eve").await;
    let (mut socket, _) = lin.socket().await;
    let room = ada.post("/rooms/direct", json!({"users": [lin.user]})).await.ok(201);
    let room = room["room"].as_i64().expect("an id");
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
    ada.says(room, "psst").await;
    let own = socket.hears("own").await;
    let mine = own["rows"].as_array().expect("rows").iter().find(|row| row["t"] == "mine");
    let mine = mine.expect("a mine row");
    assert_eq!(
        (&mine["state"], &mine["unread"], &mine["mentions"]),
        (&json!("joined"), &json!(1), &json!(1))
    );
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"][0]["room"], room);
    // Nobody joins or is added.
    assert_eq!(eve.post(&format!("/rooms/{room}/join"), json!({})).await.status, 404);
    let added = ada.put(&format!("/rooms/{room}/members/{}", eve.user), json!({})).await;
    assert!(matches!(added.status, 403 | 409), "{}", added.body);
    // Leaving hides it until its next message.
    lin.post(&format!("/rooms/{room}/leave"), json!({})).await.ok(204);
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
    ada.says(room, "still there?").await;
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"][0]["room"], room);
    let page = lin.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page["rows"].to_string().contains("psst"), "its people have it for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_from_joining_hides_what_was_before() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let body = json!({"kind": "group", "name": "secret", "history": "joined"});
    let room = ada.post("/rooms", body).await.ok(201)["room"].as_i64().expect("an id");
    let old = ada.says(room, "before her time").await;
    ada.put(&format!("/rooms/{room}/members/{}", lin.user), json!({})).await.fine();
    let new = ada.says(room, "welcome").await;
    let page = lin.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(!page.to_string().contains("before her time"), "{page}");
    assert!(page.to_string().contains("welcome"));
    assert!(page["min_seq"].as_i64() > old["seq"].as_i64());
    assert_eq!(lin.get(&format!("/rooms/{room}/messages/{}", old["seq"])).await.status, 404);
    // A reply to what she cannot see brings no quote of it, and a change of it no row.
    let (mut socket, _) = lin.socket().await;
    let edit = json!({"key": key(), "text": "before her time, still"});
    ada.patch(&format!("/rooms/{room}/messages/{}", old["seq"]), edit).await.fine();
    let event = socket.hears("event").await;
    assert_eq!(event["rows"], json!([]), "{event}");
    let sync = lin.post("/sync", json!({"own": 0, "rooms": [[room, 0]]})).await.ok(200);
    assert!(!sync.to_string().contains("before her time"));
    let replay = json!({"own": 0, "rooms": [[room, new["seq"]]]});
    assert!(!lin.post("/sync", replay).await.ok(200).to_string().contains("before her time"));
}
