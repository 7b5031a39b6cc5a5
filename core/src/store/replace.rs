//! Opening a store, and putting a new one in the place of a damaged one. The new one is finished
//! beside the old one before anything is moved; once it has its name, every start carries the
//! exchange to its end. So no crash on the way loses what was unsent.

use super::{Store, StoreKey, damage, is_damage, salvage, set_aside};
use crate::error::{Fault, Result};
use crate::profile::sync_folder;
use hallway_protocol::ids::UserId;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Whose store it is and where.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What opens it.
    pub key: StoreKey,
    /// The account's id on this device.
    pub account: String,
    /// Its person.
    pub me: UserId,
}

impl Place {
    /// Opens or makes the store, or replaces the one that SQLCipher refuses; says whether it did.
    pub fn open(&self) -> Result<(Store, bool)> {
        finish(&self.path).map_err(|error| Fault::from_io(&error))?;
        damage::sweep_aside(&self.path);
        let opened = self.store(&self.path).and_then(|store| {
            // What the engine needs is read here, so that damage to it shows before it starts.
            store.load()?;
            Ok(store)
        });
        match opened {
            Ok(store) => Ok((store, false)),
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, "the store is damaged");
                self.replace()?;
                Ok((self.store(&self.path)?, true))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a new store, with what could be saved, in the place of a damaged one. Nobody has either
    /// open. Where this fails the old one is still there, and it can be tried again.
    pub fn replace(&self) -> Result<()> {
        if !made(&self.path).exists() {
            self.make()?;
        }
        finish(&self.path).map_err(|error| Fault::from_io(&error))
    }

    /// The new store, whole and closed, under its name beside the old one.
    fn make(&self) -> Result<()> {
        let io = |error: io::Error| Fault::from_io(&error);
        let saved = salvage(&self.path, &self.key)?;
        let making = self.path.with_extension("making");
        damage::remove(&making).map_err(io)?;
        let mut store = self.store(&making)?;
        store.restore(&saved)?;
        store.tidy()?;
        drop(store);
        std::fs::rename(&making, made(&self.path)).map_err(io)?;
        sync_folder(&self.path);
        tracing::warn!(unsent = saved.ops.len(), "a new store holds what was unsent");
        Ok(())
    }

    fn store(&self, path: &Path) -> super::Sql<Store> {
        Store::open(path, &self.key, &self.account, Some(self.me))
    }
}

fn made(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Gives a finished new store the place of the old one, wherever that was cut short.
fn finish(path: &Path) -> io::Result<()> {
    let new = made(path);
    if !new.try_exists()? {
        return Ok(());
    }
    // The same stamp however often it is cut short: the files of one store stay together.
    let since = std::fs::metadata(&new)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    set_aside(path, i64::try_from(since.as_millis()).unwrap_or_default())?;
    sync_folder(path);
    std::fs::rename(&new, path)?;
    sync_folder(path);
    Ok(())
}

#[cfg(test)]
mod tests;
