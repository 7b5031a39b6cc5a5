//! Backup, restore and export where the files lie in a bucket: they are in it, and go to wherever the
//! new configuration says.

use crate::house::shell::Shell;
use crate::house::uploads::named;
use crate::house::{Person, Process, int, key, list};
use hallway_outside::Bucket;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;

/// Where a server keeps its files.
struct Storage {
    folder: TempDir,
    bucket: Option<Bucket>,
}

impl Storage {
    async fn new(in_bucket: bool) -> Storage {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = if in_bucket { Some(Bucket::open().await) } else { None };
        Storage { folder, bucket }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn shell(&self) -> Shell {
        let environment = self.bucket.iter().flat_map(Bucket::environment);
        environment.fold(Shell::at(&self.data()), |shell, (name, value)| shell.with(name, &value))
    }

    /// The same with a server on it.
    async fn start(self) -> (Process, Option<Bucket>) {
        let environment: Vec<_> = self.bucket.iter().flat_map(Bucket::environment).collect();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        (Process::start_in(self.folder, &environment).await, self.bucket)
    }
}

/// Every object below a folder, by its name.
fn objects(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below").to_owned();
                found.insert(name, fs::read(&path).expect("bytes"));
            }
        }
    }
    found
}

fn root(data: &Path, bucket: Option<&Bucket>) -> PathBuf {
    bucket.map_or_else(|| data.join("files"), Bucket::folder)
}

/// So many bytes that do not repeat soon.
fn many(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * n / 251) as u8 ^ n as u8).collect()
}

