//! The real app under WebDriver: one [`App`] is one driver process, one app process and what WebKit
//! starts for it, all in one process group that ends together. The app is asked by its page alone,
//! as a person would: by keys and clicks, and by reading what stands there.

use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hallway_tests::{soon, wait};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Between two looks at a page; WebDriver has no way to be told.
const LOOK: Duration = Duration::from_millis(40);

/// Light or dark, as the desktop says it to WebKit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Theme {
    /// The default of a desktop.
    Light,
    /// Its dark variant.
    Dark,
}

/// What a window is started with.
pub struct Seat {
    who: String,
    folder: tempfile::TempDir,
    /// As the desktop has it.
    pub theme: Theme,
    /// The link that starts the app, where one does.
    pub link: Option<String>,
}

impl Seat {
    /// A device of this person that holds nothing yet.
    pub fn new(who: &str) -> Seat {
        Seat {
            who: who.to_owned(),
            folder: hallway_tests::server::folder(who),
            theme: Theme::Light,
            link: None,
        }
    }

    /// Everything the app wrote.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// What the app said on stderr, over all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("app.log")).unwrap_or_default()
    }

    /// The environment that makes a process an instance of this device.
    pub fn dress(&self, command: &mut Command) {
        let own = |name: &str| self.folder.path().join(name);
        let theme = if self.theme == Theme::Dark { "Adwaita:dark" } else { "Adwaita" };
        command
            .env("HALLWAY_APP_DIR", self.folder())
            .env("HALLWAY_PROFILE", format!("{}-{}", self.who, std::process::id()))
            .env("HALLWAY_LOG_LEVEL", "info")
            .env("XDG_CONFIG_HOME", own("config"))
            .env("XDG_CACHE_HOME", own("cache"))
            .env("XDG_DATA_HOME", own("data"))
            .env("GTK_THEME", theme)
            .env_remove("HALLWAY_SIGN_IN_FILE");
    }
}

/// A running app.
pub struct App {
    /// Its page.
    pub page: Client,
    /// Its device.
    pub seat: Seat,
    driver: Driver,
}

/// The driver, leader of the group.
struct Driver(Child);

