//! What is said of each route beyond its line in the table: a sentence, bodies, answers. A route
//! without an entry fails a test, and so does an entry without a route.

pub mod hooks;
mod later;
mod media;
mod moderation;
mod people;
mod rooms;
mod run;

use super::book::Book;

/// Writes all of them.
pub fn write(book: &mut Book) {
    people::write(book);
    rooms::write(book);
    rooms::messages(book);
    later::write(book);
    media::write(book);
    rooms::search(book);
    moderation::write(book);
    hooks::write(book);
    run::write(book);
}
