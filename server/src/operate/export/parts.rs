//! What of each table is told to people, and whose it is. A table with nothing to tell is named in
//! [`SILENT`], with the reason.

/// Some columns of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// As the lines are called.
    pub name: &'static str,
    /// The table, and what it is joined with.
    pub from: &'static str,
    /// What is told.
    pub columns: &'static [&'static str],
    /// Which rows are a person's; none: none.
    pub person: Option<&'static str>,
    /// Which rows are a room's; none: none.
    pub room: Option<&'static str>,
}

/// Messages as far as anybody sees them.
const SEEN: &str = "messages m join rooms r on r.id = m.room and r.deleted_at is null
    and m.seq >= r.kept_from and m.deleted_at is null";

/// The parts.
pub const PARTS: &[Part] = &[
    Part {
        name: "people",
        from: "users",
        columns: &[
            "id",
            "tenant",
            "name",
            "display_name",
            "email",
            "email_next",
            "status",
            "language",
            "role",
            "bot",
            "guest",
            "created_at",
            "deleted_at",
            "disabled_at",
        ],
        person: Some("id = {id}"),
        room: None,
    },
    Part {
        name: "devices",
        from: "sessions",
        columns: &["person", "device", "created_at", "seen_at", "ended_at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "storage",
        from: "storage",
        columns: &["person", "name", "value"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "rooms",
        from: "rooms",
        columns: &[
            "id",
            "tenant",
            "kind",
            "name",
            "topic",
            "visibility",
            "history",
            "created_at",
            "archived_at",
            "deleted_at",
        ],
        person: Some("id in (select room from members where person = {id})"),
        room: Some("id = {id}"),
    },
    Part {
        name: "members",
        from: "members m join users u on u.id = m.person",
        columns: &[
            "m.room",
            "m.person",
            "u.name",
            "u.display_name",
            "m.role",
            "m.joined_seq",
            "m.left_seq",
        ],
        person: Some("m.person = {id}"),
        room: Some("m.room = {id}"),
    },
    Part {
        name: "settings",
        from: "mine",
        columns: &[
            "person",
            "room",
            "state",
            "seen",
            "unread_mark",
            "notify",
            "muted_until",
            "favourite",
            "draft",
        ],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "messages",
        from: SEEN,
        columns: &[
            "m.room",
            "m.seq",
            "m.at",
            "m.sender",
            "m.kind",
            "m.text",
            "m.reply",
            "m.thread",
            "m.files",
            "m.meta",
            "m.edited_at",
            "m.pinned",
        ],
        person: Some("m.sender = {id} and m.kind = 0"),
        room: Some("m.room = {id}"),
    },
    Part {
        name: "edits",
        from:
            "edits e join messages m on m.room = e.room and m.seq = e.seq and m.deleted_at is null
            join rooms r on r.id = m.room and r.deleted_at is null and m.seq >= r.kept_from",
        columns: &["e.room", "e.seq", "e.text", "e.at"],
        person: Some("m.sender = {id}"),
        room: Some("e.room = {id}"),
    },
    Part {
        name: "reactions",
        from: "reactions",
        columns: &["room", "seq", "person", "emoji"],
        person: Some("person = {id} and active = 1"),
        room: Some("room = {id} and active = 1"),
    },
    Part {
        name: "media",
        from: "media",
        columns: &[
            "id",
            "tenant",
            "person",
            "state",
            "name",
            "type",
            "size",
            "width",
            "height",
            "created_at",
        ],
        person: Some("person = {id}"),
        room: Some("id in (select media from attachments where room = {id})"),
    },
    Part {
        name: "attachments",
        from: "attachments",
        columns: &["media", "room", "seq"],
        person: Some("media in (select id from media where person = {id})"),
        room: Some("room = {id}"),
    },
    Part {
        name: "notices",
        from: "notices",
        columns: &["person", "topic", "room", "seq", "payload", "at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "alerts",
        from: "alerts",
        columns: &["person", "quiet_from", "quiet_to", "quiet_days", "zone", "digest_minutes"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "keywords",
        from: "keywords",
        columns: &["person", "text"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "reminders",
        from: "reminders",
        columns: &["person", "room", "seq", "at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "endpoints",
        from: "endpoints",
        columns: &["person", "host", "at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "identities",
        from: "identities",
        columns: &["tenant", "issuer", "subject", "person", "linked_at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "webhooks",
        from: "webhooks",
        columns: &["id", "tenant", "url", "events", "state", "made_by", "created_at"],
        person: None,
        room: None,
    },
    Part {
        name: "webhook_rooms",
        from: "webhook_rooms",
        columns: &["webhook", "room"],
        person: None,
        room: None,
    },
    Part {
        name: "hooks",
        from: "hooks",
        columns: &["id", "tenant", "room", "person", "name", "made_by", "created_at"],
        person: Some("made_by = {id}"),
        room: Some("room = {id}"),
    },
    Part {
        name: "commands",
        from: "commands",
        columns: &["id", "tenant", "name", "url", "description", "made_by", "created_at"],
        person: None,
        room: None,
    },
    Part {
        name: "deliveries",
        from: "deliveries",
        columns: &["id", "webhook", "event", "room", "seq", "status", "attempts", "at"],
        person: None,
        room: None,
    },
    Part {
        name: "saved",
        from: "saved",
        columns: &["person", "room", "seq", "at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "scheduled",
        from: "scheduled",
        columns: &["id", "person", "room", "text", "reply", "thread", "at", "made_at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "scheduled_files",
        from: "scheduled_files",
        columns: &["scheduled", "place", "media"],
        person: Some("scheduled in (select id from scheduled where person = {id})"),
        room: None,
    },
    Part {
        name: "invites",
        from: "invites",
        columns: &["tenant", "made_by", "room", "uses_left", "expires_at", "created_at"],
        person: Some("made_by = {id}"),
        room: Some("room = {id}"),
    },
    Part {
        name: "reports",
        from: "reports",
        columns: &["room", "seq", "sender", "person", "reason", "at", "resolved_at"],
        person: Some("person = {id}"),
        room: Some("room = {id}"),
    },
    Part {
        name: "bans",
        from: "bans",
        columns: &["tenant", "person", "address", "until", "reason", "made_by", "at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "deletions",
        from: "deletions",
        columns: &["room", "seq", "person", "reason", "at"],
        person: Some("person = {id}"),
        room: Some("room = {id}"),
    },
    Part {
        name: "mails",
        from: "mails",
        columns: &["person", "kind", "address", "made_at"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "names",
        from: "externals",
        columns: &["tenant", "name", "person"],
        person: Some("person = {id}"),
        room: None,
    },
    Part {
        name: "record",
        from: "audit",
        columns: &["id", "tenant", "at", "act", "actor", "target", "address", "detail"],
        person: Some("actor = '{id}' or target = 'user:{id}'"),
        room: Some("target = 'room:{id}'"),
    },
    Part {
        name: "tenants",
        from: "tenants",
        columns: &["id", "name", "title", "registration", "suspended", "config", "created_at"],
        person: None,
        room: None,
    },
    Part {
        name: "keys",
        from: "keys",
        columns: &["id", "tenant", "name", "scopes", "made_by", "created_at"],
        person: None,
        room: None,
    },
];

/// Files: id, where they lie, name.
pub const FILES: Part = Part {
    name: "files",
    from: "media",
    columns: &["id", "place", "name"],
    person: Some("person = {id} and state = 'ready'"),
    room: Some("state = 'ready' and id in (select media from attachments where room = {id})"),
};

/// Tables of which nothing is told.
#[rustfmt::skip]
pub const SILENT: &[(&str, &str)] = &[
    ("meta",     "the server's own"),
    ("jobs",     "ids of what is to be done"),
    ("ops",      "ids of what was done"),
    ("deeds",    "ids of what was done"),
    ("bases",    "where epochs began"),
    ("mentions", "made of the messages"),
    ("totp",     "secrets"),
    ("recovery", "hashes of secrets"),
    ("oidc_states", "minutes of a sign-in"),
    ("oidc_codes",  "minutes of a sign-in"),
    ("previews", "what public pages say of themselves, for a day"),
];
