//! Signing in, registering, signing out: how accounts come to a device and leave it.

use crate::account::Core;
use crate::accounts::Accounts;
use crate::api::{Api, normalised};
use crate::error::{Fault, Result};
use crate::feed::{Account, AccountState, Change};
use crate::profile;
use crate::secrets::{Secret, away, random_hex};
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::{Login, Register, ServerInfo, Session};
use hallway_protocol::rows::User;
use hallway_protocol::text::composed;
use reqwest::Method;
use std::time::Duration;

/// What [`Accounts::check_server`] answers.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Checked {
    /// The address in its one form.
    pub url: String,
    /// What the server says of itself.
    #[serde(flatten)]
    pub info: ServerInfo,
}

/// By what one proves to be who one says; a `&str` is a password alone.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// What one knows.
    pub password: &'a str,
    /// Of the second factor, where the account has one; the server says so by asking for it.
    pub code: Option<&'a str>,
}

impl<'a> From<&'a str> for Proof<'a> {
    fn from(password: &'a str) -> Self {
        Proof { password, code: None }
    }
}

impl<'a> From<&'a String> for Proof<'a> {
    fn from(password: &'a String) -> Self {
        Proof { password, code: None }
    }
}

impl Proof<'_> {
    /// As people copy it out of an app or off a paper.
    fn code(&self) -> Option<String> {
        let code: String = self.code?.chars().filter(|c| !c.is_whitespace()).collect();
        (!code.is_empty()).then_some(code)
    }
}

impl Accounts {
    /// Asks a server who it is.
    pub async fn check_server(&self, url: &str) -> Result<Checked> {
        let api = Api::new(normalised(url)?)?;
        let info = api.server().await?;
        Ok(Checked { url: trimmed(&api), info })
    }

    /// Signs in: a new account on this device.
    pub async fn sign_in(
        &self,
        url: &str,
        login: &str,
        proof: impl Into<Proof<'_>>,
    ) -> Result<Account> {
        let proof = proof.into();
        let api = Api::new(normalised(url)?)?;
        let signed = api
            .login(&Login {
                tenant: None,
                login: login.trim().to_owned(),
                password: proof.password.to_owned(),
                device: Some(self.device()),
                code: proof.code(),
            })
            .await?;
        self.welcome(&api, signed.user, signed.session).await
    }

    /// Registers: a new account on the server and on this device.
    pub async fn register(
        &self,
        url: &str,
        name: &str,
        display_name: Option<String>,
        password: &str,
        invite: Option<String>,
    ) -> Result<Account> {
        let api = Api::new(normalised(url)?)?;
        let register = Register {
            tenant: None,
            name: composed(name.trim()),
            display_name: display_name.as_deref().map(composed),
            email: None,
            password: password.to_owned(),
            invite,
            device: Some(self.device()),
        };
        let (held, clock) = self.held();
        let key = held.key(clock, "account", &(api.base().as_str(), name));
        let registered = api.register(&register, &key).await?;
        held.done(&key);
        match registered.session {
            Some(session) => self.welcome(&api, registered.user, session).await,
            None => self.sign_in(url, name, password).await,
        }
    }

    /// Makes room for an account: its key and token are durable before its store is made.
    async fn welcome(&self, api: &Api, user: User, session: Session) -> Result<Account> {
        let server = trimmed(api);
        if let Some(known) = self.known(&server, user.user).await? {
            // The same person again: the session is new, the store and its outbox are not.
            self.take(&known, session).await?;
            let account = Account { state: AccountState::Open, ..known.account().await? };
            self.tell(vec![Change::Account { account: account.clone() }]);
            return Ok(account);
        }
        let id = random_hex(16)?;
        let secret = Secret {
            key: random_hex(32)?,
            refresh_token: session.refresh_token.clone(),
            server,
            name: user.name.clone(),
            user: user.user,
        };
        let (entry, kept) = (id.clone(), secret.clone());
        away(self.secrets(), move |secrets| secrets.write(&entry, &kept)).await?;
        profile::make_private(&self.folder().join(&id)).map_err(profile::broken)?;
        let core = self.open_core(&id, secret, Some(session)).await?;
        if let Ok(info) = api.server().await {
            core.name_server(&info.name).await?;
        }
        let account = Account { role: user.role.unwrap_or_default(), ..core.account().await? };
        let account = Account { display_name: user.display_name, name: user.name, ..account };
        self.tell(vec![Change::Account { account: account.clone() }]);
        Ok(account)
    }

    async fn known(&self, server: &str, user: UserId) -> Result<Option<Core>> {
        for account in self.accounts().await? {
            if account.server == server && account.user == user {
                return self.core(&account.id).map(Some);
            }
        }
        Ok(None)
    }

    async fn take(&self, core: &Core, session: Session) -> Result<()> {
        core.inner().session.take(session).await?;
        core.act(crate::world::Intent::SignedIn).await
    }

    /// Signs in again where the session is over; store and outbox go on.
    pub async fn sign_in_again(&self, id: &str, proof: impl Into<Proof<'_>>) -> Result<Account> {
        let proof = proof.into();
        let core = self.core(id)?;
        let account = core.account().await?;
        let bare = Api::new(normalised(&account.server)?)?;
        let login = Login {
            tenant: None,
            login: account.name.clone(),
            password: proof.password.to_owned(),
            device: Some(self.device()),
            code: proof.code(),
        };
        let signed = bare.login(&login).await?;
        let user: User = signed.user;
        if user.user != core.me() {
            return Err(Fault::invalid("login", "is somebody else"));
        }
        self.take(&core, signed.session).await?;
        let account = Account { state: AccountState::Open, ..account };
        self.tell(vec![Change::Account { account: account.clone() }]);
        Ok(account)
    }

    /// Signs out: the session ends, and store and key are deleted.
    pub async fn sign_out(&self, id: &str) -> Result<()> {
        if let Ok(core) = self.core(id) {
            // Without the server the session lives on there until it is thrown out or unused.
            let logout = core.api().tell(Method::POST, "/auth/logout", None::<&()>, None);
            let _ = tokio::time::timeout(Duration::from_secs(5), logout).await;
        }
        self.erase(id).await?;
        self.tell(vec![Change::AccountGone { account: id.to_owned() }]);
        Ok(())
    }
}

fn trimmed(api: &Api) -> String {
    api.base().as_str().trim_end_matches('/').to_owned()
}
