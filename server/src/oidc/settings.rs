//! How the provider is configured; what is wrong with it is found at start.

use crate::config::{Config, Hidden, Switch, is_loopback};
use crate::outbound;
use anyhow::{Context, Result, bail, ensure};

/// One provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, as it names itself.
    pub issuer: String,
    /// As it knows us.
    pub client_id: String,
    /// What proves that it is us; none: a public client.
    pub client_secret: Option<Hidden>,
    /// As people know it.
    pub name: String,
    /// What is asked of it, by blanks.
    pub scopes: String,
    /// Whom nobody here knows gets an account.
    pub registers: bool,
    /// The tenant whose people it signs in.
    pub tenant: String,
}

impl Settings {
    /// What the configuration says; none: nobody signs in so.
    pub fn read(config: &Config) -> Result<Option<Settings>> {
        let Some(issuer) = config.oidc_issuer.clone() else {
            let others = config.oidc_client_id.is_some()
                || config.oidc_client_secret.is_some()
                || config.oidc_client_secret_file.is_some();
            ensure!(!others, "oidc_issuer is missing: without it the other oidc_… mean nothing");
            return Ok(None);
        };
        let url = outbound::address(&issuer).with_context(|| format!("oidc_issuer: {issuer}"))?;
        let host = url.host_str().unwrap_or_default();
        if url.scheme() != "https" && !is_loopback(host) {
            bail!("oidc_issuer: {issuer} would send secrets in clear; use https");
        }
        ensure!(url.query().is_none(), "oidc_issuer: {issuer} must have no query");
        let client_id = config.oidc_client_id.clone().context("oidc_client_id is missing")?;
        let client_secret = match (&config.oidc_client_secret, &config.oidc_client_secret_file) {
            (Some(_), Some(_)) => {
                bail!("oidc_client_secret and oidc_client_secret_file: one of them")
            }
            (secret, None) => secret.clone(),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                let text =
                    text.with_context(|| format!("oidc_client_secret_file: {}", file.display()))?;
                let text = text.trim().to_owned();
                ensure!(!text.is_empty(), "oidc_client_secret_file: {} is empty", file.display());
                Some(Hidden(text))
            }
        };
        let scopes = config.oidc_scopes.clone();
        ensure!(scopes.split(' ').any(|scope| scope == "openid"), "oidc_scopes: openid is missing");
        let name = config.oidc_name.clone().unwrap_or_else(|| host.to_owned());
        let registers = config.oidc_register == Switch::On;
        let tenant = config.oidc_tenant.clone();
        Ok(Some(Settings { issuer, client_id, client_secret, name, scopes, registers, tenant }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut Config)) -> Result<Option<Settings>> {
        let mut config = Config {
            oidc_issuer: Some("https://id.example".into()),
            oidc_client_id: Some("hallway".into()),
            ..Config::default()
        };
        change(&mut config);
        Settings::read(&config)
    }

    #[test]
    fn what_would_not_work_or_not_be_safe_is_found_at_start() {
        let settings = read(|_| {}).unwrap().unwrap();
        assert_eq!((settings.name.as_str(), settings.registers), ("id.example", false));
        assert!(read(|c| (c.oidc_issuer, c.oidc_client_id) = (None, None)).unwrap().is_none());
        let wrong = |change: fn(&mut Config)| format!("{:#}", read(change).unwrap_err());
        assert!(wrong(|c| c.oidc_issuer = None).contains("oidc_issuer is missing"));
        assert!(wrong(|c| c.oidc_client_id = None).contains("oidc_client_id is missing"));
        assert!(wrong(|c| c.oidc_issuer = Some("http://id.example".into())).contains("https"));
        assert!(wrong(|c| c.oidc_issuer = Some("id.example".into())).contains("oidc_issuer"));
        assert!(wrong(|c| c.oidc_issuer = Some("https://id.example?x".into())).contains("query"));
        assert!(wrong(|c| c.oidc_scopes = "profile".into()).contains("openid"));
        assert!(
            wrong(|c| c.oidc_client_secret_file = Some("/nowhere".into())).contains("/nowhere")
        );
        assert!(read(|c| c.oidc_issuer = Some("http://127.0.0.1:8080".into())).is_ok());
    }

    #[test]
    fn the_secret_stands_in_one_place_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "very secret\n").unwrap();
        let path = Some(file.path().to_owned());
        let settings = read(|c| c.oidc_client_secret_file = path.clone()).unwrap().unwrap();
        assert_eq!(settings.client_secret, Some(Hidden("very secret".into())));
        assert!(!format!("{settings:?}").contains("very secret"));
        let both = |c: &mut Config| {
            (c.oidc_client_secret_file, c.oidc_client_secret) = (path, Some(Hidden("x".into())));
        };
        assert!(format!("{:#}", read(both).unwrap_err()).contains("one of them"));
        std::fs::write(file.path(), " \n").unwrap();
        let path = Some(file.path().to_owned());
        assert!(
            format!("{:#}", read(|c| c.oidc_client_secret_file = path).unwrap_err())
                .contains("empty")
        );
    }
}
