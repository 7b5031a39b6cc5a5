//! Rates, origins and proxies.

use crate::house::{Call, House, key};
use crate::socket::Ear;
use hallway_server::config::Switch;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_not_guessed_quickly_and_others_come_in_meanwhile() {
    let house = House::with(|config| {
        config.limits = Switch::On;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    house.ada().await;
    let from = |address: &str| {
        Call::new("POST", "/auth/refresh")
            .header("x-forwarded-for", address)
            .body(json!({"refresh_token": "forged"}))
            .to(house.address)
    };
    let mut last = from("10.1.1.1").await;
    for _ in 0..200 {
        last = from("10.1.1.1").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.refused()), (429, "rate_limited"));
    assert!(last.body["after_ms"].as_i64().unwrap() > 0);
    assert_eq!(last.body["retry"], "later");
    assert!(last.headers["retry-after"].parse::<u64>().unwrap() >= 1);
    // What a stranger claims about an address further back is not believed.
    let claimed = from("10.9.9.9, 10.1.1.1").await;
    assert_eq!(claimed.refused(), "rate_limited");
    assert_eq!(from("10.1.1.2").await.refused(), "signed_out");
    // One name is protected from all addresses together.
    let guess = |n: usize| {
        Call::new("POST", "/auth/login")
            .header("x-forwarded-for", &format!("10.2.0.{n}"))
            .body(json!({"login": "ada", "password": "wrong one"}))
            .to(house.address)
    };
    let guesses = futures_util::future::join_all((0..40).map(guess)).await;
    assert!(guesses.iter().any(|guess| guess.status == 429));
    assert!(guesses.iter().any(|guess| guess.status == 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_we_do_not_trust_does_not_name_addresses() {
    let house = House::with(|config| config.limits = Switch::On).await;
    let mut statuses = Vec::new();
    for n in 0..60 {
        let call =
            Call::new("POST", "/auth/refresh").header("x-forwarded-for", &format!("10.0.0.{n}"));
        statuses.push(call.body(json!({"refresh_token": "x"})).to(house.address).await.status);
    }
    assert_eq!((statuses[0], statuses.contains(&429)), (401, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_come_in_bursts_and_then_at_their_rate() {
    let house = House::with(|config| config.limits = Switch::On).await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let (mut ear, welcome) = Ear::hello(&house, &ada).await;
    assert_eq!(welcome["limits"]["commands_per_second"], 50);
    let keys: Vec<_> = (0..140).map(|_| key()).collect();
    for (id, key) in keys.iter().enumerate() {
        let send = json!({"type": "send", "id": id, "room": room, "key": key, "text": "tea?"});
        ear.say(send).await;
    }
    let mut refused = Vec::new();
    let mut done = Vec::new();
    while refused.len() + done.len() < keys.len() {
        let frame = ear.next().await;
        match frame["type"].as_str() {
            Some("ok") => done.push(frame["id"].as_u64().unwrap()),
            Some("error") => {
                assert_eq!(
                    (&frame["code"], &frame["retry"]),
                    (&json!("rate_limited"), &json!("later"))
                );
                refused.push(frame["id"].as_u64().unwrap());
            }
            _ => {}
        }
    }
    assert!(!refused.is_empty());
    // None overtook the first that was refused: it has to come again first.
    let first = *refused.iter().min().unwrap();
    assert!(done.iter().all(|id| *id < first), "{first} {done:?}");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let again = |id: u64| {
        let key = &keys[usize::try_from(id).unwrap()];
        json!({"type": "send", "id": id, "room": room, "key": key, "text": "tea?"})
    };
    ear.say(again(first + 1)).await;
    assert_eq!(ear.hear("error").await["id"], first + 1);
    ear.say(again(first)).await;
    assert_eq!(ear.hear("ok").await["id"], first);
    ear.say(again(first + 1)).await;
    assert_eq!(ear.hear("ok").await["id"], first + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_calls_from_a_named_origin_alone() {
    let house = House::with(|config| config.origins = vec!["https://chat.example".into()]).await;
    let from =
        |origin: &str| Call::new("GET", "/server").header("origin", origin).to(house.address);
    let named = from("https://chat.example").await;
    assert_eq!(named.headers["access-control-allow-origin"], "https://chat.example");
    named.ok(200);
    let other = from("https://evil.example").await;
    assert_eq!((other.status, other.refused()), (403, "forbidden"));
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    let preflight = Call::new("OPTIONS", "/rooms")
        .header("origin", "https://chat.example")
        .header("access-control-request-method", "POST");
    let preflight = preflight.to(house.address).await;
    assert!(preflight.headers["access-control-allow-headers"].contains("idempotency-key"));
    assert_eq!(preflight.ok(204), Value::Null);
}
