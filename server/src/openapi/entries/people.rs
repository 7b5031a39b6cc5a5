//! Signing in, devices, invites, people and what they keep.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;
use serde_json::json;

/// All of them.
pub fn write(book: &mut Book) {
    accounts(book);
    mails(book);
    guests(book);
    oidc(book);
    sessions(book);
    users(book);
    storage(book);
}

fn accounts(book: &mut Book) {
    book.on("GET /server", "Whose server it is, and who may come in.")
        .asks("tenant", "Whose tenant is asked about, by name.", json!({"type": "string"}))
        .gives::<ServerInfo>(200, "The server.", body("GET /server"))
        .refuses(&[Code::NotFound]);
    book.on(
        "POST /auth/register",
        "Makes an account, with an invite, the owner token, or where it is open.",
    )
    .takes::<Register>(body("register"))
    .gives::<Registered>(
        201,
        "The new person, signed in unless mail must be verified.",
        body("registered"),
    )
    .refuses(&[Code::NotFound, Code::Taken])
    .once();
    book.on("POST /auth/login", "Signs a device in.")
        .takes::<Login>(body("login"))
        .gives::<SignedIn>(200, "Who, and with what.", body("signed in"))
        .refuses(&[Code::WrongCredentials]);
    book.on("PUT /users/me/password", "Changes the password; ends every other session.")
        .takes::<ChangePassword>(body("password"))
        .gives_nothing(204, "Changed.")
        .refuses(&[Code::WrongCredentials])
        .once();
    book.on("POST /users/me/totp", "A secret for an authenticator app; nothing is asked for yet.")
        .gives::<TotpSecret>(201, "The secret, this once.", body("totp secret"))
        .refuses(&[Code::Forbidden, Code::Conflict])
        .once();
    book.on(
        "PUT /users/me/totp",
        "Turns the second factor on, by a code of the secret; where it is on, new recovery codes.",
    )
    .takes::<TotpCode>(body("totp code"))
    .gives::<Recovery>(200, "Ten recovery codes, this once.", body("recovery"))
    .refuses(&[Code::Forbidden, Code::Conflict])
    .once();
    book.on("DELETE /users/me/totp", "Turns the second factor off.")
        .takes::<TotpOff>(body("totp off"))
        .gives_nothing(204, "Off.")
        .refuses(&[Code::WrongCredentials])
        .once();
    book.on("DELETE /users/me", "Closes the account; what was said stays.")
        .may_take::<CloseAccount>(body("close account"))
        .gives_nothing(204, "Closed.")
        .refuses(&[Code::Conflict]);
    book.on("POST /invites", "Makes an invite; its code is shown once.")
        .takes::<NewInvite>(body("new invite"))
        .gives::<Invite>(201, "The invite with its code.", body("invite"))
        .refuses(&[Code::NotFound])
        .once();
    book.on("GET /invites", "The invites that still open something.")
        .gives_items::<Invite>("The invites, without their codes.", body("invite"));
    book.on("DELETE /invites/{id}", "It opens nothing any more.")
        .gives_nothing(204, "Gone.")
        .once();
}

fn mails(book: &mut Book) {
    book.on("POST /auth/verify-email", "The address of the link is its reader's.")
        .takes::<VerifyEmail>(body("verify email"))
        .gives_nothing(204, "Verified.")
        .refuses(&[Code::Taken])
        .once();
    book.on("POST /auth/resend-verification", "Another mail; always the same answer.")
        .takes::<MailTo>(body("mail to"))
        .gives_nothing(202, "If there is such an account, a mail is on its way.");
    book.on("POST /auth/forgot-password", "A mail with a link; always the same answer.")
        .takes::<MailTo>(body("mail to"))
        .gives_nothing(202, "If there is such an account, a mail is on its way.");
    book.on("POST /auth/reset-password", "A new password; every session ends.")
        .takes::<ResetPassword>(body("reset password"))
        .gives_nothing(204, "Set.")
        .once();
}

