//! Child processes: started in a group of their own, ended as a group, never left behind.
//!
//! A child that is its own group does not hear the terminal's Ctrl-C, so this hears it for all of
//! them ([`Stop`]) and ends them in order. Unix only in its signals; elsewhere a child is killed.

use crate::places::Places;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a group may take to end after it was asked to; the server promises 10 s.
const GRACE: Duration = Duration::from_secs(11);
/// How often a waiting loop looks.
const LOOK: Duration = Duration::from_millis(25);

/// Set once the person or the system asks xtask to end.
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Hears Ctrl-C, hang-up and termination from now on.
    pub fn listen() -> Result<Stop> {
        let flag = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        for signal in
            [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register(signal, flag.clone())?;
        }
        Ok(Stop(flag))
    }

    /// Asked to end.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A process group that ends with its owner.
pub struct Group {
    name: String,
    child: Child,
}

impl Group {
    /// Starts a command in a group of its own; stdin is closed.
    pub fn start(name: &str, command: &mut Command) -> Result<Group> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("{name} did not start ({})", shown(command)))?;
        Ok(Group { name: name.to_owned(), child })
    }

    /// The output pipe, once, where it was asked for.
    pub fn stdout(&mut self) -> Option<impl Read + Send + use<>> {
        self.child.stdout.take()
    }

    /// The error pipe, once, where it was asked for.
    pub fn stderr(&mut self) -> Option<impl Read + Send + use<>> {
        self.child.stderr.take()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("waiting for {}", self.name))
    }

    /// Waits until it ends by itself, a limit passes or xtask is asked to stop; `None`: it was ended.
    pub fn wait(&mut self, stop: &Stop, limit: Option<Duration>) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if stop.asked() || limit.is_some_and(|limit| began.elapsed() > limit) {
                self.end();
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Asks the whole group to end, and kills what does not.
    pub fn end(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            self.signal(false); // its children may outlive it
            return;
        }
        self.signal(false);
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        eprintln!("xtask: {} does not end, killing it", self.name);
        self.signal(true);
        let _ = self.child.wait();
    }

    #[cfg(unix)]
    fn signal(&mut self, hard: bool) {
        use rustix::process::{Pid, Signal, kill_process_group};
        let signal = if hard { Signal::KILL } else { Signal::TERM };
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }

    #[cfg(not(unix))]
    fn signal(&mut self, _hard: bool) {
        let _ = self.child.kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a finished command said and how it went.
pub struct Ran {
    /// It ended by itself, with 0.
    pub ok: bool,
    /// Its standard output, which was shown while it ran.
    pub out: String,
}

/// Runs a command to its end, shows what it says and keeps its standard output.
pub fn watch(command: &mut Command, stop: &Stop, limit: Duration) -> Result<Ran> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut group = Group::start(&name, command.stdout(Stdio::piped()))?;
    let pipe = group.stdout().context("its output was asked for")?;
    let reader = std::thread::spawn(move || echo(pipe));
    let status = group.wait(stop, Some(limit))?;
    if status.is_none() && !stop.asked() {
        eprintln!("xtask: ended {name}: it took longer than {} min", limit.as_secs() / 60);
    }
    // A grandchild that outlived the group may hold the pipe: end it, or the reader never returns.
    group.end();
    let out = reader.join().unwrap_or_default();
    Ok(Ran { ok: status.is_some_and(|status| status.success()), out })
}

/// Copies lines to our output and answers all of them.
fn echo(pipe: impl Read) -> String {
    let mut all = String::new();
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        let _ = std::io::stdout().flush();
        all.push_str(&text);
        line.clear();
    }
    all
}

/// Cargo in the clone with one target folder. What an outer `cargo run` left in the environment is
/// taken out: build scripts that look at it (ring's does) would run anew at each change of caller.
pub fn cargo<I: AsRef<OsStr>>(
    places: &Places,
    target: &std::path::Path,
    args: impl IntoIterator<Item = I>,
) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&places.root).env("CARGO_TARGET_DIR", target).args(args);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let set_by_run = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if set_by_run.iter().any(|prefix| text.starts_with(prefix))
            || text == "CARGO_PRIMARY_PACKAGE"
        {
            command.env_remove(&name);
        }
    }
    command
}

/// A command as a person would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
