//! What a job locks. The lane takes the locks of a whole batch at once, in one order, so that lanes
//! never wait for each other in a circle.

use hallway_protocol::ids::{RoomId, TenantId, UserId};
use std::collections::BTreeSet;

/// What a job locks: rooms, then people, ascending.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    pub(super) rooms: BTreeSet<RoomId>,
    pub(super) people: BTreeSet<UserId>,
    tenant: Option<TenantId>,
}

impl Needs {
    /// A room's log.
    pub fn room(room: RoomId) -> Self {
        Needs { rooms: BTreeSet::from([room]), ..Needs::default() }
    }

    /// Several rooms' logs.
    pub fn rooms(rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Needs { rooms: rooms.into_iter().collect(), ..Needs::default() }
    }

    /// A person's own log.
    pub fn person(user: UserId) -> Self {
        Needs { people: BTreeSet::from([user]), ..Needs::default() }
    }

    /// Nothing that is there yet.
    pub fn tenant(tenant: TenantId) -> Self {
        Needs { tenant: Some(tenant), ..Needs::default() }
    }

    /// Also these people's logs.
    #[must_use]
    pub fn and(mut self, people: impl IntoIterator<Item = UserId>) -> Self {
        self.people.extend(people);
        self
    }

    pub(super) fn grow(&mut self, more: &Needs) {
        self.rooms.extend(&more.rooms);
        self.people.extend(&more.people);
    }

    /// Jobs of one room go to one lane, so that they keep their order.
    pub(super) fn lane(&self, lanes: usize) -> usize {
        let first = self.rooms.first().map(|room| room.0);
        let first = first.or_else(|| self.people.first().map(|person| person.0));
        let hash = first.or(self.tenant.map(|tenant| tenant.0)).unwrap_or(0).cast_unsigned();
        (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % lanes
    }
}
