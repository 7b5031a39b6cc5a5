//! `export`: what is a person's, a room's, or everybody's, for people to read: a tar file with lines
//! of JSON by kind, and the files. It stands in the record. No secret and no hash is in it: which
//! columns are told is said in `export/parts.rs`, and a table without a word there fails a test.

pub mod parts;

use super::check::size;
use super::reach::ours;
use super::{Place, Said, configured, fresh, restore};
use crate::config::Config;
use crate::files::shelf::Shelf;
use crate::store::audit::{self, Actor, Note};
use crate::store::whole::dump::Snapshot;
use anyhow::{Context, Result, ensure};
use hallway_kit::Clock;
use hallway_protocol::text::folded;
use parts::{FILES, PARTS, Part};
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Lines that are collected before they are written, bytes.
const PIECE: usize = 4 * 1024 * 1024;
/// Columns that hold JSON already.
const JSON: [&str; 6] = ["meta", "config", "detail", "value", "files", "payload"];

/// `export`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// Where to; a tar file
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Write over FILE where it is there already
    #[arg(long)]
    force: bool,
    /// Tenant in which the name of --user is looked for
    #[arg(long, value_name = "TENANT", default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

/// Whose; one of them.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// All that is one person's, by name or number
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// All that was said in one room, by number
    #[arg(long, value_name = "NUMBER")]
    room: Option<i64>,
    /// Everything of everybody
    #[arg(long)]
    all: bool,
}

/// Of what rows are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// One person.
    Person(i64),
    /// One room.
    Room(i64),
    /// All.
    All,
}

impl Of {
    /// The condition of a part; none: it is not told.
    fn filter(self, part: &Part) -> Option<String> {
        match self {
            Of::Person(id) => part.person.map(|sql| sql.replace("{id}", &id.to_string())),
            Of::Room(id) => part.room.map(|sql| sql.replace("{id}", &id.to_string())),
            Of::All => Some("1 = 1".into()),
        }
    }
}

/// Writes it.
pub fn run(ask: &Ask) -> Result<Said> {
    let config = configured(&ask.place.flags())?;
    ours(&config.data)?;
    restore::finished(&config)?;
    let there = config.database_url.is_some() || config.data.join("hallway.db").exists();
    let data = config.data.display();
    ensure!(there, "there are no data in {data}; name the server's folder with --data");
    fresh(&ask.to, ask.force)?;
    let mut snapshot = Snapshot::take(&config.place())?;
    let of = match (&ask.whose.user, ask.whose.room) {
        (Some(who), _) => Of::Person(person(&mut snapshot, who, &ask.tenant)?),
        (_, Some(id)) => Of::Room(id),
        _ => Of::All,
    };
    exists(&mut snapshot, of)?;
    let note = Note::of(None, Actor::Operator, "exported");
    let note = match of {
        Of::Person(id) => note.on(format_args!("user:{id}")),
        Of::Room(id) => note.on(format_args!("room:{id}")),
        Of::All => note,
    };
    audit::beside(&config.place(), Clock::system().now(), &note)?;
    let (lines, files) = written(&config, &mut snapshot, of, &ask.to)?;
    let length = fs::metadata(&ask.to)?.len();
    let summary = json!({"lines": lines, "files": files, "bytes": length});
    let (to, size) = (ask.to.display(), size(length));
    let said = format!("Exported {lines} lines and {files} files, {size}, to {to}.");
    Ok(Said::from(if ask.place.form.json { summary.to_string() } else { said }))
}

/// The number of somebody who is named.
fn person(snapshot: &mut Snapshot, who: &str, tenant: &str) -> Result<i64> {
    if let Ok(number) = who.parse() {
        return Ok(number);
    }
    let quoted = |word: &str| folded(word).replace('\'', "''");
    let (name, of) = (quoted(who), quoted(tenant));
    let found = snapshot.texts(&format!(
        "select cast(u.id as text) from users u join tenants t on t.id = u.tenant
         where u.name_folded = '{name}' and (t.name = '{of}' or cast(t.id as text) = '{of}')"
    ))?;
    let found = found.first().and_then(|id| id.parse().ok());
    found.with_context(|| format!("there is nobody called {who} in {tenant}"))
}

fn exists(snapshot: &mut Snapshot, of: Of) -> Result<()> {
    let (sql, what) = match of {
        Of::All => return Ok(()),
        Of::Person(id) => (format!("select name from users where id = {id}"), "person"),
        Of::Room(id) => {
            (format!("select name from rooms where id = {id} and deleted_at is null"), "room")
        }
    };
    ensure!(!snapshot.texts(&sql)?.is_empty(), "there is no such {what}");
    Ok(())
}

