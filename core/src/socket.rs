//! The socket: brings the server's frames to the core's thread and says what it wants said. It
//! decides nothing; when it ends, the engine is told how.

use crate::api::Api;
use crate::error::Fault;
use crate::session::Session;
use crate::thread::Task;
use crate::world::Input;
use futures_util::{SinkExt, StreamExt};
use hallway_protocol::frames::{ClientFrame, ServerFrame, close};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A socket that is not open after this long will not be.
const OPEN: Duration = Duration::from_secs(10);
/// A write that takes longer has nobody at its other end.
const WRITE: Duration = Duration::from_secs(20);
/// Largest frame of a server: its limit is 1 MiB, and a later one may be kinder.
const FRAME: usize = 4 * 1024 * 1024;

/// What the link tasks share.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub api: Api,
    pub session: Arc<Session>,
    pub inbox: mpsc::Sender<Task>,
    pub device: String,
    pub swallowed: Arc<Swallowed>,
}

/// How a link ended before it was open.
pub(crate) enum Unopened {
    /// The server answers, but not as a socket: something between us does not let it through.
    Blocked,
    /// Nobody answered, or tokens could not be had.
    Away(Option<u16>),
}

/// Sockets in a row that nobody answered. A few may be a server that is just beginning, or a bad
/// link; after them it is asked whether the server answers else, and something swallows sockets.
#[derive(Debug, Default)]
pub(crate) struct Swallowed(AtomicU32);

/// The server may take so long to say that it is there: with [`OPEN`] less than a link may take.
const THERE: Duration = Duration::from_secs(4);

/// Opens the socket.
pub(crate) async fn open(wire: &Wire) -> Result<(Stream, String), Unopened> {
    let token = match wire.session.access(&wire.api).await {
        Ok(token) => token,
        Err(Fault::SignedOut) => return Err(Unopened::Away(Some(close::SIGNED_OUT))),
        Err(_) => return Err(Unopened::Away(None)),
    };
    let config =
        WebSocketConfig::default().max_message_size(Some(FRAME)).max_frame_size(Some(FRAME));
    let connect =
        tokio_tungstenite::connect_async_with_config(wire.api.socket(), Some(config), true);
    match tokio::time::timeout(OPEN, connect).await {
        Ok(Ok((stream, _))) => {
            wire.swallowed.0.store(0, Ordering::Relaxed);
            Ok((stream, token))
        }
        Ok(Err(Error::Http(_) | Error::Protocol(_))) => Err(Unopened::Blocked),
        Ok(Err(_)) => Err(unanswered(wire, RESETS).await),
        Err(_) => Err(unanswered(wire, SILENCES).await),
    }
}

/// Sockets that may be swallowed without a word, each of which took its whole time …
const SILENCES: u32 = 1;
/// … and that may be cut, which is over at once and what a flapping link does.
const RESETS: u32 = 4;

/// Nobody answered the socket: is it the server that is away, or only sockets that do not get there?
async fn unanswered(wire: &Wire, patience: u32) -> Unopened {
    if wire.swallowed.0.fetch_add(1, Ordering::Relaxed) < patience {
        return Unopened::Away(None);
    }
    let there = tokio::time::timeout(THERE, wire.api.server()).await;
    if !matches!(there, Ok(Ok(_))) {
        wire.swallowed.0.store(0, Ordering::Relaxed);
        return Unopened::Away(None);
    }
    Unopened::Blocked
}

