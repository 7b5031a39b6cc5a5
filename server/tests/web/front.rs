//! What stands before every route: who the server says it is, how it is, which pages may call it, and
//! the headers that go with each answer.

use crate::house::{Call, House, PATIENCE, Socket};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_what_it_is() {
    let house = House::open().await;
    let said = house.call("GET", "/server", Value::Null).await.ok(200);
    for field in ["name", "version", "epoch"] {
        assert!(!said[field].as_str().expect(field).is_empty());
    }
    assert_eq!((&said["registration"], &said["mail"]), (&"invite".into(), &false.into()));
    assert_eq!(said["guests"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_and_the_health_are_there_for_whom_they_are() {
    let house = House::open().await;
    let at = |path: &str| Call::at("GET", path).to(house.address);
    assert_eq!(at("/health").await.ok(200)["status"], "ok");
    assert_eq!(at("/health/ready").await.ok(200)["status"], "ready");
    let figures = at("/metrics").await.ok(200);
    let figures = figures.as_str().expect("text");
    for line in ["hallway_connections 0", "hallway_jobs{", "hallway_store_batch_jobs_bucket{"] {
        assert!(figures.lines().any(|known| known.starts_with(line)), "{line}\n{figures}");
    }
    let asked = "hallway_request_seconds_count{method=\"GET\",route=\"/health\",status=\"200\"} 1";
    assert!(figures.lines().any(|line| line == asked), "{figures}");
    let forwarded = Call::at("GET", "/metrics").header("x-forwarded-for", "10.1.2.3");
    assert_eq!(forwarded.to(house.address).await.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebodys_is_not_kept_by_anybody_between() {
    let house = House::open().await;
    let ada = house.ada().await;
    for path in ["/users/me", "/rooms", "/server", "/nowhere"] {
        let headers = ada.get(path).await.headers;
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers["content-security-policy"].contains("default-src 'none'"), "{path}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        assert_eq!(headers["x-request-id"].len(), 36, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_from_a_named_origin_alone() {
    let house = House::with(|config| config.origins = vec!["https://chat.example".into()]).await;
    let from =
        |origin: &str| Call::new("GET", "/server").header("origin", origin).to(house.address);
    let named = from("https://chat.example").await;
    assert_eq!(named.headers["access-control-allow-origin"], "https://chat.example");
    named.ok(200);
    let other = from("https://evil.example").await;
    assert_eq!(other.refused(), (403, "forbidden"));
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    let preflight = Call::new("OPTIONS", "/rooms")
        .header("origin", "https://chat.example")
        .header("access-control-request-method", "POST");
    let preflight = preflight.to(house.address).await;
    assert!(preflight.headers["access-control-allow-headers"].contains("idempotency-key"));
    assert_eq!(preflight.ok(204), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_opens_a_socket_from_a_named_origin_alone() {
    let house = House::with(|config| config.origins = vec!["https://chat.example".into()]).await;
    let from = |origin| Socket::dial_from(house.address, origin);
    assert!(from(Some("https://chat.example")).await.is_ok());
    assert!(from(None).await.is_ok());
    for wrong in ["https://evil.example", "null", "https://chat.example.evil.example"] {
        assert_eq!(from(Some(wrong)).await.err(), Some(403), "{wrong}");
    }
    let plain = Call::new("GET", "/socket").to(house.address).await;
    assert_eq!(plain.refused(), (426, "unsupported"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_takes_one_call_after_another() {
    let house = House::open().await;
    // Refused, with a body nobody reads; answered; answered and closed.
    let calls = "POST /nowhere HTTP/1.1\r\nhost: hallway\r\ncontent-length: 4\r\n\r\ntea?\
        GET /health HTTP/1.1\r\nhost: hallway\r\n\r\n\
        GET /health HTTP/1.1\r\nhost: hallway\r\nconnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(house.address).await.expect("a connection");
    stream.write_all(calls.as_bytes()).await.expect("the calls leave");
    let mut answers = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answers)).await;
    read.expect("an end in time").expect("text");
    let heads = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]);
    assert_eq!(heads.collect::<Vec<_>>(), ["404", "200", "200"], "{answers}");
}
