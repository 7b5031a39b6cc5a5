//! What follows a commit at once: caches forget, connections end, events go out.

use crate::auth::Sessions;
use crate::bans::Barred;
use crate::hub::Hub;
use crate::hub::line::Line;
use crate::jobs::Bell;
use crate::keys::Keys;
use crate::limits::network;
use crate::settings::Settings;
use crate::store::{Event, keys};
use hallway_kit::Clock;
use hallway_protocol::frames::close;
use hallway_protocol::rows::TenantRole;
use std::sync::Arc;

/// Who hears of a commit, besides the one who is answered.
#[derive(Clone)]
pub(super) struct Ears {
    pub barred: Arc<Barred>,
    pub hub: Arc<Hub>,
    pub sessions: Arc<Sessions>,
    pub settings: Arc<Settings>,
    pub keys: Arc<Keys>,
    pub jobs: Arc<Bell>,
}

impl Ears {
    /// All that hears, new and empty.
    pub fn new(clock: &Clock) -> Ears {
        Ears {
            barred: Arc::default(),
            hub: Arc::new(Hub::new(clock.clone())),
            sessions: Arc::new(Sessions::new(clock.clone())),
            settings: Arc::new(Settings::new(clock.clone())),
            keys: Arc::new(Keys::new(clock.clone())),
            jobs: Arc::default(),
        }
    }

    /// On the store's own thread, in order. Connections end after they got what came before.
    pub fn hear(&self, events: Vec<Event>) {
        let (mut ended, mut suspended, mut armed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut keys, mut shut, mut barred) = (Vec::new(), Vec::new(), Vec::new());
        for event in &events {
            match event {
                Event::Ended { user, sessions: ids, thrown } => {
                    self.sessions.ended(ids);
                    let code = if *thrown { close::THROWN_OUT } else { close::SIGNED_OUT };
                    ended.push((*user, ids.clone(), code));
                }
                Event::Changed { user } => self.sessions.changed(*user),
                Event::Tenant(tenant) => {
                    armed.extend(self.settings.changed(tenant).then_some(tenant.id));
                    suspended.extend(tenant.suspended.then_some(tenant.id));
                }
                Event::KeyEnded { key } => {
                    self.keys.ended(key);
                    keys.push(key.clone());
                }
                Event::Shut { user } => shut.push(*user),
                Event::Barred { tenant, network, until } => {
                    self.barred.set(*tenant, *network, *until);
                    barred.extend(until.map(|_| (*tenant, *network)));
                }
                Event::Jobs => self.jobs.ring(),
                Event::Room { room, .. } => self.jobs.feeder.hear(*room),
                Event::Here { .. }
                | Event::Own { .. }
                | Event::User { .. }
                | Event::Marks { .. }
                | Event::Notice { .. } => {}
            }
        }
        self.hub.dispatch(events);
        for (user, ids, code) in ended {
            self.hub.end_sessions(user, &ids, code);
        }
        for (tenant, barred) in barred {
            // Who comes back from elsewhere finds everything as it was.
            self.hub.end_where(close::SIGNED_OUT, |line| {
                line.tenant == tenant
                    && line.role != TenantRole::Owner
                    && line.from().map(network) == Some(barred)
            });
        }
        for tenant in armed {
            // Who has one comes back at once; who has none is told why not.
            self.hub.end_where(close::RESTARTING, |line| line.tenant == tenant);
        }
        for tenant in suspended {
            self.hub.end_where(close::SIGNED_OUT, |line| line.tenant == tenant);
        }
        for key in keys {
            let by = |line: &Line| keys::of_session(&line.session) == Some(&key);
            self.hub.end_where(close::SIGNED_OUT, by);
        }
        for user in shut {
            self.hub.end_where(close::THROWN_OUT, |line| line.user == user);
        }
    }
}
