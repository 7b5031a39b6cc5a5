//! Reads a client's store from outside, as whoever holds its key could: page by page, free pages,
//! slack and the log included (what SQLite would no longer show is still found here), and by SQL
//! where a damaged file still answers.
//!
//! The layout is SQLCipher 4's: pages of 4,096 bytes, AES-256-CBC, at the end of each 16 bytes of
//! initialisation vector and 64 of HMAC; the first 16 bytes of the file are a salt in clear.

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// The raw key of a store.
pub type Key = [u8; 32];

/// Size of a page.
pub const PAGE: usize = 4_096;
const IV: usize = 16;
const RESERVED: usize = 80;
const SALT: usize = 16;
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const BLOCK: usize = 16;

/// The plain bytes of all pages of the store at `path` and of its log, if there is one.
pub fn plain(path: &Path, key: &Key) -> Vec<u8> {
    let mut plain = Vec::new();
    let file = std::fs::read(path).expect("the store is there");
    for (at, page) in file.chunks_exact(PAGE).enumerate() {
        plain.extend(decrypted(page, key, if at == 0 { SALT } else { 0 }));
    }
    let log = path.with_file_name(format!("{}-wal", path.file_name().expect("a file").display()));
    let log = std::fs::read(log).unwrap_or_default();
    for frame in log.get(WAL_HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + PAGE) {
        let first = frame[..4] == 1u32.to_be_bytes();
        plain.extend(decrypted(&frame[FRAME_HEADER..], key, if first { SALT } else { 0 }));
    }
    plain
}

fn decrypted(page: &[u8], key: &Key, from: usize) -> Vec<u8> {
    let end = PAGE - RESERVED;
    let iv = &page[end..end + IV];
    let mut cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).expect("these lengths");
    let mut bytes = page[from..end].to_vec();
    for block in bytes.chunks_exact_mut(BLOCK) {
        cipher.decrypt_block(block.try_into().expect("a whole block"));
    }
    bytes
}

/// A copy of the store, opened with its key: looking must change nothing.
fn copy(path: &Path, key: &Key) -> (tempfile::TempDir, Connection) {
    let folder = crate::server::folder("copy");
    let name = path.file_name().expect("a file").display().to_string();
    for suffix in ["", "-wal"] {
        let from = path.with_file_name(format!("{name}{suffix}"));
        if from.exists() {
            std::fs::copy(&from, folder.path().join(format!("{name}{suffix}"))).expect("copied");
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(folder.path().join(&name), flags).expect("a file");
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    conn.execute_batch(&format!("pragma key = \"x'{hex}'\"")).expect("a first statement");
    (folder, conn)
}

/// The texts of the unsent messages, as far as they can be read from the first on.
pub fn unsent(path: &Path, key: &Key) -> Vec<String> {
    let (_folder, conn) = copy(path, key);
    let sql = "select payload from outbox where kind = 'send' order by op";
    let Ok(mut statement) = conn.prepare(sql) else { return Vec::new() };
    let Ok(mut rows) = statement.query([]) else { return Vec::new() };
    let mut texts = Vec::new();
    while let Ok(Some(row)) = rows.next() {
        let payload: String = row.get(0).expect("a column");
        let payload: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        texts.push(find_text(&payload).expect("a message has a text"));
    }
    texts
}

/// `text`, at whatever depth the payload has it.
fn find_text(value: &serde_json::Value) -> Option<String> {
    let object = value.as_object()?;
    let here = object.get("text").and_then(|text| text.as_str()).map(str::to_owned);
    here.or_else(|| object.values().find_map(find_text))
}

/// The pages that a table takes up, from 1.
pub fn pages_of(path: &Path, key: &Key, table: &str) -> Vec<usize> {
    let (_folder, conn) = copy(path, key);
    let sql = "select pageno from dbstat where name = ?1 order by pageno";
    let mut statement = conn.prepare(sql).expect("an undamaged store");
    let pages = statement.query_map([table], |row| row.get::<_, i64>(0)).expect("pages");
    pages.map(|page| usize::try_from(page.expect("a row")).expect("small")).collect()
}
