//! The program itself: what it exports, what its page may ask for, that it is there once.

use crate::app::{App, Seat, program};
use hallway_tests::{Engine, House, Setup, wait};
use std::process::{Command, Stdio};

/// WebKit's own libraries use the system's SQLite; ours must not take its place (desktop.md §4).
#[test]
fn the_app_exports_no_sqlite() {
    let args = ["-D", "--defined-only"];
    let said = Command::new("nm").args(args).arg(program()).output().expect("nm is installed");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let symbols = String::from_utf8_lossy(&said.stdout).into_owned();
    let ours: Vec<&str> = symbols.lines().filter(|line| line.contains("sqlite3_")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_do_what_is_listed_and_nothing_else() {
    let _house = House::alone(Setup::new(Engine::Sqlite)).await;
    let app = App::start(Seat::new("ada")).await;
    let ask = "const [command, done] = arguments;
      window.__TAURI_INTERNALS__.invoke(command).then(() => done('done'), (no) => done('refused: ' + (no.code ?? no)))";
    for command in [
        "plugin:window|close",
        "plugin:opener|open_url",
        "plugin:event|listen",
        "plugin:deep-link|register",
        "quit",
    ] {
        let said = app.page.execute_async(ask, vec![command.into()]).await.expect("an answer");
        assert!(said.as_str().is_some_and(|s| s.starts_with("refused")), "{command}: {said}");
    }
    let said = app.page.execute_async(ask, vec!["accounts".into()]).await.expect("an answer");
    assert_eq!(said, "done");
    for (what, script) in [
        ("eval", "try { return String(window.eval('1+1')) } catch { return 'blocked' }"),
        (
            "an inline script",
            "const s = document.createElement('script'); s.textContent = 'window.hit = 1';
             document.head.append(s); return window.hit === undefined ? 'blocked' : 'ran'",
        ),
        ("Tauri in the open", "return window.__TAURI__ === undefined ? 'blocked' : 'there'"),
        ("a frozen prototype", "return Object.isFrozen(Object.prototype) ? 'blocked' : 'open'"),
    ] {
        assert_eq!(app.run(script, vec![]).await, "blocked", "{what}");
    }
    let fetch = "const [done] = arguments;
      fetch('http://127.0.0.1:9/').then(() => done('fetched'), (no) => done('blocked'))";
    assert_eq!(app.page.execute_async(fetch, vec![]).await.expect("an answer"), "blocked");
    let before = app.run("return location.href", vec![]).await;
    app.run("location.href = 'https://example.org/'", vec![]).await;
    app.run("return new Promise((done) => setTimeout(done, 300))", vec![]).await;
    assert_eq!(app.run("return location.href", vec![]).await, before);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_hands_over_and_ends() {
    let _house = House::alone(Setup::new(Engine::Sqlite)).await;
    let app = App::start(Seat::new("ada")).await;
    let mut second = Command::new(program());
    app.seat.dress(&mut second);
    second.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut second = second.spawn().expect("it starts");
    let ended = wait::soon("the second instance ends", async {
        loop {
            if let Some(status) = second.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert!(ended.await.success());
    app.shown("sign-in").await;
    app.close().await;
}

/// Everything a person's app writes lies in its folder, readable by that person alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_keeps_is_in_one_folder_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let room = house.owner.creates("kitchen").await;
    house.owner.says(room, "a secret about plums").await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.sees("a secret about plums").await;
    let seat = ada.close().await;
    let mode = std::fs::metadata(seat.folder()).expect("its folder").permissions().mode();
    assert_eq!(mode & 0o077, 0, "others may enter: {mode:o}");
    let holding = hallway_tests::files::holding(&seat.folder(), "a secret about plums");
    assert!(holding.is_empty(), "in clear in {holding:?}");
    let files = hallway_tests::files::files(&seat.folder());
    assert!(!files.is_empty(), "it kept something");
}
