//! What the window may ask for: one command for each thing a person can do, one line into the core.
//! Arguments are the fields of one object; answers and refusals cross as the core has them.

use crate::body::Body;
use crate::feed::News;
use crate::house::House;
use hallway_core::feed::{Account, Found, Members, PersonView, RoomView, Timeline};
use hallway_core::{Ask, Checked, Fault, Result, Target};
use hallway_protocol::frames::{MinePatch, Presence};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rest::{Invite, JoinCode, NewInvite, NewRoom, RoomPatch};
use hallway_protocol::rows::{Role, Room};
use serde::Serialize;
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, State, Wry};
use tauri_plugin_opener::OpenerExt;

/// The core behind all of them.
type Home<'a> = State<'a, House>;

/// What was put into the outbox.
#[derive(Serialize)]
pub struct Taken {
    key: Key,
}

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

/// All of them; `build.rs` and `capabilities/main.json` name the same.
pub fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        accounts,
        check_server,
        sign_in,
        register,
        subscribe,
        painted,
        open_link,
        sign_in_again,
        sign_out,
        unlock,
        network,
        rooms,
        timeline,
        send,
        edit,
        delete,
        react,
        read,
        typing,
        focus,
        watch,
        presence,
        draft,
        mine,
        create,
        join,
        leave,
        direct,
        update_room,
        delete_room,
        room_code,
        members,
        set_member,
        remove_member,
        directory,
        people,
        invite,
        search,
        retry,
        discard,
        send_anyway,
    ]
}

#[tauri::command]
async fn accounts(home: Home<'_>) -> Result<Vec<Account>> {
    home.core().await?.accounts().await
}

#[tauri::command]
async fn check_server(home: Home<'_>, url: String) -> Result<Checked> {
    home.core().await?.check_server(&url).await
}

#[tauri::command]
async fn sign_in(home: Home<'_>, url: String, login: String, password: String) -> Result<Account> {
    home.core().await?.sign_in(&url, &login, &password).await
}

#[tauri::command(rename_all = "snake_case")]
async fn register(
    home: Home<'_>,
    url: String,
    name: String,
    display_name: Option<String>,
    password: String,
    invite: Option<String>,
) -> Result<Account> {
    home.core().await?.register(&url, &name, display_name, &password, invite).await
}

#[tauri::command]
async fn subscribe(home: Home<'_>, channel: Channel<Vec<News>>) -> Result<()> {
    home.subscribe(channel).await
}

#[tauri::command]
async fn painted(home: Home<'_>) -> Result<()> {
    home.painted();
    Ok(())
}

/// The system opens it, and only what a browser or a mail program is for.
#[tauri::command]
async fn open_link(app: AppHandle, url: String) -> Result<()> {
    let url = outside(&url).ok_or_else(|| Fault::invalid("url", "is not a link of the web"))?;
    app.opener()
        .open_url(url, None::<&str>)
        .map_err(|error| Fault::local("broken", format!("the system did not open it: {error}")))
}

#[tauri::command]
async fn sign_in_again(home: Home<'_>, account: String, password: String) -> Result<Account> {
    home.core().await?.sign_in_again(&account, &password).await
}

#[tauri::command]
async fn sign_out(home: Home<'_>, account: String) -> Result<()> {
    home.core().await?.sign_out(&account).await
}

#[tauri::command]
async fn unlock(home: Home<'_>, account: String) -> Result<()> {
    home.core().await?.try_again(&account).await
}

#[tauri::command]
async fn network(home: Home<'_>) -> Result<()> {
    home.core().await?.network_changed().await;
    Ok(())
}

#[tauri::command]
async fn rooms(home: Home<'_>, account: String) -> Result<Vec<RoomView>> {
    home.account(&account).await?.rooms().await
}

