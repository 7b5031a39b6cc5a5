//! Looking at what came up: whether it is what was said, and what it is. What is no picture is kept as
//! it is; a picture is made anew, or, of a kind that nobody here decodes, freed of what stands beside
//! it. No picture keeps the place where it was taken: what cannot be rid of it is refused.

use super::pictures::{self, Picture, Wrong};
use super::{Files, boxes, broken, kinds, path};
use crate::error::{Refusal, Result};
use crate::store::media::{Found, Held};
use axum::body::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::{GetResult, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// A picture that takes longer is no picture.
const PICTURE: Duration = Duration::from_secs(15);

impl Files {
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
        let is = |known: &[&str]| known.contains(&kind.as_str());
        if is(&kinds::BOXED) {
            self.boxed(held, kind, tally.all(first, &mut bytes).await?).await
        } else if is(&kinds::PICTURES) || is(&kinds::SCANS) {
            self.picture(held, kind, tally.all(first, &mut bytes).await?).await
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
    async fn picture(&self, held: &Held, kind: String, bytes: Vec<u8>) -> Result<Found> {
        let made = self.painted(bytes, kind, pictures::anew).await?.map_err(unfit)?;
        let size = Some((made.width.into(), made.height.into()));
        self.kept(held, made.kind.to_owned(), made.bytes, size).await
    }

    /// A picture that stays as it is, but for what stands beside it.
    async fn boxed(&self, held: &Held, kind: String, bytes: Vec<u8>) -> Result<Found> {
        let clean = tokio::task::spawn_blocking(move || boxes::cleaned(bytes));
        let bytes = clean.await.unwrap_or(Err(Wrong::Beside)).map_err(unfit)?;
        self.kept(held, kind, bytes, None).await
    }

    /// Keeps what was made of a picture, of this width and height where they are known.
    async fn kept(
        &self,
        held: &Held,
        kind: String,
        bytes: Vec<u8>,
        pixels: Option<(i64, i64)>,
    ) -> Result<Found> {
        let (size, sha256) = (bytes.len() as i64, Sha256::digest(&bytes).into());
        let (width, height) = pixels.unzip();
        self.keep(&format!("{}/file", held.place), bytes).await?;
        Ok(Found { kind, size, sha256, width, height })
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

    /// A small picture of one that came from elsewhere.
    pub async fn small(&self, bytes: Vec<u8>, kind: String) -> Result<Picture> {
        let _hand = self.hands.acquire().await.map_err(|_| Refusal::Busy)?;
        self.painted(bytes, kind, pictures::thumbnail).await?.map_err(unfit)
    }

    /// Makes the thumbnail of a picture that is ready; its media type.
    pub async fn thumbnail(&self, held: &Held) -> Result<&'static str> {
        // Before it is read: as many as there are hands are in memory, and no more.
        let _hand = self.hands.acquire().await.map_err(|_| Refusal::Busy)?;
        let whole = self.objects.get(&path(&format!("{}/file", held.place))?).await;
        let bytes = whole.map_err(broken)?.bytes().await.map_err(broken)?.to_vec();
        let made = self.painted(bytes, held.kind.clone(), pictures::thumbnail).await?;
        let made = made.map_err(unfit)?;
        self.keep(&format!("{}/thumb", held.place), made.bytes).await?;
        Ok(made.kind)
    }
}

/// What is wrong with a picture.
fn unfit(wrong: Wrong) -> Refusal {
    Refusal::invalid("type", wrong)
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

    /// All of a picture, if it is what was said.
    async fn all(
        mut self,
        first: Vec<Bytes>,
        rest: &mut (impl Stream<Item = object_store::Result<Bytes>> + Unpin),
    ) -> Result<Vec<u8>> {
        if self.held.size > pictures::FILE as i64 {
            return Err(Refusal::invalid("size", "is more than a picture may have"));
        }
        let mut bytes = first.concat();
        while let Some(chunk) = next(rest).await? {
            self.count(&chunk)?;
            bytes.extend_from_slice(&chunk);
        }
        self.right()?;
        Ok(bytes)
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
            Err(Refusal::NotYet("its bytes have not come"))
        }
        other => other.map_err(broken),
    }
}
