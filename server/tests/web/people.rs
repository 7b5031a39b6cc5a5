//! People: profiles, finding each other, private storage.

use crate::house::{House, list, of_kind};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_name_reaches_those_who_share_a_room() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = lin.socket().await;
    let (mut mine, _) = ada.socket().await;
    ada.patch("/users/me", json!({"display_name": "Ada \u{202e}L.", "status": "tea"})).await.fine();
    let users = socket.hears("users").await;
    assert_eq!(users["rows"][0]["user"], ada.user);
    assert_eq!(users["rows"][0]["display_name"], "Ada L.", "bidirectional controls are dropped");
    let own = mine.hears("own").await;
    assert_eq!(own["rows"][0]["status"], "tea");
    let me = ada.get("/users/me").await.ok(200);
    let other = lin.get(&format!("/users/{}", ada.user)).await.ok(200);
    assert_eq!((&me["role"], &other["role"]), (&json!("owner"), &json!(null)));
    assert_eq!(other["status"], "tea");
    let taken = lin.patch("/users/me", json!({"name": "ADA"})).await;
    assert_eq!((taken.refused(), taken.blames("name")), ((409, "taken"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_name() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    lin.patch("/users/me", json!({"display_name": "Änne Müller"})).await.fine();
    for query in ["LI", "änne", "ÄNN"] {
        let found = ada.get(&format!("/users?query={query}")).await.ok(200);
        assert_eq!(found["rows"][0]["user"], lin.user, "{query}: {found}");
    }
    let ids = ada.get(&format!("/users?ids={},{}", ada.user, lin.user)).await.ok(200);
    assert_eq!(list(&ids["rows"]).len(), 2);
    assert_eq!(ada.get("/users?query=nobody").await.ok(200)["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_mail_an_address_can_be_taken_away() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let address = json!({"email": "lin@example.org"});
    assert_eq!(lin.patch("/users/me", address.clone()).await.ok(200)["email"], address["email"]);
    assert_eq!(ada.patch("/users/me", address.clone()).await.refused(), (409, "taken"));
    let said = lin.patch("/users/me", json!({"status": "here"})).await.ok(200);
    assert_eq!(said["email"], address["email"], "nobody said anything of it");
    let none = lin.patch("/users/me", json!({"email": null})).await.ok(200);
    assert_eq!(none.get("email"), None);
    let again = lin.patch("/users/me", json!({"email": null})).await.ok(200);
    assert_eq!(again["rev"], none["rev"], "it is gone already");
    ada.patch("/users/me", address).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_storage_keeps_values_for_their_owner_alone() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let look = "/users/me/storage/look";
    let value = json!({"theme": "dark", "hue": 41, "sizes": [1, 2]});
    ada.put(look, value.clone()).await.ok(204);
    assert_eq!(ada.get(look).await.ok(200), value);
    assert_eq!(lin.get(look).await.refused(), (404, "not_found"));
    // With its quotes the first is two bytes over.
    for letters in [65_535, 65_536, 70_000] {
        let huge = ada.put(look, json!("x".repeat(letters))).await;
        assert_eq!(huge.refused(), (413, "too_large"), "{letters}");
    }
    assert_eq!(ada.get(look).await.ok(200), value, "a refusal changes nothing");
    ada.delete(look).await.ok(204);
    assert_eq!(ada.get(look).await.refused(), (404, "not_found"));
    for i in 0..256 {
        ada.put(&format!("/users/me/storage/k{i}"), json!(i)).await.ok(204);
    }
    let over = ada.put("/users/me/storage/one-more", json!(1)).await;
    assert_eq!(over.refused(), (409, "conflict"));
    ada.put("/users/me/storage/k0", json!("again")).await.ok(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_i_wrote_is_listed_by_pages() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (kitchen, attic) = (ada.group("kitchen", &[&lin]).await, ada.group("attic", &[]).await);
    for i in 0..7 {
        ada.says(if i % 2 == 0 { kitchen } else { attic }, &format!("mine {i}")).await;
        lin.says(kitchen, "not mine").await;
    }
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/users/me/messages?limit=3{next}")).await.ok(200);
        let rows = of_kind(&page["rows"], "message");
        found.extend(rows.iter().map(|row| row["text"].as_str().expect("text").to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&next={cursor}");
        assert!(found.len() <= 7, "it never ends");
    }
    found.sort();
    assert_eq!(found, (0..7).map(|i| format!("mine {i}")).collect::<Vec<_>>());
}
