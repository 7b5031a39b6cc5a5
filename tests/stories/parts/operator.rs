//! The operator's program beside the running server: people are helped in and kept out, tenants and
//! rooms looked after, what is somebody's is handed to them, and the server's people see it at once.

use hallway_tests::server::folder;
use hallway_tests::wire::{PASSWORD, Socket};
use hallway_tests::{Engine, House, Rest};
use serde_json::{Value, json};

on_both!(the_operator_helps_and_the_people_see_it);

/// A subcommand that must be content; what it said as JSON.
async fn says(house: &House, words: &[&str]) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    let (well, said, error) = house.operates(&words).await;
    assert!(well, "{words:?}: {error}");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{words:?}: no JSON: {said}"))
}

async fn the_operator_helps_and_the_people_see_it(engine: Engine) {
    let house = House::on(engine).await;
    let ada = house.owner.clone();
    // Somebody is let in by a link with which they choose a password.
    let made = says(&house, &["user", "add", "lin", "--display-name", "Lin"]).await;
    let (_, token) = made["link"].as_str().expect("a link").split_once('#').expect("a secret");
    let chosen = json!({"token": token, "password": PASSWORD});
    Rest::at(&house.url()).post("/auth/reset-password", chosen).await.good();
    let lin = Rest::sign_in(&house.url(), "lin").await;
    let room = lin.groups("kitchen", &[&ada]).await;
    lin.says(room, "a secret recipe").await;
    let socket = Socket::open(&lin).await;
    says(&house, &["user", "disable", "lin"]).await;
    assert_eq!(socket.ends().await.0, Some(4003));
    assert_eq!(lin.get("/users/me").await.status, 401);
    says(&house, &["user", "enable", "lin"]).await;
    let lin = Rest::sign_in(&house.url(), "lin").await;

    // A room is looked at from outside: that it is there and whose, never what is said in it.
    let number = room.to_string();
    let shown = says(&house, &["room", "show", &number]).await;
    assert_eq!((&shown["name"], &shown["messages"]), (&json!("kitchen"), &json!(1)));
    assert!(!shown.to_string().contains("recipe"));
    says(&house, &["room", "archive", &number]).await;
    let archived = lin.get(&format!("/rooms/{room}")).await.good();
    assert_eq!(archived["archived"], true);
    says(&house, &["room", "unarchive", &number]).await;

    // A tenant is made, set up, and has its key.
    let tenant = says(&house, &["tenant", "add", "tea", "--title", "Tea"]).await;
    assert!(tenant["owner_token"].is_string(), "{tenant}");
    says(&house, &["tenant", "set", "tea", "text_max=10"]).await;
    let key = says(&house, &["tenant", "key", "add", "tea", "shop", "--scopes", "read"]).await;
    let shop = Rest::at(&house.url()).header("X-API-Key", key["key"].as_str().expect("a key"));
    shop.get("/users").await.good();

    // What is Lin's is written down for her: her words, and nobody else's secrets.
    let shelf = folder("export");
    let user = lin.user.to_string();
    let file = shelf.path().join("lin.zip").display().to_string();
    let (well, said, error) = house.operates(&["export", "--user", &user, "--to", &file]).await;
    assert!(well, "{said}{error}");
    assert!(std::fs::metadata(&file).expect("a file").len() > 0);
    // Used wrongly, refused, and done: three ways to end.
    let (well, _, error) = house.operates(&["user", "show", "nobody"]).await;
    assert!(!well && error.contains("nobody"), "{error}");
    let (well, _, error) = house.operates(&["user", "delete", "lin"]).await;
    assert!(!well && error.contains("--yes"), "{error}");
    says(&house, &["user", "delete", "lin", "--yes"]).await;
    assert_eq!(lin.get("/users/me").await.status, 401);
    assert!(ada.history(room).await.iter().any(|row| row.text == "a secret recipe"));
    // What the operator did is in the record, beside what people did.
    let acts = house.operator().get("/admin/audit?actor=operator&limit=100").await.good();
    for act in ["account_disabled", "account_enabled", "account_closed"] {
        assert!(acts.to_string().contains(act), "{act}: {acts}");
    }
}
