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

/// A keyring whose answers the test gives: each read takes the next, and says that it was asked.
#[derive(Debug)]
struct Asked {
    kept: FileSecrets,
    says: Mutex<std::sync::mpsc::Receiver<Option<Denied>>>,
    asks: mpsc::UnboundedSender<()>,
}

impl Secrets for Asked {
    fn read(&self, id: &str) -> Result<Secret, Denied> {
        let _ = self.asks.send(());
        match self.says.lock().recv() {
            Ok(Some(denied)) => Err(denied),
            Ok(None) => self.kept.read(id),
            Err(_) => Err(Denied::Missing),
        }
    }

    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied> {
        self.kept.write(id, secret)
    }

    fn delete(&self, id: &str) -> Result<(), Denied> {
        self.kept.delete(id)
    }
}

type Answers = std::sync::mpsc::Sender<Option<Denied>>;

fn asked(folder: &Path) -> (Options, Answers, mpsc::UnboundedReceiver<()>) {
    let (answers, says) = std::sync::mpsc::channel();
    let (asks, is_asked) = mpsc::unbounded_channel();
    let kept = FileSecrets::new(folder.join("key"));
    let secrets = Arc::new(Asked { kept, says: Mutex::new(says), asks });
    (Options { secrets, ..profile(folder, &["ada"]) }, answers, is_asked)
}

/// Why the account was shut, each time that was told, until it is open.
async fn until_open(feed: &mut Feed) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        for change in feed.next().await.unwrap() {
            match change {
                Change::Account { account } if account.state == AccountState::Open => return said,
                Change::Account { account } => said.extend(account.why.map(|why| why.code)),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn an_account_opens_by_itself_when_its_keyring_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (options, answers, mut is_asked) = asked(folder.path());
    let none = || Some(Denied::NoService("not started yet".into()));
    for answer in [none(), none(), none(), Some(Denied::Locked), None] {
        answers.send(answer).unwrap();
    }
    let (accounts, mut feed) = Accounts::open(options).await.unwrap();
    // It waits between its attempts; a change of the network ends a wait.
    while accounts.core("ada").is_err() {
        accounts.network_changed().await;
        tokio::task::yield_now().await;
    }
    let said = until_open(&mut feed).await;
    assert_eq!(said, ["no_keyring", "keyring_locked"], "each thing is said once");
    is_asked.close();
    let mut count = 0;
    while is_asked.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 5);
    accounts.end().await;
}

#[tokio::test]
async fn what_a_person_answers_the_keyring_late_counts() {
    tokio::time::pause();
    let folder = tempfile::tempdir().unwrap();
    let (options, answers, mut is_asked) = asked(folder.path());
    // Time stands while the keyring waits for its person, and is moved by hand.
    let passes = async {
        is_asked.recv().await.unwrap();
        tokio::time::advance(Duration::from_secs(3)).await;
    };
    let (opened, ()) = tokio::join!(Accounts::open(options), passes);
    let (accounts, mut feed) = opened.unwrap();
    assert_eq!(accounts.core("ada").unwrap_err().what(), "keyring_locked");
    tokio::time::advance(crate::secrets::PATIENCE).await;
    let told = feed.next().await.unwrap();
    let locked = |change: &Change| matches!(change, Change::Problem { code, .. } if code == "keyring_locked");
    assert!(told.iter().any(locked), "{told:?}");
    tokio::time::resume();
    answers.send(None).unwrap();
    until_open(&mut feed).await;
    assert!(accounts.core("ada").is_ok());
    accounts.end().await;
}

#[tokio::test]
async fn an_account_that_is_given_up_while_it_is_locked_is_not_opened_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (options, answers, _is_asked) = asked(folder.path());
    answers.send(Some(Denied::NoService("not started yet".into()))).unwrap();
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    accounts.sign_out("ada").await.unwrap();
    answers.send(None).unwrap();
    accounts.network_changed().await;
    assert_eq!(accounts.core("ada").unwrap_err(), Fault::not_found("account"));
    accounts.end().await;
    assert!(!options.dir.join("accounts/ada").exists());
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

#[tokio::test]
async fn reading_takes_away_the_mark_that_was_set_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let options = profile(folder.path(), &["ada"]);
    let path = options.dir.join("accounts/ada/store.db");
    let key = crate::store::StoreKey([7; 32]);
    let mut store = crate::store::Store::open(&path, &key, "ada", Some(UserId(3))).unwrap();
    let mine = serde_json::json!({"t": "mine", "room": 7, "state": "joined", "head": 4, "read": 4,
        "unread_mark": true, "rev": 1});
    let rows = vec![serde_json::from_value(mine).unwrap()];
    let news = crate::notify::News::Quiet;
    store.commit(&[crate::apply::Write::Rows { rows, news }], 0).unwrap();
    drop(store);
    let (accounts, _feed) = Accounts::open(options).await.unwrap();
    let core = accounts.core("ada").unwrap();
    let room = hallway_protocol::ids::RoomId(7);
    assert!(core.room(room).await.unwrap().unwrap().unread_mark);
    core.read(room, Some(4)).await.unwrap();
    assert!(!core.room(room).await.unwrap().unwrap().unread_mark);
    accounts.end().await;
}
