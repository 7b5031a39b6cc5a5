//! What roles give: removing, deleting, handing over; and a public room, where everybody may look.

use crate::cast::Cast;
use crate::house::{Call, House, Person, key, of_kind};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn who_may_remove_and_delete() {
    let house = House::open().await;
    let cast = Cast::of(&house).await;
    for (caller, deletes_message, removes, deletes_room) in [
        ("nobody", 401, 401, 401),
        ("stranger", 404, 404, 404),
        ("removed", 404, 404, 404),
        ("foreign", 404, 404, 404),
        ("member", 403, 403, 403),
        ("author", 204, 403, 403),
        ("admin", 204, 204, 403),
        ("owner", 204, 204, 204),
        ("operator", 204, 204, 204),
    ] {
        let (room, seq) = cast.room().await;
        let other = if caller == "member" { &cast.author } else { &cast.member };
        for (path, expected) in [
            (format!("/rooms/{room}/messages/{seq}"), deletes_message),
            (format!("/rooms/{room}/members/{}", other.user), removes),
            (format!("/rooms/{room}"), deletes_room),
        ] {
            let call = Call::new("DELETE", &path);
            let call = match cast.caller(caller) {
                Some(person) => call.token(&person.token),
                None => call,
            };
            let said = call.to(house.address).await;
            assert_eq!(said.status, expected, "DELETE {path} by {caller}: {}", said.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_removes_those_below_alone() {
    let house = House::open().await;
    let cast = Cast::of(&house).await;
    let (room, _) = cast.room().await;
    let of = |who: &Person| format!("/rooms/{room}/members/{}", who.user);
    cast.owner.put(&of(&cast.member), json!({"role": "admin"})).await.ok(200);
    let equal = cast.admin.delete(&of(&cast.member)).await;
    assert_eq!(equal.refused(), (403, "forbidden"), "an equal");
    let above = cast.admin.delete(&of(&cast.owner)).await;
    assert_eq!(above.refused(), (403, "forbidden"), "one above");
    cast.admin.adds(room, &cast.stranger).await;
    cast.admin.removes(room, &cast.stranger).await;
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
