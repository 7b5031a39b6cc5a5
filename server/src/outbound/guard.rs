//! What stands between the client and the network: which addresses a name may lead to, and whose
//! certificates are believed.

use super::addresses;
use crate::config::Config;
use anyhow::Context;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A name none of whose addresses may be called.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
pub(super) struct Refused;

/// Resolves names to the addresses that may be called.
#[derive(Debug)]
pub(super) struct Guard {
    /// Networks that the operator named.
    pub(super) named: Arc<[IpNet]>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, named) = (name.as_str().to_owned(), self.named.clone());
        Box::pin(async move {
            let mut open: Vec<_> = tokio::net::lookup_host((name, 0)).await?.collect();
            open.retain(|address| addresses::allowed(address.ip(), &named));
            if open.is_empty() {
                return Err(Refused.into());
            }
            let open: Addrs = Box::new(open.into_iter());
            Ok(open)
        })
    }
}

/// TLS by ring, with the well-known certificates and those the operator adds.
pub(super) fn tls(config: &Config) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(file) = &config.outbound_ca {
        let name = || format!("outbound_ca: {}", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(name)? {
            roots.add(certificate.with_context(name)?).with_context(name)?;
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions()?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}
