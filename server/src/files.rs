//! The bytes of files. They lie in a folder, or in a bucket of S3, under names that say nothing:
//! `TENANT/RANDOM/in/N` is what came up, `…/file` what is served, `…/thumb` its thumbnail. What comes
//! up is never served: when all of it is there it is looked at and copied, a picture made anew, under
//! another name, so an address that is still good cannot change what was checked.
//!
//! Bytes stream; only pictures are held in memory, and so few of them at once that it stays bounded.

pub mod kinds;
pub mod pictures;
pub mod signed;

use crate::error::{Refusal, Result};
use crate::folder::Secret;
use crate::store::media::{Found, Held};
use anyhow::Context;
use axum::body::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use pictures::{Picture, Wrong};
use sha2::{Digest, Sha256};
use signed::Signer;
use std::fs::DirBuilder;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// So many files are looked at or made anew at once; with the next two this bounds the memory.
const HANDS: usize = 4;
/// Megapixels that are decoded at once: one picture of the largest, or many small ones.
const MEGAPIXELS: usize = (pictures::PIXELS >> 20) as usize;
/// A picture that takes longer is no picture.
const PICTURE: Duration = Duration::from_secs(15);
/// Who uploads says something at least so often.
const SILENCE: Duration = Duration::from_secs(30);

/// Where files are.
pub struct Files {
    objects: Arc<dyn ObjectStore>,
    /// Makes and reads addresses of our own.
    pub signer: Signer,
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
    /// Below the data folder.
    pub fn open(data: &std::path::Path, secret: &Secret) -> anyhow::Result<Files> {
        let folder = data.join("files");
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("cannot make {}", folder.display()))?;
        let objects = LocalFileSystem::new_with_prefix(&folder)
            .with_context(|| format!("cannot use {}", folder.display()))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Files::over(Arc::new(objects), secret, 1024 * 1024))
    }

    fn over(objects: Arc<dyn ObjectStore>, secret: &Secret, piece: usize) -> Files {
        Files {
            objects,
            signer: Signer::new(secret),
            piece,
            hands: Semaphore::new(HANDS),
            pixels: Arc::new(Semaphore::new(MEGAPIXELS)),
        }
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
        Ok(meta.e_tag.unwrap_or_default())
    }

    /// What has come up of a file, in order.
    pub async fn pieces(&self, held: &Held) -> Result<Vec<Piece>> {
        let place = path(&format!("{}/in", held.place))?;
        let found = self.objects.list(Some(&place)).try_collect::<Vec<_>>().await;
        let mut pieces: Vec<_> = found
            .map_err(broken)?
            .into_iter()
            .filter_map(|meta| {
                let n = meta.location.filename()?.parse().ok()?;
                Some(Piece { n, etag: meta.e_tag.unwrap_or_default(), size: meta.size })
            })
            .collect();
        pieces.sort_by_key(|piece| piece.n);
        Ok(pieces)
    }

    /// Looks at what came up, and keeps it as what is served. What is not what was said is dropped.
    pub async fn take(&self, held: &Held) -> Result<Found> {
        let _hand = self.hands.acquire().await.map_err(|_| Refusal::Busy)?;
        let taken = self.look(held).await;
        if matches!(taken, Err(Refusal::Invalid { .. }))
            && let Err(error) = self.discard(&format!("{}/in", held.place)).await
        {
            tracing::warn!(%error, "what is wrong could not be dropped");
        }
        taken
    }

    async fn look(&self, held: &Held) -> Result<Found> {
        let pieces = if held.parts == 0 { 0..=0 } else { 1..=held.parts };
        let places = pieces.map(|n| path(&format!("{}/in/{n}", held.place)));
        let places = places.collect::<Result<Vec<_>>>()?;
        let objects = self.objects.clone();
        let mut bytes = futures_util::stream::iter(places)
            .then(move |place| {
                let objects = objects.clone();
                async move { objects.get(&place).await.map(GetResult::into_stream) }
            })
            .try_flatten()
            .boxed();
        let mut tally = Tally::new(held);
        let (mut head, mut first) = (Vec::new(), Vec::new());
        while head.len() < kinds::HEAD
            && let Some(chunk) = next(&mut bytes).await?
        {
            tally.count(&chunk)?;
            head.extend_from_slice(&chunk[..chunk.len().min(kinds::HEAD - head.len())]);
            first.push(chunk);
        }
        let kind = kinds::of(&head, &held.kind);
        if kinds::PICTURES.contains(&kind.as_str()) {
            self.picture(held, kind, first, bytes, tally).await
        } else {
            self.plain(held, kind, first, bytes, tally).await
        }
    }

    /// What is no picture is kept as it is.
    async fn plain(
        &self,
        held: &Held,
        kind: String,
        first: Vec<Bytes>,
        mut rest: impl Stream<Item = object_store::Result<Bytes>> + Unpin,
        mut tally: Tally<'_>,
    ) -> Result<Found> {
        let mut to = self.writer(&path(&format!("{}/file", held.place))?);
        for chunk in first {
            to.put(chunk).await.map_err(broken)?;
        }
        while let Some(chunk) = next(&mut rest).await? {
            tally.count(&chunk)?;
            to.put(chunk).await.map_err(broken)?;
        }
        if let Err(wrong) = tally.right() {
            let _ = to.abort().await;
            return Err(wrong);
        }
        to.shutdown().await.map_err(|error| Refusal::Broken(error.into()))?;
        let (size, sha256) = (held.size, held.sha256);
        Ok(Found { kind, size, sha256, width: None, height: None })
    }

    /// A picture is made anew.
    async fn picture(
        &self,
        held: &Held,
        kind: String,
        first: Vec<Bytes>,
        mut rest: impl Stream<Item = object_store::Result<Bytes>> + Unpin,
        mut tally: Tally<'_>,
    ) -> Result<Found> {
        if held.size > pictures::FILE as i64 {
            return Err(Refusal::invalid("size", "is more than a picture may have"));
        }
        let mut bytes = first.concat();
        while let Some(chunk) = next(&mut rest).await? {
            tally.count(&chunk)?;
            bytes.extend_from_slice(&chunk);
        }
        tally.right()?;
        let made = self.painted(bytes, kind, pictures::anew).await?;
        let made = made.map_err(|wrong| Refusal::invalid("type", wrong))?;
        let found = Found {
            kind: made.kind.to_owned(),
            size: made.bytes.len() as i64,
            sha256: Sha256::digest(&made.bytes).into(),
            width: Some(made.width.into()),
            height: Some(made.height.into()),
        };
        self.keep(&format!("{}/file", held.place), made.bytes).await?;
        Ok(found)
    }

    /// Works at a picture, aside, when there is room for it in memory.
    async fn painted(
        &self,
        bytes: Vec<u8>,
        kind: String,
        make: fn(&[u8], &str, Instant) -> std::result::Result<Picture, Wrong>,
    ) -> Result<std::result::Result<Picture, Wrong>> {
        let pixels = match pictures::pixels(&bytes, &kind, Instant::now() + PICTURE) {
            Ok(pixels) => pixels,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let room = u32::try_from(pixels.div_ceil(1 << 20)).unwrap_or(u32::MAX);
        let room = self.pixels.clone().acquire_many_owned(room).await.map_err(|_| Refusal::Busy)?;
        let made = tokio::task::spawn_blocking(move || {
            let _room = room;
            make(&bytes, &kind, Instant::now() + PICTURE)
        });
        // A decoder that panics met something that is no picture.
        Ok(made.await.unwrap_or(Err(Wrong::Broken)))
    }

    /// Makes the thumbnail of a picture that is ready; its media type.
    pub async fn thumbnail(&self, held: &Held) -> Result<&'static str> {
        let _hand = self.hands.acquire().await.map_err(|_| Refusal::Busy)?;
        let whole = self.objects.get(&path(&format!("{}/file", held.place))?).await;
        let bytes = whole.map_err(broken)?.bytes().await.map_err(broken)?.to_vec();
        let made = self.painted(bytes, held.kind.clone(), pictures::thumbnail).await?;
        let made = made.map_err(|wrong| Refusal::invalid("type", wrong))?;
        self.keep(&format!("{}/thumb", held.place), made.bytes).await?;
        Ok(made.kind)
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

    async fn keep(&self, place: &str, bytes: Vec<u8>) -> Result<()> {
        self.objects.put(&path(place)?, bytes.into()).await.map_err(broken)?;
        Ok(())
    }

    fn writer(&self, place: &Path) -> BufWriter {
        let writer = BufWriter::with_capacity(self.objects.clone(), place.clone(), self.piece);
        // One piece waits while the next is collected.
        writer.with_max_concurrency(1)
    }
}

