//! Mails and their links: one purpose, once, for an hour; and whose address it becomes.

use crate::cast::{Stage, key, newcomer};
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::Registration;
use hallway_server::params;
use hallway_server::store::mails::{self, Kind, Mail, Slip};
use hallway_server::store::{
    Me, Result, StoreError, Tx, accounts, chores, invites, jobs, links, users,
};
use std::sync::Arc;
use std::time::Duration;

contract!(
    a_link_has_one_purpose_and_is_good_once,
    a_link_is_good_for_an_hour,
    several_may_wait_for_an_address_and_one_gets_it,
    whose_address_it_is_hears_of_others_who_want_it,
    what_is_asked_for_an_unknown_address_is_a_row_to_nobody,
    a_new_address_makes_links_to_the_old_one_worthless,
    nobody_who_waits_takes_the_invite_back,
    an_account_nobody_verifies_is_closed_in_time,
    what_was_sent_is_forgotten,
);

fn slip(n: u8) -> Slip {
    Slip { id: format!("mail {n}"), hash: [n; 32] }
}

/// Somebody who is written to with slip `n`.
async fn waits(stage: &Stage, name: &str, email: &str, n: u8) -> UserId {
    let tenant = stage.tenant().await;
    let mut new = newcomer(name);
    (new.email, new.slip) = (Some(email.into()), Some(slip(n)));
    let made = stage.write(move |tx| accounts::register(tx, tenant, Registration::Open, &new));
    made.await.expect("an account").user
}

async fn verify(stage: &Stage, n: u8) -> Result<()> {
    stage.write(move |tx| links::verify(tx, None, &[n; 32], None)).await.map(|_| ())
}

/// Mails that are on their way, oldest first: kind and address.
async fn mails(stage: &Stage) -> Vec<(Kind, String)> {
    let ids = stage.read(|read| {
        let sql = "select target from jobs where kind = 'mail' order by created_at, id";
        read.all(sql, &[], |row| row.get::<String>(0))
    });
    let mut found: Vec<Mail> = Vec::new();
    for id in ids.await.expect("a list") {
        found.extend(stage.read(move |read| mails::load(read, &id)).await.expect("an answer"));
    }
    let kind = |mail: &Mail| mail.kind.expect("a kind");
    let mut found: Vec<_> = found.iter().map(|mail| (kind(mail), mail.address.clone())).collect();
    found.sort_by_key(|(kind, address)| (kind.text(), address.clone()));
    found
}

fn no_token(done: &Result<()>) -> bool {
    matches!(done, Err(StoreError::Invalid("token", _)))
}

async fn me(stage: &Stage, user: UserId) -> Me {
    let (tenant, session) = (stage.tenant().await, String::new());
    Me { tenant, user, role: Default::default(), guest: false, session }
}

async fn a_link_has_one_purpose_and_is_good_once(stage: Arc<Stage>) {
    let lin = waits(&stage, "lin", "Lin@example.org", 1).await;
    assert!(stage.read(move |read| mails::waits(read, lin)).await.expect("an answer"));
    assert_eq!(mails(&stage).await, [(Kind::Verify, "Lin@example.org".into())]);
    let reset = stage.write(|tx| links::reset(tx, None, &[1; 32], "hash", None)).await.map(|_| ());
    assert!(no_token(&reset), "{reset:?}");
    let once = key();
    for again in [false, true] {
        let once = once.clone();
        let done = stage.write(move |tx| links::verify(tx, Some(&once), &[1; 32], None)).await;
        assert_eq!(done.expect("verified").again, again);
    }
    assert!(no_token(&verify(&stage, 1).await));
    assert!(!stage.read(move |read| mails::waits(read, lin)).await.expect("an answer"));
    let tenant = stage.tenant().await;
    let found =
        stage.read(move |read| accounts::credentials(read, tenant, "lin@example.ORG")).await;
    assert_eq!(found.expect("an answer").map(|found| found.user), Some(lin));
    // A session of nobody verified was not made; one of a new password ends with it.
    let asked = stage.write(move |tx| mails::forgot(tx, tenant, "lin@example.org", &slip(2)));
    asked.await.expect("asked");
    assert!(no_token(&verify(&stage, 2).await), "a link to a password verifies nothing");
    let hash = "new hash";
    stage
        .write(move |tx| links::reset(tx, None, &[2; 32], hash, None))
        .await
        .expect("a new password");
    let again =
        stage.write(move |tx| links::reset(tx, None, &[2; 32], hash, None)).await.map(|_| ());
    assert!(no_token(&again), "{again:?}");
    let found = stage.read(move |read| accounts::credentials(read, tenant, "lin")).await;
    assert_eq!(found.expect("an answer").and_then(|found| found.password), Some(hash.into()));
}

