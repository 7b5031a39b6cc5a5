//! Staying in, and being let out: refreshing, the devices of a person, signing out, passwords.

use crate::house::{Answer, Call, House, PASSWORD, list};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn refresh(house: &House, token: &str) -> Answer {
    house.call("POST", "/auth/refresh", json!({"refresh_token": token})).await
}

/// The access and the refresh token that came.
#[track_caller]
fn tokens(said: Answer) -> (String, String) {
    let session = &said.ok(200)["session"];
    let text = |name: &str| session[name].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

/// What a token is told.
async fn shown(house: &House, token: &str) -> u16 {
    Call::new("GET", "/users/me").token(token).to(house.address).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_refresh_signs_nobody_out() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (_, lost) = tokens(refresh(&house, &ada.refresh).await);
    let (_, again) = tokens(refresh(&house, &ada.refresh).await);
    assert_eq!(lost, again, "the answer that was lost is given again");
    assert_eq!(shown(&house, &ada.token).await, 200);
    // The successor is used: from now on the old token is stolen goods.
    let (_, newest) = tokens(refresh(&house, &again).await);
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), (401, "signed_out"));
    let newest = refresh(&house, &newest).await;
    assert_eq!(newest.refused(), (401, "signed_out"), "the whole session ends");
    assert_eq!(ada.get("/users/me").await.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_seen_confirms_its_generation() {
    let house = House::open().await;
    let ada = house.ada().await;
    tokens(refresh(&house, &ada.refresh).await);
    let (access, next) = tokens(refresh(&house, &ada.refresh).await);
    assert_eq!(shown(&house, &access).await, 200);
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), (401, "signed_out"));
    assert_eq!(shown(&house, &access).await, 401);
    assert_eq!(refresh(&house, &next).await.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_successor_spends_all_before_it_and_none_is_forged() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (_, second) = tokens(refresh(&house, &ada.refresh).await);
    let (_, third) = tokens(refresh(&house, &second).await);
    let (access, _) = tokens(refresh(&house, &third).await);
    assert_eq!(shown(&house, &access).await, 200);
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), (401, "signed_out"));
    assert_eq!(shown(&house, &access).await, 401);
    for forged in ["", "x", "nonsense", "a.0.b", &ada.refresh.replace('.', "")] {
        assert_eq!(refresh(&house, forged).await.refused(), (401, "signed_out"), "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_and_the_session_goes_on() {
    let house = House::open().await;
    let ada = house.ada().await;
    house.clock.turn(Duration::from_secs(601));
    assert_eq!(ada.get("/users/me").await.refused(), (401, "signed_out"));
    let (access, _) = tokens(refresh(&house, &ada.refresh).await);
    assert_eq!(shown(&house, &access).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_thrown_out_hears_it_within_a_second() {
    let house = House::open().await;
    let ada = house.ada().await;
    let laptop = house.login("ada").await;
    let (mut socket, _) = laptop.socket().await;
    let devices = ada.get("/auth/sessions").await.ok(200);
    let rows = list(&devices["rows"]);
    assert_eq!(rows.len(), 2, "{devices}");
    let current: Vec<_> = rows.iter().filter(|row| row["current"] == true).collect();
    assert_eq!((current.len(), &current[0]["id"]), (1, &json!(ada.session)), "{devices}");
    assert!(rows.iter().any(|row| row["device"] == "laptop"), "{devices}");
    let asked = Instant::now();
    let device = format!("/auth/sessions/{}", laptop.session);
    ada.delete(&device).await.ok(204);
    assert_eq!(socket.closed().await, Some(4003));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(laptop.get("/users/me").await.refused(), (401, "signed_out"));
    assert_eq!(refresh(&house, &laptop.refresh).await.refused(), (401, "signed_out"));
    ada.get("/users/me").await.ok(200);
    assert_eq!(ada.delete(&device).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_the_only_one_and_ends_every_other_session() {
    let house = House::open().await;
    let (ada, other) = (house.ada().await, house.login("ada").await);
    let (mut socket, _) = other.socket().await;
    let change = async |old: &str, new: &str| {
        ada.put("/users/me/password", json!({"old": old, "new": new})).await
    };
    let wrong = change("nope-nope", "teapot-teapot").await;
    assert_eq!(wrong.refused(), (401, "wrong_credentials"));
    let common = change(PASSWORD, "password1").await;
    assert_eq!((common.refused(), common.blames("new")), ((422, "invalid"), true));
    change(PASSWORD, "teapot-teapot-9").await.ok(204);
    assert_eq!(socket.closed().await, Some(4003));
    assert_eq!(other.get("/users/me").await.refused(), (401, "signed_out"));
    ada.get("/users/me").await.ok(200);
    let login = async |password: &str| {
        house.call("POST", "/auth/login", json!({"login": "ada", "password": password})).await
    };
    assert_eq!(login(PASSWORD).await.refused(), (401, "wrong_credentials"));
    login("teapot-teapot-9").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_alone() {
    let house = House::open().await;
    let (ada, other) = (house.ada().await, house.login("ada").await);
    let (mut socket, _) = ada.socket().await;
    ada.post("/auth/logout", Value::Null).await.ok(204);
    assert_eq!(socket.closed().await, Some(4001));
    assert_eq!(ada.get("/users/me").await.refused(), (401, "signed_out"));
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), (401, "signed_out"));
    other.get("/users/me").await.ok(200);
}
