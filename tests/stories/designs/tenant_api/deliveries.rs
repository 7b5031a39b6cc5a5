//! What a backend is told, and what becomes of it when the backend does not listen: retries with
//! growing pauses, the circuit that leaves a dead host alone, dead letters, a worker that dies.

use hallway_tests::wire::key;
use hallway_tests::{Engine, Hand, House, Listener, Reply, Rest, Setup, until};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    a_backend_hears_what_happens_and_tells_its_people,
    what_nobody_takes_comes_again_ever_later_and_is_a_dead_letter_at_last,
    a_host_that_is_down_is_left_alone_and_hears_everything_when_it_is_back,
    a_delivery_whose_worker_dies_is_made_by_another,
);

/// More than the longest pause between two attempts (six hours and a fifth).
const LONGEST: Duration = Duration::from_secs(8 * 3_600);
/// So often a delivery is tried.
const ATTEMPTS: i64 = 24;

fn setup(engine: Engine) -> Setup {
    Setup::new(engine).unlimited().env("HALLWAY_OUTBOUND_ALLOW", "127.0.0.1/32")
}

/// The owner as their own backend: by a key, which no turning of the clock ends.
async fn backend(house: &House) -> Rest {
    let ada = &house.owner;
    let tenants = ada.get("/admin/tenants").await.good();
    let keys = format!("/admin/tenants/{}/keys", tenants["items"][0]["tenant"]);
    let all = json!({"name": "backend", "scopes": ["read", "write", "act", "admin"]});
    let key = ada.post(&keys, all).await.good();
    let key = key["key"].as_str().expect("shown once");
    Rest::at(&house.url()).header("X-API-Key", key).header("X-User-Id", ada.user.to_string())
}

async fn hooks(who: &Rest, url: &str) -> Value {
    who.post("/webhooks", json!({"url": url, "events": ["message"]})).await.good()
}

/// The delivery of the message with this number.
async fn delivery(who: &Rest, hook: &Value, seq: i64) -> Option<Value> {
    let path = format!("/webhooks/{}/deliveries?limit=100", hook["id"].as_str().expect("an id"));
    let items = who.get(&path).await.good()["items"].clone();
    let mut items = items.as_array().expect("items").iter();
    items.find(|one| one["seq"] == json!(seq)).cloned()
}

/// Waits until the delivery of that message is so, and was tried so often.
async fn comes_to(who: &Rest, hook: &Value, seq: i64, status: &str, attempts: i64) {
    until(&format!("delivery of {seq}: {status} after {attempts}"), async || {
        let one = delivery(who, hook, seq).await?;
        (one["status"] == status && one["attempts"] == attempts).then_some(())
    })
    .await;
}

async fn a_backend_hears_what_happens_and_tells_its_people(engine: Engine) {
    let house = House::with(setup(engine)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    let listener = Listener::open().await;
    let all = json!(["message", "edit", "delete", "reaction", "member", "room"]);
    let hook = json!({"url": listener.url("/hook"), "events": all, "rooms": [kitchen]});
    let hook = ada.post("/webhooks", hook).await.good();
    let secret = hook["secret"].as_str().expect("shown once").to_owned();
    lin.joins(kitchen).await;
    let said = lin.says(kitchen, "is anybody there?").await;
    let path = format!("/rooms/{kitchen}/messages/{}", said.seq);
    lin.patch(&path, json!({"key": key(), "text": "hello?"})).await.good();
    ada.put(&format!("{path}/reactions/👋"), json!({})).await.good();
    lin.delete(&path).await.good();
    ada.patch(&format!("/rooms/{kitchen}"), json!({"topic": "tea"})).await.good();
    let mut events = Vec::new();
    for _ in 0..6 {
        let heard = listener.next().await;
        let call = heard.json();
        assert_eq!((&call["room"], heard.path.as_str()), (&json!(kitchen), "/hook"));
        assert_eq!(call["id"], json!(heard.headers["hallway-delivery"]));
        signed(&heard.headers["hallway-signature"], &secret, &heard.body);
        events.push(call["event"].as_str().expect("a word").to_owned());
    }
    events.sort_unstable();
    assert_eq!(events, ["delete", "edit", "member", "message", "reaction", "room"]);

    // The other way: a notice with a topic of its own, which waits for who is not connected.
    let shop = backend(&house).await;
    let notice = json!({"topic": "order", "payload": {"number": 7}, "users": [lin.user]});
    shop.post("/notifications", notice).await.good();
    let items = lin.get("/notifications").await.good()["items"].clone();
    assert_eq!((&items[0]["topic"], &items[0]["payload"]["number"]), (&json!("order"), &json!(7)));
    lin.put("/notifications/read", json!({"up_to": items[0]["id"]})).await.good();
    assert_eq!(lin.get("/notifications").await.good()["items"][0]["read"], true);
    assert_eq!(ada.get("/notifications").await.good()["items"], json!([]), "it is hers alone");
}

/// `t=<seconds>,v1=<hex hmac-sha256 of "t.body">`.
fn signed(header: &str, secret: &str, body: &[u8]) {
    let (time, sum) = header.split_once(",v1=").expect("two parts");
    let time = time.strip_prefix("t=").expect("a time");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let ours = mac.finalize().into_bytes();
    let ours: String = ours.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, ours);
}

