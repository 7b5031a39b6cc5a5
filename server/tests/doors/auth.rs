//! Coming in, staying in, and being let out.

use crate::house::{Answer, Call, House, PASSWORD, Person, key};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn refreshed(answer: Answer) -> (String, String) {
    let session = &answer.ok(200)["session"];
    let text = |name: &str| session[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn refresh(house: &House, token: &str) -> Answer {
    house.call("POST", "/auth/refresh", json!({ "refresh_token": token })).await
}

async fn who(house: &House, token: &str) -> u16 {
    Call::new("GET", "/users/me").token(token).to(house.address).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_token_makes_one_owner_and_is_gone() {
    let house = House::open().await;
    let token = house.owner_token().unwrap();
    let ada = house.ada().await;
    assert_eq!(ada.get("/users/me").await.ok(200)["role"], "owner");
    assert_eq!(house.owner_token(), None);
    let body = json!({"name": "eve", "password": PASSWORD, "invite": token.trim()});
    let second = house.call("POST", "/auth/register", body).await;
    assert_eq!((second.refused(), second.body["fields"]["invite"].is_string()), ("invalid", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_spend_the_owner_token_at_once_are_one_owner() {
    let house = House::open().await;
    let token = house.owner_token().unwrap();
    let body = |name: &str| json!({"name": name, "password": PASSWORD, "invite": token.trim()});
    let (ada, eve) = tokio::join!(
        house.call("POST", "/auth/register", body("ada")),
        house.call("POST", "/auth/register", body("eve")),
    );
    let mut statuses = [ada.status, eve.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_opens_as_often_as_it_says_and_the_same_call_shows_the_same_code() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let invite =
        || Call::new("POST", "/invites").token(&ada.token).body(json!({"uses": 2, "room": room}));
    let once = key();
    let first = invite().header("idempotency-key", &once).to(house.address).await.ok(201);
    let again = invite().header("idempotency-key", &once).to(house.address).await.ok(200);
    assert_eq!((&first["code"], &first["id"]), (&again["code"], &again["id"]));
    let code = first["code"].as_str().unwrap();
    assert!(first["link"].as_str().unwrap().ends_with(code));
    let lin = house.register("lin", &code.to_lowercase()).await;
    assert_eq!(lin.get(&format!("/rooms/{room}")).await.ok(200)["name"], "kitchen");
    house.register("bob", &code.replace('-', "")).await;
    let body = json!({"name": "eve", "password": PASSWORD, "invite": code});
    assert_eq!(house.call("POST", "/auth/register", body).await.refused(), "invalid");
    assert_eq!(lin.post("/invites", json!({})).await.refused(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_answer_was_lost_is_answered_again() {
    let house = House::open().await;
    let ada = house.ada().await;
    let code = ada.post("/invites", json!({})).await.ok(201)["code"].clone();
    let once = key();
    let register = |password: &str, key: &str| {
        Call::new("POST", "/auth/register")
            .header("idempotency-key", key)
            .body(json!({"name": "lin", "password": password, "invite": code}))
            .to(house.address)
    };
    let first = Person::of(house.address, &register(PASSWORD, &once).await.ok(201));
    let again = Person::of(house.address, &register(PASSWORD, &once).await.ok(200));
    assert_eq!(first.id, again.id);
    assert_eq!(again.get("/users/me").await.ok(200)["name"], "lin");
    assert_eq!(register("not her password", &once).await.refused(), "invalid");
    assert_eq!(register(PASSWORD, &key()).await.refused(), "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_look_the_same_and_take_the_same_time() {
    let house = House::open().await;
    house.ada().await;
    let login = |body: Value| house.call("POST", "/auth/login", body);
    let mut bodies = Vec::new();
    let mut times = Vec::new();
    for (tenant, name) in [("default", "ada"), ("default", "nobody"), ("elsewhere", "ada")] {
        let mut best = Duration::MAX;
        for _ in 0..4 {
            let began = Instant::now();
            let answer =
                login(json!({"tenant": tenant, "login": name, "password": "wrong one"})).await;
            best = best.min(began.elapsed());
            assert_eq!((answer.status, answer.refused()), (401, "wrong_credentials"));
            bodies.push(answer.body);
        }
        times.push(best);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // The hash is nearly all of it; a lookup alone takes a hundredth.
    assert!(times[1] > times[0] / 3 && times[2] > times[0] / 3, "{times:?}");
    house.login("ADA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_successor_of_a_refresh_token_is_given_until_it_is_used() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (_, lost) = refreshed(refresh(&house, &ada.refresh).await);
    let (access, next) = refreshed(refresh(&house, &ada.refresh).await);
    assert_eq!(lost, next, "the answer that was lost is given again");
    assert_eq!(who(&house, &ada.token).await, 200);
    // Its access token is seen: from now on the old one is a stolen one.
    assert_eq!(who(&house, &access).await, 200);
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), "signed_out");
    assert_eq!(who(&house, &access).await, 401);
    assert_eq!(refresh(&house, &next).await.refused(), "signed_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn using_the_successor_to_refresh_spends_the_one_before() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (_, second) = refreshed(refresh(&house, &ada.refresh).await);
    let (_, third) = refreshed(refresh(&house, &second).await);
    let (access, _) = refreshed(refresh(&house, &third).await);
    assert_eq!(who(&house, &access).await, 200);
    assert_eq!(refresh(&house, &ada.refresh).await.refused(), "signed_out");
    assert_eq!(who(&house, &access).await, 401);
    for forged in ["", "x", "a.0.b", &ada.refresh.replace('.', "")] {
        assert_eq!(refresh(&house, forged).await.refused(), "signed_out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_and_the_session_goes_on() {
    let house = House::open().await;
    let ada = house.ada().await;
    house.clock.turn(Duration::from_secs(601));
    assert_eq!(ada.get("/users/me").await.refused(), "signed_out");
    let (access, _) = refreshed(refresh(&house, &ada.refresh).await);
    assert_eq!(who(&house, &access).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_and_thrown_out() {
    let house = House::open().await;
    let ada = house.ada().await;
    let laptop = house.login("ada").await;
    let rows = ada.get("/auth/sessions").await.ok(200);
    let rows = rows["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row["id"] == *ada.session && row["current"] == true));
    assert!(rows.iter().any(|row| row["device"] == "laptop"));
    ada.call("DELETE", &format!("/auth/sessions/{}", laptop.session), Value::Null).await.ok(204);
    assert_eq!(laptop.get("/users/me").await.status, 401);
    assert_eq!(refresh(&house, &laptop.refresh).await.refused(), "signed_out");
    let gone = format!("/auth/sessions/{}", laptop.session);
    assert_eq!(ada.call("DELETE", &gone, Value::Null).await.refused(), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_the_only_one_and_a_closed_account_is_closed() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let change = |old: &str, new: &str| {
        lin.call("PUT", "/users/me/password", json!({"old": old, "new": new}))
    };
    let wrong =
        lin.call("PUT", "/users/me/password", json!({"old": "wrong one", "new": "new tea pot"}));
    assert_eq!(wrong.await.refused(), "wrong_credentials");
    let common = change(PASSWORD, "password1").await;
    assert_eq!((common.refused(), common.body["fields"]["new"].is_string()), ("invalid", true));
    change(PASSWORD, "another tea pot").await.ok(204);
    let body = json!({"login": "lin", "password": PASSWORD});
    assert_eq!(house.call("POST", "/auth/login", body).await.refused(), "wrong_credentials");
    let body = json!({ "password": "another tea pot" });
    lin.call("DELETE", "/users/me", body).await.ok(204);
    assert_eq!(lin.get("/users/me").await.status, 401);
    assert_eq!(ada.get(&format!("/users/{}", lin.id)).await.ok(200)["deleted"], true);
}
