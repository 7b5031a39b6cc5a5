//! A client without a window: JSON lines in, JSON lines out.
//!
//! Each line on stdin is a command (`{"id":1,"do":"send","room":7,"text":"tea?"}`) and is answered
//! by one line with its `id`: `{"id":1,"ok":true,…}` or `{"id":1,"error":{code,message}}`. What
//! changes comes as `{"feed":[…]}`. stdin is read at once, with no network too; what was answered
//! is on disk, so killing it at any moment loses nothing it answered.

#[path = "chat/command.rs"]
mod command;

use clap::Parser;
use command::Command;
use hallway_core::feed::{AccountState, Change, LinkState};
use hallway_core::secrets::{FileSecrets, KeyringSecrets, Secrets};
use hallway_core::{Accounts, Core, Fault, Feed, Options};
use hallway_kit::{Clock, Stop, Tasks};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Between two attempts to sign in for the first time.
const AGAIN: Duration = Duration::from_secs(1);
/// A command may wait this long for a start that only has to open its store.
const START: Duration = Duration::from_secs(10);

/// A device's first look at its account may take this long.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// A Hallway client on stdin and stdout.
#[derive(Parser)]
struct Args {
    /// Address of the server.
    #[arg(long)]
    server: String,
    /// Name or mail address.
    #[arg(long)]
    login: String,
    /// The file that holds the password.
    #[arg(long)]
    password_file: PathBuf,
    /// The folder for the store.
    #[arg(long)]
    dir: PathBuf,
    /// Key and token go into this file (0600, made if absent) instead of the keyring.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

/// Whether there is an account to act with yet.
#[derive(Clone)]
enum Stand {
    /// The store or the first answer of the server is being waited for.
    Starting,
    /// Not yet, and why.
    Waiting(Fault),
    /// Here.
    Ready(Core),
}

/// Lines for stdout, in order; one writer. Answers never wait: there are as many as commands. Of the
/// feed so many batches wait; who reads no more than them is told later that it missed something.
type Out = mpsc::UnboundedSender<(Value, Option<OwnedSemaphorePermit>)>;
/// Batches of the feed that wait for stdout.
const BATCHES: usize = 64;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let (out, lines) = mpsc::unbounded_channel();
    let tasks = Tasks::default();
    let written = tokio::task::spawn_blocking(move || write(lines));
    let (stand_in, stand) = watch::channel(Stand::Starting);
    let (opened_in, opened) = watch::channel(None);
    tasks.once("account", account(args, stand_in, opened_in, out.clone(), tasks.clone()));
    listen(&stand, &out, &tasks).await;
    let accounts: Option<Accounts> = opened.borrow().clone();
    if let Some(accounts) = accounts {
        accounts.end().await;
    }
    tasks.end(Duration::from_secs(1)).await;
    drop(opened);
    drop(stand);
    drop(out);
    // The last lines are on their way; a reader that is gone does not hold us.
    let _ = tokio::time::timeout(Duration::from_secs(2), written).await;
}

/// Reads commands until stdin ends or one says `quit`. Commands run in the order of their lines:
/// the second of two sends never overtakes the first. Questions that may wait run beside.
async fn listen(stand: &watch::Receiver<Stand>, out: &Out, tasks: &Tasks) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.trim().is_empty() {
            continue;
        }
        let said: Result<Value, _> = serde_json::from_str(&line);
        let id = said.as_ref().map_or(Value::Null, |said| said["id"].clone());
        let command = said
            .map_err(|error| Fault::invalid("line", error.to_string()))
            .and_then(|said| Command::read(&said));
        match command {
            Ok(Command::Quit) => return answer(out, &id, Ok(Value::Null)),
            Err(fault) => answer(out, &id, Err(fault)),
            Ok(command) => match ready(stand).await {
                Err(fault) => answer(out, &id, Err(fault)),
                Ok(core) if command.is_quick() => answer(out, &id, command.run(&core).await),
                Ok(core) => {
                    let out = out.clone();
                    tasks.once("command", async move {
                        answer(&out, &id, command.run(&core).await);
                    });
                }
            },
        }
    }
}

/// The account, or why there is none; a start under way is waited for.
async fn ready(stand: &watch::Receiver<Stand>) -> Result<Core, Fault> {
    let mut stand = stand.clone();
    let started = stand.wait_for(|stand| !matches!(stand, Stand::Starting));
    match tokio::time::timeout(START, started).await {
        Ok(Ok(stand)) => match &*stand {
            Stand::Ready(core) => Ok(core.clone()),
            Stand::Waiting(fault) => Err(fault.clone()),
            Stand::Starting => Err(Fault::Offline),
        },
        _ => Err(Fault::Offline),
    }
}

