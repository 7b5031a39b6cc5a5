//! Calls over one socket: what is frequent as frames of their own, everything else as `call`.

use hallway_protocol::frames::{ClientFrame, MinePatch, ServerFrame};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rows::Row;
use hallway_tests::wire::{Socket, key, messages, plain};
use hallway_tests::{Engine, House, Rest, Setup};
use serde_json::{Value, json};

on_both!(
    one_socket_carries_every_call_and_every_event,
    what_is_frequent_is_a_frame_of_its_own,
    every_method_of_the_interface_is_a_call,
);

/// A call over the socket; status and body.
pub async fn call(socket: &mut Socket, method: &str, path: &str, body: Value) -> (u16, Value) {
    let id = socket.id();
    let (method, path) = (method.to_owned(), path.to_owned());
    let call = ClientFrame::Call { id, method, path, body: Some(body), key: None };
    socket.send(&call).await.expect("open");
    socket
        .until("the call's answer", |frame| match frame {
            ServerFrame::Answer { id: of, status, body } if *of == id => {
                Some((*status, body.clone()))
            }
            // What is no call at all is refused as any command is.
            ServerFrame::Error(error) if error.id == Some(id) => {
                Some((409, serde_json::to_value(error).expect("JSON")))
            }
            _ => None,
        })
        .await
}

async fn one_socket_carries_every_call_and_every_event(engine: Engine) {
    let house = House::on(engine).await;
    let lin = house.person("lin").await;
    let mut ada = Socket::open(&house.owner).await;
    let (status, room) =
        call(&mut ada, "POST", "/rooms", json!({"kind": "channel", "name": "kitchen"})).await;
    assert_eq!(status, 201, "{room}");
    let kitchen = RoomId(room["room"].as_i64().expect("a room row"));

    // Several calls at once, answered each by its id, refusals as the same object as everywhere.
    let one = ada.says(kitchen, key(), "one").await.expect("open");
    let two = ada.says(kitchen, key(), "two").await.expect("open");
    let (status, refusal) =
        call(&mut ada, "POST", "/rooms", json!({"kind": "channel", "name": ""})).await;
    assert_eq!((status, refusal["code"].as_str()), (422, Some("invalid")));
    assert!(refusal["fields"]["name"].is_string(), "{refusal}");
    let (status, refusal) = call(&mut ada, "GET", "/rooms/1/messages", Value::Null).await;
    assert_eq!((status, refusal["code"].as_str()), (404, Some("not_found")));
    let (one, two) = (ada.answer(one).await.expect("taken"), ada.answer(two).await.expect("taken"));
    assert!(one.seq < two.seq);

    // Lin is in two rooms before she connects and enters a third after: she hears all of them.
    let hall = house.owner.creates("hall").await;
    let attic = house.owner.creates("attic").await;
    lin.joins(kitchen).await;
    lin.joins(hall).await;
    let mut hers = Socket::open(&lin).await;
    let (status, _) = call(&mut hers, "POST", &format!("/rooms/{attic}/join"), json!({})).await;
    assert_eq!(status, 200);
    for room in [kitchen, hall, attic] {
        let said = house.owner.says(room, "hello").await;
        let rows = hers.event(room, said.seq).await;
        assert_eq!(messages(&rows)[0].text, "hello");
    }
}

