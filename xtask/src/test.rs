//! `cargo xtask test`: everything the project holds itself to, in one order, to its end.
//!
//! A failing part does not stop those after it; the last line is the sum, the exit code its verdict.
//! Server and core are never in one Cargo call (see [`crate::places`]).

use crate::bundle;
use crate::command::{Stop, cargo, shown, watch};
use crate::desktop::on_a_desktop;
use crate::dist;
use crate::interface;
use crate::packages;
use crate::places::Places;
use crate::tally::Tally;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// A guard against hanging, not a budget: a first build of everything fits.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// As tested here; a newer one may judge otherwise.
const DENY: &str = "0.20.2";
/// What is not the server. Each crate but the server is linted and built in `target`.
const REST: &[&str] = &[
    "hallway-protocol",
    "hallway-kit",
    "hallway-core",
    "hallway",
    "hallway-outside",
    "hallway-tests",
    "hallway-bench",
    "xtask",
];

/// A part of the run.
type Part = fn(&Run) -> Result<Tally>;

/// All parts in their order: what fails fastest first.
const PARTS: &[(&str, Part)] = &[
    ("fmt", fmt),
    ("tidy", tidy),
    ("clippy", clippy),
    ("deny", deny),
    ("protocol", protocol),
    ("server", server),
    ("interface", described),
    ("package", package),
    ("core", core),
    ("ui", ui),
    ("stories", stories),
    ("windows", windows),
    ("installed", installed),
];

struct Run {
    places: Places,
    stop: Stop,
}

/// Runs all parts, or the named ones.
pub fn test(names: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = names.iter().find(|n| !PARTS.iter().any(|(part, _)| part == n)) {
        let known: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        bail!("there is no part {unknown}; the parts are {}", known.join(" "));
    }
    let run = Run { places: Places::find()?, stop: Stop::listen()? };
    packages::ensure(&[packages::BUILD, packages::TEST].concat())?;
    packages::ensure_program("node", "nodejs")?;
    let started = Instant::now();
    let (mut sum, mut report) = (Tally::default(), Vec::new());
    for (name, part) in PARTS {
        if run.stop.asked() || !(names.is_empty() || names.iter().any(|n| n == name)) {
            continue;
        }
        println!("\n== {name}");
        let began = Instant::now();
        let tally = part(&run).unwrap_or_else(|error| {
            eprintln!("xtask: {name}: {error:#}");
            Tally::check(false)
        });
        report.push((*name, tally, began.elapsed()));
        sum += tally;
    }
    println!();
    for (name, tally, took) in report {
        let Tally { passed, failed } = tally;
        println!("{name:9} {passed:5} passed {failed:3} failed {:7.1} s", took.as_secs_f64());
    }
    println!("all of it took {:.1} s", started.elapsed().as_secs_f64());
    println!("{} passed, {} failed", sum.passed, sum.failed);
    let good = sum.failed == 0 && !run.stop.asked();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    fn cargo(&self, args: &[&str]) -> Command {
        cargo(&self.places, &self.places.target, args)
    }

    fn server_cargo(&self, args: &[&str]) -> Command {
        cargo(&self.places, &self.places.server_target, args)
    }

    /// A command that passes or fails as a whole.
    fn check(&self, mut command: Command) -> Result<Tally> {
        println!("$ {}", shown(&command));
        Ok(Tally::check(watch(&mut command, &self.stop, LIMIT)?.ok))
    }

    /// A `cargo test`, counted by its results.
    fn counted(&self, mut command: Command) -> Result<Tally> {
        println!("$ {}", shown(&command));
        let ran = watch(&mut command, &self.stop, LIMIT)?;
        Ok(Tally::cargo(ran.ok, &ran.out))
    }

    /// Builds what another part starts; only a failure counts.
    fn build(&self, mut command: Command) -> Result<()> {
        println!("$ {}", shown(&command));
        if !watch(&mut command, &self.stop, LIMIT)?.ok {
            bail!("{} failed", shown(&command));
        }
        Ok(())
    }

    /// What the stories and the windows are told: which programs to start.
    fn programs(&self, command: &mut Command) {
        command
            .env("HALLWAY_SERVER_BIN", self.places.server_binary("debug"))
            .env("HALLWAY_APP_BIN", self.places.app_binary("debug"))
            .env("HALLWAY_CHAT_BIN", self.places.target.join("debug/examples/chat"));
    }
}

fn fmt(run: &Run) -> Result<Tally> {
    run.check(run.cargo(&["fmt", "--all", "--check"]))
}

fn tidy(run: &Run) -> Result<Tally> {
    run.counted(run.cargo(&["test", "--locked", "-p", "xtask"]))
}

fn clippy(run: &Run) -> Result<Tally> {
    let strict = ["--", "-D", "warnings"];
    let call = ["clippy", "--locked", "--all-targets", "--keep-going", "-p"];
    let server = [&call[..], &["hallway-server"], &strict].concat();
    let mut sum = run.check(run.server_cargo(&server))?;
    let mut rest = call[..4].to_vec();
    for name in REST {
        rest.extend(["-p", name]);
    }
    rest.extend(strict);
    sum += run.check(run.cargo(&rest))?;
    Ok(sum)
}

