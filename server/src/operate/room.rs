//! `room`: rooms of the server, whosever they are.

use super::reach::{Reach, encoded};
use super::tenant::{self, named};
use super::{Place, Said, columns, on, user, when, word};
use anyhow::{Result, bail, ensure};
use hallway_protocol::text::folded;
use serde_json::{Value, json};

/// `room`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    place: Place,
}

/// Which room.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Its name, or its number as `room list` shows it
    room: String,
    /// Tenant in which names are looked for
    #[arg(long, value_name = "TENANT", default_value = "default")]
    tenant: String,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List rooms, all or those whose name has PART in it
    List {
        /// Part of a name
        part: Option<String>,
        /// Of this tenant alone
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
    },
    /// Show what is known of a room; never what is said in it
    Show(Which),
    /// Make somebody its owner; who is not in it is from now on
    Owner {
        #[command(flatten)]
        room: Which,
        /// User name, or number
        who: String,
    },
    /// Put a room away: it is read, and nothing is said in it any more
    Archive(Which),
    /// Bring a room back
    Unarchive(Which),
    /// Delete a room with everything said in it
    Delete {
        #[command(flatten)]
        room: Which,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// Does it.
pub fn run(ask: &Ask) -> Result<Said> {
    on(&ask.place, async |reach| answer(reach, &ask.what, ask.place.form.json).await)
}

async fn answer(reach: &Reach, what: &What, json: bool) -> Result<String> {
    match what {
        What::List { part, tenant } => list(reach, part.as_deref(), tenant.as_deref(), json).await,
        What::Show(room) => {
            let found = find(reach, room).await?;
            Ok(if json { found.to_string() } else { shown(&found) })
        }
        What::Owner { room, who } => {
            let owner = user::number(reach, who, &room.tenant).await?;
            let said = format!("is owned by {who} now");
            change(reach, room, &json!({ "owner": owner }), &said, json).await
        }
        What::Archive(room) => {
            change(reach, room, &json!({"archived": true}), "is put away", json).await
        }
        What::Unarchive(room) => {
            change(reach, room, &json!({"archived": false}), "is in use again", json).await
        }
        What::Delete { room, yes } => {
            let found = find(reach, room).await?;
            let (name, said) = (called(&found), &found["messages"]);
            ensure!(*yes, "this deletes {name} with {said} messages; add --yes to do it");
            reach.call("DELETE", &format!("/admin/rooms/{}", found["room"]), None).await?;
            let said = format!("{name} is gone; what was said in it is being erased.");
            Ok(if json { json!({ "room": found["room"] }).to_string() } else { said })
        }
    }
}

/// The room that is named. A name that several have is none.
async fn find(reach: &Reach, which: &Which) -> Result<Value> {
    if let Ok(number) = which.room.parse::<i64>() {
        return reach.call("GET", &format!("/admin/rooms/{number}"), None).await;
    }
    let tenant = tenant::id(reach, &which.tenant).await?;
    let path = format!("/admin/rooms?tenant={tenant}&query={}", encoded(&which.room));
    let mut found = reach.all(&path).await?;
    found.retain(|one| folded(one["name"].as_str().unwrap_or_default()) == folded(&which.room));
    let numbers: Vec<_> = found.iter().map(|one| one["room"].to_string()).collect();
    let (called, of) = (&which.room, &which.tenant);
    match found.pop() {
        None => bail!("there is no room called {called} in {of}"),
        Some(found) if numbers.len() == 1 => Ok(found),
        Some(_) => {
            let numbers = numbers.join(", ");
            bail!("several rooms are called {called}; name one by its number: {numbers}")
        }
    }
}

async fn list(
    reach: &Reach,
    part: Option<&str>,
    tenant: Option<&str>,
    json: bool,
) -> Result<String> {
    let mut path = format!("/admin/rooms?query={}", encoded(part.unwrap_or_default()));
    if let Some(tenant) = tenant {
        path = format!("{path}&tenant={}", tenant::id(reach, tenant).await?);
    }
    let found = reach.all(&path).await?;
    if json {
        return Ok(Value::from(found).to_string());
    }
    let tenants = tenant::names(reach).await?;
    let head = ["NUMBER", "NAME", "TENANT", "KIND", "MEMBERS", "MESSAGES", ""];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(found.iter().map(|one| {
        let mark = if one["archived"] == true { "archived" } else { "" };
        let of = named(&tenants, &one["tenant"]);
        let (members, messages) = (one["members"].to_string(), one["messages"].to_string());
        let (room, kind) = (one["room"].to_string(), word(&one["kind"]));
        vec![room, word(&one["name"]), of, kind, members, messages, mark.into()]
    }));
    Ok(columns(&rows))
}

async fn change(
    reach: &Reach,
    room: &Which,
    patch: &Value,
    said: &str,
    json: bool,
) -> Result<String> {
    let room = find(reach, room).await?["room"].clone();
    let now = reach.call("PATCH", &format!("/admin/rooms/{room}"), Some(patch)).await?;
    Ok(if json { now.to_string() } else { format!("{} {said}.", called(&now)) })
}

fn called(one: &Value) -> String {
    match one["name"].as_str() {
        Some(name) if !name.is_empty() => format!("{name} ({})", one["room"]),
        _ => format!("room {}", one["room"]),
    }
}

fn shown(one: &Value) -> String {
    let owners = one["owners"].as_array().into_iter().flatten().map(Value::to_string);
    let rows = [
        ("number", one["room"].to_string()),
        ("name", word(&one["name"])),
        ("tenant", one["tenant"].to_string()),
        ("kind", word(&one["kind"])),
        ("visibility", word(&one["visibility"])),
        ("archived", one["archived"].to_string()),
        ("members", one["members"].to_string()),
        ("owners", owners.collect::<Vec<_>>().join(", ")),
        ("messages", one["messages"].to_string()),
        ("made", one["created_at"].as_i64().map(when).unwrap_or_default()),
    ];
    columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}