/// Lives as long as the link; answers its close code.
pub(crate) async fn run(
    wire: &Wire,
    link: u64,
    (stream, token): (Stream, String),
    mut outgoing: mpsc::UnboundedReceiver<ClientFrame>,
) -> Option<u16> {
    let (mut sink, mut source) = stream.split();
    wire.inbox.send(Task::Input(Input::Opened { link })).await.ok()?;
    loop {
        let heard = tokio::select! {
            frame = outgoing.recv() => {
                let Some(frame) = frame else {
                    // The engine gave the link up: say goodbye, but do not wait for an answer.
                    let _ = tokio::time::timeout(WRITE, sink.close()).await;
                    return None;
                };
                // What is ready leaves in one write.
                let mut text = vec![said(frame, &token, &wire.device)?];
                while let Ok(frame) = outgoing.try_recv() {
                    text.push(said(frame, &token, &wire.device)?);
                }
                let write = async {
                    for text in text {
                        sink.feed(Message::text(text)).await?;
                    }
                    sink.flush().await
                };
                match tokio::time::timeout(WRITE, write).await {
                    Ok(Ok(())) => continue,
                    _ => return None,
                }
            }
            heard = source.next() => heard,
        };
        let input = match heard {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ServerFrame>(&text) {
                Ok(frame) => Input::Frame { link, frame },
                Err(error) => {
                    tracing::warn!(%error, "a frame nobody reads");
                    Input::Heard { link }
                }
            },
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => Input::Heard { link },
            Some(Err(_)) | None => return None,
        };
        wire.inbox.send(Task::Input(input)).await.ok()?;
    }
}

/// The frame as text; `hello` gets what the engine does not hold.
fn said(frame: ClientFrame, token: &str, device: &str) -> Option<String> {
    let frame = match frame {
        ClientFrame::Hello(mut hello) => {
            hello.token = Some(token.to_owned());
            device.clone_into(&mut hello.device);
            ClientFrame::Hello(hello)
        }
        other => other,
    };
    serde_json::to_string(&frame).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::api::tests::{ok, serving};
    use crate::secrets::{FileSecrets, Secret};
    use hallway_protocol::ids::UserId;
    use hallway_protocol::rest;
    use serde_json::json;

    /// A wire whose session lasts, and what comes in by it.
    pub(crate) fn wire(api: Api) -> (Wire, mpsc::Receiver<Task>) {
        let secret = Secret {
            key: String::new(),
            refresh_token: "r".into(),
            server: String::new(),
            name: "ada".into(),
            user: UserId(3),
        };
        let fresh = rest::Session {
            id: "s".into(),
            access_token: "a".into(),
            expires_in_ms: 3_600_000,
            now: 1,
            refresh_token: "r".into(),
        };
        let secrets = Arc::new(FileSecrets::new("/nowhere/key"));
        let clock = hallway_kit::Clock::system();
        let session = Arc::new(Session::new("a", secrets, clock, secret, Some(fresh)));
        let (inbox, told) = mpsc::channel(64);
        let api = api.with(session.clone());
        let device = "test".into();
        (Wire { api, session, inbox, device, swallowed: Arc::default() }, told)
    }

    #[tokio::test]
    async fn sockets_that_get_nowhere_while_the_server_answers_are_blocked() {
        let info = json!({"name": "Harbour", "version": "0", "registration": "open",
            "mail": false, "guests": false, "epoch": "e"});
        let (api, _, tasks) = serving(ok(&info)).await;
        let (wire, _told) = wire(api);
        for _ in 0..RESETS {
            assert!(matches!(unanswered(&wire, RESETS).await, Unopened::Away(None)), "a bad link");
        }
        assert!(matches!(unanswered(&wire, RESETS).await, Unopened::Blocked));
        wire.swallowed.0.store(0, Ordering::Relaxed);
        let first = unanswered(&wire, SILENCES).await;
        assert!(matches!(first, Unopened::Away(None)), "it may just begin");
        assert!(matches!(unanswered(&wire, SILENCES).await, Unopened::Blocked));
        tasks.end(Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn a_server_that_is_away_blocks_no_sockets() {
        let (api, _, tasks) = serving(Vec::new()).await;
        let (wire, _told) = wire(api);
        for _ in 0..3 {
            assert!(matches!(unanswered(&wire, SILENCES).await, Unopened::Away(None)));
        }
        tasks.end(Duration::from_secs(1)).await;
    }
}
