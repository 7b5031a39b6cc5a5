//! `cargo xtask dist server`: what people install: a `.deb` with user, unit and configuration, and the
//! bare program for everything else. The parts lie in `server/package`; dpkg-deb puts them together.

use crate::command::{Stop, cargo, shown, watch};
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
/// The most that `systemd-analyze security` may find exposed, in tenths.
const EXPOSURE: &str = "20";
/// Where a file of `server/package` goes, and its mode.
const FILES: &[(&str, &str, u32)] = &[
    ("hallway-server.service", "usr/lib/systemd/system/hallway-server.service", 0o644),
    ("hallway.toml", "etc/hallway/hallway.toml", 0o644),
    ("debian/conffiles", "DEBIAN/conffiles", 0o644),
    ("debian/postinst", "DEBIAN/postinst", 0o755),
    ("debian/prerm", "DEBIAN/prerm", 0o755),
    ("debian/postrm", "DEBIAN/postrm", 0o755),
];

/// Builds the server as it ships and packs it into `target/dist`.
pub fn server() -> Result<ExitCode> {
    let (places, stop) = (Places::find()?, Stop::listen()?);
    packages::ensure(packages::BUILD)?;
    let call = ["build", "--locked", "--release", "-p", "hallway-server"];
    let mut build = cargo(&places, &places.server_target, call);
    if !watch(&mut build, &stop, LIMIT)?.ok {
        bail!("{} failed", shown(&build));
    }
    let folder = places.target.join("dist");
    fs::create_dir_all(&folder)?;
    let program = folder.join("hallway-server");
    fs::copy(places.server_binary("release"), &program)?;
    let package = deb(&places, &program, &version(&places)?, &folder, "xz")?;
    for made in [&program, &package] {
        println!("{}", size(made)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// A file and how large it is.
pub fn size(made: &Path) -> Result<String> {
    let size = fs::metadata(made)?.len();
    Ok(format!("{} ({:.1} MiB)", made.display(), size as f64 / f64::from(1 << 20)))
}

/// Tests the package: the unit is judged by systemd, the rest by living through it.
pub fn check(places: &Places, stop: &Stop) -> Result<Tally> {
    let folder = places.target.join("dist-check");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let (given, parts) = (folder.join("given"), places.root.join("server/package"));
    fs::create_dir_all(&given)?;
    let mut judge = Command::new("systemd-analyze");
    judge.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
    judge.arg(parts.join("hallway-server.service"));
    println!("$ {}", shown(&judge));
    let mut sum = Tally::check(watch(&mut judge, stop, LIMIT)?.ok);
    let (version, program) = (version(places)?, places.server_binary("debug"));
    let first = deb(places, &program, &format!("{version}~before"), &given, "none")?;
    let second = deb(places, &program, &version, &given, "none")?;
    put(&parts.join("walk.sh"), &given.join("walk.sh"), 0o755)?;
    let mut walk = alone(&parts, &folder)?;
    walk.args(["sh", "walk.sh"])
        .args([first.file_name(), second.file_name()].into_iter().flatten());
    println!("$ {}", shown(&walk));
    let ran = watch(&mut walk, stop, LIMIT)?;
    sum += Tally::lines(ran.ok, &ran.out);
    Ok(sum)
}

/// What runs a command where a package can be installed: on a private copy of the file system, which
/// is gone afterwards; where the kernel makes none, on this machine, if that is nobody's (`CI`).
pub fn alone(parts: &Path, folder: &Path) -> Result<Command> {
    let private = || {
        let mut command = packages::as_root("unshare");
        command.args(["--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]);
        command.arg("sh").arg(parts.join("private.sh")).arg(folder);
        command.args(["env", "-C", "/mnt"]);
        command
    };
    if private().arg("true").output().is_ok_and(|ran| ran.status.success()) {
        return Ok(private());
    }
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        println!("xtask: no private file system here; the package is installed on this machine");
        let mut command = packages::as_root("env");
        command.arg("-C").arg(folder.join("given"));
        return Ok(command);
    }
    bail!(
        "the package is tested on a private copy of the file system, which needs root and overlayfs"
    )
}

/// Packs one `.deb`; its path.
fn deb(
    places: &Places,
    program: &Path,
    version: &str,
    folder: &Path,
    compression: &str,
) -> Result<PathBuf> {
    let parts = places.root.join("server/package");
    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    put(program, &tree.join("usr/bin/hallway-server"), 0o755)?;
    for (from, to, mode) in FILES {
        put(&parts.join(from), &tree.join(to), *mode)?;
    }
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
    // Built against this C library, it runs with this one or a later one.
    let libc = said(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let size = fs::metadata(program)?.len().div_ceil(1024).to_string();
    let control = fs::read_to_string(parts.join("debian/control"))?
        .replace("{version}", version)
        .replace("{architecture}", &architecture)
        .replace("{libc}", libc.trim_start_matches("glibc "))
        .replace("{size}", &size);
    fs::write(tree.join("DEBIAN/control"), control)?;
    let package = folder.join(format!("hallway-server_{version}_{architecture}.deb"));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", &format!("-Z{compression}"), "--build"]);
    said(pack.arg(&tree).arg(&package))?;
    fs::remove_dir_all(&tree)?;
    Ok(package)
}

/// Copies a file, with the folders above it.
pub fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    permit(to, mode)
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

#[cfg(not(unix))]
fn permit(_: &Path, _: u32) -> Result<()> {
    bail!("the package is made on a Debian system")
}

/// What a command says, on one line.
fn said(command: &mut Command) -> Result<String> {
    let ran = command.output().with_context(|| format!("{} did not start", shown(command)))?;
    if !ran.status.success() {
        bail!("{} failed: {}", shown(command), String::from_utf8_lossy(&ran.stderr));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
}

/// The version that all crates have.
fn version(places: &Places) -> Result<String> {
    let asked = ["metadata", "--locked", "--no-deps", "--offline", "--format-version", "1"];
    let known = said(&mut cargo(places, &places.target, asked))?;
    let known: serde_json::Value = serde_json::from_str(&known)?;
    let packages = known["packages"].as_array().context("packages")?;
    let server = packages.iter().find(|package| package["name"] == "hallway-server");
    Ok(server.and_then(|server| server["version"].as_str()).context("a version")?.to_owned())
}