async fn what_is_frequent_is_a_frame_of_its_own(engine: Engine) {
    let house = House::on(engine).await;
    let ada = house.owner.clone();
    let room = ada.creates("kitchen").await;
    let mut socket = Socket::open(&ada).await;
    let id = socket.says(room, key(), "tea?").await.expect("open");
    let said = socket.answer(id).await.expect("taken");
    let seq = said.seq.expect("a number");
    let does = async |socket: &mut Socket, frame: &dyn Fn(u64) -> ClientFrame| {
        let id = socket.id();
        socket.send(&frame(id)).await.expect("open");
        socket.answer(id).await
    };
    // Each names its message and is answered by the row it changed.
    let edit = |id| ClientFrame::Edit { id, room, key: key(), seq, text: "coffee?".into() };
    let Some(Row::Message(row)) = does(&mut socket, &edit).await.expect("taken").row else {
        panic!("an edit is answered by the message");
    };
    assert_eq!((row.text.as_str(), row.seq), ("coffee?", seq));
    let react =
        |id| ClientFrame::React { id, room, key: key(), seq, emoji: "👍".into(), on: true };
    let Some(Row::Reaction(row)) = does(&mut socket, &react).await.expect("taken").row else {
        panic!("a reaction is answered by its row");
    };
    assert!(row.on && row.emoji == "👍");
    let pin = |id| ClientFrame::Pin { id, room, key: key(), seq, on: true };
    let Some(Row::Message(row)) = does(&mut socket, &pin).await.expect("taken").row else {
        panic!("a pin is answered by the message");
    };
    assert!(row.pinned);
    // What is one's own alone is answered by one's own log.
    let read = |id| ClientFrame::Read { id, room, seq };
    assert!(does(&mut socket, &read).await.expect("taken").own.is_some());
    let patch = MinePatch { favourite: Some(true), ..MinePatch::default() };
    let mine = |id| ClientFrame::Mine { id, room, patch: patch.clone() };
    let own = does(&mut socket, &mine).await.expect("taken").own;
    let delete = |id| ClientFrame::Delete { id, room, key: key(), seq };
    let Some(Row::Message(row)) = does(&mut socket, &delete).await.expect("taken").row else {
        panic!("a delete is answered by the tombstone");
    };
    assert!(row.deleted && row.text.is_empty());
    let forget = |id| ClientFrame::Forget { id, room, key: key() };
    does(&mut socket, &forget).await.expect("taken");
    let wrong = |id| ClientFrame::Edit { id, room, key: key(), seq: 900, text: "x".into() };
    let refused = does(&mut socket, &wrong).await.expect_err("there is no such message");
    assert_eq!(serde_json::to_value(refused.code).expect("JSON"), "not_found");

    // Questions: the room since a number, one's own log since a number, where every room stands.
    let id = socket.id();
    let pull = ClientFrame::Pull { id, room, since: seq, floor: None, latest: None };
    socket.send(&pull).await.expect("open");
    let delta = socket
        .until("the delta", |frame| match frame {
            ServerFrame::Delta(delta) => (delta.id == Some(id)).then(|| delta.clone()),
            _ => None,
        })
        .await;
    assert!(delta.done && messages(&delta.rows)[0].deleted, "{delta:?}");
    let id = socket.id();
    socket.send(&ClientFrame::Own { id, since: 0 }).await.expect("open");
    let log = socket
        .until("one's own log", |frame| match frame {
            ServerFrame::Own(own) => (own.id == Some(id)).then(|| own.clone()),
            _ => None,
        })
        .await;
    assert!(log.rows.iter().any(|row| matches!(row, Row::Mine(mine) if mine.favourite)), "{log:?}");
    assert!(Some(log.to) >= own);
    let id = socket.id();
    socket.send(&ClientFrame::Heads { id }).await.expect("open");
    socket
        .until("the heads", |frame| match frame {
            ServerFrame::Bump { rooms } => {
                rooms.iter().any(|at| at.room == room && at.head == delta.head).then_some(())
            }
            _ => None,
        })
        .await;
}

/// Called without a socket: a socket itself, what begins or ends a session, bytes.
fn is_outside(path: &str) -> bool {
    let begins = ["/socket", "/sync", "/auth/log", "/auth/re"];
    begins.iter().any(|begin| path.starts_with(begin))
        || (path.starts_with("/media/")
            && (path.ends_with("/content") || path.ends_with("/thumbnail")))
}

async fn every_method_of_the_interface_is_a_call(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let (lin, eve) = (house.person("lin").await, house.person("eve").await);
    let mut socket = Socket::open(&eve).await;
    let document = Rest::at(&house.url()).get("/openapi.json").await.good();
    let (mut asked, mut outside) = (0, 0);
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        // Whatever stands in braces is something that is not there.
        let filled: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in methods.as_object().expect("methods").keys() {
            let method = method.to_uppercase();
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
                || (method == "DELETE" && path == "/users/me")
                || path.starts_with("/health")
                || path == "/metrics"
                || path.starts_with("/files/")
            {
                continue;
            }
            let body = (method != "GET" && method != "DELETE").then(|| json!({}));
            if is_outside(path) {
                let (status, refusal) =
                    call(&mut socket, &method, &filled, body.unwrap_or_default()).await;
                assert_eq!((status, refusal["code"].as_str()), (409, Some("conflict")), "{path}");
                outside += 1;
                continue;
            }
            let url = format!("{}/api/v1{filled}", house.url());
            let mut by_rest = plain().request(method.parse().expect("a method"), url);
            by_rest = by_rest.bearer_auth(lin.token.clone().expect("signed in"));
            if let Some(body) = &body {
                by_rest = by_rest.json(body);
            }
            let by_rest = by_rest.send().await.expect("answered");
            let status = by_rest.status().as_u16();
            let text = by_rest.text().await.expect("text");
            let one: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            let (also, two) = call(&mut socket, &method, &filled, body.unwrap_or_default()).await;
            let what = format!("{method} {path}: {one} and {two}");
            assert_eq!(status, also, "{what}");
            assert_eq!(one["code"], two["code"], "{what}");
            asked += 1;
        }
    }
    assert!(asked > 100 && outside >= 5, "{asked} and {outside}: that is not all of it");
}