async fn what_nobody_takes_comes_again_ever_later_and_is_a_dead_letter_at_last(engine: Engine) {
    let hand = Hand::of_dates();
    let house = House::with(setup(engine).clock(&hand)).await;
    let ada = backend(&house).await;
    let kitchen = ada.creates("kitchen").await;
    let listener = Listener::open().await;
    // It chokes on some messages, and takes the others.
    listener.answers(|heard| {
        let poison = String::from_utf8_lossy(&heard.body).contains("poison");
        Reply::status(if poison { 500 } else { 200 })
    });
    let hook = hooks(&ada, &listener.url("/hook")).await;
    let one = ada.says(kitchen, "poison one").await.seq;
    comes_to(&ada, &hook, one, "pending", 1).await;
    let two = ada.says(kitchen, "poison two").await.seq;
    comes_to(&ada, &hook, two, "pending", 1).await;
    // What comes after it is not held up, and shows that the worker was awake.
    let arrives = async |text: &str| {
        let good = ada.says(kitchen, text).await.seq;
        comes_to(&ada, &hook, good, "delivered", 1).await;
    };
    arrives("fine").await;

    // A minute, then two: each with a fifth of play.
    for (turned, attempts) in [(40, 1), (40, 2), (80, 2), (80, 3)] {
        house.rests("webhook").await;
        hand.turn(Duration::from_secs(turned));
        arrives("still fine").await;
        if attempts > 1 {
            comes_to(&ada, &hook, one, "pending", attempts).await;
            comes_to(&ada, &hook, two, "pending", attempts).await;
        }
        let now = delivery(&ada, &hook, one).await.expect("it is there");
        assert_eq!(now["attempts"], json!(attempts), "after {turned} s more");
    }
    for attempts in 4..=ATTEMPTS {
        house.rests("webhook").await;
        hand.turn(LONGEST);
        arrives("still fine").await;
        let status = if attempts == ATTEMPTS { "failed" } else { "pending" };
        comes_to(&ada, &hook, one, status, attempts).await;
        comes_to(&ada, &hook, two, status, attempts).await;
    }
    // That is the end of it: no attempt more, whatever time passes.
    let letters =
        async || ada.get("/admin/dead-letters?kind=webhook").await.good()["items"].clone();
    let dead = until("two dead letters", async || {
        let letters = letters().await.as_array().expect("items").clone();
        (letters.len() == 2).then_some(letters)
    })
    .await;
    for letter in &dead {
        assert_eq!((&letter["kind"], &letter["attempts"]), (&json!("webhook"), &json!(ATTEMPTS)));
        assert!(letter["last_error"].as_str().expect("words").contains("500"), "{letter}");
        assert!(!letter.to_string().contains("poison"), "no text of it: {letter}");
    }
    let _ = listener.rest();
    hand.turn(LONGEST);
    arrives("still fine").await;
    house.has_done("webhook").await;
    assert_eq!(listener.rest().len(), 1, "it cannot loop");

    // The operator tries one again, to no avail yet, then with the backend mended; drops the other.
    let id = |n: usize| dead[n]["id"].as_str().expect("an id");
    let retry = format!("/admin/dead-letters/{}/retry", id(0));
    listener.answers(|_| Reply::status(200));
    assert_eq!(house.operator().post(&retry, json!({})).await.status, 202);
    let told = listener.next().await;
    let again = if told.json()["seq"] == json!(one) { one } else { two };
    comes_to(&ada, &hook, again, "delivered", ATTEMPTS + 1).await;
    let drops = format!("/admin/dead-letters/{}", id(1));
    house.operator().delete(&drops).await.good();
    assert_eq!(letters().await, json!([]));
    assert_eq!(house.operator().post(&retry, json!({})).await.refused(), (404, "not_found"));
    house.has_done("webhook").await;
    assert!(listener.rest().is_empty());
}

