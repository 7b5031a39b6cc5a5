//! A WebSocket that speaks JSON, with a deadline on everything it waits for.

use super::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The code a socket was closed with; none where the other side just went.
pub type Code = Option<u16>;

/// A connection to a server.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    next: u64,
}

impl Socket {
    /// Connected, nothing said.
    pub async fn dial(address: SocketAddr) -> Socket {
        Socket::dial_from(address, None).await.expect("an upgrade")
    }

    /// Connected as a page of this origin would; else the status that refused it.
    pub async fn dial_from(address: SocketAddr, origin: Option<&str>) -> Result<Socket, u16> {
        let origin: Vec<_> = origin.into_iter().map(|origin| ("origin", origin)).collect();
        Socket::dial_with(address, &origin).await
    }

    /// Connected with these headers; else the status that refused it.
    pub async fn dial_with(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let url = format!("ws://{address}/api/v1/socket");
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let plain = TcpStream::connect(address).await.expect("a connection");
        match tokio_tungstenite::client_async(request, plain).await {
            Ok((stream, _)) => Ok(Socket { stream, next: 0 }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn say(&mut self, frame: Value) {
        self.raw(frame.to_string()).await;
    }

    /// Text as it stands, whatever it is.
    pub async fn raw(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.expect("the frame leaves");
    }

    /// Sends a command with an id of its own; the id.
    pub async fn asks(&mut self, mut frame: Value) -> u64 {
        self.next += 1;
        frame["id"] = json!(self.next);
        self.say(frame).await;
        self.next
    }

    /// Sends a command and waits for what carries its id.
    pub async fn told(&mut self, frame: Value) -> Value {
        let id = self.asks(frame).await;
        self.until(|said| said["id"] == id).await
    }

    /// Says what is not answered, and waits until it was heard.
    pub async fn told_after(&mut self, frame: Value) {
        self.say(frame).await;
        self.told(json!({"type": "own", "since": 0})).await;
    }

    /// The next frame of this type; others are passed over.
    pub async fn hears(&mut self, kind: &str) -> Value {
        self.until(|said| said["type"] == kind).await
    }

    /// The next frame that fits; others are passed over.
    pub async fn until(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Value {
        let mut passed = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.frame()).await {
                Ok(Ok(frame)) if fits(&frame) => return frame,
                Ok(Ok(frame)) => passed.push(frame),
                Ok(Err(code)) => panic!("closed with {code:?}; before that: {passed:#?}"),
                Err(_) => panic!("never came; what came: {passed:#?}"),
            }
        }
    }

    /// The next frame but heartbeats, or the code it was closed with.
    pub async fn next(&mut self) -> Result<Value, Code> {
        loop {
            let frame = timeout(PATIENCE, self.frame()).await.expect("a frame in time")?;
            if frame["type"] != "heartbeat" {
                return Ok(frame);
            }
        }
    }

    /// The code with which the server closes; frames before it are passed over.
    pub async fn closed(&mut self) -> Code {
        self.last_words().await.0
    }

    /// The code with which the server closes, and what it said before.
    pub async fn last_words(&mut self) -> (Code, Vec<Value>) {
        let mut said = Vec::new();
        let code = timeout(PATIENCE, async {
            loop {
                match self.frame().await {
                    Ok(frame) => said.push(frame),
                    Err(code) => return code,
                }
            }
        });
        (code.await.expect("the server closes"), said)
    }

    /// Answers nothing any more, pings neither, and waits until the server hangs up.
    pub async fn plays_dead(self) {
        let mut line = self.stream.into_inner();
        let end = timeout(PATIENCE, line.read_to_end(&mut Vec::new())).await;
        // However the line is cut, it is cut.
        let _ = end.expect("the server hangs up");
    }

    /// The next frame, or the code it was closed with.
    pub async fn frame(&mut self) -> Result<Value, Code> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    assert!(text.starts_with(r#"{"type":"#), "type comes first: {text}");
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(close))) => return Err(close.map(|c| c.code.into())),
                Some(Ok(_)) => {}
                Some(Err(Error::Protocol(_) | Error::Io(_))) | None => return Err(None),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}
