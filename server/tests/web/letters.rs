//! Dead letters and figures: what was given up is listed, tried again and dropped by whoever runs
//! the server or the tenant it belongs to.

use crate::house::{House, PATIENCE, Person, int, list};
use serde_json::{Value, json};
use std::time::Instant;

async fn ids(person: &Person, query: &str) -> Vec<String> {
    let said = person.get(&format!("/admin/dead-letters{query}")).await.ok(200);
    let items = list(&said["items"]).iter();
    items.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_tried_again_or_dropped() {
    let house = House::open().await;
    let operator = house.operator();
    let (ada, (tea, eve)) = (house.ada().await, house.founds("tea", json!({})).await);
    let own = int(&ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"]);
    let (one, two) = (house.dead_letter(Some(tea)).await, house.dead_letter(Some(tea)).await);
    let (adas, servers) = (house.dead_letter(Some(own)).await, house.dead_letter(None).await);
    let said = eve.get("/admin/dead-letters").await.ok(200);
    let item = said["items"][0].as_object().expect("an item");
    let mut names: Vec<_> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["attempts", "created_at", "dead_at", "id", "kind", "last_error"]);
    assert_eq!((&item["kind"], &item["attempts"]), (&json!("leave-rooms"), &json!(24)));
    assert_eq!(item["last_error"], "no");
    // Each sees the own, the operator all; by kind; a page at a time.
    let mut eves = ids(&eve, "").await;
    eves.sort_unstable();
    let mut both = [one.clone(), two.clone()];
    both.sort_unstable();
    assert_eq!(eves, both);
    assert_eq!(ids(&ada, "").await, std::slice::from_ref(&adas));
    assert_eq!(ids(&operator, "").await.len(), 4);
    assert_eq!(ids(&operator, "?kind=leave-rooms").await.len(), 4);
    assert_eq!(ids(&operator, "?kind=mail").await.len(), 0);
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let said = operator.get(&format!("/admin/dead-letters?limit=3{next}")).await.ok(200);
        paged.extend(list(&said["items"]).to_vec());
        let Some(after) = said["next"].as_str() else { break };
        next = format!("&next={after}");
    }
    assert_eq!(json!(paged), operator.get("/admin/dead-letters").await.ok(200)["items"]);
    for wrong in ["x", "7", "x.y"] {
        let said = operator.get(&format!("/admin/dead-letters?next={wrong}")).await;
        assert_eq!((said.refused(), said.blames("next")), ((422, "invalid"), true));
    }
    // Another's, and the server's, are not there.
    for hidden in [&adas, &servers, &"none".to_owned()] {
        let path = format!("/admin/dead-letters/{hidden}");
        assert_eq!(eve.delete(&path).await.refused(), (404, "not_found"));
        let retry = eve.post(&format!("{path}/retry"), Value::Null).await;
        assert_eq!(retry.refused(), (404, "not_found"));
    }
    assert_eq!(ids(&operator, "").await.len(), 4);
    eve.delete(&format!("/admin/dead-letters/{one}")).await.ok(204);
    assert_eq!(eve.delete(&format!("/admin/dead-letters/{one}")).await.status, 404);
    eve.post(&format!("/admin/dead-letters/{two}/retry"), Value::Null).await.ok(202);
    assert_eq!(ids(&eve, "").await, Vec::<String>::new());
    // Tried again, it is done.
    let asked = Instant::now();
    while eve.get("/admin/stats").await.ok(200)["jobs"] != 0 {
        assert!(asked.elapsed() < PATIENCE, "nobody did it");
    }
    let acts = eve.get("/admin/audit?limit=2").await.ok(200);
    assert_eq!(acts["items"][0]["act"], "job_retried");
    assert_eq!(acts["items"][1]["target"], format!("job:{one}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_of_what_one_runs() {
    let house = House::open().await;
    let (ada, (tea, eve)) = (house.ada().await, house.founds("tea", json!({})).await);
    let bob = house.joins("tea", "bob", None).await;
    let room = eve.group("kitchen", &[&bob]).await;
    eve.says(room, "one").await;
    bob.says(room, "two").await;
    let _socket = bob.socket().await;
    house.dead_letter(Some(tea)).await;
    let said = eve.get("/admin/stats").await.ok(200);
    let of = |name: &str| int(&said[name]);
    let counted = [
        "tenants",
        "users",
        "guests",
        "bots",
        "sessions",
        "rooms",
        "messages",
        "connections",
        "dead_letters",
    ]
    .map(of);
    assert_eq!(counted, [1, 2, 0, 0, 2, 1, 2, 1, 1], "{said}");
    let other = ada.get("/admin/stats").await.ok(200);
    assert_eq!((int(&other["users"]), int(&other["messages"])), (1, 0));
    let all = house.operator().get("/admin/stats").await.ok(200);
    assert_eq!((int(&all["tenants"]), int(&all["users"])), (2, 3));
    assert!(int(&all["uptime_ms"]) >= 0);
    bob.delete("/users/me").await.ok(204);
    assert_eq!(int(&eve.get("/admin/stats").await.ok(200)["users"]), 1);
}
