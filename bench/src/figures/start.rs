//! (e) From starting the process to its being ready, on an empty folder and on one in use.

use crate::people::People;
use crate::table::Table;
use anyhow::Result;
use hallway_tests::{Engine, Server, Setup};
use std::time::{Duration, Instant};

/// Starts of each kind; the median is told.
const STARTS: usize = 9;

/// Measures it.
pub async fn measure(people: &mut People, table: &mut Table) -> Result<()> {
    let mut empty = Vec::new();
    for _ in 0..STARTS {
        let mut setup = Setup::new(Engine::Sqlite);
        setup.binary = Some(hallway_tests::server::release_binary());
        let began = Instant::now();
        let server = Server::start(setup).await;
        ready(&server.url()).await;
        empty.push(began.elapsed());
    }
    let mut used = Vec::new();
    for _ in 0..STARTS {
        people.house.end().await;
        let began = Instant::now();
        people.house.up().await?;
        ready(&people.house.url()).await;
        used.push(began.elapsed());
    }
    let (empty, used) = (median(&mut empty), median(&mut used));
    for (what, time) in [("an empty folder", empty), ("a folder in use", used)] {
        table.figure(
            &format!("(e) start to ready, {what}"),
            format!("{:.0} ms", time.as_secs_f64() * 1_000.0),
            "< 150 ms",
            time < Duration::from_millis(150),
        );
    }
    Ok(())
}

/// It listens once it says so; ready is what a balancer asks.
async fn ready(url: &str) {
    let http = hallway_tests::wire::plain();
    let answer = http.get(format!("{url}/health/ready")).send().await.expect("it is answered");
    assert!(answer.status().is_success(), "listening and not ready: {}", answer.status());
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
