//! What somebody is told and keeps for later: full and blank.

use crate::samples::{ADA, AT, ROOM, body, file, key};
use hallway_protocol::rest::*;
use serde_json::{Value, json};

pub fn bodies() -> Vec<String> {
    let scheduled = Scheduled {
        id: "c1".into(),
        key: key(),
        room: ROOM,
        text: "tea?".into(),
        at: AT,
        reply: Some(811),
        thread: Some(790),
        files: vec![file()],
        error: Some("not_found".into()),
    };
    let new = NewScheduled {
        key: key(),
        room: ROOM,
        text: "tea?".into(),
        at: AT,
        reply: Some(811),
        thread: Some(790),
        files: vec!["m1".into()],
    };
    let blank = NewScheduled { reply: None, thread: None, files: Vec::new(), ..new.clone() };
    let changed =
        ScheduledPatch { text: Some("soup?".into()), at: Some(AT), files: Some(vec!["m1".into()]) };
    let mut all = notices();
    all.extend([
        body("new saved", NewSaved { room: ROOM, seq: 812 }),
        body("saved", Saved { id: "v1".into(), room: ROOM, seq: 812, at: AT }),
        body("new scheduled", new),
        body("new scheduled", blank),
        body("scheduled patch", changed),
        body("scheduled patch", ScheduledPatch::default()),
        body("scheduled", scheduled.clone()),
        body(
            "scheduled",
            Scheduled { reply: None, thread: None, files: Vec::new(), error: None, ..scheduled },
        ),
    ]);
    all
}

/// One of a tenant's own, and one of a message.
pub fn notice() -> [Notice; 2] {
    let own = Notice {
        id: "n1".into(),
        topic: "order".into(),
        room: None,
        seq: None,
        payload: json!({"number": 7}),
        read: false,
        at: AT,
    };
    let mention = Notice {
        topic: "mention".into(),
        room: Some(ROOM),
        seq: Some(812),
        payload: Value::Null,
        read: true,
        ..own.clone()
    };
    [own, mention]
}

/// A public key, as browsers write it.
const POINT: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

fn endpoint() -> NewPushEndpoint {
    let (url, auth) = ("https://push.example/1".into(), "BTBZMqHH6r4Tts7J_aSIgg".into());
    NewPushEndpoint { url, p256dh: POINT.into(), auth }
}

fn notices() -> Vec<String> {
    let (id, host) = ("e1".into(), "push.example".into());
    let known = Endpoint { id, host, at: AT, current: true };
    let [own, mention] = notice();
    let quiet = Quiet { from: "22:00".into(), to: "07:00".into(), days: vec![1, 5] };
    let settings = NoticeSettings {
        keywords: vec!["tea".into()],
        quiet: Some(quiet),
        digest_minutes: 60,
        zone: "Europe/Berlin".into(),
    };
    let blank = NoticeSettings { zone: "UTC".into(), ..NoticeSettings::default() };
    let new = NewNotice { topic: "order".into(), payload: own.payload.clone(), users: vec![ADA] };
    vec![
        body("notice", Notice { room: Some(ROOM), seq: Some(812), ..own }),
        body("notice", mention),
        body("notices read", NoticesRead { up_to: "n1".into() }),
        body("new notice", new),
        body("notice settings", settings),
        body("notice settings", blank),
        body("new endpoint", endpoint()),
        body("endpoint made", EndpointMade { id: "e1".into() }),
        body("endpoint", known),
        body("push key", PushKey { key: POINT.into() }),
        body("new reminder", NewReminder { room: ROOM, seq: 812, at: AT }),
        body("reminder", Reminder { id: "r1".into(), room: ROOM, seq: 812, at: AT }),
    ]
}
