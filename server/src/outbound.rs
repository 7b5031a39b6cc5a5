//! The one client by which the server calls others: webhooks, previews, push, sign-in providers. It
//! goes where strangers tell it to, so it is careful: http and https alone, public addresses alone
//! (asked when a name is resolved, and the connection goes to exactly the addresses that passed),
//! redirects looked at like the first address and never followed with a secret to another host, a
//! few seconds, a bounded answer, no proxy, no cookies, no kept connections, a circuit for each host.

pub mod addresses;
pub mod circuits;
mod guard;

use crate::config::Config;
use crate::error::Refusal;
use crate::figures::Calls;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use circuits::{Circuits, Pass};
use guard::{Guard, Refused};
use hallway_kit::Clock;
use hallway_protocol::ids::TenantId;
use ipnet::IpNet;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

/// The whole time of a call, redirects and all.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// So much of an answer is read, bytes.
pub const BODY: usize = 1024 * 1024;
/// Redirects that a `GET` follows.
const REDIRECTS: usize = 4;
/// Calls of this server at once.
const AT_ONCE: usize = 64;
/// Longest address.
pub const ADDRESS_MAX: usize = 2_048;

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it is for, as the figures name it.
    purpose: &'static str,
    tenant: TenantId,
    method: Method,
    url: Url,
    headers: HeaderMap,
    secrets: HeaderMap,
    body: Bytes,
    redirects: usize,
    most: usize,
    trusted: Option<(String, u16)>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read.
    pub body: Bytes,
    /// There was more than was to be read.
    pub cut: bool,
    /// From where it came, after redirects.
    pub url: Url,
}

/// What is wrong with something that is no address.
const INCOMPLETE: &str = "is not whole, as https://example.org/path is";

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Not an address one may ask for.
    #[error("the address {0}")]
    Address(&'static str),
    /// It leads into a network that is not public.
    #[error("the address leads where this server does not call")]
    Private,
    /// It leads on and on.
    #[error("there were too many redirects")]
    Redirects,
    /// The host failed too often; free again after so many milliseconds.
    #[error("the host failed too often and is left alone for a while")]
    Shut(i64),
    /// Too many calls at once.
    #[error("there are too many calls at once")]
    Busy,
    /// It took longer than it may.
    #[error("the host took too long")]
    Slow,
    /// No connection, or it broke.
    #[error("the host could not be reached")]
    Unreached,
}

impl Fault {
    /// As the refusal of a field `url`.
    pub fn of_url(self) -> Refusal {
        match self {
            Fault::Address(what) => Refusal::invalid("url", what),
            Fault::Private => {
                let what = "leads into a network that this server does not call; who runs it can \
                    allow it (outbound_allow)";
                Refusal::invalid("url", what)
            }
            fault => Refusal::invalid("url", fault),
        }
    }
}

impl Call {
    /// A `GET` that follows redirects.
    pub fn get(purpose: &'static str, url: &str) -> Result<Call, Fault> {
        Ok(Call { redirects: REDIRECTS, ..Call::new(purpose, Method::GET, url)? })
    }

    /// A `POST` of these bytes that follows none: what it says is for one address.
    pub fn post(
        purpose: &'static str,
        url: &str,
        kind: &'static str,
        body: impl Into<Bytes>,
    ) -> Result<Call, Fault> {
        let call = Call { body: body.into(), ..Call::new(purpose, Method::POST, url)? };
        Ok(call.header(header::CONTENT_TYPE, HeaderValue::from_static(kind)))
    }

    fn new(purpose: &'static str, method: Method, url: &str) -> Result<Call, Fault> {
        Ok(Call {
            purpose,
            tenant: TenantId(0),
            method,
            url: address(url)?,
            headers: HeaderMap::new(),
            secrets: HeaderMap::new(),
            body: Bytes::new(),
            redirects: 0,
            most: BODY,
            trusted: None,
        })
    }

    /// For whom; each has circuits of its own.
    pub fn of(self, tenant: TenantId) -> Call {
        Call { tenant, ..self }
    }

    /// A header that says nothing secret.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Call {
        self.headers.insert(name, value);
        self
    }

    /// A header that stays with the first host.
    pub fn secret(mut self, name: HeaderName, mut value: HeaderValue) -> Call {
        value.set_sensitive(true);
        self.secrets.insert(name, value);
        self
    }

    /// Reads at most so much of the answer.
    pub fn at_most(self, bytes: usize) -> Call {
        Call { most: bytes.min(BODY), ..self }
    }

    /// The operator named this address: its host may be anywhere. For what the configuration says,
    /// never for what a tenant or a person says; other hosts on the way stay guarded.
    pub fn trusting(self, url: &Url) -> Call {
        Call { trusted: host(url), ..self }
    }
}

