//! Accounts, sessions, invites, profiles.

use crate::cast::{Stage, derive, draft, key, new_session, newcomer};
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::{ProfilePatch, Registration};
use hallway_protocol::rows::{Row, TenantRole};
use hallway_server::store::invites::NewCode;
use hallway_server::store::sessions::{Presented, Refresh};
use hallway_server::store::users::Find;
use hallway_server::store::{
    Event, Needs, StoreError, accounts, invites, members, rooms, sessions, tenants, users,
};
use std::sync::Arc;

contract!(
    the_owner_token_makes_one_owner,
    names_are_taken_whatever_their_case,
    an_invite_opens_as_often_as_it_says,
    an_invite_may_lead_into_a_room,
    who_has_no_invite_stays_out,
    signing_in_needs_the_password_that_was_compared,
    a_refresh_gives_the_same_successor_until_it_is_used,
    a_token_left_behind_ends_the_session,
    an_access_token_seen_spends_the_refresh_token_before_it,
    a_new_password_ends_the_other_sessions,
    a_session_of_somebody_else_is_not_there,
    a_zero_in_an_id_names_nothing,
    a_profile_reaches_its_own_log_and_the_others,
    people_are_found_by_part_of_a_name,
    a_closed_account_frees_its_name,
);

async fn the_owner_token_makes_one_owner(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    stage.write(move |tx| tenants::set_owner_token(tx, tenant, &[7; 32])).await.expect("a token");
    let mut asked = Vec::new();
    for name in ["ada", "eve"] {
        let mut new = newcomer(name);
        new.invite = Some([7; 32]);
        let needs = Needs::tenant(tenant);
        asked.push(
            stage
                .store
                .write(needs, move |tx| accounts::register(tx, tenant, Registration::Closed, &new)),
        );
    }
    let mut owners = 0;
    for asked in asked {
        match asked.await {
            Ok(user) => {
                assert_eq!(user.role, Some(TenantRole::Owner));
                owners += 1;
            }
            Err(StoreError::Invalid("invite", _) | StoreError::Forbidden(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(owners, 1);
    assert_eq!(stage.read(move |read| tenants::owners(read, tenant)).await.expect("a count"), 1);
}

async fn names_are_taken_whatever_their_case(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    stage.person("straße").await;
    let new = newcomer("STRASSE");
    let refused =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Open, &new)).await;
    assert!(matches!(refused, Err(StoreError::Taken("name"))), "{refused:?}");
    // At the same time, on whatever lanes: one of them has it.
    let asked: Vec<_> = (0..8)
        .map(|i| {
            let mut new = newcomer("lin");
            new.session = new_session(&format!("lin {i}"));
            stage.store.write(Needs::person(UserId(i)), move |tx| {
                accounts::register(tx, tenant, Registration::Open, &new)
            })
        })
        .collect();
    let mut made = 0;
    for asked in asked {
        match asked.await {
            Ok(_) => made += 1,
            Err(StoreError::Taken("name")) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 1);
}

async fn an_invite_opens_as_often_as_it_says(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let mut ada = stage.person("ada").await;
    let code = |uses, expires_at| NewCode {
        id: "first".into(),
        hash: [1; 32],
        uses,
        expires_at,
        room: None,
    };
    let (me, new) = (ada.clone(), code(2, None));
    let refused = stage.write(move |tx| invites::create(tx, &me, None, &new)).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
    ada.role = TenantRole::Admin;
    let once = key();
    for again in [false, true] {
        let (me, new, once) = (ada.clone(), code(2, None), once.clone());
        let made = stage.write(move |tx| invites::create(tx, &me, Some(&once), &new)).await;
        let made = made.expect("an invite");
        assert_eq!((made.again, made.answer.uses_left), (again, 2));
    }
    for (name, opens) in [("lin", true), ("bob", true), ("eve", false)] {
        let mut new = newcomer(name);
        new.invite = Some([1; 32]);
        let done =
            stage.write(move |tx| accounts::register(tx, tenant, Registration::Invite, &new)).await;
        assert_eq!(done.is_ok(), opens, "{name}: {done:?}");
    }
    let (me, mut new) = (ada.clone(), code(5, Some(stage.clock.now() - 1)));
    (new.id, new.hash) = ("late".into(), [2; 32]);
    stage.write(move |tx| invites::create(tx, &me, None, &new)).await.expect("an invite");
    let mut late = newcomer("eve");
    late.invite = Some([2; 32]);
    let refused =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Invite, &late)).await;
    assert!(matches!(refused, Err(StoreError::Invalid("invite", _))), "{refused:?}");
    let me = ada.clone();
    let list = stage.read(move |read| invites::list(read, &me, None, 50)).await;
    assert_eq!(list.expect("a list").items, []);
    let me = ada.clone();
    stage.write(move |tx| invites::destroy(tx, &me, "late")).await.expect("an end");
    let gone = stage.write(move |tx| invites::destroy(tx, &ada, "late")).await;
    assert!(matches!(gone, Err(StoreError::NotFound("invite"))));
}

async fn an_invite_may_lead_into_a_room(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let mut ada = stage.person("ada").await;
    ada.role = TenantRole::Admin;
    let room = stage.group(&[&ada]).await.room;
    let me = ada.clone();
    let new =
        NewCode { id: "x".into(), hash: [1; 32], uses: 1, expires_at: None, room: Some(room) };
    stage.write(move |tx| invites::create(tx, &me, None, &new)).await.expect("an invite");
    let mut lin = newcomer("lin");
    lin.invite = Some([1; 32]);
    let lin =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Invite, &lin)).await;
    let lin = lin.expect("an account").user;
    let list = stage.read(move |read| members::list(read, &ada, room, None, 50)).await;
    let rows = list.expect("a list").rows;
    assert!(rows.iter().any(|row| matches!(row, Row::Member(m) if m.user == lin)), "{rows:?}");
    assert_eq!(stage.heard(room), [1, 2]);
    // user 1, session 2, mine 3
    assert_eq!(stage.heard_own(lin).last(), Some(&(2, 3)));
}

