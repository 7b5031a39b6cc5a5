//! One value of every type of the wire, full and blank.

use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::*;
use hallway_protocol::ids::{Key, NUMBER_MAX, RoomId, UserId};
use hallway_protocol::limits::Limits;
use hallway_protocol::rest::*;
use hallway_protocol::rows::{self, *};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};

pub const ROOM: RoomId = RoomId(7);
pub const ADA: UserId = UserId(3);
pub const LIN: UserId = UserId(9);
pub const AT: i64 = 1_795_165_680_123;

pub const CODES: [Code; 16] = [
    Code::Invalid,
    Code::WrongCredentials,
    Code::SignedOut,
    Code::Unverified,
    Code::Forbidden,
    Code::NotFound,
    Code::Unsupported,
    Code::Taken,
    Code::Conflict,
    Code::Gone,
    Code::TooLarge,
    Code::RateLimited,
    Code::Busy,
    Code::Broken,
    Code::TooOld,
    Code::Unknown,
];

pub fn key() -> Key {
    Key::from_bytes([1, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 10])
}

fn meta() -> Map<String, serde_json::Value> {
    json!({"topic": "tea"}).as_object().expect("an object").clone()
}

pub fn file() -> rows::File {
    let (id, name, kind) = ("f1".into(), "a.png".into(), "image/png".into());
    rows::File { id, name, kind, size: 1234, width: Some(64), height: Some(64) }
}

fn message() -> Message {
    let file = file();
    Message {
        room: ROOM,
        seq: 812,
        rev: 815,
        n: 640,
        sender: ADA,
        at: AT,
        key: Some(key()),
        kind: MessageKind::Text,
        text: "tea?".into(),
        reply: Some(801),
        thread: Some(790),
        files: vec![file],
        mentions: vec![LIN],
        everyone: true,
        meta: meta(),
        edited_at: Some(AT + 1),
        pinned: true,
        deleted: true,
    }
}

pub fn blank_message() -> Message {
    Message {
        n: 0,
        key: None,
        kind: MessageKind::System,
        text: String::new(),
        reply: None,
        thread: None,
        files: Vec::new(),
        mentions: Vec::new(),
        everyone: false,
        meta: Map::new(),
        edited_at: None,
        pinned: false,
        deleted: false,
        ..message()
    }
}

pub fn user() -> User {
    User {
        user: ADA,
        name: "ada".into(),
        display_name: "Ada".into(),
        avatar: Some("f1".into()),
        status: "tea".into(),
        bot: true,
        guest: true,
        deleted: true,
        role: Some(TenantRole::Owner),
        email: Some("ada@example.org".into()),
        email_next: Some("ada@example.com".into()),
        language: Some("de".into()),
        second_factor: true,
        oidc: true,
        rev: 4,
    }
}

pub fn blank_user() -> User {
    User {
        name: String::new(),
        display_name: String::new(),
        avatar: None,
        status: String::new(),
        bot: false,
        guest: false,
        deleted: false,
        role: None,
        email: None,
        email_next: None,
        language: None,
        second_factor: false,
        oidc: false,
        ..user()
    }
}

/// Each kind of row, full and blank.
pub fn rows() -> Vec<Row> {
    let reaction =
        Reaction { room: ROOM, seq: 812, user: ADA, emoji: "👍".into(), on: true, rev: 815 };
    let session = SessionRow {
        id: "s1".into(),
        device: "laptop".into(),
        current: true,
        last_seen_at: AT,
        ended: true,
        rev: 56,
    };
    let blank_session = SessionRow {
        device: String::new(),
        current: false,
        last_seen_at: 0,
        ended: false,
        ..session.clone()
    };
    let mut all = vec![
        Row::Message(message()),
        Row::Message(blank_message()),
        Row::Reaction(reaction.clone()),
        Row::Reaction(Reaction { on: false, ..reaction }),
    ];
    all.extend(super::places::rows());
    all.extend([
        Row::User(user()),
        Row::User(blank_user()),
        Row::Mine(mine()),
        Row::Mine(blank_mine()),
        Row::Session(session),
        Row::Session(blank_session),
        Row::Unknown,
    ]);
    all
}

