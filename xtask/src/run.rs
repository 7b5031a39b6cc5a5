//! `cargo xtask run`: from a clean clone to a running server and an open window, signed in.
//!
//! The server is ours from start to end: it goes when the window is closed, on Ctrl-C, and when
//! anything here fails. Without a display the server runs alone.

use crate::api::Api;
use crate::command::{Group, Stop, cargo, shown};
use crate::demo;
use crate::packages;
use crate::people::{self, People, Person};
use crate::places::Places;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Where the README says it is.
const LISTEN: &str = "127.0.0.1:7340";
/// A server opens its store, checks it and listens; a machine busy with a build is slower.
const SERVER_UP: Duration = Duration::from_secs(30);
/// What the app says on stderr once its first screen is painted.
const PAINTED: &str = "first screen after";

/// Builds, starts and stays until the windows are closed.
pub fn run(demo: bool) -> Result<ExitCode> {
    let started = Instant::now();
    let (places, stop) = (Places::find()?, Stop::listen()?);
    packages::ensure(packages::BUILD)?;
    let url = format!("http://{LISTEN}");
    free(&Api::new(&url))?;
    let screen = has_display();
    build(&places, &stop, screen)?;
    let data = places.data();
    private_folder(&data)?;
    let mut server = start_server(&places, &data)?;
    let people = settle(&Api::new(&url), &data, &url, demo)?;
    if !screen {
        println!(
            "xtask: there is no display here (DISPLAY and WAYLAND_DISPLAY are not set), so no window."
        );
        println!(
            "xtask: the server runs on {url}, up in {:.1} s; Ctrl-C ends it.",
            seconds(started)
        );
        println!("xtask: names and passwords stand in {}", data.join("people.json").display());
        let ended = server.wait(&stop, None)?;
        return Ok(code(ended.is_none_or(|status| status.success())));
    }
    let (painted, first) = channel();
    let mut windows = Vec::new();
    for (person, side) in people.iter().zip(["left", "right"]) {
        let side = demo.then_some(side);
        windows.push(open_window(&places, &data, &url, person, side, painted.clone())?);
    }
    let good = attend(&mut server, &mut windows, &first, &stop, started)?;
    drop(windows);
    server.end();
    for person in &people {
        let _ = std::fs::remove_file(data.join(format!("sign-in-{}.json", person.name)));
    }
    Ok(code(good))
}

/// The address is free, or the reason in plain words.
fn free(api: &Api) -> Result<()> {
    let address: SocketAddr = LISTEN.parse()?;
    let Err(error) = TcpListener::bind(address) else { return Ok(()) };
    match api.server() {
        Ok(_) => bail!(
            "a Hallway server runs on {LISTEN} already, from another `cargo xtask run` or by hand. \
             Close that window, or end that server, and start again"
        ),
        Err(_) => bail!("{LISTEN} is used by another program ({error}); end it and start again"),
    }
}

/// One Cargo call for each: together, SQLite's features would be merged.
fn build(places: &Places, stop: &Stop, app: bool) -> Result<()> {
    let mut calls = vec![cargo(places, &places.server_target, ["build", "-p", "hallway-server"])];
    if app {
        calls.push(cargo(places, &places.target, ["build", "-p", "hallway"]));
    }
    for mut call in calls {
        call.arg("--locked");
        let line = shown(&call);
        let mut cargo = Group::start("cargo", &mut call)?;
        match cargo.wait(stop, None)? {
            Some(status) if status.success() => {}
            Some(_) => bail!("{line} failed"),
            None => bail!("stopped"),
        }
    }
    Ok(())
}

fn start_server(places: &Places, data: &Path) -> Result<Group> {
    let mut command = Command::new(places.server_binary("debug"));
    command.args(["serve", "--listen", LISTEN, "--data"]).arg(data).stdout(Stdio::piped());
    if std::env::var_os("HALLWAY_LOG_LEVEL").is_none() {
        command.env("HALLWAY_LOG_LEVEL", "warn"); // the terminal is for the person
    }
    let mut server = Group::start("the server", &mut command)?;
    let stdout = server.stdout().context("its output was asked for")?;
    let (said, ready) = channel();
    std::thread::spawn(move || {
        // One line in its life; reading to the end keeps the pipe from breaking.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    match ready.recv_timeout(SERVER_UP) {
        Ok(line) if line.contains("listening") => Ok(server),
        _ => bail!("the server did not come up; what it said stands above"),
    }
}

/// Ada owns the server and the demo stands; answers whose windows to open.
fn settle(api: &Api, data: &Path, url: &str, demo: bool) -> Result<Vec<Person>> {
    let mut people = People::load(data, url)?;
    let ada = people.person("Ada")?;
    people::own(api, &ada, data)?;
    if demo {
        demo::fill(api, &mut people, data)?;
        return Ok(vec![ada, people.person("Lin")?]);
    }
    Ok(vec![ada])
}

/// Starts the app as this person, with a folder, a lock and a web profile of its own.
fn open_window(
    places: &Places,
    data: &Path,
    url: &str,
    person: &Person,
    side: Option<&str>,
    painted: Sender<()>,
) -> Result<Group> {
    let folder = data.join("app");
    private_folder(&folder)?;
    let mut command = Command::new(places.app_binary("debug"));
    command
        .env("HALLWAY_APP_DIR", &folder)
        .env("HALLWAY_PROFILE", &person.name)
        // Where a fresh machine has no keyring, the app falls back to this file and says so.
        .env("HALLWAY_KEY_FILE", data.join(format!("keys-{}.json", person.name)))
        .env("HALLWAY_SIGN_IN_FILE", people::sign_in_file(data, url, person)?)
        .stderr(Stdio::piped());
    if let Some(side) = side {
        command.env("HALLWAY_SIDE", side);
    }
    let mut window = Group::start(&format!("{}'s window", person.display_name), &mut command)?;
    let stderr = window.stderr().context("its errors were asked for")?;
    std::thread::spawn(move || report(stderr, &painted));
    Ok(window)
}

/// Passes the app's words on and tells when its first screen is there.
fn report(stderr: impl Read, painted: &Sender<()>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if line.contains(PAINTED) {
            let _ = painted.send(());
        } else {
            eprintln!("{line}");
        }
    }
}

/// Waits until the last window is closed or someone asks for the end.
fn attend(
    server: &mut Group,
    windows: &mut [Group],
    painted: &Receiver<()>,
    stop: &Stop,
    started: Instant,
) -> Result<bool> {
    let (mut waiting, mut good) = (windows.len(), true);
    loop {
        if waiting > 0 && painted.try_recv().is_ok() {
            waiting -= 1;
            if waiting == 0 {
                println!("xtask: up in {:.1} s; closing the window ends it all", seconds(started));
            }
        }
        let mut open = 0;
        for window in windows.iter_mut() {
            match window.ended()? {
                None => open += 1,
                Some(status) => good &= status.success(),
            }
        }
        if stop.asked() {
            return Ok(true);
        }
        if open == 0 {
            if !good {
                eprintln!("xtask: the app ended with an error; what it said stands above");
            }
            return Ok(good);
        }
        if let Some(status) = server.ended()? {
            bail!("the server ended by itself ({status}); what it said stands above");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// A folder only its owner enters.
fn private_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| folder.display().to_string())
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