async fn who_has_no_invite_stays_out(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let cases = [
        (Registration::Invite, None, "invite"),
        (Registration::Invite, Some([9; 32]), "invite"),
        (Registration::Open, Some([9; 32]), "invite"),
    ];
    for (registration, invite, field) in cases {
        let mut new = newcomer("eve");
        new.invite = invite;
        let refused =
            stage.write(move |tx| accounts::register(tx, tenant, registration, &new)).await;
        let Err(StoreError::Invalid(f, _)) = refused else { panic!("{refused:?}") };
        assert_eq!(f, field);
    }
    let new = newcomer("eve");
    let refused =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Closed, &new)).await;
    assert!(matches!(refused, Err(StoreError::Forbidden(_))), "{refused:?}");
}

async fn signing_in_needs_the_password_that_was_compared(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let ada = stage.person("ada").await;
    let found = stage.read(move |read| accounts::credentials(read, tenant, "ADA")).await;
    let found = found.expect("an answer").expect("an account");
    assert_eq!((found.user, found.password.as_deref()), (ada.user, Some("hash of ada")));
    let nobody = stage.read(move |read| accounts::credentials(read, tenant, "eve")).await;
    assert_eq!(nobody.expect("an answer"), None);
    let user = ada.user;
    let second = new_session("second");
    let done = stage
        .write(move |tx| Stage::sign_in(tx, user, "hash of ada", Some("stronger"), &second))
        .await;
    assert_eq!(done.expect("a sign-in").user, user);
    let third = new_session("third");
    let refused =
        stage.write(move |tx| Stage::sign_in(tx, user, "hash of ada", None, &third)).await;
    assert!(matches!(refused, Err(StoreError::WrongCredentials)), "{refused:?}");
    let listed = stage.read(move |read| sessions::list(read, &ada, None, 50)).await;
    let listed = listed.expect("a list").rows;
    assert_eq!(listed.len(), 2);
    let current = |row: &&Row| matches!(row, Row::Session(session) if session.current);
    assert_eq!(listed.iter().filter(current).count(), 1);
}

fn presented(generation: i64) -> Presented {
    let family = "family of session of ada";
    let hash = derive(family, generation);
    Presented { session: "session of ada".into(), generation, hash, address: None }
}

async fn refreshed(stage: &Stage, generation: i64) -> hallway_server::store::Result<Refresh> {
    let token = presented(generation);
    stage.write(move |tx| sessions::refresh(tx, &token, &derive)).await
}

fn given(refresh: &Refresh) -> Option<i64> {
    match refresh {
        Refresh::Given { generation, .. } => Some(*generation),
        Refresh::Reused { .. } => None,
    }
}

