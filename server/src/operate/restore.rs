//! `restore`: a backup into an empty place, whole or not at all. Until the very last step what is
//! restored lies in `DATA/restoring`, or in a transaction of PostgreSQL; a restore that was cut off
//! leaves a server that does not start, and a restore that starts over. Files go where the new
//! configuration says; into a bucket under their own names, which nobody knows before the rows are
//! there. A new epoch begins, so that clients keep what the backup has and send again what it has not.

use super::archive::{Manifest, Member, each, text, verified};
use super::backup::{counts, fingerprint};
use super::reach::ours;
use super::{Place, Said, configured, when};
use crate::config::Config;
use crate::files::shelf::Shelf;
use crate::folder::Folder;
use crate::store::probe::look;
use crate::store::whole::load::Load;
use anyhow::{Context, Result, bail, ensure};
use hallway_kit::Clock;
use serde_json::json;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// In the data folder while a restore is under way.
const UNDER_WAY: &str = "restoring";
const DATABASE: &str = "hallway.db";

/// `restore`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The backup
    #[arg(value_name = "FILE", required_unless_present = "from", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// The same, by name
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Restores.
pub fn run(ask: &Ask) -> Result<Said> {
    let config = configured(&ask.place.flags())?;
    let from = ask.file.as_deref().or(ask.from.as_deref()).context("from where?")?;
    let cannot = || format!("cannot read {}", from.display());
    let mut file = File::open(from).with_context(cannot)?;
    ours(&config.data)?;
    empty(&config)?;
    let manifest = verified(BufReader::new(&file)).with_context(cannot)?;
    file.rewind()?;
    let folder = Folder::open(&config.data)?;
    let epoch = restored(&config, &folder, &manifest, &file)?;
    let said = told(&config, &manifest, &epoch)?;
    let (files, rows) = counts(&manifest);
    let same = fingerprint(&config)? == manifest.secret;
    let summary = json!({"rows": rows, "files": files, "epoch": epoch, "same_secret": same});
    Ok(Said::from(if ask.place.form.json { summary.to_string() } else { said }))
}

/// Refuses a place where data are.
fn empty(config: &Config) -> Result<()> {
    let data = &config.data;
    let place = data.display();
    ensure!(!crate::folder::is_held(data), "a server runs on {place}; stop it first");
    let found = look(&config.place(), false)?;
    let full = config.database_url.is_none() && found.is_some();
    let full = full || found.is_some_and(|found| found.schema.is_some());
    ensure!(!full, "there are data already; a backup goes into an empty place alone");
    let left = data.join(UNDER_WAY).exists() || config.files_url.is_some();
    let files = fs::read_dir(data.join("files")).is_ok_and(|mut files| files.next().is_some());
    ensure!(left || !files, "there are files in {place}/files; a backup goes into an empty place");
    Ok(())
}

/// The lock of the data folder is held.
fn restored(config: &Config, folder: &Folder, manifest: &Manifest, file: &File) -> Result<String> {
    let (data, aside) = (folder.path(), folder.path().join(UNDER_WAY));
    // What an earlier try left, its files too: without a database nobody ever saw them.
    if aside.exists() {
        if config.files_url.is_none() {
            let _ = fs::remove_dir_all(data.join("files"));
        }
        fs::remove_dir_all(&aside).context("cannot remove what an earlier try left")?;
    }
    DirBuilder::new().mode(0o700).create(&aside).context("cannot write in the data folder")?;
    synced(data)?;
    let place = match &config.database_url {
        Some(url) => crate::store::Place::Postgres(url.clone()),
        None => crate::store::Place::Sqlite(aside.clone()),
    };
    let bucket = match config.files_url {
        Some(_) => Some(Shelf::open(config)?),
        None => None,
    };
    let mut load = Load::begin(&place, &manifest.schema, Clock::system().now())?;
    let mut counted = vec![0; manifest.tables.len()];
    each(BufReader::new(file), manifest, |member, from| {
        match member.name.strip_prefix("files/") {
            Some(name) => put_file(bucket.as_ref(), &aside.join("files"), name, from),
            None => put_lines(&mut load, manifest, member, from, &mut counted),
        }
    })?;
    for (table, count) in manifest.tables.iter().zip(counted) {
        ensure!(table.rows == count, "{} has {count} rows of {}", table.name, table.rows);
    }
    // Files first: a row may refer to one, no file refers to a row.
    if aside.join("files").exists() {
        let _ = fs::remove_dir(data.join("files"));
        fs::rename(aside.join("files"), data.join("files")).context("cannot move the files")?;
        synced(data)?;
    }
    let epoch = load.commit()?;
    if config.database_url.is_none() {
        File::open(aside.join(DATABASE))?.sync_all()?;
        fs::rename(aside.join(DATABASE), data.join(DATABASE))
            .context("cannot move the database")?;
        synced(data)?;
    }
    fs::remove_dir_all(&aside)?;
    Ok(epoch)
}

