//! The link: `Offline → Connecting → Hello → CatchingUp → Live`, and back with full jitter.

use super::{Engine, Question};
use crate::apply::Write;
use crate::feed::{Change, Connection, LinkState};
use crate::planted::{Bug, planted};
use crate::world::{Effect, Refresh};
use hallway_kit::Backoff;
use hallway_protocol::frames::{ClientFrame, Cursors, Hello, Welcome, close};
use hallway_protocol::limits::HELLO_ROOMS;
use std::time::Duration;

/// First and last bound of the wait before an attempt.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Life this long sets the back-off to its beginning, milliseconds.
const LIVED: i64 = 30_000;
/// A link must open, and `hello` be answered, within this, milliseconds.
const OPEN_TIMEOUT: i64 = 15_000;
/// A command unanswered this long means the link is dead, milliseconds.
pub(super) const ANSWER_TIMEOUT: i64 = 30_000;
/// A probe must be answered within this, milliseconds.
const PROBE: i64 = 3_000;
/// A step this long after the last one means the machine slept, milliseconds.
const JUMP: i64 = 15_000;
/// How often a server may want to be heard, at least and at most, milliseconds.
const HEARTBEAT: (i64, i64) = (1_000, 300_000);
/// Wait after the store failed, before anything is fetched again.
pub(super) const AFTER_STORE_FAILED: i64 = 5_000;
/// Where the link stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Nobody wants one.
    Off,
    /// The next attempt is due.
    Waiting { until: i64 },
    /// Asked for, not open.
    Connecting { until: i64 },
    /// `hello` is said.
    Hello { until: i64 },
    /// Welcomed.
    Up { live: Option<i64> },
    /// New tokens are on their way.
    Refreshing,
    /// The password is needed.
    SignedOut,
}

/// The link of an account.
#[derive(Debug)]
pub(super) struct Link {
    pub number: u64,
    pub wants: bool,
    pub stage: Stage,
    pub heard: i64,
    pub silence: i64,
    backoff: Backoff,
    goaway: Option<i64>,
    probe: Option<i64>,
    refreshed: bool,
    stepped: Option<i64>,
}

impl Link {
    pub fn new() -> Self {
        Link {
            number: 0,
            wants: false,
            stage: Stage::Off,
            heard: 0,
            silence: 62_500,
            backoff: Backoff::new(BACKOFF.0, BACKOFF.1),
            goaway: None,
            probe: None,
            refreshed: false,
            stepped: None,
        }
    }

    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up { .. })
    }

    pub fn state(&self) -> LinkState {
        match self.stage {
            Stage::Off | Stage::Waiting { .. } => LinkState::Offline,
            Stage::Connecting { .. } | Stage::Hello { .. } | Stage::Refreshing => {
                LinkState::Connecting
            }
            Stage::Up { live: None } => LinkState::CatchingUp,
            Stage::Up { live: Some(_) } => LinkState::Live,
            Stage::SignedOut => LinkState::SignedOut,
        }
    }

    /// When the link next needs a tick.
    pub fn due(&self) -> Option<i64> {
        let stage = match self.stage {
            Stage::Waiting { until } | Stage::Connecting { until } | Stage::Hello { until } => {
                Some(until)
            }
            Stage::Up { .. } => Some(self.heard + self.silence),
            _ => None,
        };
        stage.into_iter().chain(self.probe).min()
    }
}

impl Engine {
    pub(super) fn stage(&mut self, now: i64, stage: Stage, why: Option<&str>) {
        let before = self.link.state();
        self.link.stage = stage;
        let retry_ms = match stage {
            Stage::Waiting { until } => Some((until - now).max(0)),
            _ => None,
        };
        let state = self.link.state();
        if state != before || retry_ms.is_some() {
            self.out.effects.push(Effect::Change(Change::Connection(Connection {
                account: self.account.clone(),
                state,
                since: 0,
                retry_ms,
                why: why.map(str::to_owned),
            })));
        }
    }

    pub(super) fn connect(&mut self, now: i64) {
        self.link.number += 1;
        self.link.probe = None;
        self.stage(now, Stage::Connecting { until: now + OPEN_TIMEOUT }, None);
        self.out.effects.push(Effect::Connect { link: self.link.number });
    }

