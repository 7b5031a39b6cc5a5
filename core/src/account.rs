//! One account: the handle through which a window, a test or a bot acts. Everything that can be
//! done offline goes through the thread into the outbox; everything that is read comes from the
//! store by the reading thread.

use crate::api::Api;
use crate::error::{Fault, Result};
use crate::feed::{
    Account, AccountState, Change, Connection, LinkState, PersonView, RoomView, Teller,
};
use crate::held::Held;
use crate::reader::Reader;
use crate::refusals::Refusals;
use crate::secrets::{Secret, Secrets};
use crate::session::Session;
use crate::socket::Wire;
use crate::store::{Place, views};
use crate::thread::{Driver, INBOX, Over, Task};
use crate::world::{Input, Intent};
use hallway_kit::{Clock, Tasks};
use hallway_protocol::ids::{Key, RoomId, UserId};
use hallway_protocol::rows::TenantRole;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a room that was just entered may take to arrive.
const ARRIVES: Duration = Duration::from_secs(10);

/// How long a damaged store may take to be replaced by a new one.
const REPLACED: Duration = Duration::from_secs(10);

/// One account of this device; cheap to clone.
#[derive(Clone, Debug)]
pub struct Core(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub id: String,
    pub me: UserId,
    pub api: Api,
    pub session: Arc<Session>,
    pub reader: Reader,
    pub clock: Clock,
    pub held: Held,
    pub refusals: Refusals,
    inbox: mpsc::Sender<Task>,
    status: watch::Receiver<LinkState>,
    moved: watch::Receiver<u64>,
    tasks: Tasks,
    /// The account as far as it is known without its store.
    bare: Account,
}

/// What opening an account needs.
pub(crate) struct Opening {
    pub id: String,
    pub path: PathBuf,
    pub secret: Secret,
    /// The session of a sign-in that just was.
    pub fresh: Option<hallway_protocol::rest::Session>,
    pub secrets: Arc<dyn Secrets>,
    pub device: String,
    pub clock: Clock,
    pub feed: Teller,
    pub over: mpsc::UnboundedSender<(String, Over)>,
}

impl Inner {
    /// Something happened that is no person's act.
    pub async fn tell(&self, input: Input) -> Result<()> {
        self.inbox.send(Task::Input(input)).await.map_err(|_| closed())
    }

    /// Moves with each batch of changes.
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.moved.clone()
    }
}

impl Core {
    /// The REST calls of this account.
    pub fn api(&self) -> &Api {
        &self.0.api
    }

