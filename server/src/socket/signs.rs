//! Signs of the moment: frames that are not answered.

use super::commands::Pending;
use super::talk::Talk;
use crate::access::{self, Act};
use crate::store::{Needs, StoreError, marks, rooms};
use hallway_protocol::frames::{ClientFrame, Presence};
use hallway_protocol::ids::RoomId;
use hallway_protocol::limits::WATCH_MAX;

/// Rooms in focus, at most: nobody looks at more.
const FOCUS: usize = 100;

/// Frames that are not answered. Whoever sends too many is not heard.
pub fn hear(talk: &mut Talk, frame: ClientFrame) {
    if talk.signs.take(talk.app.clock.ticks()).is_err() {
        return;
    }
    let (app, line) = (&talk.app, &talk.present.line);
    match frame {
        ClientFrame::Typing { room } => typing(talk, room),
        ClientFrame::Focus { mut rooms } => {
            rooms.truncate(FOCUS);
            app.hub.focus(line, rooms);
        }
        ClientFrame::Watch { mut users, room } => {
            users.truncate(WATCH_MAX);
            app.presence.watch(&app.hub, line, users, room);
        }
        // Who is connected is not offline, whatever they say.
        ClientFrame::Presence { state: Presence::Online } => {
            app.presence.set(line, Presence::Online)
        }
        ClientFrame::Presence { .. } => app.presence.set(line, Presence::Away),
        ClientFrame::Ack { rooms, .. } => {
            let me = talk.present.me.clone();
            let needs = Needs::person(me.user);
            let acked = app.store.write(needs, move |tx| marks::ack(tx, &me, &rooms));
            talk.pending.push(Pending::quiet(async { Ok(acked.await?) }));
        }
        // A second hello, a sign of life, and what a later version may say.
        _ => {}
    }
}

/// The others learn of it if its person may say something there: who is muted, or only listens, does
/// not type.
fn typing(talk: &mut Talk, room: RoomId) {
    let (app, line) = (talk.app.clone(), talk.present.line.clone());
    if !app.hub.may_type(&line, room) {
        return;
    }
    let me = talk.present.me.clone();
    let may = app.store.read(move |read| {
        let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
        access::may(read, &me, Act::Post, &facts)
    });
    talk.pending.push(Pending::quiet(async move {
        if may.await.is_ok() {
            app.hub.typing(&line, room);
        }
        Ok(())
    }));
}
