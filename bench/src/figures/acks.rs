//! (a) Acknowledged sends a second: each on disk before its `ok`.

use crate::people::People;
use crate::table::Table;
use crate::wire::Wire;
use anyhow::Result;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId};
use std::time::Duration;
use tokio::time::Instant;

/// Writers, each in a room of its own.
const WRITERS: usize = 10;
/// Sends under way, over all of them.
const IN_FLIGHT: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
/// A line of talk: about as long as people's are.
pub const LINE: &str = "the kettle is on, and there is cake left from yesterday";

/// Measures it.
pub async fn measure(people: &mut People, table: &mut Table) -> Result<()> {
    people.fresh().await?;
    let address = people.house.address();
    let mut writers = Vec::new();
    for (n, writer) in people.all[..WRITERS].iter().enumerate() {
        let room = writer.creates(&format!("own {n}")).await;
        let window = IN_FLIGHT / WRITERS + usize::from(n < IN_FLIGHT % WRITERS);
        writers.push((Wire::open(address, writer).await?, room, window));
    }
    let from = Instant::now() + WARM_UP;
    let writers = writers.into_iter().map(|(wire, room, window)| write(wire, room, window, from));
    let acks: u64 = futures_util::future::try_join_all(writers).await?.into_iter().sum();
    let rate = acks as f64 / MEASURED.as_secs_f64();
    table.figure(
        "(a) acknowledged sends/s, 10 writers, 10 rooms, 64 in flight",
        format!("{rate:.0}"),
        "≥ 10000",
        rate >= 10_000.0,
    );
    Ok(())
}

/// Keeps `window` sends under way; how many were acknowledged in the measured time.
async fn write(mut wire: Wire, room: RoomId, window: usize, from: Instant) -> Result<u64> {
    let (clock, mut id, mut acks) = (Clock::system(), 0, 0);
    let mut due = window;
    loop {
        for _ in 0..due {
            id += 1;
            wire.send(id, room, &Key::new(clock.now()), LINE);
        }
        wire.flush().await?;
        wire.read().await?;
        due = 0;
        wire.frames(|frame| due += usize::from(is_ok(frame)))?;
        let now = Instant::now();
        if now >= from + MEASURED {
            return Ok(acks);
        }
        if now >= from {
            acks += due as u64;
        }
    }
}

/// An `ok`; an `error` would be a fault of the benchmark, and ends it.
pub fn is_ok(frame: &[u8]) -> bool {
    assert!(!is_error(frame), "{}", String::from_utf8_lossy(frame));
    frame.starts_with(br#"{"type":"ok""#)
}

/// A refusal.
pub fn is_error(frame: &[u8]) -> bool {
    frame.starts_with(br#"{"type":"error""#)
}
