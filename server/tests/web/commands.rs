//! Slash commands against somebody who answers: what is asked, what is shown to whom, and that a
//! command is no message.

use crate::house::{Call, House, Person, Process, key, of_kind};
use hallway_outside::{Listener, Reply};
use serde_json::{Value, json};
use std::time::Duration;

async fn house() -> House {
    House::with(|config| {
        config.outbound_allow = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await
}

async fn command(person: &Person, name: &str, url: &str) -> Value {
    let body = json!({"name": name, "url": url, "description": "Makes tea."});
    person.post("/commands", body).await.ok(201)
}

async fn texts(person: &Person, room: i64) -> Vec<String> {
    let page = person.get(&format!("/rooms/{room}/messages")).await.ok(200);
    let said = of_kind(&page["rows"], "message").into_iter();
    let said = said.filter(|row| row["kind"] != "system");
    said.map(|row| row["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn says(text: &str, to: &str) -> Reply {
    Reply::Say(200, "application/json", json!({"text": text, "to": to}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_asked_and_its_answer_is_shown_by_both_doors() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let made = command(&ada, "Tea", &receiver.url("/in")).await;
    assert_eq!((&made["name"], made["secret"].is_string()), (&json!("tea"), true));
    receiver.answers(|_| says("tea for all", "room"));
    let (mut socket, _) = lin.socket().await;
    let send = json!({"type": "send", "room": room, "key": key(), "text": "/tea  green, hot"});
    let ok = socket.told(send.clone()).await;
    assert_eq!(
        (&ok["type"], &ok["row"], &ok["again"]),
        (&json!("ok"), &Value::Null, &json!(false))
    );
    let heard = receiver.next().await;
    assert!(heard.headers["hallway-signature"].starts_with("t="), "{heard:?}");
    let call = heard.json();
    assert_eq!((&call["command"], &call["text"]), (&json!("tea"), &json!("green, hot")));
    assert_eq!((&call["room"], &call["user"]), (&json!(room), &json!(lin.user)));
    let event = socket.hears("event").await;
    let row = of_kind(&event["rows"], "message")[0].clone();
    assert_eq!((&row["text"], &row["sender"]), (&json!("tea for all"), &made["user"]));
    assert_eq!(of_kind(&event["rows"], "user")[0]["display_name"], "/tea");
    // The same key again asks nobody.
    assert_eq!(socket.told(send).await["again"], true);
    receiver.answers(|_| says("psst", "me"));
    let once = key();
    let path = format!("/rooms/{room}/messages");
    let body = json!({"key": once, "text": "/TEA"});
    assert_eq!(lin.post(&path, body.clone()).await.ok(202), json!({"command": "tea"}));
    let notice = socket.hears("whisper").await;
    assert_eq!((&notice["text"], &notice["room"]), (&json!("psst"), &json!(room)));
    assert_eq!(notice["rows"][0]["user"], made["user"]);
    assert_eq!(lin.post(&path, body).await.ok(200), json!({"command": "tea"}));
    assert_eq!(receiver.next().await.json()["text"], "");
    assert!(receiver.rest().is_empty());
    assert_eq!(texts(&ada, room).await, ["tea for all"], "what was asked is no message");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_said() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let made = command(&ada, "tea", &receiver.url("/")).await;
    for text in ["/coffee now", "//tea now", "// a remark", "/", "tea"] {
        ada.says(room, text).await;
    }
    let path = format!("/commands/{}", made["id"].as_str().expect("an id"));
    ada.delete(&path).await.ok(204);
    ada.says(room, "/tea").await;
    let said = ["/coffee now", "/tea now", "// a remark", "/", "tea", "/tea"];
    assert_eq!(texts(&ada, room).await, said);
    assert_eq!(receiver.connections(), 0);
    assert_eq!(ada.delete(&path).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn later_answers_come_by_the_address_of_the_call_for_a_while() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    command(&ada, "tea", &receiver.url("/")).await;
    receiver.answers(|_| Reply::status(200));
    let body = json!({"key": key(), "text": "/tea"});
    lin.post(&format!("/rooms/{room}/messages"), body).await.ok(202);
    let call = receiver.next().await.json();
    let url = call["reply_url"].as_str().expect("an address").to_owned();
    let path = url.split_once("/api/v1").expect("of the interface").1.to_owned();
    let reply =
        async |path: &str, body: Value| Call::new("POST", path).body(body).to(house.address).await;
    reply(&path, json!({"text": "it boils", "to": "room"})).await.ok(204);
    let (mut socket, _) = lin.socket().await;
    reply(&path, json!({"text": "for you"})).await.ok(204);
    assert_eq!(socket.hears("whisper").await["text"], "for you");
    let wrong = format!("{path}AAAA");
    assert_eq!(reply(&wrong, json!({"text": "x"})).await.refused(), (404, "not_found"));
    assert!(reply(&path, json!({"text": "", "to": "room"})).await.blames("text"));
    assert!(reply(&path, json!({"text": " \n"})).await.blames("text"));
    assert!(reply(&path, json!({"text": "x", "to": "all"})).await.blames("to"));
    // Who may not speak any more is not spoken for.
    ada.removes(room, &lin).await;
    let late = reply(&path, json!({"text": "x", "to": "room"})).await;
    assert_eq!(late.refused(), (404, "not_found"));
    house.clock.turn(Duration::from_secs(31 * 60));
    assert_eq!(reply(&path, json!({"text": "x"})).await.refused(), (404, "not_found"));
    let ada = house.login("ada").await;
    assert_eq!(texts(&ada, room).await, ["it boils"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer_says_so_to_who_asked() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[]).await;
    command(&ada, "tea", &receiver.url("/")).await;
    let (mut socket, _) = ada.socket().await;
    for reply in [Reply::status(500), Reply::HangUp, Reply::yes(), Reply::Lead(302, "/".into())] {
        let told = reply.clone();
        receiver.answers(move |_| told.clone());
        let send = json!({"type": "send", "room": room, "key": key(), "text": "/tea"});
        assert_eq!(socket.told(send).await["type"], "ok");
        assert_eq!(socket.hears("whisper").await["text"], "/tea did not answer", "{reply:?}");
    }
    receiver.rest();
    // Who may not speak in a room asks nothing in it.
    let body = json!({"key": key(), "text": "/tea"});
    let refused = lin.post(&format!("/rooms/{room}/messages"), body).await;
    assert_eq!(refused.refused(), (404, "not_found"));
    assert!(receiver.rest().is_empty());
    assert_eq!(texts(&ada, room).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field() {
    let house = house().await;
    let ada = house.ada().await;
    for (body, field) in [
        (json!({"name": "a b", "url": "http://a.example/", "description": ""}), "name"),
        (json!({"name": "tea", "url": "nowhere", "description": ""}), "url"),
        (
            json!({"name": "tea", "url": "http://a.example/", "description": "x".repeat(300)}),
            "description",
        ),
        (json!({"name": "tea", "url": "http://a.example/"}), "description"),
    ] {
        let said = ada.post("/commands", body.clone()).await;
        assert!(said.status == 422 && said.blames(field), "{body}: {said:?}");
    }
    command(&ada, "/tea", "http://a.example/").await;
    let body = json!({"name": "TEA", "url": "http://a.example/", "description": ""});
    assert_eq!(ada.post("/commands", body).await.refused(), (409, "taken"));
    let lin = house.newcomer(&ada, "lin").await;
    let known = lin.get("/commands").await.ok(200);
    assert_eq!(known["items"][0]["name"], "tea");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_flight_survives_the_server_and_is_asked_under_the_same_name() {
    let receiver = Listener::open().await;
    let environment = [("HALLWAY_OUTBOUND_ALLOW", "127.0.0.1/32")];
    let server = Process::start(&environment).await;
    let ada = server.ada().await;
    let room = ada.group("kitchen", &[]).await;
    command(&ada, "tea", &receiver.url("/")).await;
    receiver.answers(|_| Reply::Silence);
    let body = json!({"key": key(), "text": "/tea green"});
    let path = format!("/rooms/{room}/messages");
    ada.post(&path, body.clone()).await.ok(202);
    let first = receiver.next().await;
    let folder = server.kills().await;

    receiver.answers(|_| says("it boils", "me"));
    let server = Process::start_in(folder, &environment).await;
    let ada = server.login("ada").await;
    // The caller who never heard of the first answer asks again: it is on its way, and once.
    assert_eq!(ada.post(&path, body.clone()).await.ok(200), json!({"command": "tea"}));
    let (mut socket, _) = ada.socket().await;
    let second = receiver.next().await;
    assert_eq!(second.headers["hallway-delivery"], first.headers["hallway-delivery"]);
    assert_eq!(second.json()["text"], "green");
    assert_eq!(socket.hears("whisper").await["text"], "it boils", "who asked is waited for");
    assert_eq!(ada.post(&path, body).await.ok(200), json!({"command": "tea"}));
    assert!(receiver.rest().is_empty());

    // An answer that was said and not written down is said once.
    receiver.answers(|_| says("for all", "room"));
    let other = json!({"key": key(), "text": "/tea black"});
    ada.post(&path, other).await.ok(202);
    let third = receiver.next().await;
    assert_ne!(third.headers["hallway-delivery"], first.headers["hallway-delivery"]);
    socket.until(|said| said["type"] == "event").await;
    assert_eq!(texts(&ada, room).await, ["for all"]);
    drop(server.ends().await);
}
