//! The chat example as a child process, spoken to over stdin and stdout: a core in a process of its
//! own, to be killed at any moment, or run with another clock.

use crate::screen::Glass;
use crate::wait::soon;
use crate::wire::PASSWORD;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Where one device keeps its things, across the lives of its process.
pub struct Device {
    folder: tempfile::TempDir,
    /// Address of the server, or of a link to it.
    pub server: String,
    /// User name.
    pub login: String,
    /// More environment: another clock.
    pub env: Vec<(String, String)>,
    /// Where the store lies, if not beside the key.
    pub store: Option<PathBuf>,
    /// A command that runs the program under limits.
    pub wrap: Vec<String>,
    /// Key and token go into the system's keyring instead of a file.
    pub keyring: bool,
}

impl Device {
    /// A device that was never used.
    pub fn new(server: &str, login: &str) -> Device {
        let folder = crate::server::folder("device");
        let device = Device {
            folder,
            server: server.into(),
            login: login.into(),
            env: Vec::new(),
            store: None,
            wrap: Vec::new(),
            keyring: false,
        };
        std::fs::write(device.password_file(), PASSWORD).expect("the folder is writable");
        device
    }

    /// Its store.
    pub fn dir(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| self.folder.path().join("store"))
    }

    /// Where the program reads the password, when it needs one.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Its key and token.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Starts the program.
    pub fn start(&self) -> Chat {
        Chat::start(self, &crate::server::chat_binary())
    }
}

/// What a command came to: the answer, or code and message.
pub type Told = Result<Value, Value>;
type Answers = Arc<Mutex<HashMap<u64, oneshot::Sender<Told>>>>;

/// A life of the program on one device.
pub struct Chat {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Answers,
    readers: Vec<JoinHandle<()>>,
    said: Arc<Mutex<Vec<String>>>,
    id: u64,
    /// What its feed shows.
    pub screen: Glass,
}

impl Chat {
    fn start(device: &Device, binary: &Path) -> Chat {
        let mut words = device.wrap.iter().map(std::ffi::OsString::from);
        let mut words = words.by_ref().chain([binary.into()]);
        let mut command = Command::new(words.next().expect("at least the program"));
        command.args(words);
        command.args(["--server", &device.server, "--login", &device.login, "--password-file"]);
        command.arg(device.password_file());
        command.arg("--dir").arg(device.dir());
        if !device.keyring {
            command.arg("--key-file").arg(device.key_file());
        }
        command.envs(device.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the chat example starts");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (answers, screen) = (Answers::default(), Glass::default());
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, shown, log) = (answers.clone(), screen.clone(), said.clone());
        let readers = vec![
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    hear(&line, &told, &shown);
                }
                // The process is gone: whoever still waits for an answer gets none.
                told.lock().clear();
            }),
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    log.lock().push(line);
                }
            }),
        ];
        Chat { child, stdin, answers, readers, said, id: 0, screen }
    }

    /// Gives a command and does not wait; the answer comes through what is returned, or never.
    pub fn tell(&mut self, what: &str, fields: Value) -> oneshot::Receiver<Told> {
        self.id += 1;
        let mut line = Map::from_iter([("id".into(), json!(self.id)), ("do".into(), json!(what))]);
        line.extend(fields.as_object().cloned().unwrap_or_default());
        let (send, answer) = oneshot::channel();
        self.answers.lock().insert(self.id, send);
        let line = format!("{}\n", Value::Object(line));
        let stdin = self.stdin.as_mut().expect("it was not told to quit");
        // It may have been killed: then there is no answer, which is what the caller sees.
        let _ = stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush());
        answer
    }

    /// Gives a command and waits for its answer.
    pub async fn ask(&mut self, what: &str, fields: Value) -> Told {
        let answer = self.tell(what, fields);
        soon(what, answer).await.unwrap_or_else(|_| panic!("{what}: it ended:\n{}", self.log()))
    }

    /// The same, and it must be granted.
    pub async fn does(&mut self, what: &str, fields: Value) -> Value {
        self.ask(what, fields).await.unwrap_or_else(|e| panic!("{what}: {e}\n{}", self.log()))
    }

    /// Waits until its link is live.
    pub async fn is_live(&self) {
        self.screen.shows("the chat is live", |screen| screen.connection == "live").await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Ended already is as good.
        self.child.kill().ok();
        self.reap();
    }

    /// Ends as a person would end it; it must end well.
    pub fn quit(mut self) {
        drop(self.tell("quit", json!({})));
        self.stdin = None;
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "quit ended it with {status}:\n{}", self.log());
    }

    /// What it said on stderr.
    pub fn log(&self) -> String {
        self.said.lock().join("\n")
    }

    fn reap(&mut self) {
        self.stdin = None;
        self.child.wait().expect("a child can be waited for");
        for reader in self.readers.drain(..) {
            reader.join().expect("what it says can be read");
        }
    }
}

fn hear(line: &str, answers: &Answers, screen: &Glass) {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    if let Some(changes) = value["feed"].as_array() {
        return screen.apply(changes);
    }
    let id = value["id"].as_u64().expect("an answer names its question");
    let Some(answer) = answers.lock().remove(&id) else { panic!("answered twice: {line}") };
    let told = match value.get("error") {
        Some(error) => Err(error.clone()),
        None => Ok(value.clone()),
    };
    // Nobody waits for it any more.
    let _ = answer.send(told);
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.kill();
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("---- the chat's log\n{log}");
        } else {
            assert!(!log.contains("panicked at"), "the chat panicked:\n{log}");
        }
    }
}
