//! What stands before every route: a number for the request, who it comes from, whether that address
//! and that origin may ask at all, a bound on time; and after it the headers that every answer has.

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::store::tenants::Tenant;
use crate::traces::{Parent, Seen};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tracing::Instrument;

/// A request takes no longer; a held `/sync` takes half a minute of it.
const LONGEST: Duration = Duration::from_secs(75);
/// One that moves a file, or looks at all of it, takes no longer than this.
const LONGEST_FILE: Duration = Duration::from_secs(15 * 60);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the TCP connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The address a request comes from, behind the proxies we trust.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Its address.
    pub address: IpAddr,
    /// It came through a proxy, ours or not.
    pub forwarded: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let caller = parts.extensions.get::<Caller>().copied();
        caller.ok_or_else(|| Refusal::Broken(anyhow::anyhow!("a request without an address")))
    }
}

/// The page that calls, where it is one; programs have none.
#[derive(Clone, Debug)]
pub struct Origin(pub Option<HeaderValue>);

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> std::result::Result<Self, Self::Rejection> {
        Ok(Origin(parts.headers.get(header::ORIGIN).cloned()))
    }
}

/// The door.
pub async fn front(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let asked = request.method().clone();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", |path| path.as_str()).to_owned();
    let file = route == "/files/{token}" || route.ends_with("/media/{id}/complete");
    let longest = if file { LONGEST_FILE } else { LONGEST };
    let began = Instant::now();
    let parent = app.traces.as_ref().and_then(|_| Parent::of(request.headers()));
    let at = app.clock.now();
    // Not the path as it was asked for: secrets may stand in it.
    let span = tracing::info_span!("request", id, method = %asked, route);
    let answer = async {
        match enter(&app, &mut request).await {
            Err(refusal) => refusal.into_response(),
            Ok(()) if is_preflight(&request) => StatusCode::NO_CONTENT.into_response(),
            Ok(()) => match tokio::time::timeout(longest, next.run(request)).await {
                Ok(answer) => answer,
                Err(_) => Refusal::Busy.into_response(),
            },
        }
    };
    let mut answer = answer.instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(status = answer.status().as_u16(), "answered"));
    let (status, took) = (answer.status(), began.elapsed());
    app.figures.request(&asked, &route, status, took);
    if let Some(traces) = &app.traces {
        let (id, method, route) = (id.as_str(), asked.as_str(), route.as_str());
        traces.saw(&Seen { id, method, route, status, at, took, parent });
    }
    dress(&app, answer.headers_mut(), &id);
    if let Some(origin) = origin
        && may_call(&app, &origin).await.unwrap_or(false)
    {
        allow(answer.headers_mut(), origin);
    }
    answer
}

/// Whether this address and this origin may ask.
async fn enter(app: &App, request: &mut Request) -> Result<()> {
    let caller = caller(app, request)?;
    request.extensions_mut().insert(caller);
    app.rates.call(caller.address)?;
    let origin = request.headers().get(header::ORIGIN).cloned();
    match origin {
        Some(origin) if !may_call(app, &origin).await? => {
            Err(Refusal::Forbidden("this origin may not call"))
        }
        _ => Ok(()),
    }
}

/// Believes `X-Forwarded-For` as far as it was written by proxies we trust, from the right.
fn caller(app: &App, request: &Request) -> Result<Caller> {
    let Some(Peer(peer)) = request.extensions().get::<Peer>() else {
        return Err(Refusal::Broken(anyhow::anyhow!("a request without a peer")));
    };
    let trusted = |address: &IpAddr| {
        app.config.trusted_proxies.iter().any(|network| network.contains(address))
    };
    let mut address = peer.ip().to_canonical();
    let forwarded = request.headers().get_all(FORWARDED);
    let named: Vec<_> = forwarded
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for name in named.iter().rev() {
        if !trusted(&address) {
            break;
        }
        match name.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    Ok(Caller { address, forwarded: !named.is_empty() })
}

/// Absent is allowed (programs have none); present it must be ours, a configured one, or one of a
/// tenant's; whether it is of the caller's tenant is asked when it is known who calls.
async fn may_call(app: &App, origin: &HeaderValue) -> Result<bool> {
    let Ok(text) = origin.to_str() else { return Ok(false) };
    Ok(is_own(app, text) || app.settings.allows(&app.store, text).await?)
}

/// Whether pages of this origin may call for people of this tenant.
pub fn may_call_in(app: &App, origin: &HeaderValue, tenant: &Tenant) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    is_own(app, origin) || tenant.config.origins.iter().any(|known| known == origin)
}

/// Whether it is an origin of the server itself.
fn is_own(app: &App, origin: &str) -> bool {
    let base = app.config.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    base == Some(origin)
        || app.config.origins.iter().any(|known| known == origin)
        || origin.strip_prefix("http://") == Some(app.address.to_string().as_str())
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let set = |headers: &mut HeaderMap, name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    let what = "authorization, content-type, idempotency-key, range";
    set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, what);
    set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE");
    set(
        headers,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "x-request-id, retry-after, etag, content-range",
    );
    set(headers, header::ACCESS_CONTROL_MAX_AGE, "600");
}

fn dress(app: &App, headers: &mut HeaderMap, id: &str) {
    let mut set = |name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    if app.config.is_https() || app.config.tls_cert.is_some() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    // A page of ours says itself what it may do.
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// A request that panicked is answered like anything else that is our fault, and counted.
pub fn panicked(app: &App, panic: &(dyn std::any::Any + Send)) -> Response {
    app.figures.panics.inc();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    Refusal::Broken(anyhow::anyhow!("panic: {text}")).into_response()
}