async fn a_link_is_good_for_an_hour(stage: Arc<Stage>) {
    waits(&stage, "lin", "lin@example.org", 1).await;
    stage.clock.turn(Duration::from_millis(u64::try_from(mails::LINK).expect("a time")));
    assert!(no_token(&verify(&stage, 1).await));
    let opens = stage.read(|read| links::opens(read, Kind::Verify, &[1; 32])).await;
    assert!(no_token(&opens));
}

async fn several_may_wait_for_an_address_and_one_gets_it(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    for (name, n) in [("eve", 1), ("lin", 2)] {
        waits(&stage, name, "lin@example.org", n).await;
    }
    let slips = [slip(3), slip(4), slip(5)];
    let asked = stage.write(move |tx| mails::resend(tx, tenant, "LIN@example.org", &slips)).await;
    asked.expect("asked");
    assert_eq!(mails(&stage).await.len(), 4, "each that waits, and no more");
    verify(&stage, 2).await.expect("hers");
    for n in [1, 3, 4] {
        let late = verify(&stage, n).await;
        assert!(no_token(&late) || matches!(late, Err(StoreError::Taken("email"))), "{late:?}");
    }
}

async fn whose_address_it_is_hears_of_others_who_want_it(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    waits(&stage, "lin", "lin@example.org", 1).await;
    verify(&stage, 1).await.expect("hers");
    let eve = waits(&stage, "eve", "lin@example.org", 2).await;
    let bob = stage.person("bob").await;
    let slips = [slip(4), slip(5), slip(6)];
    let wants = stage.write(move |tx| {
        mails::change_address(tx, &bob, "lin@example.org", Some(&slip(3)), None)?;
        mails::resend(tx, tenant, "lin@example.org", &slips)
    });
    wants.await.expect("asked");
    let known = (Kind::Known, "lin@example.org".to_owned());
    assert_eq!(mails(&stage).await, [known.clone(), known], "the first link is used up");
    for n in 2..7 {
        assert!(no_token(&verify(&stage, n).await), "{n}");
    }
    assert!(stage.read(move |read| mails::waits(read, eve)).await.expect("an answer"));
}

async fn what_is_asked_for_an_unknown_address_is_a_row_to_nobody(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let slips = [slip(2), slip(3), slip(4)];
    let asked = stage.write(move |tx| {
        mails::forgot(tx, tenant, "nobody@example.org", &slip(1))?;
        mails::resend(tx, tenant, "nobody@example.org", &slips)
    });
    asked.await.expect("asked");
    let rows = stage.read(|read| read.number("select count(*) from mails", &[])).await;
    assert_eq!(rows.expect("a count"), 2);
    assert_eq!(mails(&stage).await, [], "and is to nobody");
    assert!(no_token(&verify(&stage, 2).await));
}

async fn a_new_address_makes_links_to_the_old_one_worthless(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let lin = waits(&stage, "lin", "lin@example.org", 1).await;
    verify(&stage, 1).await.expect("hers");
    let asked = stage.write(move |tx| mails::forgot(tx, tenant, "lin@example.org", &slip(2)));
    asked.await.expect("asked");
    let lin = me(&stage, lin).await;
    let mine = lin.clone();
    let moved = move |tx: &mut Tx<'_>| {
        mails::change_address(tx, &mine, "first@example.org", Some(&slip(3)), None)?;
        mails::change_address(tx, &mine, "second@example.org", Some(&slip(4)), None)
    };
    stage.write(moved).await.expect("asked");
    assert!(no_token(&verify(&stage, 3).await));
    verify(&stage, 4).await.expect("hers");
    let reset = stage.write(|tx| links::reset(tx, None, &[2; 32], "hash", None)).await.map(|_| ());
    assert!(no_token(&reset), "it lies in a mailbox that is not hers any more");
    let told: Vec<_> = mails(&stage).await.into_iter().filter(|m| m.0 == Kind::Address).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let row = stage.read(move |read| users::own_row(read, lin.user)).await.expect("a row");
    assert_eq!((row.email.as_deref(), row.email_next), (Some("second@example.org"), None));
}

