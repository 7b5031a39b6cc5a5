//! Traces for who watches many servers: a span of each request, sent in batches to a collector by
//! OTLP over HTTP (protobuf) through the one outbound client. Off it costs a comparison a request.
//!
//! A span says method, route, status, how long it took and the number of the request, which stands in
//! the log and in the answer too. It never says an address with ids or secrets in it, who asked, or
//! what was said. What the collector does not take in time is dropped and counted: a request waits
//! for no collector.

use crate::config::{Config, Hidden};
use crate::outbound::{self, Call, Outbound};
use anyhow::{Context, Result, bail, ensure};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hallway_kit::Stop;
use hallway_protocol::ids::Millis;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Outcome;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use parking_lot::Mutex;
use prost::Message;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use url::Url;

/// Spans that wait for the collector; beyond it they are dropped.
const QUEUE: usize = 4_096;
/// Spans of one call.
const BATCH: usize = 512;
/// A span waits so long for others to go with it.
const GATHER: Duration = Duration::from_millis(500);
/// The methods that are named.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// After a call that failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Where traces go.
pub struct Traces {
    outbound: Outbound,
    to: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    resource: Resource,
    queue: Mutex<Queue>,
    some: Notify,
}

#[derive(Default)]
struct Queue {
    spans: VecDeque<Span>,
    dropped: u64,
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Traces")
    }
}

/// A request that was answered.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its number.
    pub id: &'a str,
    /// How it was asked.
    pub method: &'a str,
    /// The route as the table has it, with names for what is in its place.
    pub route: &'a str,
    /// How it was answered.
    pub status: StatusCode,
    /// When it came, Unix milliseconds.
    pub at: Millis,
    /// How long it took.
    pub took: Duration,
    /// The span it belongs to, where the caller said one.
    pub parent: Option<Parent>,
}

/// The trace that a caller's request is part of (W3C Trace Context, `traceparent`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parent {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl Parent {
    /// As a request names it; what is not right is none.
    pub fn of(headers: &HeaderMap) -> Option<Parent> {
        let text = headers.get("traceparent")?.to_str().ok()?;
        let mut parts = text.split('-');
        let mut hex = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            let small = part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            u128::from_str_radix(part, 16).ok().filter(|_| small)
        };
        let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        // Later versions may say more, this one may not.
        let whole = version != 0xff && (version != 0 || parts.next().is_none());
        let span = u64::try_from(span).ok()?;
        let right = whole && trace != 0 && span != 0;
        right.then_some(Parent { trace, span, sampled: flags & 1 == 1 })
    }
}

impl Traces {
    /// As configured; what is wrong with it is found at start.
    pub fn open(config: &Config, outbound: &Outbound) -> Result<Option<Traces>> {
        let Some(place) = &config.otlp_url else { return Ok(None) };
        let to = endpoint(place)?;
        let mut attributes = vec![
            word("service.name", "hallway-server"),
            word("service.version", env!("CARGO_PKG_VERSION")),
            word("service.instance.id", &uuid::Uuid::new_v4().to_string()),
        ];
        for (name, value) in pairs("otlp_attributes", config.otlp_attributes.as_deref())? {
            attributes.retain(|known| known.key != name);
            attributes.push(word(&name, &value));
        }
        let headers = config.otlp_headers.as_ref().map(|Hidden(text)| text.as_str());
        let headers = pairs("otlp_headers", headers)?.into_iter().map(|(name, value)| {
            // The value is not told: it is a secret.
            let name = HeaderName::try_from(&name).context("otlp_headers: not a header")?;
            let value = HeaderValue::try_from(&value).context("otlp_headers: not a value")?;
            Ok((name, value))
        });
        let headers = headers.collect::<Result<_>>()?;
        let resource = Resource { attributes, ..Resource::default() };
        let (outbound, queue, some) = (outbound.clone(), Mutex::default(), Notify::new());
        Ok(Some(Traces { outbound, to, headers, resource, queue, some }))
    }

    /// Whether the collector takes what it is sent, which is nothing.
    pub async fn reaches(&self) -> Result<()> {
        let status = self.post(self.request(Vec::new()).encode_to_vec()).await?;
        ensure!(status.is_success(), "it answers {status}");
        Ok(())
    }

