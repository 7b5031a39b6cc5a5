//! The disk, the key or the room on the disk fails. The local store is disposable, what was not
//! sent is not: it arrives wherever the outbox can still be read. A missing key is no damage: then
//! nothing is touched.

use hallway_protocol::ids::RoomId;
use hallway_tests::cast::Disk;
use hallway_tests::cipher::{self, Key};
use hallway_tests::files::files;
use hallway_tests::wire::{Rest, Socket};
use hallway_tests::{Device, Engine, House, Link, Person, Setup};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes spoiled in one place, and places.
const SPOILED: usize = 64;
const PLACES: usize = 20;
/// Runs with places drawn at random.
const RUNS: u64 = 5;
/// Messages in the room: enough that the store has many pages.
const HISTORY: usize = 600;
const UNSENT: usize = 3;

/// A room with a history, and a link to the server that a device may lose.
struct Scene {
    #[expect(dead_code, reason = "the server ends when it is dropped")]
    house: House,
    link: Link,
    lin: Rest,
    kitchen: RoomId,
}

impl Scene {
    async fn new() -> Scene {
        let house = House::with(Setup::new(Engine::Sqlite).unlimited()).await;
        let kitchen = house.owner.creates("kitchen").await;
        let lin = house.person("lin").await;
        lin.joins(kitchen).await;
        let mut ada = Socket::open(&house.owner).await;
        let history = (0..HISTORY).map(|n| format!("history {n} {}", "x".repeat(300)));
        ada.pours(kitchen, history).await;
        let link = Link::to(house.address()).await;
        Scene { house, link, lin, kitchen }
    }

    /// A device that holds the history and three messages that were never sent; the app is closed.
    async fn device(&self, run: &str) -> (Disk, Key, Vec<String>) {
        self.link.mend();
        let lin = Person::sign_in("lin", &self.link.url(), Disk::new()).await;
        lin.settles().await;
        lin.opens(self.kitchen).await;
        let mut before = None;
        loop {
            let page = lin.page(self.kitchen, before, 100).await;
            before = page.rows.first().and_then(|row| row.seq);
            if !page.more_before {
                break;
            }
        }
        self.link.cut();
        lin.screen.shows("she knows", |s| s.connection != "live").await;
        let texts: Vec<_> = (0..UNSENT).map(|n| format!("unsent {run} {n}")).collect();
        for text in &texts {
            lin.says(text).await;
        }
        let key = lin.key();
        (lin.closes().await, key, texts)
    }

    /// Opens the app on what is left, with a link; whoever can be read arrives, nobody twice.
    async fn recovers(&self, disk: Disk, texts: &[String], readable: &[String]) -> Person {
        self.link.mend();
        let lin = Person::reopen(disk).await;
        lin.settles().await;
        lin.opens(self.kitchen).await;
        for text in readable {
            lin.hears(text).await;
        }
        lin.settles().await;
        let history = self.lin.history(self.kitchen).await;
        // Her last page is the server's.
        let page = lin.page(self.kitchen, None, 100).await;
        for (row, there) in page.rows.iter().rev().zip(history.iter().rev()) {
            assert_eq!((row.seq, row.text.as_str()), (Some(there.seq), there.text.as_str()));
        }
        for text in texts {
            let times = history.iter().filter(|row| row.text == *text).count();
            let expected = if readable.contains(text) { 1..=1 } else { 0..=1 };
            assert!(expected.contains(&times), "{text:?} arrived {times} times");
        }
        lin
    }
}

/// The one store of a device.
fn store(disk: &Disk) -> PathBuf {
    let stores = files(&disk.dir());
    let mut stores = stores.into_iter().filter(|file| file.extension().is_some_and(|e| e == "db"));
    stores.next().expect("a store")
}

