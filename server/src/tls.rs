//! TLS by certificate files. They are looked at again and again, so that a renewed certificate is
//! shown to the next caller without a restart; files that cannot be used change nothing and are said
//! in the log. Behind a proxy that speaks https this is off.

use crate::config::Config;
use anyhow::{Context, Result, bail, ensure};
use hallway_kit::Stop;
use hallway_protocol::ids::Millis;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// The files are looked at so often; a renewal comes days before its end.
const LOOK: Duration = Duration::from_secs(5);

/// What speaks TLS for us.
#[derive(Clone, Debug)]
pub struct Tls {
    certificate: Arc<Certificate>,
    config: Arc<ServerConfig>,
}

/// The certificate that is shown, and the files it comes from.
#[derive(Debug)]
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    shown: RwLock<Arc<CertifiedKey>>,
}

/// What the files held, to see that they changed.
type Seen = [u8; 32];

impl Tls {
    /// With the files of the configuration; none where it names none.
    pub fn load(config: &Config) -> Result<Option<Tls>> {
        let (chain, key) = match (&config.tls_cert, &config.tls_key) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain.clone(), key.clone()),
            _ => bail!("tls_cert and tls_key belong together"),
        };
        let provider = Arc::new(ring::default_provider());
        let (first, _) = read(&chain, &key, &provider)?;
        let shown = RwLock::new(Arc::new(first));
        let certificate = Arc::new(Certificate { chain, key, provider: provider.clone(), shown });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Tls { certificate, config: Arc::new(config) }))
    }

    /// What makes a connection a secure one.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }

    /// From when until when the shown certificate is good, Unix milliseconds.
    pub fn dates(&self) -> Result<(Millis, Millis)> {
        let shown = self.certificate.shown.read().clone();
        let first = shown.cert.first().context("no certificate")?;
        let (_, parsed) = x509_parser::parse_x509_certificate(first).context("the certificate")?;
        let good = parsed.validity();
        Ok((good.not_before.timestamp() * 1000, good.not_after.timestamp() * 1000))
    }

    /// Looks at the files until the end, and shows what is new in them.
    pub async fn watch(self, mut stop: Stop) -> Result<(), Infallible> {
        let Certificate { chain, key, provider, shown } = &*self.certificate;
        let (mut last, mut complained) = (None, false);
        loop {
            match read(chain, key, provider) {
                Ok((certificate, seen)) => {
                    if last.is_some_and(|last| last != seen) {
                        *shown.write() = Arc::new(certificate);
                        tracing::info!(file = %chain.display(), "a new certificate is shown");
                    }
                    (last, complained) = (Some(seen), false);
                }
                Err(error) if !complained => {
                    tracing::warn!(error = format!("{error:#}"), "the old certificate stays");
                    complained = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.heard() => return Ok(()),
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.read().clone())
    }
}

/// A chain and the key that belongs to it.
fn read(chain: &PathBuf, key: &PathBuf, provider: &CryptoProvider) -> Result<(CertifiedKey, Seen)> {
    let text =
        |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (chain_text, key_text) = (text(chain)?, text(key)?);
    let mode = fs::metadata(key)?.permissions().mode();
    let place = key.display();
    ensure!(mode & 0o007 == 0, "{place} can be read by others: chmod o-rwx {place}");
    let certificates = CertificateDer::pem_slice_iter(&chain_text)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is no certificate", chain.display()))?;
    ensure!(!certificates.is_empty(), "{} holds no certificate", chain.display());
    let private = PrivateKeyDer::from_pem_slice(&key_text)
        .with_context(|| format!("{place} is no private key"))?;
    let certified = CertifiedKey::from_der(certificates, private, provider)
        .with_context(|| format!("{place} is not the key of {}", chain.display()))?;
    let mut seen = Sha256::new();
    seen.update(&chain_text);
    seen.update(&key_text);
    Ok((certified, seen.finalize().into()))
}
