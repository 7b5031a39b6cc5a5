//! What every request works with, built once: store, hub, clock, limits, keys. A clone is a handle.

mod ears;

use crate::auth::Sessions;
use crate::bans::Barred;
use crate::commands::Commands;
use crate::config::{Config, Switch};
use crate::error::Result;
use crate::figures::Figures;
use crate::files::Files;
use crate::folder::{Folder, Secret, lost};
use crate::hub::Hub;
use crate::jobs::Bell;
use crate::keys::Keys;
use crate::limits::Rates;
use crate::mailer::Mailer;
use crate::oidc;
use crate::operate::restore;
use crate::outbound::Outbound;
use crate::passwords::Passwords;
use crate::presence::Presence;
use crate::previews::Looking;
use crate::push::vapid::Vapid;
use crate::seal::Seal;
use crate::settings::Settings;
use crate::store::tenants::Tenant;
use crate::store::{Event, Needs, Store, bans, chores, jobs, tenants};
use crate::tls::Tls;
use crate::tokens::{Tokens, digest};
use crate::traces::Traces;
use anyhow::Context;
use axum::Router;
use ears::Ears;
use hallway_kit::{Clock, Tasks};
use hallway_protocol::ids::TenantId;
use hallway_protocol::limits::Limits;
use hallway_protocol::rest::TenantConfig;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// A handle on the running server.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] leads to.
pub struct Parts {
    /// As started.
    pub config: Config,
    /// Where it listens.
    pub address: SocketAddr,
    /// The one clock.
    pub clock: Clock,
    /// The data.
    pub store: Store,
    /// Who hears what.
    pub hub: Arc<Hub>,
    /// From where nobody may come in.
    pub barred: Arc<Barred>,
    /// Who is there.
    pub presence: Presence,
    /// Which sessions live.
    pub sessions: Arc<Sessions>,
    /// Access and refresh tokens.
    pub tokens: Arc<Tokens>,
    /// Who we are to push services.
    pub vapid: Vapid,
    /// Opens and seals what lies in the database as a secret.
    pub seal: Seal,
    /// How mail leaves.
    pub mailer: Mailer,
    /// Pages that are being looked at.
    pub looking: Looking,
    /// The words that begin a command.
    pub commands: Commands,
    /// The one way to call others.
    pub outbound: Outbound,
    /// Where spans of requests go, where anywhere.
    pub traces: Option<Arc<Traces>>,
    /// The provider that signs people in, where there is one.
    pub oidc: Option<oidc::Provider>,
    /// Argon2.
    pub passwords: Passwords,
    /// How each tenant is set up.
    pub settings: Arc<Settings>,
    /// API keys in use.
    pub keys: Arc<Keys>,
    /// SHA-256 of the operator's token.
    pub operator: [u8; 32],
    /// Calls a second.
    pub rates: Rates,
    /// Limits of the protocol, as `welcome` tells them.
    pub limits: Limits,
    /// The bytes of files.
    pub files: Files,
    /// The data folder.
    pub folder: Folder,
    /// Connections; ended first, with a `goaway`.
    pub sockets: Tasks,
    /// Held calls of `/sync` by session.
    pub polls: Mutex<HashMap<String, usize>>,
    /// Rung when there is work in `jobs`.
    pub jobs: Arc<Bell>,
    /// No new work is taken.
    pub closing: AtomicBool,
    /// What it counts.
    pub figures: Figures,
    /// TLS, where we speak it ourselves.
    pub tls: Option<Tls>,
    /// The routes, for a socket's `call`.
    pub routes: OnceLock<Router>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an operator can do something about when it fails.
fn opening(config: &Config) -> String {
    match config.database_url {
        Some(_) => "cannot open the database that database_url names".into(),
        None => format!("cannot open the database in {}", config.data.display()),
    }
}

impl App {
    /// Opens the data folder and the store, and makes sure that there is a way in for the first
    /// owner. Nobody is served yet.
    pub async fn open(config: Config, address: SocketAddr, clock: Clock) -> anyhow::Result<App> {
        let folder = Folder::open(&config.data)?;
        restore::whole(&config).await.with_context(|| opening(&config))?;
        let secret_at = config.secret_path();
        let (made, secret) = (!secret_at.exists(), Secret::load(&secret_at)?);
        let (tls, mailer) = (Tls::load(&config)?, Mailer::open(&config)?);
        let files = Files::open(&config, &secret, clock.clone())?;
        mailer.warn();
        let ears = Ears::new(&clock);
        let sink = {
            let ears = ears.clone();
            Arc::new(move |events: Vec<Event>| ears.hear(events))
        };
        let Ears { barred, hub, sessions, settings, keys, jobs } = ears;
        let store =
            Store::open(&config.place(), clock.clone(), sink).with_context(|| opening(&config))?;
        let outbound = Outbound::new(&config, clock.clone())?;
        let app = App(Arc::new(Parts {
            address,
            barred,
            presence: Presence::new(clock.clone()),
            tokens: Arc::new(Tokens::new(&secret, clock.clone())),
            seal: Seal::new(&secret),
            vapid: Vapid::default(),
            mailer,
            figures: Figures::new(store.lanes(), outbound.figures()),
            traces: Traces::open(&config, &outbound)?.map(Arc::new),
            oidc: oidc::Provider::open(&config, &outbound, &clock)?,
            commands: Commands::default(),
            looking: Looking::default(),
            outbound,
            passwords: Passwords::default(),
            rates: Rates::new(config.limits == Switch::On),
            limits: limits(&config),
            clock,
            store,
            hub,
            sessions,
            settings,
            keys,
            operator: digest(&folder.operator_token()?),
            files,
            folder,
            jobs,
            config,
            sockets: Tasks::default(),
            polls: Mutex::default(),
            closing: AtomicBool::new(false),
            tls,
            routes: OnceLock::new(),
        }));
        app.look_around(made).await?;
        if app.config.database_url.is_none() {
            // Its folder is held by us alone.
            app.store.write(Needs::default(), jobs::orphaned).await?;
        }
        app.store.write(Needs::default(), chores::begin).await?;
        Ok(app)
    }

