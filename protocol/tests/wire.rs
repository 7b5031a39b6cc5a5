//! The wire: every type as it is written, the examples of the protocol page as they are read, and
//! what both sides must ignore. A changed snapshot is a changed protocol.

#[path = "wire/accounts.rs"]
mod accounts;
#[path = "wire/admin.rs"]
mod admin;
#[path = "wire/examples.rs"]
mod examples;
#[path = "wire/hooks.rs"]
mod hooks;
#[path = "wire/later.rs"]
mod later;
#[path = "wire/media.rs"]
mod media;
#[path = "wire/places.rs"]
mod places;
#[path = "wire/samples.rs"]
mod samples;

use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::{ClientFrame, ErrorFrame, ServerFrame};
use hallway_protocol::rows::Row;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One line of JSON a value.
fn lines<T: Serialize>(values: &[T]) -> String {
    values.iter().map(|v| serde_json::to_string(v).expect("plain data") + "\n").collect()
}

fn back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(values: &[T]) {
    for value in values {
        let text = serde_json::to_string(value).expect("plain data");
        assert_eq!(&serde_json::from_str::<T>(&text).expect("what was written is read"), value);
    }
}

#[test]
fn rows_full_and_blank() {
    back(&samples::rows());
    insta::assert_snapshot!(lines(&samples::rows()));
}

#[test]
fn frames_of_the_client() {
    back(&samples::client_frames());
    insta::assert_snapshot!(lines(&samples::client_frames()));
}

#[test]
fn frames_of_the_server() {
    back(&samples::server_frames());
    insta::assert_snapshot!(lines(&samples::server_frames()));
}

#[test]
fn bodies_of_rest() {
    insta::assert_snapshot!(samples::rest().join("\n"));
}

#[test]
fn bodies_of_operators() {
    insta::assert_snapshot!(admin::bodies().join("\n"));
}

#[test]
fn refusals() {
    let refused =
        Refused::new(Code::Invalid, "that cannot be right").field("name", "is too long (81 of 80)");
    let busy = Refused::new(Code::Busy, "the server has too much to do");
    let over = Refused::new(Code::SignedOut, "sign in first");
    let frame = ErrorFrame::new(Some(12), busy.clone());
    assert_eq!(frame.clone().refused(), busy);
    back(&[refused.clone(), busy, over.clone()]);
    insta::assert_snapshot!(format!("{}{}", lines(&[refused, over]), lines(&[frame])));
}

#[test]
fn codes_have_one_name() {
    for code in samples::CODES {
        assert_eq!(json!(code), json!(code.as_str()));
        assert!((400..=503).contains(&code.status()));
    }
    assert_eq!(serde_json::from_str::<Code>("\"from_tomorrow\"").ok(), Some(Code::Unknown));
}

#[test]
fn the_kind_stands_first() {
    for row in samples::rows() {
        let text = serde_json::to_string(&row).expect("plain data");
        assert!(text.starts_with("{\"t\":\""), "{text}");
    }
    let client = samples::client_frames().iter().map(json_text).collect::<Vec<_>>();
    let server = samples::server_frames().iter().map(json_text).collect::<Vec<_>>();
    for text in client.iter().chain(&server) {
        assert!(text.starts_with("{\"type\":\""), "{text}");
    }
}

fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// Drops what a row may leave out.
fn without_blanks(row: &Value) -> Value {
    let blank = |v: &Value| match v {
        Value::Null | Value::Bool(false) => true,
        Value::Number(n) => n.as_i64() == Some(0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        Value::Bool(true) => false,
    };
    let fields = row.as_object().expect("a row is an object");
    Value::Object(
        fields.iter().filter(|(_, v)| !blank(v)).map(|(k, v)| (k.clone(), v.clone())).collect(),
    )
}

#[test]
fn the_rows_of_the_page_are_read_and_written_alike() {
    for line in examples::rows() {
        let said: Value = serde_json::from_str(&line).expect("the example is JSON");
        let row: Row = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_ne!(row, Row::Unknown, "{line}");
        assert_eq!(without_blanks(&json!(row)), without_blanks(&said), "{line}");
        // And with its blanks left out it is the same row.
        let short = without_blanks(&said).to_string();
        assert_eq!(serde_json::from_str::<Row>(&short).expect("blanks are restored"), row);
    }
}

/// Re-serialises `line` and compares; `limits` of the example stands for the defaults.
fn alike<T: Serialize + DeserializeOwned>(line: &str) {
    let mut said: Value = serde_json::from_str(line).expect("the example is JSON");
    let frame: T = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    if said.get("limits").is_some() {
        said["limits"] = json!(hallway_protocol::limits::Limits::default());
    }
    assert_eq!(json!(frame), said, "{line}");
}

#[test]
fn the_frames_of_the_page_are_read_and_written_alike() {
    examples::client_frames().iter().for_each(|line| alike::<ClientFrame>(line));
    examples::server_frames().iter().for_each(|line| alike::<ServerFrame>(line));
}

#[test]
fn unknown_fields_are_ignored() {
    fn with_more<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        let mut said = json!(value);
        said["from_tomorrow"] = json!({"type": "x", "t": [1, null]});
        assert_eq!(&serde_json::from_value::<T>(said).expect("more is fine"), value);
    }
    samples::rows().iter().for_each(with_more);
    samples::client_frames().iter().for_each(with_more);
    samples::server_frames().iter().for_each(with_more);
}

