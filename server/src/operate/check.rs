//! `check`: the configuration with the source of every value, and the state of all that the server
//! stands on. It makes nothing and changes nothing but for an object in the bucket, which it deletes
//! again, and may be asked beside a running server.

mod outside;

use super::restore::cut_off;
use super::{Said, columns, configured, environment, readable};
use crate::config::sources::{Setting, Source, settings};
use crate::config::{Config, Flags, IN_THE_OPEN, strangers};
use crate::folder::{Secret, is_held, lost};
use crate::mailer::Mailer;
use crate::store::StoreError;
use crate::store::probe::{self, Look};
use crate::tls::Tls;
use hallway_kit::Clock;
use rustix::fs::{Access, access, statvfs};
use serde::Serialize;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Under this a disk is nearly full.
const LITTLE: u64 = 1024 * 1024 * 1024;
/// Under this there is no room to start.
const NOTHING: u64 = 16 * 1024 * 1024;
/// A certificate should be renewed this long before its end, milliseconds.
const RENEW: i64 = 14 * DAY;
const DAY: i64 = 24 * 3_600_000;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(flatten)]
    flags: Flags,
    /// Hold every index of the SQLite database against its table, which takes longer
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    form: super::Form,
}

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Well.
    Ok,
    /// It would start, but somebody should look.
    Warn,
    /// It would not start.
    Bad,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    says: String,
    /// The setting that it hangs on.
    setting: &'static str,
    /// Who said that setting.
    source: Source,
}

#[derive(Debug, Serialize)]
struct Report {
    starts: bool,
    running: bool,
    settings: Vec<Setting>,
    health: Vec<Finding>,
}

/// Looks, and says whether it would start.
pub fn run(ask: &Ask) -> anyhow::Result<Said> {
    let config = configured(&ask.flags)?;
    let settings = settings(&config, &ask.flags, environment)?;
    let running = is_held(&config.data);
    let looked = probe::look(&config.place(), ask.full);
    let sessions = looked.as_ref().ok().and_then(Option::as_ref).map_or(0, |look| look.sessions);
    let mut health = vec![
        folder(&config.data),
        secret(&config, sessions),
        database(&config, looked),
        disk(&config.data),
        address(&config, running),
        tls(&config),
        mail(&config),
    ];
    health.extend(outside::findings(&config)?);
    for finding in &mut health {
        let known = settings.iter().find(|setting| setting.name == finding.setting);
        finding.source = known.map_or(Source::Default, |setting| setting.source);
    }
    health.extend(strangers(readable(std::env::vars_os())).into_iter().map(|says| Finding {
        source: Source::Environment,
        ..found("environment", State::Warn, says)
    }));
    let starts = health.iter().all(|finding| finding.state != State::Bad);
    let report = Report { starts, running, settings, health };
    let text = if ask.form.json { serde_json::to_string_pretty(&report)? } else { text(&report) };
    Ok(Said { text, well: starts })
}

fn text(report: &Report) -> String {
    let of = |setting: &Setting| {
        let value = setting.value.clone().unwrap_or_else(|| "-".into());
        vec![format!("  {}", setting.name), value, setting.source.text().into()]
    };
    let settings: Vec<_> = report.settings.iter().map(of).collect();
    let of = |finding: &Finding| {
        let state = match finding.state {
            State::Ok => "  ok",
            State::Warn => "  warn",
            State::Bad => "  BAD",
        };
        let source = finding.source.text();
        vec![state.into(), finding.what.into(), source.into(), finding.says.clone()]
    };
    let health: Vec<_> = report.health.iter().map(of).collect();
    let end = match (report.starts, report.running) {
        (true, true) => "It runs.",
        (true, false) => "It would start.",
        (false, true) => "It runs, but would not start again.",
        (false, false) => "It would not start.",
    };
    format!("Configuration\n{}\nHealth\n{}\n{end}", columns(&settings), columns(&health))
}

fn found(what: &'static str, state: State, says: impl Into<String>) -> Finding {
    let setting = match what {
        "database" => "database_url",
        "secret" => "secret_file",
        "address" => "listen",
        "TLS" => "tls_cert",
        "mail" => "mail",
        "files" => "files_url",
        "sign-in" => "oidc_issuer",
        "traces" => "otlp_url",
        "push" => "base_url",
        _ => "data",
    };
    Finding { what, state, says: says.into(), setting, source: Source::Default }
}

/// The folder is there or can be made, is ours, and nobody else's to read.
fn folder(data: &Path) -> Finding {
    let found = |state, says: String| found("data folder", state, says);
    let place = data.display();
    let Ok(known) = std::fs::metadata(data) else {
        let above =
            data.ancestors().skip(1).find(|path| path.exists() || path.as_os_str().is_empty());
        let above = above.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match access(above, Access::WRITE_OK) {
            Ok(()) => found(State::Ok, format!("{place} is not there yet and will be made")),
            Err(_) => found(State::Bad, format!("{place} is not there and cannot be made")),
        };
    };
    let mode = Permissions::mode(&known.permissions()) & 0o777;
    if !known.is_dir() {
        found(State::Bad, format!("{place} is not a folder"))
    } else if access(data, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        found(State::Bad, format!("{place} cannot be written by the user who asks"))
    } else if mode & 0o077 != 0 {
        let says = format!("{place} is open to others ({mode:o}): chmod 700 {place}");
        found(State::Warn, says)
    } else {
        found(State::Ok, format!("{place}, {mode:o}"))
    }
}

