//! `call`: any method of REST over the socket, through the same routes, checks and answers.

use crate::app::App;
use crate::auth::Session;
use crate::error::{Refusal, Result};
use crate::front::Caller;
use crate::store::Me;
use axum::body::Body;
use axum::http::{Request, header};
use hallway_protocol::ids::Key;
use tower::ServiceExt;

/// Bytes of an answer: a page of the longest messages.
const ANSWER: usize = 16 * 1024 * 1024;

/// Any REST call, by the same routes; the caller is the one who said hello.
pub(super) async fn call(
    app: App,
    (me, caller): (Me, Caller),
    method: String,
    path: String,
    body: Option<serde_json::Value>,
    key: Option<Key>,
) -> Result<(u16, serde_json::Value)> {
    let mut request = Request::builder()
        .method(method.as_str())
        .uri(format!("{}{path}", crate::routes::PREFIX))
        .header(header::CONTENT_TYPE, "application/json");
    let of_body = || body.as_ref().and_then(|body| body["key"].as_str());
    if let Some(key) = of_body().or(key.as_ref().map(Key::as_str)) {
        request = request.header("idempotency-key", key);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut request = request.body(body).map_err(|error| Refusal::invalid("path", error))?;
    // A socket within a socket, and what begins or ends a session.
    // And bytes, which are no JSON.
    let place = path.split('?').next().unwrap_or_default();
    let bytes = place.starts_with("/media/")
        && ["/content", "/thumbnail"].iter().any(|end| place.trim_end_matches('/').ends_with(end));
    let begins = |begin: &&str| path.starts_with(*begin);
    if bytes || ["/socket", "/sync", "/auth/log", "/auth/re"].iter().any(begins) {
        return Err(Refusal::Conflict("this is called without a socket"));
    }
    request.extensions_mut().insert(Session(me));
    request.extensions_mut().insert(caller);
    let routes = app.routes.get().ok_or(Refusal::Busy)?.clone();
    let answer = match routes.oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), ANSWER)
        .await
        .map_err(|error| Refusal::Broken(error.into()))?;
    let body = if bytes.is_empty() {
        serde_json::Value::Null
    } else {
        // What is no JSON, a page say, is its text.
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
    };
    Ok((status, body))
}
