//! Raw files: their hash, and searching them for a text that must not be in them, in the encodings
//! a store may use.

use std::path::{Path, PathBuf};

/// Every file below `folder` that holds `text`, as UTF-8 or UTF-16, upright or as JSON escapes it.
#[must_use]
pub fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let json = serde_json::to_string(text).expect("a string is JSON");
    let forms = [text.as_bytes().to_vec(), utf16, json.trim_matches('"').as_bytes().to_vec()];
    let mut found = Vec::new();
    for file in files(folder) {
        // A file that went while it was looked for holds nothing.
        let bytes = std::fs::read(&file).unwrap_or_default();
        if forms.iter().any(|form| contains(&bytes, form)) {
            found.push(file);
        }
    }
    found
}

/// SHA-256 of these bytes, in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every regular file below `folder`.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Whether `part` stands in `bytes`.
#[must_use]
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some((&first, _)) = part.split_first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| byte == first) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}
