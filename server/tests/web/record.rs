//! The record of who did what, as whoever runs the tenant reads it: one line for each deed, none for
//! what was refused or was so already.

use crate::house::{House, Person, int, list};
use serde_json::{Value, json};

/// What the record says of these kinds of deeds, the first first: act, target, detail.
async fn lines(person: &Person, acts: &[&str]) -> Vec<(String, String, Value)> {
    let mut lines = Vec::new();
    for line in list(&person.get("/admin/audit?limit=100").await.ok(200)["items"]) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        assert!(line["actor"].is_number() || line["actor"].is_string(), "{line}");
        lines.push((text("act"), text("target"), line["detail"].clone()));
    }
    lines.retain(|(act, ..)| acts.contains(&act.as_str()));
    lines.reverse();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn invites_are_in_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let acts = ["invite_made", "invite_removed"];
    let known = lines(&ada, &acts).await.len();
    let room = ada.group("kitchen", &[]).await;
    let asked = json!({"uses": 3, "room": room});
    let made = ada.post("/invites", asked.clone()).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(lin.post("/invites", asked).await.refused(), (403, "forbidden"));
    let path = format!("/invites/{id}");
    ada.delete(&path).await.ok(204);
    assert_eq!(ada.delete(&path).await.refused(), (404, "not_found"));
    let said = lines(&ada, &acts).await.split_off(known);
    let (target, none) = (format!("invite:{id}"), json!({}));
    let detail = json!({"uses": 3, "expires_at": null, "room": room});
    let expected =
        [("invite_made".into(), target.clone(), detail), ("invite_removed".into(), target, none)];
    assert_eq!(said, expected);
    let whole = ada.get("/admin/audit").await.ok(200).to_string();
    assert!(!whole.contains(made["code"].as_str().expect("a code")), "no secret stands in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn incoming_hooks_are_in_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let path = format!("/rooms/{room}/hooks");
    let made = ada.post(&path, json!({"name": "builds"})).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    ada.delete(&format!("{path}/{id}")).await.ok(204);
    let said = lines(&ada, &["hook_made", "hook_removed"]).await;
    let (target, detail) = (format!("hook:{id}"), json!({"room": room}));
    let line = |act: &str| (act.to_owned(), target.clone(), detail.clone());
    assert_eq!(said, [line("hook_made"), line("hook_removed")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_room_is_set_to_and_who_has_which_role_is_in_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let path = format!("/rooms/{room}");
    let quiet = json!({"name": "pantry", "topic": "jam", "visibility": "private"});
    ada.patch(&path, quiet).await.ok(200);
    let open = json!({"visibility": "public", "history": "all", "slow_seconds": 5});
    for _ in 0..2 {
        ada.patch(&path, open.clone()).await.ok(200);
    }
    assert_eq!(lin.patch(&path, json!({"visibility": "private"})).await.status, 403);
    let joined = json!({"history": "joined", "announce": true, "retention_days": 30});
    ada.patch(&path, joined).await.ok(200);
    ada.patch(&path, json!({"archived": true})).await.ok(200);
    ada.patch(&path, json!({"archived": false})).await.ok(200);
    let member = format!("{path}/members/{}", lin.user);
    for _ in 0..2 {
        let row = ada.put(&member, json!({"role": "admin"})).await.ok(200);
        assert_eq!(int(&row["user"]), lin.user);
    }
    let said = lines(&ada, &["room_changed", "member_role"]).await;
    let of_room = |detail: Value| ("room_changed".to_owned(), format!("room:{room}"), detail);
    let expected = [
        of_room(json!({"visibility": "public", "slow_seconds": 5})),
        of_room(json!({"history": "joined", "announce": true, "retention_days": 30})),
        of_room(json!({"archived": true})),
        of_room(json!({"archived": false})),
        (
            "member_role".to_owned(),
            format!("user:{}", lin.user),
            json!({"room": room, "role": "admin"}),
        ),
    ];
    assert_eq!(said, expected);
}