impl Answer {
    /// The text of a header.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An address that one may ask for, as far as one can tell without asking for it.
pub fn address(text: &str) -> Result<Url, Fault> {
    if text.len() > ADDRESS_MAX {
        return Err(Fault::Address("is too long"));
    }
    let mut url = Url::parse(text).map_err(|_| Fault::Address(INCOMPLETE))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::Address("is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::Address("must not name a person or a password"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Host and port.
fn host(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// The client. A clone is a handle.
#[derive(Clone)]
pub struct Outbound {
    guarded: Client,
    /// For hosts that the operator named.
    free: Client,
    named: Arc<[IpNet]>,
    circuits: Circuits,
    places: Arc<Semaphore>,
    patience: Duration,
    figures: Calls,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbound")
    }
}

impl Outbound {
    /// As configured.
    pub fn new(config: &Config, clock: Clock) -> anyhow::Result<Outbound> {
        let named: Arc<[IpNet]> = config.outbound_allow.clone().into();
        let tls = guard::tls(config)?;
        let client = |builder: reqwest::ClientBuilder| {
            builder
                .tls_backend_preconfigured(tls.clone())
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .pool_max_idle_per_host(0)
                .user_agent(concat!("Hallway/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let guard = Guard { named: named.clone() };
        Ok(Outbound {
            guarded: client(Client::builder().dns_resolver(Arc::new(guard)))?,
            free: client(Client::builder())?,
            named,
            circuits: Circuits::new(clock),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            patience: config.outbound_patience,
            figures: Calls::default(),
        })
    }

    /// What it counts.
    pub fn figures(&self) -> &Calls {
        &self.figures
    }

    /// How many circuits are open at this moment.
    pub fn open_circuits(&self) -> usize {
        self.circuits.open()
    }

    /// Makes the call. An answer is whatever the host says, refusals included.
    pub async fn call(&self, call: Call) -> Result<Answer, Fault> {
        let (begun, purpose) = (Instant::now(), call.purpose);
        let answer = self.follow(call, begun + self.patience).await;
        let outcome = match &answer {
            Ok(answer) if answer.status.is_success() => "ok",
            Ok(_) => "refused",
            Err(Fault::Address(_) | Fault::Private | Fault::Redirects) => "forbidden",
            Err(Fault::Shut(_)) => "shut",
            Err(Fault::Busy) => "busy",
            Err(Fault::Slow) => "slow",
            Err(Fault::Unreached) => "unreached",
        };
        self.figures.ended(purpose, outcome, begun.elapsed());
        answer
    }

    /// The call and its redirects.
    async fn follow(&self, mut call: Call, end: Instant) -> Result<Answer, Fault> {
        let place = timeout_at(end, self.places.acquire()).await.map_err(|_| Fault::Busy)?;
        let _place = place.map_err(|_| Fault::Busy)?;
        loop {
            let answer = self.hop(&call, end).await?;
            let Some(next) = onward(&call, &answer)? else { return Ok(answer) };
            if next.origin() != call.url.origin() {
                call.secrets.clear();
            }
            (call.url, call.redirects) = (next, call.redirects - 1);
        }
    }

    /// Refuses an address that is a number of a network nobody may call. A name is looked at when
    /// it is resolved.
    pub fn leads_out(&self, url: &Url) -> Result<(), Fault> {
        let literal = match url.host() {
            Some(Host::Ipv4(four)) => Some(four.into()),
            Some(Host::Ipv6(six)) => Some(six.into()),
            Some(Host::Domain(_)) | None => None,
        };
        match literal.is_some_and(|ip| !addresses::allowed(ip, &self.named)) {
            true => Err(Fault::Private),
            false => Ok(()),
        }
    }

    /// One request to one host.
    async fn hop(&self, call: &Call, end: Instant) -> Result<Answer, Fault> {
        let (name, port) = host(&call.url).ok_or(Fault::Address(INCOMPLETE))?;
        let trusted = call.trusted.as_ref().is_some_and(|to| *to == (name.clone(), port));
        if !trusted {
            self.leads_out(&call.url)?;
        }
        let pass = self.circuits.enter((call.tenant, format!("{name}:{port}")))?;
        let client = if trusted { &self.free } else { &self.guarded };
        let request = client
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone())
            .headers(call.secrets.clone())
            .body(call.body.clone());
        let answer = match timeout_at(end, request.send()).await {
            Ok(Ok(response)) => timeout_at(end, read(response, call.most)).await,
            Ok(Err(error)) => Ok(Err(error)),
            Err(late) => Err(late),
        };
        judged(pass, answer.map_err(|_| Fault::Slow).and_then(|read| read.map_err(fault)))
    }
}

/// Tells the circuit how it went. A gateway that says nobody is behind it is as good as nobody; what
/// we refused ourselves says nothing of the host.
fn judged(pass: Pass, answer: Result<Answer, Fault>) -> Result<Answer, Fault> {
    match &answer {
        Ok(answer) => pass.ended(!matches!(answer.status.as_u16(), 502..=504)),
        Err(Fault::Private) => drop(pass),
        Err(_) => pass.ended(false),
    }
    answer
}

/// Where the answer leads on to, if it does and the call follows.
fn onward(call: &Call, answer: &Answer) -> Result<Option<Url>, Fault> {
    let leads = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(place) =
        answer.header(header::LOCATION).filter(|_| leads && call.method == Method::GET)
    else {
        return Ok(None);
    };
    if call.redirects == 0 {
        return Err(Fault::Redirects);
    }
    let next = call.url.join(place).map_err(|_| Fault::Address("leads to none"))?;
    address(next.as_str()).map(Some)
}

/// Reads the answer as far as it may be.
async fn read(mut response: Response, most: usize) -> reqwest::Result<Answer> {
    let (status, url) = (response.status(), response.url().clone());
    let headers = response.headers().clone();
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(chunk) = response.chunk().await? {
        let fits = chunk.len().min(most - body.len());
        body.extend_from_slice(&chunk[..fits]);
        if fits < chunk.len() {
            cut = true;
            break;
        }
    }
    Ok(Answer { status, headers, body: body.into(), cut, url })
}

/// What went wrong on the way. Nothing of it is told on: it would describe our own network.
fn fault(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(known) = cause {
        if known.is::<Refused>() {
            return Fault::Private;
        }
        cause = known.source();
    }
    tracing::debug!(error = format!("{error:?}"), "a call failed");
    Fault::Unreached
}
