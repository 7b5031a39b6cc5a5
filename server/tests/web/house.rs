//! The harness: a server of one's own, and people who talk to it. A [`House`] runs in this process,
//! so that a test may turn its clock; a [`Process`] is the program itself, for what only a program
//! has: arguments, signals, an exit code. Behind either stands a [`Door`], and who comes in by it is
//! the same [`Person`]. Nothing sleeps; each wait is for something said, and gives up loudly.

mod book;
mod call;
mod person;
mod rows;
pub mod shell;
mod socket;
pub mod uploads;

pub use call::{Answer, Call};
pub use person::Person;
pub use rows::{changes, rows};
pub use socket::Socket;

use hallway_kit::{Clock, Stopper, Tasks};
use hallway_protocol::ids::{Key, TenantId};
use hallway_server::Server;
use hallway_server::app::App;
use hallway_server::config::{Config, Switch};
use hallway_server::params;
use hallway_server::store::{Needs, jobs};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// How long anything may take before the test says what was missing.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Everyone's password; no list of common ones has it.
pub const PASSWORD: &str = "kettle-on-the-top-shelf";

/// Where a server is met: its address, and its data folder as the operator sees it.
pub struct Door {
    pub address: SocketAddr,
    folder: TempDir,
}

impl Door {
    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The token of the first owner, as the operator reads it, until it is spent.
    pub fn owner_token(&self) -> Option<String> {
        let token = std::fs::read_to_string(self.data().join("first-owner")).ok()?;
        Some(token.trim().to_owned())
    }

    /// The operator, by the token that whoever reads the data folder has.
    pub fn operator(&self) -> Person {
        let token = std::fs::read_to_string(self.data().join("operator")).expect("a token");
        let (user, session, refresh) = (0, String::new(), String::new());
        Person { address: self.address, user, session, token: token.trim().into(), refresh }
    }

    /// A tenant of this name, set up so, and Eve, who owns it.
    pub async fn founds(&self, name: &str, config: Value) -> (i64, Person) {
        let body = json!({"name": name, "registration": "open", "config": config});
        let made = self.operator().post("/admin/tenants", body).await.ok(201);
        let eve = self.joins(name, "eve", made["owner_token"].as_str()).await;
        (int(&made["tenant"]), eve)
    }

    /// Somebody new in a tenant.
    pub async fn joins(&self, tenant: &str, name: &str, invite: Option<&str>) -> Person {
        let body = json!({"tenant": tenant, "name": name, "password": PASSWORD, "invite": invite});
        Person::of(self.address, &self.call("POST", "/auth/register", body).await.ok(201))
    }

    /// A call of nobody.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        Call::new(method, path).body(body).to(self.address).await
    }

    /// Ada, who owns the server.
    pub async fn ada(&self) -> Person {
        let token = self.owner_token().expect("nobody owns it yet");
        self.register("ada", Some(&token)).await
    }

    /// Somebody new, by an invite of `host`.
    pub async fn newcomer(&self, host: &Person, name: &str) -> Person {
        let invite = host.post("/invites", json!({})).await.ok(201);
        self.register(name, invite["code"].as_str()).await
    }

    /// Somebody with an invite or a token, or with neither where anybody may come in.
    pub async fn register(&self, name: &str, invite: Option<&str>) -> Person {
        let body = json!({"name": name, "password": PASSWORD, "invite": invite, "device": "test"});
        let said = self.call("POST", "/auth/register", body).await.ok(201);
        assert_eq!(said["verify_email"], false);
        Person::of(self.address, &said)
    }

    /// A further session of somebody.
    pub async fn login(&self, name: &str) -> Person {
        let body = json!({"login": name, "password": PASSWORD, "device": "laptop"});
        Person::of(self.address, &self.call("POST", "/auth/login", body).await.ok(200))
    }
}

/// A server in this process.
pub struct House {
    /// Its clock, to be turned.
    pub clock: Clock,
    /// Its state, for what no call makes yet: a second tenant.
    pub app: App,
    door: Door,
    tasks: Tasks,
    stopper: Stopper,
}

impl Deref for House {
    type Target = Door;
    fn deref(&self) -> &Door {
        &self.door
    }
}

impl House {
    /// Rates off.
    pub async fn open() -> House {
        House::with(|_| {}).await
    }

    /// Rates on, as people have it.
    pub async fn strict() -> House {
        House::with(|config| config.limits = Switch::On).await
    }

    /// Configured by `change`; rates are off where it says nothing of them.
    pub async fn with(change: impl FnOnce(&mut Config)) -> House {
        House::at(Clock::system(), change).await
    }

    /// The same by a clock that others go by as well.
    pub async fn at(clock: Clock, change: impl FnOnce(&mut Config)) -> House {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        config.limits = Switch::Off;
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = Server::open(config, address, clock.clone()).await.expect("it opens");
        let app = server.app().clone();
        let (tasks, (stopper, stop)) = (Tasks::default(), Stopper::new());
        tasks.once("server", async move {
            server.run(listener, stop).await.expect("it ends as asked");
        });
        House { clock, app, door: Door { address, folder }, tasks, stopper }
    }

