//! Coming in: the first owner, registering, signing in, and closing the account again.

use crate::house::{Call, House, PASSWORD, Person, key};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_owner_is_made_once() {
    let house = House::open().await;
    let file = house.data().join("first-owner");
    let mode = file.metadata().expect("the token's file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = house.owner_token();
    let ada = house.ada().await;
    assert_eq!(ada.get("/users/me").await.ok(200)["role"], "owner");
    assert!(!file.exists(), "a spent token's file goes");
    let again = json!({"name": "eve", "password": PASSWORD, "invite": token});
    let said = house.call("POST", "/auth/register", again).await;
    assert_eq!((said.refused(), said.blames("invite")), ((422, "invalid"), true));
    let lin = house.newcomer(&ada, "lin").await;
    assert_eq!(lin.get("/users/me").await.ok(200)["role"], "member");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_race_for_the_owner_token_make_one_owner() {
    let house = House::open().await;
    let token = house.owner_token();
    let one = |name: &str| {
        let body = json!({"name": name, "password": PASSWORD, "invite": token});
        house.call("POST", "/auth/register", body)
    };
    let (a, b, c) = tokio::join!(one("ada"), one("eve"), one("bob"));
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_registrations_say_which_field() {
    let house = House::open().await;
    let ada = house.ada().await;
    let invite = ada.post("/invites", json!({"uses": 9})).await.ok(201)["code"].clone();
    let refused = async |body: &Value, field: &str| {
        let said = house.call("POST", "/auth/register", body.clone()).await;
        assert_eq!(said.refused(), (422, "invalid"), "{body}");
        assert!(said.blames(field), "{field}: {said:?}");
    };
    for (mut body, field) in [
        (json!({"name": "lin", "password": "short"}), "password"),
        (json!({"name": "lin", "password": "password1"}), "password"),
        (json!({"name": "lin", "password": "PassWord1"}), "password"),
        (json!({"name": "lin", "password": "x".repeat(129)}), "password"),
        (json!({"name": "two words", "password": PASSWORD}), "name"),
        (json!({"name": "", "password": PASSWORD}), "name"),
        (json!({"name": "n".repeat(51), "password": PASSWORD}), "name"),
        (
            json!({"name": "lin", "display_name": "d".repeat(81), "password": PASSWORD}),
            "display_name",
        ),
    ] {
        refused(&body, field).await;
        body["invite"] = invite.clone();
        refused(&body, field).await;
    }
    let forged = json!({"name": "lin", "password": PASSWORD, "invite": "nonsense"});
    refused(&forged, "invite").await;
    refused(&json!({"name": "lin", "password": PASSWORD}), "invite").await;
    let taken = json!({"name": "ADA", "password": PASSWORD, "invite": invite});
    let said = house.call("POST", "/auth/register", taken).await;
    assert_eq!(said.refused(), (409, "taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_answer_was_lost_is_answered_again() {
    let house = House::open().await;
    let ada = house.ada().await;
    let code = ada.post("/invites", json!({})).await.ok(201)["code"].clone();
    let register = |password: &str, key: &str| {
        Call::new("POST", "/auth/register")
            .header("idempotency-key", key)
            .body(json!({"name": "lin", "password": password, "invite": code}))
            .to(house.address)
    };
    let once = key();
    let first = Person::of(house.address, &register(PASSWORD, &once).await.ok(201));
    let again = Person::of(house.address, &register(PASSWORD, &once).await.ok(200));
    assert_eq!(first.user, again.user);
    assert_eq!(again.get("/users/me").await.ok(200)["name"], "lin");
    assert_eq!(register("not her password", &once).await.refused(), (422, "invalid"));
    assert_eq!(register(PASSWORD, &key()).await.refused(), (422, "invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_look_the_same_and_take_the_same_time() {
    let house = House::open().await;
    house.ada().await;
    let asked = [("default", "ada"), ("default", "nobody"), ("elsewhere", "ada")];
    let (mut bodies, mut best) = (Vec::new(), [Duration::MAX; 3]);
    // The hash is nearly all of it; a lookup alone takes a hundredth. Other work only ever adds
    // to a time, so the shortest of each come together when rounds go on, or never will.
    let alike = |best: &[Duration; 3]| best[1..].iter().all(|time| *time > best[0] / 3);
    for round in 1.. {
        for ((tenant, name), best) in asked.iter().zip(&mut best) {
            let began = Instant::now();
            let body = json!({"tenant": tenant, "login": name, "password": "not-the-password"});
            let said = house.call("POST", "/auth/login", body).await;
            *best = began.elapsed().min(*best);
            assert_eq!(said.refused(), (401, "wrong_credentials"));
            bodies.push(said.body);
        }
        if round >= 4 && alike(&best) {
            break;
        }
        assert!(round < 60, "{best:?}");
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let without = json!({"login": "nobody", "password": "not-the-password"});
    let said = house.call("POST", "/auth/login", without).await;
    assert_eq!((said.status, &said.body), (401, &bodies[0]), "without naming a tenant");
    // Names fold; the right password opens.
    house.login("ADA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_gone_and_its_words_stay() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    lin.says(room, "I was here").await;
    let closes =
        async |password: &str| lin.call("DELETE", "/users/me", json!({"password": password})).await;
    assert_eq!(closes("wrong-one").await.refused(), (401, "wrong_credentials"));
    closes(PASSWORD).await.ok(204);
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"));
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page["rows"].to_string().contains("I was here"));
    let person = ada.get(&format!("/users/{}", lin.user)).await.ok(200);
    assert_eq!(person["deleted"], true);
}
