//! The room chat: rooms made, listed and deleted over REST, and their life shown live.

use hallway_protocol::frames::{ClientFrame, Presence, ServerFrame};
use hallway_protocol::rows::{MineState, Row};
use hallway_tests::wire::Socket;
use hallway_tests::{Engine, House, Setup};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn rooms_come_and_go_before_everyones_eyes() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    ada.says(kitchen, "anyone?").await;
    let found = lin.get("/rooms/directory?query=kit").await.good();
    assert_eq!(found["rows"][0]["room"], json!(kitchen), "{found}");
    assert_eq!(lin.get("/rooms").await.good()["rows"], json!([]));

    let mut hers = Socket::open(&ada).await;
    lin.joins(kitchen).await;
    assert!(lin.get("/rooms").await.good().to_string().contains("kitchen"));
    hears_notice(&mut hers, "joined").await;
    let texts: Vec<_> = lin.history(kitchen).await.into_iter().map(|row| row.text).collect();
    assert!(texts.contains(&"anyone?".to_owned()), "{texts:?}");

    // Typing is live and is not stored; it ends by itself or with a message.
    let mut his = Socket::open(&lin).await;
    his.send(&ClientFrame::Typing { room: kitchen }).await.expect("open");
    let user = lin.user;
    hers.until("typing", |frame| match frame {
        ServerFrame::Typing { room, user: who } if (*room, *who) == (kitchen, user) => Some(()),
        _ => None,
    })
    .await;

    // Who is here.
    hers.send(&ClientFrame::Watch { users: Vec::new(), room: Some(kitchen) }).await.expect("open");
    hers.until("who is here", |frame| match frame {
        ServerFrame::Presence { users } => users.contains(&(user, Presence::Online)).then_some(()),
        _ => None,
    })
    .await;

    lin.post(&format!("/rooms/{kitchen}/leave"), json!({})).await.good();
    hears_notice(&mut hers, "left").await;
    lin.joins(kitchen).await;

    // Deleting tells everyone in it, and then it is not there.
    ada.delete(&format!("/rooms/{kitchen}")).await.good();
    his.until("the room's end", |frame| match frame {
        ServerFrame::Own(own) => own.rows.iter().find_map(|row| match row {
            Row::Mine(mine) if mine.room == kitchen && mine.state == MineState::Deleted => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    assert_eq!(lin.get(&format!("/rooms/{kitchen}")).await.refused(), (404, "not_found"));
    assert_eq!(lin.post(&format!("/rooms/{kitchen}/join"), json!({})).await.status, 404);
    assert_eq!(lin.get("/rooms/directory?query=kit").await.good()["rows"], json!([]));
}

async fn hears_notice(socket: &mut Socket, what: &str) {
    socket
        .until(what, |frame| match frame {
            ServerFrame::Event { rows, .. } => rows.iter().find_map(|row| match row {
                Row::Message(row) if row.meta.get("what") == Some(&json!(what)) => Some(()),
                _ => None,
            }),
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_texts_have_limits_and_nothing_is_stored_in_part() {
    let house = House::open().await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    for (name, says) in [("", "name"), (&*"x".repeat(81), "name"), ("a\u{0}b", "name")] {
        let body = json!({"kind": "channel", "name": name});
        let refused = ada.post("/rooms", body).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{name:?}");
        assert!(refused.body["fields"][says].is_string(), "{refused:?}");
    }
    let path = format!("/rooms/{kitchen}/messages");
    let key = hallway_tests::wire::key();
    for text in ["", &*"x".repeat(4_001), "a\u{0}b"] {
        let refused = ada.post(&path, json!({"key": key, "text": text})).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{} characters", text.chars().count());
    }
    let before = ada.history(kitchen).await.len();
    // The refused key is free still: nothing of it was kept.
    let most = "\u{1F469}".repeat(4_000);
    let said = ada.post(&path, json!({"key": key, "text": most})).await;
    assert_eq!(said.status, 201);
    assert_eq!(ada.history(kitchen).await.len(), before + 1);

    // Markup is text, to the letter.
    let markup = "<img src=x onerror=alert(1)> **b** &amp; \u{202e}";
    assert_eq!(ada.says(kitchen, markup).await.text, markup);
    assert_eq!(ada.history(kitchen).await.last().expect("it").text, markup);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_is_turned_away() {
    let setup = Setup::new(Engine::Sqlite).env("HALLWAY_ORIGINS", "https://chat.example");
    let house = House::with(setup).await;
    let upgrade = |origin: Option<&'static str>| {
        let url = format!("{}/api/v1/socket", house.url());
        let mut request = hallway_tests::wire::plain()
            .get(url)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        request.send()
    };
    for (origin, status) in [
        (None, 101),
        (Some("https://chat.example"), 101),
        (Some("https://evil.example"), 403),
        (Some("https://chat.example.evil.example"), 403),
        (Some("null"), 403),
    ] {
        let answer = upgrade(origin).await.expect("it is answered");
        assert_eq!(answer.status().as_u16(), status, "{origin:?}");
    }
}
