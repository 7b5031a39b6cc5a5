//! Accounts: made and verified by mail, signed in on several devices, set right when a password is
//! forgotten; a profile with a picture, and people who find each other.

use hallway_outside::pictures::png;
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::rest::Refresh;
use hallway_protocol::rows::Row;
use hallway_tests::wire::{Answer, PASSWORD, Socket};
use hallway_tests::{Engine, Hand, House, Post, Rest, Setup, until};
use serde_json::{Value, json};

on_both!(
    a_lost_refresh_signs_nobody_out_and_a_stolen_one_does,
    an_account_is_verified_by_mail_and_a_forgotten_password_set_anew,
    mail_leaves_as_the_operator_says,
    sessions_are_listed_thrown_out_and_run_out,
    people_have_a_face_and_are_found,
);

async fn refresh(url: &str, token: &str) -> Answer {
    let body = serde_json::to_value(Refresh { refresh_token: token.into() }).expect("JSON");
    Rest::at(url).post("/auth/refresh", body).await
}

async fn a_lost_refresh_signs_nobody_out_and_a_stolen_one_does(engine: Engine) {
    let house = House::on(engine).await;
    let mut lin = house.person("lin").await;
    let url = house.url();
    let first = lin.refresh_token.clone();
    // The answer was lost, twice: the same successor comes again.
    let one = refresh(&url, &first).await.good()["session"].clone();
    let two = refresh(&url, &first).await.good()["session"].clone();
    assert_eq!(one["refresh_token"], two["refresh_token"]);
    lin.takes(&two);
    lin.get("/users/me").await.good();
    // Its access token has been seen: whoever comes with the old one now is a thief.
    assert_eq!(refresh(&url, &first).await.refused(), (401, "signed_out"));
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"));
    assert_eq!(refresh(&url, &lin.refresh_token).await.refused(), (401, "signed_out"));
}

/// A house that anybody may move into, with mail by `way`.
fn open(engine: Engine, way: impl Into<String>) -> Setup {
    Setup::new(engine).env("HALLWAY_REGISTRATION", "open").env("HALLWAY_MAIL", way)
}

async fn an_account_is_verified_by_mail_and_a_forgotten_password_set_anew(engine: Engine) {
    let post = Post::open().await;
    let house = House::with(open(engine, post.url())).await;
    let nobody = Rest::at(&house.url());
    let new = json!({"name": "lin", "email": "lin@example.org", "password": "a pot of tea"});
    let made = nobody.post("/auth/register", new).await.good();
    assert_eq!((&made["verify_email"], &made["session"]), (&json!(true), &Value::Null), "{made}");
    let login = async |password: &str| {
        nobody.post("/auth/login", json!({"login": "lin", "password": password})).await
    };
    assert_eq!(login("a pot of tea").await.refused(), (403, "unverified"));
    let mail = post.next().await;
    assert_eq!(mail.to, "lin@example.org");
    let token = mail.secret();
    // The link opens a page, which uses nothing up: programs that look at links ahead may.
    let link = mail.text();
    let link = link.split_whitespace().find(|word| word.contains("/mail/verify#")).expect("a link");
    let page = hallway_tests::wire::plain().get(link).send().await.expect("answered");
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(login("a pot of tea").await.refused(), (403, "unverified"));
    nobody.post("/auth/verify-email", json!({"token": token})).await.good();
    let again = nobody.post("/auth/verify-email", json!({"token": token})).await;
    assert_eq!(again.refused(), (422, "invalid"), "a link is good once");
    let session = login("a pot of tea").await.good();
    let mut lin = Rest::at(&house.url());
    lin.takes(&session["session"]);

    // Whoever asks is told the same, whether the address is known or not.
    for address in ["lin@example.org", "stranger@example.org"] {
        let asked = nobody.post("/auth/forgot-password", json!({"email": address})).await;
        assert_eq!((asked.status, asked.body), (202, Value::Null));
    }
    let mail = post.next().await;
    assert_eq!(mail.to, "lin@example.org");
    let reset = json!({"token": mail.secret(), "password": "a pot of milk"});
    nobody.post("/auth/reset-password", reset.clone()).await.good();
    assert_eq!(nobody.post("/auth/reset-password", reset).await.refused(), (422, "invalid"));
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"), "every session ended");
    assert_eq!(login("a pot of tea").await.refused(), (401, "wrong_credentials"));
    login("a pot of milk").await.good();
    // She is told that it was changed, should it not have been her.
    assert_eq!(post.next().await.to, "lin@example.org");
    assert!(post.rest().is_empty(), "nobody writes to strangers");
}

async fn mail_leaves_as_the_operator_says(engine: Engine) {
    let (post, folder) = (Post::open().await, hallway_tests::server::folder("mails"));
    let folder = folder.path();
    for way in [post.url(), format!("file:{}", folder.display()), "log".into()] {
        let house = House::with(open(engine, way.clone())).await;
        let nobody = Rest::at(&house.url());
        let new = json!({"name": "lin", "email": "lin@example.org", "password": PASSWORD});
        nobody.post("/auth/register", new).await.good();
        let found = until("the mail", async || {
            let text = match way.as_str() {
                "log" => house.log(),
                smtp if smtp.starts_with("smtp") => post.next().await.text(),
                _ => hallway_tests::files::files(folder)
                    .iter()
                    .filter_map(|file| std::fs::read_to_string(file).ok())
                    .map(|mail| mail.replace("=\r\n", "").replace("=3D", "="))
                    .collect(),
            };
            text.contains("/mail/verify#").then_some(text)
        })
        .await;
        let token = json!({"token": hallway_outside::post::secret(&found)});
        nobody.post("/auth/verify-email", token).await.good();
        Rest::sign_in(&house.url(), "lin").await;
    }
}

