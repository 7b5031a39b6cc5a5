//! Takes away everything of a tenant that was deleted, table by table, children first, in steps of
//! at most 500 rows. Nobody of it can come in meanwhile: it was suspended before. A table that
//! belongs to a tenant and has no line here fails a contract test.

use super::jobs::{self, Kind};
use super::{Result, Tx, search};
use crate::params;
use hallway_protocol::ids::TenantId;

/// Rows of one statement of one step.
const CHUNK: i64 = 500;

/// Messages that one step takes out of the index of words.
const WORDS: i64 = 100;

/// A table, and how some of its rows ($2) of a tenant ($1) go.
pub const STEPS: &[(&str, &str)] = &[
    (
        "reactions",
        "delete from reactions where (room, seq, person, emoji) in
            (select x.room, x.seq, x.person, x.emoji from reactions x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "edits",
        "delete from edits where (room, seq, rev) in
            (select x.room, x.seq, x.rev from edits x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "mentions",
        "delete from mentions where (room, person, seq) in
            (select x.room, x.person, x.seq from mentions x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "deletions",
        "delete from deletions where (room, seq) in
            (select x.room, x.seq from deletions x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "reports",
        "delete from reports where id in (select id from reports where tenant = $1 limit $2)",
    ),
    (
        "saved",
        "delete from saved where id in
            (select x.id from saved x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "scheduled_files",
        "delete from scheduled_files where (scheduled, place) in
            (select x.scheduled, x.place from scheduled_files x
                join media m on m.id = x.media where m.tenant = $1 limit $2)",
    ),
    (
        "scheduled",
        "delete from scheduled where id in
            (select x.id from scheduled x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "reminders",
        "delete from reminders where id in
            (select x.id from reminders x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "told",
        "delete from told where notice in
            (select x.notice from told x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "notices",
        "delete from notices where n in
            (select x.n from notices x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "alerts",
        "delete from alerts where person in
            (select x.person from alerts x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "endpoints",
        "delete from endpoints where id in
            (select x.id from endpoints x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "keywords",
        "delete from keywords where (person, place) in
            (select person, place from keywords where tenant = $1 limit $2)",
    ),
    ("bans", "delete from bans where id in (select id from bans where tenant = $1 limit $2)"),
    (
        "deliveries",
        "delete from deliveries where id in
            (select x.id from deliveries x
                join webhooks w on w.id = x.webhook where w.tenant = $1 limit $2)",
    ),
    (
        "webhook_rooms",
        "delete from webhook_rooms where (webhook, room) in
            (select x.webhook, x.room from webhook_rooms x
                join webhooks w on w.id = x.webhook where w.tenant = $1 limit $2)",
    ),
    (
        "webhooks",
        "delete from webhooks where id in (select id from webhooks where tenant = $1 limit $2)",
    ),
    (
        "asks",
        "delete from asks where id in
            (select x.id from asks x join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "commands",
        "delete from commands where id in (select id from commands where tenant = $1 limit $2)",
    ),
    (
        "previews",
        "delete from previews where (tenant, hash) in
            (select tenant, hash from previews where tenant = $1 limit $2)",
    ),
    ("hooks", "delete from hooks where id in (select id from hooks where tenant = $1 limit $2)"),
    (
        "attachments",
        "delete from attachments where (media, room, seq) in
            (select x.media, x.room, x.seq from attachments x
                join media m on m.id = x.media where m.tenant = $1 limit $2)",
    ),
    ("media", "delete from media where id in (select id from media where tenant = $1 limit $2)"),
    (
        "search_docs",
        "delete from search_docs where doc in
            (select x.doc from search_rooms s join search_docs x on x.room = s.room
                join rooms r on r.id = s.room where r.tenant = $1 limit $2)",
    ),
    (
        "search_rooms",
        "delete from search_rooms where room in
            (select x.room from search_rooms x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "search_parts",
        "delete from search_parts where (tenant, part, word) in
            (select tenant, part, word from search_parts where tenant = $1 limit $2)",
    ),
    (
        "search_terms",
        "delete from search_terms where (tenant, word) in
            (select tenant, word from search_terms where tenant = $1 limit $2)",
    ),
    (
        "messages",
        "delete from messages where (room, seq) in
            (select x.room, x.seq from messages x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "members",
        "delete from members where (room, person) in
            (select x.room, x.person from members x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "mine",
        "delete from mine where (person, room) in
            (select x.person, x.room from mine x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "bases",
        "delete from bases where (room, epoch) in
            (select x.room, x.epoch from bases x
                join rooms r on r.id = x.room where r.tenant = $1 limit $2)",
    ),
    (
        "invites",
        "delete from invites where id in (select id from invites where tenant = $1 limit $2)",
    ),
    ("rooms", "delete from rooms where id in (select id from rooms where tenant = $1 limit $2)"),
    (
        "sessions",
        "delete from sessions where id in
            (select x.id from sessions x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "ops",
        "delete from ops where (person, key) in
            (select x.person, x.key from ops x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "storage",
        "delete from storage where (person, name) in
            (select x.person, x.name from storage x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "identities",
        "delete from identities where (tenant, issuer, subject) in
            (select tenant, issuer, subject from identities where tenant = $1 limit $2)",
    ),
    (
        "oidc_states",
        "delete from oidc_states where (tenant, hash) in
            (select tenant, hash from oidc_states where tenant = $1 limit $2)",
    ),
    (
        "oidc_codes",
        "delete from oidc_codes where (tenant, hash) in
            (select tenant, hash from oidc_codes where tenant = $1 limit $2)",
    ),
    (
        "totp",
        "delete from totp where person in
            (select x.person from totp x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "recovery",
        "delete from recovery where (person, hash) in
            (select x.person, x.hash from recovery x
                join users u on u.id = x.person where u.tenant = $1 limit $2)",
    ),
    (
        "externals",
        "delete from externals where (tenant, name) in
            (select tenant, name from externals where tenant = $1 limit $2)",
    ),
    ("keys", "delete from keys where id in (select id from keys where tenant = $1 limit $2)"),
    ("mails", "delete from mails where id in (select id from mails where tenant = $1 limit $2)"),
    ("users", "delete from users where id in (select id from users where tenant = $1 limit $2)"),
    ("audit", "delete from audit where id in (select id from audit where tenant = $1 limit $2)"),
    ("jobs", "delete from jobs where id in (select id from jobs where tenant = $1 limit $2)"),
];

/// One step; true: there is more. What a table refers to goes only once the table is empty of it.
pub(super) fn step(tx: &mut Tx<'_>, tenant: TenantId) -> Result<bool> {
    if search::take_tenant(tx, tenant, WORDS)? {
        return Ok(true);
    }
    let mut budget = CHUNK;
    for (_, sql) in STEPS {
        let gone = tx.exec(sql, params![tenant, budget])?;
        budget -= i64::try_from(gone).unwrap_or(budget);
        if budget <= 0 {
            return Ok(true);
        }
    }
    jobs::enqueue(tx, None, Kind::Discard, &tenant.to_string(), None)?;
    tx.exec("delete from tenants where id = $1 and erased_at is not null", params![tenant])?;
    Ok(false)
}
