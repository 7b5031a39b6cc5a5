//! What roles give: removing and handing over; and a public room, where everybody may look.

use crate::house::{House, Person, key, of_kind};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_removes_those_below_alone() {
    let house = House::open().await;
    let ada = house.ada().await;
    let [lin, eve, bob] = ["lin", "eve", "bob"];
    let (lin, eve) = (house.newcomer(&ada, lin).await, house.newcomer(&ada, eve).await);
    let bob = house.newcomer(&ada, bob).await;
    let room = lin.group("committee", &[&eve, &ada]).await;
    let of = |who: &Person| format!("/rooms/{room}/members/{}", who.user);
    for admin in [&eve, &ada] {
        lin.put(&of(admin), json!({"role": "admin"})).await.ok(200);
    }
    let equal = eve.delete(&of(&ada)).await;
    assert_eq!(equal.refused(), (403, "forbidden"), "an equal");
    let above = eve.delete(&of(&lin)).await;
    assert_eq!(above.refused(), (403, "forbidden"), "one above");
    eve.adds(room, &bob).await;
    eve.removes(room, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_hands_over() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let eve = house.newcomer(&ada, "eve").await;
    let room = ada.group("kitchen", &[&lin, &eve]).await;
    let role = json!({"role": "admin"});
    ada.put(&format!("/rooms/{room}/members/{}", eve.user), role).await.ok(200);
    ada.post(&format!("/rooms/{room}/leave"), json!({})).await.ok(204);
    let members = lin.get(&format!("/rooms/{room}/members")).await.ok(200);
    let role = |user: i64| {
        let rows = of_kind(&members["rows"], "member");
        let row = rows.into_iter().find(|row| row["user"] == user);
        row.map(|row| (row["role"].clone(), row["left_seq"].clone()))
    };
    assert_eq!(role(eve.user), Some((json!("owner"), Value::Null)), "{members}");
    assert_eq!(role(lin.user).expect("a member").0, "member");
    assert!(role(ada.user).is_none_or(|(_, left)| left.is_i64()));
    assert_eq!(ada.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_channel_is_read_by_all_and_written_by_members() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let body = json!({"kind": "channel", "name": "News", "topic": "of the house"});
    let room = ada.post("/rooms", body).await.ok(201)["room"].clone();
    let messages = format!("/rooms/{room}/messages");
    ada.post(&messages, json!({"key": key(), "text": "hello"})).await.ok(201);
    lin.get(&messages).await.ok(200);
    let said = lin.post(&messages, json!({"key": key(), "text": "x"})).await;
    assert_eq!(said.refused(), (403, "forbidden"));
    for query in ["new", "NEW"] {
        let found = lin.get(&format!("/rooms/directory?query={query}")).await.ok(200);
        assert_eq!(found["rows"][0]["room"], room, "{query}");
    }
    for body in [Value::Null, json!({})] {
        lin.post(&format!("/rooms/{room}/join"), body).await.ok(200);
    }
    lin.post(&messages, json!({"key": key(), "text": "x"})).await.ok(201);
}
