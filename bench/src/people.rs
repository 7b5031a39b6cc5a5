//! The people of a benchmark: a server, its owner, and enough accounts for every figure. They are
//! made once; the server is started anew for each figure, on the same data, so that none inherits
//! the memory or the caches of another.

use hallway_protocol::ids::RoomId;
use hallway_tests::{Engine, House, Rest, Setup};
use serde_json::json;

/// Name of the owner.
pub const OWNER: &str = "ada";
/// 200 who read and 10 who write.
const PEOPLE: usize = 210;
/// Registrations under way at once: the server hashes on as many threads as there are cores.
const AT_ONCE: usize = 4;

/// A server with its people.
pub struct People {
    /// The server.
    pub house: House,
    /// All but the owner, signed in.
    pub all: Vec<Rest>,
}

impl People {
    /// Starts the release server and registers everyone.
    pub async fn gather() -> anyhow::Result<People> {
        let house = People::house().await;
        let invite = house.owner.post("/invites", json!({"uses": PEOPLE})).await.good();
        let code = invite["code"].as_str().unwrap_or_default();
        let url = house.url();
        let mut all = Vec::new();
        let names: Vec<_> = (0..PEOPLE).map(|n| format!("person{n}")).collect();
        for some in names.chunks(AT_ONCE) {
            let some = some.iter().map(|name| Rest::register(&url, name, code));
            all.extend(futures_util::future::join_all(some).await);
        }
        eprintln!("{PEOPLE} people registered");
        Ok(People { house, all })
    }

    /// The release server with its owner alone.
    pub async fn house() -> House {
        let mut setup = Setup::new(Engine::Sqlite).unlimited().env("HALLWAY_LOG_LEVEL", "warn");
        setup.binary = Some(hallway_tests::server::release_binary());
        House::with(setup).await
    }

    /// A new process on the same data.
    pub async fn fresh(&mut self) -> anyhow::Result<()> {
        self.house.end().await;
        self.house.up().await
    }

    /// A room with these people in it.
    pub async fn room(&self, name: &str, who: &[Rest]) -> RoomId {
        let room = self.house.owner.creates(name).await;
        for person in who {
            person.joins(room).await;
        }
        room
    }
}
