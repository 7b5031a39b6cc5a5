//! A WebSocket client by hand: frames are cut out of large reads and looked at by their first
//! bytes. What a library does for each frame (a copy, a check of UTF-8, a value) would be the
//! larger part of the load.

use anyhow::{Context, bail};
use hallway_protocol::ids::{Key, RoomId};
use hallway_tests::Rest;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes asked for at once.
const PIECE: usize = 64 * 1024;
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

/// One connection, past its `welcome`.
pub struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Wire {
    /// Connects as `who`, holding nothing.
    pub async fn open(server: SocketAddr, who: &Rest) -> anyhow::Result<Wire> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut wire = Wire { stream, inbox: Vec::new(), outbox: Vec::new() };
        let upgrade = format!(
            "GET /api/v1/socket HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        wire.stream.write_all(upgrade.as_bytes()).await?;
        while !wire.inbox.ends_with(b"\r\n\r\n") {
            wire.read().await?;
        }
        if !wire.inbox.starts_with(b"HTTP/1.1 101") {
            bail!("no upgrade: {}", String::from_utf8_lossy(&wire.inbox));
        }
        wire.inbox.clear();
        let token = who.token.as_deref().context("signed in")?;
        wire.say(&format!(
            r#"{{"type":"hello","v":1,"token":"{token}","device":"bench","own":0,"rooms":[]}}"#
        ));
        wire.flush().await?;
        let mut welcome = false;
        while !welcome {
            wire.read().await?;
            wire.frames(|frame| welcome |= frame.starts_with(br#"{"type":"welcome""#))?;
        }
        Ok(wire)
    }

    /// Queues a text frame; [`Wire::flush`] sends it.
    pub fn say(&mut self, text: &str) {
        frame(&mut self.outbox, TEXT, text.as_bytes());
    }

    /// Queues a `send`.
    pub fn send(&mut self, id: u64, room: RoomId, key: &Key, text: &str) {
        self.say(&format!(
            r#"{{"type":"send","id":{id},"room":{room},"key":"{key}","text":"{text}"}}"#
        ));
    }

    /// Sends what is queued, in one write.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        if !self.outbox.is_empty() {
            self.stream.write_all(&self.outbox).await?;
            self.outbox.clear();
        }
        Ok(())
    }

    /// Waits for bytes.
    pub async fn read(&mut self) -> anyhow::Result<()> {
        self.inbox.reserve(PIECE);
        match self.stream.read_buf(&mut self.inbox).await? {
            0 => bail!("the server closed the connection"),
            _ => Ok(()),
        }
    }

    /// Shows every whole text frame that arrived; pings are answered by the next flush.
    pub fn frames(&mut self, mut see: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some((kind, body, end)) = cut(&self.inbox[at..]) {
            let payload = &self.inbox[at + body..at + end];
            match kind {
                TEXT => see(payload),
                PING => frame(&mut self.outbox, PONG, payload),
                CLOSE => bail!("closed: {:?}", String::from_utf8_lossy(payload)),
                other => bail!("a frame of kind {other:#x}"),
            }
            at += end;
        }
        self.inbox.drain(..at);
        Ok(())
    }
}

/// First byte, where the payload begins, and where the frame ends; none while it is not whole.
fn cut(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&kind, &length) = (bytes.first()?, bytes.get(1)?);
    let (body, length) = match length {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= body + length).then_some((kind, body, body + length))
}

/// A client's frame must be masked; with a mask of zeros the payload is its own masked form.
fn frame(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind);
    match payload.len() {
        #[expect(clippy::cast_possible_truncation, reason = "it is under 126")]
        n @ 0..=125 => out.push(0x80 | n as u8),
        n => match u16::try_from(n) {
            Ok(n) => {
                out.push(0x80 | 126);
                out.extend(n.to_be_bytes());
            }
            Err(_) => {
                out.push(0x80 | 127);
                out.extend((n as u64).to_be_bytes());
            }
        },
    }
    out.extend([0; 4]);
    out.extend(payload);
}
