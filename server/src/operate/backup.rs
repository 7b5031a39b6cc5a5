//! `backup`: everything of one moment, tables and files, beside a running server or without one. It
//! is the same from both engines and from either storage, and goes back into any. Writers do not wait
//! for it; memory is that of one piece, and of the names of the files. The server's secret and the
//! operator's token are not in it, and what is sealed with the secret stays sealed.

use super::archive::{FORM, Listed, Manifest, PIECE, Pack};
use super::check::size;
use super::reach::ours;
use super::{Place, Said, configured, fresh};
use crate::config::Config;
use crate::files::shelf::Shelf;
use crate::folder::Secret;
use crate::store::whole::dump::Snapshot;
use anyhow::{Context, Result, ensure};
use hallway_kit::Clock;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// `backup`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// Where to; `-` for standard output
    #[arg(value_name = "FILE", required_unless_present = "to", conflicts_with = "to")]
    file: Option<PathBuf>,
    /// The same, by name
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Leave the files out; their folder or bucket is backed up by its own means
    #[arg(long)]
    without_files: bool,
    /// Write over FILE where it is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

/// Makes one.
pub fn run(ask: &Ask) -> Result<Said> {
    let config = configured(&ask.place.flags())?;
    ours(&config.data)?;
    super::restore::finished(&config)?;
    let there = config.database_url.is_some() || config.data.join("hallway.db").exists();
    let data = config.data.display();
    ensure!(there, "there are no data in {data}; name the server's folder with --data");
    let to = ask.file.as_deref().or(ask.to.as_deref()).context("where to?")?;
    if to == Path::new("-") {
        let out = std::io::stdout();
        ensure!(!out.is_terminal(), "a backup is no text: name a file, or send it into a pipe");
        let (mut out, manifest) = pack(&config, ask.without_files, BufWriter::new(out.lock()))?;
        out.flush()?;
        eprintln!("{}", told(&manifest, "standard output"));
        return Ok(Said::from(String::new()));
    }
    fresh(to, ask.force)?;
    let manifest = written(&config, ask.without_files, to)?;
    let said = told(&manifest, &to.display().to_string());
    Ok(Said::from(if ask.place.form.json { summary(&manifest).to_string() } else { said }))
}

/// Under a name that says it is not done, until it is, and is on disk.
fn written(config: &Config, without_files: bool, to: &Path) -> Result<Manifest> {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let cannot = || format!("cannot write {}", part.display());
    let _ = fs::remove_file(&part);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&part);
    let file = file.with_context(cannot)?;
    let packed = pack(config, without_files, BufWriter::new(file)).and_then(|(out, manifest)| {
        let file = out.into_inner().map_err(|error| error.into_error()).with_context(cannot)?;
        file.sync_all().with_context(cannot)?;
        fs::rename(&part, to).with_context(|| format!("cannot write {}", to.display()))?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(manifest)
    });
    if packed.is_err() {
        let _ = fs::remove_file(&part);
    }
    packed
}

fn pack<W: Write>(config: &Config, without_files: bool, to: W) -> Result<(W, Manifest)> {
    let made_at = Clock::system().now();
    let mut snapshot = Snapshot::take(&config.place())?;
    let mut pack = Pack::new(to, u64::try_from(made_at / 1000).unwrap_or(0));
    let tables = tables(&mut snapshot, &mut pack)?;
    let places = places(&mut snapshot)?;
    let manifest = Manifest {
        form: FORM,
        version: env!("CARGO_PKG_VERSION").into(),
        made_at,
        engine: snapshot.engine.into(),
        schema: snapshot.steps.clone(),
        epoch: snapshot.epoch.clone(),
        secret: fingerprint(config)?,
        tables,
        without_files,
        missing: Vec::new(),
        members: Vec::new(),
    };
    // Nothing more is asked of the database: its log need not grow any longer.
    drop(snapshot);
    let missing = match without_files {
        true => Vec::new(),
        false => files(&Shelf::open(config)?, &places, &mut pack)?,
    };
    pack.seal(Manifest { missing, ..manifest })
}

fn tables<W: Write>(snapshot: &mut Snapshot, pack: &mut Pack<W>) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for (number, table) in snapshot.tables.clone().iter().enumerate() {
        let (mut piece, mut pieces) = (String::new(), 0);
        let name = |pieces: usize| format!("tables/{number:04}-{}/{pieces:06}.jsonl", table.name);
        let rows = snapshot.each(table, &mut |line| {
            piece.push_str(line);
            piece.push('\n');
            if piece.len() >= PIECE {
                pack.put(&name(pieces), piece.as_bytes())?;
                piece.clear();
                pieces += 1;
            }
            Ok(())
        })?;
        if !piece.is_empty() {
            pack.put(&name(pieces), piece.as_bytes())?;
        }
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        listed.push(Listed { name: table.name.clone(), columns, rows });
    }
    Ok(listed)
}

/// Below which folders the files of the rows lie.
fn places(snapshot: &mut Snapshot) -> Result<Vec<String>> {
    if !snapshot.tables.iter().any(|table| table.name == "media") {
        return Ok(Vec::new());
    }
    Ok(snapshot.texts("select place from media where state <> 'gone' order by place")?)
}

/// Copies what lies below these folders; those that are not there any more.
fn files<W: Write>(shelf: &Shelf, places: &[String], pack: &mut Pack<W>) -> Result<Vec<String>> {
    let places: BTreeSet<&str> = places.iter().map(String::as_str).collect();
    let mut missing: BTreeSet<String> = places.iter().map(|place| (*place).to_owned()).collect();
    for name in shelf.names()? {
        // `TENANT/RANDOM`, which the row names, and below it what there is.
        let place = name.match_indices('/').nth(1).map(|(end, _)| &name[..end]);
        let Some(place) = place.filter(|place| places.contains(place)) else { continue };
        missing.remove(place);
        let member = format!("files/{name}");
        match shelf.read(&name)? {
            Some(found) => pack.copy(&member, found.size, found.from)?,
            // Cleaned up since: the row says so soon.
            None => {
                missing.insert(member);
            }
        }
    }
    Ok(missing.into_iter().collect())
}

/// By which a secret is known again.
pub fn fingerprint(config: &Config) -> Result<Option<String>> {
    let path = config.secret_path();
    if !path.exists() {
        return Ok(None);
    }
    let derived = Secret::load(&path)?.derived("fingerprint of backups");
    Ok(Some(hex::encode(&derived[..8])))
}

fn bytes(manifest: &Manifest) -> u64 {
    manifest.members.iter().map(|member| member.bytes).sum()
}

/// How many files, and how many rows.
pub fn counts(manifest: &Manifest) -> (usize, u64) {
    let files = manifest.members.iter().filter(|member| member.name.starts_with("files/"));
    (files.count(), manifest.tables.iter().map(|table| table.rows).sum())
}

fn summary(manifest: &Manifest) -> serde_json::Value {
    let (files, rows) = counts(manifest);
    json!({"rows": rows, "files": files, "bytes": bytes(manifest), "epoch": manifest.epoch,
        "missing": manifest.missing})
}

fn told(manifest: &Manifest, to: &str) -> String {
    let (files, rows) = counts(manifest);
    let lost = match manifest.missing.len() {
        _ if manifest.without_files => " The files are not in it, as you asked.".into(),
        0 => String::new(),
        n => format!(" {n} files were not there."),
    };
    let size = size(bytes(manifest));
    format!("Backed up {rows} rows and {files} files, {size}, to {to}.{lost}")
}
