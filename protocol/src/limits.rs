//! Limits of protocol.md §1. The defaults stand here once; a server may lower or raise the ones in
//! [`Limits`], and sends them in `welcome`.

use serde::{Deserialize, Serialize};

/// User name, characters.
pub const NAME_MAX: usize = 50;
/// Display name, characters.
pub const DISPLAY_NAME_MAX: usize = 80;
/// Room name, characters.
pub const ROOM_NAME_MAX: usize = 80;
/// Room topic, characters.
pub const TOPIC_MAX: usize = 250;
/// File name, characters.
pub const FILE_NAME_MAX: usize = 255;
/// Files of one message.
pub const FILES_MAX: usize = 10;
/// Media type, characters.
pub const MEDIA_TYPE_MAX: usize = 127;
/// Bytes of each part of a file that is uploaded in parts, but for the last, where a program has no
/// wish of its own.
pub const PART_BYTES: i64 = 8 * 1024 * 1024;
/// Bytes of the smallest part but the last: buckets take none below.
pub const PART_LEAST: i64 = 5 * 1024 * 1024;
/// Parts of one file.
pub const PARTS_MAX: i64 = 10_000;
/// Status text of a person, characters.
pub const STATUS_MAX: usize = 100;
/// Device label, characters.
pub const DEVICE_MAX: usize = 80;
/// One emoji, bytes.
pub const EMOJI_BYTES: usize = 64;
/// Different emoji on one message.
pub const EMOJI_KINDS: usize = 20;
/// `meta` of a message as JSON, bytes.
pub const META_BYTES: usize = 4 * 1024;
/// `hello`, bytes; it is read before anyone is known.
pub const HELLO_BYTES: usize = 64 * 1024;
/// Rooms named in one `hello` or `/sync`.
pub const HELLO_ROOMS: usize = 2_000;
/// People in one `watch`.
pub const WATCH_MAX: usize = 200;
/// People of a direct room beside the caller.
pub const DIRECT_MAX: usize = 10;
/// Members named when a room is made.
pub const MEMBERS_AT_ONCE: usize = 100;
/// Members of one room.
pub const MEMBERS_MAX: i64 = 100_000;
/// In a room with more members, who wants no notice of each message hears of them by `bump`.
pub const BUMP_ABOVE: i64 = 200;
/// Between two messages of one member, seconds, at most: six hours.
pub const SLOW_MAX: i64 = 6 * 3_600;
/// Days a room keeps what was said, at most: a hundred years.
pub const RETENTION_MAX: i64 = 36_500;
/// Reason of a report, ban or deletion, characters.
pub const REASON_MAX: usize = 500;
/// Text bytes no configuration may exceed.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// One value of a person's private storage, bytes.
pub const STORAGE_VALUE_BYTES: usize = 64 * 1024;
/// Values in one person's private storage.
pub const STORAGE_KEYS: usize = 256;
/// Messages one person may have put aside.
pub const SAVED_MAX: i64 = 10_000;
/// Messages one person may have waiting to be said, and reminders of theirs.
pub const LATER_MAX: i64 = 100;
/// Words of which one person wants to hear.
pub const KEYWORDS_MAX: usize = 50;
/// One of them, characters.
pub const KEYWORD_MAX: usize = 50;
/// Minutes offline before unread notices are mailed, at most: a week.
pub const DIGEST_MAX: i64 = 7 * 24 * 60;
/// People whom a backend tells something at once.
pub const NOTICE_USERS: usize = 100;
/// Browsers of one person that hear when they are not open.
pub const ENDPOINTS_MAX: usize = 20;
/// How far ahead either may lie, milliseconds: a year.
pub const LATER_MS: i64 = 366 * 24 * 3_600_000;
/// Password length, characters: least and most.
pub const PASSWORD: (usize, usize) = (8, 128);
/// Unread is counted to here.
pub const UNREAD_MAX: i64 = 100;
/// Rows of one page, when nothing is asked, and at most.
pub const PAGE: (usize, usize) = (50, 100);
/// Changes a replay may cover; further behind, a window.
pub const REPLAY_MAX: i64 = 2_000;
/// Rows in one delta frame.
pub const DELTA_ROWS: usize = 500;
/// Bytes in one delta frame.
pub const DELTA_BYTES: usize = 256 * 1024;
/// Changed rows a window may carry before it becomes a reset.
pub const WINDOW_ROWS: usize = 1_000;
/// The largest number of a log: JavaScript reads those up to here exactly.
pub const SEQ_MAX: i64 = (1 << 53) - 1;
/// How long a `typing` holds, milliseconds.
pub const TYPING_MS: i64 = 6_000;
/// Between two `typing` of a connection in a room, milliseconds. Clients keep to 3 s; the network may
/// bring two of them closer together.
pub const TYPING_EVERY_MS: i64 = 2_500;
/// How long `/sync` may wait, milliseconds.
pub const SYNC_WAIT_MS: i64 = 30_000;

/// The limits a client must know, in `welcome.limits`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Message text, characters.
    pub text: usize,
    /// One frame, bytes.
    pub frame: usize,
    /// One file, bytes.
    pub file: i64,
    /// Unanswered commands a room; 0 means no limit.
    pub unanswered: usize,
    /// Commands a second on one connection; 0 means no limit.
    pub commands_per_second: u32,
    /// Commands at once on one connection.
    pub burst: u32,
    /// User name, characters.
    pub name: usize,
    /// Display name, characters.
    pub display_name: usize,
    /// Room name, characters.
    pub room_name: usize,
    /// Topic, characters.
    pub topic: usize,
    /// File name, characters.
    pub file_name: usize,
    /// One emoji, bytes.
    pub emoji: usize,
    /// Different emoji on one message.
    pub emoji_kinds: usize,
    /// `meta` of a message as JSON, bytes.
    pub meta: usize,
    /// `hello`, bytes.
    pub hello: usize,
    /// Rooms in one `hello`.
    pub hello_rooms: usize,
    /// Members of one room.
    pub members: i64,
    /// Reason of a report, ban or deletion, characters.
    pub reason: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            text: 4_000,
            frame: 1024 * 1024,
            file: 100 * 1024 * 1024,
            unanswered: 16,
            commands_per_second: 50,
            burst: 100,
            name: NAME_MAX,
            display_name: DISPLAY_NAME_MAX,
            room_name: ROOM_NAME_MAX,
            topic: TOPIC_MAX,
            file_name: FILE_NAME_MAX,
            emoji: EMOJI_BYTES,
            emoji_kinds: EMOJI_KINDS,
            meta: META_BYTES,
            hello: HELLO_BYTES,
            hello_rooms: HELLO_ROOMS,
            members: MEMBERS_MAX,
            reason: REASON_MAX,
        }
    }
}
