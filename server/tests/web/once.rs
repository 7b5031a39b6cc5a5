//! Once: the same key again is the first answer with status 200 and nothing done, whatever the body
//! says. The routes are those of the server's own table.

use crate::house::{Answer, House, PASSWORD, Person, int, key, list};
use hallway_outside::push::{POINT, SECRET};
use hallway_server::routes::TABLE;
use serde_json::{Value, json};

/// Where a key is not what makes a call safe to repeat: these make or end sessions, or ask.
const WITHOUT: &[&str] = &[
    // A later answer is another one each time: `commands.rs`.
    "POST /commands/replies/{token}",
    // Mail: asked for again, it comes again; what a link does is tried in `mails.rs`.
    "POST /auth/verify-email",
    "POST /auth/resend-verification",
    "POST /auth/forgot-password",
    "POST /auth/reset-password",
    // A guest makes a session; how one stays is tried in `guests.rs`.
    "POST /auth/guest",
    "POST /users/me/account",
    // A provider's codes are good once; linking with one is tried in `oidc.rs`.
    "POST /auth/oidc/session",
    "POST /users/me/oidc",
    "DELETE /users/me/oidc",
    // A second factor: what is shown is compared in `totp.rs`, which can make a code.
    "POST /users/me/totp",
    "PUT /users/me/totp",
    "DELETE /users/me/totp",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /sync",
    "DELETE /users/me",
    // A backend's, by its key: `keys.rs` and `notices.rs` ask twice.
    "POST /notifications",
    "POST /users/{user}/sessions",
];