async fn a_refresh_gives_the_same_successor_until_it_is_used(stage: Arc<Stage>) {
    stage.person("ada").await;
    for (presented, expected) in [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3)] {
        let done = refreshed(&stage, presented).await.expect("a refresh");
        assert_eq!(given(&done), Some(expected));
    }
    let mut forged = presented(3);
    forged.hash[0] ^= 1;
    let refused = stage.write(move |tx| sessions::refresh(tx, &forged, &derive)).await;
    assert!(matches!(refused, Err(StoreError::SignedOut)), "{refused:?}");
    assert_eq!(given(&refreshed(&stage, 3).await.expect("still alive")), Some(4));
    // One of ours that we know nothing of was given out before a backup was restored.
    let mut forged = presented(9);
    forged.hash[0] ^= 1;
    let refused = stage.write(move |tx| sessions::refresh(tx, &forged, &derive)).await;
    assert!(matches!(refused, Err(StoreError::SignedOut)), "{refused:?}");
    assert_eq!(given(&refreshed(&stage, 9).await.expect("still alive")), Some(10));
}

async fn a_token_left_behind_ends_the_session(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    for generation in [0, 1] {
        refreshed(&stage, generation).await.expect("a refresh");
    }
    let mut forged = presented(0);
    forged.hash[5] ^= 1;
    let refused = stage.write(move |tx| sessions::refresh(tx, &forged, &derive)).await;
    assert!(matches!(refused, Err(StoreError::SignedOut)), "a guess ends nothing");
    let reused = refreshed(&stage, 0).await.expect("an end");
    assert_eq!(reused, Refresh::Reused { user: ada.user });
    assert!(matches!(refreshed(&stage, 1).await, Err(StoreError::SignedOut)));
    let session = ada.session.clone();
    let gone = stage.read(move |read| sessions::whois(read, &session)).await;
    assert_eq!(gone.expect("an answer"), None);
    let ended = Event::Ended { user: ada.user, sessions: vec![ada.session], thrown: false };
    assert!(stage.events.lock().contains(&ended));
}

async fn an_access_token_seen_spends_the_refresh_token_before_it(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    refreshed(&stage, 0).await.expect("a refresh");
    let me = ada.clone();
    stage.write(move |tx| sessions::used(tx, &me, 1, &derive)).await.expect("noted");
    let me = ada.clone();
    // Not the next one: nothing happens.
    stage.write(move |tx| sessions::used(tx, &me, 5, &derive)).await.expect("noted");
    assert_eq!(given(&refreshed(&stage, 1).await.expect("a refresh")), Some(2));
    assert_eq!(refreshed(&stage, 0).await.expect("an end"), Refresh::Reused { user: ada.user });
}

async fn a_new_password_ends_the_other_sessions(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let (user, second) = (ada.user, new_session("second"));
    stage
        .write(move |tx| Stage::sign_in(tx, user, "hash of ada", None, &second))
        .await
        .expect("a second device");
    let me = ada.clone();
    let wrong = stage.write(move |tx| accounts::change_password(tx, &me, "other", "new")).await;
    assert!(matches!(wrong, Err(StoreError::WrongCredentials)));
    let me = ada.clone();
    stage
        .write(move |tx| accounts::change_password(tx, &me, "hash of ada", "new"))
        .await
        .expect("a change");
    let me = ada.clone();
    let left = stage.read(move |read| sessions::list(read, &me, None, 50)).await;
    let left = left.expect("a list").rows;
    assert!(matches!(&left[..], [Row::Session(session)] if session.current), "{left:?}");
    let ended = Event::Ended { user: ada.user, sessions: vec!["second".into()], thrown: true };
    assert!(stage.events.lock().contains(&ended));
    let now = stage.read(move |read| accounts::own_credentials(read, &ada)).await;
    assert_eq!(now.expect("an answer").password.as_deref(), Some("new"));
}

async fn a_session_of_somebody_else_is_not_there(stage: Arc<Stage>) {
    let (ada, eve) = (stage.person("ada").await, stage.person("eve").await);
    let session = ada.session.clone();
    let refused = stage.write(move |tx| sessions::end(tx, &eve, &session)).await;
    assert!(matches!(refused, Err(StoreError::NotFound("session"))));
    let (me, session) = (ada.clone(), ada.session.clone());
    stage.write(move |tx| sessions::end(tx, &me, &session)).await.expect("signed out");
    let ended = Event::Ended { user: ada.user, sessions: vec![ada.session.clone()], thrown: false };
    assert!(stage.events.lock().contains(&ended));
    // user 1, session 2, its end 3
    assert_eq!(stage.heard_own(ada.user).last(), Some(&(2, 3)));
}

