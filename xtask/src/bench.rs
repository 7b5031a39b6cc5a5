//! `cargo xtask bench`: builds everything as it ships and lets the bench crate measure.

use crate::command::{Group, Stop, cargo, shown};
use crate::desktop::on_a_desktop;
use crate::packages;
use crate::places::Places;
use anyhow::{Result, bail};
use std::process::{Command, ExitCode};

/// Prints the figures; arguments go to the bench program.
pub fn bench(args: &[String]) -> Result<ExitCode> {
    let (places, stop) = (Places::find()?, Stop::listen()?);
    packages::ensure(&[packages::BUILD, packages::TEST].concat())?;
    let release = |package, parts: &[&'static str]| {
        [&["build", "--locked", "--release", "-p", package], parts].concat()
    };
    for mut call in [
        cargo(&places, &places.server_target, release("hallway-server", &[])),
        cargo(&places, &places.target, release("hallway", &["--bins", "--example", "empty"])),
        cargo(&places, &places.target, release("hallway-core", &["--example", "chat"])),
        cargo(&places, &places.target, release("hallway-bench", &[])),
    ] {
        if !go(&mut call, &stop)? {
            bail!("{} failed", shown(&call));
        }
    }
    let mut bench = Command::new(places.target.join("release/hallway-bench"));
    bench
        .current_dir(&places.root)
        .args(args)
        .env("HALLWAY_SERVER_BIN", places.server_binary("release"))
        .env("HALLWAY_APP_BIN", places.app_binary("release"))
        .env("HALLWAY_CHAT_BIN", places.target.join("release/examples/chat"));
    Ok(if go(&mut on_a_desktop(&places, &bench), &stop)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn go(command: &mut Command, stop: &Stop) -> Result<bool> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = Group::start(&name, command)?.wait(stop, None)?;
    Ok(status.is_some_and(|status| status.success()))
}
