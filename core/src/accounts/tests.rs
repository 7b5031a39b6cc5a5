//! Accounts whose store or key is in trouble.

use super::*;
use crate::secrets::{Denied, FileSecrets};
use hallway_kit::Clock;
use std::path::Path;

/// A profile with these accounts, as an earlier run left it; there is no server.
fn profile(folder: &Path, ids: &[&str]) -> Options {
    let secrets = FileSecrets::new(folder.join("key"));
    for (n, id) in ids.iter().enumerate() {
        let secret = Secret {
            key: "07".repeat(32),
            refresh_token: "r".into(),
            server: format!("http://127.0.0.1:{}", n + 1),
            name: (*id).into(),
            user: UserId(3),
        };
        secrets.write(id, &secret).unwrap();
        std::fs::create_dir_all(folder.join("profile/accounts").join(id)).unwrap();
    }
    Options {
        dir: folder.join("profile"),
        secrets: Arc::new(secrets),
        device: "test".into(),
        clock: Clock::system(),
    }
}

fn take_store_away(options: &Options, id: &str) {
    let store = options.dir.join("accounts").join(id).join("store.db");
    std::fs::rename(&store, store.with_extension("away")).unwrap();
}

#[tokio::test]
async fn an_account_that_cannot_be_read_keeps_no_other_off_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada", "bob"]);
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    take_store_away(&options, "ada");
    let listed = accounts.accounts().await.unwrap();
    let stands: Vec<_> =
        listed.iter().map(|account| (account.name.as_str(), account.state)).collect();
    assert_eq!(stands, [("ada", AccountState::Locked), ("bob", AccountState::Open)]);
    assert!(listed[0].why.is_some() && listed[1].why.is_none());
    let told = accounts.snapshot().await.unwrap();
    let of = |id: &str| {
        told.iter().any(|change| matches!(change, Change::Account { account } if account.id == id))
    };
    assert!(of("ada") && of("bob"), "{told:?}");
    accounts.end().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_says_why_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada"]);
    let store = options.dir.join("accounts/ada/store.db");
    std::fs::create_dir(&store).unwrap();
    let (accounts, _feed) = Accounts::open(options).await.unwrap();
    let why = accounts.accounts().await.unwrap()[0].why.clone().unwrap();
    assert_eq!(why.code, "broken", "{why:?}");
    assert_eq!(accounts.core("ada").unwrap_err().what(), "broken");
    std::fs::remove_dir(store).unwrap();
    accounts.unlock("ada").await.unwrap();
    assert_eq!(accounts.accounts().await.unwrap()[0].why, None);
    accounts.end().await;
}

#[tokio::test]
async fn who_is_thrown_out_leaves_nothing_though_the_store_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada"]);
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    take_store_away(&options, "ada");
    accounts.ended("ada", Over::ThrownOut).await;
    assert_eq!(options.secrets.read("ada"), Err(Denied::Missing));
    assert!(!options.dir.join("accounts/ada").exists());
    accounts.end().await;
}

#[tokio::test]
async fn an_account_that_was_given_up_says_why_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada"]);
    let (accounts, _feed) = Accounts::open(options).await.unwrap();
    accounts.ended("ada", Over::Broken).await;
    assert_eq!(accounts.core("ada").unwrap_err().what(), "core_broken");
    accounts.unlock("ada").await.unwrap();
    assert_eq!(accounts.accounts().await.unwrap()[0].state, AccountState::Open);
    accounts.end().await;
}

#[tokio::test]
async fn erasing_that_was_cut_short_is_done_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada", "bob"]);
    let gone = options.dir.join("accounts/ada");
    profile::mark_gone(&gone).unwrap();
    std::fs::write(gone.join("store.db"), "of hers").unwrap();
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    let listed = accounts.accounts().await.unwrap();
    assert_eq!(listed.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), ["bob"]);
    accounts.end().await;
    assert_eq!(options.secrets.read("ada"), Err(Denied::Missing));
    assert!(!gone.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_profile_is_closed_to_others_whatever_it_was_before() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada"]);
    std::fs::set_permissions(&options.dir, PermissionsExt::from_mode(0o755)).unwrap();
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    let mode = |path: &str| {
        std::fs::metadata(options.dir.join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("lock"), mode("accounts")), (0o700, 0o600, 0o700));
    assert_eq!(mode("accounts/ada/store.db"), 0o600);
    accounts.end().await;
}
