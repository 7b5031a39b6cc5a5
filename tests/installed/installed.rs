//! The app as people have it: its package installed, started from its place, found by the desktop for
//! links of ours, and taken away again. Run by `cargo xtask test installed` as root on a file system
//! where packages may come and go, on a desktop of its own; `HALLWAY_PACKAGE` is the `.deb`.

#[path = "../windows/app.rs"]
#[expect(dead_code, reason = "the windows use all of it")]
mod app;

use app::{App, Seat};
use hallway_tests::{Engine, House, Setup};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// Runs a command to its good end; what it said.
fn done(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(ran.status.success(), "{command:?}: {}", said.concat());
    said.concat()
}

fn dpkg(args: &[&str]) -> String {
    done(Command::new("dpkg").env("DEBIAN_FRONTEND", "noninteractive").args(args))
}

/// Who opens links of ours, as the desktop knows it.
fn handler() -> String {
    let asked = Command::new("gio").args(["mime", "x-scheme-handler/hallway"]).output();
    String::from_utf8_lossy(&asked.expect("gio is installed").stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_installs_starts_opens_links_and_goes() {
    let package = std::env::var("HALLWAY_PACKAGE").expect("HALLWAY_PACKAGE names the package");
    let program = Path::new("/usr/bin/hallway");
    assert!(!program.exists() && !handler().contains("Hallway.desktop"), "it is installed already");
    dpkg(&["--install", &package]);
    assert_eq!(dpkg(&["--verify", "hallway"]), "", "its files are as packed");
    assert!(handler().contains("Hallway.desktop"), "{}", handler());
    done(Command::new("desktop-file-validate").arg("/usr/share/applications/Hallway.desktop"));

    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let kitchen = house.owner.creates("kitchen").await;
    let said = house.owner.says(kitchen, "the kettle is on").await;
    house.owner.creates("books").await;
    let app = App::start(Seat::new("ada")).await;
    app.sign_in(&house.url(), "ada").await;
    app.open("books").await;
    let host = house.url().replacen("http", "hallway", 1);
    let mut open = Command::new("gio");
    app.seat.dress(&mut open);
    done(open.arg("open").arg(format!("{host}/room/{kitchen}/{}", said.seq)));
    app.sees("the kettle is on").await;
    let invite = house.owner.post("/invites", json!({})).await.good();
    let link = invite["link"].as_str().expect("a link");
    let mut open = Command::new("gio");
    app.seat.dress(&mut open);
    done(open.arg("open").arg(link));
    app.shown("sign-in[registering]").await;
    app.close().await;

    dpkg(&["--remove", "hallway"]);
    assert!(!program.exists());
    assert!(!handler().contains("Hallway.desktop"), "{}", handler());
    assert_eq!(dpkg(&["--audit"]), "");
}
