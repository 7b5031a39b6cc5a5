//! Tenants: made, changed, erased.

use crate::cast::{Stage, factor, key};
use crate::messages::{edit, react};
use hallway_protocol::rest::{
    ConfigPatch, HookEvent, NewReminder, NewReport, NewSaved, NewScheduled, TenantConfig,
    TenantPatch,
};
use hallway_server::access::Admin;
use hallway_server::params;
use hallway_server::search::Feeder;
use hallway_server::store::audit::Actor;
use hallway_server::store::jobs::Side;
use hallway_server::store::tenants::NewTenant;
use hallway_server::store::{
    Event, StoreError, alerts, bans, chores, commands, deletions, endpoints, erase, hooks, invites,
    jobs, mails, members, ops, previews, reminders, reports, saved, scheduled, storage, tenants,
    totp, webhooks,
};
use std::collections::BTreeMap;
use std::sync::Arc;

contract!(
    a_change_is_told_as_it_is_now_and_once,
    who_runs_one_tenant_runs_no_other,
    every_table_says_how_it_goes_with_its_tenant,
    an_erased_tenant_leaves_nothing_and_takes_nothing_of_another,
);

/// Tables in which nothing is one tenant's.
const NOBODYS: [&str; 7] =
    ["strays", "meta", "migrations", "tenants", "deeds", "sqlite_sequence", "words_search"];

fn operator() -> Admin {
    Admin { actor: Actor::Operator, tenant: None, address: None }
}

fn new(name: &str) -> NewTenant {
    NewTenant {
        name: name.into(),
        title: name.to_uppercase(),
        registration: None,
        config: TenantConfig { text_max: Some(7), ..TenantConfig::default() },
        owner_hash: [7; 32],
    }
}

async fn a_change_is_told_as_it_is_now_and_once(stage: Arc<Stage>) {
    let once = key();
    let made = async || {
        let once = once.clone();
        stage.write(move |tx| tenants::found(tx, &operator(), Some(&once), &new("tea"))).await
    };
    let first = made().await.expect("a tenant");
    let again = made().await.expect("the same");
    assert_eq!((first.again, again.again, &again.answer), (false, true, &first.answer));
    assert_eq!(first.answer.config.text_max, Some(7));
    let id = first.answer.id;
    let config = ConfigPatch { text_max: Some(None), ..ConfigPatch::default() };
    let patch = TenantPatch { config: Some(config), ..TenantPatch::default() };
    let change = async || {
        let patch = patch.clone();
        stage.write(move |tx| tenants::update(tx, &operator(), None, id, &patch)).await
    };
    let changed = change().await.expect("a change").answer;
    assert_eq!((changed.config.text_max, changed.rev), (None, first.answer.rev + 1));
    assert_eq!(change().await.expect("no change").answer, changed, "nothing changed, no number");
    let told = stage.events.lock().iter().filter(|event| matches!(event, Event::Tenant(_))).count();
    assert_eq!(told, 2);
    assert!(stage.events.lock().contains(&Event::Tenant(Box::new(changed))));
}

async fn who_runs_one_tenant_runs_no_other(stage: Arc<Stage>) {
    let tea = stage.write(|tx| tenants::create(tx, "tea", "Tea")).await.expect("a tenant").id;
    let milk = stage.write(|tx| tenants::create(tx, "milk", "Milk")).await.expect("a tenant").id;
    let owner = Admin { tenant: Some(tea), ..operator() };
    let patch = TenantPatch { title: Some("mine".into()), ..TenantPatch::default() };
    for (of, allowed) in [(tea, true), (milk, false)] {
        let (owner, patch) = (owner.clone(), patch.clone());
        let said = stage.write(move |tx| tenants::update(tx, &owner, None, of, &patch)).await;
        assert_eq!(said.is_ok(), allowed, "{said:?}");
    }
    let who = owner.clone();
    let refused = stage.write(move |tx| tenants::destroy(tx, &who, None, milk)).await;
    assert!(matches!(refused, Err(StoreError::NotFound("tenant"))), "{refused:?}");
    let who = owner.clone();
    let refused = stage.write(move |tx| tenants::found(tx, &who, None, &new("third"))).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    let all = stage.read(move |read| tenants::list(read, &owner, Default::default(), 50)).await;
    assert_eq!(all.expect("a list").iter().map(|one| one.id).collect::<Vec<_>>(), [tea]);
}

