//! TLS by certificate files: who comes in, what a renewal changes, what is refused.

use crate::house::{PATIENCE, Process};
use hallway_outside::tls::{Certificate, Files};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

async fn serve(files: &Files) -> Process {
    let told = files.environment();
    Process::start(&told.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

/// Dials as one who trusts this certificate alone.
async fn dial(address: SocketAddr, trusted: &Certificate) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.bytes().to_vec().into()).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// The head of the answer to a question on an open line.
async fn ask(line: &mut TlsStream<TcpStream>, path: &str) -> String {
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    line.write_all(question.as_bytes()).await.expect("it is open");
    let mut said = [0; 512];
    let read = tokio::time::timeout(PATIENCE, line.read(&mut said)).await.expect("in time");
    String::from_utf8_lossy(&said[..read.expect("it is open")]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let (files, first) = Files::new();
    let server = serve(&files).await;
    let mut line = dial(server.address, &first).await.expect("a line");
    assert!(ask(&mut line, "/health/ready").await.starts_with("HTTP/1.1 200"));
    let other = Certificate::of("localhost");
    assert!(dial(server.address, &other).await.is_err(), "it shows what it was given");
    assert!(plain(server.address).await.is_empty(), "nothing is said in clear");

    // A chain that is half written, then a key of another: the one it has goes on.
    files.spoils();
    dial(server.address, &first).await.expect("the old one stays");
    let second = files.renews();
    let shown = async {
        let mut again = tokio::time::interval(Duration::from_millis(100));
        while dial(server.address, &second).await.is_err() {
            again.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("the new one is shown in time");
    assert!(dial(server.address, &first).await.is_err());
    assert!(
        ask(&mut line, "/health").await.starts_with("HTTP/1.1 200"),
        "a line that is open stays"
    );
    assert_eq!(server.stop().await.0.code(), Some(0));
}

/// What is said to one who speaks no TLS.
async fn plain(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a line");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut said = Vec::new();
    let read = stream.read_to_end(&mut said);
    // An alert of TLS, or a reset, which is no word either.
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("it ends in time");
    String::from_utf8_lossy(&said).lines().filter(|line| line.contains("HTTP")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_certificate_are_said_at_the_start() {
    let ((files, _), (others, _)) = (Files::new(), Files::new());
    let (chain, key, other) = (files.chain(), files.key(), others.key());
    let open = key.with_file_name("open.pem");
    fs::copy(&key, &open).expect("copied");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).expect("ours");
    let nowhere = key.with_file_name("nowhere.pem");
    for (chain, key, why) in [
        (&chain, &other, "is not the key of"),
        (&chain, &open, "can be read by others"),
        (&chain, &chain, "is no private key"),
        (&nowhere, &key, "cannot read"),
        (&key, &key, "holds no certificate"),
    ] {
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        let (chain, key) = (text(chain), text(key));
        let given = [("HALLWAY_TLS_CERT", chain.as_str()), ("HALLWAY_TLS_KEY", key.as_str())];
        let (status, out, said) = Process::fails(&given).await;
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{why}");
        assert!(said.contains(why), "{said}");
    }
    let chain = chain.to_str().expect("text");
    let (status, _, said) = Process::fails(&[("HALLWAY_TLS_CERT", chain)]).await;
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("belong together"), "{said}");
    let http = "http://127.0.0.1:7340";
    let key = key.to_str().expect("text");
    let given = [("HALLWAY_TLS_CERT", chain), ("HALLWAY_TLS_KEY", key), ("HALLWAY_BASE_URL", http)];
    assert!(Process::fails(&given).await.2.contains("TLS is on"));
}
