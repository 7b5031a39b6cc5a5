//! Takes connections and speaks HTTP/1.1 on them. A server of its own, for three reasons: a head must
//! come within ten seconds, the peer's address goes along with each request, and at the end every
//! connection is asked to finish.

use crate::app::App;
use crate::front::Peer;
use crate::tls::Tls;
use axum::Router;
use axum::extract::Request;
use hallway_kit::{Stop, Tasks};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tower::ServiceExt;

/// A request's head is complete within this time, or the connection ends.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a request's head, at most.
const HEAD_BYTES: usize = 32 * 1024;
/// Waits so long when the system has no room for another connection.
const CROWDED: Duration = Duration::from_millis(50);

/// Takes connections until `stop`.
pub async fn accept(
    app: &App,
    listener: &TcpListener,
    router: Router,
    http: &Tasks,
    mut stop: Stop,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.heard() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A chat is made of small packets that nothing should wait with.
                let _ = stream.set_nodelay(true);
                let (tls, router) = (app.tls.clone(), router.clone());
                http.once("http", arrived(stream, tls, peer, router, http.stop()));
            }
            Err(error) => {
                tracing::warn!(%error, connections = app.hub.figures().0, "cannot accept");
                tokio::time::sleep(CROWDED).await;
            }
        }
    }
}

/// The operator's own door: a socket file in the data folder, which its owner alone may open. What
/// comes through it is a call like any other and needs the operator's token like any other.
pub fn door(data: &Path) -> PathBuf {
    data.join("operator.sock")
}

/// Opens the door. Without one the server runs, and subcommands have to wait until it does not.
pub fn open_door(data: &Path) -> Option<UnixListener> {
    let path = door(data);
    // Left by one that was killed; the folder is locked, so it is nobody's.
    let _ = fs::remove_file(&path);
    let opened = UnixListener::bind(&path)
        .and_then(|door| fs::set_permissions(&path, Permissions::from_mode(0o600)).map(|()| door));
    opened
        .inspect_err(|error| {
            let file = path.display();
            tracing::warn!(%error, %file, "no door for the operator: subcommands cannot reach us");
        })
        .ok()
}

/// Takes the operator's connections, for ever.
pub async fn attend(door: Option<&UnixListener>, router: &Router, http: &Tasks) {
    let Some(door) = door else { return std::future::pending().await };
    loop {
        match door.accept().await {
            Ok((stream, _)) => {
                let here = (Ipv4Addr::LOCALHOST, 0).into();
                http.once("operator", connection(stream, here, router.clone(), http.stop()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept the operator");
                tokio::time::sleep(CROWDED).await;
            }
        }
    }
}

/// Speaks TLS first, where it is ours to speak.
async fn arrived(
    stream: TcpStream,
    tls: Option<Tls>,
    peer: SocketAddr,
    router: Router,
    mut stop: Stop,
) {
    let Some(tls) = tls else { return connection(stream, peer, router, stop).await };
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(HEAD, tls.acceptor().accept(stream)) => agreed,
        () = stop.heard() => return,
    };
    match agreed {
        Ok(Ok(stream)) => connection(stream, peer, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
        Err(_) => tracing::debug!(%peer, "no TLS in time"),
    }
}

async fn connection<S>(stream: S, peer: SocketAddr, router: Router, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.heard() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
