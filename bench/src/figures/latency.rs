//! (c) From the moment a send was due to its receipt by each reader, at a fixed rate: an open loop,
//! so that a stall of the server is seen by every send that was due in it.

use super::acks::{LINE, is_error};
use crate::people::People;
use crate::table::Table;
use crate::wire::Wire;
use anyhow::Result;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId};
use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::Instant;

const READERS: usize = 20;
const WRITERS: usize = 10;
/// Over all writers.
const SENDS_A_SECOND: u32 = 1_000;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);
/// What stands before the due time, in microseconds since the start, in a message's text.
const MARK: &[u8] = br#""text":"due "#;

/// Measures it.
pub async fn measure(people: &mut People, table: &mut Table) -> Result<()> {
    let room = people.room("prompt", &people.all[..READERS + WRITERS]).await;
    people.fresh().await?;
    let address = people.house.address();
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for (n, person) in people.all[..READERS + WRITERS].iter().enumerate() {
        let wire = Wire::open(address, person).await?;
        if n < READERS { readers.push(wire) } else { writers.push(wire) }
    }
    let waits = RefCell::new(Histogram::<u64>::new(3)?);
    let began = Instant::now();
    let read = readers.into_iter().map(|wire| read(wire, began, &waits));
    let write = writers.into_iter().enumerate().map(|(n, wire)| write(wire, n, room, began));
    tokio::try_join!(
        futures_util::future::try_join_all(read),
        futures_util::future::try_join_all(write)
    )?;
    let waits = waits.into_inner();
    let at = |quantile| waits.value_at_quantile(quantile) as f64 / 1_000.0;
    let told = waits.len();
    table.beside(
        "(c) send to receipt, p50, 1,000 sends/s, 20 readers",
        format!("{:.2} ms", at(0.5)),
        &format!("{told} receipts"),
    );
    table.figure(
        "(c) send to receipt, p99",
        format!("{:.2} ms", at(0.99)),
        "< 15 ms",
        at(0.99) < 15.0,
    );
    Ok(())
}

async fn read(mut wire: Wire, began: Instant, waits: &RefCell<Histogram<u64>>) -> Result<()> {
    let end = began + WARM_UP + MEASURED + Duration::from_secs(1);
    let from = u64::try_from(WARM_UP.as_micros())?;
    loop {
        match tokio::time::timeout_at(end, wire.read()).await {
            Ok(read) => read?,
            Err(_) => return Ok(()),
        }
        let now = u64::try_from(began.elapsed().as_micros())?;
        wire.frames(|frame| {
            assert!(!frame.starts_with(br#"{"type":"lag""#), "a reader lags at this rate");
            if let Some(due) = due(frame).filter(|due| *due >= from) {
                waits.borrow_mut().saturating_record(now.saturating_sub(due));
            }
        })?;
        wire.flush().await?;
    }
}

/// The due time in an event of ours.
fn due(frame: &[u8]) -> Option<u64> {
    if !frame.starts_with(br#"{"type":"event""#) {
        return None;
    }
    let at = frame.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = frame[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// One writer's share of the rate; it reads what comes, so that nothing piles up for it.
async fn write(mut wire: Wire, number: usize, room: RoomId, began: Instant) -> Result<()> {
    let clock = Clock::system();
    let pause = Duration::from_secs(1) * u32::try_from(WRITERS)? / SENDS_A_SECOND;
    let offset = pause * u32::try_from(number)? / u32::try_from(WRITERS)?;
    let mut next = began + offset;
    let mut id = 0;
    while next < began + WARM_UP + MEASURED {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {
                let due = (next - began).as_micros();
                id += 1;
                let text = format!("due {due} {}", LINE);
                wire.send(id, room, &Key::new(clock.now()), &text);
                wire.flush().await?;
                next += pause;
            }
            read = wire.read() => {
                read?;
                wire.frames(|frame| assert!(!is_error(frame)))?;
            }
        }
    }
    Ok(())
}
