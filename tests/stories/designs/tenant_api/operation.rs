//! Running it: what watches over it asks, what the environment says, a backup of the running server,
//! an end in good order.

use hallway_protocol::frames::ServerFrame;
use hallway_tests::server::folder;
use hallway_tests::wire::{Socket, key};
use hallway_tests::{Engine, House, Rest, Server, Setup, soon};
use serde_json::{Value, json};

on_both!(
    an_operator_sees_health_and_figures,
    everything_is_said_by_the_environment,
    a_backup_is_taken_while_people_talk,
    it_drains_before_it_ends,
);

async fn an_operator_sees_health_and_figures(engine: Engine) {
    let setup = Setup::new(engine).env("HALLWAY_LOG", "json");
    let house = House::with(setup).await;
    let kitchen = house.owner.creates("kitchen").await;
    house.owner.says(kitchen, "for the figures").await;
    let http = hallway_tests::wire::plain();
    for path in ["/health", "/health/ready"] {
        let answer = http.get(format!("{}{path}", house.url())).send().await.expect("answered");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
    }
    let answer = http.get(format!("{}/metrics", house.url())).send().await.expect("answered");
    let figures = answer.text().await.expect("text");
    assert!(figures.contains("hallway_"), "{figures}");
    assert!(!figures.contains("for the figures"), "figures carry no text");
    for line in house.log().lines() {
        let json = serde_json::from_str::<serde_json::Value>(line);
        assert!(json.is_ok() || line.contains("invite/"), "not a JSON log line: {line}");
    }
    // The version stands in the path, and every answer names its request.
    let answer = http.get(format!("{}/api/v1/server", house.url())).send().await.expect("answered");
    assert!(answer.headers().contains_key("x-request-id"), "{:?}", answer.headers());
    let unknown = http.get(format!("{}/api/v2/server", house.url())).send().await.expect("it");
    assert_eq!(unknown.status().as_u16(), 404);
}
async fn everything_is_said_by_the_environment(engine: Engine) {
    let setup = Setup::new(engine)
        .env("HALLWAY_REGISTRATION", "open")
        .env("HALLWAY_GUESTS", "code")
        .env("HALLWAY_MAIL_PASSWORD", "a secret of ours")
        .env("HALLWAY_ORIGINS", "https://a.example,https://b.example");
    let house = House::with(setup).await;
    let server = Rest::at(&house.url()).get("/server").await.good();
    assert_eq!((&server["registration"], &server["guests"]), (&json!("open"), &json!(true)));
    let (well, said, _) = house.operates(&["check", "--json"]).await;
    assert!(well, "{said}");
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let settings = report["settings"].as_array().expect("settings");
    let setting = |name: &str| {
        let mut found = settings.iter().filter(|one| one["name"] == name);
        let one = found.next().unwrap_or_else(|| panic!("no {name} in {said}"));
        (one["value"].clone(), one["source"].as_str().expect("a word").to_owned())
    };
    assert_eq!(setting("registration"), (json!("open"), "environment".into()));
    assert_eq!(setting("origins").0, json!("https://a.example, https://b.example"));
    assert_eq!(setting("log"), (json!("text"), "default".into()));
    assert_eq!(setting("data").1, "flag");
    assert_eq!(setting("mail_password").0, json!("set"), "a secret is never shown");
    assert!(!said.contains("a secret of ours"));
}

async fn a_backup_is_taken_while_people_talk(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let kitchen = house.owner.creates("kitchen").await;
    let file = house.owner.uploads("note.txt", "text/plain", b"two pots").await;
    let said = json!({"key": key(), "text": "see there", "files": [file["id"]]});
    house.owner.post(&format!("/rooms/{kitchen}/messages"), said).await.good();
    let before = house.owner.says(kitchen, "before").await;
    let shelf = folder("shelf");
    let backup = shelf.path().join("hallway.tar");
    let mut socket = Socket::open(&house.owner).await;
    let talk = async {
        for n in 0..400 {
            let id = socket.says(kitchen, key(), &format!("meanwhile {n}")).await.expect("open");
            socket.answer(id).await.expect("taken");
        }
    };
    let path = backup.display().to_string();
    let words = ["backup", path.as_str()];
    let ((), (well, _, error)) = tokio::join!(talk, house.operates(&words));
    assert!(well, "{error}");

    // Put into an empty place, of either engine, it is the same house of a moment ago.
    let elsewhere = folder("elsewhere");
    let data = elsewhere.path().to_owned();
    let other = if engine == Engine::Sqlite { Engine::Shared } else { Engine::Sqlite };
    let mut new = Setup::new(other);
    new.data = Some(data);
    let mut new = Server::down(new).await;
    let (well, _, error) = new.operates(&["restore", &path]).await;
    assert!(well, "{error}");
    new.up().await.expect("it starts");
    let ada = Rest::sign_in(&new.url(), "ada").await;
    let history = ada.history(kitchen).await;
    let texts: Vec<_> = history.iter().filter(|row| row.key.is_some()).collect();
    let known = texts.iter().position(|row| row.seq == before.seq).expect("what was said before");
    for (n, row) in texts[known + 1..].iter().enumerate() {
        assert_eq!(row.text, format!("meanwhile {n}"), "of one moment, without a gap");
    }
    let content = format!("/media/{}/content", file["id"].as_str().expect("an id"));
    assert_eq!(ada.bytes(&content).await.2, b"two pots");
    let epoch = async |url: &str| Rest::at(url).get("/server").await.good()["epoch"].clone();
    assert_ne!(epoch(&new.url()).await, epoch(&house.url()).await, "and says that it is another");
    ada.says(kitchen, "and on").await;
}

async fn it_drains_before_it_ends(engine: Engine) {
    let mut house = House::with(Setup::new(engine).unlimited()).await;
    let kitchen = house.owner.creates("kitchen").await;
    let mut socket = Socket::open(&house.owner).await;
    let mut sent = Vec::new();
    for n in 0..200 {
        sent.push(socket.says(kitchen, key(), &format!("quick, {n}")).await.expect("open"));
    }
    // The first of them is answered, the others are under way, when it is asked to end.
    socket.answer(sent[0]).await.expect("taken");
    let answers = async {
        let mut taken = 1;
        soon("the socket's end", async {
            loop {
                match socket.next().await {
                    Ok(ServerFrame::Ok(_)) => taken += 1,
                    Ok(_) => {}
                    Err(ended) => return (taken, ended),
                }
            }
        })
        .await
    };
    let server: &mut Server = &mut house;
    let ((taken, ended), ()) = tokio::join!(answers, server.end());
    assert_eq!(ended.0, Some(1012));
    house.up().await.expect("it starts again");
    let history = house.owner.history(kitchen).await;
    let there = history.iter().filter(|row| row.key.is_some()).count();
    assert!(there >= taken, "{taken} were acknowledged and {there} are there");
    if engine == Engine::Sqlite {
        house.end().await;
        let log = std::fs::metadata(house.data().join("hallway.db-wal"));
        assert_eq!(log.map_or(0, |log| log.len()), 0, "a checkpoint is its last work");
    }
}
