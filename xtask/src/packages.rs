//! Packages of the system: what is missing is named, then installed.
//!
//! Only Debian and its kin are done for the person; elsewhere the line to run is printed and the
//! work goes on, because the names there are not ours to know.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// What building the server and the app needs. `libssl-dev` is for the app's SQLCipher.
pub const BUILD: &[&str] =
    &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "libssl-dev"];

/// What the tests need beyond that: a screen, a driver for it, a session bus with its services and
/// its register of programs, PostgreSQL, a clock that can be wrong, fonts with the signs people type,
/// Python, a judge of units.
pub const TEST: &[&str] = &[
    "xvfb",
    "xauth",
    "webkit2gtk-driver",
    "dbus-daemon",
    "gnome-keyring",
    "dunst",
    "openbox",
    "libglib2.0-bin",
    "desktop-file-utils",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
    "postgresql-15",
    "faketime",
    "python3-venv",
    "systemd",
    "adduser",
];

/// Installs what of these is missing, after saying so.
pub fn ensure(names: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        let line = elsewhere(names);
        println!("xtask: this system has no apt; where something is missing: {line}");
        return Ok(());
    }
    let missing = missing(names)?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("xtask: missing on this system: {}", missing.join(" "));
    apt(&["update", "-q"])?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt(&install.iter().copied().chain(missing.iter().copied()).collect::<Vec<_>>())
}

/// A program of these names is in the path, or the package is installed.
pub fn ensure_program(program: &str, package: &str) -> Result<()> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()));
    if found { Ok(()) } else { ensure(&[package]) }
}

fn missing<'a>(names: &[&'a str]) -> Result<Vec<&'a str>> {
    let asked = Command::new("dpkg-query")
        .args(["-W", "-f", "${Package} ${db:Status-Status}\n"])
        .args(names)
        .output()
        .context("dpkg-query")?;
    let known = String::from_utf8_lossy(&asked.stdout).into_owned();
    let installed = |name: &str| known.lines().any(|line| line == format!("{name} installed"));
    Ok(names.iter().copied().filter(|name| !installed(name)).collect())
}

/// A program as root: directly, else through sudo, which asks for the password itself.
pub fn as_root(program: &str) -> Command {
    if root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["DEBIAN_FRONTEND=noninteractive", program]);
    sudo
}

fn apt(args: &[&str]) -> Result<()> {
    let line = format!("apt-get {}", args.join(" "));
    if !root() && !Path::new("/usr/bin/sudo").exists() {
        bail!("this needs root; run as root: {line}");
    }
    println!("xtask: {line}");
    let mut command = as_root("apt-get");
    let status = command.env("DEBIAN_FRONTEND", "noninteractive").args(args).status()?;
    if !status.success() {
        bail!("{line} failed; mend it and start again");
    }
    Ok(())
}

#[cfg(unix)]
fn root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn root() -> bool {
    false
}

/// The line for a person on another system.
fn elsewhere(names: &[&str]) -> String {
    match std::env::consts::OS {
        "macos" => "xcode-select --install".to_owned(),
        "windows" => "winget install Microsoft.EdgeWebView2Runtime".to_owned(),
        _ => {
            format!("install with its package manager what Debian calls: {}", names.join(" "))
        }
    }
}
