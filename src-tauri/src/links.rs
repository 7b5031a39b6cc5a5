//! Links of ours (protocol.md §7: `hallway://host[:port]/room/7[/812]`, `/join/CODE`,
//! `/invite/CODE`), which any page and any mail may hold: what is read here is hostile. A link only
//! leads somewhere; whatever it asks for, a person presses the button.

use crate::feed::News;
use crate::house::House;
use crate::window;
use hallway_protocol::ids::{RoomId, Seq};
use serde::Serialize;
use tauri::{App, AppHandle, Manager, Url};
use tauri_plugin_deep_link::DeepLinkExt;

/// No link of ours is longer, bytes.
const LENGTH: usize = 512;
/// No code is longer, characters.
const CODE: usize = 128;

/// Where a link leads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "what", rename = "link")]
pub struct Link {
    /// The server's host, with its port where that is not the usual one.
    pub host: String,
    #[serde(flatten)]
    to: To,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "to", rename_all = "snake_case")]
enum To {
    /// A room, at a message.
    Room { room: RoomId, seq: Option<Seq> },
    /// Into a room by its code.
    Join { code: String },
    /// To the server, with an invite.
    Invite { code: String },
}

/// Hears what the system hands over: at the start, and while we run.
pub fn listen(app: &App) {
    let links = app.deep_link();
    let handle = app.handle().clone();
    links.on_open_url(move |event| follow(&handle, &event.urls()));
    if let Ok(Some(urls)) = links.get_current() {
        follow(app.handle(), &urls);
    }
}

/// Brings the window up and tells it where to go. What is no link of ours only brings it up.
fn follow(app: &AppHandle, urls: &[Url]) {
    window::raise(app);
    let Some(link) = urls.first().and_then(read) else { return };
    let house = app.state::<House>().inner().clone();
    tauri::async_runtime::spawn(async move { house.tell(News::Link(link)).await });
}

/// What a link says; none: nothing that we know.
fn read(url: &Url) -> Option<Link> {
    if url.scheme() != "hallway" || url.as_str().len() > LENGTH || !url.username().is_empty() {
        return None;
    }
    let name = url.host_str().filter(|name| !name.is_empty())?;
    let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    let path: Vec<&str> = url.path_segments()?.collect();
    let to = match path[..] {
        ["room", room] => To::Room { room: RoomId(number(room)?), seq: None },
        ["room", room, seq] => To::Room { room: RoomId(number(room)?), seq: Some(number(seq)?) },
        ["join", text] => To::Join { code: code(text)? },
        ["invite", text] => To::Invite { code: code(text)? },
        _ => return None,
    };
    Some(Link { host, to })
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number| *number > 0)
}

/// Codes are letters, digits, `-` and `_`.
fn code(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    ((1..=CODE).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(text: &str) -> Option<serde_json::Value> {
        let link = read(&text.parse().expect("a url"))?;
        Some(serde_json::to_value(link).expect("JSON"))
    }

    #[test]
    fn links_of_ours_are_read() {
        let room = json!({"what": "link", "host": "chat.example:7340", "to": "room", "room": 7,
            "seq": 812});
        assert_eq!(said("hallway://chat.example:7340/room/7/812"), Some(room));
        let room = json!({"what": "link", "host": "chat.example", "to": "room", "room": 7,
            "seq": null});
        assert_eq!(said("hallway://chat.example/room/7"), Some(room));
        let join = json!({"what": "link", "host": "[::1]:80", "to": "join", "code": "K7QX-M2PA"});
        assert_eq!(said("hallway://[::1]:80/join/K7QX-M2PA"), Some(join));
        let invite = json!({"what": "link", "host": "h", "to": "invite", "code": "a_b"});
        assert_eq!(said("hallway://h/invite/a_b"), Some(invite));
    }

    #[test]
    fn everything_else_leads_nowhere() {
        let long = format!("hallway://h/join/{}", "a".repeat(CODE + 1));
        for odd in [
            "https://h/join/abc",
            "hallway:join/abc",
            "hallway:///join/abc",
            "hallway://h/",
            "hallway://h/room/x",
            "hallway://h/room/-7",
            "hallway://h/room/7/8/9",
            "hallway://h/room/99999999999999999999",
            "hallway://h/join/",
            "hallway://h/join/a%2Fb",
            "hallway://h/join/a/b",
            "hallway://ada:secret@h/join/abc",
            "hallway://h/delete/7",
            &long,
        ] {
            assert_eq!(said(odd), None, "{odd}");
        }
    }
}
