//! Notices of the system: shown for what the core says is news, opened by a click, taken back when
//! it was read, here or elsewhere, or deleted. Where the system has no notices, the window is all there is.

use crate::feed::{Line, News, Open};
use crate::window;
use crate::words::words;
use hallway_core::feed::{Change, Notice};
use hallway_protocol::ids::{RoomId, Seq};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tauri::AppHandle;
use tokio::sync::mpsc;

mod system;

/// Notices kept on the screen's side; older ones are taken back first.
const SHOWN: usize = 30;

/// Changes that wait for the system's daemon.
const WAITING: usize = 256;

/// The daemon may take so long for one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything shown and not yet taken back.
#[derive(Clone)]
pub struct Notices {
    app: AppHandle,
    line: Line,
    queue: mpsc::Sender<Change>,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    /// By account: the rooms somebody is looking at in the window.
    front: Arc<Mutex<HashMap<String, Vec<RoomId>>>>,
}

struct Shown {
    account: String,
    room: RoomId,
    seq: Seq,
    /// It stands for several.
    summary: bool,
    handle: Arc<system::OnScreen>,
}

impl Notices {
    /// None yet.
    pub fn new(app: AppHandle, line: Line) -> Notices {
        let (queue, jobs) = mpsc::channel(WAITING);
        let notices = Notices { app, line, queue, shown: Arc::default(), front: Arc::default() };
        tauri::async_runtime::spawn(notices.clone().work(jobs));
        notices
    }

    /// Takes a change that concerns notices. A daemon that is slow or hangs holds up nothing but
    /// notices: they have a queue of their own, and what does not fit into it is not shown.
    pub fn hear(&self, change: &Change) {
        let ours = matches!(
            change,
            Change::Notice(_) | Change::NoticeGone { .. } | Change::NoticeOver { .. }
        );
        if ours && self.queue.try_send(change.clone()).is_err() {
            tracing::warn!("the system's notices are stuck; one is left out");
        }
    }

    /// Shows and takes back, one after the other, in the order of the feed.
    async fn work(self, mut queue: mpsc::Receiver<Change>) {
        while let Some(change) = queue.recv().await {
            let work = async {
                match change {
                    Change::Notice(notice) => self.show(notice).await,
                    Change::NoticeGone { account, room, up_to } => {
                        let read = |shown: &Shown| shown.seq <= up_to;
                        self.gone(&account, room, read).await;
                    }
                    Change::NoticeOver { account, room, seq } => {
                        let over = |shown: &Shown| shown.seq == seq && !shown.summary;
                        self.gone(&account, room, over).await;
                    }
                    _ => {}
                }
            };
            if tokio::time::timeout(PATIENCE, work).await.is_err() {
                tracing::warn!("the system's notices do not answer");
            }
        }
    }

    /// These rooms are before somebody's eyes from now on: what comes there is no news.
    pub fn in_front(&self, account: &str, rooms: &[RoomId]) {
        self.front.lock().insert(account.to_owned(), rooms.to_vec());
    }

    fn is_in_front(&self, notice: &Notice) -> bool {
        self.front.lock().get(&notice.account).is_some_and(|rooms| rooms.contains(&notice.room))
    }

    /// Shows one and waits for its click beside everything else.
    async fn show(&self, notice: Notice) {
        if self.is_in_front(&notice) {
            return;
        }
        let handle = match system::OnScreen::show(notification(&notice)).await {
            Ok(handle) => Arc::new(handle),
            Err(error) => {
                tracing::info!(%error, "no notices on this system");
                return;
            }
        };
        let Notice { account, room, seq, summary, .. } = notice;
        let entry = Shown { account: account.clone(), room, seq, summary, handle: handle.clone() };
        let over = {
            let mut shown = self.shown.lock();
            shown.push_back(entry);
            if shown.len() > SHOWN { shown.pop_front() } else { None }
        };
        if let Some(over) = over {
            over.handle.close().await;
        }
        let me = self.clone();
        tauri::async_runtime::spawn(async move {
            let clicked = handle.clicked().await;
            me.shown.lock().retain(|shown| !Arc::ptr_eq(&shown.handle, &handle));
            if clicked {
                handle.close().await; // not every system takes it away with the click
                window::raise(&me.app);
                let open = Open { account, room, seq: Some(seq) };
                me.line.send(vec![News::Open(open)]).await;
            }
        });
    }

    /// Takes back what was read or is not there any more, in one room.
    async fn gone(&self, account: &str, room: RoomId, which: impl Fn(&Shown) -> bool) {
        let here = |shown: &Shown| shown.account == account && shown.room == room && which(shown);
        let closed: VecDeque<Shown> = {
            let mut shown = self.shown.lock();
            let (closed, kept) = shown.drain(..).partition(here);
            *shown = kept;
            closed
        };
        for shown in closed {
            shown.handle.close().await;
        }
    }
}

fn notification(notice: &Notice) -> notify_rust::Notification {
    let body = match notice {
        Notice { summary: true, count, .. } => words().news(*count),
        Notice { sender, title, body, .. } if sender == title || sender.is_empty() => body.clone(),
        Notice { sender, body, .. } => format!("{sender}: {body}"),
    };
    let mut shown = notify_rust::Notification::new();
    shown.appname("Hallway").summary(&notice.title); // plain text by the specification
    shown.action("default", words().open());
    #[cfg(all(unix, not(target_os = "macos")))]
    shown.body(&escaped(&body)).icon("hallway");
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    shown.body(&body);
    // Toasts of an app that is not installed come under the name of PowerShell.
    #[cfg(all(windows, not(debug_assertions)))]
    shown.app_id(crate::NAME);
    shown
}

/// The body is markup on the freedesktop; what others write is not.
#[cfg(all(unix, not(target_os = "macos")))]
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(sender: &str, body: &str) -> Notice {
        Notice {
            account: "a".into(),
            room: RoomId(7),
            seq: 3,
            key: "k".into(),
            title: "kitchen".into(),
            sender: sender.into(),
            body: body.into(),
            summary: false,
            count: 1,
        }
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_body_is_text() {
        let shown = notification(&notice("Lin", "<b>tea</b> & cake"));
        assert_eq!(shown.body, "Lin: &lt;b&gt;tea&lt;/b&gt; &amp; cake");
        assert_eq!(shown.summary, "kitchen");
    }

    #[test]
    fn a_direct_message_does_not_name_its_sender_twice() {
        assert_eq!(notification(&notice("kitchen", "tea?")).body, "tea?");
    }

    #[test]
    fn a_summary_says_how_many() {
        let many = Notice { summary: true, count: 12, ..notice("", "") };
        assert_eq!(notification(&many).body, "12 new messages");
    }
}
