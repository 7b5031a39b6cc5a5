//! L3: a reader who stops reading costs the others nothing, is told `lag` instead of being sent
//! everything, and after a pull holds what everybody holds.

use hallway_kit::Tasks;
use hallway_protocol::frames::{ClientFrame, DeltaKind, ServerFrame};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::Message;
use hallway_tests::wire::{self, Socket, key, messages};
use hallway_tests::{Engine, House, Rest, Setup, soon};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio_tungstenite::MaybeTlsStream;

/// People who read as they should.
const READERS: usize = 6;
/// Messages of one slice, and the pause between two: a steady rate, whatever happens.
const SLICE: usize = 240;
const PAUSE: Duration = Duration::from_millis(2);
/// Pairs of slices, one of each kind beside each other in time, after which the two are compared:
/// where they differ by more than they may, more pairs tell chance from cost.
const LOOKS: [usize; 3] = [24, 48, 96];
/// What the others may lose.
const MOST: f64 = 1.10;
/// Text of a message: a slice of them is more than a connection's queue holds.
const TEXT: usize = 1_500;

/// A connection that says hello and then reads nothing; its window is as small as the kernel lets.
async fn slow(house: &House, who: &Rest) -> Socket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small window");
    let stream = socket.connect(house.address()).await.expect("the server accepts");
    let url = format!("ws://{}/api/v1/socket", house.address());
    let (stream, _) = tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream))
        .await
        .expect("an upgrade");
    Socket::greet(stream, wire::hello(who)).await.expect("a welcome")
}

/// Says `count` messages as fast as they go.
async fn pour(speaker: &mut Socket, room: RoomId, count: usize) -> Seq {
    let texts = (0..count).map(|n| format!("pour {n} {}", "x".repeat(TEXT)));
    speaker.pours(room, texts).await
}

type Receipts = mpsc::UnboundedReceiver<(usize, Instant)>;

/// The good readers: each tells when which message of a slice arrived.
async fn readers(who: &Rest, room: RoomId, tasks: &Tasks) -> Receipts {
    let (tell, receipts) = mpsc::unbounded_channel();
    for _ in 0..READERS {
        let mut socket = Socket::open(who).await;
        let tell = tell.clone();
        tasks.once("reader", async move {
            while let Ok(frame) = socket.next().await {
                let at = Instant::now();
                let ServerFrame::Event { room: r, rows, .. } = frame else { continue };
                for message in messages(&rows).iter().filter(|_| r == room) {
                    let mut words = message.text.split(' ');
                    if words.next() == Some("slice") {
                        let n = words.next().and_then(|n| n.parse().ok());
                        // The slice may be over: nobody listens then.
                        let _ = tell.send((n.expect("a slice's message has a number"), at));
                    }
                }
            }
        });
    }
    receipts
}

