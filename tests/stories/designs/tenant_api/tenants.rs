//! Tenants, the keys of their backends, and what a tenant's people are to the others: nothing.

use hallway_protocol::rows::Row;
use hallway_tests::wire::{Socket, hello, key};
use hallway_tests::{Engine, House, Rest};
use serde_json::{Value, json};

on_both!(
    a_backend_acts_for_its_people_and_tenants_never_meet,
    a_tenant_has_its_own_configuration_and_its_own_rate,
    a_room_is_direct_a_group_or_a_channel,
    messages_carry_free_data_and_numbers_of_their_room,
);

async fn a_backend_acts_for_its_people_and_tenants_never_meet(engine: Engine) {
    let house = House::on(engine).await;
    let operator = house.operator();
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
    let mut bare = Socket::open(&buyer).await;
    let more = buyer.says(room, "and large?").await;
    for socket in [&mut socket, &mut bare] {
        socket.event(room, more.seq).await;
    }
    let id = bare.says(room, key(), "by the key alone").await.expect("open");
    let Some(Row::Message(said)) = bare.answer(id).await.expect("taken").row else {
        panic!("a send is answered by its row");
    };
    assert_eq!(said.sender.0, buyers, "the key speaks for whom it names");
    let nobodys = Rest::at(&house.url()).header("X-API-Key", "hk_forged").header("X-User-Id", "1");
    assert!(Socket::tries(&nobodys, hello(&nobodys)).await.is_err(), "a forged key opens nothing");

    // A tenant that is switched off is off at once, whatever was open.
    let tenants = operator.get("/admin/tenants").await.good();
    let mut shop = tenants["items"].as_array().into_iter().flatten();
    let shop = shop.find(|one| one["name"] == "shop").expect("listed")["tenant"].clone();
    let path = format!("/admin/tenants/{shop}");
    operator.patch(&path, json!({"suspended": true})).await.good();
    for socket in [socket, bare] {
        assert_eq!(socket.ends().await.0, Some(4001));
    }
    assert_eq!(buyer.get("/users/me").await.status, 401);
    elsewhere.get("/users/me").await.good();
}

/// A tenant with this configuration, and one key to it that does everything.
async fn founds(house: &House, name: &str, config: Value) -> (Value, String) {
    let operator = house.operator();
    let new = json!({"name": name, "title": name, "config": config});
    let tenant = operator.post("/admin/tenants", new).await.good();
    let path = format!("/admin/tenants/{}/keys", tenant["tenant"]);
    let all = json!({"name": "backend", "scopes": ["read", "write", "act", "admin"]});
    let key = operator.post(&path, all).await.good();
    (tenant, key["key"].as_str().expect("shown once").to_owned())
}

async fn a_tenant_has_its_own_configuration_and_its_own_rate(engine: Engine) {
    let house = House::on(engine).await;
    let config = json!({"act_creates_users": true, "requests_per_second": 1,
        "flags": {"beta": true, "theme": "green"}});
    let (shop, slow) = founds(&house, "shop", config).await;
    let (_, fast) = founds(&house, "bank", json!({"act_creates_users": true})).await;
    let path = format!("/admin/tenants/{}", shop["tenant"]);
    let shown = house.operator().get(&path).await.good();
    assert_eq!(shown["config"]["flags"], json!({"beta": true, "theme": "green"}));
    let changed = json!({"config": {"flags": {"beta": false}}});
    let changed = house.operator().patch(&path, changed).await.good();
    assert_eq!(changed["config"]["flags"], json!({"beta": false}));
    assert_eq!(changed["config"]["requests_per_second"], 1, "what is not named stays");

    // A hundred calls in less than a hundred seconds are too many for one of the two.
    let acts =
        |key: &str| Rest::at(&house.url()).header("X-API-Key", key).header("X-User-Id", "ext:1");
    let (slow, fast) = (acts(&slow), acts(&fast));
    let mut refused = None;
    for _ in 0..100 {
        let said = slow.get("/users/me").await;
        if said.status != 200 {
            refused = Some(said);
            break;
        }
    }
    let refused = refused.expect("it is slowed down");
    assert_eq!(refused.refused(), (429, "rate_limited"));
    assert_eq!(refused.body["retry"], "later");
    assert!(refused.body["after_ms"].as_i64() > Some(0), "{refused:?}");
    fast.get("/users/me").await.good();
    // A key that may not is refused by what it is, not by whom it names.
    let keys = format!("{path}/keys");
    let reads = house.operator().post(&keys, json!({"name": "r", "scopes": ["read"]})).await.good();
    let reads = Rest::at(&house.url()).header("X-API-Key", reads["key"].as_str().expect("a key"));
    let said =
        reads.post("/notifications", json!({"topic": "x", "payload": {}, "users": []})).await;
    assert_eq!(said.refused(), (403, "forbidden"));
}

async fn a_room_is_direct_a_group_or_a_channel(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let (group, channel) = (ada.groups("plans", &[&lin]).await, ada.creates("news").await);
    assert_eq!(eve.post(&format!("/rooms/{group}/join"), json!({})).await.status, 404);
    eve.joins(channel).await;
    // Of the same people there is one direct room, however it is asked for, alone included.
    let directs = async |who: &Rest, with: &[&Rest]| {
        let users: Vec<_> = with.iter().map(|one| one.user).collect();
        who.post("/rooms/direct", json!({"users": users})).await.good()["room"].clone()
    };
    let of_three = directs(&ada, &[&lin, &eve]).await;
    for (who, with) in [(&lin, [&ada, &eve]), (&eve, [&lin, &ada]), (&ada, [&eve, &lin])] {
        assert_eq!(directs(who, &with).await, of_three);
    }
    let of_two = directs(&lin, &[&ada]).await;
    assert_eq!(directs(&ada, &[&lin, &lin]).await, of_two, "named twice is named");
    assert_eq!(directs(&ada, &[&lin, &ada]).await, of_two, "and oneself is always one of them");
    assert_ne!(of_two, of_three);
    let alone = ada.post("/rooms/direct", json!({"users": [ada.user]})).await;
    assert_eq!(alone.refused(), (422, "invalid"));
}

async fn messages_carry_free_data_and_numbers_of_their_room(engine: Engine) {
    let house = House::on(engine).await;
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
