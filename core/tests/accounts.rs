//! Accounts on a device: keys, tokens and locks, against a server that is a few lines of HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
use hallway_core::feed::{AccountState, Change};
use hallway_core::secrets::{Denied, FileSecrets, Secret, Secrets};
use hallway_core::{Accounts, Fault, Options};
use hallway_kit::{Clock, Tasks};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happened, in order: requests of the client and writes of secrets.
type Log = Arc<Mutex<Vec<String>>>;

/// A place for secrets that notes when it is written, and may be locked.
#[derive(Debug)]
struct Noting {
    file: FileSecrets,
    log: Log,
    locked: Mutex<bool>,
}

impl Secrets for Noting {
    fn read(&self, id: &str) -> Result<Secret, Denied> {
        if *self.locked.lock() { Err(Denied::Locked) } else { self.file.read(id) }
    }

    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied> {
        self.file.write(id, secret)?;
        self.log.lock().push(format!("kept {}", secret.refresh_token));
        Ok(())
    }

    fn delete(&self, id: &str) -> Result<(), Denied> {
        self.file.delete(id)
    }
}

/// A server that signs in, refreshes and knows no socket; sessions count up.
struct Server {
    url: String,
    log: Log,
    tasks: Tasks,
}

impl Server {
    async fn start(log: Log) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tasks, noted) = (Tasks::default(), log.clone());
        let serving = tasks.clone();
        tasks.once("server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.once("request", serve(stream, noted.clone()));
            }
        });
        Server { url, log, tasks }
    }
}

async fn serve(stream: TcpStream, log: Log) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let lower = line.trim().to_ascii_lowercase();
            if head.is_empty() {
                head = line.trim().to_owned();
            } else if let Some(n) = lower.strip_prefix("content-length: ") {
                length = n.parse().unwrap();
            } else if let Some(token) = line.trim().strip_prefix("authorization: Bearer ") {
                said = token.to_owned();
            } else if lower.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let (status, answer) = answer(&head, &said, &body, &log);
        let text = answer.to_string();
        let reply = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn session(n: u32, expires_in_ms: i64) -> Value {
    json!({"id": "s", "access_token": format!("access{n}"), "expires_in_ms": expires_in_ms,
        "now": 1, "refresh_token": format!("refresh{n}")})
}

fn answer(head: &str, token: &str, body: &[u8], log: &Log) -> (u16, Value) {
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches("/api/v1");
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match path {
        "/server" => (
            200,
            json!({"name": "Harbour", "version": "0", "registration": "open",
            "mail": false, "guests": false, "epoch": "e"}),
        ),
        "/auth/login" if body["password"] == "wrong" => (
            401,
            json!({
            "code": "wrong_credentials", "message": "no", "retry": "sign_in"}),
        ),
        // The first access token is over before it can be used.
        "/auth/login" => (
            200,
            json!({
            "user": {"t": "user", "user": 3, "name": "ada", "display_name": "Ada", "rev": 1},
            "session": session(0, 0)}),
        ),
        "/auth/refresh" => {
            let old = body["refresh_token"].as_str().unwrap_or_default();
            let n: u32 = old.trim_start_matches("refresh").parse().unwrap_or(9);
            log.lock().push(format!("asked with {old}"));
            (200, json!({"session": session(n + 1, 600_000)}))
        }
        // A list that never ends.
        list if list.starts_with("/rooms/") => (200, json!({"rows": [], "next": "more"})),
        "/socket" => (403, json!({"code": "forbidden", "message": "no sockets here"})),
        _ => {
            log.lock().push(format!("used {token}"));
            (503, json!({"code": "busy", "message": "later", "retry": "later", "after_ms": 1000}))
        }
    }
}

fn options(dir: &Path, log: &Log) -> (Options, Arc<Noting>) {
    let secrets = Arc::new(Noting {
        file: FileSecrets::new(dir.join("key")),
        log: log.clone(),
        locked: Mutex::new(false),
    });
    let options = Options {
        dir: dir.join("profile"),
        secrets: secrets.clone(),
        device: "test".into(),
        clock: Clock::system(),
    };
    (options, secrets)
}

