//! `backup` and `restore`: everything of one moment, from either engine into either, whole or not at
//! all, and nothing in it that is a secret.

use crate::house::shell::Shell;
use crate::house::{PATIENCE, Person, Process, int, key};
use crate::postgres::Postgres;
use hallway_kit::Tasks;
use hallway_server::store::Place;
use hallway_server::store::whole::dump::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}

/// A server on one of the engines, and its surroundings.
struct Stand {
    url: Option<String>,
    place: Place,
    folder: TempDir,
}

impl Stand {
    fn new(postgres: Option<&Postgres>, name: &str) -> Stand {
        let folder = folder();
        let url = postgres.map(|postgres| postgres.database(name));
        let place = match &url {
            Some(url) => Place::Postgres(url.clone()),
            None => Place::Sqlite(folder.path().join("data")),
        };
        Stand { url, place, folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn shell(&self) -> Shell {
        let shell = Shell::at(&self.data());
        match &self.url {
            Some(url) => shell.with("HALLWAY_DATABASE_URL", url),
            None => shell,
        }
    }
}

fn environment(url: &Option<String>) -> Vec<(&str, &str)> {
    let url = url.iter().map(|url| ("HALLWAY_DATABASE_URL", url.as_str()));
    url.chain([("HALLWAY_LIMITS", "off")]).collect()
}

/// Every row of every table that a backup has, in an order of our own.
async fn rows(place: &Place) -> BTreeMap<String, Vec<String>> {
    let place = place.clone();
    blocking(move || {
        let mut snapshot = Snapshot::take(&place).expect("a snapshot");
        let mut all = BTreeMap::new();
        for table in snapshot.tables.clone() {
            let mut lines = Vec::new();
            let take = &mut |line: &str| {
                lines.push(line.to_owned());
                Ok(())
            };
            snapshot.each(&table, take).expect("rows");
            lines.sort();
            let columns: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
            lines.insert(0, columns.join(","));
            all.insert(table.name, lines);
        }
        all
    })
    .await
}

/// One of everything that people make.
async fn lives(server: &Process) -> (Person, Person, i64) {
    let ada = server.ada().await;
    let lin = server.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let mut last = 0;
    for n in 0..30 {
        last = int(&ada.says(room, &format!("tea {n}?\n\t\\N 茶 🫖")).await["seq"]);
    }
    let one = format!("/rooms/{room}/messages/{last}");
    let edit = json!({"key": key(), "text": "coffee?"});
    ada.patch(&one, edit).await.ok(200);
    lin.put(&format!("{one}/reactions/👍"), Value::Null).await.fine();
    ada.put(&format!("{one}/pin"), Value::Null).await.fine();
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": last})).await.fine();
    lin.put("/users/me/storage/theme", json!({"dark": true})).await.fine();
    lin.post("/rooms/direct", json!({"users": [ada.user]})).await.ok(201);
    ada.delete(&format!("/rooms/{room}/messages/{}", last - 1)).await.fine();
    ada.post("/invites", json!({"uses": 3})).await.ok(201);
    let bytes = "milk\n".repeat(999);
    let media = lin.uploads("a list.txt", "text/plain", bytes.as_bytes()).await["id"].clone();
    let body = json!({"key": key(), "text": "see", "files": [media]});
    lin.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    lin.brings("nowhere yet", "text/plain", b"bread").await;
    let made = server.operator().post("/admin/tenants", json!({"name": "tea"})).await.ok(201);
    let keys = format!("/admin/tenants/{}/keys", made["tenant"]);
    let key = json!({"name": "shop", "scopes": ["act"]});
    server.operator().post(&keys, key).await.ok(201);
    (ada, lin, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_backed_up_from_one_engine_is_restored_into_either() {
    let postgres = blocking(Postgres::start).await;
    for (from, into) in [(false, false), (false, true), (true, false), (true, true)] {
        let name = format!("{}_{}", u8::from(from), u8::from(into));
        let old = Stand::new(from.then_some(&postgres), &format!("old_{name}"));
        let new = Stand::new(into.then_some(&postgres), &format!("new_{name}"));
        both_ways(old, new).await;
    }
    blocking(move || drop(postgres)).await;
}

async fn both_ways(old: Stand, new: Stand) {
    let shell = old.shell();
    let (url, place) = (old.url.clone(), old.place.clone());
    let server = Process::start_in(old.folder, &environment(&url)).await;
    let (ada, _, room) = lives(&server).await;
    let epoch = server.call("GET", "/server", Value::Null).await.ok(200)["epoch"].clone();
    let shelf = folder();
    let file = shelf.path().join("hallway.tar");
    let name = file.to_str().expect("text");
    let kept = server.ends().await;
    let said = shell.run(&["backup", name, "--json"]).await.json();
    assert_eq!(said["epoch"], epoch);
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = rows(&place).await;
    // The old server goes on for a while, and her device gets tokens that the backup knows nothing of.
    let server = Process::start_in(kept, &environment(&url)).await;
    let mut ada = Person { address: server.address, ..ada };
    for _ in 0..3 {
        ada = refreshed(&ada).await;
        ada.get("/users/me").await.ok(200);
    }
    let kept = server.ends().await;

    fs::create_dir(new.data()).expect("a folder");
    for secret in ["secret", "operator"] {
        fs::copy(kept.path().join("data").join(secret), new.data().join(secret)).expect("copied");
    }
    let said = new.shell().run(&["restore", name, "--json"]).await.json();
    assert_eq!(said["same_secret"], true);
    assert!(!new.data().join("restoring").exists());
    same(&before, &rows(&new.place).await);
    let there = files(&new.data());
    assert_eq!(files(&kept.path().join("data")), there);
    assert!(there.values().any(|bytes| bytes.starts_with(b"milk")), "{:?}", there.keys());

    // Whoever was signed in is; the data set has another name, and each room its base.
    let server = Process::start_in(new.folder, &environment(&new.url)).await;
    let ada = refreshed(&Person { address: server.address, ..ada }).await;
    let body = json!({"epoch": epoch, "own": 0, "rooms": [[room, 0]]});
    let synced = ada.post("/sync", body).await.ok(200);
    assert_ne!(synced["epoch"], epoch);
    let found = ada.get(&format!("/rooms/{room}/messages?limit=100")).await.ok(200);
    assert!(found.to_string().contains("茶 🫖"), "{found}");
    ada.says(room, "and on").await;
}

/// Every file below `files`, by name.
fn files(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (root, mut found) = (data.join("files"), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below").to_owned();
                found.insert(name, fs::read(&path).expect("bytes"));
            }
        }
    }
    found
}

/// The same device with its next tokens.
async fn refreshed(who: &Person) -> Person {
    let body = json!({"refresh_token": who.refresh});
    let said = who.post("/auth/refresh", body).await.ok(200);
    let text = |of: &str| said["session"][of].as_str().expect("a token").to_owned();
    Person { token: text("access_token"), refresh: text("refresh_token"), ..who.clone() }
}

/// All rows are the same but those that name the data set and where its epochs began.
fn same(before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) {
    let names = |of: &BTreeMap<String, Vec<String>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after));
    for (name, lines) in before {
        match name.as_str() {
            "meta" | "bases" => {}
            "rooms" => {
                let columns: Vec<&str> = lines[0].split(',').collect();
                let at = |name: &str| columns.iter().position(|column| *column == name);
                let (head, base) = (at("head").expect("head"), at("base").expect("base"));
                for (old, new) in lines.iter().zip(&after[name]).skip(1) {
                    let mut old: Vec<Value> = serde_json::from_str(old).expect("a row");
                    let new: Vec<Value> = serde_json::from_str(new).expect("a row");
                    assert_eq!(new[base], new[head], "an epoch begins where the room stands");
                    old[base] = new[base].clone();
                    assert_eq!(old, new);
                }
            }
            _ => assert_eq!(lines, &after[name], "{name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_keep_the_same_tables_and_leave_out_only_what_is_named() {
    let postgres = blocking(Postgres::start).await;
    let mut shapes = Vec::new();
    for engine in [None, Some(&postgres)] {
        let stand = Stand::new(engine, "shape");
        let place = stand.place.clone();
        let server = Process::start_in(stand.folder, &environment(&stand.url)).await;
        let data = server.data();
        let kept = server.ends().await;
        let all = match &place {
            Place::Sqlite(_) => {
                let conn = rusqlite::Connection::open(data.join("hallway.db")).expect("a database");
                let sql = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
                let mut names = conn.prepare(sql).expect("a query");
                let names = names.query_map([], |row| row.get::<_, String>(0)).expect("rows");
                names.collect::<Result<Vec<_>, _>>().expect("names")
            }
            Place::Postgres(_) => {
                let url = stand.url.clone().expect("an address");
                blocking(move || {
                    let mut client =
                        postgres::Client::connect(&url, postgres::NoTls).expect("a connection");
                    let sql = "select tablename::text from pg_tables where schemaname = 'public'";
                    let rows = client.query(sql, &[]).expect("rows");
                    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
                })
                .await
            }
        };
        let taken = rows(&place).await;
        for name in all {
            let index = ["search_", "words_search"].iter().any(|of| name.starts_with(of));
            let left_out = index || name == "migrations";
            assert_eq!(taken.contains_key(&name), !left_out, "{name}");
        }
        shapes.push(
            taken.iter().map(|(name, lines)| (name.clone(), lines[0].clone())).collect::<Vec<_>>(),
        );
        drop(kept);
    }
    assert_eq!(shapes[0], shapes[1]);
    blocking(move || drop(postgres)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_flood_what_was_acknowledged_before_is_in_it_without_a_gap() {
    let server = Process::start(&[("HALLWAY_LIMITS", "off")]).await;
    let ada = server.ada().await;
    let mut rooms = Vec::new();
    for n in 0..3 {
        rooms.push(ada.group(&format!("room {n}"), &[]).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (acked, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let writers = Tasks::default();
    for room in rooms.clone() {
        let (ada, stop, acked) = (ada.clone(), stop.clone(), acked.clone());
        writers.once("writer", async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let seq = int(&ada.says(room, &format!("flood {n}")).await["seq"]);
                acked.send((room, seq)).expect("heard");
                n += 1;
            }
        });
    }
    let shelf = folder();
    let mut highest: BTreeMap<i64, i64> = BTreeMap::new();
    let hear = |highest: &mut BTreeMap<i64, i64>, room, seq: i64| {
        let known = highest.entry(room).or_default();
        *known = seq.max(*known);
    };
    for turn in 0..3 {
        while highest.len() < 3 || highest.values().any(|seq| *seq < 20 * (turn + 1)) {
            let (room, seq) = heard.recv().await.expect("a writer");
            hear(&mut highest, room, seq);
        }
        let before = highest.clone();
        let file = shelf.path().join(format!("{turn}.tar"));
        let name = file.to_str().expect("text");
        Shell::at(&server.data()).run(&["backup", name]).await.ok();
        let stand = Stand::new(None, "");
        stand.shell().run(&["restore", name]).await.ok();
        let conn = rusqlite::Connection::open(stand.data().join("hallway.db")).expect("a database");
        for room in &rooms {
            let sql = "select count(*), min(seq), max(seq) from messages where room = ?1";
            let counted = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            };
            let (count, first, last) = conn.query_row(sql, [room], counted).expect("a count");
            let sql = "select head from rooms where id = ?1";
            let head: i64 = conn.query_row(sql, [room], |row| row.get(0)).expect("a head");
            assert_eq!((count, first, last), (head, 1, head), "no gap, nothing beyond the head");
            assert!(head >= before[room], "{head} of {} acknowledged before", before[room]);
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writers.end(PATIENCE).await.is_empty(), "they end when they are asked to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_and_changes_nothing() {
    let server = Process::start(&[]).await;
    lives(&server).await;
    let shelf = folder();
    let file = shelf.path().join("hallway.tar");
    let name = file.to_str().expect("text").to_owned();
    Shell::at(&server.data()).run(&["backup", &name]).await.ok();
    let refused = Shell::at(&server.data()).run(&["restore", &name]).await;
    assert!(refused.refused().contains("stop it first"), "{refused:?}");
    let kept = server.ends().await;
    let refused = Shell::at(&kept.path().join("data")).run(&["restore", &name]).await;
    assert!(refused.refused().contains("data already"), "{refused:?}");

    let whole = fs::read(&file).expect("a backup");
    let stand = Stand::new(None, "");
    let tried = async |bytes: &[u8], how: &str| {
        fs::write(&file, bytes).expect("written");
        let refused = stand.shell().run(&["restore", &name]).await;
        assert_eq!(refused.code, 1, "{how}: {refused:?}");
        assert!(!stand.data().join("hallway.db").exists(), "{how}");
        assert!(!stand.data().join("restoring").exists(), "{how}");
    };
    let size = whole.len();
    for part in 0..8 {
        tried(&whole[..size * part / 8], "cut").await;
    }
    // One bit, somewhere in what a member holds: not in the padding, which means nothing.
    let find = |what: &[u8]| whole.windows(what.len()).position(|window| window == what);
    for what in ["coffee", "kitchen", "\"members\":", "\"form\":", "\"epoch\":"] {
        let at = find(what.as_bytes()).unwrap_or_else(|| panic!("no {what}"));
        let mut bytes = whole.clone();
        bytes[at + 1] ^= 1;
        tried(&bytes, what).await;
    }
    // A text exchanged for another of the same length.
    let at = find(b"coffee").expect("it was said");
    let mut bytes = whole.clone();
    bytes[at..at + 6].copy_from_slice(b"poison");
    tried(&bytes, "tampered").await;
    tried(b"this is no backup at all", "another file").await;
    // A form that this program does not know.
    let at = find(b"\"form\":1").expect("the form");
    let mut bytes = whole.clone();
    bytes[at + 7] = b'9';
    tried(&bytes, "another form").await;

    fs::write(&file, &whole).expect("written");
    stand.shell().run(&["restore", &name]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_is_not_served_and_starts_over() {
    let server = Process::start(&[("HALLWAY_LIMITS", "off")]).await;
    let (ada, ..) = lives(&server).await;
    let shelf = folder();
    let file = shelf.path().join("hallway.tar");
    let name = file.to_str().expect("text");
    Shell::at(&server.data()).run(&["backup", name]).await.ok();
    drop(ada);
    let before = rows(&Place::Sqlite(server.data())).await;
    let stand = Stand::new(None, "");
    let (data, shell) = (stand.data(), stand.shell());
    let aside = data.join("restoring");
    // Killed as soon as it has begun, wherever it is then.
    let mut child = shell.command(&["restore", name]).spawn().expect("it starts");
    while !aside.exists() && !data.join("hallway.db").exists() {
        tokio::task::yield_now().await;
    }
    let _ = child.kill().await;
    if !data.join("hallway.db").exists() {
        let said = shell.run(&["serve", "--listen", "127.0.0.1:0"]).await;
        assert!(said.refused().contains("run it again"), "{said:?}");
        let said = shell.run(&["user", "list"]).await;
        assert_eq!(said.code, 1, "{said:?}");
        shell.run(&["restore", name]).await.ok();
    }
    same(&before, &rows(&stand.place).await);

    // Left as it is when the files were moved and the database was not.
    let other = Stand::new(None, "");
    fs::create_dir_all(other.data().join("restoring")).expect("a folder");
    fs::create_dir_all(other.data().join("files/1/left")).expect("a folder");
    fs::write(other.data().join("files/1/left/file"), "bytes").expect("a file");
    let said = other.shell().run(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(said.refused().contains("run it again"), "{said:?}");
    other.shell().run(&["restore", name]).await.ok();
    assert!(!other.data().join("files/1").exists(), "nothing of the first try stays");
    same(&before, &rows(&other.place).await);
    // And when it was over but for the clearing up.
    fs::create_dir(other.data().join("restoring")).expect("a folder");
    let server = Process::start_in(other.folder, &[]).await;
    assert!(!server.data().join("restoring").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_backup_opens_the_server() {
    let server = Process::start(&[]).await;
    let ada = server.ada().await;
    let made = server.operator().post("/admin/tenants", json!({"name": "tea"})).await.ok(201);
    let shelf = folder();
    let (file, other) = (shelf.path().join("hallway.tar"), shelf.path().join("piped.tar"));
    let name = file.to_str().expect("text");
    let shell = Shell::at(&server.data());
    shell.run(&["backup", "--to", name]).await.ok();
    let bytes = fs::read(&file).expect("a backup");
    let text = |path: &Path| fs::read_to_string(path).expect("text").trim().to_owned();
    let secrets = [
        text(&server.data().join("secret")),
        text(&server.data().join("operator")),
        made["owner_token"].as_str().expect("a token").to_owned(),
        ada.token.clone(),
        ada.refresh.clone(),
        crate::house::PASSWORD.to_owned(),
    ];
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "a secret is in a backup: {secret}");
    }
    // Into a pipe it is a backup like any other, and says so on stderr alone.
    let piped = shell.command(&["backup", "-"]).output().await.expect("it ran");
    assert!(piped.status.success());
    fs::write(&other, piped.stdout).expect("written");
    let stand = Stand::new(None, "");
    let said = stand.shell().run(&["restore", "--from", other.to_str().expect("text")]).await;
    assert!(said.ok().contains("sign in again"), "the secret is another: {said:?}");
    let server = Process::start_in(stand.folder, &[]).await;
    let ada = Person { address: server.address, ..ada };
    assert_eq!(ada.get("/users/me").await.refused(), (401, "signed_out"));
    server.login("ada").await;
    // What is there is not written over by accident.
    let before = fs::read(&file).expect("a backup");
    let over = shell.run(&["backup", name]).await;
    assert!(over.refused().contains("--force"), "{over:?}");
    assert_eq!(fs::read(&file).expect("a backup"), before);
    shell.run(&["backup", name, "--force"]).await.ok();
    assert_ne!(fs::read(&file).expect("a backup"), before);
    let lost = shell.run(&["backup", "/nowhere/at/all.tar"]).await;
    assert!(lost.refused().contains("cannot write"), "{lost:?}");
}

/// What tables there are.
async fn tables(url: &str) -> i64 {
    let url = url.to_owned();
    blocking(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).expect("a connection");
        let sql = "select count(*) from pg_tables where schemaname = 'public'";
        client.query_one(sql, &[]).expect("a row").get(0)
    })
    .await
}

/// Waits until somebody's statement waits for another's lock.
fn someone_waits(client: &mut postgres::Client) {
    let sql = "select count(*) from pg_locks where not granted";
    while client.query_one(sql, &[]).expect("a row").get::<_, i64>(0) == 0 {
        std::thread::yield_now();
    }
}

async fn killed(mut child: tokio::process::Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let id = id.and_then(rustix::process::Pid::from_raw).expect("it runs");
    rustix::process::kill_process(id, rustix::process::Signal::KILL).expect("it is ours");
    assert!(!child.wait().await.expect("it ran").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_onto_postgres_that_is_killed_leaves_nothing_and_starts_over() {
    let postgres = blocking(Postgres::start).await;
    let server = Process::start(&[("HALLWAY_LIMITS", "off")]).await;
    lives(&server).await;
    let shelf = folder();
    let file = shelf.path().join("hallway.tar");
    let name = file.to_str().expect("text");
    Shell::at(&server.data()).run(&["backup", name]).await.ok();
    let before = rows(&Place::Sqlite(server.data())).await;

    // While it makes the tables: somebody holds the name of one of them.
    let stand = Stand::new(Some(&postgres), "tables");
    let url = stand.url.clone().expect("an address");
    let mut other = {
        let url = url.clone();
        blocking(move || {
            let mut client =
                postgres::Client::connect(&url, postgres::NoTls).expect("a connection");
            client.batch_execute("begin; create table media (x int)").expect("held");
            client
        })
        .await
    };
    let child = stand.shell().command(&["restore", name]).spawn().expect("it starts");
    other = blocking(move || {
        someone_waits(&mut other);
        other
    })
    .await;
    killed(child).await;
    blocking(move || other.batch_execute("rollback")).await.expect("let go");
    starts_over(&stand, name, &before).await;

    // When all rows are there but not committed: the bucket, which has the files, says nothing.
    let stand = Stand::new(Some(&postgres), "files");
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", silent.local_addr().expect("an address"));
    let child = [
        ("HALLWAY_FILES_URL", "s3://hallway-files"),
        ("HALLWAY_FILES_ENDPOINT", &address),
        ("HALLWAY_FILES_KEY", "key"),
        ("HALLWAY_FILES_SECRET", "secret"),
    ];
    let shell = child.iter().fold(stand.shell(), |shell, (name, value)| shell.with(name, value));
    let child = shell.command(&["restore", name]).spawn().expect("it starts");
    let held = silent.accept().await.expect("it comes");
    killed(child).await;
    drop(held);
    starts_over(&stand, name, &before).await;

    // When it was over but for the clearing up, it is over.
    let stand = Stand::new(Some(&postgres), "over");
    stand.shell().run(&["restore", name]).await.ok();
    fs::create_dir(stand.data().join("restoring")).expect("a folder");
    same(&before, &rows(&stand.place).await);
    let server = Process::start_in(stand.folder, &environment(&stand.url)).await;
    assert!(!server.data().join("restoring").exists());
    server.login("ada").await;
    drop(server);
    blocking(move || drop(postgres)).await;
}

/// Nothing of the first try is there, it is said, nothing runs on it, and the next one is whole.
async fn starts_over(stand: &Stand, name: &str, before: &BTreeMap<String, Vec<String>>) {
    let url = stand.url.as_deref().expect("an address");
    assert_eq!(tables(url).await, 0);
    let shelf = folder();
    let to = shelf.path().join("other.tar");
    let to = to.to_str().expect("text");
    for words in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"], &["backup", to], &["check"]]
    {
        let said = stand.shell().run(words).await;
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        let told = format!("{}{}", said.out, said.err);
        assert!(told.contains("did not come to its end; run it again"), "{words:?}: {told}");
    }
    stand.shell().run(&["restore", name]).await.ok();
    same(before, &rows(&stand.place).await);
    let there = files(&stand.data());
    assert!(there.values().any(|bytes| bytes.starts_with(b"milk")), "{:?}", there.keys());
}
