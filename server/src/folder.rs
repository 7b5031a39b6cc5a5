//! The data folder: 0700, held by one server at a time, with the secret that signs tokens and, until
//! it is spent, the token of the first owner. Files made here are 0600.

use crate::tokens::mac;
use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The data folder, locked for as long as this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The kernel gives the lock back when the process ends, however it ends.
    _lock: File,
}

/// The secret that signs tokens: 256 bits.
#[derive(Clone)]
pub struct Secret(pub [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Folder {
    /// Makes the folder where there is none, and locks it against a second server.
    pub fn open(path: &Path) -> Result<Folder> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).with_context(|| format!("cannot make {}", path.display()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("cannot write in {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another server runs on {}", path.display())
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the data folder"),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token of the first owner as it stands on disk.
    pub fn owner_token(&self) -> Option<String> {
        let text = fs::read_to_string(self.owner_path()).ok()?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    }

    /// Makes a new one, durable before anyone is told.
    pub fn new_owner_token(&self) -> Result<String> {
        let token = random_token()?;
        write_new(&self.owner_path(), &token)?;
        Ok(token)
    }

    /// It is spent: the file goes.
    pub fn owner_token_spent(&self) -> Result<()> {
        match fs::remove_file(self.owner_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The token of the operator, made at the first start. Who can read the folder is the operator.
    pub fn operator_token(&self) -> Result<String> {
        let path = self.path.join("operator");
        if !path.exists() {
            write_new(&path, &random_token()?)?;
        }
        let place = path.display();
        let token = fs::read_to_string(&path).with_context(|| format!("cannot read {place}"))?;
        let mode = fs::metadata(&path)
            .with_context(|| format!("cannot read {place}"))?
            .permissions()
            .mode();
        ensure!(mode & 0o077 == 0, "{place} can be read by others: chmod 600 {place}");
        let token = token.trim();
        ensure!(token.len() >= 32, "{place} holds a weak token: remove it and a new one is made");
        Ok(token.to_owned())
    }

    fn owner_path(&self) -> PathBuf {
        self.path.join("first-owner")
    }
}

/// Whether a server runs on this folder at this moment. Nothing is made.
pub fn is_held(path: &Path) -> bool {
    let lock = File::open(path.join("lock")).ok();
    lock.is_some_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Secret {
    /// Reads the secret, making it at the first start. A weak one, or one that others of the machine
    /// can read, is refused.
    pub fn load(path: &Path) -> Result<Secret> {
        if !path.exists() {
            write_new(path, &hex::encode(random::<32>()?))?;
        }
        let place = path.display();
        let mode = fs::metadata(path)
            .with_context(|| format!("cannot read {place}"))?
            .permissions()
            .mode();
        ensure!(mode & 0o077 == 0, "{place} can be read by others: chmod 600 {place}");
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
        let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(bytes) = bytes.filter(is_strong) else {
            bail!("{place} holds a weak secret: it must be 64 random hexadecimal digits");
        };
        Ok(Secret(bytes))
    }

    /// A key of its own for each purpose.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        mac(&self.0, &[purpose.as_bytes()])
    }
}

/// What is to be said where the secret is gone that these sessions were signed with.
pub fn lost(path: &Path, sessions: i64) -> String {
    format!(
        "{} was not there, but {sessions} sessions were signed with one: everybody has to sign in \
         again, and what was sealed with it (secrets of webhooks, second factors, keys of push) \
         cannot be opened. If you still have it, stop the server and put it back",
        path.display()
    )
}

/// 32 random bytes have about 30 different values; fewer than 16 is no accident.
fn is_strong(bytes: &[u8; 32]) -> bool {
    let mut sorted = *bytes;
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).count() >= 16
}

/// Bytes of the system's generator.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(bytes)
}

/// 256 random bits as text.
pub fn random_token() -> Result<String> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Writes a file of our own, whole or not at all.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension("new");
    let made = || -> std::io::Result<()> {
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    made().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn one_server_holds_the_folder_and_it_is_closed_to_others() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("deep/data");
        let first = Folder::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert!(Folder::open(&path).unwrap_err().to_string().contains("another server"));
        assert!(is_held(&path));
        drop(first);
        assert!(!is_held(&path));
        assert!(!is_held(base.path()));
        Folder::open(&path).unwrap();
    }

    #[test]
    fn the_secret_is_made_once_and_a_weak_one_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("secret");
        let first = Secret::load(&path).unwrap();
        assert_eq!(Secret::load(&path).unwrap().0, first.0);
        assert_eq!(mode(&path), 0o600);
        for weak in ["", "secret", &"00".repeat(32), &"ab12".repeat(16)] {
            fs::write(&path, weak).unwrap();
            assert!(Secret::load(&path).unwrap_err().to_string().contains("weak"), "{weak}");
        }
        fs::write(&path, hex::encode(first.0)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::load(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn the_operators_token_is_made_once_and_a_weak_one_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        let token = folder.operator_token().unwrap();
        assert_eq!(folder.operator_token().unwrap(), token);
        let path = base.path().join("operator");
        assert_eq!(mode(&path), 0o600);
        fs::write(&path, "short\n").unwrap();
        assert!(folder.operator_token().unwrap_err().to_string().contains("weak"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(folder.operator_token().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn the_owner_token_stays_until_it_is_spent() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        assert_eq!(folder.owner_token(), None);
        let token = folder.new_owner_token().unwrap();
        assert_eq!(folder.owner_token(), Some(token));
        assert_eq!(mode(&base.path().join("first-owner")), 0o600);
        folder.owner_token_spent().unwrap();
        folder.owner_token_spent().unwrap();
        assert_eq!(folder.owner_token(), None);
    }
}
