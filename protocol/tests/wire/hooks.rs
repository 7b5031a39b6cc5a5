//! Bodies of webhooks.

use crate::samples::{AT, ROOM, blank_message, body};
use hallway_protocol::ids::TenantId;
use hallway_protocol::rest::*;
use hallway_protocol::rows::Row;

/// Full first, then as short as it can be.
pub fn bodies() -> Vec<String> {
    use HookEvent::*;
    let events = vec![Message, Edit, Delete, Reaction, Member, Room];
    let (url, secret) = ("https://a.example/hook".to_owned(), "sixteen letters.".to_owned());
    let new = NewWebhook {
        url: url.clone(),
        events: events.clone(),
        rooms: vec![ROOM],
        secret: Some(secret.clone()),
    };
    let hook = Webhook {
        id: "w1".into(),
        url: url.clone(),
        events: events.clone(),
        rooms: vec![ROOM],
        secret: Some(secret.clone()),
        state: HookState::Active,
        created_at: AT,
    };
    let patch = WebhookPatch {
        url: Some(url),
        events: Some(events),
        rooms: Some(vec![ROOM]),
        secret: Some(Some(secret)),
        state: Some(HookState::Off),
    };
    let delivery = Delivery {
        id: "d1".into(),
        event: Message,
        room: ROOM,
        seq: 812,
        status: DeliveryStatus::Delivered,
        attempts: 1,
        answer: Some(200),
        at: AT,
    };
    let call = HookCall {
        id: "d1".into(),
        event: Message,
        at: AT,
        tenant: TenantId(1),
        room: ROOM,
        seq: 812,
        rows: vec![Row::Message(blank_message())],
    };
    vec![
        body("new webhook", new.clone()),
        body("new webhook", NewWebhook { rooms: Vec::new(), secret: None, ..new }),
        body("webhook", hook.clone()),
        body("webhook", Webhook { secret: None, state: HookState::Failing, ..hook }),
        body("webhook patch", patch),
        body("webhook patch", WebhookPatch { secret: Some(None), ..WebhookPatch::default() }),
        body("webhook patch", WebhookPatch::default()),
        body("delivery", delivery.clone()),
        body("delivery", Delivery { answer: None, status: DeliveryStatus::Withheld, ..delivery }),
        body("webhook call", call),
    ]
}
