//! The link where sockets are blocked: `POST /sync` is held until something happens, commands are
//! REST calls, one at a time. To the engine it looks like a socket: answers become the frames that
//! a socket would have brought.

use crate::error::{Fault, Result};
use crate::socket::Wire;
use crate::thread::Task;
use crate::world::Input;
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::{
    Bump, ClientFrame, Cursors, Done, ErrorFrame, OwnFrame, ServerFrame, Welcome, close,
};
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::limits::{Limits, SYNC_WAIT_MS};
use hallway_protocol::rest::{NewMessage, ReadMark, Sync, SyncRoom, Synced};
use hallway_protocol::rows::Row;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use url::form_urlencoded::byte_serialize;

/// A held call may take its 30 s and a little.
const HELD: Duration = Duration::from_secs(45);

/// What this link knows of the server.
struct Poll<'a> {
    wire: &'a Wire,
    link: u64,
    epoch: Option<String>,
    own: Seq,
    heads: BTreeMap<RoomId, Seq>,
    focus: Vec<RoomId>,
}

/// Lives until something fails; answers a close code as a socket would.
pub(crate) async fn run(
    wire: &Wire,
    link: u64,
    mut outgoing: mpsc::UnboundedReceiver<ClientFrame>,
) -> Option<u16> {
    let mut poll =
        Poll { wire, link, epoch: None, own: 0, heads: BTreeMap::new(), focus: Vec::new() };
    poll.tell(Input::Opened { link }).await?;
    match poll.live(&mut outgoing).await {
        Err(Fault::SignedOut) => Some(close::SIGNED_OUT),
        _ => None,
    }
}

