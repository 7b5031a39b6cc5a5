//! A second factor: with it on, a password alone opens nothing; who loses the phone has a paper, who
//! loses both has an operator.

use hallway_outside::totp::code;
use hallway_tests::wire::{Answer, PASSWORD};
use hallway_tests::{Engine, Hand, House, Rest, Setup};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(a_password_alone_opens_nothing_any_more);

async fn a_password_alone_opens_nothing_any_more(engine: Engine) {
    let hand = Hand::of_dates();
    let house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let lin = house.person("lin").await;
    let login = async |code: Option<&str>| {
        let body = json!({"login": "lin", "password": PASSWORD, "code": code});
        Rest::at(&house.url()).post("/auth/login", body).await
    };
    let asks = |answer: &Answer| {
        assert_eq!(answer.refused(), (401, "wrong_credentials"));
        answer.body["fields"]["code"].is_string()
    };
    let offered = lin.post("/users/me/totp", Value::Null).await.good();
    let secret = offered["secret"].as_str().expect("a secret").to_owned();
    assert!(offered["uri"].as_str().expect("for an app").starts_with("otpauth://totp/"));
    login(None).await.good();
    let wrong = lin.put("/users/me/totp", json!({"code": "000000"})).await;
    assert_eq!(wrong.refused(), (422, "invalid"), "not on until a code was right");
    let shown = code(&secret, hand.now());
    let on = lin.put("/users/me/totp", json!({"code": shown})).await.good();
    let paper = on["recovery"].as_array().expect("codes").clone();
    assert_eq!(paper.len(), 10);
    assert!(asks(&login(None).await), "it asks for a code");
    assert!(asks(&login(Some(&shown)).await), "and a code is good once");
    hand.turn(Duration::from_secs(30));
    let next = code(&secret, hand.now());
    login(Some(&next)).await.good();
    // The phone is lost: a word from the paper opens, once.
    let word = paper[0].as_str().expect("text");
    login(Some(word)).await.good();
    assert!(asks(&login(Some(word)).await));
    // Who does not know the password learns nothing of a second factor.
    let body = json!({"login": "lin", "password": "not hers at all"});
    let said = Rest::at(&house.url()).post("/auth/login", body).await;
    assert!(said.refused() == (401, "wrong_credentials") && said.body["fields"]["code"].is_null());
    // Taking it off takes the password; so does nothing else but an operator.
    let off = lin.call("DELETE", "/users/me/totp", Some(json!({"password": "wrong one"}))).await;
    assert_eq!(off.refused().0, 401);
    let (well, _, error) = house.operates(&["user", "remove-second-factor", "lin"]).await;
    assert!(well, "{error}");
    login(None).await.good();
}