    /// Notes a request down; never waits.
    pub fn saw(&self, seen: &Seen<'_>) {
        if seen.parent.is_some_and(|parent| !parent.sampled) {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.spans.len() >= QUEUE {
            queue.dropped += 1;
            return;
        }
        queue.spans.push_back(span(seen));
        drop(queue);
        self.some.notify_one();
    }

    /// Sends what was noted down until the end, and once more then.
    pub async fn work(self: Arc<Self>, mut stop: Stop) -> Result<(), Infallible> {
        while !stop.is_heard() {
            tokio::select! {
                () = self.some.notified() => {}
                () = stop.heard() => break,
            }
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = stop.heard() => break,
            }
            while !self.queue.lock().spans.is_empty() && !stop.is_heard() {
                if !self.send().await {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = stop.heard() => {}
                    }
                }
            }
        }
        self.send().await;
        Ok(())
    }

    /// Sends a batch; false: it stays for another time.
    async fn send(&self) -> bool {
        let (spans, dropped) = {
            let mut queue = self.queue.lock();
            let most = queue.spans.len().min(BATCH);
            let spans: Vec<Span> = queue.spans.drain(..most).collect();
            (spans, std::mem::take(&mut queue.dropped))
        };
        if dropped > 0 {
            tracing::warn!(dropped, "the collector of traces does not keep up");
        }
        if spans.is_empty() {
            return true;
        }
        let body = self.request(spans.clone()).encode_to_vec();
        match self.post(body).await {
            Ok(status) if status.is_success() => true,
            // OTLP/HTTP: these may be sent again, any other is final.
            Ok(status) if !matches!(status.as_u16(), 429 | 502..=504) => {
                tracing::warn!(%status, lost = spans.len(), "the collector refused traces");
                true
            }
            Ok(status) => self.back(spans, &status),
            Err(fault) => self.back(spans, &fault),
        }
    }

    fn back(&self, spans: Vec<Span>, why: &dyn std::fmt::Display) -> bool {
        tracing::warn!(%why, "the collector of traces does not answer");
        let mut queue = self.queue.lock();
        for span in spans.into_iter().rev() {
            if queue.spans.len() < QUEUE {
                queue.spans.push_front(span);
            } else {
                queue.dropped += 1;
            }
        }
        false
    }

    async fn post(&self, body: Vec<u8>) -> Result<StatusCode, outbound::Fault> {
        let mut call = Call::post("traces", self.to.as_str(), "application/x-protobuf", body)?;
        for (name, value) in &self.headers {
            call = call.secret(name.clone(), value.clone());
        }
        // The operator named it: it stands in the own network as often as not.
        Ok(self.outbound.call(call.trusting(&self.to)).await?.status)
    }

    fn request(&self, spans: Vec<Span>) -> ExportTraceServiceRequest {
        let scope = InstrumentationScope {
            name: "hallway".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..InstrumentationScope::default()
        };
        let scoped = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
        let of = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scoped],
            ..ResourceSpans::default()
        };
        ExportTraceServiceRequest { resource_spans: vec![of] }
    }
}

/// A request as a span.
fn span(seen: &Seen<'_>) -> Span {
    let (trace, parent) = match seen.parent {
        Some(parent) => (parent.trace, parent.span.to_be_bytes().to_vec()),
        None => (rand::random(), Vec::new()),
    };
    let start = u64::try_from(seen.at).unwrap_or_default().saturating_mul(1_000_000);
    let took = u64::try_from(seen.took.as_nanos()).unwrap_or(u64::MAX);
    // Whoever makes a method up writes nothing here.
    let method = if METHODS.contains(&seen.method) { seen.method } else { "_OTHER" };
    let mut attributes = vec![
        word("http.request.method", method),
        word("http.route", seen.route),
        number("http.response.status_code", i64::from(seen.status.as_u16())),
        word("hallway.request.id", seen.id),
    ];
    let broken = seen.status.is_server_error();
    if broken {
        attributes.push(word("error.type", seen.status.as_str()));
    }
    let code = if broken { Outcome::Error } else { Outcome::Unset };
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: rand::random::<u64>().max(1).to_be_bytes().to_vec(),
        parent_span_id: parent,
        name: format!("{method} {}", seen.route),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(took),
        attributes,
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..Span::default()
    }
}

/// Where a collector takes traces: below the address that is configured (OTLP/HTTP).
fn endpoint(place: &str) -> Result<Url> {
    let base = outbound::address(place).with_context(|| format!("otlp_url: {place}"))?;
    ensure!(base.query().is_none(), "otlp_url: {place} must have no query");
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    Ok(base.join(&path)?)
}

/// `name=value` pairs, by commas.
fn pairs(key: &str, text: Option<&str>) -> Result<Vec<(String, String)>> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &str| match part.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => bail!("{key}: not a list of name=value"),
    };
    parts.map(pair).collect()
}

fn word(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_standard_has_it() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_str(text).unwrap());
            Parent::of(&headers)
        };
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let right = of(&format!("00-{trace}-{span}-01")).unwrap();
        assert_eq!(
            (right.trace, right.span),
            (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7)
        );
        assert!(right.sampled && !of(&format!("00-{trace}-{span}-00")).unwrap().sampled);
        assert!(of(&format!("01-{trace}-{span}-01-more")).is_some());
        for wrong in [
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}"),
            "tea".into(),
        ] {
            assert_eq!(of(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn traces_go_below_the_address() {
        for (place, to) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://o.example/otlp/", "https://o.example/otlp/v1/traces"),
        ] {
            assert_eq!(endpoint(place).unwrap().as_str(), to);
        }
        assert!(endpoint("tea").is_err() && endpoint("http://o.example?x").is_err());
        assert!(pairs("x", Some("a=b, c = d=e,")).is_ok_and(|all| all.len() == 2));
        assert!(pairs("x", Some("a")).is_err());
    }
}
