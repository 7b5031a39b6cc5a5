//! What the README's two commands call: `run` and `test`, and `bench` beside them.
//!
//! It compiles in seconds (a few small crates, nothing of ours), because it is what a newcomer waits
//! for first. The tidy rules of the house are plain tests in `xtask/tests/tidy`.

use anyhow::{Result, bail};
use std::process::ExitCode;

mod api;
mod bench;
mod bundle;
mod command;
mod demo;
mod desktop;
mod dist;
mod interface;
mod packages;
mod people;
mod places;
mod run;
mod tally;
mod test;

const USAGE: &str = "\
cargo xtask run [--demo]     build, start a server on 127.0.0.1:7340 with ./data, open the app as Ada
                             --demo: four people, rooms full of talk, two windows
cargo xtask test [part…]     install what the tests need and run all of them, or the named parts
cargo xtask bench [figure…]  print the figures of the release build: a b c d e window
cargo xtask dist server      pack the server for others: a .deb and the program, in target/dist
cargo xtask dist desktop     pack the app for others: a .deb and an .rpm, in target/dist";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    let rest = args.get(1..).unwrap_or_default();
    match args.first().map(String::as_str) {
        Some("run") => match rest {
            [] => run::run(false),
            [flag] if flag == "--demo" => run::run(true),
            other => bail!("run does not know {}\n{USAGE}", other.join(" ")),
        },
        Some("test") => test::test(rest),
        Some("bench") => bench::bench(rest),
        Some("dist") => match rest {
            [what] if what == "server" => dist::server(),
            [what] if what == "desktop" => bundle::desktop(),
            _ => bail!("dist packs: server, desktop\n{USAGE}"),
        },
        None | Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => bail!("there is no task {other}\n{USAGE}"),
    }
}
