//! `tenant`: whose server it is, and the keys of their backends.

use super::reach::Reach;
use super::{Place, Said, columns, on, when, word};
use anyhow::{Context, Result, ensure};
use hallway_protocol::rest::TenantConfig;
use serde_json::{Map, Value, json};

/// `tenant`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List tenants
    List,
    /// Make a tenant; prints the token with which its owner registers
    Add {
        /// What people type at sign-in
        name: String,
        /// As people see it
        #[arg(long, value_name = "TITLE")]
        title: Option<String>,
        /// Who may make an account: open, invite, closed
        #[arg(long, value_name = "WHO")]
        registration: Option<String>,
    },
    /// Show how a tenant is set up
    Show {
        /// Its name or number
        tenant: String,
    },
    /// Set title, registration, or a limit: quota_bytes=1000000 guests=code retention_days=null
    Set {
        /// Its name or number
        tenant: String,
        /// NAME=VALUE; `null` for what the server has
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Shut a tenant: nobody of it may sign in until it is resumed
    Suspend {
        /// Its name or number
        tenant: String,
    },
    /// Open a suspended tenant again, as it was
    Resume {
        /// Its name or number
        tenant: String,
    },
    /// Erase a suspended tenant with everything in it
    Delete {
        /// Its name or number
        tenant: String,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Keys of a tenant's backend
    #[command(subcommand)]
    Key(Key),
}

#[derive(Debug, clap::Subcommand)]
enum Key {
    /// List keys
    List {
        /// Name or number of the tenant
        tenant: String,
    },
    /// Make a key; it is shown this once
    Add {
        /// Name or number of the tenant
        tenant: String,
        /// What it is for
        name: String,
        /// What it opens, separated by commas: read, write, act, admin
        #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
        scopes: Vec<String>,
    },
    /// Take a key away; it opens nothing from that moment on
    Remove {
        /// Name or number of the tenant
        tenant: String,
        /// Its id, as `list` shows it
        key: String,
    },
}

/// Does it.
pub fn run(ask: &Ask) -> Result<Said> {
    on(&ask.place, async |reach| answer(reach, &ask.what, ask.place.form.json).await)
}

async fn answer(reach: &Reach, what: &What, json: bool) -> Result<String> {
    match what {
        What::List => list(reach, json).await,
        What::Add { name, title, registration } => {
            let body = json!({"name": name, "title": title, "registration": registration});
            let made = reach.call("POST", "/admin/tenants", Some(&body)).await?;
            let (number, token) = (&made["tenant"], word(&made["owner_token"]));
            let said = format!("{name} is number {number}. Its owner registers with:\n{token}");
            Ok(if json { made.to_string() } else { said })
        }
        What::Show { tenant } => {
            let path = format!("/admin/tenants/{}", id(reach, tenant).await?);
            let found = reach.call("GET", &path, None).await?;
            Ok(if json { found.to_string() } else { shown(&found) })
        }
        What::Set { tenant, settings } => {
            let patch = patch(settings)?;
            change(reach, tenant, &patch, "is set up so", json).await
        }
        What::Suspend { tenant } => {
            let patch = json!({"suspended": true});
            change(reach, tenant, &patch, "is shut", json).await
        }
        What::Resume { tenant } => {
            let patch = json!({"suspended": false});
            change(reach, tenant, &patch, "is open", json).await
        }
        What::Delete { tenant, yes } => {
            let id = id(reach, tenant).await?;
            ensure!(
                *yes,
                "this erases {tenant} with all its people, rooms and messages; add --yes"
            );
            reach.call("DELETE", &format!("/admin/tenants/{id}"), None).await?;
            let said = format!("{tenant} is gone; what was its own is being erased.");
            Ok(if json { json!({"tenant": id}).to_string() } else { said })
        }
        What::Key(key) => keys(reach, key, json).await,
    }
}

async fn list(reach: &Reach, json: bool) -> Result<String> {
    let found = reach.all("/admin/tenants").await?;
    if json {
        return Ok(Value::from(found).to_string());
    }
    let mut rows = vec![["NUMBER", "NAME", "TITLE", "MADE", ""].map(String::from).to_vec()];
    rows.extend(found.iter().map(|one| {
        let made = one["created_at"].as_i64().map(when).unwrap_or_default();
        let mark = if one["suspended"] == true { "suspended" } else { "" };
        vec![one["tenant"].to_string(), word(&one["name"]), word(&one["title"]), made, mark.into()]
    }));
    Ok(columns(&rows))
}

async fn change(
    reach: &Reach,
    tenant: &str,
    patch: &Value,
    said: &str,
    json: bool,
) -> Result<String> {
    let path = format!("/admin/tenants/{}", id(reach, tenant).await?);
    let now = reach.call("PATCH", &path, Some(patch)).await?;
    Ok(if json { now.to_string() } else { format!("{} {said}.", word(&now["name"])) })
}

/// Settings as they are typed: a value is JSON where it can be read so, else a word.
fn patch(settings: &[String]) -> Result<Value> {
    let (mut patch, mut config) = (Map::new(), Map::new());
    let known = serde_json::to_value(TenantConfig::default())?;
    let names: Vec<_> = known.as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
    for setting in settings {
        let (name, value) = setting
            .split_once('=')
            .with_context(|| format!("{setting} is not of the form NAME=VALUE"))?;
        let read = serde_json::from_str(value).ok();
        let value = match name {
            "title" => Value::from(value),
            _ => read.unwrap_or_else(|| Value::from(value)),
        };
        match name {
            "title" | "registration" => patch.insert(name.into(), value),
            _ => {
                ensure!(
                    names.contains(&name),
                    "there is no setting {name}; those of a tenant are title, registration, {}",
                    names.join(", ")
                );
                config.insert(name.into(), value)
            }
        };
    }
    if !config.is_empty() {
        patch.insert("config".into(), config.into());
    }
    Ok(patch.into())
}

async fn keys(reach: &Reach, key: &Key, json: bool) -> Result<String> {
    match key {
        Key::List { tenant } => {
            let path = format!("/admin/tenants/{}/keys", id(reach, tenant).await?);
            let found = reach.all(&path).await?;
            if json {
                return Ok(Value::from(found).to_string());
            }
            let mut rows = vec![["ID", "NAME", "OPENS", "MADE"].map(String::from).to_vec()];
            rows.extend(found.iter().map(|one| {
                let scopes = one["scopes"].as_array().into_iter().flatten().map(word);
                let scopes = scopes.collect::<Vec<_>>().join(", ");
                let made = one["created_at"].as_i64().map(when).unwrap_or_default();
                vec![word(&one["id"]), word(&one["name"]), scopes, made]
            }));
            Ok(columns(&rows))
        }
        Key::Add { tenant, name, scopes } => {
            let path = format!("/admin/tenants/{}/keys", id(reach, tenant).await?);
            let body = json!({"name": name, "scopes": scopes});
            let made = reach.call("POST", &path, Some(&body)).await?;
            let said = format!("The key, shown this once:\n{}", word(&made["key"]));
            Ok(if json { made.to_string() } else { said })
        }
        Key::Remove { tenant, key } => {
            let tenant = id(reach, tenant).await?;
            reach.call("DELETE", &format!("/admin/tenants/{tenant}/keys/{key}"), None).await?;
            let said = format!("The key {key} opens nothing any more.");
            Ok(if json { json!({"id": key}).to_string() } else { said })
        }
    }
}

/// The number of a tenant, by name or number.
pub async fn id(reach: &Reach, tenant: &str) -> Result<i64> {
    let folded = hallway_protocol::text::folded(tenant);
    let number = tenant.parse::<i64>().ok();
    let all = reach.all("/admin/tenants").await?;
    let found = all.iter().find(|one| {
        one["name"].as_str() == Some(&folded)
            || (number.is_some() && one["tenant"].as_i64() == number)
    });
    let found = found.and_then(|one| one["tenant"].as_i64());
    found.with_context(|| format!("there is no tenant called {tenant}"))
}

/// The tenants by number.
pub async fn names(reach: &Reach) -> Result<Vec<(i64, String)>> {
    let all = reach.all("/admin/tenants").await?;
    let pair = |one: &Value| Some((one["tenant"].as_i64()?, word(&one["name"])));
    Ok(all.iter().filter_map(pair).collect())
}

/// The name of one of them.
pub fn named(names: &[(i64, String)], tenant: &Value) -> String {
    let found = names.iter().find(|(id, _)| Some(*id) == tenant.as_i64());
    found.map_or_else(|| tenant.to_string(), |(_, name)| name.clone())
}

fn shown(one: &Value) -> String {
    let mut rows = vec![
        vec!["number".into(), one["tenant"].to_string()],
        vec!["name".into(), word(&one["name"])],
        vec!["title".into(), word(&one["title"])],
        vec!["registration".into(), word(&one["registration"])],
        vec!["suspended".into(), one["suspended"].to_string()],
    ];
    for (name, value) in one["config"].as_object().into_iter().flatten() {
        rows.push(vec![name.clone(), word(value)]);
    }
    columns(&rows)
}