fn mine() -> Mine {
    Mine {
        room: ROOM,
        state: MineState::Joined,
        head: 815,
        read: 811,
        unread: 3,
        mentions: 1,
        unread_mark: true,
        notify: Notify::Mentions,
        muted_until: Some(AT),
        favourite: true,
        draft: Some("te".into()),
        min_seq: 4,
        rev: 55,
    }
}

fn blank_mine() -> Mine {
    Mine {
        state: MineState::Removed,
        head: 0,
        read: 0,
        unread: 0,
        mentions: 0,
        unread_mark: false,
        notify: Notify::All,
        muted_until: None,
        favourite: false,
        draft: None,
        min_seq: 0,
        ..mine()
    }
}

fn call(method: &str, body: Option<serde_json::Value>, key: Option<Key>) -> ClientFrame {
    ClientFrame::Call { id: 20, method: method.into(), path: "/rooms".into(), body, key }
}

/// Each frame of a client.
pub fn client_frames() -> Vec<ClientFrame> {
    let hello = Hello {
        v: 1,
        token: Some("t".into()),
        device: "laptop".into(),
        epoch: Some("e".into()),
        own: 54,
        rooms: Cursors::List(vec![(ROOM, 812), (RoomId(9), 40)]),
        focus: vec![ROOM],
        notices: Some("c0ffee".into()),
    };
    let fresh = Hello {
        token: None,
        epoch: None,
        own: 0,
        rooms: Cursors::default(),
        focus: Vec::new(),
        notices: None,
        ..hello.clone()
    };
    let acked = Hello { rooms: Cursors::Word(Acked::Acked), ..fresh.clone() };
    let patch = MinePatch {
        notify: Some(Notify::None),
        muted_until: Some(None),
        favourite: Some(false),
        unread_mark: Some(true),
        draft: Some(Some("te".into())),
    };
    let (room, key) = (ROOM, key);
    vec![
        ClientFrame::Hello(hello),
        ClientFrame::Hello(fresh),
        ClientFrame::Hello(acked),
        ClientFrame::Send(send(true)),
        ClientFrame::Send(send(false)),
        ClientFrame::Edit { id: 13, room, key: key(), seq: 812, text: "coffee?".into() },
        ClientFrame::Delete { id: 14, room, key: key(), seq: 812 },
        ClientFrame::React { id: 15, room, key: key(), seq: 812, emoji: "👍".into(), on: true },
        ClientFrame::Pin { id: 16, room, key: key(), seq: 812, on: false },
        ClientFrame::Read { id: 17, room, seq: 816 },
        ClientFrame::Mine { id: 18, room, patch },
        ClientFrame::Mine { id: 18, room, patch: MinePatch::default() },
        ClientFrame::Forget { id: 19, room, key: key() },
        ClientFrame::Pull { id: 4, room, since: 812, floor: Some(500), latest: Some(50) },
        ClientFrame::Pull { id: 4, room, since: 0, floor: None, latest: None },
        ClientFrame::Own { id: 5, since: 54 },
        ClientFrame::Heads { id: 6 },
        call("POST", Some(json!({"name": "x"})), Some(key())),
        call("GET", None, None),
        ClientFrame::Typing { room },
        ClientFrame::Focus { rooms: vec![room] },
        ClientFrame::Watch { users: vec![ADA, LIN], room: None },
        ClientFrame::Watch { users: Vec::new(), room: Some(room) },
        ClientFrame::Presence { state: Presence::Away },
        ClientFrame::Ack { rooms: vec![(room, 816)], own: Some(56) },
        ClientFrame::Ack { rooms: Vec::new(), own: None },
        ClientFrame::Heartbeat {},
        ClientFrame::Unknown,
    ]
}

