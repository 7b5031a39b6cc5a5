//! The commands of the chat example: what they take, what they answer.

use hallway_core::{Ask, Core, Fault, Target};
use hallway_protocol::ids::{Key, RoomId, UserId};
use hallway_protocol::rest::{NewInvite, NewRoom, NewRoomKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Everything a command may say; each takes its part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Words {
    room: Option<RoomId>,
    text: Option<String>,
    seq: Option<i64>,
    key: Option<Key>,
    reply: Option<i64>,
    reply_key: Option<Key>,
    thread: Option<i64>,
    emoji: Option<String>,
    on: Option<bool>,
    code: Option<String>,
    kind: Option<NewRoomKind>,
    name: Option<String>,
    topic: Option<String>,
    visibility: Option<hallway_protocol::rows::Visibility>,
    history: Option<hallway_protocol::rows::History>,
    members: Vec<UserId>,
    users: Vec<UserId>,
    user: Option<UserId>,
    role: Option<hallway_protocol::rows::Role>,
    query: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    before: Option<i64>,
    after: Option<i64>,
    around: Option<i64>,
    rooms: Vec<RoomId>,
    state: Option<hallway_protocol::frames::Presence>,
    uses: Option<i64>,
}

/// One line of stdin.
pub enum Command {
    /// Ends the program.
    Quit,
    /// Anything else.
    Do(String, Box<WordsOf>),
}

/// The words of a command.
pub struct WordsOf(Words);

/// Answered from the outbox or the store at once; the rest may wait for the server.
const QUICK: [&str; 14] = [
    "send",
    "edit",
    "delete",
    "react",
    "pin",
    "read",
    "leave",
    "draft",
    "retry",
    "discard",
    "send_anyway",
    "online",
    "typing",
    "focus",
];

impl Command {
    /// The command a line says.
    pub fn read(said: &Value) -> Result<Command, Fault> {
        let word = said["do"].as_str().ok_or_else(|| Fault::invalid("do", "is missing"))?;
        if word == "quit" {
            return Ok(Command::Quit);
        }
        let words =
            Words::deserialize(said).map_err(|error| Fault::invalid("line", error.to_string()))?;
        Ok(Command::Do(word.to_owned(), Box::new(WordsOf(words))))
    }

    /// Whether it is answered at once.
    pub fn is_quick(&self) -> bool {
        matches!(self, Command::Do(word, _) if QUICK.contains(&word.as_str()))
    }

    /// Does it.
    pub async fn run(self, core: &Core) -> Result<Value, Fault> {
        let Command::Do(word, words) = self else { return Ok(Value::Null) };
        let words = words.0;
        match word.as_str() {
            "send" | "edit" | "delete" | "react" | "pin" | "read" | "draft" => {
                write(core, &word, words).await
            }
            "retry" | "discard" | "send_anyway" | "online" | "typing" | "focus" | "presence"
            | "watch" => mind(core, &word, words).await,
            "rooms" | "timeline" | "search" | "members" | "people" | "directory" | "account" => {
                look(core, &word, words).await
            }
            _ => visit(core, &word, words).await,
        }
    }
}

fn missing(field: &str) -> impl FnOnce() -> Fault {
    let field = field.to_owned();
    move || Fault::invalid(&field, "is missing")
}

/// The message a command is about.
fn target(words: &Words) -> Result<Target, Fault> {
    match (words.seq, &words.key) {
        (Some(seq), _) => Ok(Target::Seq(seq)),
        (None, Some(key)) => Ok(Target::Key(key.clone())),
        (None, None) => Err(missing("seq")()),
    }
}

async fn write(core: &Core, word: &str, words: Words) -> Result<Value, Fault> {
    let room = words.room.ok_or_else(missing("room"))?;
    let text = words.text.clone().ok_or_else(missing("text"));
    let on = words.on.unwrap_or(true);
    let key = match word {
        "send" => {
            let reply = words.reply.map(Target::Seq).or(words.reply_key.map(Target::Key));
            core.send(room, text?, reply, words.thread).await?
        }
        "edit" => core.edit(room, target(&words)?, text?).await?,
        "delete" => core.delete(room, target(&words)?).await?,
        "react" => {
            let emoji = words.emoji.clone().ok_or_else(missing("emoji"))?;
            core.react(room, target(&words)?, emoji, on).await?
        }
        "pin" => core.pin(room, target(&words)?, on).await?,
        "read" => {
            core.read(room, words.seq).await?;
            return Ok(Value::Null);
        }
        _ => {
            core.draft(room, text.unwrap_or_default()).await?;
            return Ok(Value::Null);
        }
    };
    Ok(json!({ "key": key }))
}

async fn mind(core: &Core, word: &str, words: Words) -> Result<Value, Fault> {
    let key = words.key.clone().ok_or_else(missing("key"));
    match word {
        "retry" => core.retry(key?).await?,
        "discard" => core.discard(key?).await?,
        "send_anyway" => core.send_anyway().await?,
        "online" => core.set_online(words.on.unwrap_or(true)).await?,
        "typing" => core.typing(words.room.ok_or_else(missing("room"))?).await?,
        "focus" => {
            let rooms =
                if words.rooms.is_empty() { words.room.into_iter().collect() } else { words.rooms };
            core.focus(rooms).await?;
        }
        "presence" => core.presence(words.state.ok_or_else(missing("state"))?).await?,
        _ => core.watch(words.users, words.room).await?,
    }
    Ok(Value::Null)
}

async fn look(core: &Core, word: &str, words: Words) -> Result<Value, Fault> {
    let query = words.query.clone().or(words.q.clone());
    let limit = words.limit.unwrap_or(50);
    Ok(match word {
        "rooms" => json!({ "rooms": core.rooms().await? }),
        "timeline" => {
            let room = words.room.ok_or_else(missing("room"))?;
            let Words { before, after, around, .. } = words;
            json!(core.timeline(room, Ask { before, after, around, limit }).await?)
        }
        "search" => {
            let query = query.ok_or_else(missing("query"))?;
            json!(core.search(query, words.room, limit).await?)
        }
        "members" => json!(core.members(words.room.ok_or_else(missing("room"))?).await?),
        "people" => json!({ "people": core.people(&query.unwrap_or_default()).await? }),
        "directory" => json!({ "rooms": core.directory(&query.unwrap_or_default()).await? }),
        _ => json!({ "account": core.account().await? }),
    })
}

async fn visit(core: &Core, word: &str, words: Words) -> Result<Value, Fault> {
    let room = words.room.ok_or_else(missing("room"));
    Ok(match word {
        "create" => {
            let new = NewRoom {
                key: words.key,
                kind: words.kind.unwrap_or(NewRoomKind::Group),
                name: words.name.ok_or_else(missing("name"))?,
                topic: words.topic,
                visibility: words.visibility,
                history: words.history,
                members: words.members,
                ephemeral: false,
                sealed: false,
            };
            made(core.create(new).await?)
        }
        "join" => match words.code {
            Some(code) => made(core.join_code(code).await?),
            None => {
                let id = room?;
                core.join(id).await?.map_or_else(|| json!({ "room": id }), made)
            }
        },
        "direct" => {
            let users =
                if words.users.is_empty() { words.user.into_iter().collect() } else { words.users };
            made(core.direct(users).await?)
        }
        "leave" => {
            core.leave(room?).await?;
            Value::Null
        }
        "code" | "room_code" => json!(core.room_code(room?).await?),
        "delete_room" => {
            core.delete_room(room?).await?;
            Value::Null
        }
        "set_member" | "add" => {
            let user = words.user.ok_or_else(missing("user"))?;
            core.set_member(room?, user, words.role).await?;
            Value::Null
        }
        "remove_member" | "remove" => {
            core.remove_member(room?, words.user.ok_or_else(missing("user"))?).await?;
            Value::Null
        }
        "invite" => {
            let new = NewInvite { uses: words.uses, expires_in_ms: None, room: words.room };
            json!(core.invite(new).await?)
        }
        other => return Err(Fault::invalid("do", format!("{other} is not a command"))),
    })
}

/// A room that was entered: its id, and all of it.
fn made(view: hallway_core::feed::RoomView) -> Value {
    json!({ "room": view.room, "view": view })
}