    /// A job that was given up, of a tenant or of the server; its id. Tried again, there is nothing
    /// left to do in it.
    pub async fn dead_letter(&self, tenant: Option<i64>) -> String {
        let made = self.app.store.write(Needs::default(), move |tx| {
            let (target, tenant) = (key(), tenant.map(TenantId));
            jobs::enqueue(tx, tenant, jobs::Kind::LeaveRooms, &target, None)?;
            let sql = "select id from jobs where target = $1";
            let id = tx.one(sql, params![&target], |row| row.get::<String>(0))?;
            let now = tx.now();
            tx.exec(
                "update jobs set state = 'dead', attempts = 24, last_error = 'no', dead_at = $1,
                    target = '1' where target = $2",
                params![now, &target],
            )?;
            Ok(id)
        });
        made.await.expect("a job").expect("a dead one")
    }

    /// Asks it to stop and waits for it; whether it came in time.
    pub async fn stop(self) -> bool {
        self.stopper.stop();
        self.tasks.end(Duration::from_secs(10)).await.is_empty()
    }
}

/// What a program logs.
pub struct Log(Lines<BufReader<ChildStderr>>);

impl Log {
    /// The next line of this kind.
    pub async fn line(&mut self, is: impl Fn(&str) -> bool) -> String {
        loop {
            let line = timeout(PATIENCE, self.0.next_line()).await.expect("a line in time");
            let line = line.expect("text").expect("it still runs");
            if is(&line) {
                return line;
            }
        }
    }
}

/// The server as a program of its own; ends with the test.
pub struct Process {
    door: Door,
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Deref for Process {
    type Target = Door;
    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Process {
    /// Started with these variables; it has said where it listens.
    pub async fn start(environment: &[(&str, &str)]) -> Process {
        Process::start_in(tempfile::tempdir().expect("a temporary folder"), environment).await
    }

    /// The same on the data that lie in `data` of this folder.
    pub async fn start_in(folder: TempDir, environment: &[(&str, &str)]) -> Process {
        let child = Process::command(&folder, environment).spawn().expect("it starts");
        Process::come(folder, child).await
    }

    async fn come(folder: TempDir, mut child: Child) -> Process {
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        timeout(PATIENCE, out.read_line(&mut line)).await.expect("a line in time").expect("text");
        let said: Value = serde_json::from_str(&line).expect("one JSON line on stdout");
        let address = said["listening"].as_str().expect("the address").parse();
        let address = address.expect("address and port");
        Process { door: Door { address, folder }, child, out }
    }

    /// Started so that what it logs can be read.
    pub async fn logging(environment: &[(&str, &str)]) -> (Process, Log) {
        Process::logging_in(tempfile::tempdir().expect("a temporary folder"), environment).await
    }

    /// The same on the data that lie in `data` of this folder.
    pub async fn logging_in(folder: TempDir, environment: &[(&str, &str)]) -> (Process, Log) {
        let mut command = Process::command(&folder, environment);
        let child = command.stderr(Stdio::piped()).spawn();
        let mut process = Process::come(folder, child.expect("it starts")).await;
        let lines = BufReader::new(process.child.stderr.take().expect("piped")).lines();
        (process, Log(lines))
    }

    /// Started so that it does not come up: how it ended, and what it said on stdout and stderr.
    pub async fn fails(environment: &[(&str, &str)]) -> (ExitStatus, String, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ended = Process::command(&folder, environment).output();
        let ended = timeout(PATIENCE, ended).await.expect("an end in time").expect("it ran");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status, text(&ended.stdout), text(&ended.stderr))
    }

    fn command(folder: &TempDir, environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallway-server"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .env("HALLWAY_LOG_LEVEL", "warn")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Sends SIGTERM and waits for the end: how it ended, and what else it said on stdout.
    pub async fn stop(self) -> (ExitStatus, String) {
        let (status, rest, _) = self.leave().await;
        (status, rest)
    }

    /// Ends it as a power cut would; its data stay.
    pub async fn kills(self) -> TempDir {
        let Process { door, mut child, .. } = self;
        child.kill().await.expect("it is ours");
        door.folder
    }

    /// Ends it as it is asked to; its data stay.
    pub async fn ends(self) -> TempDir {
        let (status, _, folder) = self.leave().await;
        assert_eq!(status.code(), Some(0));
        folder
    }

    async fn leave(mut self) -> (ExitStatus, String, TempDir) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(rustix::process::Pid::from_raw).expect("it runs");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is ours");
        let mut rest = String::new();
        let status = timeout(PATIENCE, async {
            self.out.read_to_string(&mut rest).await.expect("text");
            self.child.wait().await.expect("it ran")
        });
        let status = status.await.expect("an end in time");
        (status, rest, self.door.folder)
    }
}

/// A fresh key.
pub fn key() -> String {
    static LAST: AtomicI64 = AtomicI64::new(1_795_165_680_123);
    Key::new(LAST.fetch_add(1, Ordering::Relaxed)).to_string()
}

/// The number it is.
#[track_caller]
pub fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The elements it has.
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The rows of a kind among `rows`.
#[track_caller]
pub fn of_kind<'v>(rows: &'v Value, t: &str) -> Vec<&'v Value> {
    list(rows).iter().filter(|row| row["t"] == t).collect()
}
