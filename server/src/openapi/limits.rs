//! What a type cannot say of itself: how long a text may be, what stands in a path, the headers.

use super::probe::reference;
use hallway_protocol::ids::NUMBER_MAX;
use hallway_protocol::limits::*;
use serde_json::{Value, json};

/// Shortest and longest text of a field, characters.
const TEXTS: &[(&str, &str, usize, usize)] = &[
    ("NewRoom", "name", 1, ROOM_NAME_MAX),
    ("NewRoom", "topic", 0, TOPIC_MAX),
    ("RoomPatch", "name", 1, ROOM_NAME_MAX),
    ("RoomPatch", "topic", 0, TOPIC_MAX),
    ("Room", "name", 0, ROOM_NAME_MAX),
    ("Room", "topic", 0, TOPIC_MAX),
    ("Register", "name", 1, NAME_MAX),
    ("Register", "display_name", 1, DISPLAY_NAME_MAX),
    ("Register", "email", 3, 254),
    ("Register", "password", PASSWORD.0, PASSWORD.1),
    ("Register", "device", 0, DEVICE_MAX),
    ("Login", "device", 0, DEVICE_MAX),
    ("ComeAsGuest", "display_name", 1, DISPLAY_NAME_MAX),
    ("ComeAsGuest", "name", 1, ROOM_NAME_MAX),
    ("ComeAsGuest", "device", 0, DEVICE_MAX),
    ("BecomeAccount", "name", 1, NAME_MAX),
    ("BecomeAccount", "password", PASSWORD.0, PASSWORD.1),
    ("ResetPassword", "password", PASSWORD.0, PASSWORD.1),
    ("ChangePassword", "new", PASSWORD.0, PASSWORD.1),
    ("ProfilePatch", "name", 1, NAME_MAX),
    ("ProfilePatch", "display_name", 1, DISPLAY_NAME_MAX),
    ("ProfilePatch", "status", 0, STATUS_MAX),
    ("User", "name", 0, NAME_MAX),
    ("User", "display_name", 0, DISPLAY_NAME_MAX),
    ("User", "status", 0, STATUS_MAX),
    ("SessionRow", "device", 0, DEVICE_MAX),
    ("NewMessage", "text", 0, TEXT_BYTES_MAX),
    ("EditMessage", "text", 1, TEXT_BYTES_MAX),
    ("Send", "text", 0, TEXT_BYTES_MAX),
    ("Message", "text", 0, TEXT_BYTES_MAX),
    ("MinePatch", "draft", 0, TEXT_BYTES_MAX),
    ("Mine", "draft", 0, TEXT_BYTES_MAX),
    ("File", "name", 0, FILE_NAME_MAX),
    ("NewMedia", "name", 1, FILE_NAME_MAX),
    ("NewMedia", "type", 3, MEDIA_TYPE_MAX),
    ("NewMedia", "sha256", 64, 64),
    ("Reaction", "emoji", 1, EMOJI_BYTES),
    ("NewScheduled", "text", 0, TEXT_BYTES_MAX),
    ("ScheduledPatch", "text", 0, TEXT_BYTES_MAX),
    ("Scheduled", "text", 0, TEXT_BYTES_MAX),
    ("NewNotice", "topic", 1, NAME_MAX),
    ("NewPushEndpoint", "url", 9, crate::outbound::ADDRESS_MAX),
    ("Quiet", "from", 5, 5),
    ("Quiet", "to", 5, 5),
    ("NewTenant", "name", 1, NAME_MAX),
    ("NewCommand", "name", 1, NAME_MAX),
    ("NewCommand", "url", 8, 2_048),
    ("NewCommand", "description", 0, TOPIC_MAX),
    ("NewBot", "name", 1, NAME_MAX),
    ("NewBot", "display_name", 1, DISPLAY_NAME_MAX),
    ("NewHook", "name", 1, DISPLAY_NAME_MAX),
    ("NewWebhook", "url", 8, 2_048),
    ("NewWebhook", "secret", 16, 200),
    ("WebhookPatch", "url", 8, 2_048),
    ("WebhookPatch", "secret", 16, 200),
    ("NewTenant", "title", 1, DISPLAY_NAME_MAX),
    ("TenantPatch", "title", 1, DISPLAY_NAME_MAX),
    ("NewBan", "reason", 1, REASON_MAX),
    ("NewReport", "reason", 1, REASON_MAX),
    ("NewApiKey", "name", 1, DISPLAY_NAME_MAX),
    ("MailTo", "email", 3, 254),
    ("BecomeAccount", "email", 3, 254),
    ("ProfilePatch", "email", 3, 254),
    ("Deleting", "reason", 0, REASON_MAX),
    ("NewAccount", "name", 1, NAME_MAX),
    ("NewAccount", "display_name", 1, DISPLAY_NAME_MAX),
    ("NewAccount", "email", 3, 254),
    ("NewAccount", "password", PASSWORD.0, PASSWORD.1),
];