/// The secret is there or will be made, is strong, and nobody else's to read; the operator's token
/// likewise.
fn secret(config: &Config, sessions: i64) -> Finding {
    let found = |state, says: String| found("secret", state, says);
    let path = config.secret_path();
    let operator = config.data.join("operator");
    let open =
        std::fs::metadata(&operator).is_ok_and(|known| known.permissions().mode() & 0o077 != 0);
    if open {
        let place = operator.display();
        return found(State::Bad, format!("{place} can be read by others: chmod 600 {place}"));
    }
    if !path.exists() && sessions > 0 {
        return found(State::Warn, lost(&path, sessions));
    }
    if !path.exists() {
        let made = format!("{} is not there yet and will be made", path.display());
        return found(State::Ok, made);
    }
    match Secret::load(&path) {
        Ok(_) => found(State::Ok, format!("{} is strong and closed to others", path.display())),
        Err(error) => found(State::Bad, format!("{error:#}")),
    }
}

fn database(config: &Config, look: Result<Option<Look>, StoreError>) -> Finding {
    let found = |state, says: String| found("database", state, says);
    if let Ok(Some(says)) = cut_off(config) {
        return found(State::Bad, says);
    }
    match look {
        Ok(None) => found(State::Ok, "SQLite, not there yet, will be made".into()),
        Ok(Some(look)) => {
            let (state, says) = looked(&look);
            found(state, says)
        }
        Err(error) => {
            let error = anyhow::Error::new(error);
            let why = error.chain().last().map(ToString::to_string).unwrap_or_default();
            found(State::Bad, format!("cannot be reached: {why}"))
        }
    }
}

fn looked(look: &Look) -> (State, String) {
    let engine = &look.engine;
    if look.too_old {
        return (State::Bad, format!("{engine} is too old: 15 or newer is needed"));
    }
    if let Some(damage) = &look.damage {
        return (State::Bad, format!("{engine}, DAMAGED, restore a backup: {damage}"));
    }
    if let Some(step) = look.ahead.first() {
        let says = format!("{engine}, used by a newer version of the server (step {step})");
        return (State::Bad, says);
    }
    let Some(schema) = &look.schema else {
        return (State::Ok, format!("{engine}, empty, the schema will be made"));
    };
    let epoch = look.epoch.as_deref().unwrap_or("none");
    let next = match look.behind.len() {
        0 => String::new(),
        n => format!(", the next start takes {n} steps more"),
    };
    (State::Ok, format!("{engine}, sound, schema {schema}{next}, epoch {epoch}"))
}

fn disk(data: &Path) -> Finding {
    let found = |state, says: String| found("disk", state, says);
    let near = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match statvfs(near) {
        Err(error) => found(State::Warn, format!("cannot be asked: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let all = disk.f_blocks.saturating_mul(disk.f_frsize);
            let says = format!("{} of {} free", size(free), size(all));
            let state = match free {
                0..NOTHING => State::Bad,
                NOTHING..LITTLE => State::Warn,
                _ => State::Ok,
            };
            found(state, says)
        }
    }
}

fn address(config: &Config, running: bool) -> Finding {
    let found = |state, says: String| found("address", state, says);
    if running {
        return found(State::Ok, "a server runs on this data folder".into());
    }
    match TcpListener::bind(&config.listen) {
        Ok(_) => found(State::Ok, format!("{} is free", config.listen)),
        Err(error) => found(State::Bad, format!("cannot listen on {}: {error}", config.listen)),
    }
}

fn tls(config: &Config) -> Finding {
    let found = |state, says: String| found("TLS", state, says);
    let dates = match Tls::load(config) {
        Ok(None) if config.is_in_the_open() => return found(State::Warn, IN_THE_OPEN.into()),
        Ok(None) => return found(State::Ok, "off: plain HTTP, as behind a proxy".into()),
        Ok(Some(tls)) => tls.dates(),
        Err(error) => Err(error),
    };
    let now = Clock::system().now();
    match dates {
        Err(error) => found(State::Bad, format!("{error:#}")),
        Ok((from, until)) => {
            let days = (until - now).div_euclid(DAY);
            let (state, says) = match (from > now, until <= now) {
                (true, _) => (State::Warn, "the certificate is not good yet".to_owned()),
                (_, true) => (State::Warn, format!("the certificate ended {} days ago", -days)),
                _ if until - now < RENEW => {
                    (State::Warn, format!("the certificate ends in {days} days: renew it"))
                }
                _ => (State::Ok, format!("the certificate is good for {days} days")),
            };
            found(state, says)
        }
    }
}

fn mail(config: &Config) -> Finding {
    let found = |state, says: String| found("mail", state, says);
    if config.mail == "off" {
        return found(State::Ok, "off".into());
    }
    let reached = || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mailer = Mailer::open(config)?;
        runtime.block_on(mailer.reaches())
    };
    match reached() {
        Ok(()) if config.mail == "log" => found(
            State::Warn,
            "goes into the log, where whoever reads it can open its links".into(),
        ),
        Ok(()) => found(State::Ok, format!("{} answers", config.mail)),
        // It starts without; what is to be sent waits.
        Err(error) => found(State::Warn, format!("{} does not answer: {error:#}", config.mail)),
    }
}

/// Bytes as a person reads them.
pub fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut left, mut unit) = (bytes, 0);
    while left >= 10 * 1024 && unit + 1 < units.len() {
        left /= 1024;
        unit += 1;
    }
    format!("{left} {}", units[unit])
}
