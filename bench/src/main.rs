//! The load generator: starts the release server, presses it, and prints what was measured beside
//! what was expected. A benchmark, never a timed test: nothing here fails because a machine is slow.
//!
//! It shares the machine with the server, so it is lean: one thread, sockets read in large pieces,
//! frames counted by their first bytes and not parsed.

mod figures;
mod people;
mod table;
mod wire;

use anyhow::Context;
use table::Table;

/// One thread: what the generator takes, the server lacks.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    raise_file_limit().context("raising the limit of open files")?;
    let mut table = Table::default();
    if ["a", "b", "c", "d", "e"].into_iter().any(is_wanted) {
        let mut people = people::People::gather().await?;
        if is_wanted("a") {
            figures::acks::measure(&mut people, &mut table).await?;
        }
        if is_wanted("b") {
            figures::deliveries::measure(&mut people, &mut table).await?;
        }
        if is_wanted("c") {
            figures::latency::measure(&mut people, &mut table).await?;
        }
        if is_wanted("d") {
            figures::memory::measure(&mut people, &mut table).await?;
        }
        if is_wanted("e") {
            figures::start::measure(&mut people, &mut table).await?;
        }
    }
    print!("{table}");
    Ok(())
}

/// 5,000 connections are as many files here and in the server, which inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
