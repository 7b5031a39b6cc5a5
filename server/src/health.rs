//! What watches over the server asks: does it live, is it ready, and its figures in the form of
//! Prometheus. Figures are for this machine alone: they tell how busy somebody's conversations are.

use crate::app::App;
use crate::error::{Refusal, Result};
use crate::front::Caller;
use crate::store::tenants;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use std::fmt::Write;
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
    let (connections, delivered) = app.hub.figures();
    let store = app.store.figures();
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP hallway_{name} {help}\n# TYPE hallway_{name} {kind}\n");
        let _ = writeln!(text, "hallway_{name} {value}");
    };
    line("connections", "gauge", "Connections to the hub.", connections as u64);
    line("frames_delivered_total", "counter", "Event frames handed to connections.", delivered);
    let requests = app.requests.load(Ordering::Relaxed);
    line("requests_total", "counter", "Requests received.", requests);
    let panics = app.panics.load(Ordering::Relaxed);
    line("panics_total", "counter", "Requests that panicked.", panics);
    let waiting = store.writes_waiting as u64;
    line("store_writes_waiting", "gauge", "Write jobs in the queues.", waiting);
    line("store_reads_waiting", "gauge", "Read jobs in the queue.", store.reads_waiting as u64);
    line("store_batches_total", "counter", "Transactions committed.", store.batches);
    line("store_jobs_total", "counter", "Write jobs taken.", store.jobs);
    line("store_again_total", "counter", "Write attempts made again.", store.again);
    let uptime = u64::try_from(app.clock.ticks() / 1000).unwrap_or(0);
    line("uptime_seconds", "gauge", "Seconds since the start.", uptime);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
