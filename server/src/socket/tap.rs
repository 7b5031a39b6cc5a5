//! What a socket runs over, in clear or by our own TLS. It counts what it could write, so that a
//! reader who takes little is told from one who takes nothing.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The stream.
#[derive(Debug)]
pub struct Tap {
    stream: Stream,
    written: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Stream {
    Clear(TcpStream),
    // Boxed: most servers stand behind a proxy, and their connections should not carry its weight.
    Secure(Box<TlsStream<TcpStream>>),
}

/// Either of them.
trait Line: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Line for S {}

impl Tap {
    /// What a connection was before it became a socket, with what was read of it too far; none when
    /// it came by no door that people use. Nothing was written yet.
    pub fn of(upgraded: Upgraded) -> Option<(Self, Vec<u8>)> {
        let (stream, read) = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => (Stream::Clear(parts.io.into_inner()), parts.read_buf),
            Err(upgraded) => {
                let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
                (Stream::Secure(Box::new(parts.io.into_inner())), parts.read_buf)
            }
        };
        Some((Tap { stream, written: Arc::default() }, read.to_vec()))
    }

    fn line(&mut self) -> Pin<&mut dyn Line> {
        match &mut self.stream {
            Stream::Clear(stream) => Pin::new(stream),
            Stream::Secure(stream) => Pin::new(stream.as_mut()),
        }
    }

    /// The count, which goes on while the stream is elsewhere.
    pub fn written(&self) -> Arc<AtomicU64> {
        self.written.clone()
    }

    fn count(&self, done: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = done {
            self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        done
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line().poll_read(cx, into)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = self.line().poll_write(cx, bytes);
        self.count(done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = self.line().poll_write_vectored(cx, parts);
        self.count(done)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Clear(stream) => stream.is_write_vectored(),
            Stream::Secure(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_shutdown(cx)
    }
}
