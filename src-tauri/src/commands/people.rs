//! People: who is there, who types, and finding them.

use super::Home;
use crate::body::Body;
use hallway_core::Result;
use hallway_core::feed::PersonView;
use hallway_protocol::frames::Presence;
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rest::ProfilePatch;

#[tauri::command]
pub async fn typing(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.typing(room).await
}

#[tauri::command]
pub async fn focus(home: Home<'_>, account: String, rooms: Vec<RoomId>) -> Result<()> {
    home.focus(&account, rooms).await
}

#[tauri::command]
pub async fn watch(
    home: Home<'_>,
    account: String,
    users: Option<Vec<UserId>>,
    room: Option<RoomId>,
) -> Result<()> {
    home.account(&account).await?.watch(users.unwrap_or_default(), room).await
}

#[tauri::command]
pub async fn presence(home: Home<'_>, account: String, state: Presence) -> Result<()> {
    home.account(&account).await?.presence(state).await
}

#[tauri::command]
pub async fn people(home: Home<'_>, account: String, query: String) -> Result<Vec<PersonView>> {
    home.account(&account).await?.people(&query).await
}

#[tauri::command]
pub async fn update_me(home: Home<'_>, account: String, patch: Body<ProfilePatch>) -> Result<()> {
    home.account(&account).await?.update_me(patch.0).await
}