impl App {
    /// Starts the app and waits for its first painted screen.
    pub async fn start(seat: Seat) -> App {
        let port = free_port();
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={port}")).arg("--host=127.0.0.1");
        seat.dress(&mut command);
        let log = seat.folder.path().join("app.log");
        let log = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        command
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0);
        let driver = Driver(command.spawn().expect("WebKitWebDriver is installed"));
        soon("the driver listens", async {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
        // The driver never answers when the app ends at its start, so the wait has a limit.
        let page =
            tokio::time::timeout(wait::SOON, connect(port, &seat)).await.unwrap_or_else(|_| {
                panic!("{}: the app did not come up; it said:\n{}", seat.who, seat.log())
            });
        let app = App { page, seat, driver };
        app.until(
            "the first screen",
            "return document.documentElement.dataset.ready ?? null",
            |r| !r.is_null(),
        )
        .await;
        app
    }

    /// Ends the app as the system would and waits until nothing of it runs; the device stays.
    pub async fn close(self) -> Seat {
        let App { page, seat, driver } = self;
        // Closing the session ends the app; that it then answers no more is no failure.
        let _ = tokio::time::timeout(Duration::from_secs(5), page.close()).await;
        wait::blocking(move || drop(driver)).await;
        seat
    }

    /// Runs a function body in the page.
    pub async fn run(&self, script: &str, args: Vec<Value>) -> Value {
        self.page.execute(script, args).await.unwrap_or_else(|error| {
            panic!("{}: {error}\nin: {script}\nthe app said:\n{}", self.seat.who, self.seat.log())
        })
    }

    /// Looks again and again until what the script answers is right; answers it.
    pub async fn until(&self, what: &str, script: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let seen = tokio::time::timeout(wait::SOON, async {
            loop {
                last = self.run(script, Vec::new()).await;
                if is(&last) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        if seen.await.is_err() {
            let page = self.run("return document.body.innerText", Vec::new()).await;
            panic!(
                "{}: {what} did not come; last: {last:#}\nthe page:\n{}\nthe app said:\n{}",
                self.seat.who,
                page.as_str().unwrap_or_default(),
                self.seat.log()
            );
        }
        last
    }

    /// Waits for an element that is shown, and clicks it.
    pub async fn click(&self, css: &str) {
        self.shown(css).await;
        let element = self.page.find(Locator::Css(css)).await;
        element.expect(css).click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks the shown button with this text or name.
    pub async fn press(&self, name: &str) {
        let script = format!("{BUTTON} return button({}) !== undefined", json!(name));
        self.until(&format!("the button {name}"), &script, |found| found == true).await;
        let script = format!("{BUTTON} button({}).dataset.press = ''", json!(name));
        self.run(&script, Vec::new()).await;
        self.click("[data-press]").await;
        self.run("document.querySelector('[data-press]')?.removeAttribute('data-press')", vec![])
            .await;
    }

    /// Types into an element, in place of what stood there.
    pub async fn fill(&self, css: &str, text: &str) {
        self.shown(css).await;
        let element = self.page.find(Locator::Css(css)).await.expect(css);
        element.clear().await.expect(css);
        element.send_keys(text).await.expect(css);
    }

    /// Sends keys to what has the focus.
    pub async fn keys(&self, keys: &str) {
        let focused = self.page.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// Waits until an element is there and has a place on the screen.
    pub async fn shown(&self, css: &str) {
        let script = format!(
            "return document.querySelector({})?.checkVisibility({{visibilityProperty: true}}) ?? false",
            json!(css)
        );
        self.until(css, &script, |shown| shown == true).await;
    }

    /// Signs in by typing.
    pub async fn sign_in(&self, url: &str, name: &str) {
        self.fill("sign-in [name=url]", url).await;
        self.until(
            "the server's name",
            "return document.querySelector('sign-in .found').textContent",
            |t| t.as_str().is_some_and(|t| !t.is_empty() && !t.contains('…')),
        )
        .await;
        self.fill("sign-in [name=login]", name).await;
        self.fill("sign-in [name=password]", hallway_tests::wire::PASSWORD).await;
        self.keys(&enter()).await;
        self.shown("hall-frame").await;
    }

    /// Opens a room of the list by its name and waits for its composer.
    pub async fn open(&self, room: &str) {
        let script = format!(
            "const row = [...document.querySelectorAll('room-row button')]
               .find((b) => (b.getAttribute('aria-label') ?? b.textContent).trim().startsWith({}));
             if (row) row.dataset.target = ''; return row !== undefined",
            json!(room)
        );
        self.until(&format!("the room {room}"), &script, |found| found == true).await;
        self.click("[data-target]").await;
        self.run("document.querySelector('[data-target]')?.removeAttribute('data-target')", vec![])
            .await;
        let script = "return document.querySelector('room-head h1')?.textContent ?? ''";
        self.until("its head", script, |head| head.as_str().is_some_and(|h| h.contains(room)))
            .await;
        self.shown("message-composer textarea").await;
    }

    /// Writes a message and sends it with Enter.
    pub async fn say(&self, text: &str) {
        self.fill("message-composer textarea", text).await;
        self.keys(&enter()).await;
    }

    /// Waits until the messages on the screen, system notices aside, are as asked.
    pub async fn lines_are(&self, what: &str, is: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        let read = |value: &Value| serde_json::from_value::<Vec<Line>>(value.clone());
        let seen = self.until(what, LINES, |value| read(value).is_ok_and(|lines| is(&lines))).await;
        read(&seen).expect("they were read before")
    }

    /// Waits until a text stands confirmed on the screen.
    pub async fn sees(&self, text: &str) {
        self.lines_are(text, |lines| lines.iter().any(|l| l.text == text && l.seq.is_some())).await;
    }

    /// Shows the actions of the message with this text and clicks one. They are on the message that
    /// was focused or pointed at last, so one that has the focus already gets it anew.
    pub async fn act(&self, text: &str, action: &str) {
        let script = format!(
            "const item = [...document.querySelectorAll('message-item')]
               .find((m) => m.querySelector('message-text')?.textContent === {});
             item?.scrollIntoView({{block: 'center'}}); item?.blur(); item?.focus();
             return item?.querySelector('message-actions {action}:not([hidden])') != null",
            json!(text)
        );
        self.until(&format!("{action} for {text}"), &script, |shown| shown == true).await;
        self.click(&format!("message-actions {action}")).await;
    }

    /// What the connection bar says; empty while all is well.
    pub async fn link(&self, what: &str, is: impl Fn(&str) -> bool) {
        let script = "const bar = document.querySelector('status-bars .link');
                      return bar.hidden ? '' : bar.textContent";
        self.until(what, script, |said| said.as_str().is_some_and(&is)).await;
    }
}

/// A message as it stands on the screen.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
pub struct Line {
    /// Confirmed with this number.
    pub seq: Option<String>,
    /// What it says.
    pub text: String,
    /// Not confirmed yet.
    pub pending: bool,
    /// Refused.
    pub failed: bool,
    /// A tombstone.
    pub deleted: bool,
    /// The reactions' names.
    pub reactions: Vec<String>,
}

const LINES: &str = "return [...document.querySelectorAll('time-line message-item:not([system])')].map((m) => ({
  seq: m.dataset.seq ?? null,
  text: m.querySelector('message-text')?.textContent ?? '',
  pending: m.hasAttribute('pending'), failed: m.hasAttribute('failed'), deleted: m.hasAttribute('deleted'),
  reactions: [...m.querySelectorAll('message-reactions button')].map((b) => b.getAttribute('aria-label') ?? b.textContent.trim()),
}))";

const BUTTON: &str = "const button = (name) => [...document.querySelectorAll('button')].find((b) =>
  b.checkVisibility() && (b.getAttribute('aria-label') ?? b.textContent).trim() === name);";

/// The key, as WebDriver has it.
pub fn enter() -> String {
    String::from(char::from(Key::Enter))
}

/// The app's program: `HALLWAY_APP_BIN`, or what Cargo built beside this test.
pub fn program() -> PathBuf {
    let named = std::env::var_os("HALLWAY_APP_BIN").map(PathBuf::from);
    let found = named.unwrap_or_else(|| {
        let test = std::env::current_exe().expect("this program has a path");
        test.ancestors().nth(2).expect("it lies in <target>/debug/deps").join("hallway")
    });
    found.canonicalize().unwrap_or_else(|_| panic!("{}: build it first", found.display()))
}

async fn connect(port: u16, seat: &Seat) -> Client {
    let mut asked = Capabilities::new();
    let options = json!({ "binary": program(), "args": seat.link.iter().collect::<Vec<_>>() });
    asked.insert("webkitgtk:browserOptions".into(), options);
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(asked);
    builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("a session")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

impl Drop for Driver {
    /// The whole group goes, and nothing of it runs when this returns: a thread that lingers would
    /// hold the lock of its profile against the next start.
    fn drop(&mut self) {
        let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process id");
        let _ = kill_process_group(group, Signal::TERM);
        for round in 0..1000 {
            let _ = self.0.try_wait();
            if !runs(group.as_raw_nonzero().get()) {
                break;
            }
            if round == 300 {
                let _ = kill_process_group(group, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether a thread of the group still runs. Zombies do not count (nobody may reap them), but a
/// zombie leader whose other threads run does.
fn runs(group: i32) -> bool {
    let state = |stat: &Path| -> Option<(String, i32)> {
        let text = std::fs::read_to_string(stat).ok()?;
        let mut fields = text.rsplit_once(')')?.1.split_whitespace(); // state, parent, group …
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    let alive = |stat: &Path| state(stat).is_some_and(|(state, _)| state != "Z" && state != "X");
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes.filter(|p| state(&p.path().join("stat")).is_some_and(|(_, g)| g == group)).any(|p| {
        let tasks = std::fs::read_dir(p.path().join("task"));
        tasks.is_ok_and(|tasks| tasks.flatten().any(|task| alive(&task.path().join("stat"))))
    })
}