/// PostgreSQL takes no U+0000 in a text; what is looked for by one is not there.
async fn a_zero_in_an_id_names_nothing(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let refused = stage.write(move |tx| sessions::end(tx, &ada, "a\0")).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    let ada = stage.person("lin").await;
    let find = Find { query: "a\0".into(), limit: 50, ..Find::default() };
    assert_eq!(
        stage.read(move |read| users::list(read, &ada, &find)).await.expect("a list").rows,
        []
    );
}

async fn a_profile_reaches_its_own_log_and_the_others(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let patch = ProfilePatch { status: Some("tea".into()), ..ProfilePatch::default() };
    let once = key();
    for again in [false, true] {
        let (me, patch, once) = (ada.clone(), patch.clone(), once.clone());
        let done = stage.write(move |tx| users::update(tx, &me, Some(&once), &patch)).await;
        let done = done.expect("a change");
        assert_eq!((done.again, done.answer.status.as_str()), (again, "tea"));
        assert_eq!(done.answer.role, Some(TenantRole::Member));
    }
    assert_eq!(stage.heard_own(ada.user).last(), Some(&(2, 3)));
    let shown = {
        let events = stage.events.lock();
        let changed = events.iter().filter_map(|event| match event {
            Event::User { row: Row::User(row), .. } => Some(row.clone()),
            _ => None,
        });
        changed.collect::<Vec<_>>()
    };
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].role, shown[0].rev), (None, 3));
    let taken = ProfilePatch { name: Some("Lin".into()), ..ProfilePatch::default() };
    let me = ada.clone();
    let refused = stage.write(move |tx| users::update(tx, &me, None, &taken)).await;
    assert!(matches!(refused, Err(StoreError::Taken("name"))));
    let (me, other) = (lin, ada.user);
    let seen = stage.read(move |read| users::show(read, &me, other)).await.expect("a person");
    assert_eq!((seen.name.as_str(), seen.role), ("ada", None));
}

async fn people_are_found_by_part_of_a_name(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    for name in ["Adalbert", "lin_%", "bob"] {
        stage.person(name).await;
    }
    let cases = [("ADA", 2), ("_", 1), ("%", 1), ("", 4), ("nobody", 0)];
    for (query, count) in cases {
        let find = Find { query: query.into(), limit: 50, ..Find::default() };
        let me = ada.clone();
        let found = stage.read(move |read| users::list(read, &me, &find)).await.expect("a list");
        assert_eq!(found.rows.len(), count, "{query}");
        assert_eq!(found.next, None);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let find = Find { after, limit: 2, ..Find::default() };
        let me = ada.clone();
        let found = stage.read(move |read| users::list(read, &me, &find)).await.expect("a list");
        seen.extend(found.rows);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 4);
    let find = Find { ids: Some(vec![ada.user, UserId(1)]), ..Find::default() };
    let found = stage.read(move |read| users::list(read, &ada, &find)).await.expect("a list");
    assert_eq!(found.rows.len(), 1);
}

async fn a_closed_account_frees_its_name(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let room = stage.group(&[&lin, &ada]).await.room;
    stage.says(&ada, room, "still here").await;
    let me = ada.clone();
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("an end");
    let (me, other) = (lin.clone(), ada.user);
    let gone = stage.read(move |read| users::show(read, &me, other)).await.expect("a row");
    assert!(gone.deleted && gone.name.is_empty() && gone.display_name.is_empty());
    let session = ada.session.clone();
    let whois = stage.read(move |read| sessions::whois(read, &session)).await;
    assert_eq!(whois.expect("an answer"), None);
    let refused = stage.store.append(ada.clone(), room, draft("from beyond")).await;
    assert!(refused.is_ok() || matches!(refused, Err(StoreError::NotFound("room"))));
    let tenant = stage.tenant().await;
    let mut again = newcomer("ada");
    again.session = new_session("the next ada");
    let next =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Open, &again)).await;
    assert_ne!(next.expect("the name is free").user, ada.user);
    let shown = stage.read(move |read| rooms::show(read, &lin, room)).await;
    assert_eq!(shown.expect("the room stays").room, room);
}
