//! Rooms, their members, what is said in them.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use crate::openapi::limits::{number, place};
use hallway_protocol::error::Code;
use hallway_protocol::frames::MinePatch;
use hallway_protocol::limits::SEQ_MAX;
use hallway_protocol::rest::*;
use serde_json::json;

/// Search.
pub fn search(book: &mut Book) {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "integer", "minimum": 0, "maximum": SEQ_MAX});
    book.on("GET /search", "Messages I may see that answer, with where the words stand.")
        .asks(
            "q",
            "Words; \"phrases\", *parts, begin*, -without; from: in: mentions: a name, me or an id; \
             has: link, file, image, reaction; is: pinned, thread; before: after: on: a day.",
            json!({"type": "string", "maxLength": hallway_protocol::search::LENGTH_MAX}),
        )
        .asks("room", "In this room alone.", number())
        .asks("from", "Of this person: an id, or me.", text())
        .asks("has", "What it has: link, file, image, reaction, separated by commas.", text())
        .asks("before", "Said before then, Unix milliseconds.", time())
        .asks("after", "Said after then, Unix milliseconds.", time())
        .asks(
            "sort",
            "Best first among the newest, or newest first.",
            json!({"type": "string", "enum": ["rank", "time"], "default": "rank"}),
        )
        .gives::<Hits>(200, "What was found.", body("hits"))
        .paged();
}

/// Rooms and members.
pub fn write(book: &mut Book) {
    rooms(book);
    members(book);
    marks(book);
}

fn rooms(book: &mut Book) {
    book.on("POST /rooms", "Makes a group or a channel; the caller owns it.")
        .takes::<NewRoom>(body("new room"))
        .gives_row(201, "The room.", "room")
        .refuses(&[Code::NotFound])
        .once();
    book.on("GET /rooms", "My rooms.")
        .asks("archived", "Those put away instead.", json!({"type": "boolean"}))
        .gives_rows("Rooms.");
    book.on("POST /rooms/direct", "The one room of exactly these people and the caller.")
        .takes::<NewDirect>(body("new direct"))
        .gives_row(201, "The room, made now.", "room")
        .gives_row(200, "The room, which was there.", "room")
        .refuses(&[Code::NotFound]);
    book.on("GET /rooms/directory", "The tenant's public rooms.")
        .asks("query", "Part of a name.", json!({"type": "string"}))
        .asks("archived", "Those put away instead.", json!({"type": "boolean"}))
        .gives_rows("Rooms.");
    book.on("GET /rooms/{room}", "A room.").gives_row(200, "The room.", "room");
    book.on(
        "PATCH /rooms/{room}",
        "Name, topic and what the room asks of its members; absent stays.",
    )
    .takes::<RoomPatch>(body("room patch"))
    .gives_row(200, "The room as it is now.", "room")
    .once();
    book.on("DELETE /rooms/{room}", "Deletes the room, for everyone.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("POST /rooms/{room}/code", "The room's join code, made where there is none.")
        .gives::<JoinCode>(200, "The code.", body("join code"))
        .once();
    book.on("DELETE /rooms/{room}/code", "It opens nothing any more.")
        .gives_nothing(204, "Gone.")
        .once();
}

fn members(book: &mut Book) {
    book.on("POST /rooms/join", "Joins the room that a code opens.")
        .takes::<JoinCode>(body("join code"))
        .gives_row(200, "The room.", "room")
        .refuses(&[Code::NotFound])
        .once();
    book.on("POST /rooms/{room}/join", "Joins a room one sees; also when already in.")
        .gives_row(200, "The room.", "room")
        .once();
    book.on("POST /rooms/{room}/leave", "Leaves it; a direct room is hidden.")
        .gives_nothing(204, "Left.")
        .once();
    book.on("GET /rooms/{room}/members", "Its members.").gives_rows("Members and the people.");
    book.on(
        "PUT /rooms/{room}/members/{user}",
        "Adds somebody, gives them a role, or silences them.",
    )
    .takes::<MemberRole>(body("member"))
    .gives_row(200, "The membership.", "member")
    .once();
    book.on("DELETE /rooms/{room}/members/{user}", "Removes somebody.")
        .gives_nothing(204, "Removed.")
        .once();
}

fn marks(book: &mut Book) {
    let mine = json!({"notify": "mentions", "muted_until": 1_795_165_680_123_i64,
        "favourite": true, "unread_mark": true, "draft": "te"});
    book.on("PUT /rooms/{room}/read-mark", "Read up to here; it never moves back.")
        .takes::<ReadMark>(body("read mark"))
        .gives_nothing(204, "Marked.")
        .once();
    book.on("PATCH /rooms/{room}/mine", "What I keep about the room; absent stays, null clears.")
        .takes::<MinePatch>(mine)
        .gives_row(200, "My row of the room.", "mine")
        .once();
    book.on("GET /rooms/{room}/why", "Why this badge: the messages it counts.").gives::<Why>(
        200,
        "The read mark, and what is unread after it.",
        body("why"),
    );
    book.on("GET /rooms/{room}/receipts", "How far the members have read and received.")
        .gives_items::<Receipt>(
            "A receipt for each member.",
            json!({"user": 3, "read": 5, "delivered": 6}),
        );
}

/// What is said.
pub fn messages(book: &mut Book) {
    book.on("POST /rooms/{room}/messages", "Says something.")
        .takes::<NewMessage>(body("new message"))
        .gives_row(201, "The message.", "message")
        .refuses(&[Code::Gone])
        .gives::<Commanded>(202, "It was a command, which is asked now.", body("commanded"))
        .once()
        .or_gives::<Commanded>(200, body("commanded"));
    book.on(
        "GET /rooms/{room}/messages",
        "A page of history, oldest first; the latest when no place is named.",
    )
    .asks("before", "Below this number.", place())
    .asks("after", "Above this number.", place())
    .asks("around", "Around this number.", place())
    .asks("fresh", "The page knows of everything up to here.", place())
    .asks("limit", "How many messages; more than 100 means 100.", crate::openapi::limits::page())
    .gives::<Page>(200, "The page.", body("page"));
    book.on("GET /rooms/{room}/messages/{seq}", "A message, or its tombstone.").gives_row(
        200,
        "The message.",
        "message",
    );
    book.on("PATCH /rooms/{room}/messages/{seq}", "Changes the text of an own message.")
        .takes::<EditMessage>(body("edit"))
        .gives_row(200, "The message as it is now.", "message")
        .once();
    book.on("DELETE /rooms/{room}/messages/{seq}", "Leaves a tombstone.")
        .may_take::<Deleting>(body("deleting"))
        .gives_nothing(204, "Deleted.")
        .once();
    book.on("GET /rooms/{room}/messages/{seq}/thread", "The first message and its answers.")
        .gives_rows("Messages.");
    book.on("GET /rooms/{room}/messages/{seq}/edits", "What it said before.").gives_items::<Edit>(
        "Earlier texts.",
        json!({"text": "tea?", "at": 1_795_165_680_123_i64}),
    );
    book.on("PUT /rooms/{room}/messages/{seq}/reactions/{emoji}", "Reacts with an emoji.")
        .gives_nothing(204, "Set.")
        .once();
    book.on("DELETE /rooms/{room}/messages/{seq}/reactions/{emoji}", "Takes it back.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("PUT /rooms/{room}/messages/{seq}/pin", "Pins a message.")
        .gives_nothing(204, "Pinned.")
        .once();
    book.on("DELETE /rooms/{room}/messages/{seq}/pin", "Unpins it.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("GET /rooms/{room}/pins", "Pinned messages.").gives_rows("Messages.");
}