/// One slice at a fixed rate; the 99th percentile from when a message was due to its arrival.
async fn slice(speaker: &mut Socket, room: RoomId, receipts: &mut Receipts) -> Duration {
    let began = tokio::time::Instant::now();
    let due = |n: usize| began + PAUSE * u32::try_from(n).expect("few");
    let mut ids = Vec::new();
    for n in 0..SLICE {
        tokio::time::sleep_until(due(n)).await;
        let text = format!("slice {n} {}", "x".repeat(TEXT));
        ids.push(speaker.says(room, key(), &text).await.expect("open"));
    }
    for id in ids {
        speaker.answer(id).await.expect("taken");
    }
    let mut waits = Vec::new();
    soon("everyone has heard the slice", async {
        while waits.len() < SLICE * READERS {
            let (n, at) = receipts.recv().await.expect("readers go on");
            waits.push(at.saturating_duration_since(due(n).into_std()));
        }
    })
    .await;
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

/// The mean of the quieter half. Now and then the store ends its log, which holds a few messages of a
/// slice up for some milliseconds, whoever reads: 2 ms become 5, and a median falls between the two.
fn quiet(values: &[Duration]) -> Duration {
    let mut values = values.to_vec();
    values.sort_unstable();
    let half = &values[..values.len() / 2];
    half.iter().sum::<Duration>() / u32::try_from(half.len()).expect("few")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_stops_costs_the_others_nothing() {
    // In memory where there is a folder for it: a disk's own moods are larger than what is asked.
    let memory = Path::new("/dev/shm");
    let folder = memory.is_dir().then(|| tempfile::tempdir_in(memory).expect("a folder"));
    let mut setup = Setup::new(Engine::Sqlite).unlimited();
    setup.data = folder.as_ref().map(|folder| folder.path().to_owned());
    let house = House::alone(setup).await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let lin = house.person("lin").await;
    let eve = house.person("eve").await;
    lin.joins(kitchen).await;
    eve.joins(kitchen).await;
    let tasks = Tasks::default();
    let mut receipts = readers(&lin, kitchen, &tasks).await;
    let mut speaker = Socket::open(&ada).await;
    slice(&mut speaker, kitchen, &mut receipts).await;

    let (mut with, mut without) = (Vec::new(), Vec::new());
    for n in 1.. {
        // with, without, without, with: neither kind is always the first.
        let stalled = if matches!(n % 4, 0 | 1) { Some(slow(&house, &eve).await) } else { None };
        pour(&mut speaker, kitchen, 400).await;
        let p99 = slice(&mut speaker, kitchen, &mut receipts).await;
        if stalled.is_some() {
            with.push(p99)
        } else {
            without.push(p99)
        }
        if !LOOKS.iter().any(|pairs| n == pairs * 2) {
            continue;
        }
        let (cost, usual) = (quiet(&with), quiet(&without));
        let ratio = cost.as_secs_f64() / usual.as_secs_f64();
        println!("p99 {cost:?} with, {usual:?} without, ratio {ratio:.3} after {n} slices");
        if ratio <= MOST {
            break;
        }
        let more = n < LOOKS[2] * 2;
        assert!(more, "it cost the others more: with {with:?}, without {without:?}");
    }
    tasks.end(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lags_is_told_and_ends_with_what_all_hold() {
    let house = House::with(Setup::new(Engine::Sqlite).unlimited()).await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let eve = house.person("eve").await;
    eve.joins(kitchen).await;
    let mut speaker = Socket::open(&ada).await;
    let mut stalled = slow(&house, &eve).await;
    let head = stalled.welcome.rooms.iter().find(|one| one.room == kitchen).expect("hers").head;
    // More than the kernel's buffers and the connection's queue hold together.
    let mut last = 0;
    for _ in 0..12 {
        last = pour(&mut speaker, kitchen, 500).await;
    }

    // She reads again: events up to where the queue was full, then one `lag`, then what is new.
    let (mut cursor, mut held, mut lags) = (head, BTreeMap::new(), 0);
    soon("the lag", async {
        while lags == 0 {
            match stalled.next().await.expect("she is not thrown out for a short stall") {
                ServerFrame::Event { room, seq, rows } if room == kitchen => {
                    assert_eq!(seq, cursor + 1, "what was not dropped is in order");
                    cursor = seq;
                    keep(&mut held, &messages(&rows));
                }
                ServerFrame::Lag { rooms, .. } => {
                    lags += 1;
                    let told = rooms.iter().find(|(room, _)| *room == kitchen);
                    assert!(told.expect("the room is named").1 > cursor, "{rooms:?}");
                }
                _ => {}
            }
        }
    })
    .await;
    assert!(cursor < last, "nothing was dropped, so nothing was tested");
    catch_up(&mut stalled, kitchen, cursor, last, &mut held).await;

    let there = ada.history(kitchen).await;
    let newest = there.iter().filter(|m| held.contains_key(&m.seq)).count();
    assert_eq!(newest, held.len());
    for message in &there {
        if let Some(mine) = held.get(&message.seq) {
            assert_eq!(mine, message);
        }
    }
    assert_eq!(held.keys().next_back(), Some(&last));
}

/// Pulls from `cursor` until nothing is behind, and pages in what a window left out.
async fn catch_up(
    socket: &mut Socket,
    room: RoomId,
    mut cursor: Seq,
    last: Seq,
    held: &mut BTreeMap<Seq, Message>,
) {
    while cursor < last {
        let id = socket.id();
        let pull = ClientFrame::Pull { id, room, since: cursor, floor: Some(1), latest: Some(50) };
        socket.send(&pull).await.expect("open");
        loop {
            let delta = socket
                .until("a delta", |frame| match frame {
                    ServerFrame::Delta(delta) if delta.id == Some(id) => Some(delta.clone()),
                    _ => None,
                })
                .await;
            assert_ne!(delta.kind, DeltaKind::Reset, "her cursor is good");
            keep(held, &messages(&delta.rows));
            cursor = delta.to;
            if delta.done {
                break;
            }
        }
    }
}

fn keep(held: &mut BTreeMap<Seq, Message>, rows: &[Message]) {
    held.extend(rows.iter().map(|message| (message.seq, message.clone())));
}
