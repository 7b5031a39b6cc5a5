//! The same table for the socket: every frame a client may send and every kind of caller. Who gets
//! no connection stands in the cells of `hello`; a frame without an answer is told by its effect.

use super::{Row, Scene, cells, shape_of_words, sign};
use crate::cast::{CALLERS, Proof};
use crate::house::{PATIENCE, Socket, changes, rows};
use hallway_protocol::frames::ClientFrame;
use hallway_protocol::ids::RoomId;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Frame, what tells of its effect where it has no answer, and a cell for each caller as in
/// `rights.rs`: `+` answered or of effect, `.` of none or not there.
#[rustfmt::skip]
const FRAMES: &[Row] = &[
    (r#"{"type":"hello","v":1,"own":0,"rooms":[]}"#,                                          "",        "!-!!! ++ ++++++ ++! ++ --"),
    (r#"{"type":"send","room":{room},"key":"{once}","text":"x"}"#,                            "",        "!-!!! .. +-++++ ..! .. --"),
    (r#"{"type":"edit","room":{room},"key":"{once}","seq":{seq},"text":"y"}"#,                "",        "!-!!! .. ---+-- ..! .. --"),
    (r#"{"type":"delete","room":{room},"key":"{once}","seq":{seq}}"#,                         "",        "!-!!! .. ---+++ ++! .. --"),
    (r#"{"type":"react","room":{room},"key":"{once}","seq":{seq},"emoji":"👍","on":true}"#,   "",        "!-!!! .. +-++++ ..! .. --"),
    (r#"{"type":"pin","room":{room},"key":"{once}","seq":{seq},"on":true}"#,                  "",        "!-!!! .. ----++ ..! .. --"),
    (r#"{"type":"read","room":{room},"seq":{seq}}"#,                                          "",        "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"mine","room":{room},"favourite":true}"#,                                     "",        "!-!!! .. ++++++ ..! .. --"),
    // It is about what this connection was refused, whatever that was.
    (r#"{"type":"forget","room":{room},"key":"{once}"}"#,                                     "",        "!-!!! ++ ++++++ ++! ++ --"),
    (r#"{"type":"pull","room":{room},"since":0}"#,                                            "",        "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"own","since":0}"#,                                                           "",        "!-!!! ++ ++++++ ++! ++ --"),
    (r#"{"type":"heads"}"#,                                                                   "",        "!-!!! ++ ++++++ ++! ++ --"),
    (r#"{"type":"call","method":"GET","path":"/rooms/{room}/messages"}"#,                     "",        "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"call","method":"GET","path":"/admin/stats"}"#,                               "",        "!-!!! -- ------ -+! -+ --"),
    (r#"{"type":"call","method":"POST","path":"/invites","body":{}}"#,                        "",        "!-!!! -- ------ ++! -+ --"),
    (r#"{"type":"typing","room":{room}}"#,                                                    "typing",  "!-!!! .. +.++++ ..! .. --"),
    (r#"{"type":"focus","rooms":[{room}]}"#,                                                  "read",    "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"watch","users":[{bob}]}"#,                                                   "online",  "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"watch","room":{room}}"#,                                                     "online",  "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"presence","state":"away"}"#,                                                 "away",    "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"ack","rooms":[[{room},{head}]]}"#,                                            "receipt", "!-!!! .. ++++++ ..! .. --"),
    (r#"{"type":"heartbeat"}"#,                                                               "goes on", "!-!!! ++ ++++++ ++! ++ --"),
    (r#"{"type":"of a later version"}"#,                                                      "goes on", "!-!!! ++ ++++++ ++! ++ --"),
];

/// The name of a frame; a new one has to be named, and tried above, before this passes.
fn named(frame: &ClientFrame) -> &'static str {
    match frame {
        ClientFrame::Hello(_) => "hello",
        ClientFrame::Send(_) => "send",
        ClientFrame::Edit { .. } => "edit",
        ClientFrame::Delete { .. } => "delete",
        ClientFrame::React { .. } => "react",
        ClientFrame::Pin { .. } => "pin",
        ClientFrame::Read { .. } => "read",
        ClientFrame::Mine { .. } => "mine",
        ClientFrame::Forget { .. } => "forget",
        ClientFrame::Pull { .. } => "pull",
        ClientFrame::Own { .. } => "own",
        ClientFrame::Heads { .. } => "heads",
        ClientFrame::Call { .. } => "call",
        ClientFrame::Typing { .. } => "typing",
        ClientFrame::Focus { .. } => "focus",
        ClientFrame::Watch { .. } => "watch",
        ClientFrame::Presence { .. } => "presence",
        ClientFrame::Ack { .. } => "ack",
        ClientFrame::Heartbeat {} => "heartbeat",
        ClientFrame::Unknown => "unknown",
    }
}

#[test]
fn the_table_speaks_of_every_frame() {
    let source = include_str!("../../../../protocol/src/frames.rs");
    let (_, source) = source.split_once("pub enum ClientFrame {").expect("the frames");
    let (source, _) = source.split_once("\n}").expect("their end");
    let name = |line: &str| {
        let line = line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase))?;
        Some(line.split([' ', '(', ',']).next()?.to_lowercase())
    };
    let all: Vec<String> = source.lines().filter_map(name).collect();
    assert!(all.len() > 15, "{all:?}");
    let tried: Vec<_> = FRAMES
        .iter()
        .map(|row| {
            let mut frame: Value = serde_json::from_str(&shape_of_words(row.0)).expect("JSON");
            frame["id"] = json!(1);
            named(&serde_json::from_value(frame).expect("a frame"))
        })
        .collect();
    for frame in all {
        assert!(tried.contains(&frame.as_str()), "nobody said who may {frame}");
    }
    for row in FRAMES {
        assert_eq!(row.2.replace(' ', "").len(), CALLERS.len(), "{}", row.0);
    }
}

impl Scene {
    /// A connection that was greeted, else the sign of its refusal.
    async fn connects(&self, caller: &str) -> Result<Socket, char> {
        let mut socket =
            self.cast.dials(&self.house, caller).await.map_err(|status| sign(status, ""))?;
        let mut hello = json!({"type": "hello", "v": 1, "own": 0, "rooms": []});
        if let Proof::Token(token) = self.cast.proof(caller) {
            hello["token"] = json!(token);
        }
        socket.say(hello).await;
        let said = socket.until(|said| said["type"] == "welcome" || said["type"] == "error").await;
        if said["type"] == "welcome" { Ok(socket) } else { Err(told(&said)) }
    }

    /// Says a frame, and tells what became of it.
    async fn says(&self, caller: &'static str, row: &Row, expected: char) -> char {
        let mut bob = self.cast.person("bob").socket().await.0;
        let mut socket = match self.connects(caller).await {
            Ok(socket) => socket,
            Err(sign) => return sign,
        };
        let frame: Value = serde_json::from_str(&self.filled(caller, row.0)).expect("JSON");
        if frame["type"] == "hello" {
            return '+';
        }
        if frame["type"] == "heads" {
            socket.asks(frame).await;
            return told(&socket.hears("bump").await);
        }
        if row.1.is_empty() {
            return told(&socket.told(frame).await);
        }
        let me = self.cast.person(caller).user;
        if row.1 == "away" {
            bob.told_after(json!({"type": "watch", "users": [me]})).await;
        }
        match row.1 {
            // It comes back by the same connection.
            "online" => socket.say(frame).await,
            _ => socket.told_after(frame).await,
        }
        let room = self.number("room");
        let at_bobs = |said: &Value| match row.1 {
            "typing" => said["type"] == "typing" && said["room"] == room && said["user"] == me,
            _ => said["type"] == "presence" && said["users"] == json!([[me, "away"]]),
        };
        let bobs = self.cast.person("bob").user;
        let at_home = |said: &Value| match row.1 {
            "read" => said["type"] == "read" && said["room"] == room,
            _ => {
                let users = said["users"].as_array().map_or(&[][..], Vec::as_slice);
                said["type"] == "presence" && users.contains(&json!([bobs, "online"]))
            }
        };
        let found = match row.1 {
            "goes on" => true,
            "receipt" => self.received(&mut socket, me).await,
            "typing" => hears(&mut bob, expected, at_bobs).await,
            "away" => {
                self.house.app.presence.tell(&self.house.app.hub);
                hears(&mut bob, expected, at_bobs).await
            }
            "read" => {
                let mark = json!({"seq": self.number("seq")});
                let path = format!("/rooms/{room}/read-mark");
                self.cast.person("bob").put(&path, mark).await.fine();
                self.house.app.hub.hand_out_marks();
                hears(&mut socket, expected, at_home).await
            }
            _ => hears(&mut socket, expected, at_home).await,
        };
        if found { '+' } else { '.' }
    }

    /// Whether the others see that it reached them. What is written after an ack comes after it.
    async fn received(&self, socket: &mut Socket, me: i64) -> bool {
        let call = json!({"type": "call", "method": "PATCH", "path": "/users/me", "body": {}});
        socket.told(call).await;
        let room = RoomId(self.number("room"));
        let receipts = self.cast.person("owner").get(&format!("/rooms/{room}/receipts")).await;
        let items = receipts.ok(200)["items"].as_array().cloned().unwrap_or_default();
        let mine = items.iter().find(|item| item["user"] == me);
        mine.is_some_and(|mine| mine["delivered"] == self.number("head"))
    }
}

/// What an answer is in the table.
fn told(said: &Value) -> char {
    let status = match said["code"].as_str() {
        None => said["status"].as_u64().unwrap_or(200),
        Some("signed_out") => 401,
        Some("forbidden") => 403,
        Some("not_found") => 404,
        Some("conflict") => 409,
        Some("invalid") => 422,
        Some(code) => panic!("{code} was not thought of"),
    };
    sign(u16::try_from(status).expect("a status"), "")
}

/// Whether a connection hears this: waits for what must come, and where nothing may come asks twice,
/// so that it had every occasion.
async fn hears(socket: &mut Socket, expected: char, fits: impl Fn(&Value) -> bool) -> bool {
    if expected == '+' {
        return timeout(PATIENCE / 2, socket.until(fits)).await.is_ok();
    }
    let mut heard = false;
    for _ in 0..2 {
        let id = socket.asks(json!({"type": "own", "since": 0})).await;
        socket
            .until(|said| {
                heard |= fits(said);
                said["id"] == id
            })
            .await;
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_by_socket_what_the_table_says() {
    let mut scene = Scene::set().await;
    let mut wrong = Vec::new();
    for row in FRAMES {
        scene.sets(row).await;
        let before = rows(&scene.house.app).await;
        for (caller, right) in cells(row).filter(|(_, right)| *right != '+') {
            let said = scene.says(caller, row, right).await;
            if said != right {
                wrong.push(format!("{} by {caller}: {right} but {said}", row.0));
            }
        }
        let after = rows(&scene.house.app).await;
        // What is asked for the effect of a frame is written by itself.
        let changed = if row.1.is_empty() { changes(&before, &after) } else { Vec::new() };
        if !changed.is_empty() {
            wrong.push(format!("{}: refused, yet {changed:#?}", row.0));
        }
        scene.words.clear();
        for (caller, right) in cells(row).filter(|(_, right)| *right == '+') {
            scene.sets(row).await;
            let said = scene.says(caller, row, right).await;
            if said != right {
                wrong.push(format!("{} by {caller}: {right} but {said}", row.0));
            }
            // What can be done once is done to a room of its own.
            scene.words.clear();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
