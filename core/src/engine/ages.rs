//! How old things are. No local clock decides it: ages are measured by the server's, which counts on
//! by the monotonic clock while the process lives. Between two lives the time away is the lesser of
//! what the server's clock says and what this machine's says, so that one of them being a year off
//! makes nothing old.

use super::Engine;
use crate::apply::Write;
use crate::feed::FaultView;
use hallway_protocol::ids::Millis;

/// Away longer than this, the person is asked before old messages go.
const WEEK: Millis = 7 * 24 * 3_600_000;

/// The last word of the server, as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contact {
    /// On the scale that ages are measured by.
    pub steady: Millis,
    /// By the server's clock.
    pub server: Millis,
    /// By this machine's clock, where it was told.
    pub wall: Option<Millis>,
}

impl Contact {
    /// The stored text.
    fn text(self) -> String {
        let wall = self.wall.map(|wall| format!(" {wall}")).unwrap_or_default();
        format!("{} {}{wall}", self.steady, self.server)
    }

    /// A contact of its stored text.
    pub fn read(text: &str) -> Option<Contact> {
        let mut words = text.split(' ').map(str::parse);
        let (steady, server) = (words.next()?.ok()?, words.next()?.ok()?);
        Some(Contact { steady, server, wall: words.next().and_then(Result::ok) })
    }

    /// How long ago it was.
    fn since(self, server: Millis, wall: Option<Millis>) -> Millis {
        let by_wall = self.wall.zip(wall).map(|(then, now)| now - then);
        let by_server = server - self.server;
        by_wall.map_or(by_server, |by_wall| by_wall.min(by_server)).max(0)
    }
}

impl Engine {
    /// The server told its time: were we away for long, and is anything too old?
    pub(super) fn age(&mut self, now: i64, server: Millis) {
        let wall = self.wall.map(|offset| now + offset);
        let away = match (self.steady, self.contact) {
            (_, None) => 0,
            (Some(steady), Some(contact)) => now + steady - contact.steady,
            (None, Some(contact)) => contact.since(server, wall),
        };
        let waiting = self.outbox.ops().any(|op| op.is_send() && op.is_alive());
        if away > WEEK && waiting && self.outbox.held() == 0 {
            self.outbox.hold(true);
        }
        let at = self.contact.map_or(server, |contact| contact.steady + away);
        self.steady.get_or_insert(at - now);
        let why = FaultView {
            code: "too_old".into(),
            message: "this waited so long that the server may have forgotten it".into(),
        };
        self.outbox.aged(self.steady_now(now), &why);
        self.note_contact(now, server);
    }

    pub(super) fn note_contact(&mut self, now: i64, server: Millis) {
        self.offset = Some(server - now);
        let wall = self.wall.map(|offset| now + offset);
        let contact = Contact { steady: self.steady_now(now), server, wall };
        self.contact = Some(contact);
        self.out.writes.push(Write::Set("contact", contact.text()));
    }
}
