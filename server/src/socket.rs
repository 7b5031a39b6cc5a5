//! The socket. One task a connection: it greets ([`hello`]), then talks ([`talk`]) until either
//! side ends it. Commands ([`commands`]) are answered as their commits come, not one by one; those
//! of a room keep their order ([`order`]).
//!
//! Buffers are small on purpose: thousands of connections do nothing most of the time.

mod answers;
mod call;
pub mod commands;
pub mod hello;
pub mod order;
pub mod signs;
pub mod talk;
mod tap;

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::extract::DROPPED_MAX;
use crate::front::Caller;
use crate::routes::Rule;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use hallway_protocol::frames::{ErrorFrame, ServerFrame};
use hello::Visitor;
use hyper::upgrade::OnUpgrade;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// The stream of a connection.
pub type Socket = WebSocketStream<tap::Tap>;

/// Read buffer: the library's default of 128 KiB is taken for each connection at once.
const READ_BUFFER: usize = 4 * 1024;
/// One write to the kernel: about 64 frames of a room that talks.
const WRITE_BUFFER: usize = 32 * 1024;
/// The other side gets so long to take our last words.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// `GET /api/v1/socket`: the upgrade. Who comes says so in `hello`, not here.
pub async fn open(
    State(app): State<App>,
    caller: Caller,
    mut request: Request,
) -> Result<Response> {
    let accept = derive_accept_key(asked(request.headers())?.as_bytes());
    if app.closing.load(Ordering::Acquire) {
        return Err(Refusal::Busy);
    }
    let me = crate::keys::caller(&app, request.headers(), Rule::Person).await?;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    app.sockets.once("socket", serve(app.clone(), upgrade, Visitor { caller, origin, me }));
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&accept).map_err(|error| Refusal::Broken(error.into()))?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(answer)
}

/// The key of a request that asks for a WebSocket.
fn asked(headers: &HeaderMap) -> Result<String> {
    let says = |name: header::HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|value| value.to_str().ok());
    let asked = says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
        && says(header::SEC_WEBSOCKET_VERSION, "13");
    match key {
        Some(key) if asked => Ok(key.to_owned()),
        _ => Err(Refusal::Unsupported(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket")),
    }
}

async fn serve(app: App, upgrade: OnUpgrade, visitor: Visitor) {
    let Some(mut socket) = upgraded(&app, upgrade).await else { return };
    // Each phase is boxed: a connection that only listens should not carry the greeting's weight.
    let greeted = Box::pin(hello::greet(&app, &mut socket, &visitor)).await;
    match greeted {
        Ok((present, told)) => talk::run(app, socket, present, (told, visitor.caller)).await,
        Err(goodbye) => {
            let (code, refusal) = *goodbye;
            if let Some(refusal) = refusal {
                let frame = ServerFrame::Error(ErrorFrame::new(None, refusal.refused()));
                let text = crate::hub::line::encode(&frame);
                let _ = tokio::time::timeout(LAST_WORDS, socket.feed(Message::Text(text))).await;
            }
            goodbye_to(socket, code).await;
        }
    }
}

async fn upgraded(app: &App, upgrade: OnUpgrade) -> Option<Socket> {
    let (stream, read) = tap::Tap::of(upgrade.await.ok()?)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 4 * app.limits.frame)
        .max_message_size(Some(app.limits.frame))
        .max_frame_size(Some(app.limits.frame));
    Some(WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await)
}

/// What is still coming, of a frame that was too large say, is read and dropped: left unread it
/// would cut the line before our last word is heard.
async fn drain(stream: &mut tap::Tap) {
    // On the heap: what stands in here is a part of every connection's task from its first minute.
    let (mut some, mut left) = (vec![0; 8 * 1024], DROPPED_MAX);
    while left > 0 {
        match stream.read(&mut some).await {
            Ok(read @ 1..) => left = left.saturating_sub(read),
            _ => return,
        }
    }
}

/// Closes with a code, and waits a moment for the other side to have read it.
async fn goodbye_to(mut socket: Socket, code: u16) {
    let frame = CloseFrame { code: code.into(), reason: "".into() };
    let _ = tokio::time::timeout(LAST_WORDS, async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            let mut heard = false;
            while let Some(Ok(said)) = socket.next().await {
                heard |= said.is_close();
            }
            if !heard {
                drain(socket.get_mut()).await;
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_connection_stays_light() {
        // What any phase holds across an await is paid for by every connection, idle ones too.
        let weight = weight(serve);
        assert!(weight <= 4 * 1024, "{weight} bytes");
    }
}
