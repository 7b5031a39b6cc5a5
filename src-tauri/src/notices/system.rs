//! One notice on the screen, by whatever the system has. The freedesktop ones (Linux, BSD) can be
//! waited for and taken back; those of macOS and Windows are shown and waited for by a thread each
//! and cannot be taken back, because the library offers no way there.

pub use imp::OnScreen;

/// The freedesktop service, over the session bus.
#[cfg(all(unix, not(target_os = "macos")))]
mod imp {
    use notify_rust::{Notification, NotificationHandle, NotificationResponse, error::Result};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A notice that is on the screen.
    pub struct OnScreen(NotificationHandle);

    impl OnScreen {
        /// Shows it.
        pub async fn show(notice: Notification) -> Result<OnScreen> {
            notice.show_async().await.map(OnScreen)
        }

        /// Whether it was clicked, once it is gone from the screen.
        pub async fn clicked(&self) -> bool {
            let clicked = AtomicBool::new(false);
            self.0
                .wait_for_action_async(|response: &NotificationResponse| {
                    let opens = matches!(response, NotificationResponse::Default);
                    clicked.store(opens, Ordering::Release);
                })
                .await;
            clicked.load(Ordering::Acquire)
        }

        /// Takes it back.
        pub async fn close(&self) {
            self.0.close_async().await;
        }
    }
}

/// The notices of macOS and Windows, whose library blocks a thread until they are answered.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod imp {
    use notify_rust::{Notification, NotificationResponse, error::Result};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::watch;

    /// Threads that wait at once; a notice beyond them is shown and its click not heard.
    const WAITING: usize = 30;

    static WAIT: AtomicUsize = AtomicUsize::new(0);

    /// A notice that is on the screen; holds whether it was clicked, once that is known.
    pub struct OnScreen(watch::Receiver<Option<bool>>);

    impl OnScreen {
        /// Shows it.
        #[expect(clippy::unused_async, reason = "the same on every system")]
        pub async fn show(notice: Notification) -> Result<OnScreen> {
            let (tell, told) = watch::channel(None);
            if WAIT.fetch_add(1, Ordering::AcqRel) >= WAITING {
                WAIT.fetch_sub(1, Ordering::AcqRel);
                tell.send_replace(Some(false));
                notice.show().map(drop)?;
                return Ok(OnScreen(told));
            }
            std::thread::spawn(move || {
                let clicked = |response: &NotificationResponse| {
                    // The one action has a button of its own here.
                    let opens = NotificationResponse::Default == *response
                        || matches!(response, NotificationResponse::Action(_));
                    tell.send_replace(Some(opens));
                };
                if let Err(error) =
                    notice.show().and_then(|handle| handle.wait_for_response(clicked))
                {
                    tracing::info!(%error, "no notices on this system");
                }
                WAIT.fetch_sub(1, Ordering::AcqRel);
            });
            Ok(OnScreen(told))
        }

        /// Whether it was clicked, once it is gone from the screen.
        pub async fn clicked(&self) -> bool {
            let mut told = self.0.clone();
            told.wait_for(Option::is_some).await.is_ok_and(|clicked| *clicked == Some(true))
        }

        /// There is no way to take it back here.
        #[expect(clippy::unused_async, reason = "the same on every system")]
        pub async fn close(&self) {}
    }
}
