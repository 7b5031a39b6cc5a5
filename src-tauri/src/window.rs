//! The one window: made in code because it needs its folder, kept inside the app, brought up when
//! something calls for it.

use std::path::Path;
use tauri::utils::config::Color;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use tauri_plugin_window_state::StateFlags;

/// Its label; capabilities name it.
pub const LABEL: &str = "main";

/// Opens it, with everything it writes below `folder`.
pub fn open(app: &AppHandle, folder: &Path) -> tauri::Result<()> {
    private_state(&folder.join("window.json"))?;
    let state = tauri_plugin_window_state::Builder::new()
        // Absolute, so it lies in our folder and not where Tauri would put it.
        .with_filename(folder.join("window.json").to_string_lossy())
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED);
    let side = side();
    let state = if side.is_some() { state.skip_initial_state(LABEL) } else { state };
    app.plugin(state.build())?;
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Hallway")
        .inner_size(1080.0, 720.0)
        .min_inner_size(360.0, 480.0)
        .data_directory(folder.join("web"))
        .on_navigation(inside)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    // What is seen until the first frame: the paper of the theme, not a white flash in the dark.
    window.set_background_color(Some(paper(window.theme().unwrap_or(Theme::Light))))?;
    if let Some(side) = side {
        beside(&window, &side)?;
    }
    Ok(())
}

/// The plugin writes the file under the rights it finds: its owner's alone.
fn private_state(path: &Path) -> std::io::Result<()> {
    let mut file = hallway_core::private_file(path)?;
    if file.metadata()?.len() == 0 {
        std::io::Write::write_all(&mut file, b"{}")?;
    }
    Ok(())
}

/// Shows the window and gives it the keyboard, whatever it was doing.
pub fn raise(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    for step in [window.unminimize(), window.show(), window.set_focus()] {
        if let Err(error) = step {
            tracing::warn!(%error, "the window cannot be brought up");
        }
    }
}

/// The name under which an instance is found: letters and digits of the bus, whatever the profile's.
pub fn lock_name(app: &str, profile: &str) -> String {
    let mut name = format!("{app}.p");
    for byte in profile.bytes() {
        if byte.is_ascii_alphanumeric() {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    name
}

/// The app's own pages, wherever this platform serves them.
fn inside(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// `--color-canvas` of `ui/styles/tokens.css`.
fn paper(theme: Theme) -> Color {
    match theme {
        Theme::Dark => Color(22, 24, 28, 255),
        _ => Color(252, 252, 253, 255),
    }
}

/// Which half of the screen `xtask run --demo` wants; never in a release build.
fn side() -> Option<String> {
    if cfg!(debug_assertions) { std::env::var("HALLWAY_SIDE").ok() } else { None }
}

fn beside(window: &WebviewWindow, side: &str) -> tauri::Result<()> {
    let Some(monitor) = window.current_monitor()?.or(window.primary_monitor()?) else {
        return Ok(());
    };
    let (place, size) = (monitor.work_area().position, monitor.work_area().size);
    let half = size.width / 2;
    let from = if side == "right" { half.cast_signed() } else { 0 };
    window.set_size(tauri::PhysicalSize::new(half, size.height))?;
    window.set_position(tauri::PhysicalPosition::new(place.x + from, place.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_window_stood_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("window.json");
        private_state(&path).expect("it is made");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"{}");
        std::fs::write(&path, "{\"main\": 1}").expect("writable");
        private_state(&path).expect("it is found");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"{\"main\": 1}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let rights = std::fs::metadata(&path).expect("it is there").permissions();
            assert_eq!(rights.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn navigation_stays_inside() {
        let inside = |url: &str| super::inside(&url.parse().expect("a url"));
        assert!(inside("tauri://localhost/index.html"));
        assert!(inside("http://tauri.localhost/"));
        for outside in [
            "https://example.org/",
            "tauri://elsewhere/",
            "http://tauri.localhost.example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
        ] {
            assert!(!inside(outside), "{outside}");
        }
    }

    #[test]
    fn profiles_have_names_of_their_own_on_the_bus() {
        assert_eq!(lock_name("a.b", "main"), "a.b.pmain");
        assert_eq!(lock_name("a.b", "ü/2"), "a.b.p_c3_bc_2f2");
        assert_ne!(lock_name("a.b", "a-b"), lock_name("a.b", "a_b"));
    }
}
