//! Webhooks against somebody who really listens: what they are told, how it is signed, what becomes
//! of a call that fails, and what is never told.

use crate::house::{House, PATIENCE, Person, int, key, list, of_kind};
use hallway_outside::{Heard, Listener, Reply};
use hallway_server::store::jobs;
use hallway_server::webhooks::signature;
use serde_json::{Value, json};
use std::time::Duration;

/// A house whose server may call this machine.
async fn house() -> House {
    House::with(|config| {
        config.outbound_allow = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await
}

async fn hook(person: &Person, url: &str, events: Value, rooms: Value) -> Value {
    let body = json!({"url": url, "events": events, "rooms": rooms});
    person.post("/webhooks", body).await.ok(201)
}

async fn channel(person: &Person, name: &str) -> i64 {
    let body = json!({"kind": "channel", "name": name});
    int(&person.post("/rooms", body).await.ok(201)["room"])
}

/// Its deliveries once one of them is as said; the last first.
async fn delivered(person: &Person, hook: &Value, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let path = format!("/webhooks/{}/deliveries", hook["id"].as_str().expect("an id"));
    let found = async {
        loop {
            let items = person.get(&path).await.ok(200)["items"].clone();
            if list(&items).iter().any(&fits) {
                return list(&items).to_vec();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it comes to that")
}

/// The calls that were given up, once they are so many.
async fn letters(person: &Person, many: usize) -> Vec<Value> {
    let found = async {
        loop {
            let said = person.get("/admin/dead-letters?kind=webhook").await.ok(200);
            if list(&said["items"]).len() == many {
                return list(&said["items"]).to_vec();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("they are given up")
}

/// Until at least so many calls wait for their next attempt.
async fn waiting(house: &House, many: i64) {
    let waits = async {
        loop {
            let jobs = house.app.store.read(jobs::census).await.expect("a census");
            let of =
                |(state, kind, _): &&(String, String, i64)| state == "pending" && kind == "webhook";
            if jobs.iter().find(of).is_some_and(|(.., count)| *count >= many) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("they wait");
}

/// Lets so much time go by once the failed call waits for its next attempt.
async fn later(house: &House, by: Duration) {
    waiting(house, 1).await;
    house.clock.turn(by);
    house.app.jobs.ring();
}

fn signed(heard: &Heard, secret: &str) -> bool {
    let said = &heard.headers["hallway-signature"];
    let seconds = said.strip_prefix("t=").and_then(|rest| rest.split(',').next());
    let seconds: i64 = seconds.and_then(|text| text.parse().ok()).expect("seconds");
    signature(secret.as_bytes(), seconds * 1_000, heard.text()) == *said
}

#[test]
fn a_signature_is_that_of_the_protocol() {
    // As `openssl dgst -sha256 -hmac key` says of `1.{}`.
    let said = signature(b"key", 1_999, "{}");
    assert_eq!(said, "t=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_told_signed_and_once() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let all = json!(["message", "edit", "delete", "reaction", "member", "room"]);
    let hook = hook(&ada, &receiver.url("/in"), all, json!([])).await;
    let secret = hook["secret"].as_str().expect("made").to_owned();
    let room = channel(&ada, "news").await;
    let mut told: Vec<_> = [receiver.next().await, receiver.next().await].to_vec();
    lin.post(&format!("/rooms/{room}/join"), Value::Null).await.ok(200);
    told.push(receiver.next().await);
    let seq = int(&lin.says(room, "tea?").await["seq"]);
    told.push(receiver.next().await);
    let at = format!("/rooms/{room}/messages/{seq}");
    lin.patch(&at, json!({"text": "coffee?"})).await.ok(200);
    told.push(receiver.next().await);
    ada.put(&format!("{at}/reactions/👍"), Value::Null).await.fine();
    told.push(receiver.next().await);
    // A pin is none of these.
    ada.put(&format!("{at}/pin"), Value::Null).await.fine();
    lin.delete(&at).await.fine();
    told.push(receiver.next().await);
    let mut events: Vec<_> =
        told.iter().map(|heard| heard.json()["event"].as_str().expect("text").to_owned()).collect();
    events[..2].sort_unstable();
    assert_eq!(events, ["member", "room", "member", "message", "edit", "reaction", "delete"]);
    for heard in &told {
        assert!(signed(heard, &secret) && heard.method == "POST" && heard.path == "/in");
        let call = heard.json();
        assert_eq!(call["id"], heard.headers["hallway-delivery"]);
        assert_eq!(call["room"], room);
        assert_eq!(heard.headers["content-type"], "application/json");
        assert!(!heard.headers.contains_key("authorization"));
    }
    let said = told[3].json();
    assert_eq!(of_kind(&said["rows"], "message")[0]["text"], "tea?");
    assert_eq!(of_kind(&said["rows"], "user")[0]["name"], "lin");
    assert_eq!(of_kind(&told[4].json()["rows"], "message")[0]["text"], "coffee?");
    assert_eq!(of_kind(&told[5].json()["rows"], "reaction")[0]["emoji"], "👍");
    assert_eq!(of_kind(&told[6].json()["rows"], "message")[0]["deleted"], true);
    let all = delivered(&ada, &hook, |one| one["status"] == "delivered").await;
    assert_eq!(all.len(), 7);
    assert!(receiver.rest().is_empty(), "nobody is told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn private_rooms_are_heard_only_where_their_owner_says_so() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let lins = lin.group("lin's", &[]).await;
    let mine = ada.group("ada's", &[&lin]).await;
    let direct = ada.post("/rooms/direct", json!({"users": [lin.user]})).await.ok(201);
    let direct = int(&direct["room"]);
    let body =
        |room: i64| json!({"url": receiver.url("/"), "events": ["message"], "rooms": [room]});
    assert_eq!(ada.post("/webhooks", body(lins)).await.refused(), (404, "not_found"));
    assert_eq!(ada.post("/webhooks", body(direct)).await.refused(), (403, "forbidden"));
    let everything = hook(&ada, &receiver.url("/all"), json!(["message"]), json!([])).await;
    let named = hook(&ada, &receiver.url("/one"), json!(["message"]), json!([mine])).await;
    lin.says(lins, "psst").await;
    lin.says(direct, "psst").await;
    lin.says(mine, "tea?").await;
    let heard = receiver.next().await;
    assert_eq!((heard.path.as_str(), &heard.json()["room"]), ("/one", &json!(mine)));
    delivered(&ada, &named, |one| one["status"] == "delivered").await;
    let path = format!("/webhooks/{}/deliveries", everything["id"].as_str().expect("an id"));
    assert_eq!(ada.get(&path).await.ok(200)["items"], json!([]));
    // Who vouched for it has gone: nothing is heard any more, not even what was to be told before.
    receiver.answers(|_| Reply::status(500));
    lin.says(mine, "soup?").await;
    receiver.next().await;
    ada.post(&format!("/rooms/{mine}/leave"), Value::Null).await.ok(204);
    later(&house, Duration::from_secs(120)).await;
    delivered(&ada, &named, |one| one["status"] == "withheld" && one["error"] == "hidden").await;
    lin.says(mine, "milk?").await;
    delivered(&ada, &named, |one| one["status"] == "withheld" && one["attempts"] == 0).await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_comes_again_and_what_was_deleted_meanwhile_does_not_leave() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let room = channel(&ada, "news").await;
    let hook = hook(&ada, &receiver.url("/"), json!(["message"]), json!([])).await;
    receiver.answers(|_| Reply::status(500));
    let seq = int(&ada.says(room, "secret").await["seq"]);
    let first = receiver.next().await;
    let tried = |one: &Value| one["attempts"] == 1 && one["answer"] == 500;
    let known = delivered(&ada, &hook, tried).await;
    assert_eq!((&known[0]["status"], &known[0]["error"]), (&json!("pending"), &json!("answer")));
    let own = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    assert_eq!(ada.get(&own).await.ok(200)["state"], "failing");
    ada.delete(&format!("/rooms/{room}/messages/{seq}")).await.fine();
    receiver.answers(|_| Reply::yes());
    later(&house, Duration::from_secs(120)).await;
    let second = receiver.next().await;
    assert_eq!(second.headers["hallway-delivery"], first.headers["hallway-delivery"]);
    assert_eq!(of_kind(&second.json()["rows"], "message")[0]["deleted"], true);
    assert!(!second.text().contains("secret"), "{second:?}");
    let known = delivered(&ada, &hook, |one| one["status"] == "delivered").await;
    assert_eq!((&known[0]["attempts"], &known[0]["answer"]), (&json!(2), &json!(200)));
    assert_eq!(known[0]["error"], json!(null));
    assert_eq!(ada.get(&own).await.ok(200)["state"], "active");
    let path = format!("{own}/deliveries/{}/replay", known[0]["id"].as_str().expect("an id"));
    ada.post(&path, Value::Null).await.ok(202);
    let third = receiver.next().await;
    assert_eq!(third.headers["hallway-delivery"], first.headers["hallway-delivery"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_nobody_hears_is_turned_off_and_can_be_turned_on() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let room = channel(&ada, "news").await;
    let hook = hook(&ada, &receiver.url("/"), json!(["message"]), json!([])).await;
    let own = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    receiver.answers(|_| Reply::Lead(302, "http://169.254.169.254/".into()));
    ada.says(room, "one").await;
    delivered(&ada, &hook, |one| one["answer"] == 302).await;
    later(&house, Duration::from_secs(3 * 24 * 3600 + 1)).await;
    let ada = house.login("ada").await;
    let known = delivered(&ada, &hook, |one| one["attempts"] == 2).await;
    assert_eq!((&known[0]["status"], &known[0]["error"]), (&json!("failed"), &json!("answer")));
    let dead = letters(&ada, 1).await.remove(0);
    assert!(dead["last_error"].as_str().is_some_and(|why| why.contains("302")), "{dead}");
    assert_eq!(ada.get(&own).await.ok(200)["state"], "off");
    let record = ada.get("/admin/audit?act=webhook_off").await.ok(200);
    assert_eq!(list(&record["items"]).len(), 1, "{record}");
    ada.says(room, "two").await;
    assert_eq!(delivered(&ada, &hook, |_| true).await.len(), 1, "it is called for nothing");
    receiver.rest();
    receiver.answers(|_| Reply::yes());
    ada.patch(&own, json!({"state": "active"})).await.ok(200);
    ada.says(room, "three").await;
    assert_eq!(of_kind(&receiver.next().await.json()["rows"], "message")[0]["text"], "three");
    // What was given up arrives when it is asked for again.
    let retry = format!("/admin/dead-letters/{}/retry", dead["id"].as_str().expect("an id"));
    ada.post(&retry, Value::Null).await.ok(202);
    assert_eq!(of_kind(&receiver.next().await.json()["rows"], "message")[0]["text"], "one");
    delivered(&ada, &hook, |one| one["id"] == known[0]["id"] && one["status"] == "delivered").await;
    // One that says it is gone is not asked again.
    receiver.answers(|_| Reply::status(410));
    ada.says(room, "four").await;
    delivered(&ada, &hook, |one| one["status"] == "failed" && one["answer"] == 410).await;
    assert_eq!(ada.get(&own).await.ok(200)["state"], "off");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_it_is_turned_off_is_given_up_and_can_be_tried_again() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let room = channel(&ada, "news").await;
    let hook = hook(&ada, &receiver.url("/"), json!(["message"]), json!([])).await;
    let own = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    receiver.answers(|_| Reply::status(503));
    for text in ["one", "two"] {
        ada.says(room, text).await;
        receiver.next().await;
    }
    let waits = |one: &Value| one["status"] == "pending" && one["attempts"] == 1;
    let known = delivered(&ada, &hook, waits).await;
    waiting(&house, 2).await;
    ada.patch(&own, json!({"state": "off"})).await.ok(200);
    // Nobody is called, and the list says so without waiting for the next attempt.
    let dead = letters(&ada, 2).await;
    assert!(dead.iter().all(|one| one["last_error"] == "the webhook is off"), "{dead:?}");
    let off = delivered(&ada, &hook, |one| one["error"] == "off").await;
    assert_eq!(off.len(), known.len());
    for one in &off {
        let told = (&one["status"], &one["error"], &one["attempts"], &one["answer"]);
        assert_eq!(told, (&json!("failed"), &json!("off"), &json!(1), &json!(null)));
    }
    assert!(receiver.rest().is_empty());
    receiver.answers(|_| Reply::yes());
    ada.patch(&own, json!({"state": "active"})).await.ok(200);
    let retry = format!("/admin/dead-letters/{}/retry", dead[0]["id"].as_str().expect("an id"));
    ada.post(&retry, Value::Null).await.ok(202);
    let first = receiver.next().await.headers["hallway-delivery"].clone();
    let other = off.iter().find(|one| one["id"] != first.as_str()).expect("the other");
    let replay = format!("{own}/deliveries/{}/replay", other["id"].as_str().expect("an id"));
    ada.post(&replay, Value::Null).await.ok(202);
    assert_eq!(receiver.next().await.headers["hallway-delivery"], other["id"]);
    let arrived = |one: &Value| one["id"] == other["id"] && one["status"] == "delivered";
    delivered(&ada, &hook, arrived).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_finds_nobody_says_so() {
    let house = house().await;
    let ada = house.ada().await;
    let room = channel(&ada, "news").await;
    // A port that was free a moment ago: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let url = format!("http://{}/", port.expect("a free port"));
    let hook = hook(&ada, &url, json!(["message"]), json!([])).await;
    ada.says(room, "tea?").await;
    let known = delivered(&ada, &hook, |one| one["attempts"] == 1).await;
    let told = (&known[0]["status"], &known[0]["error"], &known[0]["answer"]);
    assert_eq!(told, (&json!("pending"), &json!("unreached"), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_and_lies_nowhere() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let room = channel(&ada, "news").await;
    let chosen = "a secret of one's own";
    let body = json!({"url": receiver.url("/"), "events": ["message"], "secret": chosen});
    let hook = ada.post("/webhooks", body).await.ok(201);
    assert_eq!(hook["secret"], chosen);
    let own = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    assert!(ada.get(&own).await.ok(200).get("secret").is_none());
    ada.says(room, "one").await;
    assert!(signed(&receiver.next().await, chosen));
    let made = ada.patch(&own, json!({"secret": null})).await.ok(200);
    let made = made["secret"].as_str().expect("a new one").to_owned();
    ada.says(room, "two").await;
    let heard = receiver.next().await;
    assert!(signed(&heard, &made) && !signed(&heard, chosen));
    let data = std::fs::read_dir(house.data()).expect("the folder");
    for file in data.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).expect("a file");
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(chosen) && !holds(&made), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_makes_nothing() {
    let house = house().await;
    let ada = house.ada().await;
    for (body, field) in [
        (json!({"url": "http://169.254.169.254/", "events": ["room"]}), "url"),
        (json!({"url": "ftp://a.example/", "events": ["room"]}), "url"),
        (json!({"url": "http://a:b@a.example/", "events": ["room"]}), "url"),
        (json!({"url": "", "events": ["room"]}), "url"),
        (json!({"url": "http://a.example/", "events": []}), "events"),
        (json!({"url": "http://a.example/", "events": ["tea"]}), "events"),
        (json!({"url": "http://a.example/", "events": ["room"], "secret": "short"}), "secret"),
        (json!({"url": "http://a.example/", "events": ["room"], "rooms": ["x"]}), "rooms"),
        (json!({"events": ["room"]}), "url"),
    ] {
        let said = ada.post("/webhooks", body.clone()).await;
        assert!(said.status == 422 && said.blames(field), "{body}: {said:?}");
    }
    assert_eq!(ada.get("/webhooks").await.ok(200)["items"], json!([]));
    let hook = hook(&ada, "http://a.example/", json!(["room"]), json!([])).await;
    let own = format!("/webhooks/{}", hook["id"].as_str().expect("an id"));
    assert!(ada.patch(&own, json!({"state": "failing"})).await.blames("state"));
    ada.delete(&own).await.ok(204);
    assert_eq!(ada.get(&own).await.refused(), (404, "not_found"));
    assert_eq!(ada.get("/webhooks").await.ok(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_admin_looks_after_them_and_one_without_does_not() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let tenant = int(&ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"]);
    let keys = format!("/admin/tenants/{tenant}/keys");
    let made = async |scope: &str| {
        let body = json!({"name": scope, "scopes": [scope]});
        let made = ada.post(&keys, body).await.ok(201);
        made["key"].as_str().expect("a key").to_owned()
    };
    let (admin, act) = (made("admin").await, made("act").await);
    let room = ada.group("private", &[]).await;
    let body =
        |rooms: Value| json!({"url": receiver.url("/"), "events": ["message"], "rooms": rooms});
    let call = async |key: &str, rooms: Value| {
        let call = crate::house::Call::new("POST", "/webhooks").header("x-api-key", key);
        call.body(body(rooms)).to(house.address).await
    };
    call(&admin, json!([])).await.ok(201);
    assert_eq!(call(&act, json!([])).await.refused(), (403, "forbidden"));
    // Nobody vouches for a private room by a key.
    assert_eq!(call(&admin, json!([room])).await.refused(), (404, "not_found"));
    let news = channel(&ada, "news").await;
    ada.post(&format!("/rooms/{news}/messages"), json!({"key": key(), "text": "x"})).await.ok(201);
    receiver.next().await;
}