/// A file of more than one piece.
async fn large(person: &Person, bytes: &[u8]) -> String {
    let made = person.post("/media", named("film.bin", "video/x-film", bytes)).await.ok(201);
    let media = format!("/media/{}", made["id"].as_str().expect("an id"));
    let count = bytes.len().div_ceil(8 * MIB);
    let parts = person.post(&format!("{media}/parts"), json!({"parts": count})).await.ok(201);
    let mut sent = Vec::new();
    for part in list(&parts["parts"]) {
        let of = |name: &str| usize::try_from(int(&part[name])).expect("a place");
        let said = person.sends(part, &bytes[of("offset")..of("offset") + of("size")]).await;
        said.clone().ok(200);
        sent.push(json!({"n": part["n"], "etag": said.headers["etag"]}));
    }
    person.post(&format!("{media}/complete"), json!({"parts": sent})).await.ok(200);
    media
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_bucket_are_in_a_backup_and_go_where_the_new_server_keeps_them() {
    for (from, into) in [(false, true), (true, false), (true, true)] {
        let (old, new) = (Storage::new(from).await, Storage::new(into).await);
        let shell = old.shell();
        let (server, bucket) = old.start().await;
        let ada = server.ada().await;
        let film = many(9 * MIB + 3);
        let large = large(&ada, &film).await;
        let note = ada.uploads("a list.txt", "text/plain", b"milk, bread").await["id"].clone();
        let picture = ada.uploads("a.png", "image/png", &crate::pictures::png(600, 20)).await;
        let thumbnail = format!("/media/{}/thumbnail", picture["id"].as_str().expect("an id"));
        let thumb = ada.awaits(&thumbnail).await.bytes;
        ada.brings("half.txt", "text/plain", b"half").await;
        let shelf = tempfile::tempdir().expect("a folder");
        let file = shelf.path().join("hallway.tar");
        let name = file.to_str().expect("text");
        let said = shell.run(&["backup", name, "--json"]).await.json();
        let before = objects(&root(&server.data(), bucket.as_ref()));
        assert_eq!(int(&said["files"]) as usize, before.len(), "{said}");
        assert_eq!((before.len(), &said["missing"]), (5, &json!([])), "{:?}", before.keys());
        drop(server);

        let (shell, data) = (new.shell(), new.data());
        shell.run(&["restore", name]).await.ok();
        assert!(!data.join("restoring").exists());
        assert_eq!(data.join("files").exists(), !into, "in one place, not in both");
        assert!(before == objects(&root(&data, new.bucket.as_ref())), "the same, byte for byte");
        let (server, _bucket) = new.start().await;
        let ada = server.login("ada").await;
        assert!(ada.get(&format!("{large}/content")).await.bytes == film);
        let note = format!("/media/{}/content", note.as_str().expect("an id"));
        assert_eq!(ada.get(&note).await.bytes, b"milk, bread");
        assert_eq!(ada.get(&thumbnail).await.bytes, thumb);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_bucket_is_said_and_files_can_be_left_out() {
    let old = Storage::new(true).await;
    let (shell, data) = (old.shell(), old.data());
    let (server, bucket) = old.start().await;
    let bucket = bucket.expect("a bucket");
    let ada = server.ada().await;
    let lost = ada.uploads("lost.txt", "text/plain", b"lost words").await["id"].clone();
    let kept = ada.uploads("kept.txt", "text/plain", b"kept words").await["id"].clone();
    // Somebody else's, which is none of ours.
    fs::write(bucket.folder().join("notes.txt"), "of another").expect("written");
    let gone = objects(&bucket.folder()).into_iter().find(|(_, bytes)| bytes == b"lost words");
    fs::remove_file(bucket.folder().join(gone.expect("it is there").0)).expect("removed");
    let shelf = tempfile::tempdir().expect("a folder");
    let path = |name: &str| shelf.path().join(name).to_str().expect("text").to_owned();
    let said = shell.run(&["backup", &path("all.tar"), "--json"]).await.json();
    assert_eq!((int(&said["files"]), list(&said["missing"]).len()), (1, 1), "{said}");
    let said = shell.run(&["backup", "--without-files", &path("rows.tar")]).await;
    assert!(said.ok().contains("0 files") && said.ok().contains("not in it"), "{said:?}");

    // What people take along is read from there too.
    let told = shell.run(&["export", "--all", "--to", &path("export.tar"), "--json"]).await.json();
    assert_eq!(told["files"], 1);
    let mut tar = tar::Archive::new(fs::File::open(path("export.tar")).expect("a file"));
    let name = format!("files/{}-kept.txt", kept.as_str().expect("an id"));
    let found = tar.entries().expect("members").map(|entry| entry.expect("a member"));
    let mut found = found.into_iter().find(|entry| entry.path_bytes() == name.as_bytes());
    let mut text = String::new();
    found.as_mut().expect("the file").read_to_string(&mut text).expect("text");
    assert_eq!(text, "kept words");

    // A backup of the rows alone goes back beside the bucket that is still there, or a copy of it.
    server.ends().await;
    let new = Storage { bucket: Some(bucket), ..Storage::new(false).await };
    let said = new.shell().run(&["restore", &path("rows.tar")]).await;
    assert!(said.ok().contains("left out") && said.ok().contains("s3://"), "{said:?}");
    let (server, bucket) = new.start().await;
    let ada = server.login("ada").await;
    let content = |id: &Value| format!("/media/{}/content", id.as_str().expect("an id"));
    assert_eq!(ada.get(&content(&kept)).await.bytes, b"kept words");
    assert!(ada.get(&content(&lost)).await.status >= 400);
    drop((server, bucket));
    assert!(!data.join("files").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_reached_is_no_backup() {
    let old = Storage::new(true).await;
    let (shell, shelf) = (old.shell(), tempfile::tempdir().expect("a folder"));
    let (server, bucket) = old.start().await;
    server.ada().await.uploads("a.txt", "text/plain", b"milk").await;
    let file = shelf.path().join("hallway.tar");
    let wrong = shell.with("HALLWAY_FILES_SECRET", "another");
    let said = wrong.run(&["backup", file.to_str().expect("text")]).await;
    assert!(said.refused().contains("files cannot be listed"), "{said:?}");
    assert_eq!(fs::read_dir(shelf.path()).expect("a folder").count(), 0, "nothing half is left");
    let body = json!({"key": key(), "kind": "group", "name": "tea"});
    server.login("ada").await.post("/rooms", body).await.ok(201);
    drop(bucket);
}
