//! The people of `data/people.json`: who they are and their random passwords, for the person who
//! runs this and for nobody else (0600).

use crate::api::Api;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Serialize, Deserialize, Default)]
pub struct People {
    /// Where they are known.
    pub server: String,
    /// All of them, the owner first.
    pub people: Vec<Person>,
    #[serde(skip)]
    file: PathBuf,
}

/// One of them.
#[derive(Serialize, Deserialize, Clone)]
pub struct Person {
    /// User name.
    pub name: String,
    /// As others see it.
    pub display_name: String,
    /// Random.
    pub password: String,
}

impl People {
    /// What the file says; nobody where there is none.
    pub fn load(data: &Path, server: &str) -> Result<People> {
        let file = data.join("people.json");
        let mut people: People = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not readable", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => People::default(),
            Err(error) => return Err(error).context(file.display().to_string()),
        };
        (people.server, people.file) = (server.to_owned(), file);
        Ok(people)
    }

    /// The person of this display name; the password is on disk before anyone is registered with it.
    pub fn person(&mut self, display_name: &str) -> Result<Person> {
        let name = display_name.to_lowercase();
        if let Some(known) = self.people.iter().find(|person| person.name == name) {
            return Ok(known.clone());
        }
        let person =
            Person { name, display_name: display_name.to_owned(), password: random_password()? };
        self.people.push(person.clone());
        write_private(&self.file, &serde_json::to_vec_pretty(self)?)?;
        Ok(person)
    }
}

/// Registers the owner with the server's one-time token, while there is one.
pub fn own(api: &Api, ada: &Person, data: &Path) -> Result<()> {
    let file = data.join("first-owner");
    let token = match std::fs::read_to_string(&file) {
        Ok(token) => token.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(file.display().to_string()),
    };
    register(api, ada, &token)?;
    println!(
        "xtask: {} owns this server; the password stands in data/people.json",
        ada.display_name
    );
    Ok(())
}

/// Makes an account with an invite, or the owner token.
pub fn register(api: &Api, person: &Person, invite: &str) -> Result<Value> {
    let body = json!({
        "name": person.name,
        "display_name": person.display_name,
        "password": person.password,
        "invite": invite,
        "device": "xtask",
    });
    api.must("POST", "/auth/register", body)
}

/// Signs someone in; `None` where there is no such account.
pub fn sign_in(api: &Api, person: &Person) -> Result<Option<Value>> {
    let body = json!({ "login": person.name, "password": person.password, "device": "xtask" });
    match api.call("POST", "/auth/login", Some(body))? {
        Ok(answer) => Ok(Some(answer)),
        Err(refused) if refused.code == "wrong_credentials" => Ok(None),
        Err(refused) => bail!("signing {} in: {}", person.display_name, refused.message),
    }
}

/// Writes the file the app signs itself in with.
pub fn sign_in_file(data: &Path, server: &str, person: &Person) -> Result<PathBuf> {
    let file = data.join(format!("sign-in-{}.json", person.name));
    let body = json!({ "server": server, "login": person.name, "password": person.password });
    write_private(&file, body.to_string().as_bytes())?;
    Ok(file)
}

/// Writes a file only its owner reads; whole or not at all.
fn write_private(file: &Path, bytes: &[u8]) -> Result<()> {
    let new = file.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&new).with_context(|| new.display().to_string())?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(&new, file).with_context(|| file.display().to_string())
}

/// 128 bits from the system, as text a person can select with two clicks.
fn random_password() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
