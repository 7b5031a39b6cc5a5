//! The door of a server: TLS by files that are renewed while people talk, and a proxy before it that is
//! believed for what it is.

use hallway_outside::tls::{Certificate, Files};
use hallway_protocol::ids::RoomId;
use hallway_tests::rest::client;
use hallway_tests::wire::{Socket, hello, key};
use hallway_tests::{Engine, Hand, House, Rest, Setup, until};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

on_both!(a_certificate_is_renewed_while_people_talk, what_a_proxy_says_counts_where_it_is_trusted,);

/// Somebody who believes this certificate and no other.
fn believes(who: &Rest, house: &House, certificate: &Certificate) -> Rest {
    let root = reqwest::Certificate::from_der(certificate.bytes()).expect("a certificate");
    let http = client().tls_certs_only([root]).build().expect("a client");
    who.by(http).via(&secure(house, "https"))
}

fn secure(house: &House, scheme: &str) -> String {
    format!("{scheme}://localhost:{}", house.address().port())
}

/// A socket over TLS that believes this certificate and no other.
async fn socket(who: &Rest, house: &House, certificate: &Certificate) -> anyhow::Result<Socket> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_slice(certificate.bytes()).into_owned())?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let url = format!("{}/api/v1/socket", secure(house, "wss"));
    let connector = Connector::Rustls(Arc::new(config));
    let (stream, _) = connect_async_tls_with_config(url, None, false, Some(connector)).await?;
    Socket::greet(stream, hello(who)).await
}

async fn a_certificate_is_renewed_while_people_talk(engine: Engine) {
    let ((files, first), hand) = (Files::new(), Hand::new());
    let mut house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("kitchen", &[&lin]).await;
    house.end().await;
    for (name, value) in files.environment() {
        house.setup().env.push((name.into(), value));
    }
    house.up().await.expect("it starts with TLS");
    let adas = believes(&ada, &house, &first);
    adas.says(room, "safe?").await;
    assert!(ada.tries("GET", "/users/me", None).await.is_err(), "nothing is said in clear");
    let mut old = socket(&lin, &house, &first).await.expect("it opens");
    let hears = async |old: &mut Socket, room: RoomId, who: &Rest, text: &str| {
        let said = who.says(room, text).await;
        old.event(room, said.seq).await;
        let id = old.says(room, key(), &format!("{text}, indeed")).await.expect("open");
        old.answer(id).await.expect("taken");
    };
    hears(&mut old, room, &adas, "with the first").await;

    // Half a file and another's key: it says so, and shows what it had.
    files.spoils();
    hand.turn(Duration::from_secs(6));
    until("it says that the old one stays", async || {
        adas.get("/users/me").await.good();
        house.log().contains("the old certificate stays").then_some(())
    })
    .await;
    hears(&mut old, room, &adas, "with the first still").await;
    socket(&lin, &house, &first).await.expect("new ones come in by it too");

    let second = files.renews();
    hand.turn(Duration::from_secs(6));
    let news = believes(&ada, &house, &second);
    until("the new one is shown", async || {
        let said = news.tries("GET", "/users/me", None).await.ok()?;
        (said.status == 200).then_some(())
    })
    .await;
    // Another client: one that was here before goes on where it was, and asks for no certificate.
    let others = believes(&ada, &house, &first);
    assert!(others.tries("GET", "/users/me", None).await.is_err(), "and not the old one");
    assert!(socket(&lin, &house, &first).await.is_err());
    // Who was in is in, by the line that was opened under the old one.
    hears(&mut old, room, &news, "with the second").await;
    let mut new = socket(&lin, &house, &second).await.expect("it opens");
    hears(&mut new, room, &news, "on a new line").await;
    assert_eq!(news.history(room).await.iter().filter(|row| row.key.is_some()).count(), 9);
}

async fn what_a_proxy_says_counts_where_it_is_trusted(engine: Engine) {
    let setup = Setup::new(engine).unlimited().env("HALLWAY_TRUSTED_PROXIES", "127.0.0.1/32");
    let house = House::with(setup).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    // The proxy calls from .1; somebody else in its network from .2.
    let from = |who: &Rest, place: [u8; 4], says: &str| {
        let http = client().local_address(std::net::IpAddr::from(place)).build();
        let who = who.by(http.expect("a client"));
        if says.is_empty() { who } else { who.header("X-Forwarded-For", says) }
    };
    let (proxy, other) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let ban = async |address: &str| {
        let ban = json!({"address": address, "reason": "noise"});
        let ban = ada.post("/bans", ban).await.good();
        format!("/bans/{}", ban["id"].as_str().expect("an id"))
    };
    let status = async |who: Rest| who.get("/users/me").await.status;
    let banned = ban("203.0.113.7").await;
    assert_eq!(status(from(&lin, proxy, "203.0.113.7")).await, 403);
    assert_eq!(status(from(&lin, proxy, "203.0.113.8")).await, 200);
    // What stands left of it was written by whoever called the proxy, and is no address of theirs.
    assert_eq!(status(from(&lin, proxy, "203.0.113.8, 203.0.113.7")).await, 403);
    assert_eq!(status(from(&lin, proxy, "203.0.113.7, 203.0.113.8")).await, 200);
    // Who is no proxy of ours says what they like.
    assert_eq!(status(from(&lin, other, "203.0.113.7")).await, 200);
    // Sockets come in by the same door.
    let hers = from(&lin, proxy, "203.0.113.7");
    assert!(Socket::tries(&hers, hello(&hers)).await.is_err());
    Socket::open(&from(&lin, proxy, "203.0.113.8")).await.is_heard().await;
    ada.delete(&banned).await.good();
    // Kept out by their own address, a word in the header lets nobody in.
    let banned = ban("127.0.0.2").await;
    for says in ["", "203.0.113.8", "127.0.0.1"] {
        assert_eq!(status(from(&lin, other, says)).await, 403, "{says:?}");
    }
    assert_eq!(status(from(&lin, proxy, "")).await, 200);
    // The ban ends an open socket of that address, and no other.
    ada.delete(&banned).await.good();
    let far = Socket::open(&from(&lin, proxy, "198.51.100.9")).await;
    let mut near = Socket::open(&from(&lin, proxy, "198.51.100.10")).await;
    ban("198.51.100.9").await;
    assert_eq!(far.ends().await.0, Some(4001), "what their device holds stays theirs");
    near.is_heard().await;
    // The record says from where it was, not from which proxy.
    let login = json!({"login": "lin", "password": hallway_tests::wire::PASSWORD});
    let nobody = Rest::at(&house.url());
    from(&nobody, proxy, "203.0.113.8").post("/auth/login", login.clone()).await.good();
    from(&nobody, other, "203.0.113.8").post("/auth/login", login).await.good();
    let acts = ada.get("/admin/audit?act=sign_in&limit=2").await.good();
    let places = acts["items"].as_array().expect("items").iter().map(|act| &act["address"]);
    assert_eq!(places.collect::<Vec<_>>(), ["127.0.0.2", "203.0.113.8"], "the last one first");
}
