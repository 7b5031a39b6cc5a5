//! The shell: a window, one command for each thing the core can do, one ordered feed back, notices
//! of the system. It decides nothing about messages; a person could use the core without it.
//!
//! The window opens before the store is read and before the network is touched: commands wait for
//! the core ([`house::House`]), the screen does not.

mod body;
mod commands;
mod feed;
mod house;
mod links;
mod notices;
mod window;
mod words;

use house::House;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tauri::Manager;

/// The same in the keyring, on the session bus and in the bundle.
const NAME: &str = "org.hallway.desktop";
/// How often a start meets the dying instance of before and tries again.
const TRIES: u32 = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);
/// Counts the tries over the restarts of this process.
const TRY: &str = "HALLWAY_TRY";

/// Runs the app until its window is closed.
pub fn run() -> ExitCode {
    let started = Instant::now();
    logging();
    // One provider for the process, or the first TLS connection panics. Err: there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match build(started) {
        Ok(app) => {
            app.run(|app, event| {
                if let tauri::RunEvent::Exit = event {
                    let house = app.state::<House>().inner().clone();
                    tauri::async_runtime::block_on(house.end());
                }
            });
            ExitCode::SUCCESS
        }
        Err(tauri::Error::PluginInitialization(plugin, why)) if plugin == "single-instance" => {
            again(&why)
        }
        Err(error) => {
            eprintln!("hallway: it cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(started: Instant) -> tauri::Result<tauri::App> {
    let single = tauri_plugin_single_instance::Builder::new()
        .dbus_id(window::lock_name(NAME, &house::profile()))
        .callback(|app, _arguments, _folder| window::raise(app));
    tauri::Builder::default()
        .plugin(single.build()) // first: a second start must not get as far as the store
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(commands::handler())
        .setup(move |app| {
            let folder = house::folder(app.handle())?;
            app.manage(House::open(app.handle().clone(), folder.clone(), started));
            window::open(app.handle(), &folder)?;
            links::listen(app);
            Ok(())
        })
        .build(tauri::generate_context!())
}

/// The instance before has let go of its window and not yet of its name on the bus: it accepts our
/// arguments and answers no more. That is over in a moment, so the process starts itself again.
fn again(why: &str) -> ExitCode {
    let tries: u32 = std::env::var(TRY).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    if tries >= TRIES {
        eprintln!("hallway: another instance is running and does not answer: {why}");
        return ExitCode::FAILURE;
    }
    std::thread::sleep(PAUSE);
    let Ok(program) = std::env::current_exe() else { return ExitCode::FAILURE };
    let mut next = std::process::Command::new(program);
    next.args(std::env::args_os().skip(1)).env(TRY, (tries + 1).to_string());
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(&mut next);
        eprintln!("hallway: it cannot start again: {error}");
        ExitCode::FAILURE
    }
    #[cfg(not(unix))]
    match next.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// To stderr; `HALLWAY_LOG_LEVEL` as on the server.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HALLWAY_LOG_LEVEL")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
