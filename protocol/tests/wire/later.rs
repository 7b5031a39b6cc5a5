//! What somebody keeps for later: full and blank.

use crate::samples::{AT, ROOM, body, key};
use hallway_protocol::rest::*;

pub fn bodies() -> Vec<String> {
    let scheduled = Scheduled {
        id: "c1".into(),
        key: key(),
        room: ROOM,
        text: "tea?".into(),
        at: AT,
        error: Some("not_found".into()),
    };
    vec![
        body("new saved", NewSaved { room: ROOM, seq: 812 }),
        body("saved", Saved { id: "v1".into(), room: ROOM, seq: 812, at: AT }),
        body("new scheduled", NewScheduled { key: key(), room: ROOM, text: "tea?".into(), at: AT }),
        body("scheduled", scheduled.clone()),
        body("scheduled", Scheduled { error: None, ..scheduled }),
    ]
}
