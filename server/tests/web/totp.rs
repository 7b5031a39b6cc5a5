//! The second factor, as its owner and a thief meet it, at every door that gives sessions.

use crate::house::{Answer, Call, House, PASSWORD, Person, Socket, key, list};
use hallway_outside::Post;
use serde_json::{Value, json};
use std::time::Duration;

/// A secret on somebody's phone.
pub struct Phone<'h> {
    house: &'h House,
    secret: String,
}

impl Phone<'_> {
    fn code(&self) -> String {
        hallway_outside::totp::code(&self.secret, self.house.clock.now())
    }

    /// The next code, when its time has come.
    pub fn next(&self) -> String {
        self.house.clock.turn(Duration::from_secs(30));
        self.code()
    }
}

pub async fn turns_on<'h>(house: &'h House, person: &Person) -> (Phone<'h>, Vec<String>) {
    let made = person.post("/users/me/totp", Value::Null).await.ok(201);
    let phone = Phone { house, secret: made["secret"].as_str().expect("text").to_owned() };
    let on = person.put("/users/me/totp", json!({"code": phone.code()})).await.ok(200);
    let recovery = list(&on["recovery"]).iter().map(|code| code.as_str().expect("text").into());
    (phone, recovery.collect())
}

async fn login(house: &House, name: &str, code: Option<&str>) -> Answer {
    let body = json!({"login": name, "password": PASSWORD, "code": code});
    house.call("POST", "/auth/login", body).await
}

