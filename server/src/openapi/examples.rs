//! Examples, full: those that the wire's own tests pin, so a field that is added there is described
//! here.

use super::book::Book;
use super::probe::Way;
use hallway_protocol::error::Code;
use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::rows::Row;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const ROWS: &str = include_str!("../../../protocol/tests/snapshots/wire__rows_full_and_blank.snap");
const SAID: &str =
    include_str!("../../../protocol/tests/snapshots/wire__frames_of_the_server.snap");
const ASKED: &str =
    include_str!("../../../protocol/tests/snapshots/wire__frames_of_the_client.snap");
const BODIES: &[&str] = &[
    include_str!("../../../protocol/tests/snapshots/wire__bodies_of_rest.snap"),
    include_str!("../../../protocol/tests/snapshots/wire__bodies_of_operators.snap"),
];

/// Every code a refusal may have on the wire.
pub const CODES: [Code; 14] = [
    Code::Invalid,
    Code::WrongCredentials,
    Code::SignedOut,
    Code::Unverified,
    Code::Forbidden,
    Code::NotFound,
    Code::Unsupported,
    Code::Taken,
    Code::Conflict,
    Code::Gone,
    Code::TooLarge,
    Code::RateLimited,
    Code::Busy,
    Code::Broken,
];

/// The types behind names that are not theirs: their comments are read.
const SOURCES: &[(&str, &str)] = &[
    ("Row.message", "Message"),
    ("Row.reaction", "Reaction"),
    ("Row.member", "Member"),
    ("Row.room", "Room"),
    ("Row.user", "User"),
    ("Row.mine", "Mine"),
    ("Row.session", "SessionRow"),
    ("Frame.welcome", "Welcome"),
    ("Frame.own", "OwnFrame"),
    ("Frame.delta", "Delta"),
    ("Frame.ok", "Done"),
    ("Frame.error", "ErrorFrame"),
    ("Frame.notice", "Notice"),
    ("Command.hello", "Hello"),
    ("Command.send", "Send"),
    ("Command.mine", "MinePatch"),
];

/// Whose comments belong to a shape.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(shape, _)| *shape == name).map(|(_, of)| *of)
}

/// Each kind by its tag; of several examples of one kind everything that any of them has.
fn kinds(of: &str, tag: &str) -> BTreeMap<String, Map<String, Value>> {
    let mut kinds: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let lines = of.lines().filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    for line in lines {
        let Some(kind) = line.get(tag).and_then(Value::as_str).filter(|kind| *kind != "unknown")
        else {
            continue;
        };
        let known = kinds.entry(kind.to_owned()).or_default();
        for (field, value) in line {
            let blank = known.get(&field).is_none_or(|known| is_blank(known) && !is_blank(&value));
            if blank {
                known.insert(field, value);
            }
        }
    }
    kinds
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Whether this is what a frame of ours says it is.
pub fn is_frame(tag: &str) -> bool {
    SAID.contains(&format!("\n{{\"type\":\"{tag}\""))
}

/// The example of a body, by the name it has in the wire's tests.
pub fn body(name: &str) -> Value {
    let lines = BODIES.iter().flat_map(|of| of.lines());
    let line = lines.filter_map(|line| line.split_once(" {")).find(|(named, _)| *named == name);
    let (_, rest) = line.unwrap_or_else(|| panic!("the wire's tests have no {name}"));
    serde_json::from_str(&format!("{{{rest}")).expect("the wire's tests pin JSON")
}

/// Rows and frames.
pub fn define(book: &mut Book) {
    for (kind, example) in kinds(ROWS, "t") {
        book.define::<Row>(&format!("Row.{kind}"), &Value::Object(example), Way::Said);
    }
    book.one_of("Row", "t", "Row");
    for (kind, example) in kinds(SAID, "type") {
        book.define::<ServerFrame>(&format!("Frame.{kind}"), &Value::Object(example), Way::Said);
    }
    book.one_of("Frame", "type", "Frame");
    for (kind, example) in kinds(ASKED, "type") {
        let name = format!("Command.{kind}");
        book.define::<ClientFrame>(&name, &Value::Object(example), Way::Asked);
    }
    book.one_of("Command", "type", "Command");
}