    pub(super) fn wait(&mut self, now: i64, millis: i64, why: Option<&str>) {
        let stage =
            if self.link.wants { Stage::Waiting { until: now + millis } } else { Stage::Off };
        self.stage(now, stage, why);
    }

    pub(super) fn opened(&mut self, now: i64, link: u64) {
        if link != self.link.number || !matches!(self.link.stage, Stage::Connecting { .. }) {
            return;
        }
        self.stage(now, Stage::Hello { until: now + OPEN_TIMEOUT }, None);
        let rooms = self.rooms.values().take(HELLO_ROOMS);
        let rooms = rooms.map(|room| (room.id, room.cursor())).collect();
        let hello = Hello {
            v: hallway_protocol::VERSION,
            token: None,
            device: String::new(),
            epoch: self.epoch.clone(),
            own: self.own,
            rooms: Cursors::List(rooms),
            focus: self.focus.iter().copied().collect(),
            notices: None,
        };
        self.say(ClientFrame::Hello(hello));
    }

    /// A sign of life; false when it is of an older link.
    pub(super) fn heard(&mut self, now: i64, link: u64) -> bool {
        let current = link == self.link.number
            && matches!(self.link.stage, Stage::Hello { .. } | Stage::Up { .. });
        if current {
            self.link.heard = now;
            self.link.probe = None;
        }
        current
    }

    pub(super) fn welcome(&mut self, now: i64, welcome: Welcome) {
        if !matches!(self.link.stage, Stage::Hello { .. }) {
            return;
        }
        if self.epoch.as_ref().is_some_and(|epoch| *epoch != welcome.epoch) {
            let heads = welcome.rooms.iter().map(|head| (head.room, head.base)).collect();
            let epoch = welcome.epoch.clone();
            self.out.writes.push(Write::Epoch { epoch, heads });
            self.out.reload = Some(Box::new(welcome));
            return;
        }
        if self.epoch.is_none() {
            self.out.writes.push(Write::Set("epoch", welcome.epoch.clone()));
            self.epoch = Some(welcome.epoch.clone());
        }
        if planted(Bug::BackoffResetAtConnect) {
            self.link.backoff.reset();
        }
        self.link.silence = welcome.heartbeat_ms.clamp(HEARTBEAT.0, HEARTBEAT.1) * 5 / 2;
        (self.link.refreshed, self.link.goaway, self.bad_digests) = (false, None, 0);
        self.limits = welcome.limits.clone();
        self.stage(now, Stage::Up { live: None }, None);
        self.age(now, welcome.now);
        for room in &welcome.gone {
            self.leave(*room, "removed");
        }
        for head in welcome.rooms {
            if self.rooms.contains_key(&head.room) {
                self.with_room(head.room, |room| room.hint(head.head, true));
                self.note_mentions(head.room, head.mentions);
                self.out.writes.push(Write::Counted(head));
            } else {
                self.stranger(head.room, head.head);
            }
        }
        self.remind();
        self.own_head = welcome.own_head;
        self.pull_own(now);
    }

    pub(super) fn goaway(&mut self, after_ms: i64) {
        self.link.goaway = Some(after_ms.clamp(0, 60_000));
    }

    pub(super) fn closed(&mut self, now: i64, link: u64, code: Option<u16>) {
        let idle = matches!(self.link.stage, Stage::Off | Stage::Waiting { .. });
        if link != self.link.number || idle {
            return;
        }
        self.cut();
        match code {
            Some(close::SIGNED_OUT) if self.link.refreshed => self.sign_out(now),
            Some(close::SIGNED_OUT) => {
                self.link.refreshed = true;
                self.stage(now, Stage::Refreshing, None);
                self.out.effects.push(Effect::Refresh);
            }
            Some(close::THROWN_OUT) => {
                self.link.wants = false;
                self.stage(now, Stage::Off, Some("ended from elsewhere"));
                self.out.effects.push(Effect::Erase);
            }
            _ => self.back_off(now, why(code)),
        }
    }

    pub(super) fn back_off(&mut self, now: i64, why: &str) {
        // It was not the session that ended this link: the next 4001 is worth a refresh again.
        self.link.refreshed = false;
        let wait = match self.link.goaway.take() {
            Some(after) => after,
            None => {
                let wait = self.link.backoff.next(&mut self.random);
                i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
            }
        };
        self.wait(now, wait, Some(why));
    }

