//! The one way back to the window: an ordered channel of batches. A window that subscribes gets all
//! there is as its first batch and every change after it; one that comes again takes the place of
//! the one before (the page was loaded anew).

use crate::links::Link;
use hallway_core::Result;
use hallway_core::feed::Change;
use hallway_protocol::ids::{RoomId, Seq};
use serde::Serialize;
use std::sync::Arc;
use tauri::ipc::Channel;
use tokio::sync::Mutex;

/// What the window hears.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum News {
    /// Of the core.
    Change(Change),
    /// Of the shell: go to this room.
    Open(Open),
    /// Of the shell: somebody opened a link of ours.
    Link(Link),
}

/// A click outside the window that asks for a room.
#[derive(Clone, PartialEq, Serialize)]
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
    /// Problems and links of the time without a window (the start above all): all else the first
    /// batch holds.
    unheard: Vec<News>,
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
        let all = all.await?.into_iter().map(News::Change);
        let all = all.chain(line.unheard.iter().cloned()).collect();
        if channel.send(all).is_ok() {
            line.unheard.clear();
            line.window = Some(channel);
        }
        Ok(())
    }

    /// Sends a batch; without a window only its problems and links are kept, because the window's
    /// first batch will hold the rest.
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
            let kept = matches!(news, News::Change(Change::Problem { .. }) | News::Link(_));
            if kept && self.unheard.len() < UNHEARD && !self.unheard.contains(&news) {
                self.unheard.push(news);
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
