//! `user`: people of the server, whosever they are.

use super::reach::{Reach, encoded};
use super::tenant::{self, named};
use super::{Place, Said, columns, on, when, word};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::io::Read;

/// `user`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    place: Place,
}

/// Who is meant.
#[derive(Debug, clap::Args)]
pub struct Who {
    /// User name, or number
    who: String,
    /// Tenant in which the name is looked for
    #[arg(long, value_name = "TENANT", default_value = "default")]
    tenant: String,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List people, all or those whose name or mail address has PART in it
    List {
        /// Part of a name or mail address
        part: Option<String>,
        /// Of this tenant alone
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
    },
    /// Make an account; prints a link by which its person sets a password
    Add {
        /// User name
        name: String,
        /// Tenant it belongs to
        #[arg(long, value_name = "TENANT", default_value = "default")]
        tenant: String,
        /// As others see them
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Mail address
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// What they may in the tenant: member, admin, owner
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Read the password from standard input instead of making a link
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show what is known of somebody
    Show(Who),
    /// Keep somebody out: their devices are signed out and delete what they hold
    Disable(Who),
    /// Let somebody in again
    Enable(Who),
    /// Print a link by which somebody sets a new password, good once and for an hour
    ResetPassword(Who),
    /// Give somebody a role in the tenant: member, admin, owner
    Role {
        #[command(flatten)]
        who: Who,
        /// The role
        role: String,
    },
    /// Sign every device of somebody out
    SignOut(Who),
    /// Take the second factor from somebody who lost it
    RemoveSecondFactor(Who),
    /// Close an account for good; what was said stays
    Delete {
        #[command(flatten)]
        who: Who,
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
        What::Add { .. } => add(reach, what, json).await,
        What::Show(who) => {
            let found = find(reach, who).await?;
            Ok(if json { found.to_string() } else { shown(&found) })
        }
        What::Disable(who) => {
            let patch = json!({"disabled": true});
            change(reach, who, &patch, "may not sign in any more", json).await
        }
        What::Enable(who) => {
            let patch = json!({"disabled": false});
            change(reach, who, &patch, "may sign in", json).await
        }
        What::Role { who, role } => {
            let said = format!("is {role} of the tenant now");
            change(reach, who, &json!({ "role": role }), &said, json).await
        }
        What::ResetPassword(who) => {
            let found = find(reach, who).await?;
            let path = format!("/admin/users/{}/reset", found["user"]);
            let made = reach.call("POST", &path, None).await?;
            Ok(if json { made.to_string() } else { handed(&found, &made["link"]) })
        }
        What::SignOut(who) => {
            let found = find(reach, who).await?;
            let path = format!("/admin/users/{}/sessions", found["user"]);
            reach.call("DELETE", &path, None).await?;
            Ok(done(&found, "is signed out everywhere", json))
        }
        What::RemoveSecondFactor(who) => {
            let found = find(reach, who).await?;
            let path = format!("/admin/users/{}/totp", found["user"]);
            reach.call("DELETE", &path, None).await?;
            Ok(done(&found, "is asked for no code any more", json))
        }
        What::Delete { who, yes } => {
            let found = find(reach, who).await?;
            let name = word(&found["name"]);
            ensure!(*yes, "this closes the account of {name} for good; add --yes to do it");
            reach.call("DELETE", &format!("/admin/users/{}", found["user"]), None).await?;
            Ok(done(&found, "has no account any more", json))
        }
    }
}

async fn list(
    reach: &Reach,
    part: Option<&str>,
    tenant: Option<&str>,
    json: bool,
) -> Result<String> {
    let mut path = format!("/admin/users?query={}", encoded(part.unwrap_or_default()));
    if let Some(tenant) = tenant {
        path = format!("{path}&tenant={}", tenant::id(reach, tenant).await?);
    }
    let found = reach.all(&path).await?;
    if json {
        return Ok(Value::from(found).to_string());
    }
    let tenants = tenant::names(reach).await?;
    let mut rows =
        vec![["NUMBER", "NAME", "TENANT", "ROLE", "LAST SEEN", ""].map(String::from).to_vec()];
    rows.extend(found.iter().map(|one| {
        let seen = one["seen_at"].as_i64().map_or("never".to_owned(), when);
        let of = named(&tenants, &one["tenant"]);
        let name = word(&one["name"]);
        vec![one["user"].to_string(), name, of, word(&one["role"]), seen, marks(one)]
    }));
    Ok(columns(&rows))
}

/// What sets somebody apart.
fn marks(one: &Value) -> String {
    let marks = ["bot", "guest", "disabled"].into_iter().filter(|mark| one[mark] == true);
    marks.collect::<Vec<_>>().join(", ")
}

async fn add(reach: &Reach, what: &What, json: bool) -> Result<String> {
    let What::Add { name, tenant, display_name, email, role, password_stdin } = what else {
        bail!("nobody to add");
    };
    let password = if *password_stdin { Some(password()?) } else { None };
    let body = json!({"name": name, "tenant": tenant, "display_name": display_name,
        "email": email, "role": role, "password": password});
    let made = reach.call("POST", "/admin/users", Some(&body)).await?;
    Ok(match made["link"].as_str() {
        _ if json => made.to_string(),
        Some(_) => {
            format!("{} is number {}.\n{}", name, made["user"], handed(&made, &made["link"]))
        }
        None => format!("{} is number {}.", name, made["user"]),
    })
}

fn password() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    read.context("cannot read a password from standard input")?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "there is no password on standard input");
    Ok(text.to_owned())
}

