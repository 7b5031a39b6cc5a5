//! Traces: what a collector is sent, and what it is never sent.

use crate::house::{Call, House, PATIENCE};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hallway_kit::Tasks;
use hallway_server::config::Hidden;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What came, and with which headers.
type Taken = (HeaderMap, ExportTraceServiceRequest);

/// A collector, small and real.
struct Collector {
    address: SocketAddr,
    taken: Mutex<UnboundedReceiver<Taken>>,
    busy: Arc<AtomicBool>,
    _tasks: Tasks,
}

#[derive(Clone)]
struct Desk {
    taken: UnboundedSender<Taken>,
    busy: Arc<AtomicBool>,
}

impl Collector {
    async fn open() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (give, taken) = unbounded_channel();
        let busy = Arc::new(AtomicBool::new(false));
        let desk = Desk { taken: give, busy: busy.clone() };
        let router = Router::new().route("/otlp/v1/traces", post(take)).with_state(desk);
        let tasks = Tasks::default();
        tasks.once("collector", async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Collector { address, taken: Mutex::new(taken), busy, _tasks: tasks }
    }

    /// The next span of this name, with what it came in.
    async fn span(&mut self, name: &str) -> (Taken, Span) {
        loop {
            let taken = timeout(PATIENCE, self.taken.get_mut().recv()).await;
            let taken = taken.unwrap_or_else(|_| panic!("no {name} in time")).expect("it runs");
            let spans = taken.1.resource_spans.iter().flat_map(|of| &of.scope_spans);
            let found = spans.flat_map(|of| &of.spans).find(|span| span.name == name).cloned();
            if let Some(span) = found {
                return (taken, span);
            }
        }
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if desk.busy.swap(false, Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let read = ExportTraceServiceRequest::decode(body).expect("a message as the standard has it");
    desk.taken.send((headers, read)).expect("the test listens");
    StatusCode::OK
}

fn of<'a>(attributes: &'a [KeyValue], key: &str) -> &'a Value {
    let found = attributes.iter().find(|one| one.key == key);
    let value = found.and_then(|one| one.value.as_ref()?.value.as_ref());
    value.unwrap_or_else(|| panic!("no {key} in {attributes:?}"))
}

fn text(value: &Value) -> &str {
    match value {
        Value::StringValue(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_with_its_number_and_route_and_nothing_of_anybody() {
    let mut collector = Collector::open().await;
    let url = format!("http://{}/otlp", collector.address);
    let house = House::with(|config| {
        config.otlp_url = Some(url);
        config.otlp_headers =
            Some(Hidden("x-tenant=tea,authorization=Bearer of-the-collector".into()));
        config.otlp_attributes =
            Some("deployment.environment.name=test,service.name=kitchen".into());
    })
    .await;
    let ada = house.ada().await;
    let room = ada.group("a room of secrets", &[]).await;
    ada.says(room, "nobody else reads this").await;
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let call = ada.begins("GET", &format!("/rooms/{room}?secret=in-the-query"));
    let call = call.header("traceparent", &format!("00-{trace}-{parent}-01"));
    let said = call.to(house.address).await;
    let ((headers, taken), span) = collector.span("GET /api/v1/rooms/{room}").await;
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["authorization"], "Bearer of-the-collector");
    assert_eq!(headers["x-tenant"], "tea");
    let resource = taken.resource_spans[0].resource.as_ref().expect("who it is of");
    assert_eq!(text(of(&resource.attributes, "service.name")), "kitchen");
    assert_eq!(text(of(&resource.attributes, "deployment.environment.name")), "test");
    assert_eq!(text(of(&resource.attributes, "service.version")), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (hex::encode(&span.trace_id), hex::encode(&span.parent_span_id)),
        (trace.into(), parent.into())
    );
    assert_eq!((span.span_id.len(), span.kind), (8, 2));
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    assert_eq!(text(of(&span.attributes, "hallway.request.id")), said.headers["x-request-id"]);
    assert_eq!(text(of(&span.attributes, "http.route")), "/api/v1/rooms/{room}");
    assert_eq!(text(of(&span.attributes, "http.request.method")), "GET");
    assert_eq!(of(&span.attributes, "http.response.status_code"), &Value::IntValue(200));
    // Whoever reads the collector learns nothing of whom or what.
    let all = format!("{taken:?}");
    for secret in ["secrets", "nobody else", "in-the-query", &room.to_string(), &ada.token, "Ada"] {
        assert!(!all.contains(secret), "{secret}");
    }
    // A caller who does not want a trace gets none; what follows comes.
    let call =
        ada.begins("GET", "/rooms").header("traceparent", &format!("00-{trace}-{parent}-00"));
    call.to(house.address).await.ok(200);
    house.call("GET", "/nowhere", serde_json::Value::Null).await;
    let (_, span) = collector.span("GET none").await;
    assert_eq!(of(&span.attributes, "http.response.status_code"), &Value::IntValue(404));
    assert!(span.parent_span_id.is_empty() && span.trace_id.len() == 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_busy_collector_refuses_comes_again_and_the_last_ones_come_at_the_end() {
    let mut collector = Collector::open().await;
    let url = format!("http://{}/otlp", collector.address);
    let house = House::with(|config| config.otlp_url = Some(url)).await;
    collector.busy.store(true, Ordering::Relaxed);
    Call::new("GET", "/server").to(house.address).await.ok(200);
    collector.span("GET /api/v1/server").await;
    assert!(!collector.busy.load(Ordering::Relaxed), "it was refused first");
    Call::new("GET", "/openapi.json").to(house.address).await.ok(200);
    assert!(house.stop().await);
    collector.span("GET /api/v1/openapi.json").await;
}
