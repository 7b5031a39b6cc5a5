//! The REST client: one call, one answer, every failure a [`Fault`].

use crate::error::{Fault, Result};
use crate::session::Session;
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::ids::Key;
use hallway_protocol::rest::{
    Login, Page, Refresh, Refreshed, Register, Registered, ServerInfo, SignedIn,
};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;
use url::{Host, Url};

/// A call that answers nothing for this long has failed. A held `/sync` takes 30 s.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that is not there after this long will not be.
const CONNECT: Duration = Duration::from_secs(10);

/// Largest answer that is read, bytes: a page of the largest messages is a tenth of it.
const BODY: usize = 16 * 1024 * 1024;

/// A server's address in its one form: `http` for this machine, else `https`, no path, nobody's name.
pub fn normalised(address: &str) -> Result<Url> {
    let wrong = || Fault::invalid("url", "is not the address of a server");
    let address = address.trim();
    let named = address.contains("://");
    let text = if named { address.to_owned() } else { format!("https://{address}") };
    let mut url = Url::parse(&text).map_err(|_| wrong())?;
    let here = match url.host().ok_or_else(wrong)? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::invalid("url", "must not name a person or a password"));
    }
    if !named && here {
        url.set_scheme("http").map_err(|()| wrong())?;
    }
    if url.scheme() == "http" && !here {
        return Err(Fault::invalid("url", "must be https, but for this machine itself"));
    }
    url.set_path("");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// The calls of one server, without or with a session.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    session: Option<Arc<Session>>,
    /// The person wants no link: then nothing else goes out either.
    away: Arc<AtomicBool>,
}

/// TLS by ring, for every client of the process.
pub(crate) fn provide_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody provided one before us, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Api {
    /// The calls of the server at `base`.
    pub fn new(base: Url) -> Result<Api> {
        provide_tls();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A password or token goes where the person said, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Fault::local("broken", format!("no HTTP client: {error}")))?;
        Ok(Api { http, base, session: None, away: Arc::default() })
    }

    /// The same, as somebody.
    pub(crate) fn with(self, session: Arc<Session>) -> Api {
        Api { session: Some(session), ..self }
    }

    /// Whether calls go out at all.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// The server's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The address of the socket.
    pub(crate) fn socket(&self) -> String {
        let mut url = self.base.clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // `http` and `https` may become these.
        let _ = url.set_scheme(scheme);
        url.set_path("/api/v1/socket");
        url.to_string()
    }

    /// One call; `path` begins behind `/api/v1`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        key: Option<&Key>,
    ) -> Result<T> {
        read(&self.raw(method, path, body, key, TIMEOUT).await?)
    }

    /// One call whose answer is empty, or of no interest.
    pub async fn tell(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        key: Option<&Key>,
    ) -> Result<()> {
        self.raw(method, path, body, key, TIMEOUT).await.map(drop)
    }

    /// One call as bytes: a session that ended between two calls is renewed once.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        key: Option<&Key>,
        timeout: Duration,
    ) -> Result<Vec<u8>> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Fault::Offline);
        }
        let first = self.once(&method, path, body, key, timeout).await;
        let ended =
            matches!(&first, Err(Fault::Refused(refused)) if refused.code == Code::SignedOut);
        match &self.session {
            Some(session) if ended => {
                session.renew(self).await?;
                self.once(&method, path, body, key, timeout).await
            }
            _ => first,
        }
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        key: Option<&Key>,
        timeout: Duration,
    ) -> Result<Vec<u8>> {
        let url = format!("{}api/v1{path}", self.base);
        let mut request = self.http.request(method.clone(), url).timeout(timeout);
        if let Some(session) = &self.session {
            request = request.bearer_auth(session.access(self).await?);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key.as_str());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        exchange(request).await
    }

    /// `GET /server`.
    pub async fn server(&self) -> Result<ServerInfo> {
        self.call(Method::GET, "/server", None::<&()>, None).await
    }

    /// `POST /auth/login`.
    pub async fn login(&self, login: &Login) -> Result<SignedIn> {
        self.call(Method::POST, "/auth/login", Some(login), None).await
    }

    /// `POST /auth/register`.
    pub async fn register(&self, register: &Register, key: &Key) -> Result<Registered> {
        self.call(Method::POST, "/auth/register", Some(register), Some(key)).await
    }

    /// `POST /auth/refresh`: always without a session, for it makes one.
    pub(crate) async fn refresh(&self, refresh_token: String) -> Result<Refreshed> {
        let url = format!("{}api/v1/auth/refresh", self.base);
        let request = self.http.post(url).timeout(TIMEOUT).json(&Refresh { refresh_token });
        read(&exchange(request).await?)
    }

    /// A page of history.
    pub(crate) async fn page(&self, request: crate::world::PageRequest) -> Result<Page> {
        use crate::world::Place;
        let (word, seq) = match request.place {
            Place::Before(seq) => ("before", seq),
            Place::After(seq) => ("after", seq),
            Place::Around(seq) => ("around", seq),
        };
        let (room, limit, fresh) = (request.room, request.limit, request.fresh);
        let path = format!("/rooms/{room}/messages?{word}={seq}&limit={limit}&fresh={fresh}");
        self.call(Method::GET, &path, None::<&()>, None).await
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Vec<u8>> {
    let mut answer = request.send().await.map_err(|_| Fault::Offline)?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|_| Fault::Offline)? {
        if bytes.len() + part.len() > BODY {
            return Err(Fault::Refused(odd("an answer longer than anybody reads")));
        }
        bytes.extend_from_slice(&part);
    }
    if status.is_success() { Ok(bytes) } else { Err(refusal(status, &bytes)) }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer)
        .map_err(|error| Fault::Refused(odd(&format!("an answer nobody reads: {error}"))))
}