async fn change(reach: &Reach, who: &Who, patch: &Value, said: &str, json: bool) -> Result<String> {
    let found = find(reach, who).await?;
    let path = format!("/admin/users/{}", found["user"]);
    let now = reach.call("PATCH", &path, Some(patch)).await?;
    Ok(if json { now.to_string() } else { done(&now, said, false) })
}

/// The account that is meant.
async fn find(reach: &Reach, who: &Who) -> Result<Value> {
    if let Ok(number) = who.who.parse::<i64>() {
        return reach.call("GET", &format!("/admin/users/{number}"), None).await;
    }
    let tenant = tenant::id(reach, &who.tenant).await?;
    let path = format!("/admin/users?tenant={tenant}&query={}", encoded(&who.who));
    let wanted = hallway_protocol::text::folded(&who.who);
    let found = reach.all(&path).await?.into_iter().find(|one| {
        let name = one["name"].as_str().unwrap_or_default();
        hallway_protocol::text::folded(name) == wanted
    });
    found.with_context(|| format!("there is nobody called {} in {}", who.who, who.tenant))
}

/// The number of somebody, for others who name people.
pub async fn number(reach: &Reach, who: &str, tenant: &str) -> Result<i64> {
    let who = Who { who: who.into(), tenant: tenant.into() };
    find(reach, &who).await?["user"].as_i64().context("no number")
}

fn handed(found: &Value, link: &Value) -> String {
    let (name, link) = (word(&found["name"]), word(link));
    format!("With this link {name} sets a password; it is good once and for an hour:\n{link}")
}

fn done(found: &Value, said: &str, json: bool) -> String {
    let name = word(&found["name"]);
    if json { json!({"user": found["user"]}).to_string() } else { format!("{name} {said}.") }
}

fn shown(one: &Value) -> String {
    let seen = one["seen_at"].as_i64().map_or("never".to_owned(), when);
    let made = one["created_at"].as_i64().map(when).unwrap_or_default();
    let password = if one["password"] == true { "yes" } else { "no" };
    let rows = [
        ("number", one["user"].to_string()),
        ("name", word(&one["name"])),
        ("shown as", word(&one["display_name"])),
        ("mail", word(&one["email"])),
        ("tenant", one["tenant"].to_string()),
        ("role", word(&one["role"])),
        ("marks", marks(one)),
        ("password", password.into()),
        ("second factor", if one["second_factor"] == true { "yes" } else { "no" }.into()),
        ("devices", one["sessions"].to_string()),
        ("made", made),
        ("last seen", seen),
    ];
    columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
}
