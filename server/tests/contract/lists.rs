//! Lists come in parts on both engines: one at a time it is the same list, each element once, though
//! several were made in the same millisecond.

use crate::cast::{Stage, draft, key, new_session};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rest::{HookEvent, Scope};
use hallway_protocol::rows::TenantRole;
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::bots::{self, BotKey, NewBot};
use hallway_server::store::commands::{self, NewCommand};
use hallway_server::store::deliveries;
use hallway_server::store::endpoints::{self, NewEndpoint};
use hallway_server::store::hooks::{self, NewHook as NewRoomHook};
use hallway_server::store::invites::{self, NewCode};
use hallway_server::store::keys::{self, NewKey};
use hallway_server::store::sessions;
use hallway_server::store::users::{self, Find};
use hallway_server::store::webhooks::{self, NewHook};
use hallway_server::store::{Me, Read, Result, StoreError, marks, messages, rooms};
use std::fmt::Debug;
use std::sync::Arc;

contract!(one_at_a_time_it_is_the_same_list);

/// Who asks, and of what.
#[derive(Clone)]
struct Ask {
    me: Me,
    admin: Admin,
    room: RoomId,
    seq: Seq,
    webhook: String,
}

/// What a part shows, and where it goes on.
type Part = (Vec<String>, Option<String>);
type List = fn(&mut Read<'_>, &Ask, Option<&str>, usize) -> Result<Part>;

fn shown<T: Debug>(elements: &[T], next: Option<String>) -> Part {
    (elements.iter().map(|element| format!("{element:?}")).collect(), next)
}

/// A list of items or of rows, by its name and what it is asked with.
macro_rules! list {
    ($of:ident: $part:ident = $call:expr) => {
        (stringify!($of), |read, ask, next, limit| {
            let call: fn(&mut Read<'_>, &Ask, Option<&str>, usize) -> Result<_> = $call;
            let found = call(read, ask, next, limit)?;
            Ok(shown(&found.$part, found.next))
        })
    };
}

const LISTS: &[(&str, List)] = &[
    list!(invites: items = |read, ask, next, limit| invites::list(read, &ask.me, next, limit)),
    list!(sessions: rows = |read, ask, next, limit| sessions::list(read, &ask.me, next, limit)),
    list!(hooks: items = |read, ask, next, limit| hooks::list(read, &ask.me, ask.room, next, limit)),
    list!(bots: rows = |read, ask, next, limit| bots::list(read, &ask.admin, next, limit)),
    list!(commands: items = |read, ask, next, limit| commands::list(read, &ask.me, next, limit)),
    list!(webhooks: items = |read, ask, next, limit| webhooks::list(read, &ask.admin, next, limit)),
    list!(deliveries: items = |read, ask, next, limit| {
        deliveries::list(read, &ask.admin, &ask.webhook, next, limit)
    }),
    list!(keys: items = |read, ask, next, limit| {
        keys::list(read, &ask.admin, ask.me.tenant, next, limit)
    }),
    list!(endpoints: items = |read, ask, next, limit| endpoints::list(read, &ask.me, next, limit)),
    list!(receipts: items = |read, ask, next, limit| {
        marks::receipts(read, &ask.me, ask.room, next, limit)
    }),
    list!(edits: items = |read, ask, next, limit| {
        messages::edits(read, &ask.me, (ask.room, ask.seq), next, limit)
    }),
    list!(users: rows = |read, ask, next, limit| {
        let (query, after) = (String::new(), next.map(str::to_owned));
        users::list(read, &ask.me, &Find { query, ids: None, after, limit })
    }),
];

/// Makes some of everything, as much as it can in one transaction: in one millisecond.
async fn filled(stage: &Stage) -> Ask {
    let ada = stage.person("ada").await;
    let me = Me { role: TenantRole::Owner, ..ada };
    let admin = Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address: None };
    let (lin, bob) = (stage.person("lin").await, stage.person("bob").await);
    let room = stage.group(&[&me, &lin, &bob]).await.room;
    let seq = stage.store.append(me.clone(), room, draft("tea")).await.expect("said").message.seq;
    for nth in 0..3 {
        let me = me.clone();
        let text = format!("tea {nth}");
        let changed = stage.write(move |tx| messages::edit(tx, &me, room, None, seq, &text)).await;
        changed.expect("an edit");
    }
    let (asks, by, url) = (me.clone(), admin.clone(), "https://a.example/".to_owned());
    let made = stage.write(move |tx| {
        let mut webhook = String::new();
        for nth in 0..3u8 {
            let (id, hash, text) = (key().to_string(), [nth; 32], format!("tea-{nth}"));
            let code = NewCode { id: id.clone(), hash, uses: 1, expires_at: None, room: None };
            invites::create(tx, &asks, None, &code)?;
            let facts = rooms::show(tx, &asks, room)?;
            let hook = NewRoomHook { id: id.clone(), name: text.clone(), hash };
            hooks::create(tx, &asks, None, facts.room, &hook)?;
            let opens = BotKey { id: format!("bot-{id}"), hash: [100 + nth; 32] };
            let bot = NewBot { name: text.clone(), display_name: text.clone(), key: opens };
            bots::create(tx, &by, None, &bot)?;
            let (description, secret) = (text.clone(), "sealed".to_owned());
            let (name, url) = (text.clone(), url.clone());
            let id_of = id.clone();
            let command = NewCommand {
                id: id_of,
                name,
                url: url.clone(),
                description,
                secret: secret.clone(),
            };
            commands::create(tx, &by, None, &command)?;
            let (events, rooms) = (vec![HookEvent::Message], vec![room]);
            webhook = format!("hook {id}");
            let hook = NewHook { id: webhook.clone(), url, events, rooms, secret };
            webhooks::create(tx, &by, None, &hook)?;
            let api = NewKey { id: id.clone(), name: text, scopes: vec![Scope::Read], hash };
            keys::create(tx, &by, None, asks.tenant, &api)?;
            let (host, sealed) = ("push.example".to_owned(), "sealed".to_owned());
            let browser = NewEndpoint { id: id.clone(), hash, host, sealed };
            endpoints::create(tx, &asks, None, &browser)?;
            Stage::sign_in(tx, asks.user, "hash of ada", None, &new_session(&id))?;
        }
        Ok(webhook)
    });
    let webhook = made.await.expect("some of everything");
    for _ in 0..3 {
        stage.says(&me, room, "soup").await;
    }
    Ask { me, admin, room, seq, webhook }
}

async fn one_at_a_time_it_is_the_same_list(stage: Arc<Stage>) {
    let ask = filled(&stage).await;
    for (name, list) in LISTS {
        let part = async |next: Option<String>, limit: usize| {
            let ask = ask.clone();
            stage.read(move |read| list(read, &ask, next.as_deref(), limit)).await
        };
        let (whole, next) = part(None, 100).await.expect("a list");
        assert!(whole.len() >= 3 && next.is_none(), "{name}: {whole:?}");
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let (shown, on) = part(next, 1).await.expect("a part");
            assert_eq!(shown.len(), 1, "{name} has an empty end");
            seen.extend(shown);
            next = on;
            assert!(seen.len() <= whole.len(), "{name} never ends");
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, whole, "{name}");
        let wrong = part(Some("garbage".into()), 1).await;
        assert!(matches!(wrong, Err(StoreError::Invalid("next", _))), "{name}: {wrong:?}");
    }
}
