//! Figures for whoever looks after the server, in the form of OpenMetrics: a registry of our own for
//! each server, so that several may run in one process. A figure never names a person or a room.

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// The media type of [`Figures::text`].
pub const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];
type Times<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// The figures of one server.
pub struct Figures {
    registry: Registry,
    /// Requests that panicked.
    pub panics: Counter,
    requests: Times<3>,
    commands: Times<2>,
    moment: Moments,
}

/// What is looked up when somebody asks.
struct Moments {
    connections: Gauge,
    delivered: Gauge,
    writes: Gauge,
    reads: Gauge,
    circuits: Gauge,
    uptime: Gauge,
    jobs: Family<Labels<2>, Gauge>,
}

/// What is so at this moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Connections to the hub.
    pub connections: usize,
    /// Event frames handed to connections since the start.
    pub delivered: u64,
    /// Write jobs in the queues.
    pub writes: usize,
    /// Read jobs in the queue.
    pub reads: usize,
    /// Hosts that failed too often and are not called.
    pub circuits: usize,
    /// Milliseconds since the start.
    pub uptime: i64,
    /// Jobs by state and kind.
    pub jobs: Vec<(String, String, i64)>,
}

/// What the store's lanes count. A clone counts into the same.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Jobs of each batch that a lane took.
    pub batch: Histogram,
    /// Seconds of each transaction, from its begin until it is on disk.
    pub transaction: Histogram,
    /// Attempts that had to be made again.
    pub again: Counter,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes {
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            transaction: times(),
            again: Counter::default(),
        }
    }
}

/// What the calls to others count. A clone counts into the same.
#[derive(Clone, Debug)]
pub struct Calls(Times<2>);

impl Default for Calls {
    fn default() -> Self {
        Calls(Family::new_with_constructor(times))
    }
}

impl Calls {
    /// A call ended so. Neither of the words names whom it went to.
    pub fn ended(&self, purpose: &str, outcome: &str, took: Duration) {
        let labels = [("purpose", purpose.to_owned()), ("outcome", outcome.to_owned())];
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// From a quarter of a millisecond to eight seconds.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

impl Figures {
    /// All at zero. What the lanes count is counted by them.
    pub fn new(lanes: &Lanes, calls: &Calls) -> Self {
        let mut registry = Registry::with_prefix("hallway");
        let panics = Counter::default();
        let requests: Times<3> = Family::new_with_constructor(times);
        let commands: Times<2> = Family::new_with_constructor(times);
        let seconds = Unit::Seconds;
        registry.register("panics", "Requests that panicked", panics.clone());
        let help = "Requests, by method, route and status";
        registry.register_with_unit("request", help, seconds.clone(), requests.clone());
        let help = "Commands over sockets from hearing to answer, by sort and outcome";
        registry.register_with_unit("command", help, seconds.clone(), commands.clone());
        let help = "Jobs of a batch that a lane of the store took";
        registry.register("store_batch_jobs", help, lanes.batch.clone());
        let help = "Transactions of the store until they are on disk";
        let transaction = lanes.transaction.clone();
        registry.register_with_unit("store_transaction", help, seconds.clone(), transaction);
        let help = "Calls to others, by purpose and outcome";
        registry.register_with_unit("outbound", help, seconds, calls.0.clone());
        let help = "Write attempts that were made again";
        registry.register("store_again", help, lanes.again.clone());
        let moment = Moments::new(&mut registry);
        Figures { registry, panics, requests, commands, moment }
    }

    /// A request was answered. `route` is its pattern, never its path.
    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let labels = [
            ("method", method_name(method).to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_u16().to_string()),
        ];
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A command over a socket was answered: with what code, where it was refused.
    pub fn command(&self, sort: &str, outcome: &str, took: Duration) {
        let labels = [("sort", sort.to_owned()), ("outcome", outcome.to_owned())];
        self.commands.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// All of it as text, with what is so at this moment.
    pub fn text(&self, now: &Moment) -> Result<String, std::fmt::Error> {
        self.moment.set(now);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Figures")
    }
}

impl Moments {
    fn new(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let moments = Moments {
            connections: gauge("connections", "Connections to the hub"),
            delivered: gauge("frames_delivered", "Event frames handed to connections"),
            writes: gauge("store_writes_waiting", "Write jobs in the queues"),
            reads: gauge("store_reads_waiting", "Read jobs in the queue"),
            circuits: gauge("outbound_circuits_open", "Hosts left alone after failures"),
            uptime: gauge("uptime_seconds", "Seconds since the start"),
            jobs: Family::default(),
        };
        registry.register("jobs", "Background jobs, by state and kind", moments.jobs.clone());
        moments
    }

    fn set(&self, now: &Moment) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.connections.set(count(now.connections));
        self.delivered.set(i64::try_from(now.delivered).unwrap_or(i64::MAX));
        self.writes.set(count(now.writes));
        self.reads.set(count(now.reads));
        self.circuits.set(count(now.circuits));
        self.uptime.set(now.uptime / 1000);
        self.jobs.clear();
        for (state, kind, jobs) in &now.jobs {
            let labels = [("state", state.clone()), ("kind", kind.clone())];
            self.jobs.get_or_create(&labels).set(*jobs);
        }
    }
}

/// A caller may make up methods; a figure has a bounded number of names.
fn method_name(method: &Method) -> &str {
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if known.contains(method) { method.as_str() } else { "other" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let lanes = Lanes::default();
        let calls = Calls::default();
        let figures = Figures::new(&lanes, &calls);
        calls.ended("webhook", "ok", Duration::from_millis(3));
        lanes.batch.observe(3.0);
        let (took, made_up) = (Duration::from_millis(3), Method::from_bytes(b"X").unwrap());
        figures.request(&Method::GET, "/rooms/{room}", StatusCode::OK, took);
        figures.request(&made_up, "none", StatusCode::NOT_FOUND, took);
        figures.command("room", "ok", took);
        let jobs = vec![("dead".to_owned(), "mail".to_owned(), 2)];
        let (connections, delivered, writes, circuits) = (7, 9, 1, 3);
        let now =
            Moment { connections, delivered, writes, reads: 0, circuits, uptime: 2_500, jobs };
        let text = figures.text(&now).unwrap();
        for line in [
            "hallway_connections 7",
            "hallway_uptime_seconds 2",
            "hallway_outbound_circuits_open 3",
            "hallway_outbound_seconds_count{purpose=\"webhook\",outcome=\"ok\"} 1",
            "hallway_jobs{state=\"dead\",kind=\"mail\"} 2",
            "hallway_store_batch_jobs_bucket{le=\"4.0\"} 1",
            "hallway_store_batch_jobs_bucket{le=\"2.0\"} 0",
            "hallway_request_seconds_count{method=\"GET\",route=\"/rooms/{room}\",status=\"200\"} 1",
            "hallway_request_seconds_count{method=\"other\",route=\"none\",status=\"404\"} 1",
            "hallway_command_seconds_count{sort=\"room\",outcome=\"ok\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        let later = figures.text(&Moment { jobs: Vec::new(), ..now }).unwrap();
        assert!(!later.contains("kind=\"mail\""), "what is over is not told on: {later}");
    }
}
