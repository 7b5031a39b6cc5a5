//! How each tenant is set up, as it is now: read once, kept, and replaced the moment a change of it
//! is committed, here or by another node's event. Everything that asks what a tenant may asks here.

use crate::error::{Refusal, Result};
use crate::store::tenants::{self, Tenant};
use crate::store::{Store, StoreError};
use hallway_kit::Clock;
use hallway_protocol::ids::TenantId;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// After this an answer is asked for anew, in case an event got lost.
const CACHED_MS: i64 = 60_000;

/// The tenants in use.
#[derive(Debug)]
pub struct Settings {
    clock: Clock,
    known: Mutex<HashMap<TenantId, (Arc<Tenant>, i64)>>,
    origins: Mutex<Option<(Arc<HashSet<String>>, i64)>>,
    /// How many changes were heard of: what was read before one is not kept after it.
    changes: AtomicU64,
}

impl Settings {
    /// Nothing is known yet.
    pub fn new(clock: Clock) -> Self {
        let (known, origins) = (Mutex::default(), Mutex::default());
        Settings { clock, known, origins, changes: AtomicU64::new(0) }
    }

    /// A tenant as it is now.
    pub async fn of(&self, store: &Store, id: TenantId) -> Result<Arc<Tenant>> {
        let now = self.clock.ticks();
        if let Some((tenant, at)) = self.known.lock().get(&id)
            && now - at < CACHED_MS
        {
            return Ok(tenant.clone());
        }
        match store.read(move |read| tenants::by_id(read, id)).await {
            Ok(tenant) => Ok(self.keep(tenant)),
            Err(StoreError::NotFound(_)) => {
                self.known.lock().remove(&id);
                Err(Refusal::SignedOut)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same without waiting, for who is connected: it was asked for when they came.
    pub fn known(&self, id: TenantId) -> Option<Arc<Tenant>> {
        self.known.lock().get(&id).map(|(tenant, _)| tenant.clone())
    }

    /// A tenant changed; whether it asks for a second factor from now on.
    pub fn changed(&self, tenant: &Tenant) -> bool {
        let before = self.known(tenant.id).is_some_and(|known| known.config.second_factor);
        self.changes.fetch_add(1, Ordering::AcqRel);
        *self.origins.lock() = None;
        self.keep(tenant.clone());
        tenant.config.second_factor && !before
    }

    /// Whether any tenant lets pages of this origin call; which one shows when the caller is known.
    pub async fn allows(&self, store: &Store, origin: &str) -> Result<bool> {
        let now = self.clock.ticks();
        if let Some((origins, at)) = &*self.origins.lock()
            && now - at < CACHED_MS
        {
            return Ok(origins.contains(origin));
        }
        let before = self.changes.load(Ordering::Acquire);
        let origins: HashSet<_> = store.read(tenants::origins).await?.into_iter().collect();
        let allowed = origins.contains(origin);
        let mut kept = self.origins.lock();
        if self.changes.load(Ordering::Acquire) == before {
            *kept = Some((Arc::new(origins), now));
        }
        Ok(allowed)
    }

    /// Keeps what is newer; an answer read before a change came does not undo it.
    fn keep(&self, tenant: Tenant) -> Arc<Tenant> {
        let now = self.clock.ticks();
        let mut known = self.known.lock();
        match known.get(&tenant.id) {
            Some((held, _)) if held.rev > tenant.rev => held.clone(),
            _ => {
                let tenant = Arc::new(tenant);
                known.insert(tenant.id, (tenant.clone(), now));
                tenant
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(rev: i64) -> Tenant {
        Tenant {
            id: TenantId(7),
            name: "tea".into(),
            title: "Tea".into(),
            registration: None,
            suspended: false,
            config: Default::default(),
            rev,
            created_at: 0,
        }
    }

    #[test]
    fn an_answer_older_than_a_change_is_not_kept() {
        let settings = Settings::new(Clock::system());
        settings.changed(&tenant(3));
        assert_eq!(settings.keep(tenant(2)).rev, 3);
        assert_eq!(settings.known(TenantId(7)).map(|tenant| tenant.rev), Some(3));
        settings.changed(&tenant(4));
        assert_eq!(settings.known(TenantId(7)).map(|tenant| tenant.rev), Some(4));
    }
}
