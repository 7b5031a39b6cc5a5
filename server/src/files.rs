//! The bytes of files. They lie in a folder, or in a bucket of S3, under names that say nothing:
//! `TENANT/RANDOM/in/N` is what came up, `…/file` what is served, `…/thumb` its thumbnail. What comes
//! up is never served: when all of it is there it is looked at and copied, a picture made anew, under
//! another name, so an address that is still good cannot change what was checked.
//!
//! Bytes stream; only pictures are held in memory, and so few of them at once that it stays bounded.

mod boxes;
mod bucket;
pub mod kinds;
pub mod pictures;
mod places;
pub mod shelf;
pub mod signed;
mod take;

pub use bucket::Bucket;

use crate::config::Config;
use crate::error::{Refusal, Result};
use crate::folder::Secret;
use crate::store::Me;
use crate::store::media::Held;
use anyhow::Context;
use axum::body::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use hallway_kit::Clock;
use hallway_protocol::ids::Millis;
use hallway_protocol::rest::Signed;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use signed::{GOOD_MS, Signer, Use};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// So many files are looked at or made anew at once; with the next one this bounds the memory.
const HANDS: usize = 4;
/// Megapixels that are decoded at once: one picture of the largest, or many small ones.
const MEGAPIXELS: usize = (pictures::PIXELS >> 20) as usize;
/// What is collected before it is written: into a folder, and into a bucket, which takes no smaller
/// pieces than 5 MiB.
const PIECES: (usize, usize) = (1024 * 1024, 8 * 1024 * 1024);
/// An address that was given before is given again as long as it is good for this.
const FRESH_MS: Millis = 60_000;
/// Who uploads says something at least so often.
const SILENCE: Duration = Duration::from_secs(30);

/// Where files are.
pub struct Files {
    objects: Arc<dyn ObjectStore>,
    /// The folder it is, where it is one.
    folder: Option<PathBuf>,
    /// Where uploads go past us.
    bucket: Option<Bucket>,
    signer: Signer,
    clock: Clock,
    /// What is collected before it is written.
    piece: usize,
    hands: Semaphore,
    pixels: Arc<Semaphore>,
}

/// What came up, or a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// 0 is all of it in one piece.
    pub n: i64,
    /// As its upload was answered.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

impl Files {
    /// In the configured bucket, else below the data folder.
    pub fn open(config: &Config, secret: &Secret, clock: Clock) -> anyhow::Result<Files> {
        let bucket = Bucket::of(config)?;
        let folder = bucket.is_none().then(|| config.data.join("files"));
        let objects: Arc<dyn ObjectStore> = match (&bucket, &folder) {
            (Some(bucket), _) => Arc::new(bucket.store()?),
            (None, folder) => Arc::new(opened(folder.as_deref().unwrap_or(&config.data))?),
        };
        let piece = if bucket.is_some() { PIECES.1 } else { PIECES.0 };
        let (hands, pixels) = (Semaphore::new(HANDS), Arc::new(Semaphore::new(MEGAPIXELS)));
        let signer = Signer::new(secret);
        Ok(Files { objects, folder, bucket, signer, clock, piece, hands, pixels })
    }

    /// An address that takes the bytes of one piece of a file; the same for a while, so that who
    /// asks again is told the same. `base` is where we are reached.
    pub fn upload(&self, base: &str, held: &Held, n: i64, size: i64) -> Result<Signed> {
        let now = self.clock.now();
        let first = held.created_at + GOOD_MS;
        let fresh = (held.created_at..first - FRESH_MS).contains(&now);
        let expires_at = if fresh { first } else { now + GOOD_MS };
        let (place, kind) = (format!("{}/in/{n}", held.place), held.kind.clone());
        let headers = [("content-length", size.to_string()), ("content-type", kind.clone())];
        let headers = BTreeMap::from(headers.map(|(name, value)| (name.to_owned(), value)));
        let url = match &self.bucket {
            Some(bucket) => bucket.sign(&place, &headers, expires_at - GOOD_MS, GOOD_MS),
            None => {
                let to = Use::Put { i: held.id.clone(), p: place, s: size, t: kind, e: expires_at };
                self.signer.sign(&to).map(|token| format!("{base}/files/{token}"))
            }
        };
        let url = url.map_err(Refusal::Broken)?;
        Ok(Signed { method: "PUT".into(), url, headers, expires_at })
    }

    /// Where the bytes of a file, or its thumbnail, are for whoever `me` is: always here, for what
    /// one may read is asked when one reads.
    pub fn download(&self, base: &str, me: &Me, held: &Held, thumb: bool) -> Result<Signed> {
        let expires_at = self.clock.now() + GOOD_MS;
        let to = Use::Get {
            i: held.id.clone(),
            h: thumb,
            n: me.tenant,
            u: me.user,
            o: me.session.clone(),
            e: expires_at,
        };
        let url = self.signer.sign(&to).map(|token| format!("{base}/files/{token}"));
        let (method, url) = ("GET".into(), url.map_err(Refusal::Broken)?);
        Ok(Signed { method, url, headers: BTreeMap::new(), expires_at })
    }

