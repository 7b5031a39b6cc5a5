//! The table of who may, as data: every route × every kind of caller. The routes are those of the
//! server's own table, so a route nobody thought about fails here.

use crate::house::{Answer, Call, House, PASSWORD, Person, key};
use hallway_server::routes::TABLE;
use hallway_server::store::tenants;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The kinds of caller, in the order of the columns below.
const CALLERS: [&str; 7] = ["nobody", "stranger", "member", "admin", "owner", "removed", "foreign"];

/// What each may do in a private room: `+` done, `-` forbidden, `.` not there, `!` signed out.
/// Where a route is about nobody's room, whoever is signed in may.
#[rustfmt::skip]
const RIGHTS: &[(&str, &str)] = &[
    //                                              nobody, stranger, member, admin, owner, removed, foreign
    ("GET /server",                                 "+++++++"),
    ("POST /auth/register",                         "*"),
    ("POST /auth/login",                            "*"),
    ("POST /auth/refresh",                          "*"),
    ("GET /socket",                                 "*"),
    ("POST /auth/logout",                           "!++++++"),
    ("GET /auth/sessions",                          "!++++++"),
    ("DELETE /auth/sessions/{id}",                  "!......"),
    ("POST /invites",                               "!---+-+"),
    ("GET /invites",                                "!---+-+"),
    ("DELETE /invites/{id}",                        "!---.-."),
    ("GET /users",                                  "!++++++"),
    ("GET /users/me",                               "!++++++"),
    ("PATCH /users/me",                             "!++++++"),
    ("DELETE /users/me",                            "*"),
    ("PUT /users/me/password",                      "*"),
    ("GET /users/me/messages",                      "!++++++"),
    ("GET /users/me/storage/{key}",                 "!......"),
    ("PUT /users/me/storage/{key}",                 "!++++++"),
    ("DELETE /users/me/storage/{key}",              "*"),
    ("GET /users/{user}",                           "!+++++."),
    ("POST /rooms",                                 "!++++++"),
    ("GET /rooms",                                  "!++++++"),
    ("POST /rooms/direct",                          "!+++++?"),
    ("GET /rooms/directory",                        "!++++++"),
    ("POST /rooms/join",                            "!......"),
    ("GET /rooms/{room}",                           "!.+++.."),
    ("PATCH /rooms/{room}",                         "!.-++.."),
    ("POST /rooms/{room}/join",                     "!.+++.."),
    ("POST /rooms/{room}/code",                     "!.-++.."),
    ("DELETE /rooms/{room}/code",                   "!.-++.."),
    ("GET /rooms/{room}/members",                   "!.+++.."),
    ("PUT /rooms/{room}/members/{user}",            "!.-++.."),
    ("DELETE /rooms/{room}/members/{user}",         "*"),
    ("PUT /rooms/{room}/read-mark",                 "!.+++.."),
    ("PATCH /rooms/{room}/mine",                    "!.+++.."),
    ("GET /rooms/{room}/receipts",                  "!.+++.."),
    ("POST /rooms/{room}/messages",                 "!.+++.."),
    ("GET /rooms/{room}/messages",                  "!.+++.."),
    ("GET /rooms/{room}/messages/{seq}",            "!.+++.."),
    ("PATCH /rooms/{room}/messages/{seq}",          "!.--+.."),
    ("GET /rooms/{room}/messages/{seq}/thread",     "!.+++.."),
    ("GET /rooms/{room}/messages/{seq}/edits",      "!.+++.."),
    ("PUT /rooms/{room}/messages/{seq}/reactions/{emoji}",    "!.+++.."),
    ("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "!.+++.."),
    ("PUT /rooms/{room}/messages/{seq}/pin",        "!.-++.."),
    ("DELETE /rooms/{room}/messages/{seq}/pin",     "!.-++.."),
    ("GET /rooms/{room}/pins",                      "!.+++.."),
    ("POST /sync",                                  "!++++++"),
    // Those that end something come last, and are tried from the left.
    ("DELETE /rooms/{room}/messages/{seq}",         "!.-+*.."),
    ("DELETE /rooms/{room}",                        "!.--+.."),
    ("POST /rooms/{room}/leave",                    "*"),
];

struct Scene {
    house: House,
    people: BTreeMap<&'static str, Person>,
    room: i64,
    seq: i64,
    lin: i64,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let ada = house.ada().await;
        let mut people = BTreeMap::new();
        for name in ["stranger", "member", "admin", "removed", "lin"] {
            people.insert(name, house.invited(&ada, name).await);
        }
        let members = [&people["member"], &people["admin"], &people["removed"]];
        let room = ada.room("kitchen", &members).await;
        let admin = format!("/rooms/{room}/members/{}", people["admin"].id);
        ada.call("PUT", &admin, json!({"role": "admin"})).await.ok(200);
        let seq = ada.says(room, "tea?").await;
        let removed = format!("/rooms/{room}/members/{}", people["removed"].id);
        ada.call("DELETE", &removed, Value::Null).await.ok(204);
        let foreign = elsewhere(&house).await;
        let lin = people["lin"].id;
        people.insert("owner", ada);
        people.insert("foreign", foreign);
        Scene { house, people, room, seq, lin }
    }

    async fn tries(&self, caller: &str, route: &str) -> Answer {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path
            .replace("{room}", &self.room.to_string())
            .replace("{seq}", &self.seq.to_string())
            .replace("{user}", &self.lin.to_string())
            .replace("{id}", "none")
            .replace("{key}", "theme")
            .replace("{emoji}", "%F0%9F%91%8D");
        let call = Call::new(method, &path).body(self.body(caller, route));
        match self.people.get(caller) {
            Some(person) => call.token(&person.token).to(self.house.address).await,
            None => call.to(self.house.address).await,
        }
    }

    fn body(&self, caller: &str, route: &str) -> Value {
        match route {
            "POST /rooms" => json!({"kind": "group", "name": "hall"}),
            "POST /rooms/direct" => json!({"users": [self.lin]}),
            "POST /rooms/join" => json!({"code": "ABCDEFGH"}),
            "PATCH /rooms/{room}" => json!({"topic": format!("by {caller}")}),
            "POST /rooms/{room}/messages" => json!({"key": key(), "text": "tea?"}),
            "PATCH /rooms/{room}/messages/{seq}" => json!({"text": "coffee?"}),
            "PUT /rooms/{room}/read-mark" => json!({"seq": self.seq}),
            "POST /sync" => json!({"own": 0, "rooms": []}),
            _ if route.starts_with("GET") => Value::Null,
            _ => json!({}),
        }
    }
}

