//! The form of a backup: a tar file with the tables as lines of JSON in pieces, the files, and at the
//! end a manifest that names every member with its length and SHA-256, and the manifest's own hash.
//! It can be written to a pipe, and is worth nothing before its last member: a backup that broke off
//! cannot be taken for a whole one. The manifest is as long as there are files.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use tar::{Archive, Builder, EntryType, Header};

/// The form itself; another number is another form.
pub const FORM: u32 = 1;
/// Of one piece of a table, bytes; a single row may be longer.
pub const PIECE: usize = 4 * 1024 * 1024;
/// No piece is longer: a row is far smaller.
const PIECE_MAX: u64 = 256 * 1024 * 1024;
const MANIFEST: &str = "manifest.json";
const SEAL: &str = "manifest.sha256";

/// What a backup says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file.
    pub form: u32,
    /// The version of the server that made it.
    pub version: String,
    /// When, Unix milliseconds.
    pub made_at: i64,
    /// From which engine; any other can read it.
    pub engine: String,
    /// The steps that its schema has taken.
    pub schema: Vec<String>,
    /// The name of the data set.
    pub epoch: String,
    /// By which the server's secret is known again; says nothing of it.
    pub secret: Option<String>,
    /// The tables, in the order in which they are put back.
    pub tables: Vec<Listed>,
    /// The files are not in it: their storage is backed up by its own means.
    #[serde(default, rename = "bucket")]
    pub without_files: bool,
    /// Files that were gone when they were to be copied.
    pub missing: Vec<String>,
    /// Everything in it, in order.
    pub members: Vec<Member>,
}

/// A table in a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What stands in a line, in order.
    pub columns: Vec<String>,
    /// How many lines.
    pub rows: u64,
}

/// A member of the tar file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash, hexadecimal.
    pub sha256: String,
}

/// A backup that is being written.
pub struct Pack<W: Write> {
    tar: Builder<W>,
    at: u64,
    members: Vec<Member>,
}

impl<W: Write> Pack<W> {
    /// Begins one; `at` is the time that its members show, Unix seconds.
    pub fn new(to: W, at: u64) -> Self {
        Pack { tar: Builder::new(to), at, members: Vec::new() }
    }

    /// Adds a member.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.copy(name, bytes.len() as u64, bytes)
    }

    /// Adds a member of known length, as it is read.
    pub fn copy(&mut self, name: &str, length: u64, from: impl Read) -> Result<()> {
        let mut from = Hashed { from: from.take(length), hash: Sha256::new(), count: 0 };
        self.member(name, length, &mut from)?;
        ensure!(from.count == length, "{name} became shorter while it was read");
        let sha256 = hex::encode(from.hash.finalize());
        self.members.push(Member { name: name.into(), bytes: length, sha256 });
        Ok(())
    }

    fn member(&mut self, name: &str, length: u64, from: impl Read) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(self.at);
        header.set_entry_type(EntryType::Regular);
        self.tar.append_data(&mut header, name, from).with_context(|| format!("writing {name}"))
    }

    /// Ends it with the manifest; what it was written to.
    pub fn seal(mut self, manifest: Manifest) -> Result<(W, Manifest)> {
        let manifest = Manifest { members: std::mem::take(&mut self.members), ..manifest };
        let text = serde_json::to_vec(&manifest)?;
        let hash = hex::encode(Sha256::digest(&text));
        self.member(MANIFEST, text.len() as u64, &text[..])?;
        self.member(SEAL, hash.len() as u64, hash.as_bytes())?;
        Ok((self.tar.into_inner()?, manifest))
    }
}

/// Counts and hashes what is read through it.
struct Hashed<R> {
    from: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let n = self.from.read(to)?;
        self.hash.update(&to[..n]);
        self.count += n as u64;
        Ok(n)
    }
}

/// Reads all of a backup and holds it against its manifest; nothing of it is used before.
pub fn verified(from: impl Read) -> Result<Manifest> {
    let mut tar = Archive::new(from);
    let mut seen: Vec<Member> = Vec::new();
    let mut manifest: Option<Manifest> = None;
    let mut sealed = None;
    for entry in tar.entries()? {
        let mut entry = entry.context("this is no backup, or a damaged one")?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        ensure!(sealed.is_none(), "the backup goes on behind its end, at {name}");
        match (name.as_str(), &manifest) {
            (MANIFEST, None) => {
                let mut text = Vec::new();
                entry.read_to_end(&mut text)?;
                let read: serde_json::Value = serde_json::from_slice(&text)?;
                let form = read["form"].as_u64().unwrap_or(0);
                let known = form == u64::from(FORM);
                ensure!(known, "the backup has the form {form}; this program reads {FORM}");
                manifest = Some(serde_json::from_value(read)?);
                seen.push(Member {
                    name,
                    bytes: text.len() as u64,
                    sha256: hex::encode(Sha256::digest(&text)),
                });
            }
            (SEAL, Some(_)) => {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                sealed = Some(text);
            }
            (_, None) => {
                let bytes = entry.size();
                let mut from = Hashed { from: &mut entry, hash: Sha256::new(), count: 0 };
                std::io::copy(&mut from, &mut std::io::sink())?;
                ensure!(from.count == bytes, "the backup breaks off in {name}");
                seen.push(Member { name, bytes, sha256: hex::encode(from.hash.finalize()) });
            }
            (_, Some(_)) => bail!("the backup goes on behind its end, at {name}"),
        }
    }
    let (Some(manifest), Some(sealed), Some(own)) = (manifest, sealed, seen.pop()) else {
        bail!("the backup is not whole: its end is missing");
    };
    ensure!(sealed == own.sha256, "the list of what is in the backup was changed");
    for (listed, found) in manifest.members.iter().zip(&seen) {
        ensure!(listed == found, "{} is not what was backed up", found.name);
    }
    ensure!(manifest.members.len() == seen.len(), "members of the backup are missing");
    Ok(manifest)
}

/// Hands out each member but the manifest, checked once more, and as it is read.
pub fn each(
    from: impl Read,
    manifest: &Manifest,
    mut take: impl FnMut(&Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut tar = Archive::new(from);
    for (member, entry) in manifest.members.iter().zip(tar.entries()?) {
        let entry = entry?;
        let mut from = Hashed { from: entry, hash: Sha256::new(), count: 0 };
        take(member, &mut from)?;
        let same = hex::encode(from.hash.finalize()) == member.sha256;
        ensure!(same, "{} changed while it was read", member.name);
    }
    Ok(())
}

/// A piece of a table, which is text.
pub fn text(member: &Member, from: &mut dyn Read) -> Result<String> {
    ensure!(member.bytes <= PIECE_MAX, "{} is too long", member.name);
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    Ok(text)
}
