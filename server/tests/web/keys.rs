//! API keys: a tenant's backend, and the people it acts for.

use crate::house::{Answer, Call, House, Person, Socket, int, key, list};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A backend with a key.
struct Backend {
    address: SocketAddr,
    key: String,
    id: String,
    /// Where its tenant's keys are.
    path: String,
}

impl Backend {
    async fn of(house: &House, tenant: i64, scopes: &[&str]) -> Backend {
        let path = format!("/admin/tenants/{tenant}/keys");
        let body = json!({"name": "shop", "scopes": scopes});
        let made = house.operator().post(&path, body).await.ok(201);
        let text = |name: &str| made[name].as_str().expect("text").to_owned();
        Backend { address: house.address, key: text("key"), id: text("id"), path }
    }

    fn begins(&self, method: &str, path: &str) -> Call {
        Call::new(method, path).header("x-api-key", &self.key)
    }

    async fn alone(&self, method: &str, path: &str, body: Value) -> Answer {
        self.begins(method, path).body(body).to(self.address).await
    }

    async fn acts(&self, who: &str, method: &str, path: &str, body: Value) -> Answer {
        self.begins(method, path).header("x-user-id", who).body(body).to(self.address).await
    }

    async fn dials(&self, who: &str) -> Result<Socket, u16> {
        let headers = [("x-api-key", self.key.as_str()), ("x-user-id", who)];
        Socket::dial_with(self.address, &headers).await
    }

