//! Objects that no file knows, in a folder and in a bucket: they go, but not before a week.

use crate::house::{House, PATIENCE};
use hallway_outside::Bucket;
use hallway_server::params;
use hallway_server::store::strays::SAFE_HOURS;
use hallway_server::store::{Needs, chores};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than two pages of them.
const STRAYS: usize = 230;

/// What lies below a folder.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()) {
        if path.is_dir() { found.extend(objects(&path)) } else { found.push(path) }
    }
    found
}

fn lies(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, "nobody's").expect("an object");
    path
}

/// Lets the server have run for so many hours, or a few more, and look at all there is: it does so
/// with every sixth clean-up.
async fn looks(house: &House, hours: i64) {
    let later = house.app.store.write(Needs::default(), move |tx| {
        let next = (chores::hours(tx)? + hours + 6) / 6 * 6 + 5;
        let sql = "update meta set value = $1 where name = 'hours'";
        tx.exec(sql, params![&next.to_string()])?;
        Ok(next)
    });
    let before = later.await.expect("later");
    house.clock.turn(Duration::from_secs(3_601));
    house.app.jobs.ring();
    let looked = async {
        loop {
            let hours = house.app.store.read(chores::hours).await.expect("a count");
            let left = house.app.store.read(|read| {
                read.number("select count(*) from jobs where kind = 'reconcile'", &[])
            });
            if hours == before + 1 && left.await.expect("a count") == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("it looks");
}

/// Waits for the clean-up with which a server begins.
async fn begun(house: &House) {
    let counted = async {
        while house.app.store.read(chores::hours).await.expect("a count") < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.expect("a clean-up");
}

async fn noted(house: &House) -> i64 {
    house
        .app
        .store
        .read(|read| read.number("select count(*) from strays", &[]))
        .await
        .expect("a count")
}

async fn what_is_nobodys_goes_after_a_week(house: &House, root: PathBuf) {
    begun(house).await;
    let ada = house.ada().await;
    let file = ada.uploads("a.txt", "text/plain", b"a pot of tea").await;
    let room = ada.group("kitchen", &[]).await;
    let said = json!({"key": crate::house::key(), "files": [file["id"]]});
    ada.post(&format!("/rooms/{room}/messages"), said).await.ok(201);
    // Only what is served stays of an upload; then nothing else happens here.
    let alone = async {
        while objects(&root).len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, alone).await.expect("what led to it goes");
    for n in 0..STRAYS {
        let tenant = [7, 71, 123][n % 3];
        lies(&root, &format!("{tenant}/{n:032x}/{}", ["file", "in/0", "thumb"][n % 3]));
    }
    let others = [lies(&root, "notes/of/an-operator"), lies(&root, "7/not-one-of-ours/file")];
    let all = objects(&root).len();
    assert_eq!(all, STRAYS + 3);
    looks(house, 0).await;
    assert_eq!(noted(house).await, STRAYS as i64);
    looks(house, SAFE_HOURS - 40).await;
    assert_eq!(objects(&root).len(), all, "nothing goes before its time");
    // One is somebody's after all, as when its row comes back from a backup; one is new.
    let back = house.app.store.write(Needs::default(), |tx| {
        tx.exec("update media set place = $1", params![&format!("7/{:032x}", 0)])
    });
    assert_eq!(back.await.expect("a row"), 1);
    let young = lies(&root, &format!("7/{:032x}/file", 9_999));
    looks(house, 40).await;
    let swept = async {
        // His, the young one, and the two that are not ours; the one that lost its row is noted.
        while objects(&root).len() > 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.unwrap_or_else(|_| panic!("{:?}", objects(&root)));
    assert!(young.exists() && others.iter().all(|other| other.exists()));
    assert_eq!(noted(house).await, 2, "the young one, and the one that lost its row");
    assert!(root.join(format!("7/{:032x}/file", 0)).exists(), "it is somebody's now");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nobodys_goes_from_a_folder() {
    let house = House::open().await;
    let root = house.data().join("files");
    what_is_nobodys_goes_after_a_week(&house, root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nobodys_goes_from_a_bucket() {
    let bucket = Bucket::open().await;
    let house = House::with(|config| crate::bucket::holds_files_of(&bucket, config)).await;
    what_is_nobodys_goes_after_a_week(&house, bucket.folder()).await;
}
