//! What watches over the server asks: does it live, is it ready, and its figures in the form of
//! OpenMetrics, which Prometheus reads. Figures are for this machine alone: they tell how busy
//! somebody's conversations are.

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::figures::{FORM, Moment};
use crate::front::Caller;
use crate::store::{jobs, tenants};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The store answers within this time, or we are not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// How we are.
#[derive(Debug, serde::Serialize)]
pub struct Health {
    status: &'static str,
}

/// `GET /health`: the process lives.
pub async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /health/ready`: it takes requests and its store answers.
pub async fn ready(State(app): State<App>) -> Result<Json<Health>> {
    if app.closing.load(Ordering::Acquire) {
        return Err(Refusal::Busy);
    }
    let asked = app.store.read(|read| tenants::by_name(read, None));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map(|_| Json(Health { status: "ready" })).map_err(Refusal::from),
        Err(_) => Err(Refusal::Busy),
    }
}

/// `GET /metrics`.
pub async fn figures(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse> {
    if caller.forwarded || !caller.address.is_loopback() {
        return Err(Refusal::NotFound("page"));
    }
    let jobs = app.store.read(jobs::census).await?;
    let (connections, delivered) = app.hub.figures();
    let (writes, reads) = app.store.waiting();
    let uptime = app.clock.ticks();
    let circuits = app.outbound.open_circuits();
    let now = Moment { connections, delivered, writes, reads, circuits, uptime, jobs };
    let text = app.figures.text(&now).map_err(|error| Refusal::Broken(error.into()))?;
    Ok(([(header::CONTENT_TYPE, FORM)], text))
}