/// Spoils bytes of a file at each of `places`.
fn spoil(path: &Path, places: impl IntoIterator<Item = usize>, random: &mut rand::rngs::StdRng) {
    let mut bytes = std::fs::read(path).expect("the store");
    for place in places {
        for byte in bytes.iter_mut().skip(place).take(SPOILED) {
            *byte ^= random.random_range(1..=255u8);
        }
    }
    std::fs::write(path, bytes).expect("writable");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_spoiled_anywhere() {
    let scene = Scene::new().await;
    let mut found = 0;
    for run in 0..RUNS {
        let (disk, key, texts) = scene.device(&format!("run {run}")).await;
        let path = store(&disk);
        let size = usize::try_from(std::fs::metadata(&path).expect("it").len()).expect("small");
        let mut random = rand::rngs::StdRng::seed_from_u64(run);
        let places: Vec<_> = (0..PLACES).map(|_| random.random_range(0..size - SPOILED)).collect();
        spoil(&path, places, &mut random);
        let readable = cipher::unsent(&path, &key);
        found += readable.len();
        scene.recovers(disk, &texts, &readable).await;
    }
    println!("{found} of {} unsent messages could be read", RUNS as usize * UNSENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_spoiled_where_only_history_lies() {
    let scene = Scene::new().await;
    let (disk, key, texts) = scene.device("history").await;
    let path = store(&disk);
    let pages = cipher::pages_of(&path, &key, "messages");
    assert!(pages.len() > PLACES, "{} pages of history", pages.len());
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let places = (0..PLACES).map(|n| {
        let page = pages[n * pages.len() / PLACES];
        (page - 1) * cipher::PAGE + random.random_range(0..cipher::PAGE - SPOILED)
    });
    let places: Vec<_> = places.collect();
    spoil(&path, places, &mut random);
    let readable = cipher::unsent(&path, &key);
    assert_eq!(readable.len(), UNSENT, "the outbox was not hit");
    let lin = scene.recovers(disk, &texts, &texts).await;
    // She was told, and what could not be read any more is kept aside for a while.
    assert!(lin.screen.now().problems.contains(&"store_damaged".to_owned()));
    let aside = files(&lin.disk().dir());
    assert!(aside.iter().any(|file| file.to_string_lossy().contains("aside")), "{aside:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_file_is_gone() {
    let scene = Scene::new().await;
    let (disk, key, texts) = scene.device("halved").await;
    let path = store(&disk);
    let bytes = std::fs::read(&path).expect("the store");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("writable");
    let readable = cipher::unsent(&path, &key);
    scene.recovers(disk, &texts, &readable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_missing() {
    let scene = Scene::new().await;
    let (disk, _, texts) = scene.device("locked").await;
    let hidden = disk.key_file().with_extension("hidden");
    std::fs::rename(disk.key_file(), &hidden).expect("renamed");
    let contents = |disk: &Disk| -> BTreeMap<PathBuf, Vec<u8>> {
        let stores = files(&disk.dir()).into_iter();
        stores.map(|file| (file.clone(), std::fs::read(&file).expect("readable"))).collect()
    };
    let before = contents(&disk);

    scene.link.mend();
    let locked = Person::reopen_locked(disk).await;
    locked.screen.shows("it is locked", |s| s.account == "locked").await;
    assert!(!locked.screen.now().problems.contains(&"store_damaged".to_owned()));
    let disk = locked.closes().await;
    let after = contents(&disk);
    for (file, bytes) in &before {
        assert!(after.get(file) == Some(bytes), "{} was touched", file.display());
    }

    // The key comes back, and so does everything else.
    std::fs::rename(&hidden, disk.key_file()).expect("renamed");
    scene.recovers(disk, &texts, &texts).await;
}

/// A folder on a disk that is soon full: a small file system of its own where we may mount one,
/// else a limit on the size of files.
struct SmallDisk {
    folder: tempfile::TempDir,
    mounted: bool,
}

/// Enough for a store, and not for much more.
const SMALL: usize = 3 * 1024 * 1024;

impl SmallDisk {
    fn new() -> SmallDisk {
        let folder = hallway_tests::server::folder("small");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SMALL}"), "hallway"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        SmallDisk { folder, mounted }
    }

    /// The device whose store lies here.
    fn device(&self, url: &str) -> Device {
        let mut device = Device::new(url, "lin");
        device.store = Some(self.folder.path().join("store"));
        device
    }

    /// From now on nothing fits any more.
    fn fill(&self, device: &mut Device) {
        if !self.mounted {
            // The limit's signal would end the program before it could say anything.
            let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", SMALL / 3 / 512);
            device.wrap = vec!["sh".into(), "-c".into(), limit];
            return;
        }
        use std::io::Write;
        let mut filler = std::fs::File::create(self.folder.path().join("filler")).expect("room");
        while filler.write_all(&[0; 512]).is_ok() {}
    }

    fn free(&self, device: &mut Device) {
        device.wrap.clear();
        if self.mounted {
            std::fs::remove_file(self.folder.path().join("filler")).expect("it is there");
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.mounted {
            // Lazily: whoever still has a file open there is ending too.
            let unmount = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
            assert!(unmount.is_ok_and(|status| status.success()) || std::thread::panicking());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full() {
    let scene = Scene::new().await;
    let disk = SmallDisk::new();
    let mut device = disk.device(&scene.link.url());
    let mut chat = device.start();
    chat.is_live().await;
    chat.does("online", json!({"on": false})).await;
    if !disk.mounted {
        drop(chat);
        disk.fill(&mut device);
        chat = device.start();
        chat.does("online", json!({"on": false})).await;
    } else {
        disk.fill(&mut device);
    }

    // Whatever is answered is kept; what does not fit any more is refused with a reason.
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for n in 0..400 {
        let text = format!("full {n} {}", "y".repeat(3_000));
        match chat.ask("send", json!({"room": scene.kitchen, "text": text})).await {
            Ok(_) => kept.push(text),
            Err(fault) => {
                assert_eq!(fault["code"], "local", "{fault}");
                refused.push(fault);
            }
        }
    }
    assert!(!refused.is_empty(), "the disk was not full");
    assert!(refused.iter().all(|fault| fault["what"] == "disk_full"), "{:?}", refused[0]);

    disk.free(&mut device);
    if !disk.mounted {
        drop(chat);
        chat = device.start();
    }
    let last = "there is room again".to_owned();
    chat.does("send", json!({"room": scene.kitchen, "text": last})).await;
    kept.push(last);
    chat.does("online", json!({"on": true})).await;
    chat.screen.shows("all is sent", |s| s.outbox["waiting"] == json!(0)).await;
    let history = scene.lin.history(scene.kitchen).await;
    let there: Vec<_> = history.into_iter().filter(|row| row.sender == scene.lin.user).collect();
    let texts: Vec<_> = there.into_iter().filter(|m| m.key.is_some()).map(|m| m.text).collect();
    assert_eq!(texts, kept);
}
