//! A private PostgreSQL: its own folder, its own port, as an unprivileged user, gone with the
//! value. Standard library alone, so that the server's tests can include this file by its path.
//! Where there is no PostgreSQL the run fails with the line that installs it; it does not pass.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long it may take to come up, recovery after a kill and a busy machine included.
const UP: Duration = Duration::from_secs(60);
/// Between two looks whether it answers.
const LOOK: Duration = Duration::from_millis(20);
/// The one role, its superuser; it has no password, for only this machine reaches it.
const ROLE: &str = "hallway";

/// A running PostgreSQL, or one that has just been killed.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    postmaster: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts it; returns when it answers.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    pub fn start() -> Postgres {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hallway-postgres-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for PostgreSQL");
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
            .expect("a folder of our own");
        if let Some((user, group)) = unprivileged() {
            chown(&folder, Some(user), Some(group)).expect("root may give a folder away");
        }
        let mut it = Postgres { binaries: binaries(), folder, port: 0, postmaster: None };
        let made = it.run(
            "initdb",
            &["-D", &it.data(), "-U", ROLE, "-A", "trust", "-E", "UTF8"]
                .into_iter()
                .chain(["--locale=C", "--no-sync", "--no-instructions"])
                .collect::<Vec<_>>(),
        );
        assert!(made.0, "initdb: {}", made.1);
        it.up();
        it
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/postgres", self.port)
    }

    /// A further, empty database of the same cluster; where it is reached.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self, name: &str) -> String {
        self.sql(&format!("create database {name}"));
        format!("postgres://{ROLE}@127.0.0.1:{}/{name}", self.port)
    }

    /// Its folder, for whoever reads the raw files.
    pub fn dir(&self) -> &Path {
        &self.folder
    }

    /// Runs SQL by `psql`; what it printed, without headings.
    ///
    /// # Panics
    /// When it fails.
    pub fn sql(&self, sql: &str) -> String {
        let port = self.port.to_string();
        let url = ["-h", "127.0.0.1", "-p", &port, "-U", ROLE, "-d", "postgres"];
        let how = ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql];
        let (good, said) = self.run("psql", &[&url[..], &how[..]].concat());
        assert!(good, "psql: {said}");
        said
    }

    /// SIGKILL for the postmaster; its children notice and go by themselves.
    ///
    /// # Panics
    /// When it was not running.
    pub fn kill(&mut self) {
        let mut postmaster = self.postmaster.take().expect("it runs");
        postmaster.kill().expect("a child can be killed");
        postmaster.wait().expect("a child can be waited for");
    }

    /// Starts it again on the same folder and port; returns when it answers.
    pub fn restart(&mut self) {
        if self.postmaster.is_some() {
            self.kill();
        }
        self.up();
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// Starts it until it stays: after a kill the old children may still hold the shared memory,
    /// and a port found free may have been taken by somebody else meanwhile.
    fn up(&mut self) {
        let deadline = Instant::now() + UP;
        let fresh = self.port == 0;
        loop {
            if fresh {
                let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
                self.port = free.expect("a free port").port();
            }
            let mut postmaster = self.launch();
            if self.answers(&mut postmaster, deadline) {
                self.postmaster = Some(postmaster);
                return;
            }
            postmaster.wait().expect("a child can be waited for");
            assert!(Instant::now() < deadline, "PostgreSQL does not start:\n{}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    fn launch(&self) -> Child {
        let log = std::fs::File::create(self.folder.join("log")).expect("a log file");
        let mut command = self.command("postgres");
        command.args(["-D", &self.data(), "-p", &self.port.to_string(), "-k"]).arg(&self.folder);
        command.args(["-c", "listen_addresses=127.0.0.1"]);
        // After a kill it would sync every file one by one before it recovers; one call does it.
        command.args(["-c", "recovery_init_sync_method=syncfs"]);
        command.stdout(Stdio::null()).stderr(log);
        command.spawn().expect("the binary was found before")
    }

    /// Waits until it answers; false when it ended instead, or time is up (it is killed then).
    fn answers(&self, postmaster: &mut Child, deadline: Instant) -> bool {
        let port = self.port.to_string();
        loop {
            if self.run("pg_isready", &["-q", "-h", "127.0.0.1", "-p", &port]).0 {
                return matches!(postmaster.try_wait(), Ok(None));
            }
            if !matches!(postmaster.try_wait(), Ok(None)) {
                return false;
            }
            if Instant::now() > deadline {
                // It is ours and does not answer: nothing to lose.
                postmaster.kill().ok();
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Runs a program of PostgreSQL to its end; whether it was content, and what it said.
    fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = self.command(program);
        let output = command.args(arguments).output().expect("the binary was found before");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.current_dir(&self.folder).stdin(Stdio::null()).env_remove("PGOPTIONS");
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        command
    }

    fn log(&self) -> String {
        let mut text = String::new();
        if let Ok(mut log) = std::fs::File::open(self.folder.join("log")) {
            // What cannot be read is not worth failing for: this is shown with a failure.
            log.read_to_string(&mut text).ok();
        }
        text
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut postmaster) = self.postmaster.take() {
            let stopped =
                self.run("pg_ctl", &["stop", "-m", "immediate", "-W", "-D", &self.data()]);
            if !stopped.0 {
                postmaster.kill().ok();
            }
            postmaster.wait().ok();
        }
        // A child of a killed postmaster may still be writing: a second try finds it gone.
        if std::fs::remove_dir_all(&self.folder).is_err() {
            std::thread::sleep(LOOK * 10);
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// The newest installed version's programs.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let by_version = |folder: &PathBuf| {
        let name = folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        name.unwrap_or_default()
    };
    let debian = versions.map(|entry| entry.path()).max_by_key(by_version);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all =
        debian.map(|folder| folder.join("bin")).into_iter().chain(std::env::split_paths(&path));
    all.into_iter().find(|folder| folder.join("initdb").exists()).unwrap_or_else(|| {
        panic!("there is no PostgreSQL here; install it: apt-get install --yes postgresql")
    })
}

/// PostgreSQL refuses to run as root: the user and group to be instead, when we are root.
fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("a system has users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a system has nobody"))
}
