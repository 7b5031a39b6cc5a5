//! `export` and `vacuum`: what people may have of themselves, readable and without a secret; and the
//! room that deleted rows leave.

use crate::house::shell::Shell;
use crate::house::{PASSWORD, Process, int, key, list};
use crate::postgres::Postgres;
use hallway_server::operate::export::parts::{PARTS, SILENT};
use hallway_server::store::Place;
use hallway_server::store::whole::dump::Snapshot;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// The members of a tar file, by name.
fn members(path: &Path) -> BTreeMap<String, String> {
    let file = std::fs::File::open(path).expect("a file");
    let mut tar = tar::Archive::new(file);
    let mut members = BTreeMap::new();
    for entry in tar.entries().expect("members") {
        let mut entry = entry.expect("a member");
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        members.insert(name, text);
    }
    members
}

fn lines(members: &BTreeMap<String, String>, name: &str) -> Vec<Value> {
    let text = members.get(&format!("{name}.jsonl")).map_or("", String::as_str);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn exported(shell: &Shell, words: &[&str]) -> BTreeMap<String, String> {
    let shelf = tempfile::tempdir().expect("a folder");
    let file = shelf.path().join("export.tar");
    let to = ["--to", file.to_str().expect("text")];
    let words: Vec<&str> = ["export"].iter().chain(words).chain(&to).copied().collect();
    shell.run(&words).await.ok();
    members(&file)
}

async fn told(environment: &[(&str, &str)]) {
    let server = Process::start(environment).await;
    let ada = server.ada().await;
    let lin = server.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let mine = int(&ada.says(room, "a recipe of mine").await["seq"]);
    lin.says(room, "her answer").await;
    let media = ada.uploads("a list.txt", "text/plain", b"milk, bread").await["id"].clone();
    let media = media.as_str().expect("an id");
    let body = json!({"key": key(), "text": "", "files": [media]});
    ada.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    let gone = int(&ada.says(room, "deleted words").await["seq"]);
    ada.delete(&format!("/rooms/{room}/messages/{gone}")).await.fine();
    ada.patch(&format!("/rooms/{room}/messages/{mine}"), json!({"key": key(), "text": "better"}))
        .await
        .ok(200);
    ada.put("/users/me/storage/theme", json!({"dark": true})).await.fine();
    ada.patch("/users/me", json!({"status": "at tea"})).await.ok(200);
    let other = lin.group("secret garden", &[]).await;
    lin.says(other, "not for ada").await;

    let mut shell = Shell::at(&server.data());
    for (name, value) in environment {
        shell = shell.with(name, value);
    }
    let hers = exported(&shell, &["--user", &ada.user.to_string()]).await;
    let people = lines(&hers, "people");
    assert_eq!(people.len(), 1);
    assert_eq!((&people[0]["name"], &people[0]["status"]), (&json!("ada"), &json!("at tea")));
    let texts: Vec<_> = lines(&hers, "messages").iter().map(|m| m["text"].clone()).collect();
    assert_eq!(texts, ["better", ""], "what she said and did not delete");
    let path = format!("files/{media}-a list.txt");
    assert_eq!(hers.get(&path).map(String::as_str), Some("milk, bread"));
    assert_eq!(lines(&hers, "edits")[0]["text"], "a recipe of mine");
    assert_eq!(lines(&hers, "storage")[0]["value"], json!({"dark": true}));
    assert!(lines(&hers, "record").iter().any(|line| line["act"] == "sign_in"));
    assert!(!lines(&hers, "devices").is_empty());
    let whole: String = hers.values().cloned().collect();
    for others in ["her answer", "secret garden", "not for ada", "deleted words"] {
        assert!(!whole.contains(others), "{others}");
    }

    let its = exported(&shell, &["--room", &room.to_string()]).await;
    let texts: BTreeSet<_> = lines(&its, "messages")
        .iter()
        .filter(|message| message["kind"] == 0)
        .map(|message| message["text"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(texts, BTreeSet::from(["", "better", "her answer"].map(str::to_owned)));
    assert_eq!(its.get(&path).map(String::as_str), Some("milk, bread"));
    assert_eq!(lines(&its, "members").len(), 2);
    assert!(its.keys().all(|name| !name.starts_with("devices") && !name.starts_with("people")));

    let all = exported(&shell, &["--all"]).await;
    assert_eq!(lines(&all, "people").len(), 2);
    assert_eq!(lines(&all, "rooms").len(), 2);
    let whole: String = all.values().cloned().collect();
    assert!(whole.contains("not for ada"));
    for secret in ["$argon2", PASSWORD, &ada.token, &ada.refresh, "base64"] {
        assert!(!whole.contains(secret), "{secret}");
    }
    let record = server.operator().get("/admin/audit?act=exported").await.ok(200);
    let targets: Vec<_> =
        list(&record["items"]).iter().map(|line| line["target"].clone()).collect();
    let told = [Value::Null, json!(format!("room:{room}")), json!(format!("user:{}", ada.user))];
    assert_eq!(targets, told);
    let folder = tempfile::tempdir().expect("a folder");
    let never = folder.path().join("never.tar");
    let to = never.to_str().expect("a path");
    for wrong in [["--user", "4711"], ["--room", "4711"]] {
        let said = shell.run(&["export", wrong[0], wrong[1], "--to", to]).await;
        assert!(said.refused().contains("no such"), "{said:?}");
    }
    let file = folder.path().join("ada.tar");
    let adas = file.to_str().expect("a path");
    // By name it is the same person.
    shell.run(&["export", "--user", "Ada", "--to", adas]).await.ok();
    let record = server.operator().get("/admin/audit?act=exported&limit=1").await.ok(200);
    assert_eq!(record["items"][0]["target"], format!("user:{}", ada.user));
    let over = shell.run(&["export", "--user", "ada", "--to", adas]).await;
    assert!(over.refused().contains("--force"), "{over:?}");
    shell.run(&["export", "--user", "ada", "--to", adas, "--force"]).await.ok();
    for (wrong, of, words) in [
        ("nobody", "default", "nobody called nobody in default"),
        ("ada", "next-door", "nobody called ada in next-door"),
        ("a'da", "default", "nobody called a'da"),
    ] {
        let words_of = ["export", "--user", wrong, "--tenant", of, "--to", to];
        let said = shell.run(&words_of).await;
        assert!(said.refused().contains(words), "{said:?}");
    }
    let both = shell.run(&["export", "--all", "--user", "1", "--to", to]).await;
    assert_eq!(both.code, 2, "{both:?}");
    assert!(!never.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebodys_is_told_readable_and_nothing_else() {
    told(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_from_postgres() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("it starts");
    told(&[("HALLWAY_DATABASE_URL", &postgres.url())]).await;
    tokio::task::spawn_blocking(move || drop(postgres)).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_every_table_it_is_said_what_is_told() {
    let server = Process::start(&[]).await;
    let place = Place::Sqlite(server.data());
    let tables = tokio::task::spawn_blocking(move || {
        let snapshot = Snapshot::take(&place).expect("a snapshot");
        snapshot.tables.into_iter().map(|table| table.name).collect::<Vec<_>>()
    });
    for table in tables.await.expect("it does not panic") {
        let first = |from: &str| from.split([' ', '\n']).next() == Some(table.as_str());
        let told = PARTS.iter().any(|part| first(part.from));
        let silent = SILENT.iter().any(|(name, _)| *name == table);
        assert!(told != silent, "say in operate/export/parts.rs what is told of {table}");
    }
    for part in PARTS {
        for column in part.columns {
            let secret = ["hash", "password", "family", "secret", "token"];
            assert!(!secret.iter().any(|word| column.contains(word)), "{}.{column}", part.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_that_deleted_rows_leave_is_given_back() {
    let server = Process::start(&[("HALLWAY_LIMITS", "off")]).await;
    let ada = server.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let text = "tea,".repeat(900);
    let mut said = Vec::new();
    for _ in 0..120 {
        said.push(int(&ada.says(room, &text).await["seq"]));
    }
    for seq in &said[1..] {
        ada.delete(&format!("/rooms/{room}/messages/{seq}")).await.fine();
    }
    let shell = Shell::at(&server.data());
    let refused = shell.run(&["vacuum"]).await;
    assert!(refused.refused().contains("stop it first"), "{refused:?}");
    let folder = server.ends().await;
    let done = shell.run(&["vacuum", "--json"]).await.json();
    assert!(int(&done["freed"]) > 100 * 1024, "{done}");
    let length = std::fs::metadata(folder.path().join("data/hallway.db")).expect("a file").len();
    assert_eq!(i64::try_from(length).expect("small"), int(&done["after"]));
    let server = Process::start_in(folder, &[]).await;
    let ada = crate::house::Person { address: server.address, ..ada };
    let found = ada.get(&format!("/rooms/{room}/messages/{}", said[0])).await.ok(200);
    assert_eq!(found["text"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_vacuumed_beside_its_server() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("it starts");
    let url = postgres.url();
    let server = Process::start(&[("HALLWAY_DATABASE_URL", &url)]).await;
    server.ada().await;
    let shell = Shell::at(&server.data()).with("HALLWAY_DATABASE_URL", &url);
    let done = shell.run(&["vacuum", "--json"]).await.json();
    assert!(int(&done["after"]) > 0, "{done}");
    server.login("ada").await;
    drop(server);
    tokio::task::spawn_blocking(move || drop(postgres)).await.expect("it ends");
}