fn oidc(book: &mut Book) {
    let text = || json!({"type": "string"});
    book.on("GET /auth/oidc", "The provider that signs people in, where there is one.")
        .gives::<OidcInfo>(200, "Its name, and where a browser begins.", body("oidc"))
        .refuses(&[Code::NotFound]);
    book.on("GET /auth/oidc/start", "Sends a browser to the provider.")
        .asks("device", "Label of the device that will have the session.", text())
        .asks("challenge", "SHA-256 of a verifier of the app's own, base64url.", text())
        .gives_nothing(302, "To the provider.")
        .gives_as(502, "A page: the provider does not answer.", "text/html", text())
        .refuses(&[Code::NotFound]);
    book.on("GET /auth/oidc/callback", "Back from the provider.")
        .asks("code", "The provider's.", text())
        .asks("state", "As it was given along.", text())
        .asks("error", "Why there is no code.", text())
        .asks("iss", "Which provider it is.", text())
        .gives_as(200, "A page with a link that opens the app.", "text/html", text())
        .gives_as(400, "A page: it came to nothing.", "text/html", text())
        .gives_as(502, "A page: the provider does not answer.", "text/html", text())
        .refuses(&[Code::NotFound]);
    book.on("POST /auth/oidc/session", "A session for the code of the link.")
        .takes::<OidcSession>(body("oidc session"))
        .gives::<SignedIn>(200, "Who, and with what.", body("signed in"))
        .refuses(&[Code::NotFound, Code::WrongCredentials, Code::Conflict]);
    book.on("POST /users/me/oidc", "Links my account with one at the provider.")
        .takes::<OidcLink>(body("oidc link"))
        .gives_nothing(204, "Linked.")
        .refuses(&[Code::WrongCredentials, Code::Conflict])
        .once();
    book.on("DELETE /users/me/oidc", "The password alone opens my account.")
        .takes::<OidcUnlink>(body("oidc unlink"))
        .gives_nothing(204, "Unlinked.")
        .refuses(&[Code::WrongCredentials])
        .once();
}

fn guests(book: &mut Book) {
    book.on(
        "POST /auth/guest",
        "Comes in by a room's code, into a public room that is open, or into a new room.",
    )
    .takes::<ComeAsGuest>(body("guest"))
    .gives::<GuestIn>(200, "Who, with what, and where.", body("guest in"))
    .refuses(&[Code::NotFound, Code::Conflict]);
    book.on("POST /users/me/account", "A guest stays: an account of their own.")
        .takes::<BecomeAccount>(body("account"))
        .gives::<Registered>(201, "Who they are now.", body("registered"))
        .refuses(&[Code::Taken])
        .once();
    book.on("GET /rooms/{room}/guests", "Who comes into the room without an account.")
        .gives::<RoomGuests>(200, "What holds, and what the room says.", body("room guests"));
    book.on("PUT /rooms/{room}/guests", "The owner's word on guests; null is as the tenant says.")
        .takes::<SetGuests>(body("set guests"))
        .gives::<RoomGuests>(200, "What holds now.", body("room guests"))
        .once();
}

fn sessions(book: &mut Book) {
    book.on(
        "POST /auth/refresh",
        "The successor of a refresh token, the same one until it is used.",
    )
    .takes::<Refresh>(body("refresh"))
    .gives::<Refreshed>(200, "The session with new tokens.", body("refreshed"))
    .refuses(&[Code::SignedOut]);
    book.on("POST /auth/logout", "Ends the present session.").gives_nothing(204, "Signed out.");
    book.on("GET /auth/sessions", "My devices.").gives_rows("A row for each session.");
    book.on("DELETE /auth/sessions/{id}", "Throws a device out.")
        .gives_nothing(204, "It is out.")
        .once();
}

fn users(book: &mut Book) {
    book.on("GET /users", "People, by part of a name, or those named.")
        .asks("query", "Part of a name.", json!({"type": "string"}))
        .asks(
            "ids",
            "At most 100 ids, separated by commas.",
            json!({"type": "string", "pattern": "^([0-9]{1,15}(,[0-9]{1,15}){0,99})?$"}),
        )
        .gives_rows("People.");
    book.on("GET /users/me", "Me, with what only I see.").gives_row(200, "My row.", "user");
    book.on("PATCH /users/me", "Name, display name, status; absent stays.")
        .takes::<ProfilePatch>(body("profile"))
        .gives_row(200, "My row as it is now.", "user")
        .refuses(&[Code::Taken])
        .once();
    book.on("GET /users/me/messages", "Everything I wrote, newest first.").gives_rows("Messages.");
    book.on("POST /users/{user}/sessions", "A session for a person, by our id or `ext:` yours.")
        .may_take::<MintSession>(body("mint session"))
        .gives::<SignedIn>(201, "Who, and with what.", body("signed in"))
        .once();
    book.on("GET /users/{user}", "A person.").gives_row(200, "The person.", "user");
}

fn storage(book: &mut Book) {
    book.on("GET /users/me/storage/{key}", "A value my devices share.").gives_as(
        200,
        "The value.",
        "application/json",
        json!({}),
    );
    book.on("PUT /users/me/storage/{key}", "Any JSON value, at most 64 KiB; 256 keys.")
        .takes_anything(json!({"theme": "dark"}))
        .gives_nothing(204, "Kept.")
        .refuses(&[Code::Conflict])
        .once();
    book.on("DELETE /users/me/storage/{key}", "Forgets it.").gives_nothing(204, "Gone.").once();
}
