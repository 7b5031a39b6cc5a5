//! The one client by which the server calls others, against somebody real who listens, misbehaves
//! and leads astray.

use crate::house::{Answer, Call as Request, House};
use axum::http::{HeaderName, HeaderValue};
use hallway_outside::{Listener, Reply};
use hallway_protocol::ids::TenantId;
use hallway_server::config::Config;
use hallway_server::outbound::{BODY, Call, Fault};
use std::time::Duration;

/// This machine, as an operator would name it.
fn here(config: &mut Config) {
    config.outbound_allow = vec!["127.0.0.1/32".parse().expect("a network")];
}

fn get(url: &str) -> Call {
    Call::get("test", url).expect("an address")
}

async fn asks(house: &House, url: &str) -> Result<(u16, String), Fault> {
    let answer = house.app.outbound.call(get(url)).await?;
    Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
}

#[tokio::test]
async fn what_is_not_public_is_not_even_connected_to() {
    let (house, receiver) = (House::open().await, Listener::open().await);
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "127.0.0.1.",
    ] {
        let asked = asks(&house, &format!("http://{host}:{port}/")).await;
        assert_eq!(asked, Err(Fault::Private), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_operator_may_name_networks_and_hosts() {
    let (house, receiver) = (House::with(here).await, Listener::open().await);
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let asked = asks(&house, &format!("http://{host}:{port}/a?b=c#d")).await;
        assert_eq!(asked, Ok((200, "ok".into())), "{host}");
        let heard = receiver.next().await;
        assert_eq!((heard.method.as_str(), heard.path.as_str()), ("GET", "/a?b=c"));
        assert!(heard.headers["user-agent"].starts_with("Hallway/"), "{heard:?}");
        assert!(!heard.headers.contains_key("referer"), "{heard:?}");
    }
    let none = House::open().await;
    let url = hallway_server::outbound::address(&receiver.url("/")).expect("an address");
    let answer = none.app.outbound.call(get(url.as_str()).trusting(&url)).await;
    assert_eq!(answer.expect("an answer").status, 200, "one it is configured with");
    // Whom that one leads to is somebody else.
    let other = Listener::open().await;
    let to = other.url("/");
    receiver.answers(move |_| Reply::Lead(302, to.clone()));
    let answer = none.app.outbound.call(get(url.as_str()).trusting(&url)).await;
    assert_eq!(answer.err(), Some(Fault::Private));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn only_plain_addresses_are_called() {
    for (url, what) in [
        ("ftp://a.example/", "is not http or https"),
        ("file:///etc/passwd", "is not http or https"),
        ("gopher://a.example/", "is not http or https"),
        ("http://ada:secret@a.example/", "must not name a person or a password"),
        ("http://ada@a.example/", "must not name a person or a password"),
        ("a.example", "is not whole, as https://example.org/path is"),
        ("http://", "is not whole, as https://example.org/path is"),
    ] {
        assert_eq!(Call::get("test", url).err(), Some(Fault::Address(what)), "{url}");
    }
    let long = format!("http://a.example/{}", "x".repeat(2_048));
    assert_eq!(Call::get("test", &long).err(), Some(Fault::Address("is too long")));
}

#[tokio::test]
async fn redirects_are_looked_at_like_the_first_address() {
    let (house, receiver) = (House::with(here).await, Listener::open().await);
    receiver.answers(|heard| match heard.path.as_str() {
        "/once" => Reply::Lead(302, "/end".into()),
        "/round" => Reply::Lead(301, "/round".into()),
        "/metadata" => Reply::Lead(302, "http://169.254.169.254/latest/meta-data".into()),
        "/six" => Reply::Lead(307, "http://[::1]/".into()),
        "/file" => Reply::Lead(302, "file:///etc/passwd".into()),
        "/name" => Reply::Lead(302, "http://ada:secret@127.0.0.1/".into()),
        _ => Reply::yes(),
    });
    assert_eq!(asks(&house, &receiver.url("/once")).await, Ok((200, "ok".into())));
    assert_eq!(asks(&house, &receiver.url("/round")).await, Err(Fault::Redirects));
    assert_eq!(receiver.rest().len(), 2 + 5);
    assert_eq!(asks(&house, &receiver.url("/metadata")).await, Err(Fault::Private));
    assert_eq!(asks(&house, &receiver.url("/six")).await, Err(Fault::Private));
    for path in ["/file", "/name"] {
        let asked = asks(&house, &receiver.url(path)).await;
        assert!(matches!(asked, Err(Fault::Address(_))), "{path}: {asked:?}");
    }
    // What is told to one address is told to no other.
    let post = Call::post("test", &receiver.url("/once"), "text/plain", "x").expect("an address");
    assert_eq!(house.app.outbound.call(post).await.expect("an answer").status, 302);
    let posted = receiver.rest().pop().expect("a call");
    assert_eq!((posted.method.as_str(), posted.text()), ("POST", "x"));
}

#[tokio::test]
async fn a_secret_stays_with_its_host() {
    let (house, one, two) =
        (House::with(here).await, Listener::open().await, Listener::open().await);
    let to = two.url("/");
    one.answers(move |heard| match heard.path.as_str() {
        "/" => Reply::Lead(302, "/on".into()),
        _ => Reply::Lead(302, to.clone()),
    });
    let (name, said) = (HeaderName::from_static("x-said"), HeaderValue::from_static("yes"));
    let (secret, key) = (HeaderName::from_static("authorization"), HeaderValue::from_static("key"));
    let call = get(&one.url("/")).header(name, said).secret(secret, key);
    house.app.outbound.call(call).await.expect("an answer");
    for _ in 0..2 {
        assert_eq!(one.next().await.headers["authorization"], "key");
    }
    let heard = two.next().await;
    assert_eq!(heard.headers["x-said"], "yes");
    assert!(!heard.headers.contains_key("authorization"), "{heard:?}");
}

#[tokio::test]
async fn time_and_size_are_bounded() {
    let house = House::with(|config| {
        here(config);
        config.outbound_patience = Duration::from_millis(400);
    });
    let (house, receiver) = (house.await, Listener::open().await);
    receiver.answers(|_| Reply::Silence);
    assert_eq!(asks(&house, &receiver.url("/")).await, Err(Fault::Slow));
    receiver.answers(|_| Reply::HangUp);
    assert_eq!(asks(&house, &receiver.url("/")).await, Err(Fault::Unreached));

    let patient = House::with(here).await;
    receiver.answers(|_| Reply::Flood);
    let answer = patient.app.outbound.call(get(&receiver.url("/"))).await.expect("an answer");
    assert!(answer.cut && answer.body.len() == BODY, "{}", answer.body.len());
    let little = get(&receiver.url("/")).at_most(10);
    let answer = patient.app.outbound.call(little).await.expect("an answer");
    assert!(answer.cut && answer.body.len() == 10);
    let word = "x".repeat(BODY);
    receiver.answers(move |_| Reply::Say(200, "text/plain", word.clone()));
    let answer = patient.app.outbound.call(get(&receiver.url("/"))).await.expect("an answer");
    assert!(!answer.cut && answer.body.len() == BODY);
}

#[tokio::test]
async fn a_host_that_fails_is_left_alone_and_tried_again() {
    let (house, receiver) = (House::with(here).await, Listener::open().await);
    receiver.answers(|_| Reply::HangUp);
    let ask = || house.app.outbound.call(get(&receiver.url("/")).of(TenantId(1)));
    for _ in 0..5 {
        assert_eq!(ask().await.err(), Some(Fault::Unreached));
    }
    assert!(matches!(ask().await.err(), Some(Fault::Shut(_))));
    assert_eq!(receiver.connections(), 5);
    let figures = |answer: Answer| answer.body.as_str().expect("text").to_owned();
    let said = figures(Request::at("GET", "/metrics").to(house.address).await);
    assert!(said.contains("hallway_outbound_circuits_open 1"), "{said}");
    for (outcome, calls) in [("unreached", 5), ("shut", 1)] {
        let line = format!(
            "hallway_outbound_seconds_count{{purpose=\"test\",outcome=\"{outcome}\"}} {calls}"
        );
        assert!(said.contains(&line), "{said}");
    }
    // Another tenant's way is open.
    receiver.answers(|_| Reply::status(500));
    let other = house.app.outbound.call(get(&receiver.url("/")).of(TenantId(2))).await;
    assert_eq!(other.expect("an answer").status, 500);
    assert!(matches!(ask().await.err(), Some(Fault::Shut(_))));
    house.clock.turn(Duration::from_secs(31));
    assert_eq!(ask().await.expect("an answer").status, 500, "it speaks: that is well");
    assert_eq!(house.app.outbound.open_circuits(), 0);
}

#[tokio::test]
async fn a_certificate_is_believed_by_who_was_told_to() {
    let receiver = Listener::secure().await;
    let url = format!("https://localhost:{}/", receiver.address.port());
    let stranger = House::with(here).await;
    assert_eq!(asks(&stranger, &url).await, Err(Fault::Unreached));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, receiver.certificate.as_deref().expect("one")).expect("written");
    let house = House::with(|config| {
        here(config);
        config.outbound_ca = Some(file);
    });
    assert_eq!(asks(&house.await, &url).await, Ok((200, "ok".into())));
}
