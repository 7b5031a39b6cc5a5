//! Once: every changing route, taken from the server's table, called twice with one key does its
//! work once, and says so with 200.

use crate::house::{Answer, Call, House, PASSWORD, Person, key};
use hallway_server::routes::TABLE;
use serde_json::{Value, json};

/// Where a key is not what makes a call safe to repeat: these make or end sessions, or ask.
const WITHOUT: [&str; 6] = [
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /sync",
    "DELETE /users/me",
    // The people are the key.
    "POST /rooms/direct",
];

struct Scene {
    house: House,
    ada: Person,
    lin: Person,
    bob: Person,
    room: i64,
    seq: i64,
}

impl Scene {
    async fn set() -> Scene {
        let house = House::open().await;
        let ada = house.ada().await;
        let (lin, bob) = (house.invited(&ada, "lin").await, house.invited(&ada, "bob").await);
        let room = ada.room("kitchen", &[&lin]).await;
        let seq = ada.says(room, "tea?").await;
        Scene { house, ada, lin, bob, room, seq }
    }

    /// What stands in the path and in the body.
    async fn call(&self, route: &str) -> (String, Value) {
        let (_, path) = route.split_once(' ').unwrap();
        let mut id = String::new();
        if route == "DELETE /invites/{id}" {
            let invite = self.ada.post("/invites", json!({})).await.ok(201);
            id = invite["id"].as_str().unwrap().to_owned();
        }
        if route == "DELETE /auth/sessions/{id}" {
            id = self.house.login("ada").await.session;
        }
        let code = match route {
            "POST /rooms/join" => {
                let path = format!("/rooms/{}/code", self.room);
                self.ada.post(&path, Value::Null).await.ok(200)["code"].clone()
            }
            _ => Value::Null,
        };
        let invite = match route {
            "POST /auth/register" => {
                self.ada.post("/invites", json!({})).await.ok(201)["code"].clone()
            }
            _ => Value::Null,
        };
        let user = if route.starts_with("PUT") { &self.bob } else { &self.lin };
        let path = path
            .replace("{room}", &self.room.to_string())
            .replace("{seq}", &self.seq.to_string())
            .replace("{user}", &user.id.to_string())
            .replace("{id}", &id)
            .replace("{key}", "theme")
            .replace("{emoji}", "%F0%9F%91%8D");
        let body = match route {
            "POST /auth/register" => json!({"name": "eve", "password": PASSWORD, "invite": invite}),
            "PUT /users/me/password" => json!({"old": PASSWORD, "new": "another tea pot"}),
            "PATCH /users/me" => json!({"status": "at tea"}),
            "POST /rooms" => json!({"kind": "group", "name": "hall"}),
            "POST /rooms/join" => json!({ "code": code }),
            "PATCH /rooms/{room}" => json!({"topic": "tea"}),
            "PUT /rooms/{room}/read-mark" => json!({"seq": self.seq}),
            "PATCH /rooms/{room}/mine" => json!({"favourite": true}),
            "PATCH /rooms/{room}/messages/{seq}" => json!({"text": "coffee?"}),
            _ => json!({}),
        };
        (path, body)
    }

    /// The heads of everything that a call could move.
    async fn heads(&self) -> Value {
        let body = json!({"own": 0, "rooms": []});
        let ada = self.ada.post("/sync", body.clone()).await;
        let lin = self.lin.post("/sync", body).await;
        json!([ada.body["rooms"], ada.body["own"]["to"], lin.body["rooms"], lin.body["own"]["to"]])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_with_the_same_key_is_done_once() {
    let changing = TABLE.iter().filter(|route| route.method != "GET");
    for route in changing.map(|route| format!("{} {}", route.method, route.path)) {
        if WITHOUT.contains(&route.as_str()) {
            continue;
        }
        let scene = Scene::set().await;
        let (path, mut body) = scene.call(&route).await;
        let method = route.split(' ').next().unwrap();
        let caller = if route.ends_with("/join") { &scene.bob } else { &scene.ada };
        let once = key();
        if route == "POST /rooms/{room}/messages" {
            body = json!({"key": once, "text": "tea?"});
        }
        if route == "POST /rooms/{room}/join" {
            // A room that bob sees.
            let public = json!({"visibility": "public"});
            scene.ada.call("PATCH", &format!("/rooms/{}", scene.room), public).await.ok(200);
        }
        let call = || async {
            Call::new(method, &path)
                .token(&caller.token)
                .header("idempotency-key", &once)
                .body(body.clone())
                .to(scene.house.address)
                .await
        };
        let first: Answer = call().await;
        assert!((200..300).contains(&first.status), "{route}: {first:?}");
        let heads = scene.heads().await;
        let again: Answer = call().await;
        assert_eq!(again.status, 200, "{route}: {again:?}");
        assert_eq!(scene.heads().await, heads, "{route} was done twice");
        if route != "POST /auth/register" {
            assert_eq!(again.body, first.body, "{route}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_one_thing() {
    let scene = Scene::set().await;
    let once = key();
    let call = |path: &str, body: Value| {
        let call =
            Call::new("PATCH", path).token(&scene.ada.token).header("idempotency-key", &once);
        call.body(body).to(scene.house.address)
    };
    call(&format!("/rooms/{}", scene.room), json!({"topic": "tea"})).await.ok(200);
    let other = call("/users/me", json!({"status": "tea"})).await;
    assert_eq!((other.status, other.refused()), (409, "conflict"));
    let message = format!("/rooms/{}/messages/{}", scene.room, scene.seq);
    assert_eq!(call(&message, json!({"text": "x"})).await.refused(), "conflict");
}
