//! How a subcommand reaches the data. Beside a running server it asks that one, through the socket
//! file in its data folder: what it changes is handed out to whoever is connected. Where none runs,
//! the same routes are opened here and asked without a wire. One path either way: the interface of
//! the operator, with the operator's token.

use super::{Place, configured};
use crate::app::App;
use crate::config::Config;
use crate::front::Peer;
use crate::listen::door;
use crate::routes::{self, PREFIX};
use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use hallway_kit::Clock;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use tower::ServiceExt;

/// An answer of the operator's interface is not larger, bytes.
const ANSWER: usize = 16 * 1024 * 1024;

/// A way to the data.
pub struct Reach {
    token: String,
    way: Way,
}

enum Way {
    /// A server runs; its socket file.
    Beside(PathBuf),
    /// None does; the routes as they stand here.
    Here(Box<App>, Router),
}

impl Reach {
    /// Finds the way. Data that are not there are not made: the folder was named wrongly.
    pub async fn open(place: &Place) -> Result<Reach> {
        let config = configured(&place.flags())?;
        let data = config.data.clone();
        ours(&data)?;
        let token = || {
            let path = data.join("operator");
            let text = std::fs::read_to_string(&path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            Ok::<_, anyhow::Error>(text.trim().to_owned())
        };
        if crate::folder::is_held(&data) {
            return Ok(Reach { token: token()?, way: Way::Beside(door(&data)) });
        }
        let there = config.database_url.is_some() || data.join("hallway.db").exists();
        let place = data.display();
        ensure!(there, "there are no data in {place}; name the server's folder with --data");
        let address = listens(&config);
        let app = App::open(config, address, Clock::system()).await?;
        let router = routes::router(&app);
        Ok(Reach { token: token()?, way: Way::Here(Box::new(app), router) })
    }

    /// Asks; what was refused is an error in the server's own words.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{PREFIX}{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.map(Value::to_string).unwrap_or_default()))?;
        let answer = match &self.way {
            Way::Beside(socket) => through(socket, request).await?,
            Way::Here(_, router) => {
                let mut request = request;
                request.extensions_mut().insert(Peer(here()));
                let Ok(answer) = router.clone().oneshot(request).await;
                answer
            }
        };
        let well = answer.status().is_success();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), ANSWER).await.context("the answer broke off")?;
        if bytes.is_empty() && well {
            return Ok(Value::Null);
        }
        let said: Value = serde_json::from_slice(&bytes).with_context(|| format!("{status}"))?;
        if well { Ok(said) } else { bail!(refusal(&said)) }
    }

    /// Every element of a list, page by page.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = self.call("GET", &format!("{path}{sign}limit=100{next}"), None).await?;
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(after) => next = format!("&next={}", encoded(after)),
                None => return Ok(all),
            }
        }
    }

    /// Lets go of the data.
    pub async fn close(self) {
        if let Way::Here(app, router) = self.way {
            drop(router);
            app.store.close().await;
        }
    }
}

/// A word as it stands in a query.
pub fn encoded(word: &str) -> String {
    form_urlencoded::byte_serialize(word.as_bytes()).collect()
}

/// What the operator does leaves files behind; they must be the server's own.
pub fn ours(data: &Path) -> Result<()> {
    let Ok(known) = std::fs::metadata(data) else { return Ok(()) };
    let me = rustix::process::geteuid().as_raw();
    let (place, owner) = (data.display(), known.uid());
    ensure!(
        owner == me,
        "{place} belongs to another user (number {owner}); run this as that user: sudo -u '#{owner}'"
    );
    Ok(())
}

/// Where the server would listen: links begin there when no public address is configured.
fn listens(config: &Config) -> SocketAddr {
    let found = config.listen.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.unwrap_or_else(here)
}

/// This machine.
pub fn here() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn through(socket: &Path, request: Request<Body>) -> Result<Response<Body>> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!("a server runs, but does not answer at {}; is it just starting?", socket.display())
    })?;
    let (mut asks, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let (answer, _) = tokio::join!(
        async {
            let answer = asks.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let whole = to_bytes(Body::new(body), ANSWER).await?;
            drop(asks);
            Ok::<_, anyhow::Error>(Response::from_parts(head, Body::from(whole)))
        },
        connection
    );
    answer.context("the server did not answer")
}

/// A refusal in a person's words.
fn refusal(said: &Value) -> String {
    let mut words = said["message"].as_str().unwrap_or("the server refused").to_owned();
    for (field, why) in said["fields"].as_object().into_iter().flatten() {
        let more = format!("{field} {}", why.as_str().unwrap_or_default());
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
    }
    words
}
