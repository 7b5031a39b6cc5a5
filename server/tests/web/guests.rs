//! Guests, as they meet the server: a name and a code, one room, and nothing else.

use crate::house::{Answer, Call, House, PASSWORD, Person, int, key, list};
use hallway_protocol::rest::{Guests, Registration};
use serde_json::{Value, json};
use std::time::Duration;

/// What a guest is told, who is in the room of these calls; signs as in `access.rs`.
#[rustfmt::skip]
const RIGHTS: &[(&str, &str, u16)] = &[
    ("GET /users/me",                            "",                             200),
    ("PATCH /users/me",                          r#"{"display_name":"Eve 2"}"#,  200),
    ("PATCH /users/me",                          r#"{"name":"eve"}"#,            403),
    ("PATCH /users/me",                          r#"{"email":"e@example.org"}"#, 403),
    ("GET /users",                               "",                             403),
    ("GET /users/{stranger}",                    "",                             404),
    ("GET /users/{ada}",                         "",                             200),
    ("POST /invites",                            "{}",                           403),
    ("POST /rooms",                              r#"{"kind":"group","name":"a"}"#, 403),
    ("POST /rooms/direct",                       r#"{"users":[{ada}]}"#,         403),
    ("GET /rooms/directory",                     "",                             403),
    ("POST /rooms/join",                         r#"{"code":"{other}"}"#,        404),
    ("GET /rooms/{hall}",                        "",                             404),
    ("POST /rooms/{hall}/join",                  "",                             404),
    ("GET /rooms/{hall}/messages",               "",                             404),
    ("GET /rooms/{room}",                        "",                             200),
    ("GET /rooms/{room}/messages",               "",                             200),
    ("GET /rooms/{room}/members",                "",                             200),
    ("GET /rooms/{room}/guests",                 "",                             200),
    ("PUT /rooms/{room}/guests",                 r#"{"guests":"open"}"#,         403),
    ("POST /rooms/{room}/messages",              r#"{"key":"{key}","text":"x"}"#, 201),
    ("PUT /rooms/{room}/messages/{seq}/reactions/👍", "",                        204),
    ("PUT /rooms/{room}/messages/{seq}/pin",     "",                             403),
    ("DELETE /rooms/{room}/messages/{seq}",      "",                             403),
    ("PATCH /rooms/{room}",                      r#"{"topic":"t"}"#,             403),
    ("POST /rooms/{room}/code",                  "",                             403),
    ("PUT /rooms/{room}/members/{stranger}",     "{}",                           403),
    ("DELETE /rooms/{room}/members/{ada}",       "",                             403),
    ("DELETE /rooms/{room}",                     "",                             403),
    ("PUT /users/me/password",                   r#"{"old":"","new":"a pot of tea"}"#, 401),
];

async fn house(guests: Guests) -> House {
    House::with(|config| {
        config.guests = guests;
        config.registration = Registration::Open;
    })
    .await
}

async fn code(ada: &Person, room: i64) -> String {
    let made = ada.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    made["code"].as_str().expect("a code").to_owned()
}

async fn comes(house: &House, body: Value) -> Answer {
    house.call("POST", "/auth/guest", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_code_are_enough() {
    let house = house(Guests::Code).await;
    assert_eq!(house.call("GET", "/server", Value::Null).await.ok(200)["guests"], true);
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    ada.says(room, "before anyone came").await;
    let code = code(&ada, room).await;
    let (mut hears, _) = ada.socket().await;
    let typed = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
    let said = comes(&house, json!({"code": typed, "display_name": "Eve"})).await.ok(200);
    assert_eq!((&said["room"]["t"], &said["room"]["room"]), (&json!("room"), &json!(room)));
    assert_eq!(
        (&said["user"]["guest"], &said["user"]["display_name"]),
        (&json!(true), &json!("Eve"))
    );
    let eve = Person::of(house.address, &said);
    let event = hears.hears("event").await;
    assert!(event["rows"].to_string().contains("\"joined\""), "{event}");
    let page = eve.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page["rows"].to_string().contains("before anyone came"), "{page}");
    let (mut socket, welcome) = eve.socket().await;
    assert_eq!(welcome["rooms"].as_array().map(Vec::len), Some(1), "{welcome}");
    ada.says(room, "welcome").await;
    socket.until(|frame| frame["rows"].to_string().contains("\"welcome\"")).await;
    eve.says(room, "thanks").await;
    let found = ada.get("/users?query=eve").await.ok(200);
    assert_eq!(found["rows"][0]["guest"], true, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_what_the_table_says() {
    let house = house(Guests::Open).await;
    let ada = house.ada().await;
    let stranger = house.register("lin", None).await;
    let room = ada.group("kitchen", &[]).await;
    let seq = ada.says(room, "tea?").await["seq"].clone();
    let hall = ada.post("/rooms", json!({"kind": "channel", "name": "hall"})).await.ok(201);
    let other = ada.group("other", &[]).await;
    let (opens, further) = (code(&ada, room).await, code(&ada, other).await);
    let said = comes(&house, json!({"code": opens, "display_name": "Eve"})).await.ok(200);
    let eve = Person::of(house.address, &said);
    let filled = |text: &str| {
        text.replace("{room}", &room.to_string())
            .replace("{hall}", &hall["room"].to_string())
            .replace("{seq}", &seq.to_string())
            .replace("{ada}", &ada.user.to_string())
            .replace("{stranger}", &stranger.user.to_string())
            .replace("{other}", &further)
            .replace("{key}", &key())
    };
    for (route, body, status) in RIGHTS {
        let (method, path) = route.split_once(' ').expect("method and path");
        let call = eve.begins(method, &filled(path));
        let call = if body.is_empty() { call } else { call.raw("application/json", filled(body)) };
        let said = call.to(house.address).await;
        assert_eq!(said.status, *status, "{route} {body}: {said:?}");
    }
    // At once whom she sees one by one; nobody is looked for.
    let ids = format!("/users?ids={},{},{}", stranger.user, ada.user, eve.user);
    let seen = eve.get(&ids).await.ok(200);
    let mut seen: Vec<i64> = list(&seen["rows"]).iter().map(|row| int(&row["user"])).collect();
    seen.sort_unstable();
    let mut both = [ada.user, eve.user];
    both.sort_unstable();
    assert_eq!(seen, both);
    let (mut socket, _) = eve.socket().await;
    let call = json!({"type": "call", "method": "POST", "path": "/rooms",
        "body": {"kind": "group", "name": "mine"}});
    assert_eq!(socket.told(call).await["status"], 403, "by the socket neither");
    // Nobody brings her elsewhere.
    for (path, body) in [
        ("/rooms".to_owned(), json!({"kind": "group", "name": "a", "members": [eve.user]})),
        ("/rooms/direct".to_owned(), json!({"users": [eve.user]})),
    ] {
        assert_eq!(ada.post(&path, body).await.refused(), (422, "invalid"), "{path}");
    }
    let member = format!("/rooms/{other}/members/{}", eve.user);
    assert_eq!(ada.put(&member, json!({})).await.refused(), (422, "invalid"));
    let member = format!("/rooms/{room}/members/{}", eve.user);
    assert_eq!(ada.put(&member, json!({"role": "admin"})).await.refused(), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_come_is_said_by_server_tenant_and_room() {
    let house = house(Guests::Off).await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let hall = ada.post("/rooms", json!({"kind": "channel", "name": "hall"})).await.ok(201);
    let hall = &hall["room"];
    let opens = code(&ada, room).await;
    let by_code = json!({"code": opens, "display_name": "Eve"});
    let by_room = json!({"room": hall, "display_name": "Eve"});
    assert_eq!(house.call("GET", "/server", Value::Null).await.ok(200)["guests"], false);
    assert_eq!(comes(&house, by_code.clone()).await.refused(), (403, "forbidden"));
    let tenants = ada.get("/admin/tenants").await.ok(200);
    let tenant = format!("/admin/tenants/{}", tenants["items"][0]["tenant"]);
    let config = |guests: &str| json!({"config": {"guests": guests}});
    ada.patch(&tenant, config("code")).await.ok(200);
    comes(&house, by_code.clone()).await.ok(200);
    assert_eq!(comes(&house, by_room.clone()).await.refused(), (404, "not_found"));
    ada.patch(&tenant, config("open")).await.ok(200);
    comes(&house, by_room.clone()).await.ok(200);
    let setting = format!("/rooms/{hall}/guests");
    let said = ada.put(&setting, json!({"guests": "off"})).await.ok(200);
    assert_eq!(said, json!({"guests": "off", "set": "off"}));
    assert_eq!(comes(&house, by_room.clone()).await.refused(), (404, "not_found"));
    let said = ada.put(&setting, json!({"guests": null})).await.ok(200);
    assert_eq!(said, json!({"guests": "open", "set": null}));
    comes(&house, by_room).await.ok(200);
    for (body, field) in [
        (json!({"display_name": "Eve"}), "code"),
        (json!({"display_name": "Eve", "code": opens, "room": hall}), "code"),
        (json!({"code": opens}), "display_name"),
        (json!({"code": opens, "display_name": ""}), "display_name"),
        (json!({"code": opens, "display_name": "x".repeat(81)}), "display_name"),
    ] {
        let said = comes(&house, body).await;
        assert!(said.refused() == (422, "invalid") && said.blames(field), "{field}: {said:?}");
    }
    for wrong in ["ABCDEFGH", "", "🫖"] {
        let said = comes(&house, json!({"code": wrong, "display_name": "Eve"})).await;
        assert_eq!(said.refused(), (404, "not_found"));
    }
    ada.delete(&format!("/rooms/{room}/code")).await.ok(204);
    assert_eq!(comes(&house, by_code).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_guests_are_open_one_may_make_a_room() {
    let house = house(Guests::Code).await;
    let ada = house.ada().await;
    let makes = json!({"name": "Tea?", "display_name": "Eve"});
    assert_eq!(comes(&house, makes.clone()).await.refused(), (403, "forbidden"));
    let tenants = ada.get("/admin/tenants").await.ok(200);
    let tenant = format!("/admin/tenants/{}", tenants["items"][0]["tenant"]);
    ada.patch(&tenant, json!({"config": {"guests": "open"}})).await.ok(200);
    for (body, field) in [
        (json!({"name": "", "display_name": "Eve"}), "name"),
        (json!({"name": "x".repeat(81), "display_name": "Eve"}), "name"),
        (json!({"name": "Tea?", "display_name": ""}), "display_name"),
        (json!({"name": "Tea?", "code": "ABCDEFGH", "display_name": "Eve"}), "code"),
    ] {
        let said = comes(&house, body).await;
        assert!(said.refused() == (422, "invalid") && said.blames(field), "{field}: {said:?}");
    }
    assert_eq!(ada.get("/admin/stats").await.ok(200)["guests"], 0, "nobody came in part");
    let made = comes(&house, makes).await.ok(200);
    let (room, code) = (int(&made["room"]["room"]), made["code"].as_str().expect("a code"));
    assert_eq!(
        (&made["room"]["ephemeral"], &made["room"]["visibility"], &made["user"]["guest"]),
        (&json!(true), &json!("private"), &json!(true))
    );
    let eve = Person::of(house.address, &made);
    let said = comes(&house, json!({"code": code, "display_name": "Bob"})).await.ok(200);
    assert_eq!((int(&said["room"]["room"]), said.get("code")), (room, None));
    let bob = Person::of(house.address, &said);
    eve.says(room, "tea?").await;
    let page = bob.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page.to_string().contains("tea?"), "{page}");
    // It is one room, hers and of those she lets in; of the house she has no more than any guest.
    assert_eq!(ada.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    let further = eve.post("/rooms", json!({"kind": "group", "name": "x"})).await;
    assert_eq!(further.refused(), (403, "forbidden"));
    assert_eq!(eve.patch(&format!("/rooms/{room}"), json!({"name": "x"})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_stay() {
    let house = house(Guests::Code).await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let opens = code(&ada, room).await;
    let said = comes(&house, json!({"code": opens, "display_name": "Eve"})).await.ok(200);
    let eve = Person::of(house.address, &said);
    eve.says(room, "I think I stay").await;
    let stays = async |body: Value, once: &str| {
        let call = eve.begins("POST", "/users/me/account").header("idempotency-key", once);
        call.body(body).to(house.address).await
    };
    let body = |name: &str| json!({"name": name, "password": PASSWORD});
    assert_eq!(stays(body("ada"), &key()).await.refused(), (409, "taken"));
    let wrong = stays(json!({"name": "eve", "password": "short"}), &key()).await;
    assert!(wrong.refused() == (422, "invalid") && wrong.blames("password"), "{wrong:?}");
    assert!(stays(body("two words"), &key()).await.blames("name"));
    let once = key();
    let said = stays(body("eve"), &once).await.ok(201);
    assert_eq!((said["user"].get("guest"), &said["user"]["name"]), (None, &json!("eve")));
    assert_eq!((&said["verify_email"], &said["session"]), (&json!(false), &Value::Null));
    assert_eq!(stays(body("eve"), &once).await.ok(200), said);
    assert_eq!(stays(body("eve2"), &key()).await.refused(), (409, "conflict"));
    // The same session, the same person, and all that others may.
    eve.post("/rooms", json!({"kind": "group", "name": "mine"})).await.ok(201);
    let again = house.login("eve").await;
    assert_eq!(again.user, eve.user);
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(page["rows"].to_string().contains("I think I stay"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_is_connected_is_here() {
    let house = House::with(|config| {
        config.guests = Guests::Code;
        config.heartbeat = Duration::from_secs(1);
    })
    .await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let opens = code(&ada, room).await;
    let come = async |name: &str| {
        let said = comes(&house, json!({"code": opens, "display_name": name})).await.ok(200);
        Person::of(house.address, &said)
    };
    let (here, gone) = (come("Here").await, come("Gone").await);
    let (mut socket, _) = here.socket().await;
    for hour in 1..=40 {
        house.clock.turn(Duration::from_secs(3_601));
        house.app.jobs.ring();
        // Who does not answer heartbeats is taken for gone: the socket is read all the while.
        tokio::select! {
            () = until_hour(&house, hour) => {}
            code = socket.closed() => panic!("closed with {code:?} in hour {hour}"),
        }
        if hour % 20 == 0 {
            // The hour is counted, and a heartbeat after it has said who is here.
            socket.hears("heartbeat").await;
            socket.hears("heartbeat").await;
        }
    }
    let asks = |who: &Person| {
        let refresh = json!({"refresh_token": who.refresh});
        Call::new("POST", "/auth/refresh").body(refresh).to(house.address)
    };
    asks(&here).await.ok(200);
    assert_eq!(asks(&gone).await.refused(), (401, "signed_out"));
    let ada = house.login("ada").await;
    let members = ada.get(&format!("/rooms/{room}/members")).await.ok(200);
    assert!(!members.to_string().contains("\"Gone\""), "{members}");
    assert!(members.to_string().contains("\"Here\""), "{members}");
}

/// Until the server counts so many hours.
async fn until_hour(house: &House, hour: i64) {
    let counted = async {
        while house.app.store.read(hallway_server::store::chores::hours).await.expect("a count")
            < hour
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, counted).await.expect("an hour in time");
}
