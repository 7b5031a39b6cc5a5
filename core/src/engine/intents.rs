//! What a person wants. Most of it is an operation of the outbox, answered once that is on disk.

use super::{Engine, Fill};
use crate::apply::Write;
use crate::error::{Fault, Result};
use crate::op::{Act, Draft};
use crate::outbox::Refusal;
use crate::world::{Effect, Intent, Target};
use hallway_protocol::frames::{ClientFrame, MinePatch};
use hallway_protocol::ids::{Key, Millis, RoomId};
use hallway_protocol::limits::{EMOJI_BYTES, TEXT_BYTES_MAX};
use hallway_protocol::text;
use rand::RngExt;

impl Engine {
    pub(super) fn intent(&mut self, now: i64, id: u64, intent: Intent) {
        if let Intent::Fill(request) = intent {
            if self.link.is_up() {
                return self.fetch(Fill { intent: id, request, tries: 0 });
            }
            return self.reply(id, Err(Fault::Offline));
        }
        let result = self.wish(now, intent);
        self.reply(id, result);
    }

    fn reply(&mut self, id: u64, result: Result<()>) {
        self.out.effects.push(Effect::Answer { id, result });
    }

    fn wish(&mut self, now: i64, intent: Intent) -> Result<()> {
        let at = self.steady_now(now);
        match intent {
            Intent::Send { room, key, at, text, reply, thread } => {
                self.present(room)?;
                let text = self.text(&text)?;
                let draft = self.drafts.get(&room).map(String::as_str);
                let draft = Draft::over(self.outbox.draft(room, draft).map(str::to_owned));
                let act = Act::Send { text, reply: None, thread, draft };
                let reply = self.answerable(reply);
                self.outbox.add(room, key, act, at, reply);
            }
            Intent::Edit { room, key, target, text } => {
                self.held(room, &target)?;
                let text = self.text(&text)?;
                self.outbox.edit(room, key, target, text, at);
            }
            Intent::Delete { room, key, target } => {
                self.held(room, &target)?;
                if let Target::Key(of) = &target {
                    self.drop_draft(of, at);
                }
                self.outbox.delete(room, key, target, at);
            }
            Intent::React { room, key, target, emoji, on } => {
                if emoji.is_empty() || emoji.len() > EMOJI_BYTES {
                    return Err(Fault::invalid("emoji", "is not one emoji"));
                }
                self.held(room, &target)?;
                self.outbox.add(room, key, Act::React { emoji, on }, at, Some(target));
            }
            Intent::Pin { room, key, target, on } => {
                self.held(room, &target)?;
                self.outbox.add(room, key, Act::Pin { on }, at, Some(target));
            }
            Intent::Read { room, key, seq } => {
                self.present(room)?;
                self.outbox.read(room, key, seq, at);
            }
            Intent::Mine { room, key, patch } => {
                self.present(room)?;
                self.outbox.mine(room, key, patch, at);
            }
            Intent::Join { room, key } => {
                self.outbox.join(room, key, at, self.rooms.contains_key(&room));
            }
            Intent::Leave { room, key } => {
                self.present(room)?;
                self.outbox.add(room, key, Act::Leave, at, None);
            }
            other => self.command(now, other)?,
        }
        Ok(())
    }

    fn command(&mut self, now: i64, intent: Intent) -> Result<()> {
        match intent {
            Intent::Retry { key } if !self.outbox.retry(&key) => {
                return Err(Fault::not_found("failed message"));
            }
            Intent::Discard { key } => {
                self.drop_draft(&key, self.steady_now(now));
                if !self.outbox.discard(&key) {
                    return Err(Fault::not_found("unsent message"));
                }
            }
            Intent::SendAnyway => self.outbox.hold(false),
            Intent::Online(wants) => self.online(now, wants),
            Intent::ServerName(name) => self.out.writes.push(Write::Set("server_name", name)),
            Intent::SignedIn => self.signed_in(now),
            Intent::Focus(rooms) => self.focus(rooms),
            Intent::Typing(room) => self.hint(ClientFrame::Typing { room }),
            Intent::Watch { users, room } => {
                self.watch = Some((users.clone(), room));
                self.hint(ClientFrame::Watch { users, room });
            }
            Intent::Presence(state) => {
                self.presence = Some(state);
                self.hint(ClientFrame::Presence { state });
            }
            _ => {}
        }
        Ok(())
    }