#[test]
fn unknown_kinds_are_ignored() {
    let frame = r#"{"type":"from_tomorrow","id":1,"room":"?","rows":[{}]}"#;
    assert_eq!(serde_json::from_str::<ClientFrame>(frame).ok(), Some(ClientFrame::Unknown));
    assert_eq!(serde_json::from_str::<ServerFrame>(frame).ok(), Some(ServerFrame::Unknown));
    let event = r#"{"type":"event","room":7,"seq":9,"rows":[{"t":"poll","rev":9},{"t":"member","room":7,"user":3,"role":"member","rev":9}]}"#;
    let ServerFrame::Event { rows, .. } = serde_json::from_str(event).expect("an event") else {
        panic!("an event is an event");
    };
    assert_eq!(rows[0], Row::Unknown);
    assert_eq!(rows[1].rev(), 9);
}

#[test]
fn what_is_not_a_frame_is_refused() {
    for text in ["", "null", "[]", "{}", r#"{"type":7}"#, r#"{"type":"send","id":1}"#] {
        assert!(serde_json::from_str::<ClientFrame>(text).is_err(), "{text}");
    }
    for key in ["", "x", "00000000-0000-4000-8000-000000000000", "0190000000007000800000000000000a"]
    {
        let text = json!({"type":"forget","id":1,"room":7,"key":key}).to_string();
        assert!(serde_json::from_str::<ClientFrame>(&text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_message_comes_back(message in samples::any_message()) {
        let text = json_text(&Row::Message(message.clone()));
        prop_assert_eq!(serde_json::from_str::<Row>(&text).expect("a row"), Row::Message(message));
    }

    #[test]
    fn any_send_comes_back(send in samples::any_send()) {
        let frame = ClientFrame::Send(send);
        let text = json_text(&frame);
        prop_assert_eq!(serde_json::from_str::<ClientFrame>(&text).expect("a frame"), frame);
    }

    #[test]
    fn garbage_never_panics(text in ".{0,80}") {
        let _ = serde_json::from_str::<ClientFrame>(&text);
        let _ = serde_json::from_str::<ServerFrame>(&text);
    }
}

#[test]
fn numbers_that_nothing_counts_are_refused() {
    let huge = ["9223372036854775807", "9007199254740993", "-1", "1e300"];
    for number in huge {
        for frame in [
            r#"{"type":"event","room":7,"seq":#,"rows":[]}"#,
            r#"{"type":"event","room":#,"seq":7,"rows":[]}"#,
            r#"{"type":"lag","rooms":[[7,#]],"own":1}"#,
            r#"{"type":"goaway","after_ms":#,"why":"restart"}"#,
            r#"{"type":"ok","id":0,"room":7,"seq":#,"again":false,"row":null}"#,
            r#"{"type":"users","rows":[{"t":"user","user":3,"name":"ada","rev":#}]}"#,
        ] {
            let frame = frame.replace('#', number);
            assert!(serde_json::from_str::<ServerFrame>(&frame).is_err(), "{frame}");
        }
        for frame in [
            r#"{"type":"pull","id":1,"room":7,"since":#}"#,
            r#"{"type":"read","id":1,"room":7,"seq":#}"#,
            r#"{"type":"ack","rooms":[[7,#]]}"#,
            r#"{"type":"hello","v":1,"token":"t","rooms":[[7,#]]}"#,
        ] {
            let frame = frame.replace('#', number);
            assert!(serde_json::from_str::<ClientFrame>(&frame).is_err(), "{frame}");
        }
    }
    let free = r#"{"type":"send","id":1,"room":7,"key":"01890a5d-ac96-774b-bcce-b302099a8057",
        "text":"x","meta":{"any":9223372036854775807}}"#;
    assert!(serde_json::from_str::<ClientFrame>(free).is_ok(), "what is free stays free");
}
