//! The load generator: starts what is shipped, presses it, and prints what was measured beside what
//! was expected. A benchmark, never a timed test: nothing here fails because a machine is slow.
//!
//! It shares the machine with the server, so it is lean: one thread, sockets read in large pieces,
//! frames counted by their first bytes and not parsed.

mod figures;
mod memory;
mod people;
mod table;
mod wire;

use anyhow::Context;
use table::Table;

/// What can be asked for: (a) to (e) of the server, and those of the window.
const FIGURES: [&str; 6] = ["a", "b", "c", "d", "e", "window"];

/// One thread: what the generator takes, the server lacks.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !FIGURES.contains(&name.as_str())) {
        anyhow::bail!("there is no figure {unknown}; the figures are {}", FIGURES.join(" "));
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    raise_file_limit().context("raising the limit of open files")?;
    let mut table = Table::default();
    // What was measured is told, whatever became of the rest.
    let measured = measure(&mut table, is_wanted).await;
    print!("{table}");
    measured
}

async fn measure(table: &mut Table, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if FIGURES[..5].iter().any(|name| is_wanted(name)) {
        let mut people = people::People::gather().await?;
        if is_wanted("a") {
            figures::acks::measure(&mut people, table).await?;
        }
        if is_wanted("b") {
            figures::deliveries::measure(&mut people, table).await?;
        }
        if is_wanted("c") {
            figures::latency::measure(&mut people, table).await?;
        }
        if is_wanted("d") {
            figures::memory::measure(&mut people, table).await?;
        }
        if is_wanted("e") {
            figures::start::measure(&mut people, table).await?;
        }
    }
    if is_wanted("window") {
        figures::window::measure(table).await?;
    }
    Ok(())
}

/// 5,000 connections are as many files here and in the server, which inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
