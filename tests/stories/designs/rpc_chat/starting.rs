//! It is started by one command, welcomes who comes by a browser, and says goodbye.

use hallway_protocol::frames::ServerFrame;
use hallway_tests::server::{binary, folder};
use hallway_tests::wait::blocking;
use hallway_tests::wire::{Socket, plain};
use hallway_tests::{Engine, House, Rest, Server, Setup, soon};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

on_both!(it_says_goodbye, a_browser_is_told_what_this_is);

/// Started by one command, ended by one signal: those connected are told, and it leaves in time.
async fn it_says_goodbye(engine: Engine) {
    let mut house = House::with(Setup::new(engine)).await;
    let kitchen = house.owner.creates("kitchen").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::open(&house.owner).await);
    }
    let watch = async {
        let mut codes = Vec::new();
        for mut socket in sockets {
            let mut goodbye = false;
            let ended = soon("the socket ends", async {
                loop {
                    match socket.next().await {
                        Ok(frame) => goodbye |= matches!(frame, ServerFrame::Goaway { .. }),
                        Err(ended) => return ended,
                    }
                }
            })
            .await;
            assert!(goodbye, "it ended with {ended:?} and no goodbye");
            codes.push(ended.0);
        }
        codes
    };
    let server: &mut Server = &mut house;
    let (codes, ()) = tokio::join!(watch, server.end());
    assert!(codes.iter().all(|code| *code == Some(1012)), "{codes:?}");
    house.up().await.expect("it starts again");
    house.owner.says(kitchen, "back").await;
}
async fn a_browser_is_told_what_this_is(engine: Engine) {
    let house = House::on(engine).await;
    for language in ["en", "de"] {
        let page = plain().get(house.url()).header("accept-language", language);
        let page = page.send().await.expect("answered");
        assert_eq!(page.status().as_u16(), 200);
        let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        let kind = page.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(kind.starts_with("text/html"), "{kind}");
        let text = page.text().await.expect("text");
        assert!(
            text.contains("Hallway") && text.contains(&format!("lang=\"{language}\"")),
            "{text}"
        );
        assert!(!text.contains("://"), "nothing from outside: {text}");
    }
}

/// The program in a folder of its own; only its address is said, for the usual one may be taken.
fn program(folder: &std::path::Path, words: &[&str]) -> Command {
    let mut command = Command::new(std::path::absolute(binary()).expect("a path"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HALLWAY_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("HALLWAY_LISTEN", "127.0.0.1:0").args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn one_word_starts_it_in_an_empty_folder() {
    let home = folder("home");
    let path = home.path().to_owned();
    let mut child = program(&path, &[]).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = soon("it listens", blocking(move || lines.next())).await;
    let first = first.expect("a line").expect("text");
    let said: serde_json::Value = serde_json::from_str(&first).expect("one line of JSON");
    let url = format!("http://{}", said["listening"].as_str().expect("an address"));
    // Everything it keeps is in one folder, and nothing is for others of the machine.
    let token = std::fs::read_to_string(path.join("data/first-owner")).expect("the way in");
    let ada = Rest::register(&url, "ada", token.trim()).await;
    let kitchen = ada.creates("kitchen").await;
    ada.says(kitchen, "hello").await;
    let found: Vec<_> = std::fs::read_dir(&path).expect("a folder").flatten().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours");
    let ended = soon("it ends", blocking(move || child.wait_with_output())).await.expect("ended");
    assert!(ended.status.success(), "{ended:?}");
    let error = String::from_utf8_lossy(&ended.stderr).into_owned();
    let link = error.lines().find(|line| line.contains("/invite/")).expect("the link was shown");
    assert!(link.ends_with(token.trim()), "{link}");

    // It says what it is, what it can, and what it cannot.
    let runs = async |words: &'static [&'static str]| {
        let mut command = program(&path, words);
        let ended = blocking(move || command.output()).await.expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    let (code, said, _) = runs(&["version"]).await;
    assert!(code == Some(0) && said.contains(char::is_numeric), "{said}");
    let (code, said, _) = runs(&["--help"]).await;
    assert_eq!(code, Some(0));
    for word in
        ["serve", "check", "user", "tenant", "room", "backup", "restore", "export", "vacuum"]
    {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert_eq!(runs(&["--no-such-thing"]).await.0, Some(2), "used wrongly");
    let (code, said, _) = runs(&["check"]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, _, error) = runs(&["serve", "--origins", "*"]).await;
    assert!(code == Some(1) && error.contains("origins"), "{error}");
}