    /// What has to be known and said before anybody is served.
    async fn look_around(&self, made: bool) -> anyhow::Result<()> {
        self.bar().await?;
        self.first_owner().await?;
        self.secret_of(made).await
    }

    /// Where the secret was made just now and people are signed in, there was another before.
    async fn secret_of(&self, made: bool) -> anyhow::Result<()> {
        let sessions = self.store.read(crate::store::sessions::open).await?;
        if made && sessions > 0 {
            tracing::warn!("{}", lost(&self.config.secret_path(), sessions));
        }
        Ok(())
    }

    /// Remembers at the door from where nobody may come in, and what begins a command.
    async fn bar(&self) -> anyhow::Result<()> {
        for (tenant, network, until) in self.store.read(bans::addresses).await? {
            self.barred.set(tenant, network, Some(until));
        }
        for (tenant, name, id) in self.store.read(crate::store::commands::every).await? {
            self.commands.add(tenant, &name, &id);
        }
        Ok(())
    }

    /// Keeps `first-owner` and the store of one mind: a token opens as long as nobody owns the
    /// server, and its file goes when it is spent, also if we were killed in between.
    async fn first_owner(&self) -> anyhow::Result<()> {
        let known = self.folder.owner_token();
        let hash = known.as_deref().map(digest);
        let state = self.store.read(move |read| {
            let tenant = tenants::by_name(read, None)?.id;
            let owned = tenants::owners(read, tenant)? > 0;
            let opens = match &hash {
                Some(hash) => tenants::is_owner_token(read, tenant, hash)?,
                None => false,
            };
            Ok((tenant, owned, opens))
        });
        let (tenant, owned, opens) = state.await?;
        if owned {
            return self.folder.owner_token_spent();
        }
        let token = match known.filter(|_| opens) {
            Some(token) => token,
            None => {
                let token = self.folder.new_owner_token()?;
                let hash = digest(&token);
                let set = self.store.write(Needs::tenant(tenant), move |tx| {
                    tenants::set_owner_token(tx, tenant, &hash)
                });
                set.await?;
                token
            }
        };
        eprintln!("The first owner registers with this link: {}", self.invite_link(&token));
        Ok(())
    }

    /// The limits of a tenant, as its connections are told them.
    pub fn limits_of(&self, tenant: &Tenant) -> Limits {
        let TenantConfig { text_max, file_max, .. } = &tenant.config;
        Limits {
            text: text_max.unwrap_or(self.limits.text),
            file: file_max.unwrap_or(self.limits.file),
            ..self.limits.clone()
        }
    }

    /// How long a text of this tenant may be, for who is connected or has just been admitted.
    pub fn text_max(&self, tenant: TenantId) -> usize {
        let known = self.settings.known(tenant);
        known.and_then(|tenant| tenant.config.text_max).unwrap_or(self.limits.text)
    }

    /// Forgets the token of the first owner once somebody owns the server.
    pub fn owner_came(&self) -> Result<()> {
        self.folder.owner_token_spent().map_err(crate::error::Refusal::Broken)
    }

    /// `hallway://host[:port]/invite/CODE`.
    pub fn invite_link(&self, code: &str) -> String {
        format!("hallway://{}/invite/{code}", self.host())
    }

    /// `hallway://host[:port]/signin/CODE`.
    pub fn sign_in_link(&self, code: &str) -> String {
        format!("hallway://{}/signin/{code}", self.host())
    }

    /// The address that links of mails begin with: configured, never what a caller says.
    pub fn base(&self) -> String {
        match &self.config.base_url {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.address),
        }
    }

    /// Host and port as people reach them.
    fn host(&self) -> String {
        let base = self.config.base_url.as_deref().and_then(|base| base.split_once("://"));
        match base {
            Some((_, rest)) => rest.split('/').next().unwrap_or_default().to_owned(),
            None => self.address.to_string(),
        }
    }
}

/// With rates off sizes stay.
fn limits(config: &Config) -> Limits {
    match config.limits {
        Switch::On => Limits::default(),
        Switch::Off => {
            Limits { unanswered: 0, commands_per_second: 0, burst: 0, ..Limits::default() }
        }
    }
}
