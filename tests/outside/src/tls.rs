//! Certificates that sign themselves, and servers that show them.

use rcgen::{CertifiedKey, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with its key. Who believes it, believes it alone.
pub struct Certificate(CertifiedKey<KeyPair>);

impl Certificate {
    /// A new one for this name or address.
    #[must_use]
    pub fn of(name: &str) -> Certificate {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]);
        Certificate(made.expect("a certificate for a name"))
    }

    /// As it lies in a file.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.cert.pem()
    }

    /// Its key, as that lies in a file.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.signing_key.serialize_pem()
    }

    /// As it comes over the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.cert.der()
    }

    /// What makes a connection one by TLS that shows it.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivatePkcs8KeyDer::from(self.0.signing_key.serialize_der());
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.0.cert.der().clone()], PrivateKeyDer::from(key))
            .expect("a certificate and its key");
        TlsAcceptor::from(Arc::new(tls))
    }
}

/// Where a server's certificate and key lie, as an operator keeps them.
pub struct Files(tempfile::TempDir);

impl Files {
    /// A certificate for this machine.
    #[must_use]
    pub fn new() -> (Files, Certificate) {
        let files = Files(tempfile::tempdir().expect("a folder"));
        let certificate = files.renews();
        (files, certificate)
    }

    /// The file of the certificate.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.0.path().join("chain.pem")
    }

    /// The file of its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    /// What a server is told that shall use them.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.display().to_string();
        [("HALLWAY_TLS_CERT", text(self.chain())), ("HALLWAY_TLS_KEY", text(self.key()))]
    }

    /// A new certificate in place of what was there.
    pub fn renews(&self) -> Certificate {
        let certificate = Certificate::of("localhost");
        write(&self.key(), &certificate.key());
        write(&self.chain(), &certificate.pem());
        certificate
    }

    /// A chain that is half written, and a key of another.
    pub fn spoils(&self) {
        write(&self.chain(), "-----BEGIN CERTIFICATE-----\nnonsense");
        write(&self.key(), &Certificate::of("localhost").key());
    }
}

/// In one step, as those who renew do it, and for the owner's eyes.
fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file of our own");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::rename(new, path).expect("in place");
}