    /// Opens the account whose secret was read: its store, its threads, its link.
    pub(crate) async fn open(opening: Opening) -> Result<Core> {
        let Opening { id, path, secret, fresh, secrets, device, clock, feed, over } = opening;
        let key = secret
            .store_key()
            .ok_or_else(|| Fault::local("key_missing", "the entry in the keyring holds no key"))?;
        let me = secret.user;
        let base = crate::api::normalised(&secret.server)?;
        let bare = bare(&id, &secret);
        let session = Arc::new(Session::new(&id, secrets, clock.clone(), secret, fresh));
        let api = Api::new(base)?.with(session.clone());
        let (inbox, tasks_in) = mpsc::channel(INBOX);
        let reader = Reader::start(path.clone(), key.clone(), inbox.clone())?;
        let (status_in, status) = watch::channel(LinkState::Offline);
        let (moved_in, moved) = watch::channel(0);
        let (tasks, refusals) = (Tasks::default(), Refusals::default());
        let driver = Driver {
            account: id.clone(),
            place: Place { path, key, account: id.clone(), me },
            bare: bare.clone(),
            wire: Wire {
                api: api.clone(),
                session: session.clone(),
                inbox: inbox.clone(),
                device,
                swallowed: Arc::default(),
            },
            clock: clock.clone(),
            tasks: tasks.clone(),
            reader: reader.clone(),
            feed,
            status: status_in,
            moved: moved_in,
            refusals: refusals.clone(),
            over,
        };
        driver.start(tasks_in).await?;
        let inner = Inner {
            id,
            me,
            api,
            session,
            reader,
            clock,
            held: Held::default(),
            refusals,
            inbox,
            status,
            moved,
            tasks,
            bare,
        };
        Ok(Core(Arc::new(inner)))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The account's id on this device.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Who I am on the server.
    pub fn me(&self) -> UserId {
        self.0.me
    }

    /// How the link stands.
    pub fn link(&self) -> LinkState {
        *self.0.status.borrow()
    }

    /// Waits until the link stands so.
    pub async fn until_link(&self, wanted: impl Fn(LinkState) -> bool) -> Result<()> {
        let mut status = self.0.status.clone();
        status.wait_for(|state| wanted(*state)).await.map(drop).map_err(|_| closed())
    }

    /// Acts; answered once it is on disk.
    pub async fn act(&self, intent: Intent) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.0.inbox.send(Task::Intent(intent, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// A new key for an act of this moment.
    pub(crate) fn key(&self) -> Key {
        Key::new(self.0.clock.now())
    }

    /// The rooms, as they are in the store.
    pub async fn rooms(&self) -> Result<Vec<RoomView>> {
        let me = self.0.me;
        self.0.reader.read(move |conn| views::rooms(conn, me, None)).await
    }

    /// One room; none when it is not mine.
    pub async fn room(&self, room: RoomId) -> Result<Option<RoomView>> {
        let me = self.0.me;
        let rooms = self.0.reader.read(move |conn| views::rooms(conn, me, Some(room))).await?;
        Ok(rooms.into_iter().next())
    }

    /// Waits until the room has been fetched for the first time.
    pub(crate) async fn arrived(&self, room: RoomId) -> Result<RoomView> {
        let mut moved = self.0.moved.clone();
        let wait = async {
            loop {
                moved.mark_unchanged();
                if let Some(view) = self.fetched(room).await? {
                    return Ok(view);
                }
                moved.changed().await.map_err(|_| closed())?;
            }
        };
        tokio::time::timeout(ARRIVES, wait).await.map_err(|_| Fault::Offline)?
    }

    async fn fetched(&self, room: RoomId) -> Result<Option<RoomView>> {
        let me = self.0.me;
        let job = move |conn: &rusqlite::Connection| {
            let cursor: bool = conn
                .prepare_cached(
                    "select exists (select 1 from rooms where room = ?1 and state = 'joined'
                         and cursor > 0)",
                )?
                .query_row([room.0], |row| row.get(0))?;
            Ok(if cursor { views::rooms(conn, me, Some(room))?.pop() } else { None })
        };
        self.0.reader.read(job).await
    }

    /// Whether this device has ever learned what its person is in.
    pub async fn is_synced(&self) -> Result<bool> {
        let own = self.0.reader.read(|conn| crate::store::fact(conn, "own")).await?;
        Ok(own.is_some_and(|own| own != "0"))
    }

    /// All people known.
    pub(crate) async fn everybody(&self) -> Result<Vec<PersonView>> {
        self.0.reader.read(views::everybody).await
    }

    /// The account as it is shown.
    pub async fn account(&self) -> Result<Account> {
        let signed_out = self.link() == LinkState::SignedOut;
        let state = if signed_out { AccountState::SignedOut } else { AccountState::Open };
        let bare = self.bare(state);
        self.0.reader.read(move |conn| views::account(conn, bare)).await
    }

    /// The account as far as it is known without its store.
    pub(crate) fn bare(&self, state: AccountState) -> Account {
        Account { state, ..self.0.bare.clone() }
    }

    /// Everything a new subscriber must know: account, link, people, rooms. A store that proves
    /// damaged on the way is being replaced: what the new one holds is told.
    pub(crate) async fn snapshot(&self) -> Result<Vec<Change>> {
        let mut moved = self.0.moved.clone();
        let whole = async {
            loop {
                moved.mark_unchanged();
                match self.all_there_is().await {
                    Err(fault) if fault.what() == "store_damaged" => {}
                    other => return other,
                }
                moved.changed().await.map_err(|_| closed())?;
            }
        };
        let late = Fault::local("store_damaged", "the local store is damaged");
        tokio::time::timeout(REPLACED, whole).await.map_err(|_| late)?
    }

    async fn all_there_is(&self) -> Result<Vec<Change>> {
        let account = self.0.id.clone();
        let mut out = vec![Change::Account { account: self.account().await? }];
        out.push(Change::Connection(Connection {
            account: account.clone(),
            state: self.link(),
            since: self.0.clock.now(),
            retry_ms: None,
            why: None,
        }));
        for person in self.everybody().await? {
            out.push(Change::Person { account: account.clone(), person });
        }
        for room in self.rooms().await? {
            out.push(Change::Room { account: account.clone(), room });
        }
        out.extend(self.0.reader.read(move |conn| outbox(conn, account)).await?);
        Ok(out)
    }

    /// Keeps what the server calls itself.
    pub(crate) async fn name_server(&self, name: &str) -> Result<()> {
        self.act(Intent::ServerName(name.to_owned())).await
    }

    /// Closes threads, tasks and files.
    pub(crate) async fn end(&self) {
        let (ended, wait) = oneshot::channel();
        if self.0.inbox.send(Task::End(ended)).await.is_ok() {
            let _ = wait.await;
        }
        self.0.reader.close().await;
        self.0.tasks.end(Duration::from_secs(2)).await;
    }
}

/// The account as far as it is known without its store.
fn bare(id: &str, secret: &Secret) -> Account {
    Account {
        id: id.to_owned(),
        server: secret.server.clone(),
        server_name: String::new(),
        user: secret.user,
        name: secret.name.clone(),
        display_name: secret.name.clone(),
        role: TenantRole::Member,
        state: AccountState::Open,
        why: None,
    }
}

fn closed() -> Fault {
    Fault::local("closed", "the account is closed")
}

/// What waits, for a new subscriber.
fn outbox(conn: &rusqlite::Connection, account: String) -> rusqlite::Result<Option<Change>> {
    let (waiting, failed): (i64, i64) = conn.query_row(
        "select count(*) filter (where state not in ('failed', 'settled')),
                count(*) filter (where state = 'failed') from outbox",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let ask = crate::store::fact(conn, "held")?.is_some_and(|held| held != "0");
    let count = |n: i64| usize::try_from(n).unwrap_or_default();
    Ok((waiting + failed > 0).then(|| Change::Outbox {
        account,
        waiting: count(waiting),
        failed: count(failed),
        ask,
    }))
}
