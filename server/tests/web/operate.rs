//! `user`, `tenant` and `room` from the operator's shell: beside a running server, whose people see
//! at once what was changed, and without one.

use crate::house::shell::Shell;
use crate::house::{Call, PASSWORD, Process, Socket, int, list};
use serde_json::{Value, json};

fn shell(server: &Process) -> Shell {
    Shell::at(&server.data())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_added_by_a_link_and_sets_a_password_with_it_once() {
    let server = Process::start(&[]).await;
    server.ada().await;
    let shell = shell(&server);
    let add = ["user", "add", "Lin", "--display-name", "Lin of the tea room", "--json"];
    let made = shell.run(&add).await.json();
    assert_eq!((&made["name"], &made["role"]), (&json!("Lin"), &json!("member")));
    let link = made["link"].as_str().expect("a link");
    let (page, token) = link.split_once('#').expect("a page and a token");
    assert_eq!(page, format!("http://{}/mail/reset", server.address));
    let body = json!({"token": token, "password": PASSWORD});
    server.call("POST", "/auth/reset-password", body.clone()).await.ok(204);
    let lin = server.login("lin").await;
    assert_eq!(lin.user, int(&made["user"]));
    let twice = server.call("POST", "/auth/reset-password", body).await;
    assert_eq!(twice.refused(), (422, "invalid"));
    // A new link ends what was before it.
    let link = shell.run(&["user", "reset-password", "LIN", "--json"]).await.json();
    let token = link["link"].as_str().and_then(|link| link.split_once('#')).expect("a token").1;
    let body = json!({"token": token, "password": "another pot of tea"});
    server.call("POST", "/auth/reset-password", body).await.ok(204);
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"));
    let again = shell.run(&add).await;
    assert!(again.refused().contains("taken"), "{again:?}");
    let odd = shell.run(&["user", "add", "no spaces please"]).await;
    assert!(odd.refused().contains("name"), "{odd:?}");
    let said = shell.run(&["user", "list"]).await;
    assert!(said.ok().lines().any(|line| line.contains("Lin") && line.contains("default")));
    // More than a page is a page, however much more.
    for list in ["users", "rooms"] {
        let path = format!("/admin/{list}?limit=99999999999999999999999");
        server.operator().get(&path).await.ok(200);
    }
    let shown = shell.run(&["user", "show", "lin"]).await;
    assert!(shown.ok().contains("Lin of the tea room"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kept_out_is_out_at_once_and_comes_back_when_let_in() {
    let server = Process::start(&[]).await;
    let ada = server.ada().await;
    let lin = server.newcomer(&ada, "lin").await;
    let shell = shell(&server);
    let (mut socket, _) = lin.socket().await;
    shell.run(&["user", "disable", "lin"]).await.ok();
    let (code, _) = socket.last_words().await;
    assert_eq!(code, Some(4003));
    assert_eq!(lin.get("/users/me").await.status, 401);
    let body = json!({"login": "lin", "password": PASSWORD});
    let login = async || server.call("POST", "/auth/login", body.clone()).await;
    assert_eq!(login().await.refused(), (403, "forbidden"));
    let listed = shell.run(&["user", "list", "lin", "--json"]).await.json();
    assert_eq!(list(&listed)[0]["disabled"], true);
    shell.run(&["user", "enable", "lin"]).await.ok();
    login().await.ok(200);

    // Signed out everywhere, somebody may come in again.
    let lin = server.login("lin").await;
    let (mut socket, _) = lin.socket().await;
    shell.run(&["user", "sign-out", &lin.user.to_string()]).await.ok();
    assert_eq!(socket.last_words().await.0, Some(4001));
    let lin = server.login("lin").await;

    // Who lost the second factor comes in without it.
    let offered = lin.post("/users/me/totp", Value::Null).await.ok(201);
    let secret = offered["secret"].as_str().expect("a secret");
    let code = hallway_outside::totp::code(secret, hallway_kit::Clock::system().now());
    lin.put("/users/me/totp", json!({"code": code})).await.ok(200);
    assert_eq!(login().await.refused(), (401, "wrong_credentials"));
    shell.run(&["user", "remove-second-factor", "lin"]).await.ok();
    login().await.ok(200);

    // Roles; a tenant keeps an owner.
    shell.run(&["user", "role", "lin", "admin"]).await.ok();
    assert_eq!(lin.get("/users/me").await.ok(200)["role"], "admin");
    lin.post("/invites", json!({})).await.ok(201);
    for words in [["user", "role", "ada", "member"], ["user", "delete", "ada", "--yes"]] {
        let said = shell.run(&words).await;
        assert!(said.refused().contains("own the tenant"), "{said:?}");
    }
    let said = shell.run(&["user", "disable", "ada"]).await;
    assert!(said.refused().contains("own the tenant"), "{said:?}");
    ada.get("/users/me").await.ok(200);

    let asked = shell.run(&["user", "delete", "lin"]).await;
    assert!(asked.refused().contains("--yes"), "{asked:?}");
    shell.run(&["user", "delete", "lin", "--yes"]).await.ok();
    assert_eq!(login().await.refused(), (401, "wrong_credentials"));
    assert!(shell.run(&["user", "show", "lin"]).await.refused().contains("nobody called lin"));
    assert!(shell.run(&["user", "show", "4711"]).await.refused().contains("no such person"));

    let acts = server.operator().get("/admin/audit?actor=operator").await.ok(200);
    let acts: Vec<_> = list(&acts["items"]).iter().map(|line| line["act"].clone()).collect();
    for act in ["account_disabled", "account_enabled", "signed_out", "role_given", "account_closed"]
    {
        assert!(acts.contains(&json!(act)), "{act}: {acts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_it_is_done_all_the_same() {
    let folder = Process::start(&[]).await.ends().await;
    let data = folder.path().join("data");
    let shell = Shell::at(&data);
    let add = ["user", "add", "ada", "--role", "owner", "--password-stdin", "--json"];
    let made = shell.told(&add, &format!("{PASSWORD}\n")).await.json();
    assert_eq!((&made["role"], &made["link"]), (&json!("owner"), &Value::Null));
    assert!(!data.join("first-owner").exists(), "somebody owns the server");
    let empty = shell.told(&["user", "add", "bob", "--password-stdin"], "").await;
    assert!(empty.refused().contains("no password"), "{empty:?}");
    let short = shell.told(&["user", "add", "bob", "--password-stdin"], "tea").await;
    assert!(short.refused().contains("password"), "{short:?}");
    shell.run(&["tenant", "add", "tea", "--registration", "open"]).await.ok();
    let wrong = Shell::at(&folder.path().join("elsewhere")).run(&["user", "list"]).await;
    assert!(wrong.refused().contains("--data"), "{wrong:?}");
    assert!(!folder.path().join("elsewhere").exists(), "nothing was made");

    let server = Process::start_in(folder, &[]).await;
    let ada = server.login("ada").await;
    assert_eq!(ada.get("/users/me").await.ok(200)["role"], "owner");
    server.joins("tea", "eve", None).await;
    assert_eq!(list(&shell.run(&["tenant", "list", "--json"]).await.json()).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_set_up_shut_and_erased() {
    let server = Process::start(&[]).await;
    let shell = shell(&server);
    let made = shell.run(&["tenant", "add", "tea", "--title", "Tea", "--json"]).await.json();
    let eve = server.joins("tea", "eve", made["owner_token"].as_str()).await;
    let set = ["tenant", "set", "tea", "registration=open", "text_max=10", "flags={\"a\":1}"];
    shell.run(&set).await.ok();
    let shown = shell.run(&["tenant", "show", "tea", "--json"]).await.json();
    assert_eq!(
        (&shown["registration"], &shown["config"]["text_max"]),
        (&json!("open"), &json!(10))
    );
    assert_eq!(shown["config"]["flags"], json!({"a": 1}));
    let wrong = shell.run(&["tenant", "set", "tea", "text_max=0"]).await;
    assert!(wrong.refused().contains("text_max"), "{wrong:?}");
    let wrong = shell.run(&["tenant", "set", "tea", "quota_byte=5"]).await;
    assert!(wrong.refused().contains("there is no setting quota_byte"), "{wrong:?}");
    let wrong = shell.run(&["tenant", "set", "tea", "text_max"]).await;
    assert!(wrong.refused().contains("NAME=VALUE"), "{wrong:?}");

    let key = ["tenant", "key", "add", "tea", "shop", "--scopes", "read,act", "--json"];
    let key = shell.run(&key).await.json();
    let text = key["key"].as_str().expect("shown once");
    let users = async || {
        let call = Call::new("GET", "/users").header("x-api-key", text);
        call.to(server.address).await
    };
    users().await.ok(200);
    let id = key["id"].as_str().expect("an id");
    let listed = shell.run(&["tenant", "key", "list", "tea"]).await;
    assert!(listed.ok().contains(id) && !listed.out.contains(text), "{listed:?}");
    shell.run(&["tenant", "key", "remove", "tea", id]).await.ok();
    assert_eq!(users().await.refused(), (401, "signed_out"));

    let early = shell.run(&["tenant", "delete", "tea", "--yes"]).await;
    assert!(early.refused().contains("suspend"), "{early:?}");
    let (mut socket, _) = eve.socket().await;
    shell.run(&["tenant", "suspend", "tea"]).await.ok();
    assert_eq!(socket.last_words().await.0, Some(4001));
    shell.run(&["tenant", "resume", "tea"]).await.ok();
    eve.get("/users/me").await.ok(200);
    shell.run(&["tenant", "suspend", "tea"]).await.ok();
    assert!(shell.run(&["tenant", "delete", "tea"]).await.refused().contains("--yes"));
    shell.run(&["tenant", "delete", "tea", "--yes"]).await.ok();
    assert!(shell.run(&["tenant", "show", "tea"]).await.refused().contains("no tenant called tea"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_changes_hands_is_put_away_and_deleted_before_the_eyes_of_its_people() {
    let server = Process::start(&[]).await;
    let ada = server.ada().await;
    let (lin, bob) = (server.newcomer(&ada, "lin").await, server.newcomer(&ada, "bob").await);
    let room = lin.group("kitchen", &[]).await;
    lin.says(room, "a secret recipe").await;
    let shell = shell(&server);
    let number = room.to_string();
    let shown = shell.run(&["room", "show", &number, "--json"]).await;
    assert!(!shown.out.contains("recipe"), "what is said in it is not the operator's");
    let shown = shown.json();
    assert_eq!((&shown["name"], &shown["messages"]), (&json!("kitchen"), &json!(1)));
    assert_eq!(shown["owners"], json!([lin.user]));
    // By its name it is the same, where it is the only one of it.
    let named = shell.run(&["room", "show", "Kitchen", "--json"]).await;
    assert_eq!(named.json(), shown);
    let nowhere = shell.run(&["room", "show", "pantry"]).await;
    assert!(nowhere.refused().contains("no room called pantry in default"), "{nowhere:?}");
    let other = shell.run(&["room", "show", "kitchen", "--tenant", "next-door"]).await;
    assert!(other.refused().contains("no tenant called next-door"), "{other:?}");
    let second = lin.group("KITCHEN", &[]).await;
    let several = shell.run(&["room", "archive", "kitchen"]).await;
    let both = |said: &str| said.contains(&number) && said.contains(&second.to_string());
    assert!(both(several.refused()), "{several:?}");
    shell.run(&["room", "delete", &second.to_string(), "--yes"]).await.ok();
    let listed = shell.run(&["room", "list", "kitch"]).await;
    assert!(listed.ok().contains(&number), "{listed:?}");

    let (mut socket, _): (Socket, _) = lin.socket().await;
    shell.run(&["room", "owner", &number, "bob"]).await.ok();
    let entered = socket.hears("event").await;
    assert!(list(&entered["rows"]).iter().any(|row| row["user"] == bob.user), "{entered}");
    bob.patch(&format!("/rooms/{room}"), json!({"visibility": "public"})).await.ok(200);

    shell.run(&["room", "archive", "kitchen"]).await.ok();
    let body = json!({"key": crate::house::key(), "text": "tea?"});
    let path = format!("/rooms/{room}/messages");
    assert_eq!(lin.post(&path, body.clone()).await.refused(), (409, "conflict"));
    shell.run(&["room", "unarchive", &number]).await.ok();
    lin.post(&path, body).await.ok(201);

    assert!(shell.run(&["room", "delete", &number]).await.refused().contains("--yes"));
    shell.run(&["room", "delete", &number, "--yes"]).await.ok();
    assert_eq!(lin.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));
    assert!(shell.run(&["room", "show", &number]).await.refused().contains("no such room"));
    let direct = lin.post("/rooms/direct", json!({"users": [bob.user]})).await.ok(201);
    let direct = int(&direct["room"]).to_string();
    let said = shell.run(&["room", "owner", &direct, "bob"]).await;
    assert!(said.refused().contains("direct room"), "{said:?}");
}
