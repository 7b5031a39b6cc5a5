//! Sign-in with a provider: what is good once and for how long, and who somebody is.

use crate::cast::{Stage, factor, key, new_session};
use hallway_protocol::ids::{TenantId, UserId};
use hallway_protocol::rows::User;
use hallway_server::params;
use hallway_server::store::jobs::Side;
use hallway_server::store::oidc::{self, Begun, Come, Presented, Proven, Terms};
use hallway_server::store::totp::Wrong;
use hallway_server::store::{Me, Result, StoreError, Tx, chores, jobs, tenants};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_state_is_spent_once_in_its_browser_and_in_time,
    a_code_is_good_once_however_many_come_with_it_at_once,
    somebody_is_who_the_issuer_calls_so_in_one_tenant,
    a_stranger_takes_nobodys_name_and_nobodys_address,
    two_first_visits_at_once_are_one_person,
    an_account_is_linked_to_one_and_by_its_own_password,
    what_nobody_came_back_for_is_forgotten,
);

/// A row of each table.
pub fn everything(tx: &mut Tx<'_>, me: &Me, hash: [u8; 32]) -> Result<()> {
    oidc::begin(tx, me.tenant, &begun(hash))?;
    oidc::keep(tx, me.tenant, &hash, &come("somebody"))?;
    tx.exec(
        "insert into identities (tenant, issuer, subject, person, linked_at)
         values ($1, 'https://id.example', 'u-0', $2, 0)",
        params![me.tenant, me.user],
    )?;
    Ok(())
}

fn begun(hash: [u8; 32]) -> Begun {
    Begun { hash, browser: [9; 32], device: "desk".into(), challenge: Some([7; 32]) }
}

fn come(subject: &str) -> Come {
    Come {
        issuer: "https://id.example".into(),
        subject: subject.into(),
        email: Some(format!("{subject}@example.org")),
        name: Some("Ada Two".into()),
        wanted: Some("ada".into()),
        device: "desk".into(),
        challenge: None,
    }
}

fn presented(n: u8) -> Presented {
    Presented { hash: [n; 32], verifier: None }
}

type Signed = Result<std::result::Result<User, Wrong>>;

async fn exchanges(stage: &Stage, tenant: TenantId, presented: Presented, open: bool) -> Signed {
    let terms = Terms { registers: open, language: "de".into(), mail: true };
    let (factor, session) = (factor(None), new_session(&key().to_string()));
    let sign =
        move |tx: &mut Tx<'_>| oidc::session(tx, tenant, &presented, &terms, &session, &factor);
    stage.write(sign).await
}

/// Comes by the provider with code `n`; who they are here.
async fn comes(stage: &Stage, tenant: TenantId, n: u8, come: Come) -> Signed {
    stage.write(move |tx| oidc::keep(tx, tenant, &[n; 32], &come)).await.expect("kept");
    exchanges(stage, tenant, presented(n), true).await
}

async fn user(stage: &Stage, tenant: TenantId, n: u8, come: Come) -> User {
    comes(stage, tenant, n, come).await.expect("an answer").expect("no second factor")
}

fn no_code(signed: &Signed) -> bool {
    matches!(signed, Err(StoreError::Invalid("code", _)))
}

async fn a_state_is_spent_once_in_its_browser_and_in_time(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    for n in [1, 2] {
        stage.write(move |tx| oidc::begin(tx, tenant, &begun([n; 32]))).await.expect("begun");
    }
    let back = async |tenant, state: u8, browser: u8| {
        let back = stage.write(move |tx| oidc::returned(tx, tenant, [state; 32], [browser; 32]));
        back.await.expect("an answer")
    };
    assert_eq!(back(tenant, 1, 8).await, None, "another browser");
    assert_eq!(back(TenantId(tenant.0 + 1), 1, 9).await, None, "another tenant");
    assert_eq!(back(tenant, 3, 9).await, None, "another state");
    assert_eq!(back(tenant, 1, 9).await, Some(begun([1; 32])));
    assert_eq!(back(tenant, 1, 9).await, None, "twice");
    stage.clock.turn(Duration::from_secs(600));
    assert_eq!(back(tenant, 2, 9).await, None, "too late");
}

async fn a_code_is_good_once_however_many_come_with_it_at_once(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let ada = user(&stage, tenant, 1, come("u-1")).await;
    stage.write(move |tx| oidc::keep(tx, tenant, &[2; 32], &come("u-1"))).await.expect("kept");
    let all = (0..8).map(|_| exchanges(&stage, tenant, presented(2), false));
    let all = futures_util::future::join_all(all).await;
    let (right, wrong): (Vec<_>, Vec<_>) = all.into_iter().partition(std::result::Result::is_ok);
    assert!(right.len() == 1 && wrong.iter().all(no_code), "{right:?} {wrong:?}");
    let sql = "select count(*) from sessions where person = $1";
    let sessions = stage.read(move |read| read.number(sql, params![ada.user])).await;
    assert_eq!(sessions.expect("a number"), 2);
    let bound = Come { challenge: Some([7; 32]), ..come("u-1") };
    stage.write(move |tx| oidc::keep(tx, tenant, &[3; 32], &bound)).await.expect("kept");
    assert!(no_code(&exchanges(&stage, tenant, presented(3), true).await), "no verifier");
    let with = |verifier| Presented { verifier: Some(verifier), ..presented(3) };
    assert!(no_code(&exchanges(&stage, tenant, with([6; 32]), true).await), "another verifier");
    exchanges(&stage, tenant, with([7; 32]), true).await.expect("an answer").expect("in");
    stage.write(move |tx| oidc::keep(tx, tenant, &[4; 32], &come("u-1"))).await.expect("kept");
    stage.clock.turn(Duration::from_secs(60));
    assert!(no_code(&exchanges(&stage, tenant, presented(4), true).await), "too late");
}