    fn sign_out(&mut self, now: i64) {
        self.stage(now, Stage::SignedOut, Some("sign in again"));
        self.out.effects.push(Effect::SignedOut);
    }

    /// The link is gone: nothing that was asked will be answered.
    pub(super) fn cut(&mut self) {
        self.asked.clear();
        self.own_asked = None;
        self.acks.clear();
        self.outbox.cut();
        for room in self.rooms.values_mut() {
            room.cut();
        }
        self.forget_typing();
    }

    /// Gives the link up, and says so to whoever holds it.
    pub(super) fn hang_up(&mut self) {
        let idle = matches!(self.link.stage, Stage::Off | Stage::Waiting { .. } | Stage::SignedOut);
        if !idle {
            self.out.effects.push(Effect::Close { link: self.link.number });
        }
        self.cut();
    }

    pub(super) fn refreshed(&mut self, now: i64, how: Refresh) {
        if self.link.stage != Stage::Refreshing {
            return;
        }
        match how {
            Refresh::Renewed => self.connect(now),
            Refresh::Refused => self.sign_out(now),
            Refresh::Unreachable => self.back_off(now, "the server cannot be reached"),
        }
    }

    pub(super) fn online(&mut self, now: i64, wants: bool) {
        self.link.wants = wants;
        match self.link.stage {
            Stage::Off if wants => self.connect(now),
            Stage::SignedOut | Stage::Off => {}
            _ if !wants => {
                self.hang_up();
                self.stage(now, Stage::Off, None);
            }
            _ => {}
        }
    }

    pub(super) fn signed_in(&mut self, now: i64) {
        self.link.refreshed = false;
        self.link.wants = true;
        self.hang_up();
        self.connect(now);
    }

    /// The network may have changed: ask at once.
    pub(super) fn probe(&mut self, now: i64) {
        match self.link.stage {
            Stage::Up { .. } if self.link.probe.is_none() => {
                self.ask(now, Question::Aside, |id| ClientFrame::Heads { id });
                self.link.probe = Some(now + PROBE);
            }
            Stage::Waiting { .. } => self.connect(now),
            _ => {}
        }
    }

    /// What time alone does to the link.
    pub(super) fn link_time(&mut self, now: i64) {
        let slept = self.link.stepped.is_some_and(|before| now - before > JUMP);
        self.link.stepped = Some(now);
        if slept {
            self.probe(now);
        }
        let silent = self.link.is_up() && now >= self.link.heard + self.link.silence;
        let probed = self.link.probe.is_some_and(|until| now >= until);
        let unanswered = self.link.is_up() && self.overdue(now);
        match self.link.stage {
            Stage::Waiting { until } if now >= until => self.connect(now),
            Stage::Connecting { until } | Stage::Hello { until } if now >= until => {
                self.lose(now, "the server does not answer");
            }
            Stage::Up { .. } if silent || probed || unanswered => {
                self.lose(now, "the server fell silent");
            }
            Stage::Up { live: Some(since) } if now - since >= LIVED => self.link.backoff.reset(),
            _ => {}
        }
    }

    fn overdue(&self, now: i64) -> bool {
        let ops = |what| matches!(what, Question::Op(_) | Question::Own);
        self.asked.values().any(|asked| ops(asked.what) && now >= asked.until)
    }

    fn lose(&mut self, now: i64, why: &str) {
        self.hang_up();
        self.link.probe = None;
        self.back_off(now, why);
    }

    /// Everything missed is here.
    pub(super) fn look_live(&mut self, now: i64) {
        let caught_up = self.own >= self.own_head
            && self.own_asked.is_none()
            && self.rooms.values().all(|room| !room.is_due());
        if self.link.stage == (Stage::Up { live: None }) && caught_up {
            self.stage(now, Stage::Up { live: Some(now) }, None);
            if std::mem::take(&mut self.first_look) {
                self.out.writes.push(Write::Set("looked", "1".to_owned()));
            }
            self.out.went_live = true;
        }
    }
}

fn why(code: Option<u16>) -> &'static str {
    match code {
        Some(close::RESTARTING | 1001) => "the server restarts",
        Some(close::TOO_SLOW) => "too slow",
        Some(close::VERSION) => "the server speaks another version",
        Some(_) | None => "the link is lost",
    }
}
