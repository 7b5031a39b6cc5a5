//! Passwords: Argon2id (19 MiB, t=2, p=1) on blocking threads, one at a time a core, 32 waiting,
//! then `busy`; so a flood of sign-ins costs memory and time that are known beforehand.
//!
//! The 10,000 most common passwords are refused. The list is that of zxcvbn 4.4.2 (MIT licence),
//! lower-cased and sorted.

use crate::error::{Refusal, Result};
use anyhow::anyhow;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hallway_protocol::limits::PASSWORD;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Memory in KiB, passes, lanes: the least of trust.md §4.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Who waits for a core beyond these is told `busy`.
const QUEUE: usize = 32;
/// What an unknown name's password is compared with; nothing hashes to it, and it costs the same.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$aGFsbHdheS1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// One a line, sorted by bytes.
const COMMON: &str = include_str!("common-passwords.txt");

/// The pool; clones share it.
#[derive(Clone, Debug)]
pub struct Passwords {
    cores: Arc<Semaphore>,
    inside: Arc<AtomicUsize>,
    most: usize,
}

/// How a comparison came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// It is the password.
    pub right: bool,
    /// The hash was made with other settings than today's: make it anew.
    pub old: bool,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = cores + QUEUE;
        Passwords { cores: Arc::new(Semaphore::new(cores)), inside: Arc::default(), most }
    }
}

impl Passwords {
    /// The hash of a new password that may be one.
    pub async fn hash(&self, field: &str, password: &str) -> Result<String> {
        allowed(password).map_err(|what| Refusal::invalid(field, what))?;
        let password = password.to_owned();
        self.work(move || {
            let hash: Result<PasswordHash> = argon2()
                .and_then(|argon2| Ok(argon2.hash_password(password.as_bytes())?))
                .map_err(Refusal::Broken);
            hash.map(|hash| hash.to_string())
        })
        .await?
    }

    /// Compares with the hash of a person, or with nobody's in the same time.
    pub async fn check(&self, password: &str, hash: Option<String>) -> Result<Match> {
        // Longer ones were never accepted, and hashing a megabyte is work for nothing.
        let password: String = password.chars().take(PASSWORD.1 + 1).collect();
        self.work(move || {
            let text = hash.as_deref().unwrap_or(NOBODY);
            let known =
                PasswordHash::new(text).map_err(|error| Refusal::Broken(anyhow!("{error}")))?;
            let argon2 = argon2().map_err(Refusal::Broken)?;
            let right = argon2.verify_password(password.as_bytes(), &known).is_ok();
            let today = PasswordHash::new(NOBODY).map(|today| today.params);
            let old = today.is_ok_and(|today| today != known.params);
            Ok(Match { right: right && hash.is_some(), old })
        })
        .await?
    }

    async fn work<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let seat = Seat::take(&self.inside, self.most).ok_or(Refusal::Busy)?;
        let core = self.cores.clone().acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let _held = (seat, core);
            f()
        })
        .await
        .map_err(|error| Refusal::Broken(error.into()))
    }
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(|error| anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A place inside the pool, given back when dropped.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(inside: &Arc<AtomicUsize>, most: usize) -> Option<Seat> {
        let taken = inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < most).then_some(n + 1));
        taken.ok().map(|_| Seat(inside.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether a new password may be one: 8–128 characters, not among the common ones.
fn allowed(password: &str) -> std::result::Result<(), String> {
    let (least, most) = PASSWORD;
    match password.chars().count() {
        n if n < least => return Err(format!("is too short ({n}, at least {least})")),
        n if n > most => return Err(format!("is too long ({n} of {most})")),
        _ => {}
    }
    if is_common(&password.to_lowercase()) {
        return Err("is one of the 10,000 most common ones".into());
    }
    Ok(())
}

/// Halves the list until one line is left.
fn is_common(password: &str) -> bool {
    let (mut low, mut high) = (0, COMMON.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = COMMON[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = COMMON[middle..].find('\n').map_or(COMMON.len(), |at| middle + at);
        match COMMON[start..end].cmp(password) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_each_of_it_is_found() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|word| is_common(word)));
        assert!(!is_common("correct horse battery") && !is_common("") && !is_common("\u{10ffff}"));
    }

    #[test]
    fn common_short_and_long_ones_are_refused() {
        assert!(allowed("PASSWORD1").is_err());
        assert!(allowed("Ab3!").is_err());
        assert!(allowed(&"x".repeat(129)).is_err());
        assert_eq!(allowed("a tea pot at noon"), Ok(()));
    }

    #[tokio::test]
    async fn a_hash_is_matched_by_its_password_alone_and_nobody_by_none() {
        let pool = Passwords::default();
        let hash = pool.hash("password", "a tea pot at noon").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let right = pool.check("a tea pot at noon", Some(hash.clone())).await.unwrap();
        assert_eq!(right, Match { right: true, old: false });
        assert!(!pool.check("a tea pot at nine", Some(hash)).await.unwrap().right);
        assert!(!pool.check("a tea pot at noon", None).await.unwrap().right);
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_busy() {
        let inside = Arc::new(AtomicUsize::new(0));
        let seats: Vec<_> = (0..34).map_while(|_| Seat::take(&inside, 34)).collect();
        assert_eq!(seats.len(), 34);
        assert!(Seat::take(&inside, 34).is_none());
        drop(seats);
        assert!(Seat::take(&inside, 34).is_some());
    }
}
