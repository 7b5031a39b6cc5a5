//! Whom a change concerns. In a room of many, who wants no notice of each message and does not look
//! hears of changes by `bump`; but what concerns somebody reaches them whole: their own doings, what
//! names them, what answers them, their coming and going.

use super::Seat;
use super::line::{Durable, encode};
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::rows::{Notify, Row};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A change of a room, made once.
pub(super) struct Change {
    pub seq: Seq,
    /// The lowest message it speaks of; who may not see that far gets it without rows.
    about: Seq,
    text: Utf8Bytes,
    /// Who hears of it whole, however quiet.
    pub concerns: Concerns,
}

impl Change {
    /// Made once, for everyone.
    pub fn of(
        room: RoomId,
        seq: Seq,
        rows: Vec<Row>,
        concerns: Vec<UserId>,
        enter: &[(UserId, Seq)],
        leave: &[UserId],
    ) -> Change {
        let about = rows.iter().filter_map(about).min().unwrap_or(seq);
        let concerns = Concerns::of(&rows, concerns, enter, leave);
        let text = encode(&ServerFrame::Event { room, seq, rows });
        Change { seq, about, text, concerns }
    }

    pub fn to(&self, room: RoomId, seat: &Seat) -> Durable {
        let text = if self.about < seat.min_seq {
            encode(&ServerFrame::Event { room, seq: self.seq, rows: Vec::new() })
        } else {
            self.text.clone()
        };
        Durable::Event(room, self.seq, text)
    }
}

/// Whom a change concerns.
#[derive(Debug, Default)]
pub(super) struct Concerns {
    everyone: bool,
    people: Vec<UserId>,
}

impl Concerns {
    /// Those its rows name, and others besides.
    pub fn of(
        rows: &[Row],
        others: Vec<UserId>,
        enter: &[(UserId, Seq)],
        leave: &[UserId],
    ) -> Concerns {
        let mut concerns = Concerns { everyone: false, people: others };
        concerns.people.extend(enter.iter().map(|(user, _)| *user));
        concerns.people.extend(leave);
        for row in rows {
            match row {
                Row::Message(message) => {
                    concerns.everyone |= message.everyone;
                    concerns.people.push(message.sender);
                    concerns.people.extend(&message.mentions);
                }
                Row::Reaction(reaction) => concerns.people.push(reaction.user),
                Row::Member(member) => concerns.people.push(member.user),
                _ => {}
            }
        }
        concerns
    }

    /// Whether this person is among them.
    pub fn whom(&self, user: UserId) -> bool {
        self.everyone || self.people.contains(&user)
    }
}

/// Until when somebody wants no notice of each message: for good, for a while, or not at all.
pub(super) fn quiet_until(notify: Notify, muted_until: Option<Millis>) -> Millis {
    if notify == Notify::All { muted_until.unwrap_or(0) } else { Millis::MAX }
}

/// The message a row speaks of.
fn about(row: &Row) -> Option<Seq> {
    match row {
        Row::Message(message) => Some(message.seq),
        Row::Reaction(reaction) => Some(reaction.seq),
        Row::Member(_)
        | Row::Room(_)
        | Row::User(_)
        | Row::Mine(_)
        | Row::Session(_)
        | Row::Unknown => None,
    }
}
