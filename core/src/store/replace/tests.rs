//! The exchange of a damaged store, cut short at each place.

use super::*;
use crate::op::Op;
use crate::store::Write;
use hallway_protocol::ids::{Key, RoomId};
use std::fs;

fn op(n: u8) -> Op {
    Op {
        op: n.into(),
        key: Key::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n]),
        room: RoomId(7),
        act: crate::op::Act::Send {
            text: format!("unsent {n}"),
            reply: None,
            thread: None,
            draft: crate::op::Draft::Kept,
        },
        target: None,
        needs: None,
        state: crate::op::State::Queued,
        attempts: 0,
        error: None,
        at: 5,
        born: None,
        settle: None,
        not_before: 0,
    }
}

/// A store with three unsent messages whose last page is spoiled.
fn damaged(folder: &Path) -> Place {
    let path = folder.join("store.db");
    let place = Place { path, key: StoreKey([7; 32]), account: "a".into(), me: UserId(3) };
    let (mut store, replaced) = place.open().unwrap();
    assert!(!replaced);
    let ops: Vec<Write> = (1..=3).map(|n| Write::Put(op(n))).collect();
    store.commit(&ops, 0).unwrap();
    store.tidy().unwrap();
    drop(store);
    place
}

fn unsent(place: &Place) -> Vec<Op> {
    place.open().unwrap().0.load().unwrap().ops
}

fn all() -> [Op; 3] {
    [op(1), op(2), op(3)]
}

#[test]
fn what_was_unsent_outlives_a_crash_at_any_place() {
    for cut in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let place = damaged(folder.path());
        if cut == 0 {
            // While the new one was being filled.
            fs::write(folder.path().join("store.making"), "half").unwrap();
            fs::write(folder.path().join("store.making-wal"), "half").unwrap();
            place.replace().unwrap();
        } else {
            place.make().unwrap();
        }
        if cut >= 2 {
            let aside = folder.path().join("set-aside");
            fs::create_dir(&aside).unwrap();
            fs::rename(&place.path, aside.join("1-store.db")).unwrap();
        }
        if cut == 3 {
            // What the old one still had to say was not moved yet.
            fs::write(folder.path().join("store.db-wal"), "of the old one").unwrap();
        }
        assert_eq!(unsent(&place), all(), "cut at {cut}");
        assert!(!made(&place.path).exists());
        assert_eq!(unsent(&place), all(), "and again");
    }
}

#[test]
fn a_new_store_that_cannot_be_made_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = damaged(folder.path());
    let before = fs::read(&place.path).unwrap();
    let in_the_way = folder.path().join("store.making");
    fs::create_dir_all(in_the_way.join("full")).unwrap();
    assert!(place.replace().is_err());
    assert_eq!(fs::read(&place.path).unwrap(), before);
    fs::remove_dir_all(in_the_way).unwrap();
    place.replace().unwrap();
    assert_eq!(unsent(&place), all());
}

#[test]
fn what_cannot_be_looked_at_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let place = damaged(folder.path());
    let moved = folder.path().join("moved");
    fs::rename(&place.path, &moved).unwrap();
    // It cannot be opened, which says nothing about what is in it.
    fs::create_dir(&place.path).unwrap();
    assert!(place.replace().is_err());
    assert!(place.path.is_dir() && !folder.path().join("set-aside").exists());
}

#[cfg(unix)]
#[test]
fn its_files_are_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = damaged(folder.path());
    place.replace().unwrap();
    let (mut store, _) = place.open().unwrap();
    store.set("x", "y").unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(folder.path().join(file)), 0o600, "{file}");
    }
    let aside = folder.path().join("set-aside");
    assert_eq!(mode(aside.clone()), 0o700);
    for file in fs::read_dir(aside).unwrap().flatten() {
        assert_eq!(mode(file.path()), 0o600, "{:?}", file.path());
    }
}
