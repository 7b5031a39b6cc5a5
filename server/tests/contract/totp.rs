//! The second factor: when a code counts, on whichever lane it comes, and what is remembered of it.

use crate::cast::{Stage, factor, key, new_session};
use hallway_protocol::ids::UserId;
use hallway_server::params;
use hallway_server::store::audit::{self, Actor, Find};
use hallway_server::store::totp::{self, Wrong};
use hallway_server::store::{Me, StoreError, accounts, mails, users};
use std::sync::Arc;
use std::time::Duration;

contract!(
    nothing_is_asked_for_before_a_code_was_shown,
    a_code_is_good_once_however_many_come_with_it_at_once,
    a_code_on_paper_is_good_once_and_new_ones_replace_the_old,
    after_wrong_codes_no_code_is_looked_at_for_a_while,
    off_needs_the_password_that_was_compared_or_the_factor,
    an_operator_takes_it_from_who_lost_it,
    nothing_of_it_stays_with_a_closed_account,
);

const PAPER: [[u8; 32]; 2] = [paper("one"), paper("two")];

const fn paper(code: &str) -> [u8; 32] {
    let (mut hash, mut at) = ([0; 32], 0);
    while at < code.len() {
        hash[at] = code.as_bytes()[at];
        at += 1;
    }
    hash
}

/// Turns it on with the code of step 10.
async fn turns_on(stage: &Stage, me: &Me) {
    let (offered, shown) = (me.clone(), me.clone());
    stage.write(move |tx| totp::offer(tx, &offered, None, "sealed")).await.expect("an offer");
    let on = stage.write(move |tx| totp::confirm(tx, &shown, None, &factor(Some("10")), &PAPER));
    on.await.expect("an answer").expect("the code is right");
}

/// Signs in with the password and this; what is wrong with it.
async fn signs_in(stage: &Stage, user: UserId, code: Option<&str>) -> Option<Wrong> {
    let (factor, session) = (factor(code), new_session(&key().to_string()));
    let seen = "hash of ada";
    let signed =
        stage.write(move |tx| accounts::sign_in(tx, user, seen, None, &session, &factor)).await;
    signed.expect("the password is right").err()
}

async fn acts(stage: &Stage, act: &str) -> usize {
    let find = Find { act: Some(act.into()), limit: 100, ..Find::default() };
    stage.read(move |read| audit::list(read, &find)).await.expect("a list").len()
}

/// How many sessions somebody has.
async fn devices(stage: &Stage, me: &Me) -> usize {
    let me = me.clone();
    let found = stage.read(move |read| hallway_server::store::sessions::list(read, &me, None, 50));
    found.await.expect("a list").rows.len()
}

async fn has(stage: &Stage, user: UserId) -> bool {
    stage.read(move |read| users::own_row(read, user)).await.expect("a row").second_factor
}

async fn nothing_is_asked_for_before_a_code_was_shown(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    let me = ada.clone();
    let early = stage.write(move |tx| totp::confirm(tx, &me, None, &factor(Some("10")), &PAPER));
    assert!(matches!(early.await, Err(StoreError::Conflict(_))));
    let (me, once) = (ada.clone(), key());
    for again in [false, true] {
        let (me, once) = (me.clone(), once.clone());
        let offered = stage.write(move |tx| totp::offer(tx, &me, Some(&once), "sealed")).await;
        assert_eq!(offered.expect("an offer").again, again);
    }
    assert_eq!(signs_in(&stage, ada.user, None).await, None);
    let me = ada.clone();
    let wrong = stage.write(move |tx| totp::confirm(tx, &me, None, &factor(Some("x")), &PAPER));
    assert_eq!(wrong.await.expect("an answer").err(), Some(Wrong::Code));
    assert!(!has(&stage, ada.user).await);
    let (me, once) = (ada.clone(), key());
    for again in [false, true] {
        let (me, once) = (me.clone(), once.clone());
        let on = stage
            .write(move |tx| totp::confirm(tx, &me, Some(&once), &factor(Some("10")), &PAPER))
            .await;
        assert_eq!(on.expect("an answer").expect("the code is right").again, again);
    }
    assert!(has(&stage, ada.user).await);
    let me = ada.clone();
    let other = stage.write(move |tx| totp::offer(tx, &me, None, "another")).await;
    assert!(matches!(other, Err(StoreError::Conflict(_))), "a session alone replaces no factor");
    assert_eq!(signs_in(&stage, ada.user, None).await, Some(Wrong::Missing));
    assert_eq!(signs_in(&stage, ada.user, Some("11")).await, None);
    assert_eq!((acts(&stage, "second_factor_on").await, devices(&stage, &ada).await), (1, 3));
}

async fn a_code_is_good_once_however_many_come_with_it_at_once(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    turns_on(&stage, &ada).await;
    assert_eq!(signs_in(&stage, ada.user, Some("10")).await, Some(Wrong::Code), "it turned it on");
    let all = (0..8).map(|_| signs_in(&stage, ada.user, Some("11")));
    let all = futures_util::future::join_all(all).await;
    assert_eq!(all.iter().filter(|wrong| wrong.is_none()).count(), 1, "{all:?}");
    stage.clock.turn(Duration::from_secs(3_601));
    assert_eq!(signs_in(&stage, ada.user, Some("9")).await, Some(Wrong::Code), "older than used");
}