/// Somebody of another tenant, who owns it.
async fn elsewhere(house: &House) -> Person {
    let hash = hallway_server::auth::digest("a token of another tenant, long enough");
    let made = house.app.store.write(Default::default(), move |tx| {
        let tenant = tenants::create(tx, "other", "Other")?;
        tenants::set_owner_token(tx, tenant.id, &hash)
    });
    made.await.unwrap();
    let body = json!({
        "tenant": "other", "name": "eve", "password": PASSWORD,
        "invite": "a token of another tenant, long enough",
    });
    Person::of(house.address, &house.call("POST", "/auth/register", body).await.ok(201))
}

fn sign(answer: &Answer) -> char {
    match answer.status {
        200..300 => '+',
        401 => '!',
        403 => '-',
        404 => '.',
        _ => '?',
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_what_the_table_says_and_nothing_else() {
    let named: Vec<_> = RIGHTS.iter().map(|(route, _)| *route).collect();
    for route in TABLE {
        let name = format!("{} {}", route.method, route.path);
        assert!(named.contains(&name.as_str()), "nobody said who may {name}");
    }
    assert_eq!(named.len(), TABLE.len());

    let mut wrong = Vec::new();
    let scene = Scene::set().await;
    for (route, rights) in RIGHTS.iter().filter(|(_, rights)| *rights != "*") {
        for (caller, right) in CALLERS.iter().zip(rights.chars()).filter(|(_, right)| *right != '*')
        {
            // Signing out would end the others' turns.
            let again = match (*route, *caller) {
                ("POST /auth/logout", name) if name != "nobody" => continue,
                _ => scene.tries(caller, route).await,
            };
            if sign(&again) != right {
                wrong.push(format!(
                    "{route} by {caller}: {right} but {} {}",
                    again.status, again.body
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_looks_like_what_is_not_there() {
    let scene = Scene::set().await;
    let (stranger, foreign) = (&scene.people["stranger"], &scene.people["foreign"]);
    let hidden = format!("/rooms/{}", scene.room);
    for person in [stranger, foreign, &scene.people["removed"]] {
        let (hidden, absent) = (person.get(&hidden).await, person.get("/rooms/4711").await);
        assert_eq!((hidden.status, hidden.body), (absent.status, absent.body));
    }
    let found = foreign.get("/users?query=member").await.ok(200);
    assert_eq!(found["rows"], json!([]));
    let directory = foreign.get("/rooms/directory").await.ok(200);
    assert_eq!(directory["rows"], json!([]));
}
