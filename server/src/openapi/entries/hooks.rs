//! What other programs do here, and what they are told: webhooks.

use crate::openapi::book::Book;
use crate::openapi::examples::body;
use crate::openapi::probe::{Way, reference};
use hallway_protocol::error::Code;
use hallway_protocol::rest::*;
use serde_json::{Value, json};

/// What a webhook is sent.
pub fn calls() -> Value {
    let header = |name: &str, says: &str| {
        json!({"name": name, "in": "header", "required": true, "description": says,
            "schema": {"type": "string"}})
    };
    let body = |of: &str| {
        json!({"required": true,
        "content": {"application/json": {"schema": reference(of)}}})
    };
    let signature = header("Hallway-Signature", "t=<seconds>,v1=<hex hmac-sha256 of \"t.body\">");
    json!({
        "event": {"post": {
            "operationId": "call_event",
            "summary": "Something happened in a room that a webhook hears.",
            "parameters": [
                header("Hallway-Delivery", "The same each time the delivery is tried."),
                signature.clone(),
            ],
            "requestBody": body("HookCall"),
            "responses": {
                "2XX": {"description": "It arrived."},
                "410": {"description": "The webhook is turned off."},
                "default": {"description": "It comes again later, in growing pauses."}}}},
        "command": {"post": {
            "operationId": "call_command",
            "summary": "Somebody wrote a slash command.",
            "parameters": [
                header("Hallway-Delivery", "The same where it had to be asked once more."),
                signature,
            ],
            "requestBody": body("CommandCall"),
            "responses": {
                "200": {"description": "What is shown; an empty body is nothing.",
                    "content": {"application/json": {"schema": reference("CommandAnswer")}}},
                "default": {"description": "Who wrote it is told that it did not answer."}}}}})
}

/// All of it.
pub fn write(book: &mut Book) {
    book.define::<HookCall>("HookCall", &body("webhook call"), Way::Said);
    book.on(
        "POST /webhooks",
        "Has an address called when something happens in public rooms, or in rooms that are named; \
         a private one is named by its owner. A call is a `POST` of a `HookCall` with \
         `Hallway-Delivery` and `Hallway-Signature: t=<seconds>,v1=<hex hmac-sha256 of \"t.body\">`; \
         any 2xx is a yes, 410 turns the webhook off.",
    )
    .takes::<NewWebhook>(body("new webhook"))
    .gives::<Webhook>(201, "The webhook with its secret, shown once.", body("webhook"))
    .refuses(&[Code::NotFound, Code::Conflict])
    .once();
    book.on("GET /webhooks", "The webhooks of the tenant.")
        .gives_items::<Webhook>("Webhooks.", body("webhook"));
    book.on("GET /webhooks/{id}", "A webhook.").gives::<Webhook>(
        200,
        "The webhook.",
        body("webhook"),
    );
    book.on("PATCH /webhooks/{id}", "Where it goes, for what, its secret, on or off.")
        .takes::<WebhookPatch>(body("webhook patch"))
        .gives::<Webhook>(200, "The webhook as it is now.", body("webhook"))
        .once();
    book.on("DELETE /webhooks/{id}", "It is not called any more.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("GET /webhooks/{id}/deliveries", "What it was called for, the last first.")
        .gives_items::<Delivery>("Deliveries.", body("delivery"));
    book.on("POST /webhooks/{id}/deliveries/{delivery}/replay", "Makes the call once more.")
        .gives_nothing(202, "It waits for its turn.")
        .once();
    bots(book);
    commands(book);
    previews(book);
    incoming(book);
}

fn previews(book: &mut Book) {
    book.on(
        "GET /previews",
        "What a page says of itself, with a small copy of its picture (`image`, a media id). Off \
         where the tenant's `previews` is false, and for who keeps `false` in their own storage \
         under `previews`.",
    )
    .asks("url", "The page.", json!({"type": "string", "minLength": 8, "maxLength": 2_048}))
    .needed()
    .gives::<Preview>(200, "What it says; nulls where it says nothing.", body("preview"));
}

fn commands(book: &mut Book) {
    book.define::<CommandCall>("CommandCall", &body("command call"), Way::Said);
    book.on(
        "POST /commands",
        "Has `/name words` in a room asked of an address, with a `CommandCall` that is signed like \
         the calls of webhooks; what it answers (a `CommandAnswer`, or nothing) is shown.",
    )
    .takes::<NewCommand>(body("new command"))
    .gives::<SlashCommand>(201, "The command with its secret, shown once.", body("command"))
    .refuses(&[Code::Taken])
    .once();
    book.on("GET /commands", "What one may write.")
        .gives_items::<SlashCommand>("Commands.", body("command"));
    book.on("DELETE /commands/{id}", "Nobody is asked any more.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on("POST /commands/replies/{token}", "A later answer, by the address of the call.")
        .takes::<CommandAnswer>(body("command answer"))
        .gives_nothing(204, "It is shown.")
        .refuses(&[Code::SignedOut, Code::Conflict]);
}

fn bots(book: &mut Book) {
    book.on("POST /bots", "Makes a bot: a person that is a program and signs in by its key.")
        .takes::<NewBot>(body("new bot"))
        .gives::<Bot>(201, "The bot with its key, shown once.", body("bot"))
        .refuses(&[Code::Taken])
        .once();
    book.on("GET /bots", "The bots of the tenant.").gives_rows("Their rows.");
    book.on("POST /bots/{user}/key", "Another key; the last one opens nothing any more.")
        .gives::<Bot>(201, "The bot with its key, shown once.", body("bot"))
        .once();
    book.on("DELETE /bots/{user}", "It is gone like an account that was closed.")
        .gives_nothing(204, "Gone.")
        .once();
}

fn incoming(book: &mut Book) {
    book.on("POST /rooms/{room}/hooks", "Makes an address by which others speak into the room.")
        .takes::<NewHook>(body("new hook"))
        .gives::<Hook>(201, "It, with its address, shown once.", body("hook"))
        .refuses(&[Code::Conflict])
        .once();
    book.on("GET /rooms/{room}/hooks", "Those of a room, without their addresses.")
        .gives_items::<Hook>("Hooks.", body("hook"));
    book.on("DELETE /rooms/{room}/hooks/{hook}", "Nobody speaks by it any more.")
        .gives_nothing(204, "Gone.")
        .once();
    book.on(
        "POST /hooks/{token}",
        "Says something as tools for Slack do: JSON, or a form with JSON in `payload`. Links and \
         mentions are put into our form; of attachments and blocks the text is taken.",
    )
    .takes::<HookPayload>(body("hook payload"))
    .gives_as(200, "It is said: `ok`.", "text/plain", json!({"type": "string"}))
    .refuses(&[Code::SignedOut, Code::Conflict])
    .once();
}
