//! What may be linked: one SQLite, SQLCipher and OpenSSL in the app alone, the server never beside
//! the core.

use crate::floors::section;
use crate::tree::{clean, root, says};

/// The only package that may stand between us and SQLite's library.
const DOOR: &str = "rusqlite";

/// Packages of a lock file with what they depend on.
fn packages(lock: &str) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for block in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = block.lines().find(|line| line.starts_with(&format!("{name} = ")));
            line.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned()
        };
        let needs = block.split("dependencies = [").nth(1).unwrap_or_default();
        let needs = needs.split('"').skip(1).step_by(2);
        let first = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
        all.push((field("name"), needs.map(first).collect()));
    }
    all
}

fn other_sqlite_users(lock: &str) -> Vec<String> {
    let packages = packages(lock);
    let mut found = Vec::new();
    for name in ["libsqlite3-sys", DOOR] {
        let count = packages.iter().filter(|(package, _)| package == name).count();
        if count > 1 {
            found.push(format!("{name} is {count} times in Cargo.lock"));
        }
    }
    for (package, needs) in &packages {
        if package != DOOR && needs.iter().any(|need| need == "libsqlite3-sys") {
            found.push(format!("{package} uses SQLite beside {DOOR}"));
        }
        let others = ["sqlx", "diesel", "sqlite", "sqlite3-sys", "libsql", "turso"];
        if others.contains(&package.as_str()) || package.starts_with("sqlx-") {
            found.push(format!("{package} brings a SQLite of its own"));
        }
    }
    found
}

#[test]
fn there_is_one_user_of_sqlite() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    clean(other_sqlite_users(&lock));
}

#[test]
fn a_second_user_of_sqlite_is_found() {
    let package = |name: &str, need: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\ndependencies = [\n \"{need}\",\n]\n\n"
        )
    };
    let good = package("libsqlite3-sys", "cc") + &package("rusqlite", "libsqlite3-sys 0.39.0");
    assert_eq!(other_sqlite_users(&good), Vec::<String>::new());
    assert_eq!(other_sqlite_users(&(good + &package("sqlx-sqlite", "libsqlite3-sys"))).len(), 2);
}

#[test]
fn the_server_is_built_without_sqlcipher_and_openssl() {
    let tree = says(
        "cargo",
        &[
            "tree",
            "--locked",
            "-p",
            "hallway-server",
            "-e",
            "normal,build,features",
            "--prefix",
            "none",
        ],
    );
    assert!(tree.contains("hallway-server"), "{tree}");
    // The probe looks for certificates of the system, and links nothing.
    let probe = |line: &str| line.starts_with("openssl-probe ");
    let unwanted =
        |line: &&str| line.contains("sqlcipher") || (line.contains("openssl") && !probe(line));
    clean(tree.lines().filter(unwanted).map(str::to_owned).collect());
}

#[test]
fn nothing_depends_on_the_server() {
    let crates =
        ["protocol", "kit", "core", "src-tauri", "tests", "tests/outside", "bench", "xtask"];
    let mut found = Vec::new();
    for name in crates {
        let manifest = std::fs::read_to_string(root().join(name).join("Cargo.toml"));
        let manifest = manifest.expect("each crate has a manifest");
        for head in ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"] {
            if section(&manifest, head).any(|need| need == "hallway-server") {
                found.push(format!(
                    "{name} depends on hallway-server: with the core, features merge"
                ));
            }
        }
    }
    clean(found);
}

#[test]
fn each_crate_keeps_the_lints_of_the_workspace() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest");
    let members = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next());
    let members: Vec<&str> =
        members.expect("it names the members").split('"').skip(1).step_by(2).collect();
    assert!(members.len() >= 8, "{members:?}");
    let lax = |name: &&&str| {
        let manifest = std::fs::read_to_string(root().join(name).join("Cargo.toml"));
        !manifest.expect("a manifest").contains("[lints]\nworkspace = true")
    };
    let lax = members.iter().filter(lax);
    clean(lax.map(|name| format!("{name} does not take the workspace's lints")).collect());
}
