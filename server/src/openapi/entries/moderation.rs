//! What moderators do: reports, bans, why something was deleted.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;
use serde_json::json;

/// All of it.
pub fn write(book: &mut Book) {
    book.on("POST /reports", "Reports a message one sees.")
        .takes::<NewReport>(body("new report"))
        .gives::<Report>(201, "The report.", body("report"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict])
        .once();
    book.on("GET /reports", "The reports that are mine to deal with, newest first.")
        .asks("resolved", "Dealt with, or open.", json!({"type": "boolean"}))
        .gives_items::<Report>("Reports.", body("report"));
    book.on("PATCH /reports/{id}", "It is dealt with, or open again.")
        .takes::<ReportPatch>(body("report patch"))
        .gives::<Report>(200, "The report as it is now.", body("report"))
        .once();
    book.on("POST /bans", "Keeps a person out, or an address.")
        .takes::<NewBan>(body("new ban"))
        .gives::<Ban>(201, "The ban.", body("ban"))
        .once();
    book.on("GET /bans", "The bans that hold, newest first.")
        .gives_items::<Ban>("Bans.", body("ban"));
    book.on("DELETE /bans/{id}", "Lifts it.").gives_nothing(204, "Lifted.").once();
    book.on(
        "GET /rooms/{room}/messages/{seq}/deletion",
        "Who deleted a message and why, for its author and for admins.",
    )
    .gives::<Deletion>(200, "By whom, when and why.", body("deletion"));
}