    /// Where a browser must be let to for uploads, beside here.
    pub fn origin(&self) -> Option<String> {
        self.bucket.as_ref().map(Bucket::origin)
    }

    /// What an address of ours may be used for now.
    pub fn used(&self, token: &str) -> Option<Use> {
        self.signer.read(token, self.clock.now())
    }

    /// Takes what comes up, which must be exactly so long; the tag it then has.
    pub async fn put<E>(
        &self,
        place: &str,
        size: i64,
        mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    ) -> Result<String> {
        let place = path(place)?;
        let mut to = self.writer(&place);
        let mut left = size;
        loop {
            let next = tokio::time::timeout(SILENCE, body.next()).await;
            match next {
                Ok(Some(Ok(bytes))) if bytes.len() as i64 <= left => {
                    left -= bytes.len() as i64;
                    to.put(bytes).await.map_err(broken)?;
                }
                Ok(None) if left == 0 => break,
                other => {
                    // What it cannot take back now is thrown away with the file.
                    let _ = to.abort().await;
                    return Err(match other {
                        Ok(Some(Ok(_))) => Refusal::TooLarge(usize::try_from(size).unwrap_or(0)),
                        _ => Refusal::invalid("body", "ended early"),
                    });
                }
            }
        }
        to.shutdown().await.map_err(|error| Refusal::Broken(error.into()))?;
        let meta = self.objects.head(&place).await.map_err(broken)?;
        Ok(self.tag(meta.e_tag))
    }

    /// What has come up of a file, in order.
    pub async fn pieces(&self, held: &Held) -> Result<Vec<Piece>> {
        let place = path(&format!("{}/in", held.place))?;
        let found = self.objects.list(Some(&place)).try_collect::<Vec<_>>().await;
        let mut pieces = Vec::new();
        for meta in found.map_err(broken)? {
            let Some(n) = meta.location.filename().and_then(|n| n.parse().ok()) else { continue };
            let etag = match meta.e_tag {
                Some(etag) => Some(etag),
                // Not every server that speaks S3 says it in a list.
                None => self.objects.head(&meta.location).await.map_err(broken)?.e_tag,
            };
            pieces.push(Piece { n, etag: self.tag(etag), size: meta.size });
        }
        pieces.sort_by_key(|piece| piece.n);
        Ok(pieces)
    }

    /// The tag of a piece. A folder's is made of where and when the file lies on the disk, which is
    /// nobody's business; a bucket has told its own to who wrote there.
    fn tag(&self, tag: Option<String>) -> String {
        match self.bucket {
            Some(_) => quoted(tag),
            None => quoted(tag.map(|tag| self.signer.tag(&tag))),
        }
    }

    /// How many bytes an object has.
    pub async fn size(&self, place: &str) -> Result<u64> {
        Ok(self.objects.head(&path(place)?).await.map_err(broken)?.size)
    }

    /// Some of the bytes of an object.
    pub async fn bytes(
        &self,
        place: &str,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = object_store::Result<Bytes>> + Send + 'static> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.objects.get_opts(&path(place)?, options).await;
        Ok(found.map_err(broken)?.into_stream())
    }

    /// Deletes everything below a place; what is gone is gone.
    pub async fn discard(&self, place: &str) -> Result<()> {
        if let Some(folder) = &self.folder {
            // With what a crash left half written, which is no object yet.
            return match tokio::fs::remove_dir_all(folder.join(path(place)?.as_ref())).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Refusal::Broken(anyhow::Error::new(error).context("files")))
                }
                _ => Ok(()),
            };
        }
        let found = self.objects.list(Some(&path(place)?)).map_ok(|meta| meta.location).boxed();
        let mut gone = self.objects.delete_stream(found);
        while let Some(done) = gone.next().await {
            match done {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }

    /// Keeps these bytes as an object.
    pub async fn keep(&self, place: &str, bytes: Vec<u8>) -> Result<()> {
        self.objects.put(&path(place)?, bytes.into()).await.map_err(broken)?;
        Ok(())
    }

    fn writer(&self, place: &Path) -> BufWriter {
        let writer = BufWriter::with_capacity(self.objects.clone(), place.clone(), self.piece);
        // One piece waits while the next is collected.
        writer.with_max_concurrency(1)
    }
}

/// A folder, for us alone. What was written there stays, whatever happens next.
fn opened(folder: &std::path::Path) -> anyhow::Result<LocalFileSystem> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    let objects = LocalFileSystem::new_with_prefix(folder);
    let objects = objects.with_context(|| format!("cannot use {}", folder.display()))?;
    Ok(objects.with_fsync(true).with_automatic_cleanup(true))
}

/// A tag as HTTP has it.
fn quoted(tag: Option<String>) -> String {
    let tag = tag.unwrap_or_default();
    if tag.starts_with('"') { tag } else { format!("\"{tag}\"") }
}

fn path(place: &str) -> Result<Path> {
    Path::parse(place).map_err(|error| Refusal::Broken(error.into()))
}

fn broken(error: object_store::Error) -> Refusal {
    Refusal::Broken(anyhow::Error::new(error).context("files"))
}
