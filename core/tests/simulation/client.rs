//! One device: the shipped machine over a store in memory, its program that may die, and what its
//! person did with it.

use crate::agenda::Life;
use crate::checks::Watch;
use hallway_core::machine::Machine;
use hallway_core::store::Store;
use hallway_core::world::{Effect, Intent};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// A device.
pub struct Client {
    pub name: String,
    pub user: UserId,
    pub machine: Option<Machine>,
    /// The store, while no program runs on it.
    pub store: Option<Store>,
    pub life: u32,
    /// The link in use: the machine's number and the connection.
    pub link: Option<(u64, u64)>,
    /// The link it waits for.
    pub wanted: Option<u64>,
    pub net: bool,
    /// When it asked to be woken.
    pub wake: i64,
    pub intents: BTreeMap<u64, Intent>,
    pub next_intent: u64,
    pub watch: Watch,
    /// The store as it was at its last full commit, where power may fail.
    pub durable: Option<Connection>,
    /// How many changes the store had made when that was looked at.
    pub looked: Option<i64>,
    /// What was done in memory since then is not owed after a power cut.
    pub power_fails: bool,
    /// Sends that were taken, and those their person gave up.
    pub promised: BTreeMap<Key, RoomId>,
    pub released: BTreeSet<Key>,
    /// When each text was begun, and each message written: counted in acts.
    pub begun: BTreeMap<String, u64>,
    pub wrote: BTreeMap<Key, u64>,
    /// Sends in the order in which they were written.
    pub order: Vec<(Key, RoomId)>,
}

/// An operation as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredOp {
    pub key: Key,
    pub room: RoomId,
    pub kind: String,
    pub state: String,
    pub needs: Option<Key>,
    pub attempts: i64,
}

impl Client {
    pub fn new(index: usize, user: UserId, name: &str) -> Client {
        Client {
            name: format!("{name}/{index}"),
            user,
            machine: None,
            store: Some(Store::memory(user).expect("a store in memory opens")),
            life: 0,
            link: None,
            wanted: None,
            net: true,
            wake: i64::MAX,
            intents: BTreeMap::new(),
            next_intent: 0,
            watch: Watch::default(),
            durable: None,
            looked: None,
            power_fails: false,
            promised: BTreeMap::new(),
            released: BTreeSet::new(),
            begun: BTreeMap::new(),
            wrote: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    pub fn life(&self, client: usize) -> Life {
        Life { client, life: self.life }
    }

    /// The program starts.
    pub fn start(&mut self, now: i64, seed: u64) -> Vec<Effect> {
        let store = self.store.take().expect("no program runs");
        let (machine, effects) = Machine::open_at(store, seed, now).expect("the store is sound");
        self.machine = Some(machine);
        effects
    }

    /// The program dies, or the power: then what was not committed in full is gone too.
    pub fn die(&mut self, power: bool) {
        let Some(machine) = self.machine.take() else { return };
        let mut store = machine.into_store();
        self.life += 1;
        self.looked = None;
        (self.link, self.wanted) = (None, None);
        self.intents.clear();
        if let Some(conn) = self.durable.take().filter(|_| power) {
            store = Store::over(conn, self.user).expect("a store that was one before");
        }
        self.store = Some(store);
    }

    /// Keeps the store as it is where power that fails now would leave it so. What made no change
    /// made no commit.
    pub fn keep_durable(&mut self) {
        let Some(machine) = self.machine.as_ref().filter(|_| self.power_fails) else { return };
        let conn = machine.store().connection();
        let count = "select total_changes()";
        let count = conn.prepare_cached(count).and_then(|mut sql| sql.query_row([], |r| r.get(0)));
        let changes = Some(count.expect("a number"));
        if std::mem::replace(&mut self.looked, changes) == changes {
            return;
        }
        let full: i64 = conn.query_row("pragma synchronous", [], |r| r.get(0)).expect("a pragma");
        if full == 2 || self.durable.is_none() {
            let new = || Connection::open_in_memory().expect("memory");
            copied(conn, self.durable.get_or_insert_with(new));
        }
    }

    pub fn conn(&self) -> Option<&Connection> {
        self.machine.as_ref().map(|machine| machine.store().connection())
    }

    fn seqs(&self, sql: &str, room: RoomId) -> Vec<Seq> {
        let Some(conn) = self.conn() else { return Vec::new() };
        let mut statement = conn.prepare_cached(sql).expect("the schema is known");
        let rows = statement.query_map(params![room.0, self.user.0], |row| row.get(0));
        rows.and_then(Iterator::collect).expect("numbers")
    }

    /// Rooms on the list.
    pub fn rooms(&self) -> Vec<RoomId> {
        let sql = "select room from rooms where state = 'joined' and ?1 < ?2 order by room";
        let mut rooms = self.seqs(sql, RoomId(-1));
        rooms.sort_unstable();
        rooms.into_iter().map(RoomId).collect()
    }

    /// Own messages on the screen.
    pub fn own_messages(&self, room: RoomId) -> Vec<Seq> {
        self.seqs(
            "select seq from messages where room = ?1 and sender = ?2 and kind = 'text' and deleted = 0",
            room,
        )
    }

    /// All messages on the screen.
    pub fn messages(&self, room: RoomId) -> Vec<Seq> {
        self.seqs(
            "select seq from messages where room = ?1 and ?2 > 0 and kind = 'text' and deleted = 0",
            room,
        )
    }

    /// The outbox, in order.
    pub fn ops(&self) -> Vec<StoredOp> {
        self.conn().map(stored_ops).unwrap_or_default()
    }

    /// The data set the store speaks of.
    pub fn epoch(&self) -> Option<String> {
        let sql = "select v from sync where k = 'epoch'";
        let mut statement = self.conn()?.prepare_cached(sql).expect("the schema is known");
        statement.query_row([], |row| row.get(0)).optional().expect("the schema is known")
    }
}

/// The outbox of a store.
pub fn stored_ops(conn: &Connection) -> Vec<StoredOp> {
    let sql = "select key, room, kind, state, needs_key, attempts from outbox order by op";
    let mut statement = conn.prepare_cached(sql).expect("the schema is known");
    let key = |text: String| text.parse().expect("a key");
    let rows = statement.query_map([], |row| {
        Ok(StoredOp {
            key: key(row.get(0)?),
            room: RoomId(row.get(1)?),
            kind: row.get(2)?,
            state: row.get(3)?,
            needs: row.get::<_, Option<String>>(4)?.map(key),
            attempts: row.get(5)?,
        })
    });
    rows.and_then(Iterator::collect).expect("the schema is known")
}

/// The raw bytes of a store: every page, the free ones too.
pub fn image(conn: &Connection) -> Vec<u8> {
    let mut copy = Connection::open_in_memory().expect("memory");
    copied(conn, &mut copy);
    copy.serialize("main").expect("memory").to_vec()
}

/// Makes `copy` what `conn` is.
fn copied(conn: &Connection, copy: &mut Connection) {
    let backup = rusqlite::backup::Backup::new(conn, copy).expect("nothing is being written");
    backup.step(-1).expect("memory to memory");
}
