//! `vacuum`: gives back the room that deleted rows leave, and lets the engine learn how the data lie.

use super::check::size;
use super::reach::ours;
use super::{Place, Said, configured, restore};
use crate::folder::Folder;
use crate::store::whole::tidy;
use anyhow::{Result, ensure};
use rustix::fs::statvfs;
use serde_json::json;

/// `vacuum`.
#[derive(Debug, clap::Args)]
pub struct Ask {
    #[command(flatten)]
    place: Place,
}

/// Does it. SQLite is rewritten whole, which takes it away from a server; PostgreSQL minds nobody.
pub fn run(ask: &Ask) -> Result<Said> {
    let config = configured(&ask.place.flags())?;
    ours(&config.data)?;
    restore::finished(&config)?;
    let data = config.data.display();
    let _folder = match &config.database_url {
        Some(_) => None,
        None => {
            ensure!(
                config.data.join("hallway.db").exists(),
                "there are no data in {data}; name the server's folder with --data"
            );
            let held = crate::folder::is_held(&config.data);
            ensure!(!held, "a server runs on {data}, and SQLite is rewritten whole: stop it first");
            let disk = statvfs(&config.data)?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let needed = std::fs::metadata(config.data.join("hallway.db"))?.len() * 2;
            let (free, needed, enough) = (size(free), size(needed), free >= needed);
            ensure!(enough, "the disk has {free} free; rewriting the database may take {needed}");
            Some(Folder::open(&config.data)?)
        }
    };
    let (before, after) = tidy::vacuum(&config.place())?;
    let freed = before.saturating_sub(after);
    let summary = json!({"before": before, "after": after, "freed": freed});
    let said = format!("The database takes {} now; {} were freed.", size(after), size(freed));
    Ok(Said::from(if ask.place.form.json { summary.to_string() } else { said }))
}
