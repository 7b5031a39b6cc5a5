//! What leaves the store: events, made by the transaction that made the change, handed on after its
//! commit, in order, once. There is no other way to tell anybody of a change.

use super::tenants::Tenant;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rest::Notice;
use hallway_protocol::rows::Row;
use std::net::IpAddr;

/// What leaves after a commit.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A change of a room.
    Room {
        /// Whose room.
        tenant: TenantId,
        /// The room.
        room: RoomId,
        /// The number of the change.
        seq: Seq,
        /// The room's last countable message after it.
        last_n: i64,
        /// What changed.
        rows: Vec<Row>,
        /// Who hears the room from this change on, and from which `seq` they may see; before it is
        /// handed out. Who hears it already gets the new `min_seq`.
        enter: Vec<(UserId, Seq)>,
        /// Who hears it no longer; after it is handed out.
        leave: Vec<UserId>,
        /// Nobody hears it any more after this.
        closed: bool,
        /// Whom it concerns beside those its rows name: who is answered.
        concerns: Vec<UserId>,
        /// What is below it has expired, for everyone.
        floor: Option<Seq>,
        /// How many members the room has after it.
        size: i64,
    },
    /// Who hears a room changed without a change of the room (direct rooms shown and hidden).
    Here {
        /// The room.
        room: RoomId,
        /// Its head.
        head: Seq,
        /// Who hears it, and from where.
        enter: Vec<(UserId, Seq)>,
        /// Who does not any more.
        leave: Vec<UserId>,
    },
    /// A person's own log moved; goes to all their connections.
    Own {
        /// Who.
        user: UserId,
        /// From here, exclusive.
        since: Seq,
        /// To here.
        to: Seq,
        /// What changed.
        rows: Vec<Row>,
    },
    /// A profile changed, for those who share a room.
    User {
        /// Who.
        user: UserId,
        /// As others see them.
        row: Row,
    },
    /// Marks that moved.
    Marks {
        /// The room.
        room: RoomId,
        /// Whose.
        user: UserId,
        /// Read up to.
        read: Seq,
        /// Stored up to.
        delivered: Seq,
    },
    /// Sessions ended; their sockets close.
    Ended {
        /// Whose.
        user: UserId,
        /// Which.
        sessions: Vec<String>,
        /// Ended from elsewhere: the device deletes what it holds.
        thrown: bool,
    },
    /// What a cached answer to "who asks" says is no longer so (role changed, account closed).
    Changed {
        /// Who.
        user: UserId,
    },
    /// A tenant changed, and this is what it is now.
    Tenant(Box<Tenant>),
    /// An API key was removed; what it opened closes.
    KeyEnded {
        /// Its id.
        key: String,
    },
    /// Nobody is this person any more, by a session or by a key.
    Shut {
        /// Who.
        user: UserId,
    },
    /// A network is barred from a tenant until then, or no longer.
    Barred {
        /// Of which tenant.
        tenant: TenantId,
        /// Which; an address of IPv4, the first of a /64 of IPv6.
        network: IpAddr,
        /// Until when; none: it is open again.
        until: Option<Millis>,
    },
    /// A notice that is of no message on its way: to the connections of its person.
    Notice {
        /// Who.
        user: UserId,
        /// What.
        notice: Box<Notice>,
    },
    /// There is work for the worker.
    Jobs,
}