/// Paths below which `id` is a number of ours.
const OURS: [&str; 3] = ["/admin/tenants", "/admin/users", "/admin/rooms"];

/// Fewest and most elements of a field.
const LISTS: &[(&str, &str, usize, usize)] = &[
    ("NewMessage", "files", 0, FILES_MAX),
    ("Send", "files", 0, FILES_MAX),
    ("NewScheduled", "files", 0, FILES_MAX),
    ("ScheduledPatch", "files", 0, FILES_MAX),
    ("NewRoom", "members", 0, MEMBERS_AT_ONCE),
    ("NewDirect", "users", 1, DIRECT_MAX),
    ("Sync", "rooms", 0, HELLO_ROOMS),
    ("Hello", "rooms", 0, HELLO_ROOMS),
    ("NewWebhook", "events", 1, 6),
    ("NewWebhook", "rooms", 0, 100),
    ("WebhookPatch", "events", 1, 6),
    ("WebhookPatch", "rooms", 0, 100),
    ("NewNotice", "users", 1, NOTICE_USERS),
    ("NoticeSettings", "keywords", 0, KEYWORDS_MAX),
    ("Quiet", "days", 0, 7),
];

/// Of these fields one is there; the others lack or are null.
const ONE_OF: &[(&str, &[&str])] =
    &[("ComeAsGuest", &["code", "room", "name"]), ("NewBan", &["user", "address"])];

/// What a tenant may be configured to: least and most.
const CONFIG: &[(&str, i64, i64)] = &[
    ("text_max", 1, TEXT_BYTES_MAX as i64),
    ("file_max", 1, NUMBER_MAX),
    ("quota_bytes", 0, NUMBER_MAX),
    ("requests_per_second", 1, 1_000_000),
    ("retention_days", 1, 36_500),
];

/// Least and most of a field.
const NUMBERS: &[(&str, &str, i64, i64)] = &[
    ("NewMedia", "size", 1, NUMBER_MAX),
    ("NewParts", "parts", 1, PARTS_MAX),
    ("NewInvite", "uses", 1, 1_000),
    ("NewInvite", "expires_in_ms", 1, 315_360_000_000),
    ("NoticeSettings", "digest_minutes", 0, DIGEST_MAX),
    ("RoomPatch", "slow_seconds", 0, SLOW_MAX),
    ("RoomPatch", "retention_days", 1, RETENTION_MAX),
    ("Mine", "unread", 0, UNREAD_MAX),
    ("Mine", "mentions", 0, UNREAD_MAX),
];

/// Fields of more than one shape.
const EITHER: &[(&str, &str)] = &[
    ("Sync", "rooms"),
    ("Hello", "rooms"),
    ("Audited", "actor"),
    ("MinePatch", "muted_until"),
    ("WebhookPatch", "state"),
    ("MemberRole", "muted_until"),
    ("TenantPatch", "registration"),
    ("NewRoom", "sealed"),
    ("RoomPatch", "retention_days"),
    ("ComeAsGuest", "room"),
    ("Synced", "ephemeral"),
];

/// Without control characters.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// Puts the limits of a type into its schema.
pub fn apply(of: &str, schema: &mut Value) {
    for (_, field) in EITHER.iter().filter(|(name, _)| *name == of) {
        schema["properties"][field] = either(of);
    }
    let mut set = |field: &str, name: &str, value: i64| {
        let at = &mut schema["properties"][field];
        // Of a list that may be a word as well, the list is meant.
        let at = if at["anyOf"].is_array() { &mut at["anyOf"][0] } else { at };
        at[name] = json!(value);
    };
    for (table, least, most) in [(TEXTS, "minLength", "maxLength"), (LISTS, "minItems", "maxItems")]
    {
        for (_, field, few, many) in table.iter().filter(|(name, ..)| *name == of) {
            set(field, least, *few as i64);
            set(field, most, *many as i64);
        }
    }
    for (_, field, few, many) in NUMBERS.iter().filter(|(name, ..)| *name == of) {
        set(field, "minimum", *few);
        set(field, "maximum", *many);
    }
    together(of, schema);
}