/// Route, a method that comes first on the same path (so that there is something to take away), the
/// body, and another that the same key must not do.
#[rustfmt::skip]
const CASES: &[(&str, &str, &str, &str)] = &[
    ("POST /auth/register", "", r#"{"name":"eve","password":"{password}","invite":"{invite}"}"#,
        r#"{"name":"eve","password":"{password}","invite":"{invite}"}"#),
    ("DELETE /auth/sessions/{id}",               "",     "{}", "{}"),
    ("POST /invites",                            "",     "{}", "{}"),
    ("POST /invites",                            "",     r#"{"uses":3}"#, r#"{"uses":4}"#),
    ("DELETE /invites/{id}",                     "",     "{}", "{}"),
    ("PATCH /users/me",                          "",     r#"{"status":"tea"}"#, r#"{"status":"soup"}"#),
    ("PUT /users/me/password",                   "",     r#"{"old":"{password}","new":"another tea pot"}"#,
        r#"{"old":"{password}","new":"another tea pot"}"#),
    ("PUT /users/me/storage/{key}",              "",     r#""red""#, r#""blue""#),
    ("DELETE /users/me/storage/{key}",           "PUT",  "", ""),
    ("DELETE /users/me/storage/{key}",           "",     "{}", "{}"),
    ("POST /rooms",                              "",     r#"{"kind":"group","name":"a"}"#,
        r#"{"kind":"channel","name":"b"}"#),
    ("POST /rooms/direct",                       "",     r#"{"users":[{user}]}"#, r#"{"users":[{user}]}"#),
    ("POST /rooms/join",                         "",     r#"{"code":"{code}"}"#, r#"{"code":"{code}"}"#),
    ("PATCH /rooms/{room}",                      "",     r#"{"topic":"one"}"#, r#"{"topic":"two"}"#),
    ("POST /rooms/{room}/join",                  "",     "{}", "{}"),
    ("POST /rooms/{room}/code",                  "",     "", ""),
    ("DELETE /rooms/{room}/code",                "POST", "", ""),
    ("DELETE /rooms/{room}/code",                "",     "{}", "{}"),
    ("PUT /rooms/{room}/guests",                 "",     r#"{"guests":"code"}"#, r#"{"guests":"off"}"#),
    ("PUT /rooms/{room}/members/{user}",         "",     "{}", r#"{"role":"admin"}"#),
    ("PUT /rooms/{room}/members/{user}",         "PUT",  r#"{"role":"admin"}"#, r#"{"role":"member"}"#),
    ("DELETE /rooms/{room}/members/{user}",      "",     "", ""),
    ("PUT /rooms/{room}/read-mark",              "",     r#"{"seq":1}"#, r#"{"seq":{seq}}"#),
    ("PUT /rooms/{room}/read-mark",              "",     r#"{"seq":{seq}}"#, r#"{"seq":1}"#),
    ("PATCH /rooms/{room}/mine",                 "",     r#"{"favourite":true}"#, r#"{"favourite":false}"#),
    ("POST /rooms/{room}/messages",              "",     r#"{"key":"{once}","text":"tea?"}"#,
        r#"{"key":"{once}","text":"soup?"}"#),
    ("PATCH /rooms/{room}/messages/{seq}",       "",     r#"{"text":"coffee?"}"#, r#"{"text":"soup?"}"#),
    ("DELETE /rooms/{room}/messages/{seq}",      "",     "", ""),
    ("PUT /rooms/{room}/messages/{seq}/reactions/{emoji}",    "",    "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "PUT", "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "",    "{}", "{}"),
    ("PUT /rooms/{room}/messages/{seq}/pin",     "",     "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/pin",  "PUT",  "", ""),
    ("DELETE /rooms/{room}/messages/{seq}/pin",  "",     "{}", "{}"),
    ("POST /admin/tenants",                      "",     r#"{"name":"{fresh}"}"#, r#"{"name":"other"}"#),
    ("PATCH /admin/tenants/{id}",                "",     r#"{"title":"one"}"#, r#"{"title":"two"}"#),
    ("DELETE /admin/tenants/{id}",               "",     "{}", "{}"),
    ("POST /admin/tenants/{id}/keys",            "",     r#"{"name":"shop","scopes":["read"]}"#,
        r#"{"name":"other","scopes":["act"]}"#),
    ("DELETE /admin/tenants/{id}/keys/{key}",    "",     "{}", "{}"),
    ("POST /admin/users",                        "",     r#"{"name":"{short}"}"#, r#"{"name":"other"}"#),
    ("PATCH /admin/users/{id}",                  "",     r#"{"role":"admin"}"#, r#"{"role":"owner"}"#),
    ("PATCH /admin/users/{id}",                  "",     r#"{"disabled":true}"#, r#"{"disabled":false}"#),
    ("DELETE /admin/users/{id}",                 "",     "", ""),
    ("DELETE /admin/users/{id}/sessions",        "",     "", ""),
    ("DELETE /admin/users/{id}/totp",            "",     "", ""),
    ("POST /admin/users/{id}/reset",             "",     "", ""),
    ("PATCH /admin/rooms/{id}",                  "",     r#"{"archived":true}"#, r#"{"archived":false}"#),
    ("PATCH /admin/rooms/{id}",                  "",     r#"{"owner":{user}}"#, r#"{"archived":true}"#),
    ("DELETE /admin/rooms/{id}",                 "",     "", ""),
    ("POST /admin/dead-letters/{id}/retry",      "",     "", "{}"),
    ("DELETE /admin/dead-letters/{id}",          "",     "", "{}"),
    ("POST /media", "", r#"{"name":"a","type":"a/b","size":1,"sha256":"{sha256}"}"#,
        r#"{"name":"b","type":"a/b","size":2,"sha256":"{sha256}"}"#),
    ("POST /media/{id}/parts",                   "",     r#"{"parts":1}"#, r#"{"parts":1}"#),
    ("POST /media/{id}/complete",                "",     "", "{}"),
    ("PUT /users/me/avatar",                     "",     r#"{"media":"{picture}"}"#, r#"{"media":"x"}"#),
    ("DELETE /users/me/avatar",                  "",     "{}", "{}"),
    ("POST /reports", "", r#"{"room":{room},"seq":{seq},"reason":"spam"}"#,
        r#"{"room":{room},"seq":{seq},"reason":"eggs"}"#),
    ("PUT /notifications/read",                  "",     r#"{"up_to":"{notice}"}"#, r#"{"up_to":"x"}"#),
    ("PUT /users/me/notifications",              "",     r#"{"keywords":["tea"]}"#, "{}"),
    ("POST /push/endpoints", "",
        r#"{"url":"https://push.example/1","p256dh":"{point}","auth":"{secret}"}"#,
        r#"{"url":"https://push.example/2","p256dh":"{point}","auth":"{secret}"}"#),
    ("DELETE /push/endpoints/{id}",              "",     "{}", "{}"),
    ("POST /reminders", "", r#"{"room":{room},"seq":{seq},"at":{soon}}"#,
        r#"{"room":{room},"seq":{seq},"at":1}"#),
    ("DELETE /reminders/{id}",                   "",     "{}", "{}"),
    ("POST /saved",                              "",     r#"{"room":{room},"seq":{seq}}"#,
        r#"{"room":{room},"seq":{seq}}"#),
    ("DELETE /saved/{id}",                       "",     "{}", "{}"),
    ("POST /scheduled", "", r#"{"key":"{once}","room":{room},"text":"tea?","at":{soon}}"#,
        r#"{"key":"{once}","room":{room},"text":"soup?","at":1}"#),
    ("PATCH /scheduled/{id}",                    "",     r#"{"text":"soup?"}"#, r#"{"text":"milk?"}"#),
    ("DELETE /scheduled/{id}",                   "",     "{}", "{}"),
    ("PATCH /reports/{id}",                      "",     r#"{"resolved":true}"#, r#"{"resolved":false}"#),
    ("POST /bans", "", r#"{"address":"192.0.2.1","reason":"spam"}"#,
        r#"{"address":"192.0.2.2","reason":"spam"}"#),
    ("DELETE /bans/{id}",                        "",     "{}", "{}"),
    ("POST /commands", "", r#"{"name":"{fresh}","url":"https://a.example/","description":"x"}"#,
        r#"{"name":"{fresh}","url":"https://b.example/","description":"y"}"#),
    ("DELETE /commands/{id}",                    "",     "", ""),
    ("POST /bots", "", r#"{"name":"{fresh}","display_name":"Kettle"}"#,
        r#"{"name":"{fresh}","display_name":"Pot"}"#),
    ("POST /bots/{user}/key",                    "",     "", ""),
    ("DELETE /bots/{user}",                      "",     "", ""),
    ("POST /rooms/{room}/hooks",                 "",     r#"{"name":"builds"}"#, r#"{"name":"other"}"#),
    ("DELETE /rooms/{room}/hooks/{hook}",        "",     "", ""),
    ("POST /hooks/{token}",                      "",     r#"{"text":"tea?"}"#, r#"{"text":"soup?"}"#),
    ("POST /webhooks", "", r#"{"url":"https://a.example/","events":["room"]}"#,
        r#"{"url":"https://b.example/","events":["edit"]}"#),
    ("PATCH /webhooks/{id}",                     "",     r#"{"state":"off"}"#, r#"{"state":"active"}"#),
    ("DELETE /webhooks/{id}",                    "",     "", ""),
    ("POST /webhooks/{id}/deliveries/{delivery}/replay", "", "", ""),
    ("DELETE /rooms/{room}",                     "",     "{}", "{}"),
    ("POST /rooms/{room}/leave",                 "",     "{}", "{}"),
];

/// What may stand in braces in a case.
const WORDS: &[&str] = &[
    "room", "seq", "user", "key", "emoji", "once", "password", "id", "invite", "code", "fresh",
    "soon", "sha256", "picture", "delivery", "notice", "point", "secret", "short", "hook", "token",
];

/// A fresh name.
fn short() -> String {
    format!("p{}", key().replace('-', ""))
}

struct Scene {
    house: House,
    ada: Person,
    lin: Person,
    bob: Person,
    operator: Person,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let ada = house.ada().await;
        let (lin, bob) = (house.newcomer(&ada, "lin").await, house.newcomer(&ada, "bob").await);
        let operator = house.operator();
        Scene { house, ada, lin, bob, operator }
    }

    /// Who makes a call: Bob is in no room, and Lin's password may change.
    fn caller(&self, route: &str) -> &Person {
        match route {
            "POST /rooms/join" | "POST /rooms/{room}/join" => &self.bob,
            "PUT /users/me/password" => &self.lin,
            route if route.contains(" /admin/") => &self.operator,
            _ => &self.ada,
        }
    }

    /// What stands for a word in braces; made when it is asked for.
    async fn word(&self, route: &str, word: &str, room: i64, seq: i64, once: &str) -> String {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        match word {
            "room" => room.to_string(),
            "seq" => seq.to_string(),
            "user" if route.contains("/bots/") => {
                let bot = json!({"name": key(), "display_name": "Kettle"});
                self.ada.post("/bots", bot).await.ok(201)["user"]["user"].to_string()
            }
            "hook" | "token" => {
                let path = format!("/rooms/{room}/hooks");
                let hook = self.ada.post(&path, json!({"name": "builds"})).await.ok(201);
                match word {
                    "hook" => text(&hook["id"]),
                    _ => text(&hook["url"]).rsplit('/').next().expect("a token").to_owned(),
                }
            }
            "user" if route.starts_with("PUT") => self.bob.user.to_string(),
            "user" => self.lin.user.to_string(),
            "key" if route.contains("/keys/") => {
                let body = json!({"name": "shop", "scopes": ["read"]});
                let path = format!("/admin/tenants/{}/keys", self.own().await);
                text(&self.operator.post(&path, body).await.ok(201)["id"])
            }
            "key" => "theme".into(),
            "emoji" => "👍".into(),
            "once" => once.into(),
            "password" => PASSWORD.into(),
            "sha256" => "0".repeat(64),
            "picture" => {
                let picture = crate::pictures::png(2, 2);
                text(&self.ada.uploads("a.png", "image/png", &picture).await["id"])
            }
            "id" if route.contains("media") => self.ada.brings("a", "text/plain", b"tea").await,
            "id" if route.contains("reports") => {
                let report = json!({"room": room, "seq": seq, "reason": "spam"});
                text(&self.ada.post("/reports", report).await.ok(201)["id"])
            }
            "id" if route.contains("commands") => {
                let body = json!({"name": key(), "url": "https://a.example/", "description": "x"});
                text(&self.ada.post("/commands", body).await.ok(201)["id"])
            }
            "id" if route.contains("webhooks") => {
                let hook = json!({"url": "https://a.example/", "events": ["room"]});
                let hook = self.ada.post("/webhooks", hook).await.ok(201);
                let room = json!({"kind": "channel", "name": "news"});
                self.ada.post("/rooms", room).await.ok(201);
                text(&hook["id"])
            }
            "delivery" => {
                let hooks = self.ada.get("/webhooks").await.ok(200);
                let hook = hooks["items"].as_array().and_then(|all| all.last()).expect("one");
                let path = format!("/webhooks/{}/deliveries", text(&hook["id"]));
                text(&self.ada.get(&path).await.ok(200)["items"][0]["id"])
            }
            "id" if route.contains("bans") => {
                let ban = json!({"address": "192.0.2.7", "reason": "spam"});
                text(&self.ada.post("/bans", ban).await.ok(201)["id"])
            }
            "id" if route.contains("saved") => {
                let saved = json!({"room": room, "seq": seq});
                text(&self.ada.post("/saved", saved).await.ok(201)["id"])
            }
            "id" if route.contains("scheduled") => {
                let at = self.house.clock.now() + 60_000;
                let new = json!({"key": key(), "room": room, "text": "tea?", "at": at});
                text(&self.ada.post("/scheduled", new).await.ok(201)["id"])
            }
            "point" => POINT.into(),
            "secret" => SECRET.into(),
            "id" if route.contains("endpoints") => {
                let url = format!("https://push.example/{once}");
                let new = json!({"url": url, "p256dh": POINT, "auth": SECRET});
                text(&self.ada.post("/push/endpoints", new).await.ok(201)["id"])
            }
            "id" if route.contains("reminders") => {
                let at = self.house.clock.now() + 60_000;
                let new = json!({"room": room, "seq": seq, "at": at});
                text(&self.ada.post("/reminders", new).await.ok(201)["id"])
            }
            "notice" => {
                self.lin.says(room, "@ada").await;
                text(&self.ada.get("/notifications").await.ok(200)["items"][0]["id"])
            }
            "soon" => (self.house.clock.now() + 3_600_000).to_string(),
            "id" if route.contains("/admin/users") => {
                let made = self.operator.post("/admin/users", json!({"name": short()})).await;
                int(&made.ok(201)["user"]).to_string()
            }
            "id" if route.contains("/admin/rooms") => room.to_string(),
            "short" => short(),
            "id" if route.contains("sessions") => self.house.login("ada").await.session,
            "id" if route.contains("/dead-letters") => self.house.dead_letter(None).await,
            "id" if route.contains("/keys") => self.own().await.to_string(),
            "id" if route.contains("/admin/tenants") => {
                let made = self.operator.post("/admin/tenants", json!({"name": key()})).await;
                let id = int(&made.ok(201)["tenant"]).to_string();
                let path = format!("/admin/tenants/{id}");
                self.operator.patch(&path, json!({"suspended": true})).await.ok(200);
                id
            }
            "fresh" => key(),
            "id" => text(&self.ada.post("/invites", json!({})).await.ok(201)["id"]),
            "invite" => text(&self.ada.post("/invites", json!({})).await.ok(201)["code"]),
            "code" => {
                let code = self.ada.post(&format!("/rooms/{room}/code"), Value::Null).await;
                text(&code.ok(200)["code"])
            }
            _ => panic!("nobody knows {word}"),
        }
    }

    /// Ada's tenant.
    async fn own(&self) -> i64 {
        int(&self.ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"])
    }

    /// Everything that a call could move: the heads, and what of Ada's no head speaks of.
    async fn heads(&self) -> Value {
        let body = json!({"own": 0, "rooms": []});
        let ada = self.ada.post("/sync", body.clone()).await.ok(200);
        let lin = self.lin.post("/sync", body).await.ok(200);
        let mut heads = vec![ada["rooms"].clone(), ada["own"]["to"].clone()];
        heads.extend([lin["rooms"].clone(), lin["own"]["to"].clone()]);
        for path in [
            "/reports",
            "/bans",
            "/saved",
            "/scheduled",
            "/rooms",
            "/invites",
            "/users/me",
            "/users/me/storage/theme",
        ] {
            heads.push(self.ada.get(path).await.body);
        }
        let mut hooks = self.ada.get("/webhooks").await.body;
        for hook in hooks["items"].as_array_mut().expect("a list") {
            // How its calls go is nobody's doing here.
            hook["state"] = json!(hook["state"] == "off");
        }
        heads.push(hooks);
        heads.push(self.ada.get("/bots").await.body);
        heads.push(self.ada.get("/commands").await.body);
        heads.push(self.operator.get("/admin/tenants").await.body);
        heads.push(self.operator.get("/admin/dead-letters").await.body);
        // Who registers again with the same key is signed in, as by a password.
        let people = self.operator.get("/admin/users").await.body;
        let known = |one: &Value| json!([one["user"], one["name"], one["role"], one["disabled"]]);
        heads.push(list(&people["items"]).iter().map(known).collect());
        heads.push(self.operator.get("/admin/rooms").await.body);
        let keys = format!("/admin/tenants/{}/keys", self.own().await);
        heads.push(self.operator.get(&keys).await.body);
        json!(heads)
    }

    /// The texts with their words filled in.
    async fn filled(&self, texts: [&str; 3], once: &str) -> [String; 3] {
        let room = self.ada.group("kitchen", &[&self.lin]).await;
        let seq = int(&self.ada.says(room, "tea?").await["seq"]);
        if texts[0] == "POST /rooms/{room}/join" {
            let public = json!({"visibility": "public"});
            self.ada.patch(&format!("/rooms/{room}"), public).await.ok(200);
        }
        let mut filled = texts.map(str::to_owned);
        for word in WORDS {
            let braced = format!("{{{word}}}");
            if filled.iter().any(|text| text.contains(&braced)) {
                let said = self.word(texts[0], word, room, seq, once).await;
                filled = filled.map(|text| text.replace(&braced, &said));
            }
        }
        filled
    }

    async fn try_twice(&self, (route, before, first, second): (&str, &str, &str, &str)) {
        let once = key();
        let [filled, first, second] = self.filled([route, first, second], &once).await;
        let (method, path) = filled.split_once(' ').expect("method and path");
        if !before.is_empty() {
            self.ada.call(before, path, json!({})).await.fine();
        }
        let call = async |text: &str| -> Answer {
            let call = self.caller(route).begins(method, path).header("idempotency-key", &once);
            let call = if text.is_empty() { call } else { call.raw("application/json", text) };
            call.to(self.house.address).await
        };
        let said = call(&first).await;
        assert!(matches!(said.status, 200 | 201 | 202 | 204), "{route}: {said:?}");
        let heads = self.heads().await;
        let again = call(&second).await;
        assert_eq!(again.status, 200, "{route}, the second time: {again:?}");
        assert_eq!(self.heads().await, heads, "{route} did something the second time");
        // The tokens of a session are fresh each time; nothing else is.
        if route != "POST /auth/register" {
            assert_eq!(again.body, said.body, "{route}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_with_the_same_key_is_done_once() {
    for route in TABLE.iter().filter(|route| route.method != "GET") {
        let name = format!("{} {}", route.method, route.path);
        let known = WITHOUT.contains(&name.as_str()) || CASES.iter().any(|case| case.0 == name);
        assert!(known, "nobody tried {name} twice");
    }
    let scene = Scene::set().await;
    for case in CASES {
        scene.try_twice(*case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_once_by_its_key_on_rest_and_socket() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = ada.socket().await;
    let once = key();
    let path = format!("/rooms/{room}/messages");
    let first = ada.post(&path, json!({"key": once, "text": "tea?"})).await.ok(201);
    let again = ada.post(&path, json!({"key": once, "text": "soup?"})).await.ok(200);
    assert_eq!(first, again);
    let frame = json!({"type": "send", "room": room, "key": once, "text": "milk?"});
    let ok = socket.told(frame).await;
    assert_eq!((&ok["type"], &ok["again"]), (&json!("ok"), &json!(true)));
    assert_eq!((&ok["seq"], &ok["row"]), (&first["seq"], &first));
    // The same key of another person is another message.
    let hers = lin.post(&path, json!({"key": once, "text": "tea!"})).await.ok(201);
    assert_ne!(hers["seq"], first["seq"]);
    // A key already done is answered even to someone since removed.
    let frame = json!({"type": "send", "room": room, "key": key(), "text": "last words"});
    let (mut hers, _) = lin.socket().await;
    let said = hers.told(frame.clone()).await;
    ada.removes(room, &lin).await;
    let after = hers.told(frame).await;
    assert_eq!((&after["again"], &after["seq"]), (&json!(true), &said["seq"]), "{after}");
    let new = json!({"type": "send", "room": room, "key": key(), "text": "more"});
    assert_eq!(hers.told(new).await["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_something_else_is_a_conflict() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    let (mut socket, _) = ada.socket().await;
    let once = key();
    let react =
        json!({"type": "react", "room": room, "key": once, "seq": seq, "emoji": "👍", "on": true});
    assert_eq!(socket.told(react.clone()).await["again"], false);
    assert_eq!(socket.told(react).await["again"], true);
    let edit = json!({"type": "edit", "room": room, "key": once, "seq": seq, "text": "soup"});
    assert_eq!(socket.told(edit).await["code"], "conflict");

    let once = key();
    let patch = async |path: &str, body: Value| {
        let call = ada.begins("PATCH", path).header("idempotency-key", &once);
        call.body(body).to(house.address).await
    };
    patch(&format!("/rooms/{room}"), json!({"topic": "tea"})).await.ok(200);
    let other = patch("/users/me", json!({"status": "tea"})).await;
    assert_eq!(other.refused(), (409, "conflict"));
    let message = format!("/rooms/{room}/messages/{seq}");
    assert_eq!(patch(&message, json!({"text": "x"})).await.refused(), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_changes_nothing_takes_no_number() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    let one = format!("/rooms/{room}/messages/{seq}");
    let head = async || {
        let rooms = ada.post("/sync", json!({"own": 0, "rooms": [[room, 0]]})).await.ok(200);
        int(&rooms["deltas"][0]["head"])
    };
    for (method, path, body) in [
        ("PUT", format!("{one}/reactions/👍"), Value::Null),
        ("PUT", format!("{one}/pin"), Value::Null),
        ("PATCH", one.clone(), json!({"text": "soup?"})),
        ("PATCH", format!("/rooms/{room}"), json!({"topic": "t"})),
        ("POST", format!("/rooms/{room}/join"), Value::Null),
        ("DELETE", one.clone(), Value::Null),
    ] {
        for turn in 0..2 {
            let before = head().await;
            ada.call(method, &path, body.clone()).await.fine();
            assert!(turn == 0 || head().await == before, "{method} {path} took a number twice");
        }
    }
}
