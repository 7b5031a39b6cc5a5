//! The server's disk died and a backup of a while ago was put back. What was acknowledged since is
//! gone there, and still with the people who said it: it is sent again under its old keys, once, and
//! everybody sees the same in the end.

use hallway_tests::cast::agree;
use hallway_tests::server::{binary, folder};
use hallway_tests::{House, Person};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A subcommand of the server's program, about its data folder.
fn operates(house: &House, what: &str, file: &Path) -> String {
    let mut command = Command::new(binary());
    let ended = command.arg(what).arg(file).arg("--data").arg(house.data()).output();
    let ended = ended.expect("the program runs");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{what}: {err}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_after_the_backup_comes_back_from_those_who_said_it() {
    let mut house = House::open().await;
    house.person("lin").await;
    let ada = house.core("ada").await;
    let lin = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    for n in 0..20 {
        ada.says(&format!("before {n}")).await;
    }
    lin.hears("before 19").await;
    agree(&[&ada, &lin], kitchen).await;

    let shelf = folder("backup");
    let file = shelf.path().join("hallway.tar");
    operates(&house, "backup", &file);
    for n in 0..5 {
        ada.says(&format!("since {n}")).await;
        lin.says(&format!("hers {n}")).await;
    }
    ada.hears("hers 4").await;
    lin.hears("since 4").await;
    // Acknowledged, all of it: nothing waits in an outbox.
    ada.settles().await;
    lin.settles().await;
    let before = agree(&[&ada, &lin], kitchen).await;

    house.kill();
    for name in ["hallway.db", "hallway.db-wal", "hallway.db-shm"] {
        let _ = fs::remove_file(house.data().join(name));
    }
    let said = operates(&house, "restore", &file);
    assert!(said.contains("A new epoch begins"), "{said}");
    house.up().await.expect("it starts again");

    lin.hears("since 4").await;
    ada.hears("hers 4").await;
    let after = agree(&[&ada, &lin], kitchen).await;
    let sorted = |lines: &[hallway_tests::Line]| {
        let mut texts: Vec<_> = lines.iter().map(|line| line.text.clone()).collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&after), sorted(&before), "all of it, and nothing twice");
    // The server has them, not only the screens.
    let there = house.owner.history(kitchen).await;
    let count = |text: &str| there.iter().filter(|row| row.text == text).count();
    for n in 0..5 {
        assert_eq!((count(&format!("since {n}")), count(&format!("hers {n}"))), (1, 1), "{n}");
    }
    // And goes on from there.
    ada.says("and on").await;
    lin.hears("and on").await;
    let disk = lin.closes().await;
    let lin = Person::reopen(disk).await;
    lin.opens(kitchen).await;
    agree(&[&ada, &lin], kitchen).await;
}