/// Bans, licenses and sources always; advisories when their database can be had.
fn deny(run: &Run) -> Result<Tally> {
    let program = run.places.tools.join("bin/cargo-deny");
    let have = Command::new(&program).arg("--version").output();
    if !have.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim().ends_with(DENY)) {
        println!("xtask: building cargo-deny {DENY} once, into {}", run.places.tools.display());
        let mut install = run.cargo(&["install", "--locked", "--version", DENY, "cargo-deny"]);
        install.arg("--root").arg(&run.places.tools);
        run.build(install)?;
    }
    let call = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(&run.places.root).args(["--locked"]).args(args);
        command
    };
    let mut sum = Tally::default();
    for what in ["bans", "licenses", "sources"] {
        sum += run.check(call(&["check", "--hide-inclusion-graph", what]))?;
    }
    let fetched = call(&["fetch", "db"]).output().is_ok_and(|fetch| fetch.status.success());
    if fetched {
        println!("advisories: their database was had, checking them");
        sum += run.check(call(&["check", "advisories"]))?;
    } else {
        println!("advisories: NOT checked, their database could not be had from here");
    }
    Ok(sum)
}

fn protocol(run: &Run) -> Result<Tally> {
    run.counted(run.cargo(&[
        "test",
        "--locked",
        "--no-fail-fast",
        "-p",
        "hallway-protocol",
        "-p",
        "hallway-kit",
    ]))
}

fn server(run: &Run) -> Result<Tally> {
    run.counted(run.server_cargo(&["test", "--locked", "--no-fail-fast", "-p", "hallway-server"]))
}

/// What the server says of itself, and what it does.
fn described(run: &Run) -> Result<Tally> {
    run.build(run.server_cargo(&["build", "--locked", "-p", "hallway-server"]))?;
    interface::check(&run.places, &run.stop)
}

/// The package of the server, with the program as it is tested.
fn package(run: &Run) -> Result<Tally> {
    run.build(run.server_cargo(&["build", "--locked", "-p", "hallway-server"]))?;
    dist::check(&run.places, &run.stop)
}

/// As shipped; then with mistakes planted, which the simulation must find. It says in how many seeds.
fn core(run: &Run) -> Result<Tally> {
    let shipped =
        ["test", "--locked", "--no-fail-fast", "-p", "hallway-core", "--", "--skip", "mistakes"];
    let mut sum = run.counted(run.cargo(&shipped))?;
    let planted = ["test", "--locked", "-p", "hallway-core", "--features", "planted"];
    let mistakes = ["--test", "simulation", "--", "--show-output", "mistakes"];
    sum += run.counted(run.cargo(&[&planted[..], &mistakes].concat()))?;
    Ok(sum)
}

fn ui(run: &Run) -> Result<Tally> {
    let mut tests = Vec::new();
    find(&run.places.root.join("ui/tests"), ".test.js", &mut tests)?;
    let mut node = Command::new("node");
    node.current_dir(&run.places.root).args(["--test", "--test-reporter=spec"]).args(&tests);
    println!("$ node --test ui/tests");
    let ran = watch(&mut node, &run.stop, LIMIT)?;
    Ok(Tally::node(ran.ok, &ran.out))
}

fn stories(run: &Run) -> Result<Tally> {
    run.build(run.server_cargo(&["build", "--locked", "-p", "hallway-server"]))?;
    run.build(run.cargo(&["build", "--locked", "-p", "hallway-core", "--example", "chat"]))?;
    let mut tests =
        run.cargo(&["test", "--locked", "--no-fail-fast", "-p", "hallway-tests", "--lib"]);
    tests.args(["--test", "stories"]);
    run.programs(&mut tests);
    run.counted(tests)
}

fn windows(run: &Run) -> Result<Tally> {
    run.build(run.server_cargo(&["build", "--locked", "-p", "hallway-server"]))?;
    run.build(run.cargo(&["build", "--locked", "-p", "hallway"]))?;
    let mut sum = run.counted(run.cargo(&["test", "--locked", "-p", "hallway"]))?;
    let mut tests = run.cargo(&["test", "--locked", "-p", "hallway-tests", "--test", "windows"]);
    run.programs(&mut tests);
    sum += run.counted(on_a_desktop(&run.places, &tests))?;
    Ok(sum)
}

/// The package of the app, with the program as it is tested.
fn installed(run: &Run) -> Result<Tally> {
    run.build(run.server_cargo(&["build", "--locked", "-p", "hallway-server"]))?;
    run.build(run.cargo(&["build", "--locked", "-p", "hallway"]))?;
    bundle::check(&run.places, &run.stop)
}

/// All files below a folder with this ending, sorted.
fn find(dir: &Path, ending: &str, into: &mut Vec<std::path::PathBuf>) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find(&path, ending, into)?;
        } else if path.to_string_lossy().ends_with(ending) {
            into.push(path);
        }
    }
    Ok(())
}
