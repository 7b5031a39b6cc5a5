//! The multi-tenant chat API: tenants apart, keys that act for people, numbers by room, free data on
//! messages, acknowledgements that a connection starts from, many connections a person, a grace
//! before somebody counts as gone, health and figures for operators.

use hallway_protocol::frames::{Acked, ClientFrame, Cursors, Presence, ServerFrame};
use hallway_tests::wait::within;
use hallway_tests::wire::{Socket, hello, key};
use hallway_tests::{Engine, House, Rest, Setup};
use serde_json::json;
use std::time::{Duration, Instant};

/// The operator, by the token in the data folder.
fn operator(house: &House) -> Rest {
    let token = std::fs::read_to_string(house.data().join("operator")).expect("a token");
    let mut operator = Rest::at(&house.url());
    operator.token = Some(token.trim().to_owned());
    operator
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_acts_for_its_people_and_tenants_never_meet() {
    let house = House::open().await;
    let operator = operator(&house);
    let mut keys = Vec::new();
    for name in ["shop", "bank"] {
        let config = json!({"act_creates_users": true, "text_max": 50, "flags": {"beta": true}});
        let new = json!({"name": name, "title": name.to_uppercase(), "config": config});
        let tenant = operator.post("/admin/tenants", new).await.good();
        let path = format!("/admin/tenants/{}/keys", tenant["tenant"]);
        let new = json!({"name": "backend", "scopes": ["read", "write", "act"]});
        let key = operator.post(&path, new).await.good();
        keys.push(key["key"].as_str().expect("shown once").to_owned());
        let shown = operator.get(&path).await.good();
        assert!(!shown.to_string().contains(&keys[keys.len() - 1]), "never again: {shown}");
    }
    // The same number at home is a person of each; made when they are first spoken for.
    let acts = |key: &str, who: &str| {
        Rest::at(&house.url()).header("X-API-Key", key).header("X-User-Id", who)
    };
    let id = |row: &serde_json::Value| row["user"].as_i64().expect("a user row");
    let (buyer, seller) = (acts(&keys[0], "ext:7"), acts(&keys[0], "ext:8"));
    let elsewhere = acts(&keys[1], "ext:7");
    let buyers = id(&buyer.get("/users/me").await.good());
    let sellers = id(&seller.get("/users/me").await.good());
    let others = id(&elsewhere.get("/users/me").await.good());
    assert_eq!(buyers, id(&buyer.get("/users/me").await.good()), "found again");
    assert!(buyers != others && buyers != sellers);

    // A direct room is one, from either side; its words stay in its tenant.
    let first = buyer.post("/rooms/direct", json!({"users": [sellers]})).await.good();
    let same = seller.post("/rooms/direct", json!({"users": [buyers]})).await.good();
    assert_eq!(first["room"], same["room"]);
    let room = hallway_protocol::ids::RoomId(first["room"].as_i64().expect("a room row"));
    let said = buyer.says(room, "is it blue?").await;
    let long = json!({"key": key(), "text": "x".repeat(51)});
    let refused = buyer.post(&format!("/rooms/{room}/messages"), long).await;
    assert_eq!(refused.refused(), (422, "invalid"), "this tenant's texts are short");
    assert_eq!(seller.history(room).await.last().expect("it").text, "is it blue?");
    for path in [
        format!("/rooms/{room}"),
        format!("/rooms/{room}/messages/{}", said.seq),
        format!("/users/{buyers}"),
    ] {
        assert_eq!(elsewhere.get(&path).await.refused(), (404, "not_found"), "{path}");
    }
    let direct = elsewhere.post("/rooms/direct", json!({"users": [sellers]})).await;
    assert_eq!(direct.refused(), (422, "invalid"));

    // A session for an app of theirs, on the socket too; and a socket by the key alone.
    let minted = seller.post(&format!("/users/{sellers}/sessions"), json!({})).await.good();
    let mut app = Rest::at(&house.url());
    app.takes(&minted["session"]);
    let mut socket = Socket::open(&app).await;
    let more = buyer.says(room, "and large?").await;
    socket.event(room, more.seq).await;

    // A tenant that is switched off is off at once, whatever was open.
    let tenants = operator.get("/admin/tenants").await.good();
    let mut shop = tenants["items"].as_array().into_iter().flatten();
    let shop = shop.find(|one| one["name"] == "shop").expect("listed")["tenant"].clone();
    let path = format!("/admin/tenants/{shop}");
    operator.patch(&path, json!({"suspended": true})).await.good();
    assert_eq!(socket.ends().await.0, Some(4001));
    assert_eq!(buyer.get("/users/me").await.status, 401);
    elsewhere.get("/users/me").await.good();
}

/// Takes one HTTP request and answers 200: its head, in lower case, and its body.
async fn taken(listener: &tokio::net::TcpListener) -> (String, serde_json::Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut stream, _) = listener.accept().await.expect("a call");
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&heard).into_owned();
        let whole = text.split_once("\r\n\r\n").and_then(|(head, body)| {
            let head = head.to_lowercase();
            let (_, rest) = head.split_once("content-length:")?;
            let length: usize = rest.lines().next()?.trim().parse().ok()?;
            (body.len() >= length).then(|| (head.clone(), body.to_owned()))
        });
        if let Some((head, body)) = whole {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.expect("answered");
            return (head, serde_json::from_str(&body).expect("JSON"));
        }
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await.expect("bytes");
        assert!(read > 0, "it ended early: {text}");
        heard.extend_from_slice(&some[..read]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_hears_what_happens_and_tells_its_people() {
    let setup = Setup::new(Engine::Sqlite).env("HALLWAY_OUTBOUND_ALLOW", "127.0.0.1/32");
    let house = House::with(setup).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let hook = ada.post("/webhooks", json!({"url": url, "events": ["message"]})).await.good();
    ada.says(kitchen, "is anybody there?").await;
    let (head, call) = hallway_tests::soon("the webhook's call", taken(&listener)).await;
    assert!(head.contains("hallway-signature: t=") && head.contains("hallway-delivery:"), "{head}");
    assert_eq!((&call["event"], &call["room"]), (&json!("message"), &json!(kitchen)), "{call}");
    assert!(call.to_string().contains("is anybody there?"), "{call}");
    let path = format!("/webhooks/{}/deliveries", hook["id"].as_str().expect("an id"));
    hallway_tests::soon("the delivery is written down", async {
        loop {
            let items = ada.get(&path).await.good()["items"].clone();
            if items[0]["status"] == json!("delivered") {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;

    // The other way: a notice with a topic of its own, which waits for who is not connected.
    let tenants = ada.get("/admin/tenants").await.good();
    let keys = format!("/admin/tenants/{}/keys", tenants["items"][0]["tenant"]);
    let key = ada.post(&keys, json!({"name": "shop", "scopes": ["write"]})).await.good();
    let shop = Rest::at(&house.url()).header("X-API-Key", key["key"].as_str().expect("a key"));
    let notice = json!({"topic": "order", "payload": {"number": 7}, "users": [lin.user]});
    shop.post("/notifications", notice).await.good();
    let items = lin.get("/notifications").await.good()["items"].clone();
    assert_eq!((&items[0]["topic"], &items[0]["payload"]["number"]), (&json!("order"), &json!(7)));
    lin.put("/notifications/read", json!({"up_to": items[0]["id"]})).await.good();
    assert_eq!(lin.get("/notifications").await.good()["items"][0]["read"], true);
    assert_eq!(ada.get("/notifications").await.good()["items"], json!([]), "it is hers alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_starts_from_the_last_ack() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let one = ada.says(kitchen, "one").await;
    let mut his = Socket::open(&lin).await;
    let ack = ClientFrame::Ack { rooms: vec![(kitchen, one.seq)], own: None };
    his.send(&ack).await.expect("open");
    // A command after it is answered after it was taken.
    let id = his.says(kitchen, key(), "two").await.expect("open");
    let two = his.answer(id).await.expect("taken");
    drop(his);

    let mut acked = hello(&lin);
    acked.rooms = Cursors::Word(Acked::Acked);
    let his = Socket::tries(&lin, acked).await.expect("a socket");
    let head = his.welcome.rooms.iter().find(|head| head.room == kitchen).expect("it is behind");
    assert_eq!(Some(head.head), two.seq);
    assert!(head.head > one.seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_carry_free_data_and_numbers_of_their_room() {
    let house = House::open().await;
    let ada = house.owner.clone();
    let (kitchen, hall) = (ada.creates("kitchen").await, ada.creates("hall").await);
    let meta = json!({"order": 7, "tags": ["a", "b"], "deep": {"x": null}});
    let said = json!({"key": key(), "text": "with data", "meta": meta});
    let path = format!("/rooms/{kitchen}/messages");
    let first = ada.post(&path, said.clone()).await;
    assert_eq!(first.status, 201);
    let again = ada.post(&path, said).await;
    assert_eq!((again.status, &again.body), (200, &first.body), "the same key is the same message");
    assert_eq!(first.body["meta"], meta);
    let large = json!({"key": key(), "text": "x", "meta": {"x": "y".repeat(4_097)}});
    assert_eq!(ada.post(&path, large).await.refused(), (422, "invalid"));

    // Each room counts for itself, without gaps.
    for n in 1..=5 {
        for room in [kitchen, hall] {
            let said = ada.says(room, "count").await;
            let first = i64::from(room == kitchen);
            assert_eq!(said.n, n + first);
        }
    }
    // A key used in another room is another message; for another target it is a conflict.
    let twice = key();
    let one = ada.post(&path, json!({"key": twice, "text": "here"})).await;
    let hall = format!("/rooms/{hall}/messages");
    let two = ada.post(&hall, json!({"key": twice, "text": "there"})).await;
    assert_eq!((one.status, two.status), (201, 201));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_counts_as_gone_after_a_grace_and_not_before() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let (laptop, phone) = (Socket::open(&lin).await, Socket::open(&lin).await);
    let mut hers = Socket::open(&ada).await;
    hers.send(&ClientFrame::Watch { users: vec![lin.user], room: None }).await.expect("open");
    let mut sees = async |wanted: Presence| {
        let user = lin.user;
        hers.until("presence", |frame| match frame {
            ServerFrame::Presence { users } => users.contains(&(user, wanted)).then_some(()),
            _ => None,
        })
        .await;
    };
    sees(Presence::Online).await;
    drop(laptop);
    drop(phone);
    let left = Instant::now();
    within(Duration::from_secs(90), "she counts as gone", sees(Presence::Offline)).await;
    let grace = left.elapsed().as_secs();
    assert!((15..60).contains(&grace), "gone after {grace} s; the grace is 20 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_health_and_figures() {
    let setup = Setup::new(Engine::Sqlite).env("HALLWAY_LOG", "json");
    let house = House::with(setup).await;
    let kitchen = house.owner.creates("kitchen").await;
    house.owner.says(kitchen, "for the figures").await;
    let http = hallway_tests::wire::plain();
    for path in ["/health", "/health/ready"] {
        let answer = http.get(format!("{}{path}", house.url())).send().await.expect("answered");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
    }
    let answer = http.get(format!("{}/metrics", house.url())).send().await.expect("answered");
    let figures = answer.text().await.expect("text");
    assert!(figures.contains("hallway_"), "{figures}");
    assert!(!figures.contains("for the figures"), "figures carry no text");
    for line in house.log().lines() {
        let json = serde_json::from_str::<serde_json::Value>(line);
        assert!(json.is_ok() || line.contains("invite/"), "not a JSON log line: {line}");
    }
    // The version stands in the path, and every answer names its request.
    let answer = http.get(format!("{}/api/v1/server", house.url())).send().await.expect("answered");
    assert!(answer.headers().contains_key("x-request-id"), "{:?}", answer.headers());
    let unknown = http.get(format!("{}/api/v2/server", house.url())).send().await.expect("it");
    assert_eq!(unknown.status().as_u16(), 404);
}
