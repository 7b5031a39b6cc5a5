//! Waiting: for something that will be told, never for time to pass. Each wait has a deadline, long
//! enough for a machine that builds beside it, and says what it waited for when it ends.

use std::future::Future;
use std::time::Duration;

/// How long anything may take that ought to happen at once.
pub const SOON: Duration = Duration::from_secs(30);

/// `task`, or a failure that names what did not happen.
pub async fn soon<T>(what: &str, task: impl Future<Output = T>) -> T {
    within(SOON, what, task).await
}

/// The same with a limit of its own.
pub async fn within<T>(limit: Duration, what: &str, task: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, task).await {
        Ok(value) => value,
        Err(_) => panic!("waited {limit:?} in vain: {what}"),
    }
}

/// Looks again and again until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Runs what blocks on a thread where it may.
pub async fn blocking<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(task).await.expect("the blocking part did not panic")
}
