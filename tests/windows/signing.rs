//! Signing in where a password is not enough.

use crate::app::{App, Seat, enter};
use hallway_outside::totp::code;
use hallway_tests::wire::PASSWORD;
use hallway_tests::{Engine, Hand, House, Setup};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_second_factor_asks_for_its_code() {
    let hand = Hand::of_dates();
    let house = House::alone(Setup::new(Engine::Sqlite).unlimited().clock(&hand)).await;
    let lin = house.person("lin").await;
    let offered = lin.post("/users/me/totp", Value::Null).await.good();
    let secret = offered["secret"].as_str().expect("a secret").to_owned();
    let first = code(&secret, hand.now());
    lin.put("/users/me/totp", json!({ "code": first })).await.good();

    let app = App::start(Seat::new("lin")).await;
    app.fill("sign-in [name=url]", &house.url()).await;
    app.fill("sign-in [name=login]", "lin").await;
    app.fill("sign-in [name=password]", "not hers at all").await;
    app.keys(&enter()).await;
    let said = "return document.querySelector('sign-in .wrong').textContent";
    let is = |words: &'static str| move |said: &Value| said.as_str() == Some(words);
    app.until("refused", said, is("The name or the password is wrong.")).await;
    let asks = "return !document.querySelector('sign-in .factor').hidden";
    assert_eq!(app.run(asks, vec![]).await, false, "who does not know the password learns nothing");
    app.fill("sign-in [name=password]", PASSWORD).await;
    app.keys(&enter()).await;
    app.until("a code is asked for", asks, |asks| *asks == true).await;
    app.fill("sign-in [name=code]", &first).await;
    app.keys(&enter()).await;
    let used = "That code is not good, or was used already. Wait for the next one.";
    app.until("a code is good once", said, is(used)).await;
    hand.turn(Duration::from_secs(30));
    let next = code(&secret, hand.now());
    // As the app on the phone shows it.
    app.fill("sign-in [name=code]", &format!("{} {}", &next[..3], &next[3..])).await;
    app.keys(&enter()).await;
    app.shown("hall-frame").await;
    app.close().await;
}
