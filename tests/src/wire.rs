//! A client without a memory, for stories about the wire itself: a socket that sends frames as
//! written and shows them as they come. Its other half is [`crate::rest`].

pub use crate::rest::{Answer, PASSWORD, Rest, key, messages, plain};

use crate::wait::soon;
use futures_util::{SinkExt, StreamExt};
use hallway_protocol::frames::{ClientFrame, Done, ErrorFrame, Hello, Send, ServerFrame, Welcome};
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rows::Row;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// One open socket. What arrives while an answer is waited for is kept for [`Socket::next`].
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kept: std::collections::VecDeque<ServerFrame>,
    /// Answer to `hello`.
    pub welcome: Welcome,
    id: u64,
}

/// How a socket ended: the close code, or none when the link just broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended(pub Option<u16>);

impl Socket {
    /// Connects as `who` with nothing in hand, and waits for `welcome`.
    pub async fn open(who: &Rest) -> Socket {
        Self::tries(who, hello(who)).await.expect("the socket opens")
    }

    /// Connects with a `hello` of one's own, where link or server may fail. What `who` says beside
    /// each call is said with the upgrade.
    pub async fn tries(who: &Rest, hello: Hello) -> anyhow::Result<Socket> {
        let url = format!("{}/socket", who.base().replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        for (name, value) in who.headers() {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        Self::greet(stream, hello).await
    }

    /// Says `hello` on a connection made before.
    pub async fn greet(
        stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
        hello: Hello,
    ) -> anyhow::Result<Socket> {
        let nothing = Welcome {
            v: 0,
            connection: String::new(),
            epoch: String::new(),
            now: 0,
            heartbeat_ms: 0,
            own_head: 0,
            rooms: Vec::new(),
            gone: Vec::new(),
            limits: hallway_protocol::limits::Limits::default(),
        };
        let mut socket = Socket { stream, kept: Default::default(), welcome: nothing, id: 0 };
        socket.send(&ClientFrame::Hello(hello)).await?;
        match socket.read().await {
            Ok(ServerFrame::Welcome(welcome)) => socket.welcome = welcome,
            other => anyhow::bail!("no welcome: {other:?}"),
        }
        Ok(socket)
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &ClientFrame) -> anyhow::Result<()> {
        self.raw(serde_json::to_string(frame)?).await
    }

    /// Sends text as it stands.
    pub async fn raw(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.stream.send(tungstenite::Message::text(text)).await?)
    }

    /// A new `id` for a command.
    pub fn id(&mut self) -> u64 {
        self.id += 1;
        self.id
    }

    /// The next frame, those kept aside first; `Err` when the socket ended.
    pub async fn next(&mut self) -> Result<ServerFrame, Ended> {
        match self.kept.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<ServerFrame, Ended> {
        loop {
            match self.stream.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    return Ok(frame.unwrap_or_else(|e| panic!("{e} in a frame: {text}")));
                }
                Some(Ok(tungstenite::Message::Close(close))) => {
                    return Err(Ended(close.map(|close| close.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended(None)),
            }
        }
    }

    /// Waits for a frame that `wanted` makes something of; others are kept.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> T {
        if let Some((at, found)) =
            self.kept.iter().enumerate().find_map(|(at, frame)| Some((at, wanted(frame)?)))
        {
            self.kept.remove(at);
            return found;
        }
        soon(what, async {
            loop {
                let frame = self.read().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
                match wanted(&frame) {
                    Some(found) => return found,
                    None => self.kept.push_back(frame),
                }
            }
        })
        .await
    }

    /// Returns when the server has taken all that was sent before: it answers a question.
    pub async fn is_heard(&mut self) {
        let id = self.id();
        self.send(&ClientFrame::Heads { id }).await.expect("the socket is open");
        self.until("an answer", |frame| match frame {
            ServerFrame::Bump { .. } => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits for the answer to command `id`.
    pub async fn answer(&mut self, id: u64) -> Result<Done, ErrorFrame> {
        self.until("an answer", |frame| match frame {
            ServerFrame::Ok(done) if done.id == id => Some(Ok(done.clone())),
            ServerFrame::Error(error) if error.id == Some(id) => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    /// Says all of these in a room, with a window of commands under way; the last one's number.
    pub async fn pours(&mut self, room: RoomId, texts: impl IntoIterator<Item = String>) -> Seq {
        const UNDER_WAY: usize = 64;
        let (mut ids, mut last) = (std::collections::VecDeque::new(), 0);
        let mut texts = texts.into_iter();
        loop {
            let more = texts.next();
            if let Some(text) = &more {
                ids.push_back(self.says(room, key(), text).await.expect("the socket is open"));
            }
            if more.is_none() || ids.len() >= UNDER_WAY {
                let Some(id) = ids.pop_front() else { return last };
                let done = self.answer(id).await.expect("taken");
                last = done.seq.expect("a send has a number");
                // Answers come in order, so only what is no answer is thrown away here.
                self.kept
                    .retain(|frame| matches!(frame, ServerFrame::Ok(_) | ServerFrame::Error(_)));
            }
        }
    }

    /// Says something, without waiting for the answer; the command's id.
    pub async fn says(&mut self, room: RoomId, key: Key, text: &str) -> anyhow::Result<u64> {
        let id = self.id();
        self.send(&ClientFrame::Send(message(id, room, key, text))).await?;
        Ok(id)
    }

    /// Waits for the event numbered `seq` of `room`; its rows.
    pub async fn event(&mut self, room: RoomId, seq: Seq) -> Vec<Row> {
        self.until(&format!("event {seq}"), |frame| match frame {
            ServerFrame::Event { room: r, seq: s, rows } if (*r, *s) == (room, seq) => {
                Some(rows.clone())
            }
            _ => None,
        })
        .await
    }

    /// Leaves in good order; returns when the server has let go.
    pub async fn ends_now(mut self) {
        // Where the link is broken already there is nobody to say goodbye to.
        let _ = self.stream.close(None).await;
        self.ends().await;
    }

    /// Waits for the end; the close code.
    pub async fn ends(mut self) -> Ended {
        soon("the socket's end", async {
            loop {
                if let Err(ended) = self.next().await {
                    return ended;
                }
            }
        })
        .await
    }
}

/// A `hello` of somebody who holds nothing.
#[must_use]
pub fn hello(who: &Rest) -> Hello {
    Hello {
        v: hallway_protocol::VERSION,
        token: who.token.clone(),
        device: "test".into(),
        epoch: None,
        own: 0,
        rooms: Default::default(),
        focus: Vec::new(),
        notices: None,
    }
}

/// A plain `send`.
#[must_use]
pub fn message(id: u64, room: RoomId, key: Key, text: &str) -> Send {
    Send {
        id,
        room,
        key,
        text: text.into(),
        reply: None,
        thread: None,
        files: Vec::new(),
        meta: Default::default(),
        clears_draft: false,
    }
}