/// The tables there are. Those of SQLite's search keep their parts in tables of their own.
async fn tables(stage: &Stage) -> Vec<String> {
    let sql = match &stage.place {
        hallway_server::store::Place::Sqlite(_) => {
            "select m.name from sqlite_master m where m.type = 'table' and not exists
                (select v.name from sqlite_master v where v.sql like 'create virtual%'
                    and m.name like v.name || '\\_%' escape '\\') order by m.name"
        }
        hallway_server::store::Place::Postgres(_) => {
            "select cast(table_name as text) from information_schema.tables
             where table_schema = current_schema() order by 1"
        }
    };
    stage.read(move |read| read.all(sql, &[], |row| row.get(0))).await.expect("tables")
}

async fn every_table_says_how_it_goes_with_its_tenant(stage: Arc<Stage>) {
    let tables = tables(&stage).await;
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        let named = erase::STEPS.iter().any(|(of, _)| of == table);
        assert!(
            named != NOBODYS.contains(&table.as_str()),
            "store/erase.rs does not say how {table} goes with its tenant"
        );
    }
    for (table, sql) in erase::STEPS {
        assert!(tables.iter().any(|one| one == table), "there is no {table}");
        assert!(sql.starts_with(&format!("delete from {table} where ")), "{sql}");
    }
}

/// How many rows each table has, but for what tells of the erasing itself.
async fn rows(stage: &Stage) -> BTreeMap<String, i64> {
    let mut rows = BTreeMap::new();
    for (table, _) in erase::STEPS {
        let sql: &'static str = match *table {
            "audit" => "select count(*) from audit where tenant is not null",
            "jobs" => "select count(*) from jobs where tenant is not null",
            table => format!("select count(*) from {table}").leak(),
        };
        let count = stage.read(move |read| read.number(sql, &[])).await.expect("a count");
        rows.insert((*table).to_owned(), count);
    }
    rows
}

