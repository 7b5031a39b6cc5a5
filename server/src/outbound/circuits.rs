//! A circuit for each host that is called: after a row of failures it opens, and nothing is sent
//! there for a while; then one call is let through to try. Tenants share none, so that nobody can
//! shut another's way to a host. How many calls a host has at once is bounded here too.

use super::Fault;
use hallway_kit::Clock;
use hallway_protocol::ids::TenantId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// So many failures in a row open a circuit.
const FAILURES: u32 = 5;
/// It stays open so long the first time, and twice as long after each trial that failed.
const OPEN_MS: i64 = 30_000;
/// And never longer.
const OPEN_MOST_MS: i64 = 10 * 60_000;
/// Calls to one host at once.
const AT_ONCE: u32 = 8;
/// Hosts remembered; beyond it those are forgotten against which nothing speaks.
const HOSTS: usize = 4_096;

/// Whose circuit it is: a tenant, and a host with its port.
pub type To = (TenantId, String);

/// All circuits.
#[derive(Clone, Debug)]
pub struct Circuits {
    clock: Clock,
    hosts: Arc<Mutex<HashMap<To, Circuit>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Circuit {
    /// In a row.
    failures: u32,
    /// Open until then.
    until: i64,
    /// Calls under way.
    running: u32,
}

impl Circuit {
    fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }
}

/// A call that was let through; it says how it ended. One that is dropped says nothing of the host.
#[derive(Debug)]
pub struct Pass {
    circuits: Circuits,
    to: To,
}

impl Circuits {
    /// All closed.
    pub fn new(clock: Clock) -> Self {
        Circuits { clock, hosts: Arc::default() }
    }

    /// Lets a call through, unless the circuit is open or the host has enough to do with us.
    pub fn enter(&self, to: To) -> Result<Pass, Fault> {
        let now = self.clock.ticks();
        let mut hosts = self.hosts.lock();
        if hosts.len() >= HOSTS && !hosts.contains_key(&to) {
            hosts.retain(|_, circuit| circuit.running > 0 || circuit.until > now);
            if hosts.len() >= HOSTS {
                return Err(Fault::Busy);
            }
        }
        let circuit = hosts.entry(to.clone()).or_default();
        if circuit.is_open() {
            // Half open when the time is over: one at a time.
            if now < circuit.until || circuit.running > 0 {
                return Err(Fault::Shut((circuit.until - now).max(1_000)));
            }
        } else if circuit.running >= AT_ONCE {
            return Err(Fault::Busy);
        }
        circuit.running += 1;
        Ok(Pass { circuits: self.clone(), to })
    }

    /// How many circuits are open at this moment.
    pub fn open(&self) -> usize {
        self.hosts.lock().values().filter(|circuit| circuit.is_open()).count()
    }
}

impl Pass {
    /// How it ended: the host answered, or it did not.
    pub fn ended(self, well: bool) {
        let now = self.circuits.clock.ticks();
        let mut hosts = self.circuits.hosts.lock();
        let Some(circuit) = hosts.get_mut(&self.to) else { return };
        circuit.failures = if well { 0 } else { circuit.failures.saturating_add(1) };
        if circuit.is_open() {
            let longer = (circuit.failures - FAILURES).min(8);
            circuit.until = now + (OPEN_MS << longer).min(OPEN_MOST_MS);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut hosts = self.circuits.hosts.lock();
        if let Some(circuit) = hosts.get_mut(&self.to) {
            circuit.running = circuit.running.saturating_sub(1);
            if circuit.running == 0 && circuit.failures == 0 {
                hosts.remove(&self.to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn to(tenant: i64) -> To {
        (TenantId(tenant), "a.example:443".into())
    }

    fn calls(circuits: &Circuits, times: u32, well: bool) {
        for _ in 0..times {
            circuits.enter(to(1)).unwrap().ended(well);
        }
    }

    fn shut(circuits: &Circuits) -> bool {
        matches!(circuits.enter(to(1)), Err(Fault::Shut(_)))
    }

    #[test]
    fn a_row_of_failures_opens_it_and_one_call_tries_again() {
        let clock = Clock::system();
        let circuits = Circuits::new(clock.clone());
        calls(&circuits, FAILURES - 1, false);
        calls(&circuits, 1, true);
        calls(&circuits, FAILURES - 1, false);
        assert_eq!(circuits.open(), 0);
        calls(&circuits, 1, false);
        assert!(shut(&circuits) && circuits.open() == 1);
        assert!(circuits.enter(to(2)).is_ok(), "another tenant's is another");

        clock.turn(Duration::from_secs(31));
        let trial = circuits.enter(to(1)).unwrap();
        assert!(shut(&circuits), "one at a time");
        trial.ended(false);
        clock.turn(Duration::from_secs(31));
        assert!(shut(&circuits), "twice as long");
        clock.turn(Duration::from_secs(30));
        circuits.enter(to(1)).unwrap().ended(true);
        assert_eq!(circuits.open(), 0);
        assert!(circuits.hosts.lock().is_empty(), "nothing is remembered of what is well");
    }

    #[test]
    fn a_trial_that_never_ended_does_not_keep_it_shut() {
        let clock = Clock::system();
        let circuits = Circuits::new(clock.clone());
        calls(&circuits, FAILURES, false);
        clock.turn(Duration::from_secs(31));
        drop(circuits.enter(to(1)).unwrap());
        calls(&circuits, 1, true);
        assert_eq!(circuits.open(), 0);
    }

    #[test]
    fn it_never_stays_open_for_ever() {
        let clock = Clock::system();
        let circuits = Circuits::new(clock.clone());
        calls(&circuits, FAILURES, false);
        for _ in 0..40 {
            clock.turn(Duration::from_millis(OPEN_MOST_MS.unsigned_abs()));
            calls(&circuits, 1, false);
        }
        clock.turn(Duration::from_millis(OPEN_MOST_MS.unsigned_abs()));
        assert!(!shut(&circuits));
    }

    #[test]
    fn one_host_has_so_many_calls_at_once() {
        let circuits = Circuits::new(Clock::system());
        let running: Vec<_> = (0..AT_ONCE).map(|_| circuits.enter(to(1)).unwrap()).collect();
        assert!(matches!(circuits.enter(to(1)), Err(Fault::Busy)));
        drop(running);
        assert!(circuits.enter(to(1)).is_ok());
    }
}
