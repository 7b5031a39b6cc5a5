//! The folder of a profile: private, locked by one process, one folder an account in it.

use crate::error::{Fault, Result};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// The lock is tried this long: a process that ends lets it go.
const LOCK: (u32, Duration) = (50, Duration::from_millis(100));

pub(crate) fn broken(error: std::io::Error) -> Fault {
    Fault::local("broken", error.to_string())
}

/// The ids that lie in clear beside the stores: the names of their folders.
pub(crate) fn ids(folder: &Path) -> Result<Vec<String>> {
    make_private(folder)?;
    let mut ids: Vec<String> = std::fs::read_dir(folder)
        .map_err(broken)?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    ids.sort();
    Ok(ids)
}

/// A folder that its owner alone may enter.
pub(crate) fn make_private(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(broken)
}

/// The profile's lock; another process of the same profile has it for itself.
pub(crate) async fn lock(dir: &Path) -> Result<File> {
    make_private(dir)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(broken)?;
    for _ in 0..LOCK.0 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK.1).await,
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
    }
    Err(Fault::local("in_use", "another program has this profile open"))
}