    /// Joins and leaves that were refused: told, and the room stays listed while texts wait in it.
    pub(super) fn tell_refused(&mut self) {
        for Refusal { key, room, joins, texts, why } in self.outbox.take_refused() {
            if texts && !self.rooms.contains_key(&room) {
                self.out.writes.push(Write::Outside(room));
            }
            self.out.effects.push(Effect::Refused { key, joins, why });
        }
    }

    /// A message that is given up takes the draft along that it was written in.
    fn drop_draft(&mut self, key: &Key, at: Millis) {
        let Some(room) = self.outbox.by_key(key).map(|op| op.room) else { return };
        let draft = self.drafts.get(&room).map(String::as_str);
        if self.outbox.leaves_draft(key, draft) {
            self.say_draft(room, None, at);
        }
    }

    /// Says a room's draft, unasked; the key is the engine's own.
    pub(super) fn say_draft(&mut self, room: RoomId, draft: Option<String>, at: Millis) {
        let mut bytes: [u8; 16] = self.random.random();
        (bytes[6], bytes[8]) = (bytes[6] & 0x0f | 0x70, bytes[8] & 0x3f | 0x80);
        let patch = MinePatch { draft: Some(draft), ..MinePatch::default() };
        self.outbox.mine(room, Key::from_bytes(bytes), patch, at);
    }

    /// The message is here: what concerned one that is nowhere would wait for ever.
    fn held(&self, room: RoomId, target: &Target) -> Result<()> {
        self.present(room)?;
        let Target::Key(key) = target else { return Ok(()) };
        match self.outbox.by_key(key) {
            Some(op) if op.is_send() && op.room == room => Ok(()),
            _ => Err(Fault::not_found("message")),
        }
    }

    /// A message that failed cannot be answered; one on its way can, once it has arrived.
    fn answerable(&self, reply: Option<Target>) -> Option<Target> {
        reply.filter(|target| match target {
            Target::Seq(_) => true,
            Target::Key(key) => self.outbox.by_key(key).is_some(),
        })
    }

    fn joining(&self, room: RoomId) -> bool {
        self.outbox.ops().any(|op| op.room == room && op.act == Act::Join && op.is_alive())
    }

    /// The room is mine, or will be by the time the operation goes.
    fn present(&self, room: RoomId) -> Result<()> {
        if self.rooms.contains_key(&room) || self.joining(room) {
            Ok(())
        } else {
            Err(Fault::not_found("room"))
        }
    }

    fn text(&self, text: &str) -> Result<String> {
        let invalid = |what: text::Wrong| Fault::invalid("text", what.to_string());
        let checked = text::checked(&text::composed(text), self.limits.text).map_err(invalid)?;
        if checked.trim().is_empty() {
            return Err(invalid(text::Wrong::Empty));
        }
        if checked.len() > TEXT_BYTES_MAX {
            return Err(invalid(text::Wrong::TooLong(checked.len(), TEXT_BYTES_MAX)));
        }
        Ok(checked)
    }

    fn focus(&mut self, rooms: Vec<RoomId>) {
        for room in &rooms {
            self.with_room(*room, |room| room.hint(0, true));
        }
        self.focus = rooms.iter().copied().collect();
        self.hint(ClientFrame::Focus { rooms });
    }

    /// What a new link does not know of me.
    pub(super) fn remind(&mut self) {
        if let Some((users, room)) = self.watch.clone() {
            self.say(ClientFrame::Watch { users, room });
        }
        if let Some(state) = self.presence {
            self.say(ClientFrame::Presence { state });
        }
    }

    /// Said if somebody hears it now.
    fn hint(&mut self, frame: ClientFrame) {
        if self.link.is_up() {
            self.say(frame);
        }
    }
}