async fn furnish(stage: &Stage, name: &str) -> hallway_protocol::ids::TenantId {
    let named = name.to_owned();
    let made = stage.write(move |tx| tenants::create(tx, &named, "Some")).await.expect("a tenant");
    let ada = stage.person_of(made.id, &format!("ada-{name}")).await;
    let lin = stage.person_of(made.id, &format!("lin-{name}")).await;
    let room = stage.group(&[&ada, &lin]).await.room;
    let said = stage.says(&ada, room, "tea?").await;
    for n in 0..600 {
        stage.says(&ada, room, &format!("line {n}")).await;
    }
    let asked = format!("coffee, @lin-{name}?");
    edit(stage, &ada, room, said.seq, &asked).await.expect("an edit");
    react(stage, &lin, room, said.seq, "👍", true).await.expect("a reaction");
    let (me, id) = (ada.clone(), name.to_owned());
    let kept = stage.write(move |tx| {
        storage::put(tx, &me, Some(&key()), "theme", "\"red\"")?;
        ops::keep(tx, &me, Some(&key()), "test", "", None)?;
        let hash = [u8::try_from(id.len()).unwrap_or(0); 32];
        let new = invites::NewCode { id: id.clone(), hash, uses: 1, expires_at: None, room: None };
        tx.exec("update users set role = 2 where id = $1", params![me.user])?;
        let owner = hallway_server::store::Me {
            role: hallway_protocol::rows::TenantRole::Owner,
            ..me.clone()
        };
        invites::create(tx, &owner, None, &new)?;
        let whom = bans::Whom::Address("192.0.2.7".parse().expect("an address"));
        let (until, reason, from) = (None, "spam".to_owned(), None);
        let ban = bans::NewBan { id: id.clone(), whom, until, reason: reason.clone(), from };
        bans::create(tx, &owner, None, &ban)?;
        let report = NewReport { room, seq: said.seq, reason };
        reports::create(tx, &me, None, &report)?;
        saved::create(tx, &me, None, &NewSaved { room, seq: said.seq })?;
        let (text, at) = ("later".to_owned(), tx.now() + 60_000);
        let (reply, thread, files) = (Some(said.seq), None, Vec::new());
        let wanted = alerts::Alerts { zone: "UTC".into(), ..alerts::Alerts::default() };
        alerts::set(tx, &me, None, &["tea".to_owned()], &wanted)?;
        let new = NewReminder { room, seq: said.seq, at: tx.now() + 60_000 };
        reminders::create(tx, &me, None, &new)?;
        let (hash, host, sealed) = ([7; 32], "push.example".to_owned(), "x".to_owned());
        let new = endpoints::NewEndpoint { id: id.clone(), hash, host, sealed };
        endpoints::create(tx, &me, None, &new)?;
        scheduled::create(
            tx,
            &me,
            &NewScheduled { key: key(), room, text, at, reply, thread, files },
        )?;
        let admin = Admin { actor: Actor::Person(me.user), tenant: Some(me.tenant), address: None };
        let (url, secret) = ("https://a.example/".to_owned(), "sealed".to_owned());
        let (events, rooms) = (vec![HookEvent::Delete], vec![room]);
        let command = commands::NewCommand {
            id: id.clone(),
            name: "tea".into(),
            url: "https://a.example/".into(),
            description: String::new(),
            secret: "sealed".into(),
        };
        commands::create(tx, &admin, None, &command)?;
        commands::begin(tx, &me, room, &key(), (&id, "green"), false)?;
        let page = previews::Said { title: Some("Tea".into()), ..previews::Said::default() };
        previews::keep(tx, me.tenant, &hash, &page, None, 60_000)?;
        let named = hooks::NewHook {
            id: id.clone(),
            name: "builds".into(),
            hash: hallway_server::tokens::digest(&id),
        };
        hooks::create(tx, &me, None, room, &named)?;
        let hook = webhooks::NewHook { id: id.clone(), url, events, rooms, secret };
        webhooks::create(tx, &admin, None, &hook)?;
        deletions::create(tx, &me, room, None, said.seq + 1, None)?;
        tx.exec("insert into bases (room, epoch, base) values ($1, 'before', 3)", params![room])?;
        tx.exec(
            "insert into externals (tenant, name, person) values ($1, 'theirs', $2)",
            params![me.tenant, me.user],
        )?;
        tx.exec(
            "insert into keys (id, tenant, name, scopes, hash, made_by, created_at)
             values ($1, $2, 'shop', 'read', $3, 'operator', 0)",
            params![&id, me.tenant, &hash],
        )?;
        crate::oidc::everything(tx, &me, hash)?;
        totp::offer(tx, &me, None, "sealed")?;
        totp::confirm(tx, &me, None, &factor(Some("1")), &[hash])?.expect("the code is right");
        let slip = mails::Slip { id: id.clone(), hash };
        mails::forgot(tx, me.tenant, "nobody@example.org", &slip)?;
        tx.exec(
            "insert into media (id, tenant, person, state, name, type, size, sha256, place, parts,
                created_at)
             values ($1, $2, $3, 'ready', 'a', 'a/b', 1, $4, $1, 0, 0)",
            params![&id, me.tenant, me.user, &hash],
        )?;
        tx.exec("insert into told (notice, person, n) values ($1, $2, 1)", params![&id, me.user])?;
        tx.exec(
            "insert into attachments (media, room, seq) values ($1, $2, $3)",
            params![&id, room, said.seq],
        )?;
        tx.exec(
            "insert into scheduled_files (scheduled, place, media)
             select id, 0, $1 from scheduled where person = $2",
            params![&id, me.user],
        )?;
        jobs::enqueue(tx, Some(me.tenant), jobs::Kind::EraseRoom, "0", None)
    });
    kept.await.expect("kept");
    Feeder::default().catch_up(&stage.store, &ada, None).await.expect("fed");
    let me = ada.clone();
    stage.write(move |tx| members::leave(tx, &me, None, room)).await.expect("gone");
    made.id
}

async fn an_erased_tenant_leaves_nothing_and_takes_nothing_of_another(stage: Arc<Stage>) {
    furnish(&stage, "milk").await;
    let before = rows(&stage).await;
    let tea = furnish(&stage, "teapot").await;
    let full = rows(&stage).await;
    for (table, rows) in &full {
        assert!(rows > &before[table], "nothing was put into {table}");
    }
    let suspend = TenantPatch { suspended: Some(true), ..TenantPatch::default() };
    let ended = stage.write(move |tx| {
        assert!(matches!(
            tenants::destroy(tx, &operator(), None, tea),
            Err(StoreError::Conflict(_))
        ));
        tenants::update(tx, &operator(), None, tea, &suspend)?;
        tenants::destroy(tx, &operator(), None, tea)
    });
    ended.await.expect("an end");
    for _ in 0..50 {
        let lent = stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await;
        for job in lent.expect("a lease").into_iter().filter(|job| job.target == tea.to_string()) {
            stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
        }
    }
    assert_eq!(rows(&stage).await, before);
    let sql = "select count(*) from tenants where id = $1";
    let left = stage.read(move |read| read.number(sql, params![tea])).await;
    assert_eq!(left.expect("a count"), 0);
}