/// Holds what comes against what was said.
struct Tally<'h> {
    held: &'h Held,
    size: i64,
    hash: Sha256,
}

impl<'h> Tally<'h> {
    fn new(held: &'h Held) -> Self {
        Tally { held, size: 0, hash: Sha256::new() }
    }

    fn count(&mut self, chunk: &[u8]) -> Result<()> {
        self.size += chunk.len() as i64;
        self.hash.update(chunk);
        if self.size > self.held.size { Err(self.wrong_size()) } else { Ok(()) }
    }

    fn right(self) -> Result<()> {
        if self.size != self.held.size {
            return Err(self.wrong_size());
        }
        let hash: [u8; 32] = self.hash.finalize().into();
        if hash == self.held.sha256 {
            Ok(())
        } else {
            Err(Refusal::invalid("sha256", "is not that of the bytes that came"))
        }
    }

    fn wrong_size(&self) -> Refusal {
        let (came, said) = (self.size, self.held.size);
        Refusal::invalid("size", format!("is not that of the bytes that came ({came} of {said})"))
    }
}

/// The next bytes of what came up; that there are none is the uploader's fault.
async fn next(
    bytes: &mut (impl Stream<Item = object_store::Result<Bytes>> + Unpin),
) -> Result<Option<Bytes>> {
    match bytes.next().await.transpose() {
        Err(object_store::Error::NotFound { .. }) => {
            Err(Refusal::Conflict("its bytes have not come"))
        }
        other => other.map_err(broken),
    }
}

fn path(place: &str) -> Result<Path> {
    Path::parse(place).map_err(|error| Refusal::Broken(error.into()))
}

fn broken(error: object_store::Error) -> Refusal {
    Refusal::Broken(anyhow::Error::new(error).context("files"))
}