async fn somebody_is_who_the_issuer_calls_so_in_one_tenant(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let other = stage.write(|tx| tenants::create(tx, "tea", "Tea")).await.expect("a tenant").id;
    let ada = user(&stage, tenant, 1, come("u-1")).await;
    let same = Come { email: None, name: None, wanted: Some("eve".into()), ..come("u-1") };
    assert_eq!(user(&stage, tenant, 2, same).await.user, ada.user);
    let elsewhere = Come { issuer: "https://other.example".into(), email: None, ..come("u-1") };
    assert_ne!(user(&stage, tenant, 3, elsewhere).await.user, ada.user);
    let twin = user(&stage, other, 4, come("u-1")).await;
    assert_ne!(twin.user, ada.user);
    stage.write(move |tx| oidc::keep(tx, other, &[5; 32], &come("u-1"))).await.expect("kept");
    assert!(no_code(&exchanges(&stage, tenant, presented(5), true).await), "of another tenant");
}

async fn a_stranger_takes_nobodys_name_and_nobodys_address(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let ada = stage.person("ada").await;
    stage.write(move |tx| oidc::keep(tx, tenant, &[1; 32], &come("u-1"))).await.expect("kept");
    let closed = exchanges(&stage, tenant, presented(1), false).await;
    assert!(matches!(closed, Err(StoreError::Forbidden(_))), "{closed:?}");
    let two = exchanges(&stage, tenant, presented(1), true).await.expect("an answer").expect("in");
    assert!(two.name.starts_with("ada-") && two.user != ada.user, "{two:?}");
    assert_eq!(
        (two.email.as_deref(), two.language.as_deref()),
        (Some("u-1@example.org"), Some("de"))
    );
    let thief = Come { email: Some("U-1@Example.org".into()), ..come("u-2") };
    let refused = comes(&stage, tenant, 2, thief).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let odd =
        Come { wanted: Some("  ".into()), name: Some("💥".into()), email: None, ..come("u-3") };
    assert_eq!(user(&stage, tenant, 3, odd).await.name, "person");
}

async fn two_first_visits_at_once_are_one_person(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let visits = (1..=4).map(|n| comes(&stage, tenant, n, Come { email: None, ..come("u-1") }));
    let visits = futures_util::future::join_all(visits).await;
    let mut people: Vec<UserId> = Vec::new();
    for (n, signed) in visits.into_iter().enumerate() {
        let code = presented(u8::try_from(n + 1).expect("few"));
        // Who was beaten to it asks again with the same code.
        let signed = match signed {
            Err(StoreError::Busy) => exchanges(&stage, tenant, code, true).await,
            signed => signed,
        };
        people.push(signed.expect("an answer").expect("in").user);
    }
    people.dedup();
    assert_eq!(people.len(), 1, "{people:?}");
}

async fn an_account_is_linked_to_one_and_by_its_own_password(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let (ada, bob) = (stage.person("ada").await, stage.person("bob").await);
    let link = async |me: &Me, n: u8, subject: &str, seen: &'static str| {
        let (me, come) = (me.clone(), come(subject));
        let linked = stage.write(move |tx| {
            oidc::keep(tx, tenant, &[n; 32], &come)?;
            let from = "192.0.2.7".parse().expect("an address");
            let by = Proven { seen: seen.into(), from, mail: false };
            oidc::link(tx, &me, None, &presented(n), &by)
        });
        linked.await.map(|_| ())
    };
    let refused = link(&ada, 1, "u-1", "another hash").await;
    assert!(matches!(refused, Err(StoreError::WrongCredentials)), "{refused:?}");
    link(&ada, 1, "u-1", "hash of ada").await.expect("linked");
    link(&ada, 2, "u-1", "hash of ada").await.expect("linked already");
    for (me, n, subject, seen) in [(&bob, 3, "u-1", "hash of bob"), (&ada, 4, "u-2", "hash of ada")]
    {
        let refused = link(me, n, subject, seen).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(user(&stage, tenant, 5, come("u-1")).await.user, ada.user);
}

async fn what_nobody_came_back_for_is_forgotten(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let me = ada.clone();
    stage.write(move |tx| everything(tx, &me, [1; 32])).await.expect("rows");
    stage.clock.turn(Duration::from_secs(3_601));
    stage.write(chores::begin).await.expect("a clean-up");
    let lent = stage.write(|tx| jobs::lease(tx, "worker", Side::Inside, 1)).await;
    let job = lent.expect("a lease").pop().expect("the clean-up");
    stage.write(move |tx| chores::run(tx, &job)).await.expect("done");
    for (sql, left) in [
        ("select count(*) from oidc_states", 0),
        ("select count(*) from oidc_codes", 0),
        ("select count(*) from identities", 1),
    ] {
        let found = stage.read(move |read| read.number(sql, &[])).await;
        assert_eq!(found.expect("a number"), left, "{sql}");
    }
}
