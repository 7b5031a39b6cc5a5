//! The room chat: rooms made, listed and deleted over REST, and their life shown live.
//!
//! | the row says | the walk that shows it |
//! |---|---|
//! | create, list, delete rooms; history | `rooms_come_and_go_before_everyones_eyes`; pages of it: `designs/messenger/chats.rs` |
//! | join, leave and typing shown live; list of who is here | `rooms_come_and_go_before_everyones_eyes` |
//! | CORS by configuration | `a_foreign_page_is_turned_away` |
//! | a deleted room tells everyone in it and closes | `rooms_come_and_go_before_everyones_eyes` |
//! | reconnect by itself | `it_comes_back_by_itself` |
//! | limits on name and text | `names_and_texts_have_limits_and_nothing_is_stored_in_part` |
//! | names and texts shown as text, never as markup | the same, to the letter; on a screen: `windows/hostile.rs` |
//! | debounced typing | `typing_is_told_now_and_then` |
//! | phone-sized layout | `ui/tests`, `windows/screens.rs` |
//! | API reference page | `the_reference_stands_by_itself` |

use hallway_protocol::frames::{ClientFrame, Presence, ServerFrame};
use hallway_protocol::rows::{MineState, Row};
use hallway_tests::wire::Socket;
use hallway_tests::wire::{key, plain};
use hallway_tests::{Engine, Hand, House, Rest, Setup};
use serde_json::json;
use std::time::Duration;

on_both!(
    rooms_come_and_go_before_everyones_eyes,
    names_and_texts_have_limits_and_nothing_is_stored_in_part,
    a_foreign_page_is_turned_away,
    it_comes_back_by_itself,
    typing_is_told_now_and_then,
    the_reference_stands_by_itself,
);

async fn rooms_come_and_go_before_everyones_eyes(engine: Engine) {
    let house = House::on(engine).await;
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
    let id = his.says(kitchen, key(), "hello?").await.expect("open");
    let closed = his.answer(id).await.expect_err("nobody speaks there any more");
    assert_eq!(serde_json::to_value(closed.code).expect("JSON"), "not_found");
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

async fn names_and_texts_have_limits_and_nothing_is_stored_in_part(engine: Engine) {
    let house = House::on(engine).await;
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

async fn a_foreign_page_is_turned_away(engine: Engine) {
    let setup = Setup::new(engine).env("HALLWAY_ORIGINS", "https://chat.example");
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
    // The same by REST: who may call is asked beforehand, and told.
    let asks = async |method: &str, origin: &'static str| {
        let url = format!("{}/api/v1/server", house.url());
        let request = plain().request(method.parse().expect("a method"), url);
        let request = request.header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", "GET");
        let answer = request.send().await.expect("answered");
        let allowed = answer.headers().get("access-control-allow-origin").cloned();
        (answer.status().as_u16(), allowed.map(|name| name.to_str().expect("text").to_owned()))
    };
    let ours = Some("https://chat.example".to_owned());
    assert_eq!(asks("OPTIONS", "https://chat.example").await, (204, ours.clone()));
    assert_eq!(asks("GET", "https://chat.example").await, (200, ours));
    for method in ["OPTIONS", "GET"] {
        assert_eq!(asks(method, "https://evil.example").await, (403, None), "{method}");
    }
}

async fn it_comes_back_by_itself(engine: Engine) {
    let mut house = House::on(engine).await;
    house.person("lin").await;
    let (ada, lin) = (house.core("ada").await, house.core("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    ada.says("before").await;
    lin.hears("before").await;
    house.crash().await;
    ada.says("after").await;
    lin.hears("after").await;
    lin.says("we are back").await;
    ada.hears("we are back").await;
}

async fn typing_is_told_now_and_then(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(Setup::new(engine).clock(&hand)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let (mut hers, mut his) = (Socket::open(&ada).await, Socket::open(&lin).await);
    let user = lin.user;
    let typing = |frame: &ServerFrame| match frame {
        ServerFrame::Typing { room, user: who } => ((*room, *who) == (kitchen, user)).then_some(()),
        _ => None,
    };
    for _ in 0..3 {
        // As fast as fingers are: it is told once, and again when some seconds went by.
        for _ in 0..30 {
            his.send(&ClientFrame::Typing { room: kitchen }).await.expect("open");
        }
        his.is_heard().await;
        hers.until("typing", typing).await;
        hand.turn(Duration::from_secs(4));
    }
    let said = ada.says(kitchen, "what is it?").await;
    let mut more = 0;
    hers.until("all before it", |frame| match frame {
        ServerFrame::Event { room, seq, .. } => {
            ((*room, *seq) == (kitchen, said.seq)).then_some(())
        }
        frame => {
            more += typing(frame).map_or(0, |()| 1);
            None
        }
    })
    .await;
    assert_eq!(more, 0, "three times, and no more");
}

async fn the_reference_stands_by_itself(engine: Engine) {
    let house = House::on(engine).await;
    let nobody = Rest::at(&house.url());
    let (status, kind, page) = nobody.bytes("/docs").await;
    let page = String::from_utf8(page).expect("text");
    assert!(status == 200 && kind.starts_with("text/html"), "{kind}");
    let mut own = 0;
    for part in page.split(['"', '\'']) {
        assert!(!part.contains("://"), "it loads nothing from outside: {part}");
        if part.ends_with("page.js") || part.ends_with("page.css") {
            let path = part.strip_prefix("/api/v1").unwrap_or(part);
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            assert_eq!(nobody.bytes(&path).await.0, 200, "{path}");
            own += 1;
        }
    }
    assert_eq!(own, 2);
    let document = nobody.get("/openapi.json").await.good();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    for path in ["/rooms", "/rooms/{room}/messages", "/auth/login"] {
        let paths = document["paths"].as_object().expect("paths");
        assert!(paths.keys().any(|known| known.ends_with(path)), "{path}");
    }
}