impl Poll<'_> {
    async fn tell(&self, input: Input) -> Option<()> {
        self.wire.inbox.send(Task::Input(input)).await.ok()
    }

    async fn frame(&self, frame: ServerFrame) -> Result<()> {
        self.tell(Input::Frame { link: self.link, frame }).await.ok_or(Fault::Offline)
    }

    async fn live(&mut self, outgoing: &mut mpsc::UnboundedReceiver<ClientFrame>) -> Result<()> {
        let Some(ClientFrame::Hello(hello)) = outgoing.recv().await else { return Ok(()) };
        (self.epoch, self.own, self.focus) = (hello.epoch, hello.own, hello.focus);
        let rooms = if let Cursors::List(rooms) = hello.rooms { rooms } else { Vec::new() };
        // No room is named: heads are small and come in time on a slow line, what is missed is pulled.
        let mut first = self.sync(Vec::new(), self.own, None).await?;
        first.gone = rooms.iter().map(|(room, _)| *room).collect();
        first.gone.retain(|room| first.rooms.iter().all(|head| head.room != *room));
        self.frame(ServerFrame::Welcome(welcome(&first))).await?;
        self.learned(&first);
        self.frame(ServerFrame::Own(first.own)).await?;
        loop {
            let known = self.heads.iter().map(|(room, head)| SyncRoom::Short(*room, *head));
            let held = self.sync(known.collect(), self.own, Some(SYNC_WAIT_MS));
            tokio::select! {
                news = held => self.news(news?).await?,
                frame = outgoing.recv() => {
                    let Some(frame) = frame else { return Ok(()) };
                    self.command(frame).await?;
                }
            }
        }
    }

    async fn sync(&self, rooms: Vec<SyncRoom>, own: Seq, wait: Option<i64>) -> Result<Synced> {
        let (epoch, focus) = (self.epoch.clone(), self.focus.clone());
        let body = Sync { epoch, own, rooms, focus, notices: None, wait_ms: wait };
        let api = &self.wire.api;
        let answer = api.raw(Method::POST, "/sync", Some(&body), None, HELD).await?;
        serde_json::from_slice(&answer).map_err(|_| Fault::Offline)
    }

    fn learned(&mut self, synced: &Synced) {
        self.epoch = Some(synced.epoch.clone());
        self.own = self.own.max(synced.own.to);
        for head in &synced.rooms {
            self.heads.insert(head.room, head.head);
        }
        for delta in &synced.deltas {
            let known = self.heads.entry(delta.room).or_default();
            *known = delta.head.max(*known);
        }
    }

    /// Heads that moved are hints: the engine pulls what it misses.
    async fn news(&mut self, synced: Synced) -> Result<()> {
        let before = self.heads.clone();
        self.learned(&synced);
        let moved = self.heads.iter().filter(|(room, head)| before.get(room) != Some(head));
        let rooms: Vec<_> = moved.map(|(room, head)| (*room, *head)).collect();
        let own = self.own;
        self.frame(ServerFrame::Own(synced.own)).await?;
        self.frame(ServerFrame::Lag { rooms, own }).await?;
        for frame in synced.ephemeral {
            self.frame(frame).await?;
        }
        Ok(())
    }

    /// One command as a call; only a link that is gone is an error here.
    async fn command(&mut self, frame: ClientFrame) -> Result<()> {
        let id = match &frame {
            ClientFrame::Focus { rooms } => {
                self.focus.clone_from(rooms);
                return Ok(());
            }
            frame => id_of(frame),
        };
        let Some(id) = id else { return Ok(()) };
        let is_call = matches!(frame, ClientFrame::Call { .. });
        let answer = match self.call(id, frame).await {
            Ok(answer) => answer,
            Err(Fault::Refused(refused)) => said_no(id, is_call, refused),
            Err(other) => return Err(other),
        };
        self.frame(answer).await
    }

    async fn call(&self, id: u64, frame: ClientFrame) -> Result<ServerFrame> {
        match frame {
            ClientFrame::Pull { room, since, floor, latest, .. } => {
                let named = vec![SyncRoom::Full { room, since, floor, latest }];
                let synced = self.sync(named, self.own, None).await?;
                let delta = synced.deltas.into_iter().find(|delta| delta.room == room);
                let mut delta = delta.ok_or_else(|| {
                    Fault::Refused(Refused::new(Code::NotFound, "there is no such room"))
                })?;
                delta.id = Some(id);
                Ok(ServerFrame::Delta(delta))
            }
            ClientFrame::Own { since, .. } => {
                let synced = self.sync(Vec::new(), since, None).await?;
                Ok(ServerFrame::Own(OwnFrame { id: Some(id), ..synced.own }))
            }
            ClientFrame::Heads { .. } => {
                let synced = self.sync(Vec::new(), self.own, None).await?;
                let bump = |head: &hallway_protocol::frames::Head| Bump {
                    room: head.room,
                    head: head.head,
                    last_n: head.last_n,
                    read: head.read,
                    unread: head.unread,
                    mentions: head.mentions,
                };
                Ok(ServerFrame::Bump { rooms: synced.rooms.iter().map(bump).collect() })
            }
            ClientFrame::Call { method, path, body, key, .. } => {
                let method = method.parse().map_err(|_| Fault::invalid("method", "is unknown"))?;
                let answer =
                    self.wire.api.raw(method, &path, body.as_ref(), key.as_ref(), HELD).await?;
                let body = serde_json::from_slice(&answer).unwrap_or_default();
                Ok(ServerFrame::Answer { id, status: 200, body })
            }
            other => self.write(id, other).await,
        }
    }

    /// A command of the outbox.
    async fn write(&self, id: u64, frame: ClientFrame) -> Result<ServerFrame> {
        let (row, room) = match frame {
            ClientFrame::Send(send) => {
                let path = format!("/rooms/{}/messages", send.room);
                let body = NewMessage {
                    key: send.key,
                    text: send.text,
                    reply: send.reply,
                    thread: send.thread,
                    files: send.files,
                    meta: send.meta,
                    clears_draft: send.clears_draft,
                };
                (self.row(Method::POST, &path, Some(json!(body)), None).await?, Some(send.room))
            }
            ClientFrame::Edit { room, key, seq, text, .. } => {
                let path = format!("/rooms/{room}/messages/{seq}");
                let body = json!({ "key": key, "text": text });
                (self.row(Method::PATCH, &path, Some(body), Some(&key)).await?, Some(room))
            }
            ClientFrame::Delete { room, key, seq, .. } => {
                let path = format!("/rooms/{room}/messages/{seq}");
                (self.row(Method::DELETE, &path, None, Some(&key)).await?, Some(room))
            }
            ClientFrame::React { room, key, seq, emoji, on, .. } => {
                let emoji: String = byte_serialize(emoji.as_bytes()).collect();
                let path = format!("/rooms/{room}/messages/{seq}/reactions/{emoji}");
                (self.row(put_or_delete(on), &path, None, Some(&key)).await?, Some(room))
            }
            ClientFrame::Pin { room, key, seq, on, .. } => {
                let path = format!("/rooms/{room}/messages/{seq}/pin");
                (self.row(put_or_delete(on), &path, None, Some(&key)).await?, Some(room))
            }
            ClientFrame::Read { room, seq, .. } => {
                let (path, body) = (format!("/rooms/{room}/read-mark"), json!(ReadMark { seq }));
                (self.row(Method::PUT, &path, Some(body), None).await?, None)
            }
            ClientFrame::Mine { room, patch, .. } => {
                let path = format!("/rooms/{room}/mine");
                (self.row(Method::PATCH, &path, Some(json!(patch)), None).await?, None)
            }
            _ => (None, None),
        };
        let seq = row.as_ref().map(Row::rev).filter(|_| room.is_some());
        // Of a message that was said before and changed since, the number is still its own.
        let seq = match &row {
            Some(Row::Message(message)) => Some(message.seq),
            _ => seq,
        };
        Ok(ServerFrame::Ok(Done { id, room, seq, own: None, again: false, row }))
    }

    /// The row a call answers, where it answers one.
    async fn row(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
        key: Option<&Key>,
    ) -> Result<Option<Row>> {
        let answer = self.wire.api.raw(method, path, body.as_ref(), key, HELD).await?;
        Ok(serde_json::from_slice(&answer).ok())
    }
}

