//! The record of who did what.

use crate::cast::{Stage, new_session};
use hallway_protocol::rest::{Actor as Named, Audited};
use hallway_server::store::audit::{self, Actor, Find, Note};
use hallway_server::store::{StoreError, Tx, accounts, chores, jobs};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_line_is_written_with_its_deed_or_not_at_all,
    lines_are_found_by_tenant_actor_and_act,
    signing_in_leaves_a_line_and_failing_another,
    lines_are_forgotten_after_their_time,
);

async fn found(stage: &Stage, find: Find) -> Vec<Audited> {
    let find = Find { limit: 100, ..find };
    stage.read(move |read| audit::list(read, &find)).await.expect("a list")
}

fn acts(lines: &[Audited]) -> Vec<&str> {
    lines.iter().map(|line| line.act.as_str()).collect()
}

async fn a_line_is_written_with_its_deed_or_not_at_all(stage: Arc<Stage>) {
    let me = stage.person("ada").await;
    let refused = stage.write(move |tx| {
        audit::note(tx, &Note::by(&me, "room_deleted").on("room:7"))?;
        Err::<(), _>(StoreError::Conflict("changed my mind"))
    });
    assert!(refused.await.is_err());
    let by_act = Find { act: Some("room_deleted".into()), ..Find::default() };
    assert_eq!(found(&stage, by_act.clone()).await, []);
    let me = stage.whois("session of ada").await;
    let address = "::ffff:10.0.0.7".parse::<std::net::IpAddr>().expect("an address");
    let who = me.clone();
    let kept = stage.write(move |tx| {
        let note = Note::by(&who, "room_deleted").on("room:7").from(address);
        audit::note(tx, &note.with("reason", "empty"))
    });
    kept.await.expect("written");
    let line = found(&stage, by_act).await.pop().expect("a line");
    assert_eq!(line.actor, Some(Named::Person(me.user)));
    assert_eq!(line.target.as_deref(), Some("room:7"));
    assert_eq!(line.address.as_deref(), Some("10.0.0.7"));
    assert_eq!(line.detail["reason"], "empty");
}

async fn lines_are_found_by_tenant_actor_and_act(stage: Arc<Stage>) {
    let (ada, lin) = (stage.person("ada").await, stage.person("lin").await);
    let tenant = stage.tenant().await;
    let (me, her) = (ada.clone(), lin.clone());
    let written = stage.write(move |tx| {
        audit::note(tx, &Note::by(&me, "one"))?;
        audit::note(tx, &Note::by(&her, "one"))?;
        audit::note(tx, &Note::of(Some(tenant), Actor::Key("k1".into()), "two"))?;
        audit::note(tx, &Note::of(None, Actor::Operator, "two"))
    });
    written.await.expect("written");
    let of_tenant = Find { tenant: Some(tenant), ..Find::default() };
    let all = found(&stage, of_tenant.clone()).await;
    assert_eq!(acts(&all), ["two", "one", "one", "sign_in", "registered", "sign_in", "registered"]);
    let next = Find { before: all[1].id.parse().ok(), ..of_tenant.clone() };
    assert_eq!(found(&stage, next).await, all[2..]);
    let hers = Find { actor: Some(lin.user.to_string()), act: Some("one".into()), ..of_tenant };
    assert_eq!(found(&stage, hers).await.len(), 1);
    for actor in ["operator", "key:k1"] {
        let by = Find { actor: Some(actor.into()), ..Find::default() };
        let lines = found(&stage, by).await;
        assert_eq!(lines.len(), 1, "{actor}");
        assert_eq!(lines[0].actor, Some(Named::Other(actor.into())));
    }
    let elsewhere = Find { tenant: Some(hallway_protocol::ids::TenantId(9)), ..Find::default() };
    assert_eq!(found(&stage, elsewhere).await, []);
}

async fn signing_in_leaves_a_line_and_failing_another(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let (user, second) = (ada.user, new_session("second"));
    let wrong = second.clone();
    let refused = stage.write(move |tx| Stage::sign_in(tx, user, "other", None, &wrong)).await;
    assert!(refused.is_err());
    let tenant = Some(ada.tenant);
    let address = "10.0.0.7".parse().expect("an address");
    for login in [" ADA ", "nobody", "a\0"] {
        let failed = move |tx: &mut Tx<'_>| accounts::sign_in_failed(tx, tenant, login, address);
        stage.write(failed).await.expect("written");
    }
    let signed = move |tx: &mut Tx<'_>| Stage::sign_in(tx, user, "hash of ada", None, &second);
    stage.write(signed).await.expect("signed in");
    let lines = found(&stage, Find { tenant, ..Find::default() }).await;
    let failed = "sign_in_failed";
    assert_eq!(acts(&lines), ["sign_in", failed, failed, failed, "sign_in", "registered"]);
    assert_eq!(lines[0].target.as_deref(), Some("session:second"));
    assert_eq!((lines[0].detail["device"].as_str(), &lines[1].target), (Some("laptop"), &None));
    assert_eq!(lines[3].target, Some(format!("user:{user}")));
    assert!(lines[1..4].iter().all(|line| line.actor.is_none() && line.detail.is_empty()));
}

async fn lines_are_forgotten_after_their_time(stage: Arc<Stage>) {
    stage.person("ada").await;
    stage.write(chores::begin).await.expect("a job");
    // The first clean-up begins to count.
    for (hours, left) in [(0, 2), (399 * 24, 2), (2 * 24, 0)] {
        let set = move |tx: &mut Tx<'_>| {
            let next = (chores::hours(tx)? + hours).to_string();
            let sql = "update meta set value = $1 where name = 'hours'";
            tx.exec(sql, hallway_server::params![&next])
        };
        stage.write(set).await.expect("a count");
        stage.clock.turn(Duration::from_millis(3_600_001));
        let job = stage
            .write(|tx| jobs::lease(tx, "worker", jobs::Side::Inside, 1))
            .await
            .expect("a lease")
            .pop();
        let job = job.expect("the clean-up");
        stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
        let kept = found(&stage, Find::default()).await;
        let signed = kept.iter().filter(|line| line.act == "registered" || line.act == "sign_in");
        assert_eq!(signed.count(), left, "{kept:?}");
    }
}
