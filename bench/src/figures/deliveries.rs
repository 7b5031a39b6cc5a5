//! (b) Deliveries a second: events that arrived at readers of one room.

use super::acks::{LINE, is_ok};
use crate::people::People;
use crate::table::Table;
use crate::wire::Wire;
use anyhow::Result;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

const READERS: usize = 200;
const WRITERS: usize = 10;
/// Sends one writer has under way: "as fast as they go", with an end to what is queued.
const WINDOW: usize = 8;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);

/// What the readers saw in the measured time.
#[derive(Default)]
struct Seen {
    events: Cell<u64>,
    lags: Cell<u64>,
    acks: Cell<u64>,
    bytes: Cell<u64>,
}

/// Measures it.
pub async fn measure(people: &mut People, table: &mut Table) -> Result<()> {
    let room = people.room("everyone", &people.all[..READERS + WRITERS]).await;
    people.fresh().await?;
    let address = people.house.address();
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for (n, person) in people.all[..READERS + WRITERS].iter().enumerate() {
        let wire = Wire::open(address, person).await?;
        if n < READERS { readers.push(wire) } else { writers.push(wire) }
    }
    let seen = Seen::default();
    let from = Instant::now() + WARM_UP;
    let read = readers.into_iter().map(|wire| read(wire, from, &seen));
    let write = writers.into_iter().map(|wire| write(wire, room, from, &seen));
    tokio::try_join!(
        futures_util::future::try_join_all(read),
        futures_util::future::try_join_all(write)
    )?;
    let rate = seen.events.get() as f64 / MEASURED.as_secs_f64();
    table.figure(
        "(b) deliveries/s, 1 room, 200 readers, 10 writers",
        format!("{rate:.0}"),
        "≥ 300000",
        rate >= 300_000.0,
    );
    let acks = seen.acks.get() as f64 / MEASURED.as_secs_f64();
    let megabytes = seen.bytes.get() as f64 / MEASURED.as_secs_f64() / 1e6;
    table.beside(
        "    sends/s behind them",
        format!("{acks:.0}"),
        &format!("{megabytes:.0} MB/s to readers, {} lags", seen.lags.get()),
    );
    Ok(())
}

async fn read(mut wire: Wire, from: Instant, seen: &Seen) -> Result<()> {
    let end = from + MEASURED;
    loop {
        // The last writers to stop leave a reader without a next event: it must not wait for one.
        match tokio::time::timeout_at(end, wire.read()).await {
            Ok(read) => read?,
            Err(_) => return Ok(()),
        }
        let (mut events, mut lags, mut bytes) = (0, 0, 0);
        wire.frames(|frame| {
            events += u64::from(frame.starts_with(br#"{"type":"event""#));
            lags += u64::from(frame.starts_with(br#"{"type":"lag""#));
            bytes += frame.len() as u64;
        })?;
        if Instant::now() >= from {
            seen.events.set(seen.events.get() + events);
            seen.lags.set(seen.lags.get() + lags);
            seen.bytes.set(seen.bytes.get() + bytes);
        }
        wire.flush().await?;
    }
}

async fn write(mut wire: Wire, room: RoomId, from: Instant, seen: &Seen) -> Result<()> {
    let (clock, mut id, mut due) = (Clock::system(), 0, WINDOW);
    while Instant::now() < from + MEASURED {
        for _ in 0..due {
            id += 1;
            wire.send(id, room, &Key::new(clock.now()), LINE);
        }
        wire.flush().await?;
        wire.read().await?;
        due = 0;
        wire.frames(|frame| due += usize::from(is_ok(frame)))?;
        if Instant::now() >= from {
            seen.acks.set(seen.acks.get() + due as u64);
        }
    }
    Ok(())
}