/// A refusal as the socket would have brought it: of a call it is an answer.
fn said_no(id: u64, is_call: bool, refused: Refused) -> ServerFrame {
    if is_call {
        let status = refused.code.status();
        ServerFrame::Answer { id, status, body: json!(refused) }
    } else {
        ServerFrame::Error(ErrorFrame::new(Some(id), refused))
    }
}

fn put_or_delete(on: bool) -> Method {
    if on { Method::PUT } else { Method::DELETE }
}

fn welcome(first: &Synced) -> Welcome {
    Welcome {
        v: hallway_protocol::VERSION,
        connection: "poll".into(),
        epoch: first.epoch.clone(),
        now: first.now,
        heartbeat_ms: SYNC_WAIT_MS,
        own_head: first.own.to,
        rooms: first.rooms.clone(),
        gone: first.gone.clone(),
        // One command is under way at a time: what is queued behind it must not seem unanswered.
        limits: Limits { unanswered: 1, ..Limits::default() },
    }
}

fn id_of(frame: &ClientFrame) -> Option<u64> {
    match frame {
        ClientFrame::Send(send) => Some(send.id),
        ClientFrame::Edit { id, .. }
        | ClientFrame::Delete { id, .. }
        | ClientFrame::React { id, .. }
        | ClientFrame::Pin { id, .. }
        | ClientFrame::Read { id, .. }
        | ClientFrame::Mine { id, .. }
        | ClientFrame::Forget { id, .. }
        | ClientFrame::Pull { id, .. }
        | ClientFrame::Own { id, .. }
        | ClientFrame::Heads { id }
        | ClientFrame::Call { id, .. } => Some(*id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tests::{ok, serving};
    use crate::socket::tests::wire;

    #[tokio::test]
    async fn the_welcome_is_heads_alone_and_names_what_is_gone() {
        let head = |room| json!({"room": room, "head": 9, "base": 0, "last_n": 9, "read": 0, "unread": 0, "mentions": 0});
        let synced = json!({"epoch": "e", "now": 1, "rooms": [head(7), head(9)], "gone": [],
            "deltas": [], "ephemeral": [],
            "own": {"since": 3, "to": 3, "done": true, "rows": []}});
        let (api, _, tasks) = serving(ok(&synced)).await;
        let (wire, mut told) = wire(api);
        let (say, outgoing) = mpsc::unbounded_channel();
        let hello = json!({"type": "hello", "v": 1, "device": "", "epoch": "e", "own": 3,
            "rooms": [[7, 5], [8, 3]], "focus": []});
        say.send(serde_json::from_value(hello).unwrap()).unwrap();
        let (_, welcome) = tokio::join!(run(&wire, 1, outgoing), async {
            loop {
                let Some(Task::Input(Input::Frame { frame, .. })) = told.recv().await else {
                    continue;
                };
                drop(say);
                told.close();
                let ServerFrame::Welcome(welcome) = frame else { panic!("{frame:?}") };
                return welcome;
            }
        });
        assert_eq!(welcome.gone, [RoomId(8)]);
        assert_eq!(welcome.rooms.len(), 2);
        assert_eq!(welcome.limits.unanswered, 1, "what is queued is not unanswered");
        tasks.end(Duration::from_secs(1)).await;
    }

    #[test]
    fn a_call_that_is_refused_is_answered_as_on_a_socket() {
        let refused = Refused::new(Code::NotFound, "there is no such room");
        let answer = said_no(5, true, refused.clone());
        assert!(matches!(answer, ServerFrame::Answer { id: 5, status: 404, .. }), "{answer:?}");
        assert!(matches!(said_no(5, false, refused), ServerFrame::Error(_)));
    }
}