async fn a_code_on_paper_is_good_once_and_new_ones_replace_the_old(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    turns_on(&stage, &ada).await;
    assert_eq!(signs_in(&stage, ada.user, Some("one")).await, None);
    assert_eq!(signs_in(&stage, ada.user, Some("one")).await, Some(Wrong::Code));
    assert_eq!(acts(&stage, "recovery_used").await, 1);
    let me = ada.clone();
    let renewed =
        stage.write(move |tx| totp::confirm(tx, &me, None, &factor(Some("11")), &[paper("new")]));
    renewed.await.expect("an answer").expect("the code is right");
    assert_eq!(acts(&stage, "recovery_renewed").await, 1);
    assert_eq!(signs_in(&stage, ada.user, Some("two")).await, Some(Wrong::Code));
    assert_eq!(signs_in(&stage, ada.user, Some("new")).await, None);
    let bob = stage.person("bob").await;
    let mine = stage.read(move |read| {
        let sql = "select count(*) from recovery where person = $1";
        read.number(sql, params![bob.user])
    });
    assert_eq!(mine.await.expect("a number"), 0);
}

async fn after_wrong_codes_no_code_is_looked_at_for_a_while(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    turns_on(&stage, &ada).await;
    for _ in 0..5 {
        assert_eq!(signs_in(&stage, ada.user, Some("7")).await, Some(Wrong::Code));
    }
    assert_eq!(signs_in(&stage, ada.user, Some("11")).await, Some(Wrong::Code), "the same answer");
    stage.clock.turn(Duration::from_secs(61));
    assert_eq!(signs_in(&stage, ada.user, Some("7")).await, Some(Wrong::Code));
    stage.clock.turn(Duration::from_secs(61));
    assert_eq!(signs_in(&stage, ada.user, Some("11")).await, Some(Wrong::Code), "it doubles");
    assert_eq!(signs_in(&stage, ada.user, Some("one")).await, None, "who has paper comes in");
    assert_eq!(signs_in(&stage, ada.user, Some("11")).await, None, "and that ends the wait");
    for _ in 0..4 {
        assert_eq!(signs_in(&stage, ada.user, Some("7")).await, Some(Wrong::Code));
    }
    assert_eq!(signs_in(&stage, ada.user, Some("12")).await, None, "a right one begins anew");
    assert_eq!(acts(&stage, "second_factor_failed").await, 12);
}

async fn off_needs_the_password_that_was_compared_or_the_factor(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    turns_on(&stage, &ada).await;
    for seen in [Some("another hash"), None] {
        let me = ada.clone();
        let refused =
            stage.write(move |tx| totp::destroy(tx, &me, None, seen, &factor(Some("11")))).await;
        assert!(matches!(refused, Err(StoreError::WrongCredentials)), "{refused:?}");
    }
    let seen = Some("hash of ada");
    let (me, once) = (ada.clone(), key());
    for again in [false, true] {
        let (me, once) = (me.clone(), once.clone());
        let off =
            stage.write(move |tx| totp::destroy(tx, &me, Some(&once), seen, &factor(None))).await;
        assert_eq!(off.expect("an answer").expect("off").again, again);
    }
    assert!(!has(&stage, ada.user).await);
    assert_eq!(signs_in(&stage, ada.user, None).await, None);
    // An account without a password has nothing but the factor to show.
    turns_on(&stage, &ada).await;
    let (user, me) = (ada.user, ada.clone());
    let sql = "update users set password = null where id = $1";
    stage.write(move |tx| tx.exec(sql, params![user])).await.expect("done");
    for (code, expected) in [(None, Some(Wrong::Missing)), (Some("9"), Some(Wrong::Code))] {
        let (me, given) = (me.clone(), factor(code));
        let off = stage.write(move |tx| totp::destroy(tx, &me, None, None, &given)).await;
        assert_eq!(off.expect("an answer").err(), expected);
    }
    let off = stage.write(move |tx| totp::destroy(tx, &me, None, None, &factor(Some("11")))).await;
    off.expect("an answer").expect("off");
    assert!(!has(&stage, user).await);
}

async fn an_operator_takes_it_from_who_lost_it(stage: Arc<Stage>) {
    let ada = stage.person("ada").await;
    turns_on(&stage, &ada).await;
    let user = ada.user;
    for was in [true, false] {
        let done = stage.write(move |tx| totp::remove(tx, Actor::Operator, user, true)).await;
        assert_eq!(done.expect("an answer"), was);
    }
    assert_eq!(acts(&stage, "second_factor_off").await, 1);
    assert_eq!(signs_in(&stage, user, None).await, None);
    let nobody = stage.write(|tx| totp::remove(tx, Actor::Operator, UserId(4711), true)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
}

async fn nothing_of_it_stays_with_a_closed_account(stage: Arc<Stage>) {
    stage.person("ada").await;
    let bob = stage.person("bob").await;
    turns_on(&stage, &bob).await;
    let (me, user) = (bob.clone(), bob.user);
    let waits = stage.read(move |read| mails::waits(read, user)).await;
    assert!(!waits.expect("an answer"));
    stage.write(move |tx| accounts::close(tx, &me)).await.expect("closed");
    for sql in ["select count(*) from totp", "select count(*) from recovery"] {
        let left = stage.read(move |read| read.number(sql, &[])).await;
        assert_eq!(left.expect("a number"), 0, "{sql}");
    }
}
