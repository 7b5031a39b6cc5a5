//! Messages: reading, saying, changing and finding them.

use super::Home;
use hallway_core::feed::{Found, Timeline};
use hallway_core::{Ask, Fault, Result, Target};
use hallway_protocol::ids::{Key, Millis, RoomId, Seq};
use hallway_protocol::rest::{Edit, Receipt};
use serde::Serialize;

/// What was put into the outbox.
#[derive(Serialize)]
pub struct Taken {
    key: Key,
}

#[tauri::command]
pub async fn timeline(
    home: Home<'_>,
    account: String,
    room: RoomId,
    before: Option<Seq>,
    after: Option<Seq>,
    around: Option<Seq>,
    limit: usize,
) -> Result<Timeline> {
    home.account(&account).await?.timeline(room, Ask { before, after, around, limit }).await
}

#[tauri::command]
pub async fn send(
    home: Home<'_>,
    account: String,
    room: RoomId,
    text: String,
    reply: Option<Seq>,
    thread: Option<Seq>,
) -> Result<Taken> {
    let reply = reply.map(Target::Seq);
    Ok(Taken { key: home.account(&account).await?.send(room, text, reply, thread).await? })
}

#[tauri::command]
pub async fn edit(
    home: Home<'_>,
    account: String,
    room: RoomId,
    seq: Option<Seq>,
    key: Option<Key>,
    text: String,
) -> Result<Taken> {
    let target = target(seq, key)?;
    Ok(Taken { key: home.account(&account).await?.edit(room, target, text).await? })
}

#[tauri::command]
pub async fn delete(
    home: Home<'_>,
    account: String,
    room: RoomId,
    seq: Option<Seq>,
    key: Option<Key>,
) -> Result<Taken> {
    Ok(Taken { key: home.account(&account).await?.delete(room, target(seq, key)?).await? })
}

#[tauri::command]
pub async fn react(
    home: Home<'_>,
    account: String,
    room: RoomId,
    seq: Seq,
    emoji: String,
    on: bool,
) -> Result<Taken> {
    let target = Target::Seq(seq);
    Ok(Taken { key: home.account(&account).await?.react(room, target, emoji, on).await? })
}

#[tauri::command]
pub async fn pin(
    home: Home<'_>,
    account: String,
    room: RoomId,
    seq: Seq,
    on: bool,
) -> Result<Taken> {
    Ok(Taken { key: home.account(&account).await?.pin(room, Target::Seq(seq), on).await? })
}

#[tauri::command]
pub async fn pins(home: Home<'_>, account: String, room: RoomId) -> Result<Timeline> {
    home.account(&account).await?.pins(room).await
}

#[tauri::command]
pub async fn thread(home: Home<'_>, account: String, room: RoomId, seq: Seq) -> Result<Timeline> {
    home.account(&account).await?.thread(room, seq).await
}

#[tauri::command]
pub async fn edits(home: Home<'_>, account: String, room: RoomId, seq: Seq) -> Result<Vec<Edit>> {
    home.account(&account).await?.edits(room, seq).await
}

#[tauri::command]
pub async fn first_since(
    home: Home<'_>,
    account: String,
    room: RoomId,
    at: Millis,
) -> Result<Option<Seq>> {
    home.account(&account).await?.first_since(room, at).await
}

#[tauri::command]
pub async fn receipts(home: Home<'_>, account: String, room: RoomId) -> Result<Vec<Receipt>> {
    home.account(&account).await?.receipts(room).await
}

#[tauri::command]
pub async fn read(home: Home<'_>, account: String, room: RoomId, seq: Option<Seq>) -> Result<()> {
    home.account(&account).await?.read(room, seq).await
}

#[tauri::command]
pub async fn draft(home: Home<'_>, account: String, room: RoomId, text: String) -> Result<()> {
    home.account(&account).await?.draft(room, text).await
}

#[tauri::command]
pub async fn search(
    home: Home<'_>,
    account: String,
    query: String,
    room: Option<RoomId>,
    limit: usize,
) -> Result<Found> {
    home.account(&account).await?.search(query, room, limit).await
}

#[tauri::command]
pub async fn retry(home: Home<'_>, account: String, key: Key) -> Result<()> {
    home.account(&account).await?.retry(key).await
}

#[tauri::command]
pub async fn discard(home: Home<'_>, account: String, key: Key) -> Result<()> {
    home.account(&account).await?.discard(key).await
}

#[tauri::command]
pub async fn send_anyway(home: Home<'_>, account: String) -> Result<()> {
    home.account(&account).await?.send_anyway().await
}

/// A message by its number, or by its key while it has none.
fn target(seq: Option<Seq>, key: Option<Key>) -> Result<Target> {
    match (seq, key) {
        (Some(seq), _) => Ok(Target::Seq(seq)),
        (None, Some(key)) => Ok(Target::Key(key)),
        (None, None) => Err(Fault::invalid("seq", "is missing, and so is a key")),
    }
}
