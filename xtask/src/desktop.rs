//! A desktop for what needs one: a screen, a session bus, secrets, notices and a window manager, all
//! in folders of their own (`tests/windows/session.sh`).

use crate::places::Places;
use std::process::Command;

/// The same command inside a desktop of its own.
///
/// The screen stands outside, the session bus inside: what the bus starts inherits the bus's
/// environment, and without a display in it the notification daemon dies.
pub fn on_a_desktop(places: &Places, inside: &Command) -> Command {
    let mut screen = Command::new("xvfb-run");
    screen.current_dir(&places.root);
    screen.args(["-a", "-s", "-screen 0 1600x1000x24", "dbus-run-session", "--"]);
    screen.arg("tests/windows/session.sh").arg(inside.get_program()).args(inside.get_args());
    for (name, value) in inside.get_envs() {
        match value {
            Some(value) => screen.env(name, value),
            None => screen.env_remove(name),
        };
    }
    screen
}
