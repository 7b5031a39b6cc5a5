//! The one way back to the window: an ordered channel of batches. A window that subscribes gets all
//! there is as its first batch and every change after it; one that comes again takes the place of
//! the one before (the page was loaded anew).

use hallway_core::Result;
use hallway_core::feed::Change;
use hallway_protocol::ids::{RoomId, Seq};
use serde::Serialize;
use std::sync::Arc;
use tauri::ipc::Channel;
use tokio::sync::Mutex;

/// What the window hears.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum News {
    /// Of the core.
    Change(Change),
    /// Of the shell: go to this room.
    Open(Open),
}

/// A click outside the window that asks for a room.
#[derive(Clone, Serialize)]
#[serde(tag = "what", rename = "open")]
pub struct Open {
    /// Whose.
    pub account: String,
    /// Which.
    pub room: RoomId,
    /// At this message.
    pub seq: Option<Seq>,
}

/// What nobody has heard is kept up to here: a problem for each account and more.
const UNHEARD: usize = 32;

/// The line to the window.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    window: Option<Channel<Vec<News>>>,
    /// Problems of the time without a window (the start above all): all else the first batch holds.
    unheard: Vec<Change>,
}

impl Line {
    /// A window listens from now on; `all` is read while nothing else can be sent, so no change falls
    /// between it and what follows.
    pub async fn take(
        &self,
        channel: Channel<Vec<News>>,
        all: impl Future<Output = Result<Vec<Change>>>,
    ) -> Result<()> {
        let mut line = self.0.lock().await;
        let mut all = all.await?;
        all.extend(line.unheard.iter().cloned());
        if channel.send(all.into_iter().map(News::Change).collect()).is_ok() {
            line.unheard.clear();
            line.window = Some(channel);
        }
        Ok(())
    }

    /// Sends a batch; without a window only its problems are kept, because the window's first batch
    /// will hold the rest.
    pub async fn send(&self, batch: Vec<News>) {
        let mut line = self.0.lock().await;
        let Some(channel) = &line.window else { return line.keep(batch) };
        if channel.send(batch).is_err() {
            line.window = None; // the page is gone
        }
    }
}

impl Ends {
    fn keep(&mut self, batch: Vec<News>) {
        for news in batch {
            if let News::Change(problem @ Change::Problem { .. }) = news
                && self.unheard.len() < UNHEARD
                && !self.unheard.contains(&problem)
            {
                self.unheard.push(problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex as Lock;
    use tauri::ipc::InvokeResponseBody;

    fn problem(code: &str) -> News {
        let (code, message) = (code.to_owned(), String::new());
        News::Change(Change::Problem { account: None, code, message })
    }

    fn window() -> (Channel<Vec<News>>, Arc<Lock<Vec<String>>>) {
        let heard: Arc<Lock<Vec<String>>> = Arc::default();
        let hears = heard.clone();
        let channel = Channel::new(move |body| {
            if let InvokeResponseBody::Json(text) = body {
                hears.lock().push(text);
            }
            Ok(())
        });
        (channel, heard)
    }

    #[test]
    fn what_went_wrong_before_there_was_a_window_is_the_first_thing_it_hears() {
        let line = Line::default();
        tauri::async_runtime::block_on(async {
            line.send(vec![problem("disk_full"), problem("disk_full")]).await;
            let gone = Change::AccountGone { account: "a".into() };
            line.send(vec![News::Change(gone)]).await;
            for expected in [1, 0] {
                let (channel, heard) = window();
                line.take(channel, async { Ok(Vec::new()) }).await.expect("it is taken");
                let first = heard.lock()[0].clone();
                assert_eq!(first.matches("disk_full").count(), expected, "{first}");
                assert!(!first.contains("account_gone"));
            }
        });
    }
}