fn send(full: bool) -> Send {
    Send {
        id: 12,
        room: ROOM,
        key: key(),
        text: "tea?".into(),
        reply: full.then_some(801),
        thread: full.then_some(790),
        files: if full { vec!["f1".into()] } else { Vec::new() },
        meta: if full { meta() } else { Map::new() },
        clears_draft: full,
    }
}

fn head() -> Head {
    Head { room: ROOM, head: 815, base: 9, last_n: 643, read: 811, unread: 3, mentions: 1 }
}

fn delta(kind: DeltaKind, full: bool) -> Delta {
    Delta {
        id: full.then_some(4),
        room: ROOM,
        since: 812,
        to: 815,
        kind,
        floor: 500,
        first: 800,
        done: full,
        rows: vec![Row::Message(message())],
        hole: full.then_some((813, 799)),
        min_seq: 1,
        head: 815,
        last_n: 643,
        read: 811,
        unread: 3,
        mentions: 1,
    }
}

/// Each frame of the server.
pub fn server_frames() -> Vec<ServerFrame> {
    let welcome = Welcome {
        v: 1,
        connection: "c1".into(),
        epoch: "e".into(),
        now: AT,
        heartbeat_ms: 25_000,
        own_head: 55,
        rooms: vec![head()],
        gone: vec![RoomId(12)],
        limits: Limits::default(),
    };
    let own = |id| OwnFrame { id, since: 54, to: 55, done: true, rows: vec![Row::Mine(mine())] };
    let ok = Done { id: 12, room: Some(ROOM), seq: Some(816), own: None, again: true, row: None };
    let said = Done { again: false, row: Some(Row::Message(message())), ..ok.clone() };
    let read = Done { room: None, seq: None, own: Some(57), again: false, ..ok.clone() };
    let bump = Bump { room: ROOM, head: 44, last_n: 40, read: 41, unread: 2, mentions: 0 };
    let refused = Refused::new(Code::RateLimited, "slower");
    vec![
        ServerFrame::Welcome(welcome),
        ServerFrame::Event { room: ROOM, seq: 816, rows: vec![Row::Message(blank_message())] },
        ServerFrame::Event { room: ROOM, seq: 817, rows: Vec::new() },
        ServerFrame::Own(own(Some(5))),
        ServerFrame::Own(own(None)),
        ServerFrame::Users { rows: vec![Row::User(blank_user())] },
        ServerFrame::Bump { rooms: vec![bump] },
        ServerFrame::Lag { rooms: vec![(ROOM, 900)], own: 60 },
        ServerFrame::Delta(delta(DeltaKind::Replay, false)),
        ServerFrame::Delta(delta(DeltaKind::Window, true)),
        ServerFrame::Delta(delta(DeltaKind::Reset, true)),
        ServerFrame::Ok(ok),
        ServerFrame::Ok(said),
        ServerFrame::Ok(read),
        ServerFrame::Error(ErrorFrame::new(Some(12), refused)),
        ServerFrame::Error(ErrorFrame::new(None, Refused::new(Code::Invalid, "not a frame"))),
        ServerFrame::Answer { id: 20, status: 200, body: json!({}) },
        ServerFrame::Typing { room: ROOM, user: ADA },
        ServerFrame::Presence { users: vec![(ADA, Presence::Online), (LIN, Presence::Offline)] },
        ServerFrame::Read { room: ROOM, marks: vec![(ADA, 816, 815)] },
        ServerFrame::Notice(super::later::notice()[0].clone()),
        ServerFrame::Notice(super::later::notice()[1].clone()),
        ServerFrame::Whisper {
            room: ROOM,
            user: LIN,
            text: "tea is on its way".into(),
            at: AT,
            rows: vec![Row::User(blank_user())],
        },
        ServerFrame::Heartbeat { now: AT, digest: "9f00000000000000".into() },
        ServerFrame::Goaway { after_ms: 4_200, why: "restart".into() },
        ServerFrame::Unknown,
    ]
}

