//! What `check` finds of those whom the server needs and who are not the server: the bucket, the
//! provider of sign-in, the collector of traces, push services. Only who is configured is asked.

use super::{Finding, State, found};
use crate::config::Config;
use crate::files::Bucket;
use crate::files::shelf::Shelf;
use crate::folder::{Secret, random};
use crate::oidc::Provider;
use crate::outbound::Outbound;
use crate::push::vapid;
use crate::seal::Seal;
use crate::store::probe;
use crate::traces::Traces;
use anyhow::Result;
use hallway_kit::Clock;
use tokio::runtime::Builder;

/// Asks each of them.
pub fn findings(config: &Config) -> Result<Vec<Finding>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let clock = Clock::system();
    let outbound = match Outbound::new(config, clock.clone()) {
        Ok(outbound) => outbound,
        Err(error) => return Ok(vec![found("outbound", State::Bad, format!("{error:#}"))]),
    };
    Ok(vec![
        files(config),
        runtime.block_on(sign_in(config, &outbound, &clock)),
        runtime.block_on(traces(config, &outbound)),
        push(config),
    ])
}

/// Whether files can be written, read and deleted where they are kept.
fn files(config: &Config) -> Finding {
    let found = |state, says: String| found("files", state, says);
    let bucket = match Bucket::of(config) {
        Ok(None) => return found(State::Ok, "in the data folder".into()),
        Ok(Some(_)) => config.files_url.as_deref().unwrap_or_default(),
        Err(error) => return found(State::Bad, format!("{error:#}")),
    };
    let tried = || {
        let name = format!("check/{}", hex::encode(random::<8>()?));
        Shelf::open(config)?.tries(&name)
    };
    match tried() {
        Ok(()) => found(State::Ok, format!("{bucket} can be written, read and deleted from")),
        // It starts without; uploads and downloads fail.
        Err(error) => found(State::Warn, format!("{bucket} cannot be used: {error:#}")),
    }
}

/// Whether the provider says of itself what is configured.
async fn sign_in(config: &Config, outbound: &Outbound, clock: &Clock) -> Finding {
    let found = |state, says: String| found("sign-in", state, says);
    let provider = match Provider::open(config, outbound, clock) {
        Ok(None) => return found(State::Ok, "by password; no provider is configured".into()),
        Ok(Some(provider)) => provider,
        Err(error) => return found(State::Bad, format!("{error:#}")),
    };
    let issuer = &provider.settings.issuer;
    match provider.reaches().await {
        Ok(0) => found(State::Warn, format!("{issuer} publishes no key that could be used")),
        Ok(keys) => found(State::Ok, format!("{issuer} answers, with {keys} keys")),
        Err(why) => found(State::Warn, format!("nobody can sign in by {issuer}: {why}")),
    }
}

/// Whether the collector of traces takes some.
async fn traces(config: &Config, outbound: &Outbound) -> Finding {
    let found = |state, says: String| found("traces", state, says);
    let to = config.otlp_url.as_deref().unwrap_or_default();
    match Traces::open(config, outbound) {
        Ok(None) => found(State::Ok, "off".into()),
        Ok(Some(traces)) => match traces.reaches().await {
            Ok(()) => found(State::Ok, format!("{to} takes them")),
            Err(error) => found(State::Warn, format!("{to} does not take them: {error:#}")),
        },
        Err(error) => found(State::Bad, format!("{error:#}")),
    }
}

/// Whether the key by which push services know us opens, and whether they are told who we are.
fn push(config: &Config) -> Finding {
    let found = |state, says: &str| found("push", state, says);
    // A database that cannot be asked is said elsewhere.
    let Ok(Some(key)) = probe::vapid(&config.place()) else {
        return found(State::Ok, "no browser has asked for it; a key will be made then");
    };
    let opened = Secret::load(&config.secret_path());
    let opened = opened.and_then(|secret| vapid::opens(&Seal::new(&secret), &key));
    let public = config.base_url.as_ref().is_some_and(|base| base.starts_with("https://"));
    match opened {
        Err(_) => found(
            State::Warn,
            "its key was sealed with another secret: put that back, or no browser is told anything",
        ),
        Ok(()) if public => found(State::Ok, "its key opens"),
        Ok(()) => {
            let says = "its key opens; without a base_url with https some services refuse it";
            found(State::Warn, says)
        }
    }
}