#[tokio::test]
async fn a_refresh_token_is_kept_before_its_access_token_is_used() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let server = Server::start(log.clone()).await;
    let (accounts, _feed) = Accounts::open(options(folder.path(), &log).0).await.unwrap();
    let account = accounts.sign_in(&server.url, "ada", "right").await.unwrap();
    assert_eq!((account.name.as_str(), account.user.0), ("ada", 3));
    let core = accounts.core(&account.id).unwrap();
    // Any call needs a token, and the one of the sign-in is over.
    assert!(matches!(core.people("").await, Err(Fault::Refused(_))));
    accounts.end().await;
    server.tasks.end(Duration::from_secs(1)).await;
    let log = server.log.lock();
    let at = |what: &str| log.iter().position(|line| line == what);
    assert!(at("kept refresh0") < at("asked with refresh0"), "{log:?}");
    assert!(at("asked with refresh0") < at("kept refresh1"), "{log:?}");
    assert!(at("kept refresh1") < at("used access1"), "{log:?}");
    assert_eq!(at("used access0"), None);
}

#[tokio::test]
async fn a_locked_or_missing_key_leaves_the_store_as_it_is() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let server = Server::start(log.clone()).await;
    let (options, secrets) = options(folder.path(), &log);
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    let account = accounts.sign_in(&server.url, "ada", "right").await.unwrap();
    accounts.end().await;
    drop(accounts);
    let store = options.dir.join("accounts").join(&account.id).join("store.db");
    let before = std::fs::read(&store).unwrap();
    *secrets.locked.lock() = true;
    let (accounts, mut feed) = Accounts::open(options.clone()).await.unwrap();
    assert_eq!(accounts.accounts().await.unwrap()[0].state, AccountState::Locked);
    let mut said = feed.next().await.unwrap();
    while said.len() < 2 {
        said.extend(feed.next().await.unwrap());
    }
    let [Change::Problem { code, .. }, Change::Account { account: shown }] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!((code.as_str(), shown.state), ("keyring_locked", AccountState::Locked));
    assert_eq!(accounts.core(&account.id).unwrap_err().what(), "keyring_locked");
    assert_eq!(std::fs::read(&store).unwrap(), before);
    *secrets.locked.lock() = false;
    accounts.unlock(&account.id).await.unwrap();
    assert_eq!(accounts.accounts().await.unwrap()[0].state, AccountState::Open);
    accounts.end().await;
    drop(accounts);
    let before = std::fs::read(&store).unwrap();
    secrets.file.delete(&account.id).unwrap();
    let (accounts, _feed) = Accounts::open(options).await.unwrap();
    assert_eq!(accounts.unlock(&account.id).await.unwrap_err().what(), "key_missing");
    assert_eq!(std::fs::read(&store).unwrap(), before);
    let beside = accounts.sign_in(&server.url, "ada", "right").await.unwrap();
    assert_ne!(beside.id, account.id, "one signs in anew beside it");
    accounts.end().await;
}

#[tokio::test]
async fn signing_out_deletes_store_and_key() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let server = Server::start(log.clone()).await;
    let (options, secrets) = options(folder.path(), &log);
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    let refused = accounts.sign_in(&server.url, "ada", "wrong").await.unwrap_err();
    assert_eq!(refused.code(), "wrong_credentials");
    let account = accounts.sign_in(&server.url, "ada", "right").await.unwrap();
    accounts.sign_out(&account.id).await.unwrap();
    assert_eq!(secrets.file.read(&account.id), Err(Denied::Missing));
    assert!(!options.dir.join("accounts").join(&account.id).exists());
    assert!(accounts.accounts().await.unwrap().is_empty());
    accounts.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_one_process_s_own() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let options = options(folder.path(), &log).0;
    let (accounts, _feed) = Accounts::open(options.clone()).await.unwrap();
    assert_eq!(Accounts::open(options.clone()).await.unwrap_err().what(), "in_use");
    accounts.end().await;
    drop(accounts);
    Accounts::open(options).await.unwrap();
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let server = Server::start(log.clone()).await;
    let (accounts, _feed) = Accounts::open(options(folder.path(), &log).0).await.unwrap();
    let account = accounts.sign_in(&server.url, "ada", "right").await.unwrap();
    let core = accounts.core(&account.id).unwrap();
    let members = core.members(hallway_protocol::ids::RoomId(7));
    let told = tokio::time::timeout(Duration::from_secs(60), members).await.unwrap();
    assert!(matches!(told, Err(Fault::Refused(_))), "{told:?}");
    accounts.end().await;
}

#[tokio::test]
async fn no_server_is_offline() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let (accounts, _feed) = Accounts::open(options(folder.path(), &log).0).await.unwrap();
    let fault = accounts.sign_in("http://127.0.0.1:1", "ada", "right").await.unwrap_err();
    assert_eq!(serde_json::to_value(&fault).unwrap()["code"], "offline");
    accounts.end().await;
}
