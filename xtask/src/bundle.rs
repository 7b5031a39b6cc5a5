//! `cargo xtask dist desktop`: what people install of the app here: a `.deb` and an `.rpm`. Tauri's own
//! program puts them together (`src-tauri/tauri.conf.json` says of what, `src-tauri/bundle` pins it);
//! Windows, macOS and the rest are made by the release workflow in the same way.

use crate::command::{Stop, cargo, shown, watch};
use crate::desktop::on_a_desktop;
use crate::dist::{alone, put, size};
use crate::packages;
use crate::places::Places;
use crate::tally::Tally;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// A first release build of everything fits.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// What puts the packages together, pinned.
const PINNED: &str = "package.json";

/// Builds the app as it ships and packs it into `target/dist`.
pub fn desktop() -> Result<ExitCode> {
    let (places, stop) = (Places::find()?, Stop::listen()?);
    packages::ensure(packages::BUILD)?;
    let mut build = tauri(&places, &stop, &["build", "--ci", "--bundles", "deb,rpm"])?;
    build.args(["--", "--locked"]);
    made(&mut build, &stop)?;
    let folder = places.target.join("dist");
    fs::create_dir_all(&folder)?;
    for kind in ["deb", "rpm"] {
        let package = packed(&places, "release", kind)?;
        let name = package.file_name().context("a name")?;
        fs::copy(&package, folder.join(name))?;
        println!("{}", size(&folder.join(name))?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Tests the package, with the program as it is tested: it is installed, used and removed.
pub fn check(places: &Places, stop: &Stop) -> Result<Tally> {
    made(&mut tauri(places, stop, &["bundle", "--debug", "--ci", "--bundles", "deb,rpm"])?, stop)?;
    packed(places, "debug", "rpm")?;
    let folder = places.target.join("installed-check");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let given = folder.join("given");
    fs::create_dir_all(given.join("tests/windows"))?;
    put(&packed(places, "debug", "deb")?, &given.join("hallway.deb"), 0o644)?;
    put(&places.server_binary("debug"), &given.join("hallway-server"), 0o755)?;
    put(&test(places, stop)?, &given.join("installed"), 0o755)?;
    let session = "tests/windows/session.sh";
    put(&places.root.join(session), &given.join(session), 0o755)?;
    let mut inside = Command::new("./installed");
    inside
        .env("HALLWAY_PACKAGE", "hallway.deb")
        .env("HALLWAY_SERVER_BIN", "./hallway-server")
        .env("HALLWAY_APP_BIN", "/usr/bin/hallway");
    let mut walk = alone(&places.root.join("server/package"), &folder)?;
    let session = on_a_desktop(places, &inside);
    let vars = session.get_envs().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in vars {
        walk.env(name, value);
    }
    // A screen does not tell the first process of all that it is there, so that is somebody else.
    walk.args(["sh", "-c", "\"$@\"; exit $?", "sh"]);
    walk.arg(session.get_program()).args(session.get_args());
    println!("$ {}", shown(&walk));
    let ran = watch(&mut walk, stop, LIMIT)?;
    Ok(Tally::cargo(ran.ok, &ran.out))
}

/// The program of the test, built.
fn test(places: &Places, stop: &Stop) -> Result<PathBuf> {
    let call = ["test", "--locked", "--no-run", "-p", "hallway-tests", "--test", "installed"];
    made(&mut cargo(places, &places.target, call), stop)?;
    // Once more, to be told where it is.
    let mut build = cargo(places, &places.target, call);
    let ran = build.args(["--quiet", "--message-format=json"]).output()?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let said = said.lines().filter_map(|line| serde_json::from_str(line).ok());
    let built = said
        .filter(|said: &serde_json::Value| said["target"]["name"] == "installed")
        .find_map(|said| said["executable"].as_str().map(PathBuf::from));
    built.with_context(|| format!("{} built nothing", shown(&build)))
}

fn made(command: &mut Command, stop: &Stop) -> Result<()> {
    println!("$ {}", shown(command));
    if !watch(command, stop, LIMIT)?.ok {
        bail!("{} failed", shown(command));
    }
    Ok(())
}

/// The package of this kind that was made last.
fn packed(places: &Places, profile: &str, kind: &str) -> Result<PathBuf> {
    let folder = places.target.join(profile).join("bundle").join(kind);
    let listed = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut found: Vec<_> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == kind))
        .collect();
    found.sort_by_key(|path| fs::metadata(path).and_then(|known| known.modified()).ok());
    found.pop().with_context(|| format!("no .{kind} was made"))
}

/// Tauri's program, fetched once for each list of pins.
fn tauri(places: &Places, stop: &Stop, args: &[&str]) -> Result<Command> {
    let (pinned, tools) = (places.root.join("src-tauri/bundle"), places.tools.join("bundle"));
    let program = tools.join("node_modules/.bin/tauri");
    if !same(&pinned.join(PINNED), &tools.join(PINNED)) || !program.exists() {
        packages::ensure_program("npm", "npm")?;
        println!("xtask: fetching Tauri's program once, into {}", tools.display());
        let _ = fs::remove_dir_all(&tools);
        put(&pinned.join(PINNED), &tools.join(PINNED), 0o644)?;
        let mut fetch = Command::new("npm");
        fetch.current_dir(&tools).args(["install", "--no-package-lock", "--no-audit", "--no-fund"]);
        fetch.arg("--ignore-scripts");
        made(&mut fetch, stop)?;
    }
    let mut command = Command::new(program);
    command.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target).args(args);
    Ok(command)
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