/// An example as it can be sent: it names every field, also those that exclude each other.
pub fn sendable(of: &str, mut example: Value) -> Value {
    let Some(fields) = example.as_object_mut() else { return example };
    for (_, names) in ONE_OF.iter().filter(|(name, _)| *name == of) {
        let given = |name: &&&str| fields.get(**name).is_some_and(|value| !value.is_null());
        let others: Vec<_> = names.iter().filter(given).skip(1).collect();
        for other in others {
            fields.remove(*other);
        }
    }
    if of == "NewRoom" {
        fields.insert("sealed".into(), json!(false));
    }
    example
}

/// Rules that are about more than one field.
fn together(of: &str, schema: &mut Value) {
    for (_, fields) in ONE_OF.iter().filter(|(name, _)| *name == of) {
        let kind = |one: &&str| {
            let is = |field: &&str| match field == one {
                true => json!({"not": {"type": "null"}}),
                false => json!({"type": "null"}),
            };
            let all: serde_json::Map<_, _> =
                fields.iter().map(|field| ((*field).to_owned(), is(field))).collect();
            json!({"required": [one], "properties": all})
        };
        schema["oneOf"] = fields.iter().map(kind).collect();
    }
    if of == "Sync" {
        let full = &mut schema["properties"]["rooms"]["items"]["anyOf"][1]["properties"];
        (full["floor"]["minimum"], full["floor"]["maximum"]) = (json!(0), json!(NUMBER_MAX));
        // A number beyond that is read as none.
        full["latest"]["maximum"] = json!(u64::MAX);
    }
    if of == "NewApiKey" {
        schema["properties"]["scopes"]["minItems"] = json!(1);
    }
    if matches!(of, "NewMessage" | "NewScheduled") {
        schema["anyOf"] = json!([
            {"required": ["text"], "properties": {"text": {"pattern": "\\S"}}},
            {"required": ["files"], "properties": {"files": {"minItems": 1}}},
        ]);
    }
    if let Some(Value::Object(config)) = schema["properties"].get_mut("config") {
        let config = config.get_mut("properties").and_then(Value::as_object_mut);
        let fields = config.into_iter().flatten();
        for (field, schema) in fields {
            if let Some((_, least, most)) = CONFIG.iter().find(|(name, ..)| name == field) {
                (schema["minimum"], schema["maximum"]) = (json!(least), json!(most));
                schema["type"] = json!(["integer", "null"]);
            } else if matches!(field.as_str(), "previews" | "second_factor" | "act_creates_users") {
                schema["type"] = json!(["boolean", "null"]);
            }
        }
    }
}

fn either(of: &str) -> Value {
    let pair = json!({"type": "array", "prefixItems": [number(), number()], "items": false,
        "minItems": 2, "maxItems": 2});
    match of {
        "Sync" => json!({"type": "array", "items": {"anyOf": [pair, {"type": "object",
            "required": ["room", "since"],
            "properties": {"room": number(), "since": number(),
                "floor": {"type": ["integer", "null"]},
                "latest": {"type": ["integer", "null"], "minimum": 0}}}]}}),
        "Hello" => json!({"anyOf": [{"type": "array", "items": pair}, {"const": "acked"}]}),
        "Synced" => json!({"type": "array", "items": reference("Frame")}),
        // Failing it gets by itself.
        "WebhookPatch" => json!({"enum": ["active", "off", null]}),
        "RoomPatch" => json!({"type": ["integer", "null"]}),
        "MinePatch" | "MemberRole" | "ComeAsGuest" => {
            json!({"anyOf": [number(), {"type": "null"}]})
        }
        "TenantPatch" => json!({"enum": ["open", "invite", "closed", null]}),
        // End-to-end encryption is not there yet.
        "NewRoom" => json!({"const": false}),
        _ => json!({"anyOf": [number(), {"type": "string"}, {"type": "null"}]}),
    }
}

/// A number as the wire has them.
pub fn number() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": NUMBER_MAX})
}

/// A place in a room.
pub fn place() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": SEQ_MAX})
}

/// A key.
pub fn key() -> Value {
    json!({"type": "string", "format": "uuid",
        "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$",
        "description": "A UUIDv7, made once when the person acts."})
}

/// `limit`.
pub fn page() -> Value {
    json!({"type": "integer", "minimum": 0, "default": PAGE.0})
}

