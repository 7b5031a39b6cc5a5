//! The program itself: what it reads from its environment, the one line it says, how it ends.

use crate::house::{Call, Process, Socket, int};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_it_listens_and_ends_in_good_order_when_it_is_told() {
    let server = Process::start(&[("HALLWAY_LIMITS", "off")]).await;
    let ada = server.ada().await;
    let lin = server.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = lin.socket().await;
    let said = ada.says(room, "tea?").await;
    assert_eq!(socket.hears("event").await["rows"][0], said);
    let began = Instant::now();
    let ((status, rest), (code, said)) = tokio::join!(server.stop(), socket.last_words());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""), "one line on stdout, and no more");
    assert_eq!(code, Some(1012));
    let goaway = said.iter().find(|frame| frame["type"] == "goaway").expect("a goaway");
    assert_eq!(goaway["why"], "restart");
    assert!(int(&goaway["after_ms"]) >= 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_what_its_environment_says() {
    let server = Process::start(&[
        ("HALLWAY_REGISTRATION", "open"),
        ("HALLWAY_ORIGINS", "https://chat.example.org"),
    ])
    .await;
    let said = server.call("GET", "/server", Value::Null).await.ok(200);
    assert_eq!(said["registration"], "open");
    server.ada().await;
    server.register("anyone", None).await;
    for path in ["/health", "/health/ready", "/metrics"] {
        Call::at("GET", path).to(server.address).await.ok(200);
    }
    let from = |origin| Socket::dial_from(server.address, Some(origin));
    assert!(from("https://chat.example.org").await.is_ok());
    assert_eq!(from("https://evil.example.org").await.err(), Some(403));
    // Nothing was said of rates, so they are on.
    let guess = json!({"login": "ada", "password": "guess-guess"});
    let mut said = server.call("POST", "/auth/login", guess.clone()).await;
    for _ in 0..200 {
        if said.status == 429 {
            break;
        }
        said = server.call("POST", "/auth/login", guess.clone()).await;
    }
    assert_eq!(said.refused(), (429, "rate_limited"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_start_with_ends_it_with_a_word_and_a_code() {
    for (variable, value, why) in
        [("HALLWAY_ORIGINS", "*", "wildcard"), ("HALLWAY_REGISTRATION", "everyone", "everyone")]
    {
        let (status, out, said) = Process::fails(&[(variable, value)]).await;
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{variable}={value}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_log_carries_the_number_of_its_request_and_no_secret() {
    let log = [("HALLWAY_LOG", "json"), ("HALLWAY_LOG_LEVEL", "hallway_server=debug")];
    let (server, mut log) = Process::logging(&log).await;
    let ada = server.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let said = ada.get(&format!("/rooms/{room}/messages?next=a-word-of-the-query")).await;
    let id = &said.headers["x-request-id"];
    let line = log.line(|line| line.contains(id.as_str()) && line.contains("answered")).await;
    let read: Value = serde_json::from_str(&line).expect("one JSON object a line");
    assert_eq!(read["span"]["id"], **id);
    assert_eq!(read["span"]["route"], "/api/v1/rooms/{room}/messages");
    assert_eq!(read["span"]["method"], "GET");
    assert_eq!(read["fields"]["status"], i64::from(said.status));
    assert!(read["level"].is_string() && read["timestamp"].is_string());
    for secret in ["a-word-of-the-query", &ada.token, &room.to_string()] {
        assert!(!line.contains(secret), "{line}");
    }
}
