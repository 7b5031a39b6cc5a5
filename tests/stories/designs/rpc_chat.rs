//! The RPC chat: everything over one socket, calls answered by id, events of all own rooms without
//! asking for them, names that follow a change, a small private storage.

use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::RoomId;
use hallway_protocol::rows::Row;
use hallway_tests::wire::{Socket, key, messages};
use hallway_tests::{Engine, House, Server, Setup, soon};
use serde_json::{Value, json};

/// A call over the socket; status and body.
async fn call(socket: &mut Socket, method: &str, path: &str, body: Value) -> (u16, Value) {
    let id = socket.id();
    let (method, path) = (method.to_owned(), path.to_owned());
    let call = ClientFrame::Call { id, method, path, body: Some(body), key: None };
    socket.send(&call).await.expect("open");
    socket
        .until("the call's answer", |frame| match frame {
            ServerFrame::Answer { id: of, status, body } if *of == id => {
                Some((*status, body.clone()))
            }
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_carries_every_call_and_every_event() {
    let house = House::open().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_name_reaches_whoever_shares_a_room() {
    let house = House::open().await;
    let lin = house.person("lin").await;
    let kitchen = house.owner.creates("kitchen").await;
    lin.joins(kitchen).await;
    let mut hers = Socket::open(&lin).await;
    house.owner.patch("/users/me", json!({"display_name": "Ada L."})).await.good();
    let user = house.owner.user;
    hers.until("the new name", |frame| match frame {
        ServerFrame::Users { rows } => rows.iter().find_map(|row| match row {
            Row::User(row) if row.user == user && row.display_name == "Ada L." => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    let shown = lin.get(&format!("/users/{user}")).await.good();
    assert_eq!(shown["display_name"], "Ada L.");
}

#[tokio::test(flavor = "multi_thread")]
async fn private_values_are_private() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    ada.put("/users/me/storage/theme", json!({"dark": true})).await.good();
    lin.put("/users/me/storage/theme", json!("light")).await.good();
    let value = |body: Value| body.get("value").cloned().unwrap_or(body);
    assert_eq!(value(ada.get("/users/me/storage/theme").await.good()), json!({"dark": true}));
    assert_eq!(value(lin.get("/users/me/storage/theme").await.good()), json!("light"));
    let large = json!("x".repeat(65_537));
    assert_eq!(ada.put("/users/me/storage/large", large).await.refused(), (413, "too_large"));
    ada.delete("/users/me/storage/theme").await.good();
    assert_eq!(ada.get("/users/me/storage/theme").await.refused(), (404, "not_found"));
    assert_eq!(value(lin.get("/users/me/storage/theme").await.good()), json!("light"));
}

/// Started by one command, ended by one signal: those connected are told, and it leaves in time.
#[tokio::test(flavor = "multi_thread")]
async fn it_says_goodbye() {
    let mut house = House::with(Setup::new(Engine::Sqlite)).await;
    let kitchen = house.owner.creates("kitchen").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::open(&house.owner).await);
    }
    let watch = async {
        let mut codes = Vec::new();
        for mut socket in sockets {
            let mut goodbye = false;
            let ended = soon("the socket ends", async {
                loop {
                    match socket.next().await {
                        Ok(frame) => goodbye |= matches!(frame, ServerFrame::Goaway { .. }),
                        Err(ended) => return ended,
                    }
                }
            })
            .await;
            assert!(goodbye, "it ended with {ended:?} and no goodbye");
            codes.push(ended.0);
        }
        codes
    };
    let server: &mut Server = &mut house;
    let (codes, ()) = tokio::join!(watch, server.end());
    assert!(codes.iter().all(|code| *code == Some(1012)), "{codes:?}");
    house.up().await.expect("it starts again");
    house.owner.says(kitchen, "back").await;
}
