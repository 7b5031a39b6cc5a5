//! The real server as a child process: started on a port the system picks, killed, ended, started
//! again on the same data and the same port. Its log is kept and shown when a test fails; a panic
//! in it fails the test whatever the test itself saw.

use crate::hand::Hand;
use crate::postgres::Postgres;
use crate::wait;
use anyhow::{Context, bail};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a server may take to come up, also on a machine that is busy with a build.
const UP: Duration = Duration::from_secs(60);
/// The server promises to be gone this long after SIGTERM.
const GONE: Duration = Duration::from_secs(10);
/// Lines of the log shown when a test fails.
const SHOWN: usize = 200;

/// Where the server keeps its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// In its own folder.
    Sqlite,
    /// In a PostgreSQL of the test's own.
    Postgres,
    /// In a database of its own of one PostgreSQL that the tests of this run share.
    Shared,
}

/// What a server is started with beside its address and folder.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which engine.
    pub engine: Engine,
    /// More environment, names with `HALLWAY_` included.
    pub env: Vec<(String, String)>,
    /// The folder, instead of a new temporary one.
    pub data: Option<PathBuf>,
    /// The program, instead of the debug build.
    pub binary: Option<PathBuf>,
}

impl Setup {
    /// The plainest: a new folder, nothing else said.
    pub fn new(engine: Engine) -> Self {
        Setup { engine, env: Vec::new(), data: None, binary: None }
    }

    /// The same with one more name in the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The same by a clock whose hand can be turned while it runs.
    #[must_use]
    pub fn clock(mut self, hand: &Hand) -> Self {
        self.env.extend(hand.env());
        self
    }

    /// Without rates: for stories that press hard on purpose.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.env("HALLWAY_LIMITS", "off")
    }
}

/// A server that runs, or has just been killed.
pub struct Server {
    setup: Setup,
    binary: PathBuf,
    temp: Option<tempfile::TempDir>,
    postgres: Option<Postgres>,
    shared: Option<(Arc<Postgres>, String)>,
    address: SocketAddr,
    running: Option<Running>,
    log: Log,
}

struct Running {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Server {
    /// Starts one and returns when it accepts connections.
    pub async fn start(setup: Setup) -> Server {
        let mut server = Server::down(setup).await;
        server.up().await.expect("the server starts");
        server
    }

    /// One that was not started yet: its place is there, and empty.
    pub async fn down(setup: Setup) -> Server {
        let binary = setup.binary.clone().unwrap_or_else(binary);
        let binary = std::path::absolute(binary).expect("the program has a path");
        let temp = setup.data.is_none().then(|| folder("server"));
        let postgres = match setup.engine {
            Engine::Sqlite | Engine::Shared => None,
            Engine::Postgres => Some(wait::blocking(Postgres::start).await),
        };
        let shared = match setup.engine {
            Engine::Shared => Some(wait::blocking(database).await),
            Engine::Sqlite | Engine::Postgres => None,
        };
        let address = "127.0.0.1:0".parse().expect("an address");
        let log = Log::default();
        Server { setup, binary, temp, postgres, shared, address, running: None, log }
    }

    /// Starts the program again on the same data, and on the same port if it had one.
    pub async fn up(&mut self) -> anyhow::Result<()> {
        assert!(self.running.is_none(), "it runs already");
        let (running, address) = self.spawn().await?;
        self.running = Some(running);
        self.address = address;
        Ok(())
    }

    /// SIGKILL: no goodbye, no flush. Waits until the process is gone.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().expect("the server was alive");
        running.collect();
    }

    /// SIGTERM; it must be gone in time, with exit code 0.
    pub async fn end(&mut self) {
        let status = self.terminate().await.expect("the server ends in time");
        assert!(status.success(), "SIGTERM ended the server with {status}");
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let running = self.running.take().context("it does not run")?;
        let pid = pid(&running.child)?;
        kill_process(pid, Signal::TERM)?;
        let mut gone = tokio::task::spawn_blocking(move || running.collect());
        if let Ok(status) = tokio::time::timeout(GONE, &mut gone).await {
            return Ok(status?);
        }
        kill_process(pid, Signal::KILL)?;
        gone.await?;
        bail!("still there {GONE:?} after SIGTERM")
    }

    /// Kills and starts again.
    pub async fn crash(&mut self) {
        self.kill();
        self.up().await.expect("the server starts again");
    }

    /// Starts again after it ended by itself.
    pub async fn revive(&mut self) {
        if let Some(running) = self.running.take() {
            running.collect();
        }
        self.up().await.expect("the server starts again");
    }

    /// Where it listens; the same for all its lives.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its folder.
    pub fn data(&self) -> &Path {
        match (&self.temp, &self.setup.data) {
            (Some(temp), _) => temp.path(),
            (None, Some(data)) => data,
            (None, None) => unreachable!("a server has one of the two"),
        }
    }

    /// Its PostgreSQL, if it has one.
    pub fn postgres(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("this server is on PostgreSQL")
    }