fn written(config: &Config, snapshot: &mut Snapshot, of: Of, to: &Path) -> Result<(u64, usize)> {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let cannot = || format!("cannot write {}", part.display());
    let _ = fs::remove_file(&part);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&part);
    let mut tar = Builder::new(BufWriter::new(file.with_context(cannot)?));
    let mut put = || {
        let lines = tables(snapshot, of, &mut tar)?;
        let files = files(&Shelf::open(config)?, snapshot, of, &mut tar)?;
        Ok::<_, anyhow::Error>((lines, files))
    };
    let counted = put();
    let ended = tar.into_inner().and_then(|out| out.into_inner().map_err(|e| e.into_error()));
    let ended = ended.and_then(|file| file.sync_all()).with_context(cannot);
    let counted = counted.and_then(|counted| ended.map(|()| counted));
    if counted.is_err() {
        let _ = fs::remove_file(&part);
        return counted;
    }
    fs::rename(&part, to).with_context(|| format!("cannot write {}", to.display()))?;
    counted
}

fn tables(snapshot: &mut Snapshot, of: Of, tar: &mut Builder<impl Write>) -> Result<u64> {
    let mut lines = 0;
    for part in PARTS {
        let Some(filter) = of.filter(part) else { continue };
        let names: Vec<&str> =
            part.columns.iter().map(|column| column.rsplit('.').next().unwrap_or(column)).collect();
        let (columns, from) = (part.columns.join(", "), part.from);
        let sql = format!("select {columns} from {from} where ({filter})");
        let (mut piece, mut pieces) = (String::new(), 0);
        let name = |pieces: u32| match pieces {
            0 => format!("{}.jsonl", part.name),
            more => format!("{}.{more}.jsonl", part.name),
        };
        lines += snapshot.query(&sql, names.len(), &mut |row| {
            piece.push_str(&object(&names, row));
            piece.push('\n');
            if piece.len() >= PIECE {
                member(tar, &name(pieces), piece.len() as u64, piece.as_bytes())?;
                piece.clear();
                pieces += 1;
            }
            Ok(())
        })?;
        if !piece.is_empty() {
            member(tar, &name(pieces), piece.len() as u64, piece.as_bytes())?;
        }
    }
    Ok(lines)
}

/// A row as an object; what is null is left out.
fn object(names: &[&str], row: &str) -> String {
    let values: Vec<Value> = serde_json::from_str(row).unwrap_or_default();
    let mut object = Map::new();
    for (name, value) in names.iter().zip(values) {
        let inner = value.as_str().filter(|_| JSON.contains(name));
        let inner = inner.and_then(|text| serde_json::from_str(text).ok());
        let value = inner.unwrap_or(value);
        if !value.is_null() {
            object.insert((*name).to_owned(), value);
        }
    }
    Value::from(object).to_string()
}

/// The bytes of the files, under the names that people gave them.
fn files(
    shelf: &Shelf,
    snapshot: &mut Snapshot,
    of: Of,
    tar: &mut Builder<impl Write>,
) -> Result<usize> {
    if !snapshot.tables.iter().any(|table| table.name == "media") {
        return Ok(0);
    }
    let Some(filter) = of.filter(&FILES) else { return Ok(0) };
    let (columns, from) = (FILES.columns.join(", "), FILES.from);
    let mut found: Vec<[String; 3]> = Vec::new();
    let sql = format!("select {columns} from {from} where ({filter})");
    snapshot.query(&sql, FILES.columns.len(), &mut |row| {
        found.push(serde_json::from_str(row)?);
        Ok(())
    })?;
    let mut count = 0;
    for [id, place, name] in found {
        let Some(file) = shelf.read(&format!("{place}/file"))? else { continue };
        let plain: String =
            name.chars().map(|c| if "/\\\0".contains(c) { '_' } else { c }).collect();
        member(tar, &format!("files/{id}-{plain}"), file.size, file.from)?;
        count += 1;
    }
    Ok(count)
}

fn member(tar: &mut Builder<impl Write>, name: &str, length: u64, from: impl Read) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(Clock::system().now() / 1000).unwrap_or(0));
    header.set_entry_type(EntryType::Regular);
    tar.append_data(&mut header, name, from).with_context(|| format!("writing {name}"))
}
