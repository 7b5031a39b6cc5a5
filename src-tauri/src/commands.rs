//! What the window may ask for: one command for each thing a person can do, one line into the core.
//! Arguments are the fields of one object; answers and refusals cross as the core has them.

use crate::house::House;
use tauri::ipc::Invoke;
use tauri::{State, Wry};

mod accounts;
mod messages;
mod people;
mod rooms;

/// The core behind all of them.
type Home<'a> = State<'a, House>;

/// All of them; `build.rs` and `capabilities/main.json` name the same.
pub fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        accounts::accounts,
        accounts::check_server,
        accounts::sign_in,
        accounts::register,
        accounts::subscribe,
        accounts::painted,
        accounts::open_link,
        accounts::sign_in_again,
        accounts::sign_out,
        accounts::unlock,
        accounts::network,
        rooms::rooms,
        messages::timeline,
        messages::send,
        messages::edit,
        messages::delete,
        messages::react,
        messages::pin,
        messages::pins,
        messages::thread,
        messages::edits,
        messages::first_since,
        messages::receipts,
        messages::read,
        people::typing,
        people::focus,
        people::watch,
        people::presence,
        messages::draft,
        rooms::mine,
        rooms::create,
        rooms::join,
        rooms::leave,
        rooms::direct,
        rooms::update_room,
        rooms::delete_room,
        rooms::room_code,
        rooms::members,
        rooms::set_member,
        rooms::remove_member,
        rooms::directory,
        people::people,
        people::update_me,
        rooms::invite,
        messages::search,
        messages::retry,
        messages::discard,
        messages::send_anyway,
    ]
}

#[cfg(test)]
mod tests {
    /// Code, access control and capability name the same commands, or one could be called that was
    /// not meant to, or could not be called at all.
    #[test]
    fn the_lists_of_commands_agree() {
        let code = include_str!("commands.rs");
        let listed =
            code.split("generate_handler![").nth(1).and_then(|rest| rest.split(']').next());
        let listed = words(listed.expect("the handler lists them"));
        let nouns = ["accounts::", "messages::", "people::", "rooms::"];
        let code: Vec<&str> = listed.iter().map(|path| named(path, &nouns)).collect();
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

    /// A command without the noun its file has.
    fn named<'a>(path: &'a str, nouns: &[&str]) -> &'a str {
        nouns.iter().find_map(|noun| path.strip_prefix(noun)).expect("a noun of ours")
    }

    fn words(list: &str) -> Vec<&str> {
        list.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .filter(|w| !w.is_empty())
            .collect()
    }
}
