//! Tenants: made by the operator, set up by their owners, kept to what they are set up for, shut at
//! once, and gone for good.

use crate::house::{Answer, Call, House, PASSWORD, Person, Socket, int, key, list};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn register(house: &House, tenant: &str, name: &str, invite: Option<&str>) -> Answer {
    let body = json!({"tenant": tenant, "name": name, "password": PASSWORD, "invite": invite});
    house.call("POST", "/auth/register", body).await
}

async fn acts(person: &Person, query: &str) -> Vec<String> {
    let said = person.get(&format!("/admin/audit?{query}")).await.ok(200);
    let items = list(&said["items"]).iter();
    items.map(|line| line["act"].as_str().expect("an act").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_tenants_and_their_first_owner_owns_them() {
    let house = House::open().await;
    let operator = house.operator();
    let body =
        json!({"name": "Tea.House", "title": "The tea house", "config": {"flags": {"x": 1}}});
    let made = operator.post("/admin/tenants", body).await.ok(201);
    assert_eq!((&made["name"], &made["title"]), (&json!("tea.house"), &json!("The tea house")));
    assert_eq!(made["config"]["flags"], json!({"x": 1}));
    assert_eq!((&made["config"]["text_max"], &made["suspended"]), (&Value::Null, &json!(false)));
    let (id, token) = (int(&made["tenant"]), made["owner_token"].as_str());
    let shown = operator.get(&format!("/admin/tenants/{id}")).await.ok(200);
    assert!(shown.get("owner_token").is_none(), "it is shown once: {shown}");
    assert_eq!(shown["config"], made["config"]);
    let taken = operator.post("/admin/tenants", json!({"name": "TEA.HOUSE"})).await;
    assert_eq!(taken.refused(), (409, "taken"));

    // The token makes one owner, in that tenant alone; the first owner's link stays what it was.
    let wrong = register(&house, "default", "eve", token).await;
    assert_eq!((wrong.refused(), wrong.blames("invite")), ((422, "invalid"), true));
    let said = register(&house, "Tea.House", "eve", token).await.ok(201);
    let eve = Person::of(house.address, &said);
    assert_eq!(said["user"]["role"], "owner");
    assert!(house.owner_token().is_some(), "nobody owns the server yet");
    assert_eq!(register(&house, "tea.house", "bob", token).await.refused(), (422, "invalid"));

    // She sees her own tenant and no other, and may not do what is the operator's.
    let mine = eve.get("/admin/tenants").await.ok(200);
    assert_eq!(list(&mine["items"]).len(), 1);
    assert_eq!(mine["items"][0]["tenant"], id);
    let all = operator.get("/admin/tenants?limit=1").await.ok(200);
    let next = format!("/admin/tenants?next={}", all["next"].as_str().expect("more"));
    let rest = operator.get(&next).await.ok(200);
    assert_eq!(list(&rest["items"]).len(), 1);
    let path = format!("/admin/tenants/{id}");
    let title = eve.patch(&path, json!({"title": "Eve's"})).await.ok(200);
    assert_eq!((&title["title"], &title["name"]), (&json!("Eve's"), &json!("tea.house")));
    for limits in [
        json!({"suspended": true}),
        json!({"config": {"quota_bytes": 7}}),
        json!({"config": {"requests_per_second": 7}}),
        json!({"config": {"file_max": 7}}),
    ] {
        assert_eq!(eve.patch(&path, limits).await.refused(), (403, "forbidden"));
    }
    // What she reads she may send back whole.
    eve.patch(&path, json!({"config": title["config"], "suspended": false})).await.ok(200);
    let ada = house.ada().await;
    assert_eq!(ada.get(&path).await.refused(), (404, "not_found"));
    assert_eq!(ada.get("/admin/tenants/7").await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_the_operators_opens_nothing() {
    let house = House::open().await;
    let operator = house.operator();
    operator.get("/admin/tenants").await.ok(200);
    for wrong in ["", "x", &operator.token[1..], &operator.token[..42]] {
        let call = Call::new("GET", "/admin/tenants").token(wrong);
        assert_eq!(call.to(house.address).await.refused(), (401, "signed_out"), "{wrong}");
    }
    // The operator is no person.
    assert_eq!(operator.get("/users/me").await.refused(), (401, "signed_out"));
    assert_eq!(operator.get("/rooms").await.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_says_where_and_stores_nothing() {
    let house = House::open().await;
    let operator = house.operator();
    let (id, _) = house.founds("tea", json!({})).await;
    let path = format!("/admin/tenants/{id}");
    let before = operator.get(&path).await.ok(200);
    let long = json!({"a": "x".repeat(5_000)});
    for (field, body) in [
        ("config", json!({"config": {"text_max": 0}})),
        ("config", json!({"config": {"text_max": 65_537}})),
        ("config", json!({"config": {"requests_per_second": 0}})),
        ("config", json!({"config": {"retention_days": 40_000}})),
        ("config", json!({"config": {"quota_bytes": -1}})),
        ("config", json!({"config": {"guests": "some"}})),
        ("config", json!({"config": {"origins": ["*"]}})),
        ("config", json!({"config": {"origins": ["https://x.example/"]}})),
        ("config", json!({"config": {"origins": "https://x.example"}})),
        ("config", json!({"config": {"flags": long}})),
        ("config", json!({"config": {"flags": {"a": "\0"}}})),
        ("config", json!({"config": 7, "title": "kept?"})),
        ("registration", json!({"registration": "some", "title": "kept?"})),
        ("title", json!({"title": "x".repeat(81), "config": {"text_max": 10}})),
        ("title", json!({"title": ""})),
    ] {
        let said = operator.patch(&path, body.clone()).await;
        assert_eq!(
            (said.refused(), said.blames(field)),
            ((422, "invalid"), true),
            "{body}: {said:?}"
        );
        assert_eq!(operator.get(&path).await.ok(200), before, "{body}");
        let made = operator.post("/admin/tenants", {
            let mut body = body.clone();
            body["name"] = json!("new");
            body
        });
        let made = made.await;
        assert_eq!(
            (made.refused(), made.blames(field)),
            ((422, "invalid"), true),
            "{body}: {made:?}"
        );
    }
    for name in ["", "a b", "#1", &"x".repeat(51)] {
        let said = operator.post("/admin/tenants", json!({"name": name})).await;
        assert_eq!((said.refused(), said.blames("name")), ((422, "invalid"), true), "{name}");
    }
    let all = operator.get("/admin/tenants").await.ok(200);
    assert_eq!(list(&all["items"]).len(), 2, "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_text_may_be_is_the_tenants_to_say() {
    let house = House::open().await;
    let (id, eve) = house.founds("tea", json!({"text_max": 10, "file_max": 7})).await;
    let room = eve.group("kitchen", &[]).await;
    let path = format!("/rooms/{room}/messages");
    let said = async |length: usize| {
        eve.post(&path, json!({"key": key(), "text": "x".repeat(length)})).await
    };
    said(10).await.ok(201);
    let long = said(11).await;
    assert_eq!((long.refused(), long.blames("text")), ((422, "invalid"), true));
    let (mut socket, welcome) = eve.socket().await;
    assert_eq!((&welcome["limits"]["text"], &welcome["limits"]["file"]), (&json!(10), &json!(7)));
    let mut sends = async |length: usize| {
        let text = "x".repeat(length);
        socket.told(json!({"type": "send", "room": room, "key": key(), "text": text})).await
    };
    assert_eq!(sends(11).await["code"], "invalid");
    assert_eq!(sends(10).await["type"], "ok");
    // A change counts at once, on connections that are open as well.
    let config = json!({"config": {"text_max": 20}});
    let changed = eve.patch(&format!("/admin/tenants/{id}"), config).await.ok(200);
    assert_eq!(changed["config"]["file_max"], 7, "what is not named stays");
    assert_eq!(sends(20).await["type"], "ok");
    assert_eq!(sends(21).await["code"], "invalid");
    said(20).await.ok(201);
    let back = json!({"config": {"text_max": null}});
    eve.patch(&format!("/admin/tenants/{id}"), back).await.ok(200);
    said(4_000).await.ok(201);
    // Another tenant has what it has.
    let ada = house.ada().await;
    let room = ada.group("office", &[]).await;
    ada.says(room, &"x".repeat(4_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_is_shut_at_once_and_opens_again_as_it_was() {
    let house = House::open().await;
    let operator = house.operator();
    let ada = house.ada().await;
    let (id, eve) = house.founds("tea", json!({})).await;
    let path = format!("/admin/tenants/{id}");
    let (mut hers, mut other) = (eve.socket().await.0, ada.socket().await.0);
    let poll = eve.clone();
    let asked = Instant::now();
    operator.patch(&path, json!({"suspended": true})).await.ok(200);
    assert_eq!(hers.closed().await, Some(4001));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(poll.get("/users/me").await.refused(), (401, "signed_out"));
    let again = house.call("POST", "/auth/refresh", json!({"refresh_token": eve.refresh})).await;
    assert_eq!(again.refused(), (401, "signed_out"));
    let login = json!({"tenant": "tea", "login": "eve", "password": PASSWORD});
    let login = async || house.call("POST", "/auth/login", login.clone()).await;
    assert_eq!(login().await.refused(), (401, "wrong_credentials"));
    assert_eq!(register(&house, "tea", "bob", None).await.refused(), (404, "not_found"));
    let asked = house.call("GET", "/server?tenant=tea", Value::Null).await;
    assert_eq!(asked.refused(), (404, "not_found"));
    let mut late = Socket::dial(house.address).await;
    let hello = json!({"type": "hello", "v": 1, "token": eve.token, "own": 0, "rooms": []});
    late.say(hello).await;
    assert_eq!(late.closed().await, Some(4001));
    assert_eq!(other.told(json!({"type": "own", "since": 0})).await["type"], "own", "others go on");

    operator.patch(&path, json!({"suspended": false})).await.ok(200);
    eve.get("/users/me").await.ok(200);
    login().await.ok(200);
    assert_eq!(eve.socket().await.1["type"], "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_register_is_the_tenants_to_say() {
    let house = House::open().await;
    let operator = house.operator();
    let (id, eve) = house.founds("tea", json!({})).await;
    let path = format!("/admin/tenants/{id}");
    let info = house.call("GET", "/server?tenant=TEA", Value::Null).await.ok(200);
    assert_eq!((&info["name"], &info["registration"]), (&json!("tea"), &json!("open")));
    assert_eq!(house.call("GET", "/server?tenant=milk", Value::Null).await.status, 404);
    register(&house, "tea", "lin", None).await.ok(201);
    eve.patch(&path, json!({"registration": "closed"})).await.ok(200);
    assert_eq!(register(&house, "tea", "bob", None).await.refused(), (403, "forbidden"));
    let back = operator.patch(&path, json!({"registration": null})).await.ok(200);
    assert_eq!(back["registration"], Value::Null);
    let said = register(&house, "tea", "bob", None).await;
    assert_eq!((said.refused(), said.blames("invite")), ((422, "invalid"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_call_for_the_tenant_that_named_their_origin_alone() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (id, eve) = house.founds("tea", json!({"origins": ["https://tea.example"]})).await;
    let from = async |person: &Person, origin: &str| {
        person.begins("GET", "/users/me").header("origin", origin).to(house.address).await
    };
    let page = from(&eve, "https://tea.example").await;
    assert_eq!(page.headers["access-control-allow-origin"], "https://tea.example");
    page.ok(200);
    assert_eq!(from(&ada, "https://tea.example").await.refused(), (403, "forbidden"));
    assert_eq!(from(&eve, "https://evil.example").await.refused(), (403, "forbidden"));
    let login = async |tenant: &str, name: &str| {
        let body = json!({"tenant": tenant, "login": name, "password": PASSWORD});
        let call = Call::new("POST", "/auth/login").header("origin", "https://tea.example");
        call.body(body).to(house.address).await
    };
    login("tea", "eve").await.ok(200);
    assert_eq!(login("default", "ada").await.refused(), (401, "wrong_credentials"));
    // The same of sockets: the door opens for the page, the tenant is asked at hello.
    let hello = async |person: &Person| {
        let dialled = Socket::dial_from(house.address, Some("https://tea.example")).await;
        let mut socket = dialled.expect("an upgrade");
        let hello = json!({"type": "hello", "v": 1, "token": person.token, "own": 0, "rooms": []});
        socket.say(hello).await;
        socket.next().await
    };
    assert_eq!(hello(&eve).await.expect("a frame")["type"], "welcome");
    assert_eq!(hello(&ada).await.expect("a frame")["code"], "forbidden");
    // Taken away, it is shut.
    eve.patch(&format!("/admin/tenants/{id}"), json!({"config": {"origins": []}})).await.ok(200);
    assert_eq!(from(&eve, "https://tea.example").await.refused(), (403, "forbidden"));
    let shut = Socket::dial_from(house.address, Some("https://tea.example")).await;
    assert_eq!(shut.err(), Some(403));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_the_rate_it_was_given() {
    let house = House::strict().await;
    let ada = house.ada().await;
    let (_, eve) = house.founds("tea", json!({"requests_per_second": 1})).await;
    let mut refused = None;
    for _ in 0..100 {
        let said = eve.get("/users/me").await;
        if said.status != 200 {
            refused = Some(said);
            break;
        }
    }
    let refused = refused.expect("a hundred calls in much less than a hundred seconds");
    assert_eq!(refused.refused(), (429, "rate_limited"));
    ada.get("/users/me").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_erased_once_it_was_suspended() {
    let house = House::open().await;
    let operator = house.operator();
    let (id, eve) = house.founds("tea", json!({})).await;
    let room = eve.group("kitchen", &[]).await;
    eve.says(room, "gone with it").await;
    let path = format!("/admin/tenants/{id}");
    assert_eq!(operator.delete(&path).await.refused(), (409, "conflict"));
    assert_eq!(eve.delete(&path).await.refused(), (403, "forbidden"));
    operator.patch(&path, json!({"suspended": true})).await.ok(200);
    operator.delete(&path).await.ok(204);
    assert_eq!(operator.get(&path).await.refused(), (404, "not_found"));
    assert_eq!(operator.delete(&path).await.refused(), (404, "not_found"));
    assert_eq!(eve.get("/users/me").await.refused(), (401, "signed_out"));
    // Its name is free, and whoever takes it finds nothing of it.
    let (again, eve) = house.founds("tea", json!({})).await;
    assert_ne!(again, id);
    assert_eq!(eve.get("/rooms").await.ok(200)["rows"], json!([]));
    let own = list(&operator.get("/admin/tenants").await.ok(200)["items"])
        .iter()
        .find(|tenant| tenant["name"] == "default")
        .map(|tenant| int(&tenant["tenant"]))
        .expect("the default tenant");
    operator.patch(&format!("/admin/tenants/{own}"), json!({"suspended": true})).await.ok(200);
    let stays = operator.delete(&format!("/admin/tenants/{own}")).await;
    assert_eq!(stays.refused(), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_tells_who_came_who_failed_and_what_changed() {
    let house = House::open().await;
    let operator = house.operator();
    let ada = house.ada().await;
    let (id, eve) = house.founds("tea", json!({})).await;
    let wrong = json!({"tenant": "tea", "login": "eve", "password": "guess-guess"});
    house.call("POST", "/auth/login", wrong).await.refused();
    let body = json!({"tenant": "tea", "login": "eve", "password": PASSWORD});
    let laptop = Person::of(house.address, &house.call("POST", "/auth/login", body).await.ok(200));
    laptop.post("/auth/logout", Value::Null).await.ok(204);
    let new = json!({"old": PASSWORD, "new": "another tea pot"});
    eve.put("/users/me/password", new).await.ok(204);
    eve.patch(&format!("/admin/tenants/{id}"), json!({"title": "Eve's"})).await.ok(200);
    let expected = [
        "tenant_changed",
        "password_changed",
        "sign_out",
        "sign_in",
        "sign_in_failed",
        "sign_in",
        "registered",
        "tenant_made",
    ];
    assert_eq!(acts(&eve, "").await, expected);
    // One page after another is the same; so are the lines.
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let said = eve.get(&format!("/admin/audit?limit=3{before}")).await.ok(200);
        paged.extend(list(&said["items"]).to_vec());
        let Some(next) = said["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let lines = eve.begins("GET", "/admin/audit").header("accept", "application/x-ndjson");
    let lines = lines.to(house.address).await;
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let text = lines.ok(200).as_str().expect("lines").to_owned();
    let parsed = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert_eq!(parsed.collect::<Vec<_>>(), paged);
    assert_eq!(paged.len(), expected.len());
    assert!(paged.iter().all(|line| line["id"].is_string() && line["at"].is_i64()));
    assert_eq!(paged[0]["detail"]["changed"], json!(["title"]));
    assert_eq!((&paged[1]["actor"], &paged[1]["address"]), (&json!(eve.user), &json!("127.0.0.1")));
    assert_eq!(paged[4]["actor"], Value::Null);
    assert_eq!(paged[4]["target"], json!(format!("user:{}", eve.user)));
    assert_eq!(paged[7]["actor"], "operator");
    // By actor, by act; no other tenant's; the operator sees all.
    assert_eq!(acts(&eve, "act=sign_in_failed").await.len(), 1);
    assert_eq!(acts(&eve, &format!("act=sign_in&actor={}", eve.user)).await.len(), 2);
    assert_eq!(acts(&eve, &format!("actor={}", ada.user)).await.len(), 0);
    assert_eq!(acts(&ada, "").await, ["sign_in", "registered"]);
    assert_eq!(acts(&operator, "").await.len(), expected.len() + 2);
    assert_eq!(acts(&operator, &format!("tenant={id}")).await, expected);
    let other = ada.get(&format!("/admin/audit?tenant={id}")).await;
    assert_eq!(other.refused(), (404, "not_found"));
    let odd = eve.get("/admin/audit?before=x").await;
    assert_eq!((odd.refused(), odd.blames("before")), ((422, "invalid"), true));
}