/// Writes a body, and reads it back to be sure that it is the same.
pub fn body<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    name: &str,
    value: T,
) -> String {
    let text = serde_json::to_string(&value).expect("plain data");
    assert_eq!(serde_json::from_str::<T>(&text).expect("what was written is read"), value);
    format!("{name} {text}")
}

/// Each body of REST: full first, then as short as it can be.
pub fn rest() -> Vec<String> {
    let mut all = crate::accounts::bodies();
    all.extend(super::places::rooms());
    all.extend(messages());
    all.extend(super::media::bodies());
    all.extend(super::places::moderation());
    all.extend(super::places::badge());
    all.extend(super::later::bodies());
    all.extend(crate::hooks::bodies());
    all.extend(super::places::search());
    all
}

fn messages() -> Vec<String> {
    let new = NewMessage {
        key: key(),
        text: "tea?".into(),
        reply: Some(801),
        thread: Some(790),
        files: vec!["f1".into()],
        meta: meta(),
        clears_draft: true,
    };
    let short = NewMessage {
        reply: None,
        thread: None,
        files: Vec::new(),
        meta: Map::new(),
        clears_draft: false,
        ..new.clone()
    };
    let row = || Row::Message(blank_message());
    let sync = Sync {
        epoch: Some("e".into()),
        own: 54,
        rooms: vec![
            SyncRoom::Short(ROOM, 812),
            SyncRoom::Full { room: RoomId(9), since: 40, floor: Some(1), latest: Some(50) },
        ],
        focus: vec![ROOM],
        notices: Some("c0ffee".into()),
        wait_ms: Some(30_000),
    };
    let synced = Synced {
        epoch: "e".into(),
        now: AT,
        rooms: vec![head()],
        gone: vec![RoomId(12)],
        deltas: vec![delta(DeltaKind::Replay, false)],
        own: OwnFrame { id: None, since: 54, to: 55, done: true, rows: vec![Row::Mine(mine())] },
        ephemeral: vec![ServerFrame::Typing { room: ROOM, user: ADA }],
        notices: vec![super::later::notice()[0].clone()],
    };
    vec![
        body("new message", new),
        body("new message", short),
        body("edit", EditMessage { key: Some(key()), text: "coffee?".into() }),
        body(
            "edits",
            Items { items: vec![Edit { text: "tea?".into(), at: AT }], next: Some("2".into()) },
        ),
        body("page", Page { lo: 1, hi: 9, rows: vec![row()], as_of: 12, min_seq: 1 }),
        body("rows", Rows { rows: vec![row()], next: Some("2".into()) }),
        body("rows", Rows { rows: Vec::new(), next: None }),
        body("sync", sync),
        body("sync", Sync::default()),
        body("synced", synced),
    ]
}

/// Any message the server could send.
pub fn any_message() -> impl Strategy<Value = Message> {
    let numbers = (1..1_i64 << 53, 1..1_i64 << 53, 0..1_i64 << 53, any::<bool>());
    (numbers, ".{0,40}", any::<[u8; 16]>(), prop::option::of(1..900_i64), any::<bool>()).prop_map(
        |((seq, rev, n, everyone), text, mut bytes, reply, deleted)| {
            // A UUIDv7 is any 16 bytes with its version and variant.
            bytes[6] = bytes[6] & 0x0f | 0x70;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let key = Some(Key::from_bytes(bytes));
            Message { seq, rev, n, text, key, reply, everyone, deleted, ..message() }
        },
    )
}

/// Any `send` a client could say.
pub fn any_send() -> impl Strategy<Value = Send> {
    (any::<u64>(), ".{0,40}", prop::option::of(0..=NUMBER_MAX), any::<bool>()).prop_map(
        |(id, text, reply, clears_draft)| Send { id, text, reply, clears_draft, ..send(true) },
    )
}
