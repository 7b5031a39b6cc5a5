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

/// The line to the window.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Option<Channel<Vec<News>>>>>);

impl Line {
    /// A window listens from now on; `all` is read while nothing else can be sent, so no change falls
    /// between it and what follows.
    pub async fn take(
        &self,
        channel: Channel<Vec<News>>,
        all: impl Future<Output = Result<Vec<Change>>>,
    ) -> Result<()> {
        let mut line = self.0.lock().await;
        let all = all.await?;
        if channel.send(all.into_iter().map(News::Change).collect()).is_ok() {
            *line = Some(channel);
        }
        Ok(())
    }

    /// Sends a batch; without a window it is dropped, because its first batch will hold it.
    pub async fn send(&self, batch: Vec<News>) {
        let mut line = self.0.lock().await;
        if let Some(channel) = line.as_ref()
            && channel.send(batch).is_err()
        {
            *line = None; // the page is gone
        }
    }
}
