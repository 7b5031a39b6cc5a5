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
    let body = json!({"application/json": {"schema": reference("HookCall")}});
    json!({"event": {"post": {
        "operationId": "call_event",
        "summary": "Something happened in a room that a webhook hears.",
        "parameters": [
            header("Hallway-Delivery", "The same each time the delivery is tried."),
            header("Hallway-Signature", "t=<seconds>,v1=<hex hmac-sha256 of \"t.body\">"),
        ],
        "requestBody": {"required": true, "content": body},
        "responses": {
            "2XX": {"description": "It arrived."},
            "410": {"description": "The webhook is turned off."},
            "default": {"description": "It comes again later, in growing pauses."}}}}})
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
        .gives_items::<Delivery>("Deliveries.", body("delivery"))
        .paged();
    book.on("POST /webhooks/{id}/deliveries/{delivery}/replay", "Makes the call once more.")
        .gives_nothing(202, "It waits for its turn.")
        .once();
}
