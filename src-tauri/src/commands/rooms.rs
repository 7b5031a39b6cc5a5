//! Rooms: what one is in, the ways in and out, and who else is there.

use super::Home;
use crate::body::Body;
use hallway_core::feed::{Members, RoomView};
use hallway_core::{Fault, Result};
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rest::{Invite, JoinCode, NewInvite, NewRoom, RoomPatch};
use hallway_protocol::rows::{Role, Room};
use serde::Serialize;

/// A room that was entered: here already, or noted until there is a link.
#[derive(Serialize)]
#[serde(untagged)]
enum Entered {
    Here(Box<RoomView>),
    Noted(RoomId),
}

/// The answer of `join`.
#[derive(Serialize)]
pub struct Joined {
    room: Entered,
}

#[tauri::command]
pub async fn rooms(home: Home<'_>, account: String) -> Result<Vec<RoomView>> {
    home.account(&account).await?.rooms().await
}

#[tauri::command]
pub async fn mine(
    home: Home<'_>,
    account: String,
    room: RoomId,
    patch: Body<MinePatch>,
) -> Result<()> {
    home.account(&account).await?.mine(room, patch.0).await
}

#[tauri::command]
pub async fn create(home: Home<'_>, account: String, new: Body<NewRoom>) -> Result<RoomView> {
    home.account(&account).await?.create(new.0).await
}

#[tauri::command]
pub async fn join(
    home: Home<'_>,
    account: String,
    room: Option<RoomId>,
    code: Option<String>,
) -> Result<Joined> {
    let core = home.account(&account).await?;
    let entered = match (room, code) {
        (Some(id), _) => {
            let here = core.join(id).await?;
            here.map_or(Entered::Noted(id), |room| Entered::Here(Box::new(room)))
        }
        (None, Some(code)) => Entered::Here(Box::new(core.join_code(code).await?)),
        (None, None) => return Err(Fault::invalid("room", "is missing, and so is a code")),
    };
    Ok(Joined { room: entered })
}

#[tauri::command]
pub async fn leave(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.leave(room).await
}

#[tauri::command]
pub async fn direct(home: Home<'_>, account: String, users: Vec<UserId>) -> Result<RoomView> {
    home.account(&account).await?.direct(users).await
}

#[tauri::command]
pub async fn update_room(
    home: Home<'_>,
    account: String,
    room: RoomId,
    patch: Body<RoomPatch>,
) -> Result<()> {
    home.account(&account).await?.update_room(room, patch.0).await
}

#[tauri::command]
pub async fn delete_room(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.delete_room(room).await
}

#[tauri::command]
pub async fn room_code(home: Home<'_>, account: String, room: RoomId) -> Result<JoinCode> {
    home.account(&account).await?.room_code(room).await
}

#[tauri::command]
pub async fn members(home: Home<'_>, account: String, room: RoomId) -> Result<Members> {
    home.account(&account).await?.members(room).await
}

#[tauri::command]
pub async fn set_member(
    home: Home<'_>,
    account: String,
    room: RoomId,
    user: UserId,
    role: Option<Role>,
) -> Result<()> {
    home.account(&account).await?.set_member(room, user, role).await
}

#[tauri::command]
pub async fn remove_member(
    home: Home<'_>,
    account: String,
    room: RoomId,
    user: UserId,
) -> Result<()> {
    home.account(&account).await?.remove_member(room, user).await
}

#[tauri::command]
pub async fn directory(home: Home<'_>, account: String, query: String) -> Result<Vec<Room>> {
    home.account(&account).await?.directory(&query).await
}

#[tauri::command]
pub async fn invite(home: Home<'_>, account: String, new: Body<NewInvite>) -> Result<Invite> {
    home.account(&account).await?.invite(new.0).await
}
