//! Coming in: the first owner, passwords, sessions, refreshing, leaving.

use crate::house::{House, PASSWORD, Socket};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_owner_is_made_once() {
    let house = House::open();
    let file = house.data().join("first-owner");
    let token = std::fs::read_to_string(&file).expect("the token").trim().to_owned();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("mode").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let ada = house.ada().await;
    assert_eq!(ada.get("/users/me").await.ok(200)["role"], "owner");
    assert!(!file.exists(), "a spent token's file goes");
    let again = json!({"name": "eve", "password": PASSWORD, "invite": token});
    let said = house.call(None, Method::POST, "/auth/register", Some(again), &[]).await;
    assert_eq!((said.status, said.code()), (422, "invalid"));
    assert!(said.body["fields"]["invite"].is_string(), "{}", said.body);
    let lin = house.newcomer(&ada, "lin").await;
    assert_eq!(lin.get("/users/me").await.ok(200)["role"], "member");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_race_for_the_owner_token_make_one_owner() {
    let house = House::open();
    let token = std::fs::read_to_string(house.data().join("first-owner")).expect("the token");
    let one = |name: &'static str| {
        let body = json!({"name": name, "password": PASSWORD, "invite": token.trim()});
        house.call(None, Method::POST, "/auth/register", Some(body), &[])
    };
    let (a, b, c) = tokio::join!(one("ada"), one("eve"), one("bob"));
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_unknown_names_look_alike() {
    let house = House::open();
    house.ada().await;
    let enter = |login: &'static str| {
        let body = json!({"login": login, "password": "not-the-password"});
        house.call(None, Method::POST, "/auth/login", Some(body), &[])
    };
    let (known, unknown) = (enter("ada").await, enter("nobody").await);
    assert_eq!((known.status, known.code()), (401, "wrong_credentials"));
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    // Names fold; the right password opens.
    let body = json!({"login": "ADA", "password": PASSWORD});
    house.call(None, Method::POST, "/auth/login", Some(body), &[]).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_registrations_say_which_field() {
    let house = House::open();
    let ada = house.ada().await;
    let invite = ada.post("/invites", json!({"uses": 9})).await.ok(201)["code"].clone();
    let mut wrong = vec![
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
    ];
    for (body, _) in &mut wrong {
        body["invite"] = invite.clone();
    }
    wrong.push((json!({"name": "lin", "password": PASSWORD, "invite": "nonsense"}), "invite"));
    wrong.push((json!({"name": "lin", "password": PASSWORD}), "invite"));
    for (body, field) in wrong {
        let said = house.call(None, Method::POST, "/auth/register", Some(body.clone()), &[]).await;
        assert_eq!((said.status, said.code()), (422, "invalid"), "{body}");
        assert!(said.body["fields"][field].is_string(), "{field}: {}", said.body);
    }
    let taken = json!({"name": "ADA", "password": PASSWORD, "invite": invite});
    let said = house.call(None, Method::POST, "/auth/register", Some(taken), &[]).await;
    assert_eq!((said.status, said.code()), (409, "taken"));
}

async fn refresh(house: &House, token: &str) -> (u16, Value) {
    let body = json!({"refresh_token": token});
    let said = house.call(None, Method::POST, "/auth/refresh", Some(body), &[]).await;
    (said.status, said.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_refresh_signs_nobody_out() {
    let house = House::open();
    let ada = house.ada().await;
    let (_, first) = refresh(&house, &ada.refresh).await;
    let (status, again) = refresh(&house, &ada.refresh).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(first["session"]["refresh_token"], again["session"]["refresh_token"]);
    // The successor is used: from now on the old token is stolen goods.
    let successor = first["session"]["refresh_token"].as_str().expect("a token").to_owned();
    let (status, third) = refresh(&house, &successor).await;
    assert_eq!(status, 200, "{third}");
    let (status, refused) = refresh(&house, &ada.refresh).await;
    assert_eq!((status, refused["code"].as_str()), (401, Some("signed_out")));
    let newest = third["session"]["refresh_token"].as_str().expect("a token");
    assert_eq!(refresh(&house, newest).await.0, 401, "the whole session ends");
    assert_eq!(ada.get("/users/me").await.status, 401);
    assert_eq!(refresh(&house, "nonsense").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_seen_confirms_its_generation() {
    let house = House::open();
    let ada = house.ada().await;
    let (_, first) = refresh(&house, &ada.refresh).await;
    let token = first["session"]["access_token"].as_str().expect("a token");
    house.call(Some(token), Method::GET, "/users/me", None, &[]).await.ok(200);
    assert_eq!(refresh(&house, &ada.refresh).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_thrown_out_hears_it_within_a_second() {
    let house = House::open();
    let ada = house.ada().await;
    let other = house.login("ada").await;
    let (mut socket, _) = other.socket().await;
    let devices = ada.get("/auth/sessions").await.ok(200);
    let rows = devices["rows"].as_array().expect("session rows");
    assert_eq!(rows.len(), 2, "{devices}");
    assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1);
    let asked = Instant::now();
    ada.delete(&format!("/auth/sessions/{}", other.session)).await.ok(204);
    assert_eq!(socket.closed().await, Some(4003));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let said = other.get("/users/me").await;
    assert_eq!((said.status, said.code()), (401, "signed_out"));
    ada.get("/users/me").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_session() {
    let house = House::open();
    let (ada, other) = (house.ada().await, house.login("ada").await);
    let (mut socket, _) = other.socket().await;
    let wrong = ada.put("/users/me/password", json!({"old": "nope-nope", "new": "teapot-teapot"}));
    assert_eq!(wrong.await.code(), "wrong_credentials");
    let body = json!({"old": PASSWORD, "new": "teapot-teapot-9"});
    ada.put("/users/me/password", body).await.ok(204);
    assert!(matches!(socket.closed().await, Some(4001 | 4003)));
    assert_eq!(other.get("/users/me").await.status, 401);
    ada.get("/users/me").await.ok(200);
    let old = json!({"login": "ada", "password": PASSWORD});
    assert_eq!(house.call(None, Method::POST, "/auth/login", Some(old), &[]).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_alone() {
    let house = House::open();
    let (ada, other) = (house.ada().await, house.login("ada").await);
    let (mut socket, _) = ada.socket().await;
    ada.call(Method::POST, "/auth/logout", None).await.ok(204);
    assert!(matches!(socket.closed().await, Some(4001 | 4003)));
    assert_eq!(ada.get("/users/me").await.status, 401);
    assert_eq!(refresh(&house, &ada.refresh).await.0, 401);
    other.get("/users/me").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_gone_and_its_words_stay() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    lin.says(room, "I was here").await;
    let refused =
        lin.call(Method::DELETE, "/users/me", Some(json!({"password": "wrong-one"}))).await;
    assert_eq!(refused.code(), "wrong_credentials");
    lin.call(Method::DELETE, "/users/me", Some(json!({"password": PASSWORD}))).await.ok(204);
    assert_eq!(lin.get("/users/me").await.status, 401);
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page["rows"].to_string().contains("I was here"));
    let person = ada.get(&format!("/users/{}", lin.user)).await.ok(200);
    assert_eq!(person["deleted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_with_a_dead_token_is_told_so() {
    let house = House::open();
    house.ada().await;
    let mut socket = Socket::dial(&house).await;
    socket.say(json!({"type": "hello", "v": 1, "token": "forged", "own": 0, "rooms": []})).await;
    assert_eq!(socket.closed().await, Some(4001));
}
