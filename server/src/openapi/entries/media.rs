//! Files, and the picture of a person.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;

/// All of it.
pub fn write(book: &mut Book) {
    book.on("POST /media", "Begins an upload; the answer says where the bytes go.")
        .takes::<NewMedia>(body("new media"))
        .gives::<MediaUpload>(201, "Its id, and where the bytes go.", body("media upload"))
        .once();
    book.on("GET /media/{id}", "What a file is, and for a few minutes where.")
        .gives::<Media>(200, "The file.", body("media"))
        .refuses(&[Code::Gone]);
    book.on("POST /media/{id}/parts", "Its bytes come in parts, which may come again.")
        .takes::<NewParts>(body("new parts"))
        .gives::<MediaParts>(201, "Where each part goes.", body("media parts"))
        .refuses(&[Code::Gone])
        .once();
    book.on("POST /media/{id}/complete", "All of it is there: it is looked at and ready.")
        .may_take::<CompleteMedia>(body("complete media"))
        .gives::<Media>(200, "The file.", body("media"))
        .refuses(&[Code::Gone])
        .once();
    book.on("GET /media/{id}/content", "Its bytes, all of them or a part (`Range`).").gives_bytes();
    book.on("GET /media/{id}/thumbnail", "A small picture of it.").gives_bytes();
    book.on("PUT /users/me/avatar", "A picture that I uploaded is mine from now on.")
        .takes::<NewAvatar>(body("new avatar"))
        .gives_row(200, "My row as it is now.", "user")
        .refuses(&[Code::Gone])
        .once();
    book.on("DELETE /users/me/avatar", "I have no picture.").gives_nothing(204, "Gone.").once();
}
