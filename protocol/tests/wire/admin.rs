//! One value of every body that operators send or get, full and blank.

use crate::samples::body;
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::*;
use serde_json::Map;

const AT: i64 = 1_795_165_680_123;

pub fn bodies() -> Vec<String> {
    let line = Audited {
        id: "7".into(),
        at: AT,
        act: "sign_in".into(),
        actor: Some(Actor::Person(UserId(3))),
        target: Some("session:s1".into()),
        address: Some("10.0.0.7".into()),
        detail: Map::from_iter([("device".into(), "laptop".into())]),
    };
    let operator = Some(Actor::Other("operator".into()));
    vec![
        body("audited", line.clone()),
        body("audited", Audited { actor: operator, target: None, address: None, ..line }),
    ]
}
