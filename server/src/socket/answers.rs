//! What one connection says next: answers before what waits in its line, and with each frame a note
//! of the heads it names, so that a heartbeat's digest speaks of exactly what was written before it.

use crate::hub::line::{Line, Next, encode};
use crate::hub::told::{Note, Told};
use bytes::Bytes;
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::Millis;
use std::collections::VecDeque;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Answers that wait to be written.
#[derive(Debug)]
pub struct Answers {
    waiting: VecDeque<Waiting>,
    told: Told,
}

#[derive(Debug)]
enum Waiting {
    Frame(Utf8Bytes, Note),
    /// Its digest is made when its turn comes.
    Heartbeat(Millis),
    Ping,
}

impl Answers {
    /// Nothing waits; so much was told in the welcome.
    pub fn new(told: Told) -> Self {
        Answers { waiting: VecDeque::new(), told }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Queues an answer.
    pub fn say(&mut self, frame: &ServerFrame) {
        self.waiting.push_back(Waiting::Frame(encode(frame), Note::of(frame)));
    }

    /// Queues a sign of life.
    pub fn beat(&mut self, now: Millis) {
        self.waiting.extend([Waiting::Heartbeat(now), Waiting::Ping]);
    }

    /// Takes what is to be written next, which then counts as told: a message, or the code to close
    /// with.
    pub fn next(&mut self, line: &Line) -> Option<Result<Message, u16>> {
        let (text, note) = match self.waiting.pop_front() {
            Some(Waiting::Frame(text, note)) => (text, note),
            Some(Waiting::Ping) => return Some(Ok(Message::Ping(Bytes::new()))),
            Some(Waiting::Heartbeat(now)) => {
                let digest = self.told.digest();
                (encode(&ServerFrame::Heartbeat { now, digest }), Note::Nothing)
            }
            None => match line.next()? {
                Next::Frame(text, note) => (text, note),
                Next::Close(code) => return Some(Err(code)),
            },
        };
        self.told.note(&note);
        Some(Ok(Message::Text(text)))
    }

    /// An idle connection keeps no buffer.
    pub fn rest(&mut self) {
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
