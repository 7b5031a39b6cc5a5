//! The talk of one connection: one task, one `select!`, no locks of its own. It reads commands while
//! earlier ones are still on their way to the disk, writes what waits in the line, and keeps an eye
//! on who does not read, does not live, or has to go.

use super::answers::Answers;
use super::commands::{self, Pending};
use super::hello::Present;
use super::order::{Bucket, Order};
use super::{Socket, goodbye_to};
use crate::app::App;
use crate::error::Refusal;
use crate::extract::wrong_frame;
use crate::front::Caller;
use crate::hub::line::{Line, encode};
use crate::hub::told::Told;
use crate::store::{Needs, sessions};
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{Sink, SinkExt, StreamExt};
use hallway_protocol::frames::{ClientFrame, ErrorFrame, ServerFrame, close};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_tungstenite::tungstenite::{self, Message};

/// Answers that wait to be written; while there are more, nothing is read.
const CONTROL: usize = 64;
/// Commands and questions on their way; while there are more, nothing is read.
const PENDING: usize = 256;
/// Who takes nothing for so long is let go.
const STUCK: Duration = Duration::from_secs(15);
/// So many malformed frames a minute are too many.
const MALFORMED: u32 = 10;
/// Connections close spread over this time, so that they do not come back at once.
const SPREAD_MS: u64 = 1_500;
/// Between two tellings that quiet rooms moved on.
const BUMPS: Duration = Duration::from_secs(2);
/// What is under way at the end may take so long.
const LAST_COMMITS: Duration = Duration::from_secs(4);

/// The state of a talk.
pub struct Talk {
    /// The server.
    pub app: App,
    /// Who talks, and what waits for them.
    pub present: Present,
    /// From where they came, for what a `call` writes into the record.
    pub caller: Caller,
    /// Commands whose answer is not known yet.
    pub pending: FuturesUnordered<Pending>,
    /// What stands in the way of commands.
    pub order: Order,
    /// Commands a second.
    pub commands: Bucket,
    /// Frames without an answer, a second.
    pub signs: Bucket,
    control: Answers,
    malformed: (u32, Instant),
    heard: Instant,
    /// Something waits to be written.
    writing: bool,
    /// What the socket took so far, and when that last moved while something waited.
    taken: Arc<AtomicU64>,
    moved: (u64, Instant),
    /// Quiet rooms moved on; and when that may be told next.
    bumps: (bool, Instant),
    leaving: Option<Leaving>,
}

/// How a talk ends: with a close code, or because the other side is gone.
type End = Option<u16>;

/// Talks until the end.
pub async fn run(app: App, socket: Socket, present: Present, (told, caller): (Told, Caller)) {
    let taken = socket.get_ref().written();
    let (mut sink, mut stream) = socket.split();
    let limits = &app.limits;
    let now = Instant::now();
    let mut talk = Talk {
        pending: FuturesUnordered::new(),
        order: Order::new(limits.unanswered),
        commands: Bucket::new(limits.commands_per_second, limits.burst),
        signs: Bucket::new(limits.commands_per_second, limits.burst),
        control: Answers::new(told),
        malformed: (0, now),
        heard: now,
        // What came while we greeted waits already.
        writing: true,
        taken,
        moved: (0, now),
        bumps: (false, now),
        leaving: None,
        present,
        caller,
        app,
    };
    let end = talk.go(&mut sink, &mut stream).await;
    let Ok(socket) = sink.reunite(stream) else { return };
    // It hears nothing more: out of the hub before the last words.
    drop(talk);
    if let Some(code) = end {
        goodbye_to(socket, code).await;
    }
}

impl Talk {
    async fn go(
        &mut self,
        sink: &mut SplitSink<Socket, Message>,
        stream: &mut SplitStream<Socket>,
    ) -> End {
        let line = self.present.line.clone();
        let mut stop = self.app.sockets.stop();
        let every = self.app.config.heartbeat;
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let answers = self.control.len() < CONTROL;
            let reads = answers && self.pending.len() < PENDING && self.leaving.is_none();
            let stuck_at = self.moved.1 + STUCK;
            let leave_at = self.leaving.as_ref().map(|leaving| leaving.at);
            let end = tokio::select! {
                frame = stream.next(), if reads => self.hear(frame),
                Some(answered) = self.pending.next(), if answers => {
                    commands::answer(self, answered);
                    None
                }
                () = line.woken() => {
                    self.wake();
                    self.bumps.0 |= line.has_bumps();
                    line.ended().map(Some)
                }
                () = sleep_until(self.bumps.1), if self.bumps.0 => self.bump(),
                wrote = write(sink, &mut self.control, &line), if self.writing => match wrote {
                    Ok(None) => {
                        self.writing = false;
                        None
                    }
                    Ok(code) => Some(code),
                    Err(_) => Some(None),
                },
                () = sleep_until(stuck_at), if self.writing => self.stuck(),
                _ = beat.tick() => self.beat(),
                () = stop.heard(), if leave_at.is_none() => self.leave(),
                () = sleep_until(leave_at.unwrap_or(stuck_at)), if leave_at.is_some() && !self.writing => {
                    self.leaving.as_mut().and_then(|leaving| leaving.go(&self.pending))
                }
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// There is something to write.
    fn wake(&mut self) {
        if !self.writing {
            self.writing = true;
            self.moved = (self.taken.load(Ordering::Relaxed), Instant::now());
        }
    }

    /// Whether the reader took nothing at all since we last looked.
    fn stuck(&mut self) -> Option<End> {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken == self.moved.0 {
            return Some(Some(close::TOO_SLOW));
        }
        self.moved = (taken, Instant::now());
        None
    }

    /// Tells of the quiet rooms that moved on, now and then: their counts are asked for each time.
    fn bump(&mut self) -> Option<End> {
        self.bumps = (false, Instant::now() + BUMPS);
        commands::bump(self, self.present.line.take_bumps());
        None
    }

    /// Reads one frame; the end of the talk where it is one.
    fn hear(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> Option<End> {
        self.heard = Instant::now();
        // A ping is answered by the library at the next flush.
        self.wake();
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ClientFrame>(&text) {
                Ok(frame) => commands::hear(self, frame),
                Err(error) => return self.malformed(&text, &error.to_string()),
            },
            Some(Ok(Message::Binary(_))) => return self.malformed("", "frames are text"),
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
            )) => {}
            Some(Err(tungstenite::Error::Capacity(_))) => return Some(Some(close::TOO_LARGE)),
            Some(Err(_)) | None => return Some(None),
        }
        None
    }

