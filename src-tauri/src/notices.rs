//! Notices of the system: shown for what the core says is news, opened by a click, taken back when
//! it was read, here or elsewhere. Where the system has no notices, the window is all there is.

use crate::feed::{Line, News, Open};
use crate::window;
use crate::words::words;
use hallway_core::feed::Notice;
use hallway_protocol::ids::{RoomId, Seq};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tauri::AppHandle;

/// Notices kept on the screen's side; older ones are taken back first.
const SHOWN: usize = 30;

/// Everything shown and not yet taken back.
#[derive(Clone)]
pub struct Notices {
    app: AppHandle,
    line: Line,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    /// By account: the rooms somebody is looking at in the window.
    front: Arc<Mutex<HashMap<String, Vec<RoomId>>>>,
}

struct Shown {
    account: String,
    room: RoomId,
    seq: Seq,
    handle: Arc<notify_rust::NotificationHandle>,
}

impl Notices {
    /// None yet.
    pub fn new(app: AppHandle, line: Line) -> Notices {
        Notices { app, line, shown: Arc::default(), front: Arc::default() }
    }

    /// These rooms are before somebody's eyes from now on: what comes there is no news.
    pub fn in_front(&self, account: &str, rooms: &[RoomId]) {
        self.front.lock().insert(account.to_owned(), rooms.to_vec());
    }

    fn is_in_front(&self, notice: &Notice) -> bool {
        self.front.lock().get(&notice.account).is_some_and(|rooms| rooms.contains(&notice.room))
    }

    /// Shows one and waits for its click beside everything else.
    pub async fn show(&self, notice: Notice) {
        if self.is_in_front(&notice) {
            return;
        }
        let shown = notification(&notice).show_async().await;
        let handle = match shown {
            Ok(handle) => Arc::new(handle),
            Err(error) => {
                tracing::info!(%error, "no notices on this system");
                return;
            }
        };
        let Notice { account, room, seq, .. } = notice;
        let entry = Shown { account: account.clone(), room, seq, handle: handle.clone() };
        let over = {
            let mut shown = self.shown.lock();
            shown.push_back(entry);
            if shown.len() > SHOWN { shown.pop_front() } else { None }
        };
        if let Some(over) = over {
            over.handle.close_async().await;
        }
        let me = self.clone();
        tauri::async_runtime::spawn(async move {
            let id = handle.id();
            let clicked = clicked(&handle).await;
            me.shown.lock().retain(|shown| shown.handle.id() != id);
            if clicked {
                handle.close_async().await; // not every system takes it away with the click
                window::raise(&me.app);
                let open = Open { account, room, seq: Some(seq) };
                me.line.send(vec![News::Open(open)]).await;
            }
        });
    }

    /// Takes back what was read, in one room.
    pub async fn gone(&self, account: &str, room: RoomId, up_to: Seq) {
        let read =
            |shown: &Shown| shown.account == account && shown.room == room && shown.seq <= up_to;
        let closed: VecDeque<Shown> = {
            let mut shown = self.shown.lock();
            let (closed, kept) = shown.drain(..).partition(read);
            *shown = kept;
            closed
        };
        for shown in closed {
            shown.handle.close_async().await;
        }
    }
}

/// Whether it was clicked, once it is gone from the screen.
async fn clicked(handle: &notify_rust::NotificationHandle) -> bool {
    let clicked = Arc::new(AtomicBool::new(false));
    let tell = clicked.clone();
    handle
        .wait_for_action_async(move |response: &notify_rust::NotificationResponse| {
            let opens = matches!(response, notify_rust::NotificationResponse::Default);
            tell.store(opens, Ordering::Release);
        })
        .await;
    clicked.load(Ordering::Acquire)
}

fn notification(notice: &Notice) -> notify_rust::Notification {
    let body = match notice {
        Notice { summary: true, count, .. } => words().news(*count),
        Notice { sender, title, body, .. } if sender == title || sender.is_empty() => body.clone(),
        Notice { sender, body, .. } => format!("{sender}: {body}"),
    };
    notify_rust::Notification::new()
        .appname("Hallway")
        .summary(&notice.title) // plain text by the specification
        .body(&escaped(&body))
        .icon("hallway")
        .action("default", words().open())
        .finalize()
}

/// The body is markup on most systems; what others write is not.
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