    /// A socket for a person, greeted without a token.
    async fn socket(&self, who: &str) -> Socket {
        let mut socket = self.dials(who).await.expect("an upgrade");
        socket.say(json!({"type": "hello", "v": 1, "own": 0, "rooms": []})).await;
        socket.hears("welcome").await;
        socket
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_part_of_it_is_none() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let shop = Backend::of(&house, tenant, &["read", "act"]).await;
    let listed = eve.get(&shop.path).await.ok(200);
    let items = list(&listed["items"]);
    assert_eq!((items.len(), &items[0]["scopes"]), (1, &json!(["read", "act"])));
    assert!(!listed.to_string().contains(&shop.key[20..]), "{listed}");
    assert_eq!(shop.key.len(), 3 + 16 + 1 + 43);
    let whole = shop.key.clone();
    let other = whole.replace(&whole[20..], &"A".repeat(43));
    for wrong in ["", "hw_", "hw__", &whole[..62], &whole[..20], &whole[3..], &other, "x"] {
        let call = Call::new("GET", "/users").header("x-api-key", wrong);
        assert_eq!(call.to(house.address).await.refused(), (401, "signed_out"), "{wrong:?}");
        let both = eve.begins("GET", "/users").header("x-api-key", wrong);
        assert_eq!(both.to(house.address).await.refused(), (401, "signed_out"), "{wrong:?}");
        let dialled = Socket::dial_with(house.address, &[("x-api-key", wrong)]).await;
        assert_eq!(dialled.err(), Some(401));
    }
    shop.alone("GET", "/users", Value::Null).await.ok(200);
    for (field, body) in [
        ("name", json!({"name": "", "scopes": ["read"]})),
        ("scopes", json!({"name": "x", "scopes": []})),
        ("scopes", json!({"name": "x", "scopes": ["all"]})),
        ("scopes", json!({"name": "x"})),
    ] {
        let said = eve.post(&shop.path, body).await;
        assert_eq!((said.refused(), said.blames(field)), ((422, "invalid"), true), "{said:?}");
    }
    // Her own tenant's alone.
    let ada = house.ada().await;
    assert_eq!(ada.get(&shop.path).await.refused(), (404, "not_found"));
    let gone = format!("{}/{}", shop.path, shop.id);
    assert_eq!(ada.delete(&gone).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_names_nobody_does_what_its_scopes_say() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let channel = json!({"kind": "channel", "name": "news"});
    let news = int(&eve.post("/rooms", channel).await.ok(201)["room"]);
    let secret = eve.group("kitchen", &[]).await;
    let last = int(&eve.says(news, "hear, hear").await["seq"]);
    let shop = async |scope: &str| Backend::of(&house, tenant, &[scope]).await;
    let (read, write) = (shop("read").await, shop("write").await);
    let (act, admin) = (shop("act").await, shop("admin").await);
    let eves = format!("/users/{}", eve.user);
    let (public, private) = (format!("/rooms/{news}"), format!("/rooms/{secret}"));
    let messages = format!("{public}/messages");
    let body = json!({"address": "192.0.2.9", "reason": "spam"});
    let ban = eve.post("/bans", body.clone()).await.ok(201);
    house.ada().await.post("/bans", body).await.ok(201);
    let cases = [
        // What any account sees.
        ("GET", "/users".to_owned(), Value::Null, [200, 403, 403, 403]),
        ("GET", eves.clone(), Value::Null, [200, 403, 403, 403]),
        ("GET", "/rooms/directory".into(), Value::Null, [200, 403, 403, 403]),
        ("GET", public.clone(), Value::Null, [200, 403, 403, 403]),
        ("GET", messages.clone(), Value::Null, [200, 403, 403, 403]),
        ("GET", private, Value::Null, [404, 403, 403, 403]),
        // What is somebody's, or done by somebody.
        ("GET", "/users/me".into(), Value::Null, [403; 4]),
        ("GET", "/rooms".into(), Value::Null, [403; 4]),
        ("POST", "/rooms".into(), json!({"kind": "group", "name": "x"}), [403; 4]),
        ("POST", messages.clone(), json!({"key": key(), "text": "x"}), [403; 4]),
        ("POST", format!("{public}/join"), json!({}), [403; 4]),
        ("POST", "/sync".into(), json!({"own": 0, "rooms": []}), [403; 4]),
        ("POST", "/invites".into(), json!({}), [403; 4]),
        // What is a backend's.
        ("POST", format!("{eves}/sessions"), Value::Null, [403, 403, 201, 403]),
        ("GET", format!("/admin/tenants/{tenant}"), Value::Null, [403, 403, 403, 200]),
        ("GET", "/admin/tenants".into(), Value::Null, [403, 403, 403, 200]),
        ("POST", "/admin/tenants".into(), json!({"name": "x"}), [403; 4]),
        ("GET", "/admin/audit".into(), Value::Null, [403, 403, 403, 200]),
        // What its admins look at; what somebody answers for is somebody's.
        ("GET", "/bans".into(), Value::Null, [403, 403, 403, 200]),
        ("GET", "/reports".into(), Value::Null, [403, 403, 403, 200]),
        ("GET", "/invites".into(), Value::Null, [403, 403, 403, 200]),
        ("POST", "/bans".into(), json!({"address": "192.0.2.7", "reason": "x"}), [403; 4]),
        ("GET", read.path.clone(), Value::Null, [403, 403, 403, 200]),
    ];
    for (method, path, body, expected) in cases {
        for (backend, status) in [&read, &write, &act, &admin].into_iter().zip(expected) {
            let said = backend.alone(method, &path, body.clone()).await;
            assert_eq!(said.status, status, "{method} {path}: {said:?}");
        }
    }
    let said = admin.alone("GET", "/bans", Value::Null).await.ok(200);
    assert_eq!((list(&said["items"]).len(), &said["items"][0]["id"]), (1, &ban["id"]), "its own");
    for backend in [&read, &write, &admin] {
        let who = eve.user.to_string();
        let said = backend.acts(&who, "GET", "/users/me", Value::Null).await;
        assert_eq!(said.refused(), (403, "forbidden"));
        assert_eq!(backend.dials(&who).await.err(), Some(403));
    }
    let alone = Socket::dial_with(house.address, &[("x-api-key", act.key.as_str())]).await;
    assert_eq!(alone.err(), Some(403), "a socket is somebody's");
    // To act for an owner is not to run the tenant.
    let who = eve.user.to_string();
    let said = act.acts(&who, "GET", "/admin/audit", Value::Null).await;
    assert_eq!(said.refused(), (403, "forbidden"));
    let mut socket = act.socket(&who).await;
    let call = json!({"type": "call", "method": "GET", "path": "/admin/audit"});
    assert_eq!(socket.told(call).await["status"], 403);
    let head = int(&eve.get(&messages).await.ok(200)["as_of"]);
    assert_eq!(head, last, "nobody said or changed anything");
    // Another tenant's is not there for a key either.
    let ada = house.login("ada").await;
    let path = format!("/users/{}", ada.user);
    assert_eq!(read.alone("GET", &path, Value::Null).await.refused(), (404, "not_found"));
    assert_eq!(act.alone("POST", &format!("{path}/sessions"), Value::Null).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_acts_for_people_by_our_id_and_by_theirs() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let shop = Backend::of(&house, tenant, &["act"]).await;
    let who = eve.user.to_string();
    let me = shop.acts(&who, "GET", "/users/me", Value::Null).await.ok(200);
    assert_eq!((&me["user"], &me["role"]), (&json!(eve.user), &json!("owner")));
    // Nobody is made unless the tenant has it so.
    let unknown = shop.acts("ext:cust 7/ü", "GET", "/users/me", Value::Null).await;
    assert_eq!(unknown.refused(), (404, "not_found"));
    for wrong in ["", "x", "-1", "7", "ext:", "ext:\u{1}", "0", &i64::MAX.to_string()] {
        let said = shop.acts(wrong, "GET", "/users/me", Value::Null).await;
        assert!(matches!(said.status, 404 | 422 | 400), "{wrong:?}: {said:?}");
    }
    let config = json!({"config": {"act_creates_users": true}});
    eve.patch(&format!("/admin/tenants/{tenant}"), config).await.ok(200);
    let made = shop.acts("ext:cust 7/ü", "GET", "/users/me", Value::Null).await.ok(200);
    assert_eq!(made["display_name"], "cust 7/ü");
    assert_eq!((&made["name"], &made["role"]), (&json!("cust7ü"), &json!("member")));
    let again = shop.acts("ext:cust 7/ü", "GET", "/users/me", Value::Null).await.ok(200);
    assert_eq!(again, made);
    // Whoever looks alike is somebody else; so is the same name in another tenant.
    let alike = shop.acts("ext:cust7ü", "GET", "/users/me", Value::Null).await.ok(200);
    assert_ne!(alike["user"], made["user"]);
    let (other, _) = house.founds("milk", json!({"act_creates_users": true})).await;
    let dairy = Backend::of(&house, other, &["act"]).await;
    let hers = dairy.acts("ext:cust 7/ü", "GET", "/users/me", Value::Null).await.ok(200);
    assert_ne!(hers["user"], made["user"]);
    for foreign in [&made["user"], &json!(eve.user)] {
        let said = dairy.acts(&foreign.to_string(), "GET", "/users/me", Value::Null).await;
        assert_eq!(said.refused(), (404, "not_found"));
    }
    // They talk like anybody, over REST and over a socket that needs no token.
    let room = eve.group("support", &[]).await;
    let member = format!("/rooms/{room}/members/{}", made["user"]);
    eve.put(&member, json!({})).await.ok(200);
    let body = json!({"key": key(), "text": "where is my tea?"});
    let path = format!("/rooms/{room}/messages");
    let said = shop.acts("ext:cust 7/ü", "POST", &path, body.clone()).await.ok(201);
    assert_eq!(said["sender"], made["user"]);
    shop.acts("ext:cust 7/ü", "POST", &path, body).await.ok(200);
    let mut socket = shop.socket("ext:cust 7/ü").await;
    eve.says(room, "on its way").await;
    let event = socket.hears("event").await;
    assert_eq!(event["rows"][0]["text"], "on its way");
    let sent = json!({"type": "send", "room": room, "key": key(), "text": "thanks"});
    assert_eq!(socket.told(sent).await["type"], "ok");
    let call = json!({"type": "call", "method": "GET", "path": "/users/me"});
    assert_eq!(socket.told(call).await["body"]["user"], made["user"]);
    // What they may not, the backend may not for them.
    let denied = shop.acts("ext:cust 7/ü", "DELETE", &format!("/rooms/{room}"), Value::Null).await;
    assert_eq!(denied.refused(), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_mints_sessions_for_its_people() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({"act_creates_users": true})).await;
    let shop = Backend::of(&house, tenant, &["act"]).await;
    let once = key();
    let mints = async || {
        let call = shop.begins("POST", "/users/ext:bob/sessions").header("idempotency-key", &once);
        call.body(json!({"device": "web"})).to(house.address).await
    };
    let minted = mints().await.ok(201);
    let bob = Person::of(house.address, &minted);
    assert_eq!(minted["user"]["name"], "bob");
    bob.get("/users/me").await.ok(200);
    bob.socket().await;
    let again = mints().await.ok(200);
    assert_eq!(again["session"]["id"], minted["session"]["id"]);
    assert_eq!(list(&bob.get("/auth/sessions").await.ok(200)["rows"]).len(), 1);
    assert_eq!(bob.get("/auth/sessions").await.ok(200)["rows"][0]["device"], "web");
    let refresh = json!({"refresh_token": bob.refresh});
    house.call("POST", "/auth/refresh", refresh).await.ok(200);
    let path = format!("/users/{}/sessions", bob.user);
    assert_ne!(shop.alone("POST", &path, Value::Null).await.ok(201)["session"]["id"], bob.session);
    assert_eq!(shop.alone("POST", "/users/7/sessions", Value::Null).await.status, 404);
    // Nobody without a key mints anything, not even for themselves.
    assert_eq!(eve.post(&path, Value::Null).await.refused(), (403, "forbidden"));
    assert_eq!(bob.post(&path, Value::Null).await.refused(), (403, "forbidden"));
    let acts: Vec<_> = list(&eve.get("/admin/audit").await.ok(200)["items"])
        .iter()
        .filter(|line| line["actor"] == format!("key:{}", shop.id))
        .map(|line| line["act"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(acts, ["session_minted", "session_minted", "registered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_removed_is_refused_and_its_connections_close_within_a_second() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let (shop, till) =
        (Backend::of(&house, tenant, &["act"]).await, Backend::of(&house, tenant, &["act"]).await);
    let who = eve.user.to_string();
    let (mut shops, mut tills) = (shop.socket(&who).await, till.socket(&who).await);
    let mut hers = eve.socket().await.0;
    let asked = Instant::now();
    let gone = format!("{}/{}", shop.path, shop.id);
    eve.delete(&gone).await.ok(204);
    assert_eq!(shops.closed().await, Some(4001));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let refused = shop.acts(&who, "GET", "/users/me", Value::Null).await;
    assert_eq!(refused.refused(), (401, "signed_out"));
    assert_eq!(shop.dials(&who).await.err(), Some(401));
    assert_eq!(eve.delete(&gone).await.refused(), (404, "not_found"));
    for other in [&mut tills, &mut hers] {
        assert_eq!(other.told(json!({"type": "own", "since": 0})).await["type"], "own");
    }
    // So do those of somebody whose account is closed, and of a tenant that is shut.
    let lin = house.joins("tea", "lin", None).await;
    let mut for_lin = till.socket(&lin.user.to_string()).await;
    lin.delete("/users/me").await.ok(204);
    assert_eq!(for_lin.closed().await, Some(4003));
    assert_eq!(till.acts(&lin.user.to_string(), "GET", "/rooms", Value::Null).await.status, 404);
    let shut = json!({"suspended": true});
    house.operator().patch(&format!("/admin/tenants/{tenant}"), shut).await.ok(200);
    assert_eq!(tills.closed().await, Some(4001));
    let refused = till.acts(&who, "GET", "/users/me", Value::Null).await;
    assert_eq!(refused.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_reach_whoever_a_backend_acts_for() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({})).await;
    let shop = Backend::of(&house, tenant, &["act"]).await;
    let (lin, bob) = (house.joins("tea", "lin", None).await, house.joins("tea", "bob", None).await);
    let room = eve.group("kitchen", &[&lin, &bob]).await;
    let (for_lin, for_bob) = (lin.user.to_string(), bob.user.to_string());
    let (mut lins, mut bobs) = (shop.socket(&for_lin).await, shop.socket(&for_bob).await);
    // Removed from a room, its events stop.
    eve.removes(room, &lin).await;
    lins.until(|said| said["rows"].to_string().contains("\"removed\"")).await;
    let seq = int(&eve.says(room, "psst").await["seq"]);
    bobs.until(|said| said["seq"] == seq).await;
    let pull = json!({"type": "pull", "room": room, "since": 0});
    assert_eq!(lins.told(pull.clone()).await["code"], "not_found");
    assert_eq!(bobs.told(pull).await["type"], "delta");
    // Banned, the connection ends and the key opens nothing for them, while for others it does.
    let asked = Instant::now();
    let ban = eve.post("/bans", json!({"user": bob.user, "reason": "spam"})).await.ok(201);
    assert_eq!(bobs.closed().await, Some(4003));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let refused = shop.acts(&for_bob, "GET", "/users/me", Value::Null).await;
    assert_eq!(refused.refused(), (403, "forbidden"));
    assert_eq!(shop.dials(&for_bob).await.err(), Some(403));
    let minted = shop.alone("POST", &format!("/users/{for_bob}/sessions"), Value::Null).await;
    assert_eq!(minted.refused(), (403, "forbidden"));
    assert_eq!(lins.told(json!({"type": "own", "since": 0})).await["type"], "own");
    // So it is with an address: this one is everybody's but the owner's.
    let barred = json!({"address": "127.0.0.1", "reason": "spam"});
    let barred = eve.post("/bans", barred).await.ok(201);
    assert_eq!(lins.closed().await, Some(4001));
    for ban in [ban, barred] {
        eve.delete(&format!("/bans/{}", ban["id"].as_str().expect("an id"))).await.ok(204);
    }
    let own = json!({"type": "own", "since": 0});
    assert_eq!(shop.socket(&for_bob).await.told(own).await["type"], "own");
}
