//! The storage as who copies all of it sees it: one thread, one file after the other, piece by piece,
//! whether the files lie in the folder or in a bucket. What a subcommand reads and writes goes
//! through here; the server itself uses [`super::Files`].

use super::{Bucket, PIECES, opened, path};
use crate::config::Config;
use anyhow::{Context, Result, anyhow};
use axum::body::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::{Error, GetResultPayload, ObjectStore, ObjectStoreExt};
use std::io::{self, Read};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};

/// The configured storage.
pub struct Shelf {
    runtime: Runtime,
    /// None: the folder is not there, so nothing is.
    objects: Option<Arc<dyn ObjectStore>>,
}

/// What is read of it, and how long it is.
pub struct Found<'s> {
    /// Bytes.
    pub size: u64,
    /// Those bytes.
    pub from: Box<dyn Read + 's>,
}

impl Shelf {
    /// Opens it, and makes nothing. Blocks, as all here; never inside a runtime.
    pub fn open(config: &Config) -> Result<Shelf> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let folder = config.data.join("files");
        let objects: Option<Arc<dyn ObjectStore>> = match Bucket::of(config)? {
            Some(bucket) => Some(Arc::new(bucket.store()?)),
            None if folder.exists() => Some(Arc::new(opened(&folder)?)),
            None => None,
        };
        Ok(Shelf { runtime, objects })
    }

    /// The names of all that is there, in order.
    pub fn names(&self) -> Result<Vec<String>> {
        let Some(objects) = &self.objects else { return Ok(Vec::new()) };
        let all = objects.list(None).map_ok(|meta| meta.location.to_string()).try_collect();
        let mut names: Vec<String> =
            self.runtime.block_on(all).context("the files cannot be listed")?;
        names.sort();
        Ok(names)
    }

    /// A file; none: it is not there, or not any more.
    pub fn read(&self, name: &str) -> Result<Option<Found<'_>>> {
        let Some(objects) = &self.objects else { return Ok(None) };
        let place = path(name)?;
        let found = match self.runtime.block_on(objects.get(&place)) {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.with_context(|| format!("cannot read {name}"))?,
        };
        let size = found.meta.size;
        let from: Box<dyn Read> = match found.payload {
            GetResultPayload::File(file, _) => Box::new(file),
            GetResultPayload::Stream(stream) => {
                Box::new(Flow { runtime: &self.runtime, stream, held: Bytes::new() })
            }
        };
        Ok(Some(Found { size, from }))
    }

    /// Writes a file, over one that has the name.
    pub fn put(&self, name: &str, from: &mut dyn Read) -> Result<()> {
        let objects = self.objects.as_ref().context("there is no folder for files")?;
        let place = path(name)?;
        let mut to = BufWriter::with_capacity(objects.clone(), place, PIECES.1);
        let mut piece = vec![0; PIECES.0];
        let cannot = || format!("cannot write {name}");
        loop {
            match from.read(&mut piece)? {
                0 => break,
                n => {
                    let bytes = Bytes::copy_from_slice(&piece[..n]);
                    self.runtime.block_on(to.put(bytes)).with_context(cannot)?;
                }
            }
        }
        self.runtime.block_on(to.shutdown()).with_context(cannot)
    }

    /// Writes a small file, reads it and deletes it: whoever may do that may do all that is needed.
    pub fn tries(&self, name: &str) -> Result<()> {
        let bytes = name.as_bytes();
        self.put(name, &mut &bytes[..]).map_err(|error| error.context("it cannot be written"))?;
        let read = || {
            let found = self.read(name)?.ok_or_else(|| anyhow!("what was written is not there"))?;
            let mut read = Vec::new();
            found.from.take(found.size).read_to_end(&mut read)?;
            let same = read == bytes;
            same.then_some(()).ok_or_else(|| anyhow!("it gives something else than was written"))
        };
        let read = read().context("it cannot be read");
        let objects = self.objects.as_ref().context("there is no folder for files")?;
        let gone = self.runtime.block_on(objects.delete(&path(name)?));
        read.and(gone.context("nothing can be deleted"))
    }
}

/// The bytes of an object as they come.
struct Flow<'s> {
    runtime: &'s Runtime,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    held: Bytes,
}

impl Read for Flow<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.held.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(next) => self.held = next.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let n = to.len().min(self.held.len());
        to[..n].copy_from_slice(&self.held.split_to(n));
        Ok(n)
    }
}
