//! The people and places of the contract tests, and the two engines they run on.

use crate::postgres::Postgres;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rest::{NewRoom, NewRoomKind, Registration};
use hallway_protocol::rows::{Message, Room, Row, User};
use hallway_server::store::accounts::Newcomer;
use hallway_server::store::jobs::Side;
use hallway_server::store::sessions::NewSession;
use hallway_server::store::totp::Given;
use hallway_server::store::{
    Draft, Event, Me, Needs, Place, Read, Result, Store, Tx, accounts, chores, jobs, pages, rooms,
    sessions, tenants,
};
use parking_lot::Mutex;
use std::future::Future;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// One private server for all tests. Statics are not dropped, so a shell that reads a pipe from us
/// ends it when the pipe does, however this process ended.
static POSTGRES: LazyLock<(Postgres, Child)> = LazyLock::new(|| {
    let postgres = Postgres::start();
    let script = r#"read -r _; kill -INT "$(head -n 1 "$1/data/postmaster.pid")"
        while [ -e "$1/data/postmaster.pid" ]; do sleep 0.1; done; rm -rf "$1""#;
    let mut keeper = Command::new("sh");
    keeper.args(["-c", script, "keeper"]).arg(postgres.dir());
    let keeper = keeper.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell");
    (postgres, keeper)
});

/// Runs each function once on each engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() {
                $crate::cast::run($crate::cast::Stage::sqlite(), super::$name);
            })*
        }
        mod on_postgres {
            $(#[test] fn $name() {
                $crate::cast::run($crate::cast::Stage::postgres(), super::$name);
            })*
        }
    };
}

/// A second factor as somebody types it. For the store a code is the number of the step it is of.
pub fn factor(code: Option<&str>) -> Given {
    let read = |_, _: &str, _, last, code: &str| Ok(code.parse().ok().filter(|step| *step > last));
    let mut hash = [0; 32];
    let typed = code.unwrap_or_default().as_bytes();
    hash[..typed.len()].copy_from_slice(typed);
    Given { code: code.map(str::to_owned), hash, steps: Arc::new(read), mail: true, address: None }
}

/// An open store with its surroundings.
pub struct Stage {
    pub store: Store,
    pub place: Place,
    pub clock: Clock,
    /// Everything that left, in order.
    pub events: Arc<Mutex<Vec<Event>>>,
    /// The first lane takes its time to hand events out.
    pub slow: Arc<AtomicBool>,
    /// SQLite alone: the data folder, gone with the stage.
    _folder: Option<tempfile::TempDir>,
}

pub fn run<F: Future<Output = ()>>(stage: Stage, test: impl FnOnce(Arc<Stage>) -> F) {
    let stage = Arc::new(stage);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        test(stage.clone()).await;
        stage.store.close().await;
    });
}