async fn nobody_who_waits_takes_the_invite_back(stage: Arc<Stage>) {
    let tenant = stage.tenant().await;
    let mut ada = stage.person("ada").await;
    ada.role = hallway_protocol::rows::TenantRole::Admin;
    let code =
        invites::NewCode { id: "x".into(), hash: [9; 32], uses: 1, expires_at: None, room: None };
    stage.write(move |tx| invites::create(tx, &ada, None, &code)).await.expect("an invite");
    for (name, comes) in [("lin", true), ("eve", false)] {
        let mut new = newcomer(name);
        (new.email, new.slip) = (Some(format!("{name}@example.org")), Some(slip(1)));
        new.invite = Some([9; 32]);
        let made =
            stage.write(move |tx| accounts::register(tx, tenant, Registration::Invite, &new)).await;
        assert_eq!(made.is_ok(), comes, "{made:?}");
    }
    let mut new = newcomer("bob");
    new.slip = Some(slip(2));
    let made =
        stage.write(move |tx| accounts::register(tx, tenant, Registration::Open, &new)).await;
    assert!(matches!(made, Err(StoreError::Invalid("email", _))), "{made:?}");
}

/// Does the store's own work, with the server's hours moved on by so many.
async fn clean_up(stage: &Stage, hours: i64) {
    let set = move |tx: &mut Tx<'_>| {
        let next = (chores::hours(tx)? + hours).to_string();
        tx.exec("update meta set value = $1 where name = 'hours'", params![&next])?;
        chores::begin(tx)
    };
    stage.write(set).await.expect("a count");
    stage.clock.turn(Duration::from_millis(3_600_001));
    let side = jobs::Side::Inside;
    let lent = stage.write(move |tx| jobs::lease(tx, "one", side, 10)).await.expect("a lease");
    for job in lent {
        stage.write(move |tx| chores::run(tx, &job)).await.expect("a step");
    }
}

async fn an_account_nobody_verifies_is_closed_in_time(stage: Arc<Stage>) {
    clean_up(&stage, 0).await;
    waits(&stage, "lin", "lin@example.org", 1).await;
    clean_up(&stage, mails::UNVERIFIED).await;
    assert!(stage.read(|read| users::own_row(read, UserId(1))).await.is_err());
    waits(&stage, "eve", "eve@example.org", 2).await;
    clean_up(&stage, 1).await;
    // The name and the address are free again.
    let tenant = stage.tenant().await;
    let found = stage.read(move |read| accounts::credentials(read, tenant, "lin")).await;
    assert_eq!(found.expect("an answer"), None);
    let found = stage.read(move |read| accounts::credentials(read, tenant, "eve")).await;
    assert!(found.expect("an answer").is_some(), "she has time yet");
    waits(&stage, "lin", "lin@example.org", 3).await;
}

async fn what_was_sent_is_forgotten(stage: Arc<Stage>) {
    let lin = waits(&stage, "lin", "lin@example.org", 1).await;
    verify(&stage, 1).await.expect("hers");
    let count = async || {
        let found = stage.read(|read| read.number("select count(*) from mails", &[])).await;
        found.expect("a count")
    };
    assert_eq!(count().await, 1);
    for _ in 0..3 {
        clean_up(&stage, 1).await;
    }
    assert_eq!(count().await, 0);
    let tenant = stage.tenant().await;
    let asked = stage.write(move |tx| mails::forgot(tx, tenant, "lin@example.org", &slip(2)));
    asked.await.expect("asked");
    let lin = me(&stage, lin).await;
    stage.write(move |tx| accounts::close(tx, &lin)).await.expect("closed");
    assert_eq!(count().await, 0, "a closed account leaves no address behind");
}