#[tauri::command]
async fn timeline(
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
async fn send(
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
async fn edit(
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
async fn delete(
    home: Home<'_>,
    account: String,
    room: RoomId,
    seq: Option<Seq>,
    key: Option<Key>,
) -> Result<Taken> {
    Ok(Taken { key: home.account(&account).await?.delete(room, target(seq, key)?).await? })
}

#[tauri::command]
async fn react(
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
async fn read(home: Home<'_>, account: String, room: RoomId, seq: Option<Seq>) -> Result<()> {
    home.account(&account).await?.read(room, seq).await
}

#[tauri::command]
async fn typing(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.typing(room).await
}

#[tauri::command]
async fn focus(home: Home<'_>, account: String, rooms: Vec<RoomId>) -> Result<()> {
    home.focus(&account, rooms).await
}

#[tauri::command]
async fn watch(
    home: Home<'_>,
    account: String,
    users: Option<Vec<UserId>>,
    room: Option<RoomId>,
) -> Result<()> {
    home.account(&account).await?.watch(users.unwrap_or_default(), room).await
}

#[tauri::command]
async fn presence(home: Home<'_>, account: String, state: Presence) -> Result<()> {
    home.account(&account).await?.presence(state).await
}

#[tauri::command]
async fn draft(home: Home<'_>, account: String, room: RoomId, text: String) -> Result<()> {
    home.account(&account).await?.draft(room, text).await
}

#[tauri::command]
async fn mine(home: Home<'_>, account: String, room: RoomId, patch: Body<MinePatch>) -> Result<()> {
    home.account(&account).await?.mine(room, patch.0).await
}

#[tauri::command]
async fn create(home: Home<'_>, account: String, new: Body<NewRoom>) -> Result<RoomView> {
    home.account(&account).await?.create(new.0).await
}

#[tauri::command]
async fn join(
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
async fn leave(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.leave(room).await
}

#[tauri::command]
async fn direct(home: Home<'_>, account: String, users: Vec<UserId>) -> Result<RoomView> {
    home.account(&account).await?.direct(users).await
}

#[tauri::command]
async fn update_room(
    home: Home<'_>,
    account: String,
    room: RoomId,
    patch: Body<RoomPatch>,
) -> Result<()> {
    home.account(&account).await?.update_room(room, patch.0).await
}

#[tauri::command]
async fn delete_room(home: Home<'_>, account: String, room: RoomId) -> Result<()> {
    home.account(&account).await?.delete_room(room).await
}

#[tauri::command]
async fn room_code(home: Home<'_>, account: String, room: RoomId) -> Result<JoinCode> {
    home.account(&account).await?.room_code(room).await
}

#[tauri::command]
async fn members(home: Home<'_>, account: String, room: RoomId) -> Result<Members> {
    home.account(&account).await?.members(room).await
}

#[tauri::command]
async fn set_member(
    home: Home<'_>,
    account: String,
    room: RoomId,
    user: UserId,
    role: Option<Role>,
) -> Result<()> {
    home.account(&account).await?.set_member(room, user, role).await
}

#[tauri::command]
async fn remove_member(home: Home<'_>, account: String, room: RoomId, user: UserId) -> Result<()> {
    home.account(&account).await?.remove_member(room, user).await
}

#[tauri::command]
async fn directory(home: Home<'_>, account: String, query: String) -> Result<Vec<Room>> {
    home.account(&account).await?.directory(&query).await
}

#[tauri::command]
async fn people(home: Home<'_>, account: String, query: String) -> Result<Vec<PersonView>> {
    home.account(&account).await?.people(&query).await
}

#[tauri::command]
async fn invite(home: Home<'_>, account: String, new: Body<NewInvite>) -> Result<Invite> {
    home.account(&account).await?.invite(new.0).await
}

#[tauri::command]
async fn search(
    home: Home<'_>,
    account: String,
    query: String,
    room: Option<RoomId>,
    limit: usize,
) -> Result<Found> {
    home.account(&account).await?.search(query, room, limit).await
}

#[tauri::command]
async fn retry(home: Home<'_>, account: String, key: Key) -> Result<()> {
    home.account(&account).await?.retry(key).await
}

#[tauri::command]
async fn discard(home: Home<'_>, account: String, key: Key) -> Result<()> {
    home.account(&account).await?.discard(key).await
}

#[tauri::command]
async fn send_anyway(home: Home<'_>, account: String) -> Result<()> {
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

/// A link people follow, in its one form; anything else is none.
fn outside(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_web_and_mail_leave_the_app() {
        assert_eq!(
            outside("https://example.org/a b").as_deref(),
            Some("https://example.org/a%20b")
        );
        assert!(outside("mailto:lin@example.org").is_some());
        for no in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "hallway://x/",
            "/etc/passwd",
            "data:,x",
            "",
        ] {
            assert_eq!(outside(no), None, "{no}");
        }
    }

    /// Code, access control and capability name the same commands, or one could be called that was
    /// not meant to, or could not be called at all.
    #[test]
    fn the_lists_of_commands_agree() {
        let code = include_str!("commands.rs");
        let listed =
            code.split("generate_handler![").nth(1).and_then(|rest| rest.split(']').next());
        let code: Vec<&str> = words(listed.expect("the handler lists them"));
        let build = include_str!("../build.rs");
        let listed = build.split("COMMANDS: &[&str] = &[").nth(1).and_then(|r| r.split(']').next());
        assert_eq!(words(listed.expect("the build script lists them")), code);
        let capability: serde_json::Value =
            serde_json::from_str(include_str!("../capabilities/main.json")).expect("it is JSON");
        let allowed: Vec<String> = capability["permissions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|p| p.as_str().unwrap_or_default().trim_start_matches("allow-").replace('-', "_"))
            .collect();
        assert_eq!(allowed, code);
    }

    fn words(list: &str) -> Vec<&str> {
        list.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect()
    }
}