impl Stage {
    pub fn sqlite() -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::Sqlite(folder.path().to_owned());
        Stage::open(place, Some(folder))
    }

    pub fn postgres() -> Stage {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Stage::open(Place::Postgres(POSTGRES.0.database(&name)), None)
    }

    pub fn open(place: Place, folder: Option<tempfile::TempDir>) -> Stage {
        let clock = Clock::system();
        let events = Arc::new(Mutex::new(Vec::new()));
        let slow = Arc::new(AtomicBool::new(false));
        let (heard, late) = (events.clone(), slow.clone());
        let sink = Arc::new(move |events: Vec<Event>| {
            let first = std::thread::current().name() == Some("lane-0");
            if first && late.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            heard.lock().extend(events);
        });
        let store = Store::open(&place, clock.clone(), sink).expect("an open store");
        Stage { store, place, clock, events, slow, _folder: folder }
    }

    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Read<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.read(job).await
    }

    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Declares nothing: the store finds out what the job needs.
        self.store.write(Needs::default(), job).await
    }

    /// Does all that is due inside the store.
    pub async fn work(&self) {
        for _ in 0..2_000 {
            let lent = self.write(|tx| jobs::lease(tx, "worker", Side::Inside, 10)).await;
            let lent = lent.expect("a lease");
            if lent.is_empty() {
                return;
            }
            for job in lent {
                self.write(move |tx| chores::run(tx, &job)).await.expect("a step");
            }
        }
        panic!("there is no end of work");
    }

    /// The latest messages of a room, as `me` is shown them.
    pub async fn page(&self, me: &Me, room: RoomId) -> Vec<Message> {
        let me = me.clone();
        let page = self.read(move |read| pages::page(read, &me, room, pages::Part::Latest, 100));
        let rows = page.await.expect("a page").rows.into_iter();
        let message = |row| if let Row::Message(row) = row { Some(row) } else { None };
        rows.filter_map(message).collect()
    }

    pub async fn tenant(&self) -> TenantId {
        self.read(|read| tenants::by_name(read, None)).await.expect("the default tenant").id
    }

    /// An account of the default tenant, signed in.
    pub async fn person(&self, name: &str) -> Me {
        let tenant = self.tenant().await;
        self.person_of(tenant, name).await
    }

    pub async fn person_of(&self, tenant: TenantId, name: &str) -> Me {
        let new = newcomer(name);
        let session = new.session.id.clone();
        self.write(move |tx| accounts::register(tx, tenant, Registration::Open, &new))
            .await
            .expect("an account");
        self.whois(&session).await
    }

    /// Signs somebody in without a second factor.
    pub fn sign_in(
        tx: &mut Tx<'_>,
        user: UserId,
        seen: &str,
        rehashed: Option<&str>,
        session: &NewSession,
    ) -> Result<User> {
        let signed = accounts::sign_in(tx, user, seen, rehashed, session, &factor(None));
        Ok(signed?.expect("an account without a second factor"))
    }

    pub async fn whois(&self, session: &str) -> Me {
        let session = session.to_owned();
        let found = self.read(move |read| sessions::whois(read, &session)).await;
        found.expect("an answer").expect("a session").me
    }

    /// A private group of these people; the first makes it.
    pub async fn group(&self, people: &[&Me]) -> Room {
        self.room(people, |_| {}).await
    }

    pub async fn room(&self, people: &[&Me], change: impl FnOnce(&mut NewRoom)) -> Room {
        let mut new = NewRoom {
            key: None,
            kind: NewRoomKind::Group,
            name: "kitchen".into(),
            topic: None,
            visibility: None,
            history: None,
            members: people[1..].iter().map(|me| me.user).collect(),
            ephemeral: false,
            sealed: false,
        };
        change(&mut new);
        let me = people[0].clone();
        self.write(move |tx| rooms::create(tx, &me, None, &new)).await.expect("a room").answer
    }

    /// Says something.
    pub async fn says(&self, me: &Me, room: RoomId, text: &str) -> Message {
        let posted = self.store.append(me.clone(), room, draft(text)).await;
        posted.expect("a message").message
    }

    /// What left for a room: number and rows.
    pub fn heard(&self, id: RoomId) -> Vec<Seq> {
        let events = self.events.lock();
        let seqs = events.iter().filter_map(|event| match event {
            Event::Room { room, seq, .. } if *room == id => Some(*seq),
            _ => None,
        });
        seqs.collect()
    }

    /// What left of a person's own log: (since, to).
    pub fn heard_own(&self, id: UserId) -> Vec<(Seq, Seq)> {
        let events = self.events.lock();
        let steps = events.iter().filter_map(|event| match event {
            Event::Own { user, since, to, .. } if *user == id => Some((*since, *to)),
            _ => None,
        });
        steps.collect()
    }
}

pub fn draft(text: &str) -> Draft {
    Draft {
        key: key(),
        text: text.into(),
        reply: None,
        thread: None,
        files: Vec::new(),
        meta: serde_json::Map::new(),
        clears_draft: false,
    }
}

/// A key nobody used before; their times grow.
pub fn key() -> Key {
    static TIME: AtomicU64 = AtomicU64::new(1_795_000_000_000);
    let time = TIME.fetch_add(1, Ordering::Relaxed);
    Key::new(i64::try_from(time).expect("a time"))
}

pub fn newcomer(name: &str) -> Newcomer {
    Newcomer {
        name: name.into(),
        display_name: name.to_uppercase(),
        email: None,
        language: "en".into(),
        slip: None,
        password: format!("hash of {name}"),
        invite: None,
        session: new_session(&format!("session of {name}")),
    }
}

pub fn new_session(id: &str) -> NewSession {
    let (id, family) = (id.to_owned(), format!("family of {id}"));
    let hash = derive(&family, 0);
    NewSession { id, device: "laptop".into(), family, hash, address: None }
}

/// Stands for the server's HMAC.
pub fn derive(family: &str, generation: i64) -> [u8; 32] {
    let mut hash = [0; 32];
    let text = format!("{generation} {family}");
    let count = text.len().min(32);
    hash[..count].copy_from_slice(&text.as_bytes()[..count]);
    hash
}
