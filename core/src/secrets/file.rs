//! One file, 0600, for machines without a keyring. It is replaced whole: written beside, synced,
//! renamed, so a crash leaves the old one or the new one.

use super::{Denied, Secret, Secrets};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Secrets in a file.
#[derive(Debug)]
pub struct FileSecrets {
    path: PathBuf,
    /// One change at a time.
    turn: Mutex<()>,
}

type Entries = BTreeMap<String, Secret>;

impl FileSecrets {
    /// Secrets in the file at `path`; it is made with the first one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileSecrets { path: path.into(), turn: Mutex::new(()) }
    }

    fn entries(&self) -> Result<Entries, Denied> {
        match std::fs::read(&self.path) {
            Ok(bytes) if bytes.is_empty() => Ok(Entries::new()),
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| Denied::Broken(error.to_string()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new()),
            Err(error) => Err(Denied::Broken(error.to_string())),
        }
    }

    fn replace(&self, entries: &Entries) -> Result<(), Denied> {
        let bytes =
            serde_json::to_vec(entries).map_err(|error| Denied::Broken(error.to_string()))?;
        write_private(&self.path, &bytes).map_err(|error| Denied::Broken(error.to_string()))
    }
}

/// Writes a file that its owner alone may read, durably and whole.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    crate::profile::sync_folder(path);
    Ok(())
}

impl Secrets for FileSecrets {
    fn read(&self, id: &str) -> Result<Secret, Denied> {
        self.entries()?.remove(id).ok_or(Denied::Missing)
    }

    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied> {
        let _turn = self.turn.lock();
        let mut entries = self.entries()?;
        entries.insert(id.to_owned(), secret.clone());
        self.replace(&entries)
    }

    fn delete(&self, id: &str) -> Result<(), Denied> {
        let _turn = self.turn.lock();
        let mut entries = self.entries()?;
        if entries.remove(id).is_none() {
            return Ok(());
        }
        self.replace(&entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::ids::UserId;

    #[test]
    fn what_is_written_is_read_by_another_and_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let secret = Secret {
            key: "00".repeat(32),
            refresh_token: "r".into(),
            server: "http://127.0.0.1:1".into(),
            name: "ada".into(),
            user: UserId(3),
        };
        let (one, other) = (FileSecrets::new(&path), FileSecrets::new(&path));
        assert_eq!(one.read("a"), Err(Denied::Missing));
        one.write("a", &secret).unwrap();
        one.write("b", &secret).unwrap();
        other.delete("b").unwrap();
        other.delete("b").unwrap();
        assert_eq!(other.read("a"), Ok(secret));
        assert_eq!(other.read("b"), Err(Denied::Missing));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "not json").unwrap();
        assert!(matches!(one.read("a"), Err(Denied::Broken(_))));
        assert!(
            matches!(
                one.write(
                    "a",
                    &other.read("a").unwrap_or(Secret {
                        key: String::new(),
                        refresh_token: String::new(),
                        server: String::new(),
                        name: String::new(),
                        user: UserId(0),
                    })
                ),
                Err(Denied::Broken(_))
            ),
            "a file that is not ours is not overwritten"
        );
    }
}