fn needs_code(answer: &Answer) -> bool {
    answer.refused() == (401, "wrong_credentials") && answer.blames("code")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_it_on_a_password_alone_opens_nothing() {
    let house = House::open().await;
    let ada = house.ada().await;
    assert_eq!(ada.get("/users/me").await.ok(200).get("second_factor"), None);
    let made = ada.post("/users/me/totp", Value::Null).await.ok(201);
    let secret = made["secret"].as_str().expect("text");
    assert_eq!(
        made["uri"],
        format!(
            "otpauth://totp/Hallway:ada?secret={secret}&issuer=Hallway&algorithm=SHA1&digits=6&period=30"
        )
    );
    login(&house, "ada", None).await.ok(200);
    for wrong in ["", "000000x", "12345", "⁶⁶⁶⁶⁶⁶"] {
        let said = ada.put("/users/me/totp", json!({"code": wrong})).await;
        assert!(said.refused() == (422, "invalid") && said.blames("code"), "{said:?}");
    }
    house.clock.turn(Duration::from_secs(3_601));
    let ada = house.login("ada").await;
    let (mut socket, _) = ada.socket().await;
    let (phone, recovery) = turns_on(&house, &ada).await;
    assert_eq!(recovery.len(), 10);
    let own = socket.hears("own").await;
    assert_eq!(own["rows"][0]["second_factor"], true);
    assert_eq!(ada.get("/users/me").await.ok(200)["second_factor"], true);
    let said = ada.post("/users/me/totp", Value::Null).await;
    assert_eq!(said.refused(), (409, "conflict"));
    // Without, with a wrong, and with a used one: the same code and the same field.
    let used = phone.code();
    for code in [None, Some("000000x"), Some(used.as_str())] {
        let said = login(&house, "ada", code).await;
        assert!(needs_code(&said), "{code:?}: {said:?}");
        assert!(said.body.get("session").is_none());
    }
    let next = phone.next();
    let typed = format!(" {} {}", &next[..3], &next[3..]);
    login(&house, "ada", Some(&typed)).await.ok(200);
    assert!(needs_code(&login(&house, "ada", Some(&next)).await), "a code is good once");
    // Nobody else's row tells of it, and who does not know the password learns nothing.
    let lin = house.newcomer(&ada, "lin").await;
    let seen = lin.get(&format!("/users/{}", ada.user)).await.ok(200);
    assert_eq!(seen.get("second_factor"), None);
    for name in ["ada", "lin", "nobody"] {
        let body = json!({"login": name, "password": "another kettle", "code": "123456"});
        let said = house.call("POST", "/auth/login", body).await;
        assert!(said.refused() == (401, "wrong_credentials") && !said.blames("code"), "{said:?}");
    }
    login(&house, "lin", Some("123456")).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_shows_the_same_secret_and_the_same_paper() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (once, other) = (key(), key());
    let call = async |method: &str, once: &str, body: Value| {
        let call = ada.begins(method, "/users/me/totp").header("idempotency-key", once);
        call.body(body).to(house.address).await
    };
    let made = call("POST", &once, Value::Null).await.ok(201);
    assert_eq!(call("POST", &once, Value::Null).await.ok(200), made);
    let secret = made["secret"].as_str().expect("text");
    let body = json!({"code": hallway_outside::totp::code(secret, house.clock.now())});
    assert_eq!(call("PUT", &once, body.clone()).await.refused(), (409, "conflict"));
    let on = call("PUT", &other, body.clone()).await.ok(200);
    assert_eq!(call("PUT", &other, json!({"code": "0"})).await.ok(200), on);
    assert_eq!(call("POST", &once, Value::Null).await.ok(200), made);
    let (off, body) = (key(), json!({"password": PASSWORD}));
    call("DELETE", &off, body.clone()).await.ok(204);
    call("DELETE", &off, json!({"password": "wrong wrong"})).await.ok(200);
    call("DELETE", &key(), body).await.ok(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_opens_once_and_new_paper_replaces_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (phone, recovery) = turns_on(&house, &ada).await;
    let typed = recovery[0].to_lowercase().replace('-', " ");
    login(&house, "ada", Some(&typed)).await.ok(200);
    assert!(needs_code(&login(&house, "ada", Some(&recovery[0])).await));
    let body = json!({"code": recovery[1]});
    assert!(ada.put("/users/me/totp", body).await.blames("code"), "new paper takes the phone");
    let renewed = ada.put("/users/me/totp", json!({"code": phone.next()})).await.ok(200);
    assert!(needs_code(&login(&house, "ada", Some(&recovery[1])).await));
    login(&house, "ada", renewed["recovery"][9].as_str()).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_stops_without_a_word_and_paper_still_opens() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (phone, recovery) = turns_on(&house, &ada).await;
    let wrong = login(&house, "ada", Some("000000x")).await;
    for _ in 0..4 {
        login(&house, "ada", Some("000000x")).await;
    }
    let locked = login(&house, "ada", Some(&phone.next())).await;
    assert_eq!(locked.body, wrong.body, "the answer is that of a wrong one");
    login(&house, "ada", Some(&recovery[0])).await.ok(200);
    login(&house, "ada", Some(&phone.next())).await.ok(200);
    let audit = ada.get("/admin/audit?act=second_factor_failed").await.ok(200);
    let lines = list(&audit["items"]);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["target"], format!("user:{}", ada.user));
    assert_eq!(lines[0]["address"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_door_leads_past_it() {
    let post = Post::open().await;
    let mail = post.url();
    let house = House::with(|config| {
        config.mail = mail;
        config.registration = hallway_protocol::rest::Registration::Open;
    })
    .await;
    // A registration that comes again gives a session to who knows the password: not any more.
    let (once, email) = (key(), "lin@example.org");
    let register = || {
        let body = json!({"name": "lin", "password": PASSWORD, "email": email});
        Call::new("POST", "/auth/register").header("idempotency-key", &once).body(body)
    };
    register().to(house.address).await.ok(201);
    let verify = json!({"token": post.next().await.secret()});
    house.call("POST", "/auth/verify-email", verify).await.ok(204);
    let again = register().to(house.address).await.ok(200);
    let lin = Person::of(house.address, &again);
    let (phone, recovery) = turns_on(&house, &lin).await;
    let notice = post.next().await;
    assert_eq!(notice.header("subject"), "A second factor protects your account at Hallway now");
    assert_eq!(register().to(house.address).await.refused(), (409, "taken"));
    // A new password by mail signs nobody in either.
    house.call("POST", "/auth/forgot-password", json!({"email": email})).await.ok(202);
    let body = json!({"token": post.next().await.secret(), "password": PASSWORD});
    assert_eq!(house.call("POST", "/auth/reset-password", body).await.ok(204), Value::Null);
    assert!(post.next().await.header("subject").contains("was changed"));
    assert!(needs_code(&login(&house, "lin", None).await));
    // The sessions it had are over, and none of their tokens gives another.
    let body = json!({"refresh_token": lin.refresh});
    assert_eq!(house.call("POST", "/auth/refresh", body).await.refused(), (401, "signed_out"));
    let signed = login(&house, "lin", Some(&recovery[0])).await.ok(200);
    let notice = post.next().await;
    assert_eq!(notice.header("subject"), "A recovery code of your account at Hallway was used");
    let lin = Person::of(house.address, &signed);
    let said = lin.call("DELETE", "/users/me/totp", json!({"password": "wrong wrong"})).await;
    assert_eq!(said.refused(), (401, "wrong_credentials"));
    let said = lin.call("DELETE", "/users/me/totp", json!({"code": phone.next()})).await;
    assert!(said.blames("password"), "{said:?}");
    lin.call("DELETE", "/users/me/totp", json!({"password": PASSWORD})).await.ok(204);
    let notice = post.next().await;
    assert_eq!(notice.header("subject"), "Your account at Hallway has no second factor any more");
    login(&house, "lin", None).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_has_none() {
    let house = House::with(|config| {
        config.guests = hallway_protocol::rest::Guests::Code;
    })
    .await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let code = ada.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    let body = json!({"code": code["code"], "display_name": "Eve"});
    let eve = Person::of(house.address, &house.call("POST", "/auth/guest", body).await.ok(200));
    let said = eve.post("/users/me/totp", Value::Null).await;
    assert_eq!(said.refused(), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_asked_for_nothing_goes_before_it_is_set_up() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let robot = json!({"name": "kettle", "display_name": "Kettle"});
    let robot = ada.post("/bots", robot).await.ok(201);
    let robot = Person { token: robot["key"].as_str().expect("a key").into(), ..lin.clone() };
    let (hers, _) = turns_on(&house, &ada).await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut his, _) = lin.socket().await;
    let tenant = ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"].clone();
    let path = format!("/admin/tenants/{tenant}");
    let asks = async |on: bool| {
        let config = json!({"config": {"second_factor": on}});
        assert_eq!(ada.patch(&path, config).await.ok(200)["config"]["second_factor"], on);
    };
    asks(true).await;
    // Who is connected is let go, and comes back only with one.
    assert_eq!(his.closed().await, Some(1012));
    let messages = format!("/rooms/{room}/messages");
    for (method, path, body) in [
        ("GET", messages.as_str(), Value::Null),
        ("POST", messages.as_str(), json!({"key": key(), "text": "tea?"})),
        ("GET", "/rooms", Value::Null),
        ("PATCH", "/users/me", json!({"status": "here"})),
        ("GET", "/auth/sessions", Value::Null),
        ("POST", "/sync", json!({"own": 0, "rooms": []})),
    ] {
        let said = lin.begins(method, path).body(body).to(house.address).await;
        assert_eq!(said.refused(), (403, "forbidden"), "{method} {path}");
        assert!(said.body["message"].as_str().is_some_and(|text| text.contains("second factor")));
    }
    let mut refused = Socket::dial(house.address).await;
    let hello = json!({"type": "hello", "v": 1, "token": lin.token, "own": 0, "rooms": []});
    refused.say(hello).await;
    let (code, words) = refused.last_words().await;
    assert_eq!((code, &words[0]["code"]), (Some(4001), &json!("forbidden")));
    ada.get("/rooms").await.ok(200);
    robot.get("/rooms").await.ok(200);
    // A sign-in says what is missing, and lets that be done.
    let again = login(&house, "lin", None).await.ok(200);
    assert_eq!(again["second_factor_needed"], true);
    let lin = Person::of(house.address, &again);
    lin.get("/users/me").await.ok(200);
    let (his_phone, _) = turns_on(&house, &lin).await;
    lin.get(&messages).await.ok(200);
    let (mut socket, _) = lin.socket().await;
    let signed = login(&house, "lin", Some(&his_phone.next())).await.ok(200);
    assert_eq!(signed["second_factor_needed"], false);
    // Without it again it is as before, on what is connected too.
    let off = json!({"password": PASSWORD, "code": his_phone.next()});
    let lin = Person::of(house.address, &signed);
    let delete = lin.begins("DELETE", "/users/me/totp").body(off);
    delete.to(house.address).await.fine();
    assert_eq!(socket.closed().await, Some(1012));
    assert_eq!(lin.get("/rooms").await.refused(), (403, "forbidden"));
    let ada = {
        let body = login(&house, "ada", Some(&hers.next())).await.ok(200);
        Person::of(house.address, &body)
    };
    let config = json!({"config": {"second_factor": null}});
    assert_eq!(ada.patch(&path, config).await.ok(200)["config"]["second_factor"], false);
    lin.get("/rooms").await.ok(200);
}
