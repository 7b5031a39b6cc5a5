//! The socket: greeting, order, limits, closing.

use crate::house::{Call, House, PASSWORD, PATIENCE, Person, key};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A socket and what it heard that nobody asked for yet.
pub struct Ear {
    stream: WebSocketStream<TcpStream>,
}

impl Ear {
    /// Connected, nothing said.
    pub async fn bare(house: &House) -> Ear {
        Ear::upgrade(house, None).await.unwrap()
    }

    async fn upgrade(house: &House, origin: Option<&str>) -> Result<Ear, Error> {
        let address = house.address;
        let mut request = format!("ws://{address}/api/v1/socket").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        let (stream, _) = tokio_tungstenite::client_async(request, tcp).await?;
        Ok(Ear { stream })
    }

    /// Greeted; the welcome.
    pub async fn hello(house: &House, person: &Person) -> (Ear, Value) {
        let mut ear = Ear::bare(house).await;
        ear.say(json!({ "type": "hello", "v": 1, "token": person.token, "device": "test" })).await;
        let welcome = ear.hear("welcome").await;
        (ear, welcome)
    }

    pub async fn say(&mut self, frame: Value) {
        self.raw(Message::text(frame.to_string())).await;
    }

    pub async fn raw(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// The next frame, of any kind.
    pub async fn next(&mut self) -> Value {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.expect("a frame in time").expect("an open socket").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next frame of this type.
    pub async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Whether nothing of this type comes for a while.
    pub async fn hears_no(&mut self, kind: &str, during: Duration) -> bool {
        tokio::time::timeout(during, self.hear(kind)).await.is_err()
    }

    /// The code it is closed with, and the frames before.
    pub async fn closed(&mut self) -> (u16, Vec<Value>) {
        let mut said = Vec::new();
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.expect("an end in time") {
                Some(Ok(Message::Text(text))) => said.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), said),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return (0, said),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_all_hear_in_order_and_the_sender_too() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[&lin]).await;
    let (mut first, welcome) = Ear::hello(&house, &ada).await;
    let (mut second, _) = Ear::hello(&house, &lin).await;
    let head = welcome["rooms"][0]["head"].as_i64().unwrap();
    for (id, text) in ["tea?", "coffee?"].into_iter().enumerate() {
        first
            .say(json!({"type": "send", "id": id, "room": room, "key": key(), "text": text}))
            .await;
    }
    let mut seqs = Vec::new();
    for _ in 0..2 {
        let event = second.hear("event").await;
        assert_eq!(event["rows"][0]["sender"], ada.id);
        seqs.push(event["seq"].as_i64().unwrap());
    }
    assert_eq!(seqs, [head + 1, head + 2]);
    let mut kinds: Vec<String> = Vec::new();
    for _ in 0..4 {
        kinds.push(first.next().await["type"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["event", "event", "ok", "ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_message_and_edits_and_reactions_follow() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let (mut ear, _) = Ear::hello(&house, &ada).await;
    let once = key();
    let send =
        |id: i64| json!({"type": "send", "id": id, "room": room, "key": once, "text": "tea?"});
    ear.say(send(1)).await;
    let ok = ear.hear("ok").await;
    ear.say(send(2)).await;
    let again = ear.hear("ok").await;
    assert_eq!((&again["seq"], &again["again"]), (&ok["seq"], &json!(true)));
    assert_eq!(ok["row"]["text"], "tea?");
    let seq = &ok["seq"];
    ear.say(json!({"type":"edit","id":3,"room":room,"key":key(),"seq":seq,"text":"coffee?"})).await;
    assert_eq!(ear.hear("ok").await["row"]["text"], "coffee?");
    ear.say(
        json!({"type":"react","id":4,"room":room,"key":key(),"seq":seq,"emoji":"👍","on":true}),
    )
    .await;
    assert_eq!(ear.hear("ok").await["row"]["emoji"], "👍");
    ear.say(json!({"type":"pin","id":5,"room":room,"key":key(),"seq":seq,"on":true})).await;
    assert_eq!(ear.hear("ok").await["row"]["pinned"], true);
    ear.say(json!({"type":"read","id":6,"room":room,"seq":seq})).await;
    let read = ear.hear("ok").await;
    assert_eq!((read.get("room"), read["own"].is_i64()), (None, true));
    ear.say(json!({"type":"delete","id":7,"room":room,"key":key(),"seq":seq})).await;
    let gone = ear.hear("ok").await;
    assert_eq!((&gone["row"]["deleted"], gone["row"].get("text")), (&json!(true), None));
    ear.say(json!({"type":"call","id":8,"method":"GET","path":format!("/rooms/{room}")})).await;
    let answer = ear.hear("answer").await;
    assert_eq!((&answer["status"], &answer["body"]["name"]), (&json!(200), &json!("kitchen")));
    ear.say(json!({"type":"pull","id":9,"room":room,"since":0})).await;
    let delta = ear.hear("delta").await;
    assert_eq!((&delta["id"], &delta["done"]), (&json!(9), &json!(true)));
    ear.say(json!({"type":"heads","id":10})).await;
    assert_eq!(ear.hear("bump").await["rooms"][0]["room"], room);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_hello_is_heard_before_hello() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let mut ear = Ear::bare(&house).await;
    ear.say(json!({"type": "send", "id": 1, "room": room, "key": key(), "text": "x"})).await;
    assert_eq!(ear.hear("error").await["code"], "invalid");
    ear.raw(Message::text("tea?")).await;
    assert_eq!(ear.hear("error").await["code"], "invalid");
    ear.say(json!({"type": "hello", "v": "one"})).await;
    assert_eq!(ear.closed().await.0, 4010);

    let mut ear = Ear::bare(&house).await;
    ear.say(json!({"type": "hello", "v": 2, "ticket": 7})).await;
    let (code, said) = ear.closed().await;
    assert_eq!((code, &said[0]["code"]), (4011, &json!("unsupported")));

    for token in ["", "x.y.z"] {
        let mut ear = Ear::bare(&house).await;
        ear.say(json!({"type": "hello", "v": 1, "token": token})).await;
        let (code, said) = ear.closed().await;
        assert_eq!((code, &said[0]["code"]), (4001, &json!("signed_out")));
    }

    let mut ear = Ear::bare(&house).await;
    let rooms: Vec<_> = (0..20_000).map(|room| [room, 1]).collect();
    ear.say(json!({"type": "hello", "v": 1, "token": ada.token, "rooms": rooms})).await;
    assert_eq!(ear.closed().await.0, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_hello_is_let_go_after_ten_seconds() {
    let house = House::open().await;
    let mut ear = Ear::bare(&house).await;
    let began = Instant::now();
    assert_eq!(ear.closed().await.0, 4009);
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_are_answered_unknown_ones_ignored_and_large_ones_end_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (mut ear, _) = Ear::hello(&house, &ada).await;
    ear.say(json!({"type": "of a later version", "id": 1})).await;
    ear.say(json!({"type": "heads", "id": 2, "field of a later version": []})).await;
    assert_eq!(ear.next().await["type"], "bump");
    ear.say(json!({"type": "send", "id": 3, "room": 1, "key": "no key", "text": "x"})).await;
    let error = ear.next().await;
    assert_eq!((&error["id"], &error["code"]), (&json!(3), &json!("invalid")));
    for _ in 0..9 {
        ear.raw(Message::text("[")).await;
        assert_eq!(ear.next().await["code"], "invalid");
    }
    ear.raw(Message::text("{}")).await;
    assert_eq!(ear.closed().await.0, 4010);

    let (mut ear, _) = Ear::hello(&house, &ada).await;
    ear.raw(Message::text("x".repeat(1024 * 1024 + 1))).await;
    assert_eq!(ear.closed().await.0, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_is_absent_or_one_of_ours() {
    let house = House::with(|config| config.origins = vec!["https://chat.example".into()]).await;
    assert!(Ear::upgrade(&house, Some("https://chat.example")).await.is_ok());
    assert!(Ear::upgrade(&house, None).await.is_ok());
    for wrong in ["https://evil.example", "null", "https://chat.example.evil.example"] {
        match Ear::upgrade(&house, Some(wrong)).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{wrong}"),
            _ => panic!("{wrong} came in"),
        }
    }
    let plain = Call::new("GET", "/socket").to(house.address).await;
    assert_eq!((plain.status, plain.refused()), (426, "unsupported"));
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_reaches_an_open_socket_within_a_second() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (laptop, phone) = (house.login("ada").await, house.login("ada").await);
    let (mut ear, _) = Ear::hello(&house, &laptop).await;
    let began = Instant::now();
    ada.call("DELETE", &format!("/auth/sessions/{}", laptop.session), Value::Null).await.ok(204);
    assert_eq!(ear.closed().await.0, 4003);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(laptop.get("/users/me").await.refused(), "signed_out");

    let (mut ear, _) = Ear::hello(&house, &phone).await;
    phone.post("/auth/logout", Value::Null).await.ok(204);
    assert_eq!(ear.closed().await.0, 4001);

    let other = house.login("ada").await;
    let (mut ear, _) = Ear::hello(&house, &other).await;
    let body = json!({"old": PASSWORD, "new": "another tea pot"});
    ada.call("PUT", "/users/me/password", body).await.ok(204);
    assert_eq!(ear.closed().await.0, 4003);
    assert_eq!(ada.get("/users/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removed_hear_their_removal_last() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[&lin]).await;
    let (mut ear, _) = Ear::hello(&house, &lin).await;
    ada.call("DELETE", &format!("/rooms/{room}/members/{}", lin.id), Value::Null).await.ok(204);
    ada.says(room, "is she gone?").await;
    let event = ear.hear("event").await;
    assert!(
        event["rows"].as_array().unwrap().iter().any(|row| row["left_seq"].is_i64()),
        "{event}"
    );
    let own = ear.hear("own").await;
    assert_eq!(own["rows"][0]["state"], "removed");
    assert!(ear.hears_no("event", Duration::from_millis(300)).await);
    ear.say(json!({"type": "send", "id": 1, "room": room, "key": key(), "text": "hello?"})).await;
    assert_eq!(ear.hear("error").await["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_brought_into_a_room_hears_it_from_then_on() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[]).await;
    let (mut ear, _) = Ear::hello(&house, &lin).await;
    ada.call("PUT", &format!("/rooms/{room}/members/{}", lin.id), json!({})).await.ok(200);
    let event = ear.hear("event").await;
    let own = ear.hear("own").await;
    assert_eq!((&own["rows"][0]["state"], own["id"].is_null()), (&json!("joined"), true));
    let seq = ada.says(room, "welcome").await;
    assert_eq!(seq, event["seq"].as_i64().unwrap() + 1);
    assert_eq!(ear.hear("event").await["seq"], seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_the_moment_reach_those_they_concern() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[&lin]).await;
    let seq = ada.says(room, "tea?").await;
    let (mut first, _) = Ear::hello(&house, &ada).await;
    first.say(json!({"type": "focus", "rooms": [room]})).await;
    first.say(json!({"type": "watch", "users": [lin.id]})).await;
    assert_eq!(first.hear("presence").await["users"], json!([[lin.id, "offline"]]));
    let (mut second, _) = Ear::hello(&house, &lin).await;
    assert_eq!(first.hear("presence").await["users"], json!([[lin.id, "online"]]));
    second.say(json!({"type": "presence", "state": "away"})).await;
    assert_eq!(first.hear("presence").await["users"], json!([[lin.id, "away"]]));
    second.say(json!({"type": "typing", "room": room})).await;
    assert_eq!(first.hear("typing").await["user"], lin.id);
    second.say(json!({"type": "read", "id": 1, "room": room, "seq": seq})).await;
    let read = first.hear("read").await;
    assert_eq!((&read["marks"][0][0], &read["marks"][0][1]), (&json!(lin.id), &json!(seq)));
    lin.call("PATCH", "/users/me", json!({"display_name": "Lin"})).await.ok(200);
    assert_eq!(first.hear("users").await["rows"][0]["display_name"], "Lin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_says_so_and_comes_to_an_end() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let (mut ear, _) = Ear::hello(&house, &ada).await;
    ear.say(json!({"type": "send", "id": 1, "room": room, "key": key(), "text": "last words"}))
        .await;
    ear.hear("ok").await;
    let began = Instant::now();
    let (stopped, (code, said)) = tokio::join!(house.stop(), ear.closed());
    assert!(stopped && began.elapsed() < Duration::from_secs(10));
    assert_eq!(code, 1012);
    let goaway = said.iter().find(|frame| frame["type"] == "goaway").unwrap();
    assert!((500..5_000).contains(&goaway["after_ms"].as_i64().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_and_a_dead_peer_is_let_go() {
    let house = House::with(|config| config.heartbeat = Duration::from_millis(200)).await;
    let ada = house.ada().await;
    let (mut ear, welcome) = Ear::hello(&house, &ada).await;
    assert_eq!(welcome["heartbeat_ms"], 200);
    // Reading answers the pings: it lives on.
    for _ in 0..8 {
        assert_eq!(ear.hear("heartbeat").await["digest"], "");
    }
    assert_eq!(house.app.hub.figures().0, 1);
    // Not reading answers none.
    let until = Instant::now() + PATIENCE;
    while house.app.hub.figures().0 > 0 {
        assert!(Instant::now() < until, "still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
