//! One value of every body that operators send or get, full and blank.

use crate::samples::body;
use hallway_protocol::ids::{RoomId, TenantId, UserId};
use hallway_protocol::rest::*;
use hallway_protocol::rows::{RoomKind, TenantRole, Visibility};
use serde_json::Map;

const AT: i64 = 1_795_165_680_123;

pub fn bodies() -> Vec<String> {
    let line = Audited {
        id: "7".into(),
        at: AT,
        act: "sign_in".into(),
        actor: Some(Actor::Person(UserId(3))),
        target: Some("session:s1".into()),
        address: Some("10.0.0.7".into()),
        detail: Map::from_iter([("device".into(), "laptop".into())]),
    };
    let operator = Some(Actor::Other("operator".into()));
    vec![
        body("audited", line.clone()),
        body("audited", Audited { actor: operator, target: None, address: None, ..line }),
    ]
    .into_iter()
    .chain(tenants())
    .chain(keys())
    .chain(operators())
    .collect()
}

fn tenants() -> Vec<String> {
    let origins = vec!["https://x.example".to_owned()];
    let flags = Map::from_iter([("beta".into(), true.into())]);
    let config = TenantConfig {
        text_max: Some(4_000),
        file_max: Some(1_000),
        quota_bytes: Some(10_000),
        requests_per_second: Some(50),
        guests: Some(Guests::Code),
        previews: Some(false),
        second_factor: true,
        act_creates_users: true,
        origins: origins.clone(),
        retention_days: Some(30),
        flags: flags.clone(),
    };
    let patch = ConfigPatch {
        text_max: Some(Some(4_000)),
        file_max: Some(None),
        quota_bytes: Some(None),
        requests_per_second: Some(None),
        guests: Some(Some(Guests::Open)),
        previews: Some(None),
        second_factor: Some(Some(true)),
        act_creates_users: Some(None),
        origins: Some(Some(origins)),
        retention_days: Some(None),
        flags: Some(Some(flags)),
    };
    let info = TenantInfo {
        tenant: TenantId(5),
        name: "tea".into(),
        title: "Tea".into(),
        registration: Some(Registration::Open),
        config,
        suspended: false,
        created_at: AT,
        owner_token: Some("t".into()),
    };
    let config = TenantConfig::default();
    let plain = TenantInfo { registration: None, config, owner_token: None, ..info.clone() };
    let new = NewTenant {
        name: "tea".into(),
        title: Some("Tea".into()),
        registration: Some(Registration::Closed),
        config: Some(patch.clone()),
    };
    let short = NewTenant { name: "tea".into(), title: None, registration: None, config: None };
    let change = TenantPatch {
        title: Some("Tea".into()),
        registration: Some(None),
        config: Some(patch),
        suspended: Some(true),
    };
    vec![
        body("tenant", info),
        body("tenant", plain),
        body("new tenant", new),
        body("new tenant", short),
        body("change tenant", change),
        body("change tenant", TenantPatch::default()),
        body("change config", ConfigPatch::default()),
    ]
}

fn keys() -> Vec<String> {
    let scopes = vec![Scope::Read, Scope::Write, Scope::Act, Scope::Admin];
    let key = ApiKey {
        id: "k1".into(),
        name: "shop".into(),
        scopes: scopes.clone(),
        created_at: AT,
        key: Some("hw_k1_s".into()),
    };
    let letter = DeadLetter {
        id: "j1".into(),
        kind: "mail".into(),
        attempts: 24,
        last_error: Some("refused".into()),
        created_at: AT,
        dead_at: AT,
    };
    let stats = Stats {
        tenants: 1,
        users: 2,
        guests: 3,
        bots: 4,
        sessions: 5,
        rooms: 6,
        messages: 7,
        connections: 8,
        jobs: 9,
        dead_letters: 10,
        uptime_ms: 11,
    };
    vec![
        body("new key", NewApiKey { name: "shop".into(), scopes }),
        body("key", key.clone()),
        body("key", ApiKey { key: None, ..key }),
        body("mint session", MintSession { device: Some("web".into()) }),
        body("mint session", MintSession::default()),
        body("dead letter", letter.clone()),
        body("dead letter", DeadLetter { last_error: None, ..letter }),
        body("stats", stats),
    ]
}

fn operators() -> Vec<String> {
    let account = Account {
        user: UserId(3),
        tenant: TenantId(5),
        name: "ada".into(),
        display_name: "Ada".into(),
        email: Some("ada@tea.example".into()),
        role: TenantRole::Owner,
        bot: false,
        guest: false,
        disabled: false,
        password: true,
        second_factor: true,
        sessions: 2,
        created_at: AT,
        seen_at: Some(AT),
        link: Some("https://tea.example/mail/reset#t".into()),
    };
    let new = NewAccount {
        tenant: Some("tea".into()),
        name: "ada".into(),
        display_name: Some("Ada".into()),
        email: Some("ada@tea.example".into()),
        password: Some("a pot of tea".into()),
        role: Some(TenantRole::Admin),
    };
    let short = NewAccount {
        tenant: None,
        display_name: None,
        email: None,
        password: None,
        role: None,
        ..new.clone()
    };
    let room = RoomInfo {
        room: RoomId(7),
        tenant: TenantId(5),
        kind: RoomKind::Channel,
        name: "kitchen".into(),
        visibility: Visibility::Public,
        archived: false,
        members: 3,
        owners: vec![UserId(3)],
        messages: 640,
        head: 812,
        created_at: AT,
    };
    let patch = AccountPatch { role: Some(TenantRole::Member), disabled: Some(true) };
    let link = PasswordLink { link: "https://tea.example/mail/reset#t".into(), expires_at: AT };
    let change = RoomChange { archived: Some(true), owner: Some(UserId(3)) };
    vec![
        body("any account", account.clone()),
        body("any account", Account { email: None, seen_at: None, link: None, ..account }),
        body("account to make", new),
        body("account to make", short),
        body("account to change", patch),
        body("account to change", AccountPatch::default()),
        body("password link", link),
        body("room info", room),
        body("room to change", change),
        body("room to change", RoomChange::default()),
    ]
}
