//! A store that fails under the machine, and is whole again later.

use super::*;
use crate::world::{PageRequest, Place};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

impl Desk {
    /// From now on SQLite denies whatever `denied` names: an error, and no damage.
    fn deny(&mut self, denied: impl Fn(&AuthContext<'_>) -> bool + Send + 'static) {
        let verdict = move |context: AuthContext<'_>| {
            if denied(&context) { Authorization::Deny } else { Authorization::Allow }
        };
        self.machine.store.connection_mut().authorizer(Some(verdict)).unwrap();
    }

    fn is_damaged(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Damaged { .. }))
    }

    fn answer(&self, of: u64) -> Option<Result<(), Fault>> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Answer { id, result } if *id == of => Some(result.clone()),
            _ => None,
        })
    }
}

fn reads(context: &AuthContext<'_>, table: &str) -> bool {
    matches!(context.action, AuthAction::Read { table_name, .. } if table_name == table)
}

#[test]
fn a_store_that_cannot_be_read_for_a_while_is_not_a_damaged_one() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "tea?")]), 1);
    desk.cut();
    desk.send(2, "kept");
    desk.effects.clear();
    desk.deny(|_| true);
    let (room, text) = (ROOM, "lost".to_owned());
    let send = |n| Intent::Send {
        room,
        key: key(n),
        at: 5,
        text: text.clone(),
        reply: None,
        thread: None,
    };
    assert!(desk.act(send(3)).is_err());
    assert!(desk.act(send(4)).is_err(), "nothing is taken meanwhile");
    assert!(!desk.is_damaged());
    desk.deny(|_| false);
    desk.at(desk.now + STALL);
    assert!(!desk.is_damaged());
    assert_eq!(desk.shown(), [("tea?".into(), Some(1), false), ("kept".into(), None, true)]);
    desk.act(send(5)).unwrap();
    desk.at(desk.now + 6_000);
    desk.welcome(1, json!({}));
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))));
}

#[test]
fn what_is_on_disk_is_answered_though_it_cannot_be_drawn() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "tea?")]), 1);
    desk.deny(|context| reads(context, "members"));
    desk.send(2, "yes");
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))), "and it goes");
    assert_eq!(desk.count("select count(*) from outbox"), 1);
    desk.deny(|_| false);
    desk.step(Input::Tick);
    assert!(
        desk.changes().any(|change| matches!(change, Change::Messages { rows, .. }
        if rows[0].text == "yes")),
        "it is drawn as soon as it can be"
    );
}

#[test]
fn damage_that_only_drawing_meets_is_told_after_the_answer() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    let rename = "alter table members rename to elsewhere";
    desk.machine.store().connection().execute_batch(rename).unwrap();
    desk.send(2, "yes");
    assert!(desk.is_damaged());
    assert_eq!(desk.count("select count(*) from outbox"), 1);
}

#[test]
fn a_page_on_its_way_is_answered_when_the_store_fails() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(9, 9, 1, "tea?")]), 9);
    let request = PageRequest { room: ROOM, place: Place::Before(9), limit: 50, fresh: 0 };
    desk.step(Input::Intent { id: 70, intent: Intent::Fill(request) });
    assert_eq!(desk.answer(70), None);
    desk.deny(|context| matches!(context.action, AuthAction::Insert { .. }));
    desk.event(10, &json!([message(10, 9, 2, "cake")]));
    assert_eq!(desk.answer(70), Some(Err(Fault::Offline)));
}

#[test]
fn an_operation_that_cannot_be_read_keeps_nothing_else_from_being_sent() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.cut();
    desk.send(2, "one");
    desk.send(3, "two");
    desk.send(4, "three");
    let spoil = "update outbox set payload = '{\"of a later version\": 1}' where op = 2;
                 update outbox set attempts = -1 where op = 3";
    desk.machine.store().connection().execute_batch(spoil).unwrap();
    let mut desk = Desk::over(desk.machine.into_store());
    assert!(desk.changes().any(|change| matches!(change, Change::Problem { code, .. }
        if code == "outbox_unreadable")));
    assert_eq!(desk.shown(), [("one".into(), None, true)]);
    assert_eq!(desk.count("select count(*) from outbox"), 3, "they are kept as they are");
    desk.welcome(1, json!({}));
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))));
    desk.send(5, "four");
    assert_eq!(desk.count("select max(op) from outbox"), 4, "and no place is given twice");
}

#[test]
fn a_first_look_that_was_cut_short_is_still_a_first_look() {
    let mut desk = Desk::new();
    desk.welcome(1, json!({}));
    let mut desk = Desk::over(desk.machine.into_store());
    desk.welcome(1, json!({}));
    let own = desk.id(|frame| matches!(frame, ClientFrame::Own { .. }));
    let mine = json!([{"t": "mine", "room": ROOM, "state": "joined", "head": 2, "rev": 1}]);
    desk.frame(json!({"type": "own", "id": own, "since": 0, "to": 1, "done": true, "rows": mine}));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
    let rows = json!([message(1, 9, 1, "tea?"), message(2, 9, 2, "cake?")]);
    desk.frame(delta(pull, "window", 0, 2, &rows));
    assert_eq!(desk.machine.engine().link_state(), LinkState::Live);
    assert_eq!(desk.notices(), [], "old messages call nobody on a new device");
    desk.event(3, &json!([message(3, 9, 3, "now")]));
    assert_eq!(desk.notices(), [(3, false, 1)]);
}
