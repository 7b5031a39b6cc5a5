//! What somebody is told and keeps for later: notices, reminders, saved messages, scheduled ones.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;

/// All of it.
pub fn write(book: &mut Book) {
    notices(book);
    push(book);
    book.on("POST /reminders", "Asks to be reminded of a message one sees.")
        .takes::<NewReminder>(body("new reminder"))
        .gives::<Reminder>(201, "It waits.", body("reminder"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict])
        .once();
    book.on("GET /reminders", "What I want to be reminded of, the next first.")
        .gives_items::<Reminder>("Ids of messages.", body("reminder"));
    book.on("DELETE /reminders/{id}", "I am not reminded.")
        .gives_nothing(204, "Taken back.")
        .once();
    book.on("POST /saved", "Puts a message aside for oneself.")
        .takes::<NewSaved>(body("new saved"))
        .gives::<Saved>(201, "Where it stands.", body("saved"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict])
        .once();
    book.on("GET /saved", "What I put aside and still see, latest first.")
        .gives_items::<Saved>("Ids of messages.", body("saved"));
    book.on("DELETE /saved/{id}", "Takes it from the list.").gives_nothing(204, "Gone.").once();
    book.on("POST /scheduled", "Says something later, as the caller would then.")
        .takes::<NewScheduled>(body("new scheduled"))
        .gives::<Scheduled>(201, "It waits.", body("scheduled"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict, Code::Gone])
        .once();
    book.on("GET /scheduled", "What waits to be said, the next first, and what could not be said.")
        .gives_items::<Scheduled>("Messages to be.", body("scheduled"));
    book.on("PATCH /scheduled/{id}", "Says something else, or at another time; tries once more.")
        .takes::<ScheduledPatch>(body("scheduled patch"))
        .gives::<Scheduled>(200, "As it waits now.", body("scheduled"))
        .refuses(&[Code::NotFound, Code::Forbidden, Code::Conflict, Code::Gone])
        .once();
    book.on("DELETE /scheduled/{id}", "It is not said.").gives_nothing(204, "Taken back.").once();
}

fn push(book: &mut Book) {
    book.on("GET /push/key", "The key with which a browser subscribes.").gives::<PushKey>(
        200,
        "The server's public key.",
        body("push key"),
    );
    book.on("POST /push/endpoints", "This session's browser hears when it is not open.")
        .takes::<NewPushEndpoint>(body("new endpoint"))
        .gives::<EndpointMade>(201, "It hears from now on.", body("endpoint made"))
        .refuses(&[Code::Conflict])
        .once();
    book.on("GET /push/endpoints", "The browsers that hear.")
        .gives_items::<Endpoint>("All of them, latest first.", body("endpoint"));
    book.on("DELETE /push/endpoints/{id}", "It hears nothing more.")
        .gives_nothing(204, "Gone.")
        .once();
}

fn notices(book: &mut Book) {
    book.on("GET /notifications", "What I was told beside my rooms, latest first.")
        .gives_items::<Notice>("Notices that I may still see.", body("notice"));
    book.on("PUT /notifications/read", "This notice and all before it are read.")
        .takes::<NoticesRead>(body("notices read"))
        .gives_nothing(204, "Marked.")
        .once();
    book.on("POST /notifications", "A tenant's backend tells its people something.")
        .takes::<NewNotice>(body("new notice"))
        .gives_nothing(204, "It stands in their lists, and their connections hear of it.")
        .once();
    book.on("GET /users/me/notifications", "How I want to be told.").gives::<NoticeSettings>(
        200,
        "Keywords, quiet hours, digest.",
        body("notice settings"),
    );
    book.on("PUT /users/me/notifications", "How I want to be told, all of it anew.")
        .takes::<NoticeSettings>(body("notice settings"))
        .gives_nothing(204, "Set.")
        .once();
}
