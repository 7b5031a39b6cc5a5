//! (d) Memory of an idle connection: what 5,000 of them add to a server that knows its people, over
//! as many as were added.

use crate::memory::{mebibytes, resident};
use crate::people::People;
use crate::table::Table;
use crate::wire::Wire;
use anyhow::Result;
use std::time::Duration;

const CONNECTIONS: usize = 5_000;
/// Connections made at once: fewer than a listener's backlog.
const AT_ONCE: usize = 50;
/// After the last welcome, for buffers that are given back when a connection falls idle.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures it.
pub async fn measure(people: &mut People, table: &mut Table) -> Result<()> {
    people.fresh().await?;
    let address = people.house.address();
    // Everyone once first: what the store's caches take for them is not what a connection costs.
    let mut connections = Vec::new();
    for person in &people.all {
        connections.push(Wire::open(address, person).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let (before, first) = (resident(people.house.id())?, connections.len());
    while connections.len() < CONNECTIONS {
        let now = AT_ONCE.min(CONNECTIONS - connections.len());
        let who = (0..now).map(|n| &people.all[(connections.len() + n) % people.all.len()]);
        let more = futures_util::future::try_join_all(who.map(|who| Wire::open(address, who)));
        connections.extend(more.await?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = resident(people.house.id())?;
    let more = (CONNECTIONS - first) as f64;
    let each = after.saturating_sub(before) as f64 / more / 1024.0;
    table.figure(
        "(d) memory an idle connection, over 5,000",
        format!("{each:.1} KiB"),
        "< 16 KiB",
        each < 16.0,
    );
    table.beside(
        &format!("    resident with {first} and with 5,000 connections"),
        format!("{:.1} → {:.1} MiB", mebibytes(before), mebibytes(after)),
        "",
    );
    Ok(())
}