/// `next` of a list.
pub fn next() -> Value {
    json!({"type": "string", "description": "For the next part; absent at the end."})
}

/// `Idempotency-Key`.
pub fn idempotency_key() -> Value {
    json!({"name": "Idempotency-Key", "in": "header", "schema": reference("Key"),
        "description": "The same key again: the first answer with status 200, nothing done."})
}

/// What stands in a path.
pub fn of_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let one = |name: &str| {
        let schema = match name {
            "user" if path.ends_with("/sessions") => json!({"type": "string",
                "minLength": 1, "maxLength": 260}),
            "room" | "user" | "seq" => number(),
            "id" if OURS.iter().any(|of| path.starts_with(of)) => number(),
            "emoji" => json!({"type": "string", "minLength": 1, "maxLength": EMOJI_BYTES,
                "pattern": PLAIN}),
            "key" if path.contains("/storage/") => json!({"type": "string", "minLength": 1,
                "maxLength": 100, "pattern": PLAIN}),
            _ => json!({"type": "string", "minLength": 1, "maxLength": 100}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    names.map(one).collect()
}

/// Headers of answers.
pub fn headers() -> Value {
    json!({
        "X-Request-Id": {"description": "Names the request in the server's log.",
            "schema": {"type": "string", "format": "uuid"}},
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
    })
}

/// With what one comes.
pub fn schemes() -> Value {
    let header = |name: &str, says: &str| json!({"type": "apiKey", "in": "header", "name": name, "description": says});
    json!({
        "session": {"type": "http", "scheme": "bearer",
            "description": "An access token; for operators the token of `DATA/operator`."},
        "key": header("X-API-Key", "A key of the tenant's backend."),
        "person": header("X-User-Id", "For whom it acts: `42` is our id, `ext:42` theirs."),
    })
}

/// A refusal with this status.
pub fn refusal(status: u16) -> Value {
    let says = match status {
        401 => "Sign in: no token, or a dead or forged one; at sign-in the name or the password.",
        403 => "You see it but may not; or this origin may not call.",
        404 => "Not there, or not yours to see.",
        405 | 415 | 426 => "Method, media type or protocol.",
        409 => "A name in use, a key of another call, or a state that forbids it.",
        410 => "It expired.",
        413 => "More bytes than a body may have.",
        416 => "There are no such bytes in it.",
        422 => "Not the shape, or a value out of its limits; `fields` says which.",
        429 => "Too fast; wait `after_ms`.",
        503 => "The server has too much to do; wait `after_ms`.",
        _ => "The server's fault.",
    };
    let mut answer = json!({"description": says,
        "content": {"application/problem+json": {"schema": reference("Problem")}}});
    if matches!(status, 429 | 500 | 503) {
        answer["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
    }
    answer
}

/// The refusal as REST sends it.
pub fn problem() -> Value {
    let codes: Vec<_> = super::examples::CODES.iter().map(|code| code.as_str()).collect();
    json!({"type": "object", "description": "A refusal (RFC 9457); programs switch on `code`.",
        "required": ["type", "title", "status", "code", "message", "retry", "after_ms", "fields"],
        "properties": {
            "type": {"const": "about:blank"},
            "title": {"type": "string", "description": "Of the status."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "enum": codes},
            "message": {"type": "string", "description": "A sentence for people."},
            "retry": {"type": "string", "enum": ["never", "later", "sign_in"]},
            "after_ms": {"type": ["integer", "null"], "minimum": 0,
                "description": "How long to wait first, milliseconds."},
            "fields": {"type": "object", "additionalProperties": {"type": "string"},
                "description": "Which parts of the input were wrong, and how."}},
        "examples": [{"type": "about:blank", "title": "Not Found", "status": 404,
            "code": "not_found", "message": "there is no such room", "retry": "never",
            "after_ms": null, "fields": {}}]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::words::words;

    #[test]
    fn every_limit_is_of_a_field_there_is() {
        let words = words();
        let fields = TEXTS.iter().chain(LISTS).map(|(of, field, ..)| (of, field));
        let fields = fields.chain(NUMBERS.iter().map(|(of, field, ..)| (of, field)));
        for (of, field) in fields.chain(EITHER.iter().map(|(of, field)| (of, field))) {
            let known = words.get(*of).is_some_and(|words| words.fields.contains_key(*field));
            assert!(known, "there is no {of}.{field}");
        }
    }
}
