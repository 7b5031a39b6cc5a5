//! `check`: what is configured and by whom, and whether the server would start.

use crate::house::shell::Shell;
use crate::house::{Process, list};
use crate::postgres::Postgres;
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

/// What it says of one thing.
fn of<'v>(report: &'v Value, what: &str) -> (&'v str, &'v str) {
    let found = list(&report["health"]).iter().find(|finding| finding["what"] == what);
    let found = found.unwrap_or_else(|| panic!("nothing of {what}: {report}"));
    (found["state"].as_str().expect("a state"), found["says"].as_str().expect("words"))
}

fn setting<'v>(report: &'v Value, name: &str) -> &'v Value {
    let found = list(&report["settings"]).iter().find(|setting| setting["name"] == name);
    found.unwrap_or_else(|| panic!("nothing of {name}: {report}"))
}

/// The report of a server that would not start.
fn bad(ended: &crate::house::shell::Ended) -> Value {
    assert_eq!(ended.code, 1, "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(report["starts"], false);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_start_it_says_what_would_be_and_makes_nothing() {
    let base = tempfile::tempdir().expect("a folder");
    let data = base.path().join("data");
    fs::write(base.path().join("hallway.toml"), "log = \"json\"\n").expect("written");
    let shell = Shell::at(&data).with("HALLWAY_REGISTRATION", "open");
    let report = shell.run(&["check", "--json", "--listen", "127.0.0.1:0"]).await.json();
    assert_eq!((&report["starts"], &report["running"]), (&json!(true), &json!(false)));
    let said = |name: &str| setting(&report, name).clone();
    assert_eq!(said("log"), json!({"name": "log", "value": "json", "source": "file"}));
    let open = json!({"name": "registration", "value": "open", "source": "environment"});
    assert_eq!(said("registration"), open);
    let listen = json!({"name": "listen", "value": "127.0.0.1:0", "source": "flag"});
    assert_eq!(said("listen"), listen);
    assert_eq!(said("tls_key"), json!({"name": "tls_key", "value": null, "source": "default"}));
    assert_eq!(of(&report, "mail"), ("ok", "off"));
    assert!(!data.exists(), "a check makes nothing");
    let said = shell.run(&["check", "--listen", "127.0.0.1:0"]).await;
    assert!(said.ok().ends_with("It would start.\n"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_server_it_says_how_that_is_and_shows_no_secret() {
    let server = Process::start(&[]).await;
    server.ada().await;
    let shell = Shell::at(&server.data())
        .with("HALLWAY_MAIL", "smtps://ada@127.0.0.1:1")
        .with("HALLWAY_MAIL_PASSWORD", "kettle-kettle");
    let said = shell.run(&["check", "--full", "--json"]).await;
    let report = said.json();
    assert_eq!((&report["starts"], &report["running"]), (&json!(true), &json!(true)));
    let (state, database) = of(&report, "database");
    assert_eq!(state, "ok");
    assert!(database.contains("SQLite 3.") && database.contains("sound"), "{database}");
    let epoch = server.call("GET", "/server", Value::Null).await.ok(200)["epoch"].clone();
    assert!(database.ends_with(epoch.as_str().expect("text")), "{database}");
    // Mail is no reason not to start, and worth a word.
    assert_eq!(of(&report, "mail").0, "warn");
    assert_eq!(setting(&report, "mail_password")["value"], "set");
    let secret = fs::read_to_string(server.data().join("secret")).expect("a secret");
    for hidden in ["kettle-kettle", secret.trim()] {
        assert!(!said.out.contains(hidden) && !said.err.contains(hidden), "{said:?}");
    }
    // Looked at, it goes on.
    server.login("ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_keep_it_from_starting_is_named_and_is_the_exit_code() {
    let folder = Process::start(&[]).await.ends().await;
    let data = folder.path().join("data");
    let shell = Shell::at(&data);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let report = bad(&shell.run(&["check", "--json", "--listen", &address]).await);
    assert_eq!(of(&report, "address").0, "bad");
    let check = ["check", "--json", "--listen", "127.0.0.1:0"];
    shell.run(&check).await.json();

    let mode = |mode| fs::set_permissions(data.join("secret"), fs::Permissions::from_mode(mode));
    mode(0o644).expect("ours");
    let report = bad(&shell.run(&check).await);
    assert!(of(&report, "secret").1.contains("chmod 600"), "{report}");
    mode(0o600).expect("ours");

    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("ours");
    assert_eq!(of(&shell.run(&check).await.json(), "data folder").0, "warn");

    // A newer version was here: neither check nor start goes on.
    let database = data.join("hallway.db");
    let conn = rusqlite::Connection::open(&database).expect("a database");
    let newer = "insert into migrations (name, at) values ('9999_beyond', 0)";
    conn.execute(newer, []).expect("written");
    let report = bad(&shell.run(&check).await);
    assert!(of(&report, "database").1.contains("9999_beyond"), "{report}");
    let said = shell.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(said.refused().contains("newer version"), "{said:?}");
    conn.execute("delete from migrations where name = '9999_beyond'", []).expect("written");
    drop(conn);
    shell.run(&check).await.json();

    let mut pages = fs::read(&database).expect("readable");
    let middle = pages.len() / 2;
    pages[middle..].fill(0x5a);
    fs::write(&database, pages).expect("ours");
    assert_eq!(of(&bad(&shell.run(&check).await), "database").0, "bad");

    let wrong = shell.with("HALLWAY_ORIGINS", "*").run(&check).await;
    assert!(wrong.refused().contains("wildcard"), "{wrong:?}");
    let other = Shell::at(&folder.path().join("data/hallway.db"));
    assert_eq!(of(&bad(&other.run(&check).await), "data folder").0, "bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_looked_at_for_its_end() {
    let base = tempfile::tempdir().expect("a folder");
    let (chain, key) = (base.path().join("chain.pem"), base.path().join("key.pem"));
    let make = |until: (i32, u8, u8)| {
        let mut params =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let pair = rcgen::KeyPair::generate().expect("a key");
        let made = params.self_signed(&pair).expect("a certificate");
        fs::write(&chain, made.pem()).expect("written");
        fs::write(&key, pair.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("ours");
    };
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let (cert, private) = (text(&chain), text(&key));
    let shell = Shell::at(&base.path().join("data"));
    let check =
        ["check", "--json", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    make((4000, 1, 1));
    let report = shell.run(&check).await.json();
    let (state, says) = of(&report, "TLS");
    assert!(state == "ok" && says.contains("is good for"), "{says}");
    make((2021, 1, 1));
    let report = shell.run(&check).await.json();
    let (state, says) = of(&report, "TLS");
    assert!(state == "warn" && says.contains("ended"), "{says}");
    fs::write(&chain, "no certificate").expect("written");
    assert_eq!(of(&bad(&shell.run(&check).await), "TLS").0, "bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_asked_too_and_one_that_is_not_there_is_said() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("it starts");
    let base = tempfile::tempdir().expect("a folder");
    let data = base.path().join("data");
    let check = ["check", "--json", "--listen", "127.0.0.1:0"];
    let url = postgres.url();
    let shell = Shell::at(&data).with("HALLWAY_DATABASE_URL", &url);
    let said = shell.run(&check).await;
    assert!(!said.out.contains(&url), "an address may hold a password");
    let report = said.json();
    let (state, says) = of(&report, "database");
    assert!(state == "ok" && says.contains("empty") && says.contains("PostgreSQL"), "{says}");
    let server = Process::start(&[("HALLWAY_DATABASE_URL", &url)]).await;
    let report = shell.run(&check).await.json();
    assert!(of(&report, "database").1.contains("schema 0"), "{report}");
    server.ends().await;
    tokio::task::spawn_blocking(move || drop(postgres)).await.expect("it ends");
    let report = bad(&shell.run(&check).await);
    assert!(of(&report, "database").1.contains("cannot be reached"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_variable_is_said_at_start_and_by_check() {
    let wrong = [("HALLWAY_REGISTRATON", "open"), ("HALLWAY_SERVICE_HOST", "10.0.0.1")];
    let (server, mut log) = Process::logging(&wrong).await;
    let said = log.line(|line| line.contains("REGISTRATON")).await;
    assert!(said.contains("WARN") && said.contains("HALLWAY_REGISTRATION?"), "{said}");
    let shell = Shell::at(&server.data()).with("HALLWAY_REGISTRATON", "open");
    let report = shell.run(&["check", "--json"]).await.json();
    let (state, says) = of(&report, "environment");
    assert!(state == "warn" && says.contains("HALLWAY_REGISTRATION?"), "{says}");
    let right = Shell::at(&server.data()).run(&["check", "--json"]).await.json();
    assert!(list(&right["health"]).iter().all(|one| one["what"] != "environment"), "{right}");
}

/// Its secret goes while people are signed in.
async fn lost(environment: &[(&str, &str)]) {
    let server = Process::start(environment).await;
    let ada = server.ada().await;
    let folder = server.ends().await;
    let data = folder.path().join("data");
    fs::remove_file(data.join("secret")).expect("a secret");
    let shell =
        environment.iter().fold(Shell::at(&data), |shell, (name, value)| shell.with(name, value));
    let report = shell.run(&["check", "--json", "--listen", "127.0.0.1:0"]).await.json();
    let (state, says) = of(&report, "secret");
    assert!(state == "warn" && says.contains("1 sessions"), "{says}");
    assert_eq!(report["starts"], true);
    assert!(!data.join("secret").exists(), "a check makes nothing");
    let (server, mut log) = Process::logging_in(folder, environment).await;
    let said = log.line(|line| line.contains("secret")).await;
    assert!(said.contains("WARN") && said.contains("sign in again"), "{said}");
    let ada = crate::house::Person { address: server.address, ..ada };
    assert_eq!(ada.get("/users/me").await.refused(), (401, "signed_out"));
    let report = shell.run(&["check", "--json"]).await.json();
    assert_eq!(of(&report, "secret").0, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_secret_is_said_at_start_and_by_check() {
    lost(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_secret_is_said_on_postgresql_too() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("it starts");
    let url = postgres.database("lost_secret");
    lost(&[("HALLWAY_DATABASE_URL", &url)]).await;
}
