//! Catching up, the socket, this description, and what operators do.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use crate::openapi::limits::number;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;
use serde_json::json;

/// All of them.
pub fn write(book: &mut Book) {
    wire(book);
    admin(book);
    operator(book);
}

fn wire(book: &mut Book) {
    book.on("POST /sync", "What the socket does, for who has none: waits until something is new.")
        .takes::<Sync>(body("sync"))
        .gives::<Synced>(200, "Heads, deltas, my own log, signs of the moment.", body("synced"));
    book.on(
        "GET /socket",
        "The WebSocket: after the upgrade, commands (`Command`) one way and frames (`Frame`) the other.",
    )
    .gives_nothing(101, "The upgrade.")
    .refuses(&[Code::Unsupported])
    .needs_upgrade();
    book.on("GET /openapi.json", "This description.").gives_as(
        200,
        "OpenAPI 3.1.",
        "application/json",
        json!({"type": "object"}),
    );
    let text = || json!({"type": "string"});
    book.on("GET /docs", "The same for people.").gives_as(200, "A page.", "text/html", text());
    book.on("GET /docs/page.js", "Its script.").gives_as(
        200,
        "The script.",
        "text/javascript",
        text(),
    );
    book.on("GET /docs/page.css", "Its style.").gives_as(200, "The style.", "text/css", text());
}

fn admin(book: &mut Book) {
    book.on("GET /admin/tenants", "The tenants the caller runs.")
        .gives_items::<TenantInfo>("Tenants.", body("tenant"));
    book.on("POST /admin/tenants", "Makes a tenant, and the token that makes its owner.")
        .takes::<NewTenant>(body("new tenant"))
        .gives::<TenantInfo>(201, "The tenant with its owner token, shown once.", body("tenant"))
        .refuses(&[Code::Taken])
        .once();
    book.on("GET /admin/tenants/{id}", "A tenant.").gives::<TenantInfo>(
        200,
        "The tenant.",
        body("tenant"),
    );
    book.on("PATCH /admin/tenants/{id}", "Title, registration, configuration, suspension.")
        .takes::<TenantPatch>(body("change tenant"))
        .gives::<TenantInfo>(200, "The tenant as it is now.", body("tenant"))
        .once();
    book.on("DELETE /admin/tenants/{id}", "Erases one that is suspended.")
        .gives_nothing(204, "A job erases it.")
        .once();
    book.on("GET /admin/tenants/{id}/keys", "The keys of its backend.")
        .gives_items::<ApiKey>("Keys, not shown again.", body("key"));
    book.on("POST /admin/tenants/{id}/keys", "Makes a key; it is shown once.")
        .takes::<NewApiKey>(body("new key"))
        .gives::<ApiKey>(201, "The key.", body("key"))
        .once();
    book.on("DELETE /admin/tenants/{id}/keys/{key}", "It opens nothing any more.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("GET /admin/dead-letters", "Jobs that were given up, the last first.")
        .asks("kind", "Of this kind.", json!({"type": "string"}))
        .gives_items::<DeadLetter>("Jobs.", body("dead letter"));
    book.on("POST /admin/dead-letters/{id}/retry", "It is tried again, from the beginning.")
        .gives_nothing(202, "It waits for its turn.")
        .once();
    book.on("DELETE /admin/dead-letters/{id}", "It will not be done.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("GET /admin/stats", "Figures of the server, or of the tenant that one runs.")
        .gives::<Stats>(200, "The figures.", body("stats"));
    book.on("GET /admin/audit", "The record of who did what, newest first.")
        .asks("tenant", "Of this tenant.", number())
        .asks("actor", "By this actor.", json!({"type": "string"}))
        .asks("act", "Of this kind.", json!({"type": "string"}))
        .asks("before", "Before this line.", json!({"type": "string"}))
        .gives_items::<Audited>("Lines of the record.", body("audited"))
        .or_as(200, "application/x-ndjson", json!({"type": "string"}));
}

fn operator(book: &mut Book) {
    let tenant = |book: &mut Book| {
        book.asks("tenant", "Of this tenant.", number()).asks(
            "query",
            "With this in the name.",
            json!({"type": "string"}),
        );
    };
    book.on("GET /admin/users", "Open accounts of all tenants.")
        .gives_items::<Account>("Accounts, by id.", body("any account"));
    tenant(book);
    book.on("POST /admin/users", "Makes an account; without a password, the link that sets one.")
        .takes::<NewAccount>(body("account to make"))
        .gives::<Account>(201, "The account; the link is shown once.", body("any account"))
        .refuses(&[Code::Taken])
        .once();
    book.on("GET /admin/users/{id}", "An account.").gives::<Account>(
        200,
        "The account.",
        body("any account"),
    );
    book.on("PATCH /admin/users/{id}", "Their role in the tenant, and whether they may sign in.")
        .takes::<AccountPatch>(body("account to change"))
        .gives::<Account>(200, "The account as it is now.", body("any account"))
        .once();
    book.on("DELETE /admin/users/{id}", "Closes the account; what was said stays.")
        .gives_nothing(204, "It is closed.")
        .once();
    book.on("DELETE /admin/users/{id}/sessions", "Signs every device out.")
        .gives_nothing(204, "They are signed out.")
        .once();
    book.on("DELETE /admin/users/{id}/totp", "Takes the second factor from somebody who lost it.")
        .gives_nothing(204, "No code is asked for.")
        .once();
    book.on("POST /admin/users/{id}/reset", "Makes a link by which they set a new password.")
        .gives::<PasswordLink>(201, "The link, good once and for an hour.", body("password link"))
        .once();
    book.on("GET /admin/rooms", "Rooms of all tenants; never what is said in them.")
        .gives_items::<RoomInfo>("Rooms, by id.", body("room info"));
    tenant(book);
    book.on("GET /admin/rooms/{id}", "A room.").gives::<RoomInfo>(
        200,
        "The room.",
        body("room info"),
    );
    book.on("PATCH /admin/rooms/{id}", "Puts it away or brings it back; gives it an owner.")
        .takes::<RoomChange>(body("room to change"))
        .gives::<RoomInfo>(200, "The room as it is now.", body("room info"))
        .once();
    book.on("DELETE /admin/rooms/{id}", "Deletes it.")
        .gives_nothing(204, "A job erases what was said in it.")
        .once();
}
