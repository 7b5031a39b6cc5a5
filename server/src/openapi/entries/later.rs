//! What somebody keeps for later: saved messages, scheduled ones.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;

/// All of it.
pub fn write(book: &mut Book) {
    book.on("POST /saved", "Puts a message aside for oneself.")
        .takes::<NewSaved>(body("new saved"))
        .gives::<Saved>(201, "Where it stands.", body("saved"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict])
        .once();
    book.on("GET /saved", "What I put aside and still see, latest first.")
        .gives_items::<Saved>("Ids of messages.", body("saved"))
        .paged();
    book.on("DELETE /saved/{id}", "Takes it from the list.").gives_nothing(204, "Gone.").once();
    book.on("POST /scheduled", "Says something later, as the caller would then.")
        .takes::<NewScheduled>(body("new scheduled"))
        .gives::<Scheduled>(201, "It waits.", body("scheduled"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict])
        .once();
    book.on("GET /scheduled", "What waits to be said, the next first, and what could not be said.")
        .gives_items::<Scheduled>("Messages to be.", body("scheduled"))
        .paged();
    book.on("DELETE /scheduled/{id}", "It is not said.").gives_nothing(204, "Taken back.").once();
}
