//! A push service of one's own, over TLS, and a browser that subscribed to it: it opens what it gets
//! as RFC 8291 says, and looks at who sent it as RFC 8292 says. Nothing of the server's is used.

use crate::tls::Certificate;
use crate::wait::soon;
use aes_gcm::aead::Aead;
use aes_gcm::{Aes128Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hallway_kit::Tasks;
use hkdf::Hkdf;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{PublicKey, SecretKey, ecdh};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A public key and a secret such as browsers have; of RFC 8291.
pub const POINT: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
/// See [`POINT`].
pub const SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// What a push service got.
#[derive(Debug)]
pub struct Pushed {
    /// The subscription it was for.
    pub path: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// The service.
pub struct Service {
    port: u16,
    folder: tempfile::TempDir,
    inbox: tokio::sync::Mutex<UnboundedReceiver<Pushed>>,
    status: Arc<Mutex<u16>>,
    _tasks: Tasks,
}

impl Service {
    /// One that takes everything.
    pub async fn open() -> Service {
        let certificate = Certificate::of("127.0.0.1");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (to, inbox) = unbounded_channel();
        let status = Arc::new(Mutex::new(201));
        let serve = serve(listener, certificate.acceptor(), to, status.clone());
        let tasks = Tasks::default();
        tasks.once("push service", serve);
        Service { port, folder, inbox: inbox.into(), status, _tasks: tasks }
    }

    /// The file with the authority that a server has to believe.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// From now on it answers so.
    pub fn answers(&self, status: u16) {
        *self.status.lock() = status;
    }

    /// The next message.
    pub async fn next(&self) -> Pushed {
        let next = async { self.inbox.lock().await.recv().await };
        soon("a push", next).await.expect("the service runs")
    }

    /// Whether nothing waits to be looked at.
    pub async fn is_empty(&self) -> bool {
        self.inbox.lock().await.is_empty()
    }

    /// As a browser names it.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    to: UnboundedSender<Pushed>,
    status: Arc<Mutex<u16>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = tls.accept(stream).await else { continue };
        let mut bytes = Vec::new();
        let pushed = loop {
            if let Some(pushed) = read(&bytes) {
                break Some(pushed);
            }
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => break None,
                Ok(_) => {}
            }
        };
        let Some(pushed) = pushed else { continue };
        let status = *status.lock();
        if status < 300 {
            let _ = to.send(pushed);
        }
        let answer =
            format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// A whole request, once it is there.
fn read(bytes: &[u8]) -> Option<Pushed> {
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..split]).expect("a head of text");
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = &bytes[split + 4..];
    let length: usize = headers.get("content-length")?.parse().expect("a number");
    (body.len() == length).then(|| Pushed { path, headers, body: body.to_vec() })
}

/// A browser that subscribed.
pub struct Browser {
    url: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    /// Subscribes under a name.
    #[must_use]
    pub fn of(service: &Service, name: &str) -> Browser {
        let secret = loop {
            if let Ok(secret) = SecretKey::from_slice(&rand::random::<[u8; 32]>()) {
                break secret;
            }
        };
        Browser { url: format!("{}/{name}", service.origin()), secret, auth: rand::random() }
    }

    /// As it is registered with a server.
    #[must_use]
    pub fn body(&self) -> Value {
        let point = self.secret.public_key().to_encoded_point(false);
        let (p256dh, auth) = (BASE64.encode(point.as_bytes()), BASE64.encode(self.auth));
        json!({"url": self.url, "p256dh": p256dh, "auth": auth})
    }

    /// What a message says.
    ///
    /// # Panics
    /// When it is not for this browser.
    #[track_caller]
    #[must_use]
    pub fn opens(&self, pushed: &Pushed) -> Value {
        self.tries(pushed).expect("it is for this browser")
    }

    /// What a message says, opened as RFC 8291 §3 and RFC 8188 §2 have it; none: it is for another.
    #[must_use]
    pub fn tries(&self, pushed: &Pushed) -> Option<Value> {
        let (salt, rest) = pushed.body.split_at(16);
        let (record, rest) = rest.split_at(4);
        let record = u32::from_be_bytes(record.try_into().expect("four bytes"));
        let (theirs, sealed) = rest[1..].split_at(usize::from(rest[0]));
        assert!(sealed.len() <= record as usize && pushed.body.len() <= 4_096);
        let key = PublicKey::from_sec1_bytes(theirs).expect("a key");
        let shared = ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), key.as_affine());
        let ours = self.secret.public_key().to_encoded_point(false);
        let info = [b"WebPush: info\0", ours.as_bytes(), theirs].concat();
        let mut material = [0; 32];
        let first = Hkdf::<Sha256>::new(Some(&self.auth), shared.raw_secret_bytes());
        first.expand(&info, &mut material).expect("32 bytes");
        let second = Hkdf::<Sha256>::new(Some(salt), &material);
        let (mut content, mut nonce) = ([0; 16], [0; 12]);
        second.expand(b"Content-Encoding: aes128gcm\0", &mut content).expect("16 bytes");
        second.expand(b"Content-Encoding: nonce\0", &mut nonce).expect("12 bytes");
        let opened = Aes128Gcm::new(&content.into()).decrypt(&Nonce::from(nonce), sealed);
        let opened = opened.ok()?;
        let (mark, text) = opened.split_last().expect("not empty");
        assert_eq!(*mark, 2, "the last record");
        Some(serde_json::from_slice(text).expect("JSON"))
    }
}

impl Pushed {
    /// The claims of who sent it, whose signature holds, and the key it holds under.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    #[must_use]
    pub fn sender(&self) -> (Value, String) {
        let header = self.headers["authorization"].strip_prefix("vapid t=").expect("VAPID");
        let (token, key) = header.split_once(", k=").expect("a key");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let bytes = |text: &str| BASE64.decode(text).expect("base64url");
        let verifying = VerifyingKey::from_sec1_bytes(&bytes(key)).expect("a key");
        let signature = Signature::from_slice(&bytes(signature)).expect("a signature");
        verifying.verify(signed.as_bytes(), &signature).expect("it holds");
        let (head, claims) = signed.split_once('.').expect("two parts");
        let head: Value = serde_json::from_slice(&bytes(head)).expect("JSON");
        assert_eq!((&head["typ"], &head["alg"]), (&json!("JWT"), &json!("ES256")));
        (serde_json::from_slice(&bytes(claims)).expect("JSON"), key.to_owned())
    }
}