    fn malformed(&mut self, text: &str, what: &str) -> Option<End> {
        let (count, since) = &mut self.malformed;
        if since.elapsed() > Duration::from_secs(60) {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
        if *count > MALFORMED {
            return Some(Some(close::MALFORMED));
        }
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        self.refuse(value["id"].as_u64(), &wrong_frame::<ClientFrame>(&value, what));
        None
    }

    /// How long a text may be, as the tenant has it now.
    pub fn text_max(&self) -> usize {
        self.app.text_max(self.present.me.tenant)
    }

    /// Counts a command of this connection and of its tenant.
    pub fn spend(&mut self) -> Result<(), Refusal> {
        self.commands.take(self.app.clock.ticks()).map_err(Refusal::RateLimited)?;
        match self.app.settings.known(self.present.me.tenant) {
            Some(tenant) => self.app.rates.command(&tenant),
            None => Ok(()),
        }
    }

    /// Queues an answer.
    pub fn say(&mut self, frame: &ServerFrame) {
        self.control.say(frame);
        self.wake();
    }

    /// Queues a refusal.
    pub fn refuse(&mut self, id: Option<u64>, refusal: &Refusal) {
        self.say(&ServerFrame::Error(ErrorFrame::new(id, refusal.refused())));
    }

    /// A sign of life, unless the other side gave none for too long.
    fn beat(&mut self) -> Option<End> {
        if self.heard.elapsed() > self.app.config.heartbeat.mul_f32(2.5) {
            return Some(None);
        }
        self.control.beat(self.app.clock.now());
        self.wake();
        if self.present.me.guest {
            // A day after they were last here they are gone; who is here asks for nothing else.
            let me = self.present.me.clone();
            let needs = Needs::person(me.user);
            drop(self.app.store.write(needs, move |tx| sessions::seen(tx, &me)));
        }
        None
    }

    /// The server ends: come back after a while, each after another one.
    fn leave(&mut self) -> Option<End> {
        let wait = rand::random_range(0..SPREAD_MS);
        let after_ms = rand::random_range(500..5_000);
        self.say(&ServerFrame::Goaway { after_ms, why: "restart".into() });
        let now = Instant::now();
        let at = now + Duration::from_millis(wait);
        self.leaving = Some(Leaving { at, latest: now + LAST_COMMITS });
        None
    }
}

/// A connection on its way out.
struct Leaving {
    at: Instant,
    latest: Instant,
}

impl Leaving {
    /// Goes when nothing is under way any more, or at the latest.
    fn go(&mut self, pending: &FuturesUnordered<Pending>) -> Option<End> {
        let now = Instant::now();
        if pending.is_empty() || now >= self.latest {
            return Some(Some(close::RESTARTING));
        }
        self.at = now + Duration::from_millis(20);
        None
    }
}

/// Writes everything that waits, answers first, and flushes once. It may be dropped at any point and
/// called again: a frame is taken only when the socket is ready for it.
async fn write(
    sink: &mut SplitSink<Socket, Message>,
    control: &mut Answers,
    line: &Line,
) -> Result<End, tungstenite::Error> {
    loop {
        poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
        match control.next(line) {
            Some(Ok(message)) => Pin::new(&mut *sink).start_send(message)?,
            Some(Err(code)) => return Ok(Some(code)),
            None => break,
        }
    }
    control.rest();
    sink.flush().await?;
    Ok(None)
}

/// Answers a frame before the talk has begun.
pub async fn say_refused(socket: &mut Socket, id: Option<u64>, refusal: &Refusal) {
    let frame = ServerFrame::Error(ErrorFrame::new(id, refusal.refused()));
    // Whoever does not take it is let go by the caller's patience.
    let _ = socket.send(Message::Text(encode(&frame))).await;
}
