//! The draft of a room, and the messages written in it.

use super::*;
use hallway_protocol::frames::MinePatch;

/// A draft as the server confirms it: `own` is its place in my own log.
fn mine(own: Seq, draft: Option<&str>) -> Value {
    json!({"t": "mine", "room": ROOM, "state": "joined", "head": 1, "rev": own, "draft": draft})
}

impl Desk {
    /// The person writes; the server hears it and says so.
    fn writes(&mut self, n: u8, text: &str, own: Seq) {
        self.begins(n, Some(text));
        let id = self.id(|frame| matches!(frame, ClientFrame::Mine { .. }));
        self.hears(own, Some(text));
        self.frame(json!({"type": "ok", "id": id, "own": own, "again": false, "row": null}));
        self.effects.clear();
    }

    fn begins(&mut self, n: u8, text: Option<&str>) {
        let patch = MinePatch { draft: Some(text.map(str::to_owned)), ..MinePatch::default() };
        self.act(Intent::Mine { room: ROOM, key: key(n), patch }).unwrap();
    }

    /// My own log says it.
    fn hears(&mut self, own: Seq, draft: Option<&str>) {
        let rows = json!([mine(own, draft)]);
        self.frame(json!({"type": "own", "since": own - 1, "to": own, "done": true, "rows": rows}));
    }

    fn draft(&self) -> Option<String> {
        self.room().unwrap().draft
    }

    /// What was said of the draft since the last look: by messages whether they clear it, else which
    /// it is.
    fn told(&mut self) -> Vec<Value> {
        let word = |frame: ClientFrame| match frame {
            ClientFrame::Send(send) => Some(json!(send.clears_draft)),
            ClientFrame::Mine { patch, .. } => Some(json!([patch.draft.unwrap()])),
            _ => None,
        };
        self.said().into_iter().filter_map(word).collect()
    }

    fn refuse(&mut self) {
        let id = self.id(|frame| matches!(frame, ClientFrame::Send(_)));
        self.frame(json!({"type": "error", "id": id, "code": "forbidden", "message": "no",
            "retry": "never"}));
    }
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk
}

#[test]
fn a_message_takes_along_the_draft_it_was_written_in() {
    let mut desk = desk();
    desk.send(2, "no draft");
    assert_eq!(desk.told(), [json!(false)]);
    desk.writes(3, "te", 2);
    assert_eq!(desk.draft().as_deref(), Some("te"));
    desk.send(4, "tea?");
    assert_eq!((desk.draft(), desk.told()), (None, vec![json!(true)]));
    desk.send(5, "and cake");
    assert_eq!(desk.told(), [json!(false)], "the draft went with the first");
}

#[test]
fn a_message_that_goes_late_leaves_a_newer_draft_alone() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.cut();
    desk.send(3, "tea?");
    desk.begins(4, Some("cak"));
    assert_eq!(desk.draft().as_deref(), Some("cak"));
    desk.at(desk.now + 31_000);
    desk.welcome(2, json!({}));
    assert_eq!(desk.told(), [json!(false), json!(["cak"])]);
}

#[test]
fn a_draft_that_another_device_began_meanwhile_is_waited_for_and_left_alone() {
    for (theirs, clears) in [(Some("cak"), false), (Some("te"), true), (None, false)] {
        let mut desk = desk();
        desk.writes(2, "te", 2);
        desk.cut();
        desk.send(3, "tea?");
        desk.send(4, "or not");
        desk.at(desk.now + 31_000);
        desk.welcome(3, json!({}));
        let id = desk.id(|frame| matches!(frame, ClientFrame::Own { .. }));
        assert_eq!(desk.told(), [] as [Value; 0], "my own log is not here yet");
        let rows = json!([mine(3, theirs)]);
        desk.frame(
            json!({"type": "own", "id": id, "since": 2, "to": 3, "done": true, "rows": rows}),
        );
        assert_eq!(desk.told(), [json!(clears), json!(false)], "{theirs:?}");
    }
}

#[test]
fn a_refused_message_that_goes_again_says_the_same_and_a_newer_draft_is_put_back() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.send(3, "tea?");
    desk.refuse();
    assert_eq!((desk.draft(), desk.told()), (None, vec![json!(true)]));
    desk.writes(4, "cak", 3);
    desk.act(Intent::Retry { key: key(3) }).unwrap();
    assert_eq!(desk.draft().as_deref(), Some("cak"), "it stays on the screen");
    assert_eq!(desk.told(), [json!(true), json!(["cak"])]);
}

#[test]
fn a_message_held_for_a_week_says_the_same_and_a_newer_draft_is_put_back() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.send(3, "tea?");
    let mut desk = Desk::over(desk.machine.into_store());
    desk.now = 8 * DAY;
    desk.welcome(2, json!({}));
    desk.effects.clear();
    desk.writes(4, "cak", 3);
    desk.act(Intent::SendAnyway).unwrap();
    assert_eq!(desk.told(), [json!(true), json!(["cak"])]);
}

#[test]
fn a_message_said_again_on_a_new_link_puts_nothing_back_that_follows_anyway() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.send(3, "tea?");
    desk.begins(4, Some("cak"));
    assert_eq!(desk.told(), [json!(true), json!(["cak"])]);
    desk.again();
    desk.welcome(2, json!({}));
    assert_eq!(desk.told(), [json!(true), json!(["cak"])]);
    assert_eq!(desk.count("select count(*) from outbox"), 2);
}

#[test]
fn a_message_that_is_given_up_does_not_leave_its_draft_behind() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.send(3, "tea?");
    desk.refuse();
    desk.effects.clear();
    desk.act(Intent::Discard { key: key(3) }).unwrap();
    assert_eq!((desk.draft(), desk.told()), (None, vec![json!([null])]));
    desk.hears(3, None);
    desk.writes(4, "cak", 4);
    desk.cut();
    desk.send(5, "cake?");
    let target = Target::Key(key(5));
    desk.act(Intent::Delete { room: ROOM, key: key(6), target }).unwrap();
    assert_eq!(desk.draft(), None);
}

#[test]
fn a_refused_message_that_is_edited_takes_its_draft_along_and_no_newer_one() {
    for newer in [None, Some("cak")] {
        let mut desk = desk();
        desk.writes(2, "te", 2);
        desk.send(3, "tea?");
        desk.refuse();
        if let Some(text) = newer {
            desk.writes(4, text, 3);
        }
        desk.effects.clear();
        let (target, text) = (Target::Key(key(3)), "tea!".to_owned());
        desk.act(Intent::Edit { room: ROOM, key: key(5), target, text }).unwrap();
        assert_eq!(desk.told(), [json!(newer.is_none())]);
        assert_eq!(desk.draft().as_deref(), newer);
    }
}

#[test]
fn a_message_of_an_earlier_version_clears_what_stands() {
    let mut desk = desk();
    desk.writes(2, "te", 2);
    desk.cut();
    desk.send(3, "tea?");
    let conn = desk.machine.store().connection();
    let old = "update outbox set payload = json_remove(payload, '$.draft') where kind = 'send'";
    assert_eq!(conn.execute(old, []).unwrap(), 1);
    let mut desk = Desk::over(desk.machine.into_store());
    assert_eq!(desk.draft(), None);
    desk.welcome(2, json!({}));
    assert_eq!(desk.told(), [json!(true)]);
}