async fn sessions_are_listed_thrown_out_and_run_out(engine: Engine) {
    let hand = Hand::of_dates();
    let house = House::with(Setup::new(engine).clock(&hand)).await;
    let mut lin = house.person("lin").await;
    let phone = Rest::sign_in(&house.url(), "lin").await;
    let socket = Socket::open(&phone).await;
    let listed = lin.get("/auth/sessions").await.good();
    let rows = listed["rows"].as_array().expect("rows").clone();
    assert_eq!(rows.len(), 2, "{listed}");
    assert!(rows.iter().all(|row| row["t"] == "session" && row["device"] == "test"), "{listed}");
    let others: Vec<_> = rows.iter().filter(|row| row["current"] != json!(true)).collect();
    assert_eq!(others.len(), 1);
    let mut mine = Socket::open(&lin).await;
    let path = format!("/auth/sessions/{}", others[0]["id"].as_str().expect("an id"));
    lin.delete(&path).await.good();
    assert_eq!(socket.ends().await.0, Some(4003), "thrown out, it deletes what it holds");
    assert_eq!(phone.get("/users/me").await.refused(), (401, "signed_out"));
    mine.until("the other device's end", |frame| match frame {
        ServerFrame::Own(own) => own.rows.iter().find_map(|row| match row {
            Row::Session(session) if session.ended => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;

    // A sign-in runs out in minutes and says what to do; the session goes on by its refresh token,
    // and a connection that is open lives with the session.
    hand.turn(std::time::Duration::from_secs(11 * 60));
    let late = lin.get("/users/me").await;
    assert_eq!((late.refused(), &late.body["retry"]), ((401, "signed_out"), &json!("sign_in")));
    let id = mine.id();
    let frame = hallway_protocol::frames::ClientFrame::Own { id, since: 0 };
    mine.send(&frame).await.expect("open");
    mine.until("an answer", |frame| match frame {
        ServerFrame::Own(own) => (own.id == Some(id)).then_some(()),
        _ => None,
    })
    .await;
    lin.renew().await;
    lin.get("/users/me").await.good();
    // With a new password all other devices are out.
    let phone = Rest::sign_in(&house.url(), "lin").await;
    let change = json!({"old": PASSWORD, "new": "another pot of tea"});
    lin.put("/users/me/password", change).await.good();
    assert_eq!(phone.get("/users/me").await.refused(), (401, "signed_out"));
    lin.get("/users/me").await.good();
    lin.post("/auth/logout", json!({})).await.good();
    assert_eq!(mine.ends().await.0, Some(4001));
}

async fn people_have_a_face_and_are_found(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let mut hers = Socket::open(&ada).await;
    let profile = json!({"display_name": "Änne Müller", "status": "here"});
    lin.patch("/users/me", profile).await.good();
    let picture = png(300, 300, [10, 120, 200]);
    let file = lin.uploads("me.png", "image/png", &picture).await;
    let content = format!("/media/{}/content", file["id"].as_str().expect("an id"));
    assert_eq!(ada.bytes(&content).await.0, 404, "it is hers until it is her face");
    let me = lin.put("/users/me/avatar", json!({"media": file["id"]})).await.good();
    assert_eq!(me["avatar"], file["id"]);
    // Whoever shares a room sees it by itself.
    let user = lin.user;
    let avatar = file["id"].as_str().map(str::to_owned);
    hers.until("her face", |frame| match frame {
        ServerFrame::Users { rows } => rows.iter().find_map(|row| match row {
            Row::User(row) if row.user == user && row.avatar == avatar => Some(()),
            _ => None,
        }),
        _ => None,
    })
    .await;
    let (status, kind, bytes) = ada.bytes(&content).await;
    assert_eq!((status, kind.as_str()), (200, "image/png"));
    assert!(!bytes.is_empty());
    // She is found by any of her names, folded; strangers' words find nobody.
    for query in ["lin", "LI", "änne", "ÄNN", "müll"] {
        let found = ada.get(&format!("/users?query={query}")).await.good();
        assert_eq!(found["rows"][0]["user"], json!(user), "{query}: {found}");
        assert_eq!(found["rows"][0]["status"], "here");
    }
    assert_eq!(ada.get("/users?query=nobody").await.good()["rows"], json!([]));
    let named = ada.get(&format!("/users?ids={},{}", ada.user, user)).await.good();
    assert_eq!(named["rows"].as_array().map(Vec::len), Some(2));
    let text = lin.uploads("x.txt", "text/plain", b"no face").await;
    let no_face = lin.put("/users/me/avatar", json!({"media": text["id"]})).await;
    assert_eq!(no_face.refused(), (422, "invalid"));
    lin.delete("/users/me/avatar").await.good();
    assert_eq!(ada.get(&format!("/users/{user}")).await.good().get("avatar"), None);
    assert_eq!(ada.bytes(&content).await.0, 404);
}