fn answer(out: &Out, id: &Value, result: Result<Value, Fault>) {
    let mut line = json!({ "id": id });
    match result {
        Ok(more) => {
            line["ok"] = json!(true);
            for (name, value) in more.as_object().into_iter().flatten() {
                line[name] = value.clone();
            }
        }
        Err(fault) => line["error"] = json!(fault),
    }
    // The writer ends with the program.
    let _ = out.send((line, None));
}

/// Opens the profile; signs in where there is no account, again and again until a server answers.
async fn account(
    args: Args,
    stand: watch::Sender<Stand>,
    opened: watch::Sender<Option<Accounts>>,
    out: Out,
    tasks: Tasks,
) {
    let secrets: Arc<dyn Secrets> = match &args.key_file {
        Some(path) => Arc::new(FileSecrets::new(path)),
        None => Arc::new(KeyringSecrets::new()),
    };
    let options =
        Options { dir: args.dir.clone(), secrets, device: "chat".into(), clock: Clock::system() };
    let (accounts, feed) = match Accounts::open(options).await {
        Ok(opened) => opened,
        Err(fault) => return refuse(&stand, fault),
    };
    opened.send_replace(Some(accounts.clone()));
    let mut stop = tasks.stop();
    tasks.once("feed", show(feed, out, stop.clone()));
    loop {
        match find(&accounts, &args).await {
            Ok(core) => {
                first_look(&core).await;
                stand.send_replace(Stand::Ready(core.clone()));
                tokio::select! {
                    () = sign_in_again(&accounts, &core, &args) => {}
                    () = stop.heard() => {}
                }
                return;
            }
            Err(fault) => {
                let again = fault == Fault::Offline;
                refuse(&stand, fault);
                if !again {
                    return;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.heard() => return,
        }
    }
}

/// Where a window would ask for the password, it is in the file. A refusal is for a person to see.
async fn sign_in_again(accounts: &Accounts, core: &Core, args: &Args) {
    while core.until_link(|state| state == LinkState::SignedOut).await.is_ok() {
        let signed = match password(args) {
            Ok(password) => accounts.sign_in_again(core.id(), &password).await.map(drop),
            Err(fault) => Err(fault),
        };
        match signed {
            Ok(()) => {}
            Err(Fault::Offline) => tokio::time::sleep(AGAIN).await,
            Err(fault) => {
                tracing::warn!(%fault, "the session is over");
                return;
            }
        }
    }
}

fn refuse(stand: &watch::Sender<Stand>, fault: Fault) {
    tracing::warn!(%fault, "no account yet");
    stand.send_replace(Stand::Waiting(fault));
}

/// A device that never learned what its person is in waits for that, as long as a server is there.
async fn first_look(core: &Core) {
    if !core.is_synced().await.unwrap_or(true) {
        let live = core.until_link(|state| state == LinkState::Live);
        // Late is as good as never: commands then say what they miss.
        let _ = tokio::time::timeout(FIRST_LOOK, live).await;
    }
}

/// The stored account, or a new one. The password is read only where it is needed.
async fn find(accounts: &Accounts, args: &Args) -> Result<Core, Fault> {
    let stored = accounts.accounts().await?;
    let Some(known) = stored.first() else {
        let made = accounts.sign_in(&args.server, &args.login, &password(args)?).await?;
        return accounts.core(&made.id);
    };
    match known.state {
        AccountState::SignedOut => {
            accounts.sign_in_again(&known.id, &password(args)?).await?;
        }
        // The store stays as it is; the fault says what is missing.
        AccountState::Locked => {
            accounts.unlock(&known.id).await?;
        }
        AccountState::Open | AccountState::ThrownOut => {}
    }
    accounts.core(&known.id)
}

fn password(args: &Args) -> Result<String, Fault> {
    let text = std::fs::read_to_string(&args.password_file)
        .map_err(|error| Fault::local("password_file", error.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn show(mut feed: Feed, out: Out, mut stop: Stop) {
    let room = Arc::new(Semaphore::new(BATCHES));
    loop {
        let changes: Option<Vec<Change>> = tokio::select! {
            changes = feed.next() => changes,
            () = stop.heard() => None,
        };
        let Some(changes) = changes else { return };
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit.ok(),
            () = stop.heard() => return,
        };
        if out.send((json!({ "feed": changes }), permit)).is_err() {
            return;
        }
    }
}

fn write(mut lines: mpsc::UnboundedReceiver<(Value, Option<OwnedSemaphorePermit>)>) {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    while let Some((line, _room)) = lines.blocking_recv() {
        if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
            return;
        }
    }
}
