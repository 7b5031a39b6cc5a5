//! The folder of a profile: private, locked by one process, one folder an account in it.

use crate::error::{Fault, Result};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// The lock is tried this long: a process that ends lets it go.
const LOCK: (u32, Duration) = (50, Duration::from_millis(100));

/// In the folder of an account that is being erased: what is left of it goes at the next start.
const GONE: &str = "gone";

pub(crate) fn broken(error: std::io::Error) -> Fault {
    Fault::from_io(&error)
}

/// The ids that lie in clear beside the stores: the names of their folders.
pub(crate) fn ids(folder: &Path) -> Result<Vec<String>> {
    make_private(folder).map_err(broken)?;
    let mut ids: Vec<String> = std::fs::read_dir(folder)
        .map_err(broken)?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    ids.sort();
    Ok(ids)
}

/// Notes that an account is being erased, before anything of it is.
pub(crate) fn mark_gone(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        let mark = folder.join(GONE);
        private_file(&mark)?.sync_all()?;
        sync_folder(&mark);
    }
    Ok(())
}

/// Whether it was being erased when that was cut short.
pub(crate) fn is_gone(folder: &Path) -> bool {
    folder.join(GONE).exists()
}

/// Deletes all there is in an account's folder but the mark, and with `whole` that and the folder.
pub(crate) fn erase(folder: &Path, whole: bool) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            std::fs::remove_dir_all(path)?;
        } else if !path.ends_with(GONE) {
            std::fs::remove_file(path)?;
        }
    }
    if whole { std::fs::remove_dir_all(folder) } else { Ok(()) }
}

/// A folder that its owner alone may enter, made or found.
pub fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    close_to_others(folder, 0o700)
}

/// A file that its owner alone may read, made or found; what is in it stays.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    close_to_others(path, 0o600)?;
    Ok(file)
}

#[cfg(unix)]
fn close_to_others(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut rights = std::fs::metadata(path)?.permissions();
    if rights.mode() & 0o077 != 0 {
        rights.set_mode(mode);
        std::fs::set_permissions(path, rights)?;
    }
    Ok(())
}

/// Elsewhere the person's own folder is closed to others as a whole.
#[cfg(not(unix))]
fn close_to_others(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

/// A rename is durable once its folder is; folders cannot be synced everywhere.
pub(crate) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// The profile's lock; another process of the same profile has it for itself.
pub(crate) async fn lock(dir: &Path) -> Result<File> {
    make_private(dir).map_err(broken)?;
    let file = private_file(&dir.join("lock")).map_err(broken)?;
    for _ in 0..LOCK.0 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK.1).await,
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
    }
    Err(Fault::local("in_use", "another program has this profile open"))
}
