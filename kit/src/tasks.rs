//! Supervised tasks: each has a name, hears `stop`, is logged and started again with back-off when
//! it fails or panics, and is awaited at the end. Nothing else in the house spawns.

use crate::Backoff;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Heard by every task: `stop.heard().await` returns once the end was asked for.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until the end is asked for (or the one who could ask is gone).
    pub async fn heard(&mut self) {
        // An error means the stopper was dropped, which ends things as well.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }

    /// Whether the end was asked for already.
    pub fn is_heard(&self) -> bool {
        *self.0.borrow()
    }
}

/// The one who asks for the end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// A stopper and the stop it commands.
    pub fn new() -> (Self, Stop) {
        let (send, receive) = watch::channel(false);
        (Stopper(send), Stop(receive))
    }

    /// Asks for the end. Asking twice is asking once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// A task and its name.
type Running = (String, JoinHandle<()>);

/// A set of supervised tasks; clones share it.
#[derive(Clone, Debug)]
pub struct Tasks {
    stopper: Arc<Stopper>,
    stop: Stop,
    running: Arc<Mutex<Vec<Running>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        let (stopper, stop) = Stopper::new();
        Tasks { stopper: Arc::new(stopper), stop, running: Arc::default() }
    }
}

/// A task that failed waits this long at first, at most a minute, before it runs again.
const LEAST: Duration = Duration::from_millis(100);
/// See [`LEAST`].
const MOST: Duration = Duration::from_secs(60);

impl Tasks {
    /// A stop that ends with this set.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Runs `make` and keeps it running: a panic or an error is logged, and it starts again after a
    /// back-off. It ends when it returns `Ok` or the set stops.
    pub fn keep<F, E>(&self, name: &str, make: impl Fn(Stop) -> F + std::marker::Send + 'static)
    where
        F: Future<Output = Result<(), E>> + std::marker::Send + 'static,
        E: std::fmt::Display + std::marker::Send + 'static,
    {
        let (label, mut stop) = (name.to_owned(), self.stop.clone());
        self.start(name, async move {
            let mut backoff = Backoff::new(LEAST, MOST);
            loop {
                match spawn(make(stop.clone())).await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => tracing::error!(task = label, %error, "task failed"),
                    Err(panic) => tracing::error!(task = label, %panic, "task panicked"),
                }
                let wait = backoff.next(&mut rand::rng());
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.heard() => return,
                }
            }
        });
    }

    /// Runs `task` once; its end is its own affair, but it is awaited at the end of the set.
    pub fn once(&self, name: &str, task: impl Future<Output = ()> + std::marker::Send + 'static) {
        self.start(name, task);
    }

    fn start(&self, name: &str, task: impl Future<Output = ()> + std::marker::Send + 'static) {
        let mut running = self.running.lock();
        // Connections come and go by the thousand: what has ended is forgotten as others start.
        if running.len() >= 64 && running.len().is_power_of_two() {
            running.retain(|(_, handle)| !handle.is_finished());
        }
        running.push((name.to_owned(), spawn(task)));
    }

    /// Asks all for the end and waits up to `grace`; the names of those that did not come are
    /// returned, and they are aborted.
    pub async fn end(&self, grace: Duration) -> Vec<String> {
        self.stopper.stop();
        let deadline = tokio::time::Instant::now() + grace;
        let mut late = Vec::new();
        loop {
            let next = self.running.lock().pop();
            let Some((name, mut handle)) = next else { return late };
            if tokio::time::timeout_at(deadline, &mut handle).await.is_err() {
                handle.abort();
                late.push(name);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
fn spawn<T: std::marker::Send + 'static>(
    task: impl Future<Output = T> + std::marker::Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_runs_again_and_all_hear_the_end() {
        let tasks = Tasks::default();
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        tasks.keep("flaky", move |mut stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => Err("first"),
                    1 => panic!("second"),
                    _ => {
                        stop.heard().await;
                        Ok(())
                    }
                }
            }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        assert!(tasks.end(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_come_is_named() {
        let tasks = Tasks::default();
        tasks.once("deaf", std::future::pending());
        assert_eq!(tasks.end(Duration::from_secs(1)).await, ["deaf"]);
    }
}
