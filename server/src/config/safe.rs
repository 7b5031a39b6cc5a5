//! What a configuration must not say (trust.md §6).

use super::Config;
use anyhow::{Result, bail, ensure};
use std::net::IpAddr;

impl Config {
    /// Refuses what would be unsafe in the open.
    pub(super) fn safe(&self) -> Result<()> {
        if self.origins.iter().any(|origin| origin.contains('*')) {
            bail!("origins: a wildcard would let any web page act as your people; name them");
        }
        for origin in &self.origins {
            ensure!(is_origin(origin), "origins: {origin} is not an origin");
        }
        crate::mailer::Mailer::open(self)?;
        crate::files::Bucket::of(self)?;
        crate::oidc::Settings::read(self)?;
        let Some(base) = &self.base_url else { return Ok(()) };
        let Some((scheme, rest)) = base.split_once("://") else {
            bail!("base_url: {base} is not an address");
        };
        let host = rest.split('/').next().unwrap_or_default();
        match scheme {
            "https" => Ok(()),
            "http" if self.tls_cert.is_some() => bail!("base_url: {base} is http, TLS is on"),
            "http" if is_loopback(host) => Ok(()),
            "http" => bail!("base_url: {base} would send passwords in clear; use https"),
            _ => bail!("base_url: {scheme} is not http or https"),
        }
    }
}

/// Whether a browser could name this as the origin of a page: scheme, host, perhaps a port.
pub fn is_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@*\\,".contains(c);
    host.is_some_and(|host| !host.is_empty() && !host.contains(odd))
}

/// Whether `host[:port]` is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
