//! Bodies of webhooks.

use crate::samples::{AT, ROOM, blank_message, blank_user, body};
use hallway_protocol::ids::{TenantId, UserId};
use hallway_protocol::rest::*;
use hallway_protocol::rows::Row;
use serde_json::json;

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
    let webhook = Webhook {
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
        error: None,
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
    let hook = Hook {
        id: "h1".into(),
        name: "builds".into(),
        url: Some("https://a.example/api/v1/hooks/secret".into()),
        user: UserId(12),
        by: UserId(3),
        created_at: AT,
    };
    let url = "https://a.example/tea".to_owned();
    let command = SlashCommand {
        id: "c1".into(),
        name: "tea".into(),
        url: url.clone(),
        description: "Makes tea.".into(),
        secret: Some("a secret that was made".into()),
        user: UserId(12),
        created_at: AT,
    };
    let asked = CommandCall {
        command: "tea".into(),
        text: "green".into(),
        room: ROOM,
        user: UserId(3),
        reply_url: "https://a.example/api/v1/commands/replies/secret".into(),
    };
    let preview = Preview {
        url: url.clone(),
        title: Some("Tea".into()),
        description: Some("About tea.".into()),
        image: Some("f1".into()),
    };
    let payload = HookPayload {
        text: Some("tea?".into()),
        username: Some("Kettle".into()),
        attachments: vec![json!({"title": "tea"})],
        blocks: vec![json!({"type": "divider"})],
    };
    vec![
        body("new webhook", new.clone()),
        body("new webhook", NewWebhook { rooms: Vec::new(), secret: None, ..new }),
        body("webhook", webhook.clone()),
        body("webhook", Webhook { secret: None, state: HookState::Failing, ..webhook }),
        body("webhook patch", patch),
        body("webhook patch", WebhookPatch { secret: Some(None), ..WebhookPatch::default() }),
        body("webhook patch", WebhookPatch::default()),
        body("delivery", delivery.clone()),
        body(
            "delivery",
            Delivery {
                answer: None,
                status: DeliveryStatus::Withheld,
                error: Some(DeliveryError::Hidden),
                ..delivery
            },
        ),
        body("webhook call", call),
        body("new bot", NewBot { name: "kettle".into(), display_name: "Kettle".into() }),
        body("bot", Bot { user: blank_user(), key: "hw_k1_secret".into() }),
        body("new hook", NewHook { name: "builds".into() }),
        body("hook", hook.clone()),
        body("hook", Hook { url: None, ..hook }),
        body("hook payload", payload),
        body("hook payload", HookPayload::default()),
        body(
            "new command",
            NewCommand { name: "tea".into(), url: url.clone(), description: "Makes tea.".into() },
        ),
        body("command", command.clone()),
        body("command", SlashCommand { secret: None, ..command }),
        body("command call", asked),
        body("command answer", CommandAnswer { text: "tea!".into(), to: AnswerTo::Room }),
        body("preview", preview.clone()),
        body("preview", Preview { title: None, description: None, image: None, ..preview }),
        body("commanded", Commanded { command: "tea".into() }),
    ]
}
