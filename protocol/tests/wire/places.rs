//! Rooms, their members, what moderators do, badges: full and blank.

use crate::samples::{ADA, AT, LIN, ROOM, body, key};
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::*;
use hallway_protocol::rows::*;

/// Rows of rooms and members.
pub fn rows() -> Vec<Row> {
    let member = Member {
        room: ROOM,
        user: ADA,
        role: Role::Owner,
        joined_seq: 1,
        left_seq: Some(5),
        muted_until: Some(AT),
        rev: 5,
    };
    let blank_member = Member {
        role: Role::Member,
        joined_seq: 0,
        left_seq: None,
        muted_until: None,
        ..member.clone()
    };
    let room = Room {
        room: ROOM,
        kind: RoomKind::Channel,
        name: "kitchen".into(),
        topic: "tea".into(),
        visibility: Visibility::Public,
        history: History::Joined,
        ephemeral: true,
        sealed: true,
        announce: true,
        slow_seconds: 30,
        archived: true,
        retention_days: Some(90),
        kept_from: 4,
        deleted: true,
        rev: 2,
    };
    let blank_room = Room {
        kind: RoomKind::Direct,
        name: String::new(),
        topic: String::new(),
        visibility: Visibility::Private,
        history: History::All,
        ephemeral: false,
        sealed: false,
        announce: false,
        slow_seconds: 0,
        archived: false,
        retention_days: None,
        kept_from: 0,
        deleted: false,
        ..room.clone()
    };
    vec![Row::Member(member), Row::Member(blank_member), Row::Room(room), Row::Room(blank_room)]
}

pub fn rooms() -> Vec<String> {
    let room = NewRoom {
        key: Some(key()),
        kind: NewRoomKind::Channel,
        name: "kitchen".into(),
        topic: Some("tea".into()),
        visibility: Some(Visibility::Public),
        history: Some(History::Joined),
        members: vec![LIN],
        ephemeral: true,
        sealed: true,
    };
    let short = NewRoom {
        key: None,
        kind: NewRoomKind::Group,
        topic: None,
        visibility: None,
        history: None,
        members: Vec::new(),
        ephemeral: false,
        sealed: false,
        ..room.clone()
    };
    let patch = RoomPatch {
        name: Some("hall".into()),
        topic: Some(String::new()),
        visibility: Some(Visibility::Private),
        history: Some(History::All),
        announce: Some(true),
        slow_seconds: Some(30),
        archived: Some(false),
        retention_days: Some(None),
    };
    vec![
        body("new room", room),
        body("new room", short),
        body("new direct", NewDirect { users: vec![LIN] }),
        body("room patch", patch),
        body("room patch", RoomPatch::default()),
        body("join code", JoinCode { code: "K7WM3XQP".into() }),
        body("member", MemberRole { role: Some(Role::Admin), muted_until: Some(Some(AT)) }),
        body("member", MemberRole { role: None, muted_until: Some(None) }),
        body("member", MemberRole::default()),
        body("read mark", ReadMark { seq: 816 }),
        body(
            "receipts",
            Items { items: vec![Receipt { user: ADA, read: 5, delivered: 6 }], next: None },
        ),
    ]
}

/// Reports, bans, reasons.
pub fn moderation() -> Vec<String> {
    let report = Report {
        id: "r1".into(),
        room: ROOM,
        seq: 812,
        sender: LIN,
        reason: "spam".into(),
        by: ADA,
        at: AT,
        resolved_at: Some(AT),
        resolved_by: Some(ADA),
    };
    let open = Report { resolved_at: None, resolved_by: None, ..report.clone() };
    let new = NewBan {
        user: Some(LIN),
        address: Some("2001:db8::1".into()),
        until: Some(AT),
        reason: "spam".into(),
    };
    let ban = Ban {
        id: "b1".into(),
        user: Some(LIN),
        address: Some("2001:db8::".into()),
        until: Some(AT),
        reason: "spam".into(),
        by: ADA,
        at: AT,
    };
    let reason = Some("spam".to_owned());
    vec![
        body("new report", NewReport { room: ROOM, seq: 812, reason: "spam".into() }),
        body("report", report),
        body("report", open),
        body("report patch", ReportPatch { resolved: true }),
        body("new ban", new.clone()),
        body("new ban", NewBan { user: None, address: None, until: None, ..new }),
        body("ban", ban.clone()),
        body("ban", Ban { user: None, address: None, until: None, ..ban }),
        body("deleting", Deleting { reason: reason.clone() }),
        body("deleting", Deleting::default()),
        body("deletion", Deletion { by: UserId(1), at: AT, reason }),
    ]
}

/// Why a room has its badge.
pub fn badge() -> Vec<String> {
    vec![body("why", Why { read: 5, unread: vec![6, 7], mentions: vec![7] })]
}

/// What a search found.
pub fn search() -> Vec<String> {
    let message = Row::Message(super::samples::blank_message());
    let hit = Hit { message: message.clone(), ranges: vec![(0, 3)] };
    let hits = Hits { items: vec![hit], rows: vec![message], next: Some("8".into()) };
    vec![
        body("hit", hits.items[0].clone()),
        body("hits", hits.clone()),
        body("hits", Hits { next: None, ..hits }),
    ]
}
