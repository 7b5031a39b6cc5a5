//! Rates: for each address (IPv6 by /64), each person, each tenant, and sign-ins apart, because a
//! password may be guessed where a message may not. `HALLWAY_LIMITS=off` lifts them all.

use crate::error::{Refusal, Result};
use crate::store::tenants::Tenant;
use governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use hallway_protocol::ids::{TenantId, UserId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Calls a second, and at once, from one address: an office behind one of them.
const ADDRESS: (u32, u32) = (100, 500);
/// Sign-ins, registrations and refreshes from one address: a morning of one office at once.
const SIGN_IN: (u32, u32) = (2, 40);
/// Sign-ins to one name, from wherever: slow enough that guessing is hopeless.
const NAME: (u32, u32) = (1, 20);
/// Mails that strangers may cause to one address: a minute between two, and a few at once.
const MAIL: (Duration, u32) = (Duration::from_secs(60), 5);
/// Calls of one person with all their devices.
const PERSON: (u32, u32) = (50, 200);
/// Calls of one tenant.
const TENANT: (u32, u32) = (2_000, 4_000);

/// The counters of a server.
#[derive(Debug)]
pub struct Rates {
    on: bool,
    clock: DefaultClock,
    address: DefaultKeyedRateLimiter<IpAddr>,
    sign_in: DefaultKeyedRateLimiter<IpAddr>,
    name: DefaultKeyedRateLimiter<String>,
    mail: DefaultKeyedRateLimiter<(TenantId, String)>,
    person: DefaultKeyedRateLimiter<UserId>,
    tenant: DefaultKeyedRateLimiter<TenantId>,
    /// Tenants that were given a rate of their own, and which.
    given: Mutex<HashMap<TenantId, (u32, DefaultDirectRateLimiter)>>,
}

impl Rates {
    /// Counters at zero.
    pub fn new(on: bool) -> Self {
        Rates {
            on,
            clock: DefaultClock::default(),
            address: RateLimiter::keyed(quota(ADDRESS)),
            sign_in: RateLimiter::keyed(quota(SIGN_IN)),
            name: RateLimiter::keyed(quota(NAME)),
            mail: RateLimiter::keyed(spread(MAIL)),
            person: RateLimiter::keyed(quota(PERSON)),
            tenant: RateLimiter::keyed(quota(TENANT)),
            given: Mutex::default(),
        }
    }

    /// Whether rates are limited at all.
    pub fn are_on(&self) -> bool {
        self.on
    }

    /// A call from an address.
    pub fn call(&self, from: IpAddr) -> Result<()> {
        self.spend(&self.address, &network(from))
    }

    /// A sign-in from an address, to a name of a tenant where there is one.
    pub fn sign_in(&self, from: IpAddr, name: Option<&str>) -> Result<()> {
        self.spend(&self.sign_in, &network(from))?;
        match name {
            Some(name) => self.spend(&self.name, &hallway_protocol::text::folded(name)),
            None => Ok(()),
        }
    }

    /// A password tried by somebody who is signed in.
    pub fn sign_in_to(&self, person: UserId) -> Result<()> {
        self.spend(&self.name, &format!("#{person}"))
    }

    /// A mail to an address.
    pub fn mail(&self, tenant: TenantId, address: &str) -> Result<()> {
        self.spend(&self.mail, &(tenant, hallway_protocol::text::folded(address)))
    }

    /// A call by a person.
    pub fn person(&self, tenant: &Tenant, person: UserId) -> Result<()> {
        // A tenant's backend that names nobody is bounded with its tenant.
        if person != UserId(0) {
            self.spend(&self.person, &person)?;
        }
        match tenant.config.requests_per_second {
            Some(_) => self.command(tenant),
            None => self.spend(&self.tenant, &tenant.id),
        }
    }

    /// A command on a socket; it counts where the tenant was given a rate of its own.
    pub fn command(&self, tenant: &Tenant) -> Result<()> {
        let Some(a_second) = tenant.config.requests_per_second.filter(|_| self.on) else {
            return Ok(());
        };
        let mut given = self.given.lock();
        let made = || (a_second, RateLimiter::direct(quota((a_second, 2 * a_second))));
        let (of, rate) = given.entry(tenant.id).or_insert_with(made);
        if *of != a_second {
            (*of, *rate) = made();
        }
        rate.check().map_err(|until| self.too_fast(&until))
    }

    /// Forgets who has not called for a while.
    pub fn sweep(&self) {
        self.address.retain_recent();
        self.sign_in.retain_recent();
        self.name.retain_recent();
        self.mail.retain_recent();
        self.person.retain_recent();
        self.tenant.retain_recent();
    }

    fn spend<K: Hash + Eq + Clone>(
        &self,
        rate: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<()> {
        if !self.on {
            return Ok(());
        }
        rate.check_key(key).map_err(|until| self.too_fast(&until))
    }

    fn too_fast(&self, until: &NotUntil<QuantaInstant>) -> Refusal {
        let wait = until.wait_time_from(self.clock.now());
        Refusal::RateLimited(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).max(1))
    }
}

fn quota((a_second, at_once): (u32, u32)) -> Quota {
    spread((Duration::from_secs(1) / a_second, at_once))
}

fn spread((each, at_once): (Duration, u32)) -> Quota {
    let quota = Quota::with_period(each).expect("a second divided by a small number is not zero");
    quota.allow_burst(NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN))
}

/// The address as it is counted: a household's IPv6 network is one, a mapped IPv4 is that IPv4.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let mut octets = six.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::rest::TenantConfig;

    #[test]
    fn one_network_is_one_and_another_is_another() {
        let rates = Rates::new(true);
        let from = |text: &str| text.parse::<IpAddr>().unwrap();
        let used = (0..1000).take_while(|i| rates.call(from(&format!("2001:db8::{i}"))).is_ok());
        let used = u32::try_from(used.count()).unwrap();
        assert!((ADDRESS.1..ADDRESS.1 + 100).contains(&used), "{used}");
        assert!(matches!(rates.call(from("2001:db8::ffff")), Err(Refusal::RateLimited(1..))));
        assert!(rates.call(from("2001:db8:0:1::1")).is_ok());
        assert_eq!(network(from("::ffff:10.0.0.1")), from("10.0.0.1"));
    }

    #[test]
    fn off_is_off() {
        let rates = Rates::new(false);
        let tenant = tenant(Some(1));
        assert!((0..10_000).all(|_| rates.person(&tenant, UserId(1)).is_ok()));
    }

    fn tenant(requests_per_second: Option<u32>) -> Tenant {
        let config = TenantConfig { requests_per_second, ..TenantConfig::default() };
        Tenant {
            id: TenantId(1),
            name: "tea".into(),
            title: "Tea".into(),
            registration: None,
            suspended: false,
            config,
            rev: 1,
            created_at: 0,
        }
    }

    #[test]
    fn a_tenant_with_a_rate_of_its_own_keeps_to_it_whoever_calls() {
        let rates = Rates::new(true);
        let calls = |tenant: &Tenant, from: i64| {
            let mut people = from..from + 1_000;
            people.position(|user| rates.person(tenant, UserId(user)).is_err())
        };
        let slow = calls(&tenant(Some(5)), 0).expect("an end");
        assert!((10..100).contains(&slow), "{slow}");
        assert!(rates.command(&tenant(Some(5))).is_err(), "commands count as well");
        assert_eq!(calls(&tenant(Some(900)), 2_000), None, "a change counts at once");
        assert_eq!(calls(&tenant(None), 4_000), None, "as the server has it");
    }
}