async fn a_host_that_is_down_is_left_alone_and_hears_everything_when_it_is_back(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(setup(engine).clock(&hand)).await;
    let ada = backend(&house).await;
    let kitchen = ada.creates("kitchen").await;
    let listener = Listener::open().await;
    listener.answers(|_| Reply::HangUp);
    let hook = hooks(&ada, &listener.url("/hook")).await;
    let mut said = Vec::new();
    for n in 0..5 {
        said.push(ada.says(kitchen, &format!("is anybody there? {n}")).await.seq);
        comes_to(&ada, &hook, said[n], "pending", 1).await;
    }
    assert_eq!(house.figure("hallway_outbound_circuits_open").await, Some(1.0));
    let calls = listener.connections();
    assert_eq!(calls, 5);
    // From now on nobody knocks, and that is no attempt of anything.
    for n in 5..10 {
        said.push(ada.says(kitchen, &format!("is anybody there? {n}")).await.seq);
    }
    let shut = "hallway_outbound_seconds_count{purpose=\"webhook\",outcome=\"shut\"}";
    until("each is put off", async || (house.figure(shut).await >= Some(5.0)).then_some(())).await;
    assert_eq!(listener.connections(), calls);
    for seq in &said[5..] {
        let one = delivery(&ada, &hook, *seq).await.expect("it waits");
        assert_eq!((&one["status"], &one["attempts"]), (&json!("pending"), &json!(0)));
    }
    // It is back: one goes to see, and then all go, each once.
    house.rests("webhook").await;
    listener.answers(|_| Reply::status(200));
    hand.turn(Duration::from_secs(120));
    said.push(ada.says(kitchen, "hello?").await.seq);
    for seq in &said {
        until("it is delivered", async || {
            (delivery(&ada, &hook, *seq).await?["status"] == "delivered").then_some(())
        })
        .await;
    }
    assert_eq!(house.figure("hallway_outbound_circuits_open").await, Some(0.0));
    let failed = listener.rest().split_off(5);
    let mut heard: Vec<_> = failed.iter().map(|call| call.json()["seq"].as_i64()).collect();
    heard.sort_unstable();
    assert_eq!(heard, said.iter().map(|seq| Some(*seq)).collect::<Vec<_>>(), "each once");
    let state = ada.get(&format!("/webhooks/{}", hook["id"].as_str().expect("an id"))).await.good();
    assert_eq!(state["state"], "active");
}

async fn a_delivery_whose_worker_dies_is_made_by_another(engine: Engine) {
    let hand = Hand::of_dates();
    let mut house = House::with(setup(engine).clock(&hand)).await;
    let ada = backend(&house).await;
    let kitchen = ada.creates("kitchen").await;
    let listener = Listener::open().await;
    listener.answers(|_| Reply::Silence);
    let hook = hooks(&ada, &listener.url("/hook")).await;
    let seq = ada.says(kitchen, "are you listening?").await.seq;
    let first = listener.next().await;
    // In the middle of the call the process is gone; the lease is not.
    house.kill();
    listener.answers(|_| Reply::status(200));
    house.up().await.expect("it starts again");
    // Who died may be alive still, for as long as its lease says.
    hand.turn(Duration::from_secs(31));
    ada.says(kitchen, "wake up").await;
    comes_to(&ada, &hook, seq, "delivered", 1).await;
    house.has_done("webhook").await;
    let told: Vec<_> =
        listener.rest().into_iter().filter(|call| call.json()["seq"] == json!(seq)).collect();
    assert_eq!(told.len(), 1, "by one, once");
    let name = |heard: &hallway_tests::Heard| heard.headers["hallway-delivery"].clone();
    assert_eq!(name(&told[0]), name(&first), "who heard both knows them for one");
}