fn put_lines(
    load: &mut Load,
    manifest: &Manifest,
    member: &Member,
    from: &mut dyn Read,
    counted: &mut [u64],
) -> Result<()> {
    let number = member.name.strip_prefix("tables/").and_then(|name| name.split('-').next());
    let number = number.and_then(|number| number.parse::<usize>().ok());
    let known = number.and_then(|number| Some((number, manifest.tables.get(number)?)));
    let (number, table) = known.with_context(|| format!("{} is of no table", member.name))?;
    let text = text(member, from)?;
    counted[number] += load.lines(&table.name, &table.columns, text.lines())?;
    Ok(())
}

fn put_file(bucket: Option<&Shelf>, root: &Path, name: &str, from: &mut dyn Read) -> Result<()> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
    ensure!(name.split('/').all(plain), "{name} is no name of a file");
    if let Some(bucket) = bucket {
        return bucket.put(name, from);
    }
    let path = root.join(name);
    let folder = path.parent().unwrap_or(root);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    std::io::copy(from, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    synced(folder)
}

fn synced(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all().with_context(|| format!("{}", folder.display()))
}

/// Refuses data whose restore was cut off, and clears up behind one that was not. Asked at every
/// start, with the folder's lock held or nothing to be written.
pub fn finished(config: &Config) -> Result<()> {
    let aside = config.data.join(UNDER_WAY);
    if !aside.exists() {
        return Ok(());
    }
    if let Some(says) = cut_off(config)? {
        bail!(says);
    }
    fs::remove_dir_all(&aside).context("cannot clear up behind a restore")
}

/// Says that a restore was cut off, where one was.
pub fn cut_off(config: &Config) -> Result<Option<String>> {
    if !config.data.join(UNDER_WAY).exists() {
        return Ok(None);
    }
    let found = look(&config.place(), false)?;
    let says = || {
        format!("a restore into {} did not come to its end; run it again", config.data.display())
    };
    Ok(found.is_none_or(|found| found.schema.is_none()).then(says))
}

/// The same at a start; PostgreSQL may not be asked inside a runtime.
pub async fn whole(config: &Config) -> Result<()> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || finished(&config)).await?
}

fn told(config: &Config, manifest: &Manifest, epoch: &str) -> Result<String> {
    let (files, rows) = counts(manifest);
    let made = when(manifest.made_at);
    let mut said = format!(
        "Restored {rows} rows and {files} files of {made} (version {}, {}).\n\
         A new epoch begins, {epoch}: clients keep what is there and send again what they had sent \
         since. Start the server now.",
        manifest.version, manifest.engine
    );
    let here = fingerprint(config)?;
    if here != manifest.secret {
        let path = config.secret_path();
        let which = if here.is_some() { "is another one" } else { "is not there yet" };
        said.push_str(&format!(
            "\nThe secret of the server that was backed up is not in a backup, and {} {which}: \
             everybody has to sign in again, and what is sealed with it (secrets of webhooks, second \
             factors, keys of push) cannot be read. Put the old secret there before the first start, \
             or set those up anew.",
            path.display()
        ));
    }
    if manifest.without_files {
        let place = match &config.files_url {
            Some(url) => url.clone(),
            None => config.data.join("files").display().to_string(),
        };
        said.push_str(&format!(
            "\nThe files were left out of the backup: put them back into {place}, or name the \
             bucket where they are in HALLWAY_FILES_URL."
        ));
    }
    if !manifest.missing.is_empty() {
        said.push_str(&format!("\n{} files were missing already then.", manifest.missing.len()));
    }
    Ok(said)
}
