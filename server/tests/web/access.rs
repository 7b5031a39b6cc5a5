//! The table of who may, as data: every route and every kind of caller, cell by cell. The routes are
//! those of the server's own table, so a route nobody thought about fails here. What one may not see
//! does not exist; a denied call leaves the room as it was.

use crate::cast::Cast;
use crate::house::{Answer, Call, House, int, key};
use hallway_server::access::Act;
use hallway_server::routes::{Rule, TABLE};
use serde_json::{Value, json};
use std::time::Duration;

/// The kinds of caller, in the order of the cells.
const CALLERS: [&str; 9] =
    ["nobody", "stranger", "removed", "member", "author", "admin", "owner", "operator", "foreign"];

/// Route, body, and what each caller is told of a private group they are named after: `+` done,
/// `-` forbidden, `.` not there, `!` sign in, `?` invalid, `*` asked elsewhere. The operator may
/// remove and delete in it, never read. Where a route is about nobody's room, whoever is signed in
/// may.
#[rustfmt::skip]
const RIGHTS: &[(&str, &str, &str)] = &[
    ("GET /server",                              "",                             "+++++++++"),
    ("POST /auth/register",                      "",                             "*********"),
    ("POST /auth/verify-email",                  r#"{"token":"x"}"#,             "?????????"),
    ("POST /auth/resend-verification",           r#"{"email":"a@b.example"}"#,   "+++++++++"),
    ("POST /auth/forgot-password",               r#"{"email":"a@b.example"}"#,   "+++++++++"),
    ("POST /auth/reset-password",                r#"{"token":"x","password":"a pot of tea"}"#, "?????????"),
    ("POST /auth/login",                         "",                             "*********"),
    ("POST /auth/guest",                         "",                             "*********"),
    ("POST /auth/refresh",                       "",                             "*********"),
    ("GET /socket",                              "",                             "*********"),
    ("GET /openapi.json",                        "",                             "+++++++++"),
    ("GET /docs",                                "",                             "+++++++++"),
    ("GET /docs/page.js",                        "",                             "+++++++++"),
    ("GET /docs/page.css",                       "",                             "+++++++++"),
    ("POST /auth/logout",                        "{}",                           "!********"),
    ("GET /auth/sessions",                       "",                             "!++++++++"),
    ("DELETE /auth/sessions/{id}",               "{}",                           "!........"),
    ("POST /invites",                            "{}",                           "!------++"),
    ("GET /invites",                             "",                             "!------++"),
    ("DELETE /invites/{id}",                     "{}",                           "!------.."),
    ("GET /users",                               "",                             "!++++++++"),
    ("GET /users/me",                            "",                             "!++++++++"),
    ("PATCH /users/me",                          "{}",                           "!++++++++"),
    ("DELETE /users/me",                         "",                             "!********"),
    ("PUT /users/me/password",                   "",                             "!********"),
    ("POST /users/me/account",                   r#"{"name":"x","password":"a pot of tea"}"#, "!########"),
    ("GET /users/me/messages",                   "",                             "!++++++++"),
    ("GET /users/me/storage/{key}",              "",                             "!........"),
    ("PUT /users/me/storage/{key}",              "{}",                           "!++++++++"),
    ("DELETE /users/me/storage/{key}",           "",                             "!++++++++"),
    ("GET /users/{user}",                        "",                             "!+++++++."),
    ("POST /rooms",                              r#"{"kind":"group","name":"a"}"#, "!++++++++"),
    ("GET /rooms",                               "",                             "!++++++++"),
    ("POST /rooms/direct",                       r#"{"users":[{user}]}"#,        "!+++++++?"),
    ("GET /rooms/directory",                     "",                             "!++++++++"),
    ("POST /rooms/join",                         r#"{"code":"ABCDEFGH"}"#,       "!........"),
    ("POST /sync",                               r#"{"own":0,"rooms":[]}"#,      "!++++++++"),
    ("GET /admin/tenants",                       "",                             "!------++"),
    ("POST /admin/tenants",                      r#"{"name":"third"}"#,          "!--------"),
    ("GET /admin/tenants/{id}",                  "",                             "!------+."),
    ("PATCH /admin/tenants/{id}",                r#"{"title":"Tea"}"#,           "!------+."),
    ("PATCH /admin/tenants/{id}",                r#"{"suspended":true}"#,        "!-------."),
    ("DELETE /admin/tenants/{id}",               "",                             "!-------."),
    ("GET /admin/tenants/{id}/keys",             "",                             "!------+."),
    ("POST /admin/tenants/{id}/keys",            r#"{"name":"shop","scopes":["read"]}"#, "!------+."),
    ("DELETE /admin/tenants/{id}/keys/{key}",    "",                             "!------.."),
    ("POST /users/{user}/sessions",              "",                             "!--------"),
    ("GET /admin/dead-letters",                  "",                             "!------++"),
    ("POST /admin/dead-letters/{id}/retry",      "",                             "!------.."),
    ("DELETE /admin/dead-letters/{id}",          "",                             "!------.."),
    ("GET /admin/stats",                         "",                             "!------++"),
    ("GET /admin/audit",                         "",                             "!------++"),
    ("POST /reports", r#"{"room":{room},"seq":{seq},"reason":"x"}"#,            "!..++++.."),
    ("GET /reports",                             "",                             "!++++++++"),
    ("PATCH /reports/{id}",                      r#"{"resolved":true}"#,         "!........"),
    ("GET /saved",                               "",                             "!++++++++"),
    ("POST /saved",                  r#"{"room":{room},"seq":{seq}}"#,           "!..++++.."),
    ("DELETE /saved/{id}",                       "",                             "!........"),
    ("GET /scheduled",                           "",                             "!++++++++"),
    ("POST /scheduled", r#"{"key":"{new}","room":{room},"text":"x","at":{soon}}"#, "!..++++.."),
    ("DELETE /scheduled/{id}",                   "",                             "!........"),
    ("GET /bans",                                "",                             "!------++"),
    ("POST /bans",                r#"{"address":"192.0.2.7","reason":"x"}"#,     "!------++"),
    ("DELETE /bans/{id}",                        "{}",                           "!------.."),
    ("GET /rooms/{room}",                        "",                             "!..++++.."),
    ("PATCH /rooms/{room}",                      r#"{"topic":"t"}"#,             "!..--++.."),
    ("PATCH /rooms/{room}",                      r#"{"visibility":"private"}"#,  "!..---+.."),
    ("PATCH /rooms/{room}",                      r#"{"slow_seconds":0}"#,  "!..--++.."),
    ("PATCH /rooms/{room}",                      r#"{"announce":false}"#,  "!..--++.."),
    ("PATCH /rooms/{room}",                      r#"{"archived":false}"#,  "!..--++.."),
    ("PATCH /rooms/{room}",                      r#"{"retention_days":null}"#,  "!..---+.."),
    ("POST /rooms/{room}/join",                  "{}",                           "!..++++.."),
    ("POST /rooms/{room}/join",                  "",                             "!..++++.."),
    ("POST /rooms/{room}/code",                  "{}",                           "!..--++.."),
    ("POST /rooms/{room}/code",                  "",                             "!..--++.."),
    ("DELETE /rooms/{room}/code",                "",                             "!..--++.."),
    ("GET /rooms/{room}/guests",                 "",                             "!..++++.."),
    ("PUT /rooms/{room}/guests",                 r#"{"guests":"code"}"#,         "!..---+.."),
    ("GET /rooms/{room}/members",                "",                             "!..++++.."),
    ("PUT /rooms/{room}/members/{user}",         "{}",                           "!..--++.."),
    ("PUT /rooms/{room}/members/{user}",         r#"{"role":"admin"}"#,          "!..---+.."),
    ("PUT /rooms/{room}/members/{user}",         r#"{"muted_until":null}"#,      "!..---+.."),
    ("DELETE /rooms/{room}/members/{user}",      "",                             "*********"),
    ("PUT /rooms/{room}/read-mark",              r#"{"seq":1}"#,                 "!..++++.."),
    ("PUT /rooms/{room}/read-mark",              r#"{"seq":{seq}}"#,             "!..++++.."),
    ("PATCH /rooms/{room}/mine",                 "{}",                           "!..++++.."),
    ("PATCH /rooms/{room}/mine",                 r#"{"favourite":true}"#,        "!..++++.."),
    ("GET /rooms/{room}/why",                    "",                             "!..++++.."),
    ("GET /rooms/{room}/receipts",               "",                             "!..++++.."),
    ("POST /rooms/{room}/messages",              r#"{"key":"{new}","text":"x"}"#, "!..++++.."),
    ("GET /rooms/{room}/messages",               "",                             "!..++++.."),
    ("GET /rooms/{room}/messages/{seq}",         "",                             "!..++++.."),
    ("PATCH /rooms/{room}/messages/{seq}",       r#"{"text":"y"}"#,              "!..-+--.."),
    ("GET /rooms/{room}/messages/{seq}/thread",  "",                             "!..++++.."),
    ("GET /rooms/{room}/messages/{seq}/edits",   "",                             "!..++++.."),
    ("PUT /rooms/{room}/messages/{seq}/reactions/{emoji}",    "",                "!..++++.."),
    ("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "",                "!..++++.."),
    ("PUT /rooms/{room}/messages/{seq}/pin",     "",                             "!..--++.."),
    ("DELETE /rooms/{room}/messages/{seq}/pin",  "",                             "!..--++.."),
    ("GET /rooms/{room}/pins",                   "",                             "!..++++.."),
    // What ends something has a table of its own, and a room for each caller: `roles.rs`.
    ("DELETE /rooms/{room}/messages/{seq}",      "",                             "*********"),
    ("GET /rooms/{room}/messages/{seq}/deletion", "",                            "!..-....."),
    ("DELETE /rooms/{room}",                     "",                             "*********"),
    ("POST /rooms/{room}/leave",                 "",                             "!********"),
];

fn sign(answer: &Answer) -> char {
    match answer.status {
        200..300 => '+',
        401 => '!',
        403 => '-',
        404 => '.',
        422 => '?',
        _ => '#',
    }
}

struct Scene {
    house: House,
    cast: Cast,
    room: i64,
    seq: i64,
    /// The operator's, who owns it.
    tenant: i64,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let cast = Cast::of(&house).await;
        let (room, seq) = cast.room().await;
        let own = cast.operator.get("/admin/tenants").await.ok(200);
        let tenant = int(&own["items"][0]["tenant"]);
        Scene { house, cast, room, seq, tenant }
    }

    fn filled(&self, text: &str) -> String {
        text.replace("/admin/tenants/{id}", &format!("/admin/tenants/{}", self.tenant))
            .replace("{room}", &self.room.to_string())
            .replace("{seq}", &self.seq.to_string())
            .replace("{user}", &self.cast.lin.user.to_string())
            .replace("{id}", "none")
            .replace("{key}", "theme")
            .replace("{emoji}", "👍")
            .replace("{new}", &key())
            .replace("{soon}", &(self.house.clock.now() + 3_600_000).to_string())
    }

    async fn tries(&self, caller: &str, route: &str, body: &str) -> Answer {
        let (method, path) = route.split_once(' ').expect("method and path");
        let mut call = Call::new(method, &self.filled(path));
        if !body.is_empty() {
            call = call.raw("application/json", self.filled(body));
        }
        if let Some(person) = self.cast.caller(caller) {
            call = call.token(&person.token);
        }
        call.to(self.house.address).await
    }

    /// Where this token is told something else than nobody is.
    async fn nobodys(&self, kind: &str, token: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        for (route, body, rights) in RIGHTS {
            let right = rights.chars().next().expect("a cell for nobody");
            let (method, path) = route.split_once(' ').expect("method and path");
            let mut call = Call::new(method, &self.filled(path)).token(token);
            if !body.is_empty() {
                call = call.raw("application/json", self.filled(body));
            }
            if right == '*' {
                continue;
            }
            let said = call.to(self.house.address).await;
            if sign(&said) != right {
                wrong.push(format!("{route} {kind}: {right} but {} {}", said.status, said.body));
            }
        }
        wrong
    }

    /// All that a call could change in the room, as its owner sees it.
    async fn state(&self) -> Value {
        let mut state = Vec::new();
        for path in ["", "/messages", "/members", "/pins", "/receipts"] {
            let path = format!("/rooms/{}{path}", self.room);
            state.push(self.cast.owner.get(&path).await.ok(200));
        }
        json!(state)
    }
}

#[test]
fn the_table_speaks_of_every_route_and_of_no_other() {
    let routes: Vec<_> = TABLE.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    for route in &routes {
        assert!(RIGHTS.iter().any(|(named, ..)| named == route), "nobody said who may {route}");
    }
    for (named, _, rights) in RIGHTS {
        assert!(routes.iter().any(|route| route == named), "there is no {named}");
        assert_eq!(rights.len(), CALLERS.len(), "{named}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_what_the_table_says_and_nothing_else() {
    let scene = Scene::set().await;
    let mut wrong = Vec::new();
    let mut before = scene.state().await;
    for (route, body, rights) in RIGHTS {
        for (caller, right) in CALLERS.iter().zip(rights.chars()).filter(|(_, right)| *right != '*')
        {
            let said = scene.tries(caller, route, body).await;
            let what = format!("{route} {body} by {caller}");
            if sign(&said) != right {
                wrong.push(format!("{what}: {right} but {} {}", said.status, said.body));
            }
            let refused = said.status >= 400;
            if refused {
                said.refused();
            }
            let after = if route.contains("{room}") { scene.state().await } else { continue };
            if refused && after != before {
                wrong.push(format!("{what}: refused, yet it changed something"));
            }
            before = after;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A token with another signature, one that says it needs none, one that has expired: each is told
/// what nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_or_expired_token_is_nobodys() {
    let scene = Scene::set().await;
    let token = scene.cast.owner.token.clone();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let turned: String = signature.chars().rev().collect();
    // {"alg":"none"}
    let (_, claims) = signed.split_once('.').expect("three parts");
    let bare = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let before = scene.state().await;
    let mut wrong = Vec::new();
    for (kind, token) in [("forged", format!("{signed}.{turned}")), ("bare", bare)] {
        wrong.extend(scene.nobodys(kind, &token).await);
    }
    assert_eq!(scene.state().await, before);
    scene.house.clock.turn(Duration::from_secs(11 * 60));
    wrong.extend(scene.nobodys("expired", &token).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A key that names nobody: one that reads gets what the table lets a key read, one that writes
/// none of it; of what is somebody's both are told that they may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_nobody_does_what_its_scope_says() {
    let scene = Scene::set().await;
    let before = scene.state().await;
    let mut wrong = Vec::new();
    for scope in ["read", "write"] {
        let keys = format!("/admin/tenants/{}/keys", scene.tenant);
        let new = json!({"name": scope, "scopes": [scope]});
        let made = scene.cast.operator.post(&keys, new).await.ok(201);
        let key = made["key"].as_str().expect("a key");
        for (route, body, rights) in RIGHTS {
            let (method, path) = route.split_once(' ').expect("method and path");
            let line = TABLE.iter().find(|one| one.method == method && one.path == path);
            let right = match line.expect("a route").rule {
                Rule::Anyone => rights.chars().next().expect("a cell for nobody"),
                Rule::Reads | Rule::Room(Act::See) if scope == "read" => {
                    rights.chars().nth(1).expect("a stranger's cell")
                }
                _ => '-',
            };
            let mut call = Call::new(method, &scene.filled(path)).header("x-api-key", key);
            if !body.is_empty() {
                call = call.raw("application/json", scene.filled(body));
            }
            if right == '*' {
                continue;
            }
            let said = call.to(scene.house.address).await;
            if sign(&said) != right {
                wrong.push(format!("{route} {scope}: {right} but {} {}", said.status, said.body));
            }
        }
    }
    assert_eq!(scene.state().await, before);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_owns_the_server_and_the_room_may_all_of_it() {
    let mut scene = Scene::set().await;
    let operator = scene.cast.operator.clone();
    scene.room = operator.group("office", &[]).await;
    scene.seq = int(&operator.says(scene.room, "mine").await["seq"]);
    for (route, body, _) in RIGHTS.iter().filter(|(route, ..)| route.contains("{room}")) {
        // Leaving is for a room that is still there.
        if !route.ends_with("/leave") {
            let said = scene.tries("operator", route, body).await;
            assert_eq!(sign(&said), '+', "{route} {body}: {said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_looks_like_what_is_not_there() {
    let scene = Scene::set().await;
    let cast = &scene.cast;
    for person in [&cast.stranger, &cast.foreign, &cast.removed] {
        let hidden = person.get(&format!("/rooms/{}", scene.room)).await;
        let absent = person.get("/rooms/4711").await;
        assert_eq!((hidden.status, hidden.body), (absent.status, absent.body));
    }
    let found = cast.foreign.get("/users?query=member").await.ok(200);
    assert_eq!(found["rows"], json!([]));
    let directory = cast.foreign.get("/rooms/directory").await.ok(200);
    assert_eq!(directory["rows"], json!([]));
}
