//! Direct rooms: one for each set of people, theirs for ever.

use crate::house::{House, int, list, of_kind};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_room_is_one_however_many_ask_at_once() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (to_lin, to_ada) = (&json!({"users": [lin.user]}), &json!({"users": [ada.user]}));
    let (ada, lin) = (&ada, &lin);
    let asks: Vec<_> = (0..10)
        .map(|i| async move {
            let (who, body) = if i % 2 == 0 { (ada, to_lin) } else { (lin, to_ada) };
            let said = who.post("/rooms/direct", body.clone()).await;
            (said.status, int(&said.body["room"]))
        })
        .collect();
    let said = join_all(asks).await;
    assert_eq!(said.iter().filter(|(status, _)| *status == 201).count(), 1, "{said:?}");
    assert!(said.iter().all(|(_, room)| *room == said[0].1), "{said:?}");
    // With oneself, doubled or in another order, it is the same set.
    let again = json!({"users": [lin.user, ada.user, lin.user]});
    assert_eq!(ada.post("/rooms/direct", again).await.ok(200)["room"], said[0].1);
    lin.says(said[0].1, "hello").await;
    let mine = ada.get("/rooms").await.ok(200);
    assert!(list(&mine["rows"]).iter().any(|row| row["room"] == said[0].1), "{mine}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_room_appears_with_its_first_message() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let eve = house.newcomer(&ada, "eve").await;
    let (mut socket, _) = lin.socket().await;
    let room = ada.post("/rooms/direct", json!({"users": [lin.user]})).await.ok(201);
    let room = int(&room["room"]);
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
    ada.says(room, "psst").await;
    let own = socket.hears("own").await;
    let mine = of_kind(&own["rows"], "mine")[0];
    assert_eq!(
        (&mine["state"], &mine["unread"], &mine["mentions"]),
        (&json!("joined"), &json!(1), &json!(1))
    );
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"][0]["room"], room);
    // Nobody joins or is added.
    let join = eve.post(&format!("/rooms/{room}/join"), json!({})).await;
    assert_eq!(join.refused(), (404, "not_found"));
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