fn odd(message: &str) -> Refused {
    Refused::new(Code::Unknown, message)
}

/// What a server (or something before it) meant by a status that is no success.
fn refusal(status: StatusCode, bytes: &[u8]) -> Fault {
    if let Ok(refused) = serde_json::from_slice::<Refused>(bytes) {
        return Fault::Refused(refused);
    }
    match status.as_u16() {
        // A proxy whose server is away.
        502..=504 => Fault::Offline,
        other => Fault::Refused(odd(&format!("the server answered {other}"))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn an_address_has_one_form() {
        let said = |address: &str| normalised(address).map(|url| url.to_string()).ok();
        assert_eq!(said(" chat.example.org/x?y#z ").as_deref(), Some("https://chat.example.org/"));
        assert_eq!(said("localhost:7340").as_deref(), Some("http://localhost:7340/"));
        assert_eq!(said("http://127.0.0.1:7340").as_deref(), Some("http://127.0.0.1:7340/"));
        assert_eq!(said("https://127.0.0.1:1/").as_deref(), Some("https://127.0.0.1:1/"));
        assert_eq!(said("[::1]:1").as_deref(), Some("http://[::1]:1/"));
        assert_eq!(said("http://chat.example.org"), None);
        for elsewhere in ["127.example.org", "127.0.0.1.nip.io", "localhost.example.org"] {
            assert_eq!(said(&format!("http://{elsewhere}")), None);
            assert_eq!(said(elsewhere), Some(format!("https://{elsewhere}/")));
        }
        assert_eq!(said("https://ada:secret@chat.example.org"), None);
        assert_eq!(said("https://ada@chat.example.org"), None);
        assert_eq!(said("ftp://chat.example.org"), None);
        assert_eq!(said(""), None);
    }

    /// JSON as a whole answer.
    pub(crate) fn ok(body: &serde_json::Value) -> Vec<u8> {
        let text = body.to_string();
        let head = "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length";
        format!("{head}: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    /// A server that gives each call this answer; it counts them.
    pub(crate) async fn serving(answer: Vec<u8>) -> (Api, Arc<AtomicUsize>, hallway_kit::Tasks) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (calls, tasks) = (Arc::new(AtomicUsize::new(0)), hallway_kit::Tasks::default());
        let counted = calls.clone();
        tasks.once("server", async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
            }
        });
        (Api::new(normalised(&url).unwrap()).unwrap(), calls, tasks)
    }

    #[tokio::test]
    async fn nothing_is_said_to_whom_a_server_points() {
        let to = "HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
        let (api, calls, tasks) = serving(to.into()).await;
        let fault = api.refresh("secret".into()).await.unwrap_err();
        assert!(matches!(fault, Fault::Refused(_)), "{fault}");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        tasks.end(Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn an_answer_is_read_to_a_limit() {
        let mut endless = b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n".to_vec();
        endless.resize(2 * BODY, b' ');
        let (api, _, tasks) = serving(endless).await;
        let fault = api.server().await.unwrap_err();
        assert!(fault.to_string().contains("longer than"), "{fault}");
        tasks.end(Duration::from_secs(1)).await;
    }
}