    /// Where its data is, if that is not its folder.
    pub fn database_url(&self) -> Option<String> {
        let own = self.postgres.as_ref().map(Postgres::url);
        own.or_else(|| self.shared.as_ref().map(|(_, url)| url.clone()))
    }

    /// Runs the program beside it, as its operator would from a shell: about its folder, its
    /// database. Whether it was content, and what it said on stdout and stderr.
    pub async fn operates(&self, words: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HALLWAY_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.data()).args(words).arg("--data").arg(self.data());
        if let Some(url) = self.database_url() {
            command.env("HALLWAY_DATABASE_URL", url);
        }
        command.envs(self.setup.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        let ended = wait::blocking(move || command.output()).await.expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.success(), text(&ended.stdout), text(&ended.stderr))
    }

    /// Says other environment from the next start on.
    pub fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }

    /// Whether the process is there.
    pub fn is_up(&mut self) -> bool {
        let Some(running) = &mut self.running else { return false };
        matches!(running.child.try_wait(), Ok(None))
    }

    /// Everything it said on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().join("\n")
    }

    async fn spawn(&self) -> anyhow::Result<(Running, SocketAddr)> {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HALLWAY_") {
                command.env_remove(name);
            }
        }
        // A configuration file of whoever runs the tests must not be found.
        command.current_dir(self.data());
        command.args(["serve", "--listen", &self.address.to_string(), "--data"]).arg(self.data());
        if let Some(url) = self.database_url() {
            command.env("HALLWAY_DATABASE_URL", url);
        }
        command.envs(self.setup.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("starting {}", self.binary.display()))?;
        let (said, first) = tokio::sync::oneshot::channel();
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let (out, err) = (self.log.clone(), self.log.clone());
        let readers = vec![
            std::thread::spawn(move || read_stdout(stdout, said, &out)),
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    err.lock().push(line);
                }
            }),
        ];
        let mut running = Running { child, readers };
        match tokio::time::timeout(UP, first).await {
            Ok(Ok(address)) => Ok((running, address)),
            other => {
                running.child.kill().ok();
                running.collect();
                bail!("the server did not come up ({other:?}):\n{}", self.log())
            }
        }
    }
}

/// stdout carries exactly one line in the life of the process; another one is a fault.
fn read_stdout(
    stdout: impl std::io::Read,
    said: tokio::sync::oneshot::Sender<SocketAddr>,
    log: &Log,
) {
    let mut said = Some(said);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let address = serde_json::from_str::<serde_json::Value>(&line)
            .ok()
            .and_then(|line| line["listening"].as_str()?.parse().ok());
        match (address, said.take()) {
            (Some(address), Some(said)) => drop(said.send(address)),
            _ => log.lock().push(format!("panicked at: a line too many on stdout: {line}")),
        }
    }
}

impl Running {
    /// Reaps the process and reads its log to the end.
    fn collect(mut self) -> ExitStatus {
        let status = self.child.wait().expect("a child can be waited for");
        for reader in self.readers.drain(..) {
            reader.join().expect("log readers do not panic");
        }
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // Already ended is as good as killed now.
            running.child.kill().ok();
            running.collect();
        }
        let log = self.log.lock();
        if std::thread::panicking() {
            let from = log.len().saturating_sub(SHOWN);
            eprintln!("---- the server's log ({} lines)\n{}", log.len(), log[from..].join("\n"));
        } else if let Some(line) = log.iter().find(|line| line.contains("panicked at")) {
            panic!("the server panicked: {line}\n{}", log.join("\n"));
        }
    }
}

/// A new database of the PostgreSQL that this run shares: started by the first who needs it, gone
/// with the last.
fn database() -> (Arc<Postgres>, String) {
    static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut shared = SHARED.lock();
    let postgres = shared.upgrade().unwrap_or_else(|| Arc::new(Postgres::start()));
    *shared = Arc::downgrade(&postgres);
    let name = format!("house{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let url = postgres.database(&name);
    (postgres, url)
}

fn pid(child: &Child) -> anyhow::Result<Pid> {
    Pid::from_raw(i32::try_from(child.id())?).context("a process id")
}

/// A folder of the test's own, gone with it.
pub fn folder(what: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(&format!("hallway-{what}-")).tempdir().expect("a folder")
}

/// The server's binary: `HALLWAY_SERVER_BIN`, or what xtask builds by a call of its own.
pub fn binary() -> PathBuf {
    built("HALLWAY_SERVER_BIN", "server/debug/hallway-server")
}

/// The same as people run it, for benchmarks.
pub fn release_binary() -> PathBuf {
    built("HALLWAY_SERVER_BIN", "server/release/hallway-server")
}

/// The chat example's binary: `HALLWAY_CHAT_BIN`, or what cargo built beside this test.
pub fn chat_binary() -> PathBuf {
    built("HALLWAY_CHAT_BIN", "debug/examples/chat")
}

/// Looks in the folders above this program, the target folder among them.
fn built(name: &str, place: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(name) {
        return path.into();
    }
    let this = std::env::current_exe().expect("this program has a path");
    let mut found = this.ancestors().map(|folder| folder.join(place));
    found
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no {place} above {}: build it, or say {name}", this.display()))
}
