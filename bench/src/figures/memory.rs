//! (d) Memory of an idle connection: what 5,000 of them add to the server, over 5,000.

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
    // One connection first: what the first one loads is not what each one costs.
    let first = Wire::open(address, &people.all[0]).await?;
    let before = resident(people.house.id())?;
    let mut connections = vec![first];
    while connections.len() < CONNECTIONS {
        let now = AT_ONCE.min(CONNECTIONS - connections.len());
        let who = (0..now).map(|n| &people.all[(connections.len() + n) % people.all.len()]);
        let more = futures_util::future::try_join_all(who.map(|who| Wire::open(address, who)));
        connections.extend(more.await?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = resident(people.house.id())?;
    let each = after.saturating_sub(before) as f64 / CONNECTIONS as f64 / 1024.0;
    table.figure(
        "(d) memory an idle connection, over 5,000",
        format!("{each:.1} KiB"),
        "< 16 KiB",
        each < 16.0,
    );
    table.beside(
        "    resident with 1 and with 5,000 connections",
        format!("{:.1} → {:.1} MiB", mebibytes(before), mebibytes(after)),
        "",
    );
    Ok(())
}
