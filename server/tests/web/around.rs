//! What `check` says of those around the server: each is asked where it is configured, with who
//! configured it, and a sentence when it does not do what is needed.

use crate::house::shell::Shell;
use crate::house::{Process, list};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use hallway_kit::{Clock, Tasks};
use hallway_outside::Bucket;
use hallway_outside::provider::{CLIENT, Provider};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use tokio::net::TcpListener;

const CHECK: [&str; 4] = ["check", "--json", "--listen", "127.0.0.1:0"];

/// State, words, and who said the setting it hangs on.
fn of<'v>(report: &'v Value, what: &str) -> (&'v str, &'v str, &'v str) {
    let found = list(&report["health"]).iter().find(|finding| finding["what"] == what);
    let found = found.unwrap_or_else(|| panic!("nothing of {what}: {report}"));
    let text = |name: &str| found[name].as_str().expect("text");
    (text("state"), text("says"), text("source"))
}

/// An address at which nobody is.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address")
}

async fn collector(status: StatusCode) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/v1/traces", post(move || async move { status }));
    let tasks = Tasks::default();
    tasks.once("collector", async move {
        axum::serve(listener, router).await.expect("it serves");
    });
    (address, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_configured_nobody_is_asked() {
    let base = tempfile::tempdir().expect("a folder");
    let shell = Shell::at(&base.path().join("data"));
    let report = shell.run(&CHECK).await.json();
    for what in ["files", "sign-in", "traces", "push"] {
        let (state, says, source) = of(&report, what);
        assert_eq!((state, source), ("ok", "default"), "{what}: {says}");
    }
    let said = shell.run(&["check", "--listen", "127.0.0.1:0"]).await;
    assert!(said.ok().contains("in the data folder"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_written_read_and_deleted_from() {
    let base = tempfile::tempdir().expect("a folder");
    let bucket = Bucket::open().await;
    let environment = bucket.environment();
    let shell = |name: &str, value: &str| {
        let shell = Shell::at(&base.path().join("data"));
        let shell = environment.iter().fold(shell, |shell, (name, value)| shell.with(name, value));
        shell.with(name, value)
    };
    let report = shell("HALLWAY_LOG", "text").run(&CHECK).await.json();
    let (state, says, source) = of(&report, "files");
    assert_eq!((state, source), ("ok", "environment"), "{says}");
    assert!(says.contains("s3://") && says.contains("deleted"), "{says}");
    assert_eq!(bucket.objects(), Vec::<std::path::PathBuf>::new(), "nothing is left there");
    let gone = format!("http://{}", nobody().await);
    for (name, value, word) in [
        ("HALLWAY_FILES_SECRET", "another", "written"),
        ("HALLWAY_FILES_KEY", "nobody", "written"),
        ("HALLWAY_FILES_ENDPOINT", gone.as_str(), "written"),
    ] {
        let said = shell(name, value).run(&CHECK).await;
        let report = said.json();
        let (state, says, _) = of(&report, "files");
        assert!(state == "warn" && says.contains(word), "{name}: {says}");
        assert!(!said.out.contains("kettle/on"), "its secret is not told");
    }
    let said = shell("HALLWAY_FILES_URL", "https://elsewhere").run(&CHECK).await;
    assert!(said.refused().contains("files_url"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_from_which_nothing_can_be_deleted_is_said() {
    let base = tempfile::tempdir().expect("a folder");
    let bucket = Bucket::locked().await;
    let shell = Shell::at(&base.path().join("data"));
    let environment = bucket.environment();
    let shell = environment.iter().fold(shell, |shell, (name, value)| shell.with(name, value));
    let report = shell.run(&CHECK).await.json();
    let (state, says, _) = of(&report, "files");
    assert!(state == "warn" && says.contains("nothing can be deleted"), "{says}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_has_to_be_who_is_configured() {
    let base = tempfile::tempdir().expect("a folder");
    let provider = Provider::open(&Clock::system()).await;
    let shell = |issuer: &str| {
        let shell = Shell::at(&base.path().join("data")).with("HALLWAY_OIDC_ISSUER", issuer);
        shell.with("HALLWAY_OIDC_CLIENT_ID", CLIENT)
    };
    let report = shell(&provider.issuer()).run(&CHECK).await.json();
    let (state, says, source) = of(&report, "sign-in");
    assert_eq!((state, source), ("ok", "environment"), "{says}");
    assert!(says.contains("answers, with 1 keys"), "{says}");
    // Another name for the same place.
    let other = format!("{}/", provider.issuer());
    let report = shell(&other).run(&CHECK).await.json();
    let (state, says, _) = of(&report, "sign-in");
    assert!(state == "warn" && says.contains("it calls itself"), "{says}");
    provider.behaves(|manner| manner.down = true);
    let report = shell(&provider.issuer()).run(&CHECK).await.json();
    let (state, says, _) = of(&report, "sign-in");
    assert!(state == "warn" && says.contains("nobody can sign in by"), "{says}");
    let gone = format!("http://{}", nobody().await);
    assert_eq!(of(&shell(&gone).run(&CHECK).await.json(), "sign-in").0, "warn");
    let said = shell("http://id.example").run(&CHECK).await;
    assert!(said.refused().contains("oidc_issuer"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_traces_is_sent_nothing_and_has_to_take_it() {
    let base = tempfile::tempdir().expect("a folder");
    let shell = |to: &str| Shell::at(&base.path().join("data")).with("HALLWAY_OTLP_URL", to);
    let (well, _well) = collector(StatusCode::OK).await;
    let report = shell(&format!("http://{well}")).run(&CHECK).await.json();
    let (state, says, source) = of(&report, "traces");
    assert_eq!((state, source), ("ok", "environment"), "{says}");
    let (ill, _ill) = collector(StatusCode::UNAUTHORIZED).await;
    let report = shell(&format!("http://{ill}")).run(&CHECK).await.json();
    let (state, says, _) = of(&report, "traces");
    assert!(state == "warn" && says.contains("401"), "{says}");
    let gone = nobody().await;
    assert_eq!(of(&shell(&format!("http://{gone}")).run(&CHECK).await.json(), "traces").0, "warn");
    let report = shell("collector").run(&CHECK).await;
    let report: Value = serde_json::from_str(&report.out).expect("JSON");
    assert_eq!((of(&report, "traces").0, &report["starts"]), ("bad", &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_push_has_to_open_with_the_secret_that_is_there() {
    let server = Process::start(&[]).await;
    let shell = Shell::at(&server.data()).with("HALLWAY_BASE_URL", "https://chat.example");
    let ada = server.ada().await;
    assert!(of(&shell.run(&CHECK).await.json(), "push").1.contains("will be made"));
    ada.get("/push/key").await.ok(200);
    assert_eq!(of(&shell.run(&CHECK).await.json(), "push").0, "ok");
    let report = Shell::at(&server.data()).run(&CHECK).await.json();
    let (state, says, _) = of(&report, "push");
    assert!(state == "warn" && says.contains("base_url"), "{says}");
    let folder = server.ends().await;
    let secret = folder.path().join("data/secret");
    let known = fs::read_to_string(&secret).expect("a secret");
    let other: String = known.trim().chars().rev().collect();
    fs::write(&secret, other).expect("ours");
    let report = shell.run(&CHECK).await.json();
    let (state, says, _) = of(&report, "push");
    assert!(state == "warn" && says.contains("another secret"), "{says}");
}
