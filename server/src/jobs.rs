//! Background work: the two workers that lease jobs (one for the store's own chores, one for what
//! happens outside it), the ticks of marks, presence and profiles, and the sweep of what limits
//! remember.

pub mod outside;

use crate::app::App;
use crate::search::{self, Feeder};
use crate::store::jobs::{self, Job, Kind, Side};
use crate::store::{Me, Needs, StoreError, chores, digests, ephemeral, sync};
use crate::{commands, mails, media, push, webhooks};
use hallway_kit::{Stop, Tasks};
use hallway_protocol::ids::{Millis, TenantId, UserId};
use hallway_protocol::rows::{Row, TenantRole};
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::Notify;

/// Marks are handed out so often; the protocol allows two seconds.
const MARKS: Duration = Duration::from_secs(1);
/// Presence changes are told so often.
const PRESENCE: Duration = Duration::from_secs(2);
/// Profile changes of one person are told at most so often.
const PROFILE_MS: Millis = 5_000;
/// Whether profiles changed is looked at so often.
const PROFILES: Duration = Duration::from_millis(250);
/// Jobs taken at once.
const LEASED: usize = 16;
/// The worker looks at the table at least so often, whatever it was told.
const LONGEST_MS: i64 = 60_000;
/// Limits forget who has not called for a while.
const SWEEP: Duration = Duration::from_secs(60);

/// Rung when there is work in `jobs`; each worker hears it.
#[derive(Debug, Default)]
pub struct Bell {
    inside: Notify,
    outside: Notify,
    /// Rung when something was said: the index of words is fed.
    pub feeder: Feeder,
}

impl Bell {
    /// There is work. Heard later by a worker that is busy now.
    pub fn ring(&self) {
        self.inside.notify_one();
        self.outside.notify_one();
    }
}

/// Starts them all.
pub fn start(app: &App, tasks: &Tasks) {
    every(app, tasks, "marks", MARKS, |app| app.hub.hand_out_marks());
    every(app, tasks, "presence", PRESENCE, |app| app.presence.tell(&app.hub));
    every(app, tasks, "sweep", SWEEP, |app| {
        app.rates.sweep();
        app.hub.sweep();
    });
    let worker = app.clone();
    tasks.keep("jobs", move |stop| work(worker.clone(), stop));
    let desk = outside::Desk {
        store: app.store.clone(),
        clock: app.clock.clone(),
        bell: app.jobs.clone(),
        node: app.address.to_string(),
        budget: Kind::budget,
    };
    let errands = app.clone();
    tasks.keep("errands", move |stop| {
        let app = errands.clone();
        outside::work(desk.clone(), stop, move |job| run(app.clone(), job))
    });
    let feeding = app.clone();
    tasks.keep("search", move |stop| search::follow(feeding.clone(), stop));
    let teller = app.clone();
    tasks.keep("profiles", move |stop| tell_profiles(teller.clone(), stop));
}

/// Does something in a rhythm until the end.
fn every(app: &App, tasks: &Tasks, name: &str, rhythm: Duration, act: fn(&App)) {
    let app = app.clone();
    tasks.keep(name, move |mut stop| {
        let app = app.clone();
        async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(rhythm) => act(&app),
                    () = stop.heard() => return Ok::<_, Infallible>(()),
                }
            }
        }
    });
}

/// Does what a job outside the store asks for: one line a kind.
async fn run(app: App, job: Job) -> anyhow::Result<outside::Done> {
    match job.kind {
        Some(Kind::Mail) => mails::send(&app, &job).await,
        Some(Kind::Thumbnail) => media::thumbnail(&app, &job).await,
        Some(Kind::Discard) => media::discard(&app, &job).await,
        Some(Kind::Reconcile) => media::reconcile(&app).await,
        Some(Kind::Webhook) => webhooks::send(&app, &job).await,
        Some(Kind::Push) => push::send(&app, &job).await,
        Some(Kind::Ask) => commands::run(&app, &job).await,
        Some(_) | None => Ok(outside::Done::GiveUp("this is no work outside the store".into())),
    }
}

/// Leases the store's own jobs and does them, one transaction each; sleeps until the next is due or
/// one comes.
async fn work(app: App, mut stop: Stop) -> Result<(), StoreError> {
    let node = outside::named(&app.address.to_string());
    while !stop.is_heard() {
        let name = node.clone();
        let leased = app
            .store
            .write(Needs::default(), move |tx| jobs::lease(tx, &name, Side::Inside, LEASED));
        let leased = leased.await?;
        let idle = leased.is_empty();
        for job in leased {
            attempt(&app, job).await?;
        }
        if idle {
            let due = app.store.read(|read| jobs::next_due(read, Side::Inside)).await?;
            tokio::select! {
                () = app.jobs.inside.notified() => {}
                () = tokio::time::sleep(wait(due, app.clock.now())) => {}
                () = stop.heard() => {}
            }
        }
    }
    Ok(())
}

/// How long a worker may sleep.
fn wait(due: Option<Millis>, now: Millis) -> Duration {
    let wait = due.map_or(LONGEST_MS, |due| (due - now).clamp(0, LONGEST_MS));
    Duration::from_millis(wait.unsigned_abs())
}

/// Does one job; what goes wrong is written beside it, and it comes again later.
async fn attempt(app: &App, job: Job) -> Result<(), StoreError> {
    let (doing, hub, mail) = (job.clone(), app.hub.clone(), app.mailer.is_on());
    let done = app.store.write(Needs::default(), move |tx| match doing.kind {
        // Without mail nobody is written to.
        Some(Kind::Digest) if !mail => jobs::finish(tx, &doing),
        Some(Kind::Digest) => digests::run(tx, &doing, &|user| hub.lines(user).is_empty()),
        Some(Kind::Vacate) => ephemeral::look(tx, &doing, &|room| hub.alone(room)),
        _ => chores::run(tx, &doing),
    });
    let Err(error) = done.await else { return Ok(()) };
    tracing::warn!(job = ?job, %error, "a job failed");
    let why = error.to_string();
    let failed = app.store.write(Needs::default(), move |tx| jobs::fail(tx, &job, &why)).await;
    // The lease ran out and another has it now: theirs is the word.
    if let Err(StoreError::Conflict(_)) = failed { Ok(()) } else { failed }
}

/// Tells of changed profiles, of each person at most every five seconds: the latest counts.
async fn tell_profiles(app: App, mut stop: Stop) -> Result<(), StoreError> {
    let mut told: HashMap<UserId, i64> = HashMap::new();
    let mut waiting: HashMap<UserId, Row> = HashMap::new();
    while !stop.is_heard() {
        waiting.extend(app.hub.changed_profiles());
        let now = app.clock.ticks();
        told.retain(|_, at| now - *at < PROFILE_MS);
        let due: Vec<_> = waiting.extract_if(|user, _| !told.contains_key(user)).collect();
        for (user, row) in due {
            told.insert(user, now);
            let here = app.store.read(move |read| sync::here(read, &who(user))).await?;
            let rooms: Vec<_> = here.iter().map(|here| here.room).collect();
            app.hub.hand_out_profile(&row, user, &rooms);
        }
        tokio::select! {
            () = tokio::time::sleep(PROFILES) => {}
            () = stop.heard() => {}
        }
    }
    Ok(())
}

/// A person as one who asks for their own rooms.
fn who(user: UserId) -> Me {
    let (role, session) = (TenantRole::Member, String::new());
    Me { tenant: TenantId(0), user, role, guest: false, session }
}
