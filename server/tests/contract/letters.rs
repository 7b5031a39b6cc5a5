//! Dead letters, figures and keys, for whoever runs a server or a tenant.

use crate::cast::{Stage, key};
use hallway_protocol::ids::TenantId;
use hallway_protocol::rest::Scope;
use hallway_server::access::Admin;
use hallway_server::store::audit::Actor;
use hallway_server::store::jobs::{Kind, Side};
use hallway_server::store::keys::{self, Known, NewKey, Who};
use hallway_server::store::letters::Find;
use hallway_server::store::{Event, StoreError, Tx, jobs, letters};
use std::sync::Arc;

contract!(
    dead_letters_are_those_of_what_one_runs,
    a_key_is_known_until_it_is_removed,
    a_person_is_brought_once_by_the_name_a_backend_has_for_them,
);

fn runs(tenant: Option<TenantId>) -> Admin {
    Admin { actor: Actor::Operator, tenant, address: None }
}

async fn list(stage: &Stage, of: Option<TenantId>, find: Find) -> Vec<String> {
    let found = stage.read(move |read| letters::list(read, &runs(of), &find)).await;
    found.expect("a list").into_iter().map(|one| one.id).collect()
}

async fn dead_letters_are_those_of_what_one_runs(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    for of in [Some(tenant), Some(tenant), None] {
        stage
            .write(move |tx| jobs::enqueue(tx, of, Kind::LeaveRooms, "1", None))
            .await
            .expect("one");
    }
    let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await.expect("a lease");
    assert_eq!(lent.len(), 3);
    for job in &lent {
        let job = job.clone();
        stage.write(move |tx| jobs::give_up(tx, &job, "never")).await.expect("noted");
    }
    let page = |limit, after| Find { kind: None, after, limit };
    let all = list(&stage, None, page(10, None)).await;
    assert_eq!(all.len(), 3);
    let own = list(&stage, Some(tenant), page(10, None)).await;
    assert_eq!(own.len(), 2);
    assert_eq!(list(&stage, Some(TenantId(9)), page(10, None)).await.len(), 0);
    let kind = Find { kind: Some("leave-rooms".into()), ..page(10, None) };
    assert_eq!(list(&stage, None, kind).await.len(), 3);
    let find = page(1, None);
    let first = stage.read(move |read| letters::list(read, &runs(None), &find)).await;
    let first = first.expect("a list").remove(0);
    assert_eq!(first.last_error.as_deref(), Some("never"));
    let rest = list(&stage, None, page(10, Some((first.dead_at, first.id.clone())))).await;
    assert_eq!(rest, all[1..]);
    // The server's own is not a tenant's to try.
    let hidden = lent.iter().find(|job| job.tenant.is_none()).expect("one").id.clone();
    let owner = runs(Some(tenant));
    let id = hidden.clone();
    let refused = stage.write(move |tx| letters::retry(tx, &owner, None, &id)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    let (once, id) = (key(), own[0].clone());
    for again in [false, true] {
        let (once, id) = (once.clone(), id.clone());
        let tried =
            stage.write(move |tx| letters::retry(tx, &runs(Some(tenant)), Some(&once), &id));
        assert_eq!(tried.await.expect("tried").again, again);
    }
    let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await.expect("a lease");
    assert_eq!((lent.len(), lent[0].attempts, &lent[0].id), (1, 1, &id));
    stage.write(move |tx| letters::destroy(tx, &runs(None), None, &hidden)).await.expect("gone");
    assert_eq!(list(&stage, None, page(10, None)).await.len(), 1);
    let stats = stage.read(move |read| letters::stats(read, &runs(Some(tenant)))).await;
    let stats = stats.expect("figures");
    assert_eq!((stats.tenants, stats.jobs, stats.dead_letters, stats.messages), (1, 1, 1, 0));
}

async fn a_key_is_known_until_it_is_removed(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let new = NewKey {
        id: "k1".into(),
        name: "shop".into(),
        scopes: vec![Scope::Act, Scope::Read],
        hash: [7; 32],
    };
    let once = key();
    for again in [false, true] {
        let (new, once) = (new.clone(), once.clone());
        let made =
            stage.write(move |tx| keys::create(tx, &runs(Some(tenant)), Some(&once), tenant, &new));
        assert_eq!(made.await.expect("a key").again, again);
    }
    let known = stage.read(|read| keys::known(read, "k1")).await.expect("an answer").expect("one");
    assert_eq!((known.hash, known.tenant), ([7; 32], tenant));
    assert_eq!(known.scopes, [Scope::Read, Scope::Act]);
    let other = runs(Some(TenantId(9)));
    let refused = stage.write(move |tx| keys::destroy(tx, &other, None, tenant, "k1")).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    let gone = move |tx: &mut Tx<'_>| keys::destroy(tx, &runs(Some(tenant)), None, tenant, "k1");
    stage.write(gone).await.expect("gone");
    assert!(stage.events.lock().contains(&Event::KeyEnded { key: "k1".into() }));
    assert_eq!(stage.read(|read| keys::known(read, "k1")).await.expect("an answer"), None);
    let again = stage.write(gone).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
}

async fn a_person_is_brought_once_by_the_name_a_backend_has_for_them(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let known =
        Known { id: "k1".into(), tenant, scopes: vec![Scope::Act], hash: [7; 32], person: None };
    // All at once, and on whichever lane: it is one person.
    let brings = (0..8).map(|_| {
        let known = known.clone();
        stage.write(move |tx| keys::bring(tx, &known, "cust 7"))
    });
    let mut users = Vec::new();
    for brought in futures_util::future::join_all(brings).await {
        match brought {
            Ok(me) => users.push(me.user),
            Err(StoreError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
    }
    users.dedup();
    assert_eq!(users.len(), 1);
    let find = |who: Who| stage.read(move |read| keys::person(read, tenant, "k1", &who));
    let me = find(Who::Theirs("cust 7".into())).await.expect("an answer").expect("somebody");
    assert_eq!((me.user, me.session.as_str()), (users[0], format!("key:k1:{}", users[0]).as_str()));
    assert_eq!(find(Who::Ours(users[0])).await.expect("an answer"), Some(me));
    for nobody in [Who::Ours(hallway_protocol::ids::UserId(7)), Who::Theirs("cust 8".into())] {
        assert_eq!(find(nobody).await.expect("an answer"), None);
    }
}
