//! The window as people run it: from starting its process to a screen with messages on it, out of a
//! store of 100,000 and with no server to ask; and the memory of its processes beside those of a
//! window that shows nothing.

use super::acks::{LINE, is_ok};
use crate::memory::{mebibytes, proportional};
use crate::people::{self, People};
use crate::table::Table;
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId};
use hallway_tests::{Device, Rest};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Messages in the store.
const MESSAGES: usize = 100_000;
/// Sends under way while the room is filled.
const IN_FLIGHT: usize = 256;
/// Messages asked for at once, the most the core answers.
const PIECE: usize = 5_000;
/// Starts; the median is told, the first one (a cold disk cache) with it.
const STARTS: usize = 7;
/// From the first screen to a window at rest.
const SETTLE: Duration = Duration::from_secs(3);
/// A window that is not up by then will not come.
const UP: Duration = Duration::from_secs(60);
/// The app says it on stderr, once its first screen is painted.
const PAINTED: &str = "first screen after";

/// Measures it.
pub async fn measure(table: &mut Table) -> Result<()> {
    let folder = hallway_tests::server::folder("window");
    let app = folder.path().join("app");
    stored(&app).await?;
    let starts = (0..STARTS).map(|_| Window::open(&program(), &app)?.close());
    let mut starts = starts.collect::<Result<Vec<_>>>()?;
    let cold = starts[0].0;
    starts.sort_unstable_by_key(|(time, _)| *time);
    let (middle, _) = starts[STARTS / 2];
    table.figure(
        "(f) window: process start to first readable screen, 100,000 messages stored, no server",
        format!("{:.0} ms", middle.as_secs_f64() * 1_000.0),
        "< 1000 ms",
        middle < Duration::from_secs(1),
    );
    let note = format!("of {STARTS} starts, the first {:.0} ms", cold.as_secs_f64() * 1_000.0);
    table.beside("    fastest and slowest", span(&starts), &note);
    let mut memory: Vec<u64> = starts.iter().map(|(_, memory)| *memory).collect();
    memory.sort_unstable();
    let (_, empty) = Window::open(&empty()?, &folder.path().join("empty"))?.close()?;
    let (full, empty) = (mebibytes(memory[STARTS / 2]), mebibytes(empty));
    table.beside(
        "(g) window: PSS of all its processes, beside an empty window's",
        format!("{full:.0} / {empty:.0} MiB"),
        &format!("{:.0} MiB more", full - empty),
    );
    Ok(())
}

fn span(starts: &[(Duration, u64)]) -> String {
    let ms = |n: usize| starts[n].0.as_millis();
    format!("{} … {} ms", ms(0), ms(starts.len() - 1))
}

/// Fills the app's own store the way it is filled for people: messages on a server, read page by
/// page by the core. The server is gone afterwards.
async fn stored(app: &Path) -> Result<()> {
    let house = People::house().await;
    let room = house.owner.creates("long ago").await;
    fill(&house.owner, house.address(), room).await?;
    let mut device = Device::new(&house.url(), people::OWNER);
    device.store = Some(app.join("main/accounts"));
    device.keyring = true;
    let mut chat = device.start();
    chat.is_live().await;
    let (mut before, mut held) = (Value::Null, 0);
    loop {
        let asked = json!({ "room": room, "limit": PIECE, "before": before });
        let page = chat.does("timeline", asked).await;
        let rows = page["rows"].as_array().context("rows")?;
        held += rows.len();
        match rows.first().filter(|_| page["more_before"] == true) {
            Some(first) => before = first["seq"].clone(),
            None => break,
        }
    }
    chat.quit();
    if held < MESSAGES {
        bail!("{held} messages are in the store, {MESSAGES} were wanted");
    }
    eprintln!("{held} messages stored");
    Ok(())
}

async fn fill(who: &Rest, server: std::net::SocketAddr, room: RoomId) -> Result<()> {
    let (mut wire, clock) = (Wire::open(server, who).await?, Clock::system());
    let (mut said, mut done) = (0, 0);
    while done < MESSAGES {
        while said < MESSAGES && said - done < IN_FLIGHT {
            said += 1;
            let text = format!("{said}: {LINE}");
            wire.send(said as u64, room, &Key::new(clock.now()), &text);
        }
        wire.flush().await?;
        wire.read().await?;
        wire.frames(|frame| done += usize::from(is_ok(frame)))?;
    }
    Ok(())
}

fn program() -> PathBuf {
    std::env::var_os("HALLWAY_APP_BIN").expect("xtask names the app").into()
}

/// Built beside the app.
fn empty() -> Result<PathBuf> {
    let app = program();
    let beside = app.parent().context("the app lies in a folder")?;
    Ok(beside.join("examples/empty"))
}

/// A window and all its processes: one group.
struct Window {
    child: Child,
    took: Duration,
}

impl Window {
    /// Starts the program and waits until it says that it is painted.
    fn open(program: &Path, app: &Path) -> Result<Window> {
        let mut command = Command::new(program);
        command.env("HALLWAY_APP_DIR", app).env("HALLWAY_PROFILE", "main");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let said = BufReader::new(child.stderr.take().context("its stderr is piped")?);
        let (tell, told) = std::sync::mpsc::channel();
        // Reads to the end: a full pipe would hold the app.
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let took = began.elapsed();
                if line.contains(PAINTED) && tell.send(took).is_err() {
                    return;
                }
            }
        });
        let mut window = Window { child, took: Duration::ZERO };
        window.took = told.recv_timeout(UP).with_context(|| format!("{}", program.display()))?;
        Ok(window)
    }

    /// Start time, and the memory of all its processes at rest; then it ends.
    fn close(self) -> Result<(Duration, u64)> {
        std::thread::sleep(SETTLE);
        Ok((self.took, proportional(self.child.id())?))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Its own end first, so that its store is closed; then what it started.
            let _ = rustix::process::kill_process(group, Signal::TERM);
            let _ = self.child.wait();
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
