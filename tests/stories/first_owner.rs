//! A new server shows a one-time token, in a file and on stderr, until somebody owns it.

use hallway_tests::house::owner_token;
use hallway_tests::wire::{Answer, PASSWORD};
use hallway_tests::{Engine, House, Rest, Server, Setup, soon};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

fn form(name: &str, invite: &str) -> Value {
    json!({"name": name, "password": PASSWORD, "invite": invite})
}

async fn register(server: &Server, name: &str, invite: &str) -> Answer {
    Rest::at(&server.url()).post("/auth/register", form(name, invite)).await
}

/// Its log comes by a pipe of its own, so it may be read a moment after the server listens.
async fn shown(server: &Server, token: &str, times: usize) {
    soon("the token is shown at each start", async {
        while server.log().matches(token).count() < times {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.log().matches(token).count(), times, "{}", server.log());
}

async fn only_the_token_makes_an_owner_and_only_once(engine: Engine) {
    let mut server = Server::start(Setup::new(engine)).await;
    let file = server.data().join("first-owner");
    let token = owner_token(&server);
    let mode = std::fs::metadata(&file).expect("the file is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(token.len() >= 32, "256 bits do not fit in {token:?}");

    // Until it is spent it is the same at each start, and each start shows it.
    server.end().await;
    server.up().await.expect("the server starts again");
    assert_eq!(owner_token(&server), token);
    shown(&server, &token, 2).await;

    let wrong = register(&server, "eve", "not-the-token").await;
    assert_eq!(wrong.refused(), (422, "invalid"));
    assert!(wrong.body["fields"]["invite"].is_string(), "{wrong:?}");
    let without = Rest::at(&server.url())
        .post("/auth/register", json!({"name": "eve", "password": PASSWORD}))
        .await;
    assert_eq!(without.refused(), (422, "invalid"));

    // Eight people try it at once.
    let names: Vec<_> = (0..8).map(|n| format!("ada{n}")).collect();
    let tries = names.iter().map(|name| register(&server, name, &token));
    let answers = futures_util::future::join_all(tries).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|one| one.status == 201);
    assert_eq!(won.len(), 1, "{lost:?}");
    for one in lost {
        assert_eq!(one.refused(), (422, "invalid"));
        assert!(one.body["fields"]["invite"].is_string(), "{one:?}");
    }
    assert!(!file.exists(), "the file goes when the token is spent");

    let mut owner = Rest::at(&server.url());
    owner.takes(&won[0].body["session"]);
    assert_eq!(owner.get("/users/me").await.good()["role"], "owner");

    // Spent is spent, after a restart too, and nothing shows it any more.
    server.crash().await;
    assert!(!file.exists());
    assert_eq!(server.log().matches(&token).count(), 2);
    assert_eq!(register(&server, "bob", &token).await.refused(), (422, "invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_makes_an_owner_and_only_once_on_sqlite() {
    only_the_token_makes_an_owner_and_only_once(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_makes_an_owner_and_only_once_on_postgres() {
    only_the_token_makes_an_owner_and_only_once(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_invite_owns_nothing() {
    let house = House::open().await;
    let lin = house.person("lin").await;
    let me = lin.get("/users/me").await.good();
    assert!(me["role"].is_null() || me["role"] == "member", "{me}");
    assert_eq!(lin.post("/invites", json!({})).await.refused(), (403, "forbidden"));
}
