//! The messenger: people find each other, talk in private chats, groups and channels with roles,
//! see who types and who has read; sessions are refreshed, and a lost answer signs nobody out.

use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::rest::Refresh;
use hallway_tests::wire::{Socket, hello, messages};
use hallway_tests::{Engine, House, Rest, Setup, soon};
use serde_json::{Value, json};
use std::path::Path;

async fn refresh(url: &str, token: &str) -> hallway_tests::wire::Answer {
    let body = serde_json::to_value(Refresh { refresh_token: token.into() }).expect("JSON");
    Rest::at(url).post("/auth/refresh", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_refresh_signs_nobody_out_and_a_stolen_one_does() {
    let house = House::open().await;
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

/// The secret of the newest mail to that address; each is a file.
async fn mailed(folder: &Path, to: &str, seen: &mut usize) -> String {
    let known = *seen;
    let text = soon("a mail", async {
        loop {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut mails: Vec<_> = files
                .filter_map(|file| std::fs::read_to_string(file.path()).ok())
                .filter(|mail| mail.to_lowercase().contains(&format!("to: {to}")))
                .collect();
            if mails.len() > known {
                mails.sort_by_key(|mail| mail.contains("/mail/reset#"));
                return mails.pop().expect("one");
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    *seen += 1;
    // Quoted-printable breaks long lines with `=`.
    let text = text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("/mail/").expect("a link");
    let (_, secret) = rest.split_once('#').expect("a secret");
    secret.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_verified_by_mail_and_a_forgotten_password_set_anew() {
    let folder = hallway_tests::server::folder("mails");
    let setup = Setup::new(Engine::Sqlite)
        .env("HALLWAY_REGISTRATION", "open")
        .env("HALLWAY_MAIL", format!("file:{}", folder.path().display()));
    let house = House::with(setup).await;
    let nobody = Rest::at(&house.url());
    let new = json!({"name": "lin", "email": "lin@example.org", "password": "a pot of tea"});
    let made = nobody.post("/auth/register", new).await.good();
    assert_eq!((&made["verify_email"], &made["session"]), (&json!(true), &Value::Null), "{made}");
    let login = async |password: &str| {
        nobody.post("/auth/login", json!({"login": "lin", "password": password})).await
    };
    assert_eq!(login("a pot of tea").await.refused(), (403, "unverified"));
    let mut seen = 0;
    let token = mailed(folder.path(), "lin@example.org", &mut seen).await;
    nobody.post("/auth/verify-email", json!({"token": token})).await.good();
    let again = nobody.post("/auth/verify-email", json!({"token": token})).await;
    assert_eq!(again.refused(), (422, "invalid"), "a link is good once");
    let session = login("a pot of tea").await.good();
    let mut lin = Rest::at(&house.url());
    lin.takes(&session["session"]);
    lin.patch("/users/me", json!({"display_name": "Lin", "status": "here"})).await.good();

    // Whoever asks is told the same, whether the address is known or not.
    for address in ["lin@example.org", "stranger@example.org"] {
        let asked = nobody.post("/auth/forgot-password", json!({"email": address})).await;
        assert_eq!((asked.status, asked.body), (202, Value::Null));
    }
    let token = mailed(folder.path(), "lin@example.org", &mut seen).await;
    let reset = json!({"token": token, "password": "a pot of milk"});
    nobody.post("/auth/reset-password", reset).await.good();
    assert_eq!(lin.get("/users/me").await.refused(), (401, "signed_out"), "every session ended");
    assert_eq!(login("a pot of tea").await.refused(), (401, "wrong_credentials"));
    login("a pot of milk").await.good();
}

#[tokio::test(flavor = "multi_thread")]
async fn private_chats_are_one_and_appear_with_the_first_word() {
    let house = House::open().await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let found = ada.get("/users?query=li").await.good();
    assert_eq!(found["rows"][0]["user"], json!(lin.user), "{found}");
    // Both ask for it at once, again and again: it is one room.
    let asks = (0..8).map(|n| {
        let (who, other) = if n % 2 == 0 { (&ada, &lin) } else { (&lin, &ada) };
        async move { who.post("/rooms/direct", json!({"users": [other.user]})).await }
    });
    let answers = futures_util::future::join_all(asks).await;
    assert_eq!(answers.iter().filter(|one| one.status == 201).count(), 1, "{answers:?}");
    let room = &answers[0].body["room"];
    assert!(answers.iter().all(|one| one.body["room"] == *room), "{answers:?}");
    let room = hallway_protocol::ids::RoomId(room.as_i64().expect("a room row"));

    let third = ada.post("/rooms/direct", json!({"users": [lin.user, eve.user]})).await.good();
    assert_ne!(third["room"], json!(room));
    assert_eq!(eve.get("/rooms").await.good()["rows"], json!([]), "nothing was said there yet");
    assert_eq!(eve.get(&format!("/rooms/{room}")).await.refused(), (404, "not_found"));

    let mut hers = Socket::open(&lin).await;
    let said = ada.says(room, "psst").await;
    let rows = hers.event(room, said.seq).await;
    assert_eq!(messages(&rows)[0].text, "psst");
    assert!(lin.get("/rooms").await.good().to_string().contains(&room.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_say_who_may() {
    let house = House::open().await;
    let (ada, lin, eve, bob) = (
        house.owner.clone(),
        house.person("lin").await,
        house.person("eve").await,
        house.person("bob").await,
    );
    // Lin makes the group: Ada's tenant role must not decide here.
    let members = json!([eve.user, bob.user]);
    let room = lin
        .post("/rooms", json!({"kind": "group", "name": "plans", "members": members}))
        .await
        .good();
    let path = format!("/rooms/{}", room["room"]);
    let member = |user| format!("{path}/members/{user}");
    assert_eq!(eve.patch(&path, json!({"name": "mine now"})).await.refused(), (403, "forbidden"));
    assert_eq!(eve.delete(&member(bob.user)).await.refused(), (403, "forbidden"));
    let admin = json!({"role": "admin"});
    assert_eq!(eve.put(&member(eve.user), admin.clone()).await.refused(), (403, "forbidden"));
    lin.put(&member(eve.user), admin).await.good();
    eve.patch(&path, json!({"name": "our plans"})).await.good();
    assert_eq!(eve.delete(&member(lin.user)).await.refused(), (403, "forbidden"));
    assert_eq!(eve.patch(&path, json!({"visibility": "public"})).await.status, 403);
    eve.delete(&member(bob.user)).await.good();
    assert_eq!(bob.get(&path).await.refused(), (404, "not_found"));
    // The tenant's owner never reads a private room.
    assert_eq!(ada.get(&format!("{path}/messages")).await.refused(), (404, "not_found"));

    // The last owner hands over to the longest-standing admin.
    lin.post(&format!("{path}/leave"), json!({})).await.good();
    let members = eve.get(&format!("{path}/members")).await.good();
    let eves = members["rows"].as_array().into_iter().flatten();
    let eves: Vec<&Value> = eves.filter(|row| row["user"] == json!(eve.user)).collect();
    assert!(eves.iter().any(|row| row["role"] == "owner"), "{members}");
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_and_receipts_are_seen() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let said = ada.says(kitchen, "seen?").await;
    let mut greeting = hello(&ada);
    greeting.focus = vec![kitchen];
    let mut hers = Socket::tries(&ada, greeting).await.expect("a socket");
    let mut his = Socket::open(&lin).await;
    let ack = ClientFrame::Ack { rooms: vec![(kitchen, said.seq)], own: None };
    his.send(&ack).await.expect("open");
    let id = his.id();
    his.send(&ClientFrame::Read { id, room: kitchen, seq: said.seq }).await.expect("open");
    let done = his.answer(id).await.expect("taken");
    assert!(done.own.is_some(), "a read mark belongs to one's own log: {done:?}");
    let user = lin.user;
    hers.until("the mark", |frame| match frame {
        ServerFrame::Read { room, marks } if *room == kitchen => marks
            .iter()
            .find(|(who, read, delivered)| (*who, *read, *delivered) == (user, said.seq, said.seq))
            .copied(),
        _ => None,
    })
    .await;
    let receipts = ada.get(&format!("/rooms/{kitchen}/receipts")).await.good();
    let items = receipts["items"].as_array().into_iter().flatten();
    let his: Vec<&Value> = items.filter(|one| one["user"] == json!(user)).collect();
    assert_eq!((&his[0]["read"], &his[0]["delivered"]), (&json!(said.seq), &json!(said.seq)));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_in_pages_and_edits_and_deletes_keep_their_place() {
    let house = House::open().await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let mut said = Vec::new();
    for n in 0..120 {
        said.push(ada.says(kitchen, &format!("line {n}")).await);
    }
    let path = |n: usize| format!("/rooms/{kitchen}/messages/{}", said[n].seq);
    let edit = json!({"key": hallway_tests::wire::key(), "text": "changed"});
    let edited = ada.patch(&path(10), edit.clone()).await.good();
    assert_eq!((&edited["text"], &edited["seq"]), (&json!("changed"), &json!(said[10].seq)));
    assert!(edited["rev"].as_i64() > Some(said[119].seq));
    assert_eq!(ada.patch(&path(10), edit).await.good()["rev"], edited["rev"], "once is once");
    ada.delete(&path(20)).await.good();
    let gone = ada.get(&path(20)).await.good();
    assert_eq!((&gone["deleted"], gone.get("text")), (&json!(true), None), "{gone}");
    let edits = ada.get(&format!("{}/edits", path(10))).await.good();
    assert_eq!(edits["items"][0]["text"], "line 10", "{edits}");

    let history = ada.history(kitchen).await;
    let texts: Vec<_> = history.iter().filter(|row| row.key.is_some()).collect();
    assert_eq!(texts.len(), 120);
    for (n, row) in texts.iter().enumerate() {
        assert_eq!(row.seq, said[n].seq);
        let expected = match n {
            10 => "changed".to_owned(),
            20 => String::new(),
            _ => format!("line {n}"),
        };
        assert_eq!(row.text, expected);
    }
}

/// Bytes of a file.
const TEXT: &str = "A pot of tea for two, please.";
/// Their SHA-256.
const TEXT_HASH: &str = "4d64d4ca9d6f745f55c76077ec2eca97312705854798145051dd50ce4e982acb";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_by_an_address_of_its_own_and_whoever_reads_the_message_has_it() {
    let house = House::open().await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let members = json!([lin.user]);
    let room = ada.post("/rooms", json!({"kind": "group", "name": "plans", "members": members}));
    let path = format!("/rooms/{}/messages", room.await.good()["room"]);
    let new = json!({"name": "order.txt", "type": "text/plain", "size": TEXT.len(),
        "sha256": TEXT_HASH});
    let made = ada.post("/media", new).await.good();
    let upload = &made["upload"];
    let http = hallway_tests::wire::plain();
    let sends = async |bytes: &'static str| {
        let mut request = http.put(upload["url"].as_str().expect("an address")).body(bytes);
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().expect("text"));
        }
        request.send().await.expect("answered").status().as_u16()
    };
    let id = made["id"].as_str().expect("an id");
    let says = json!({"key": hallway_tests::wire::key(), "text": "", "files": [id]});
    assert_eq!(ada.post(&path, says.clone()).await.refused(), (409, "conflict"), "not there yet");
    assert_eq!(sends(TEXT).await, 200);
    let ready = ada.post(&format!("/media/{id}/complete"), json!({})).await.good();
    assert_eq!((&ready["state"], &ready["type"]), (&json!("ready"), &json!("text/plain")));
    let said = ada.post(&path, says).await.good();
    assert_eq!(
        (&said["files"][0]["id"], &said["files"][0]["name"]),
        (&json!(id), &json!("order.txt"))
    );

    let content = format!("{}/api/v1/media/{id}/content", house.url());
    let reads = async |who: &Rest, range: Option<&str>| {
        let token = who.token.clone().expect("signed in");
        let mut request = http.get(&content).bearer_auth(token);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let answer = request.send().await.expect("answered");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    assert_eq!(reads(&lin, None).await, (200, TEXT.to_owned()));
    assert_eq!(reads(&lin, Some("bytes=2-4")).await, (206, "pot".to_owned()));
    assert_eq!(reads(&eve, None).await.0, 404, "she is not in the room");
    // With the message the file goes.
    ada.delete(&format!("{path}/{}", said["seq"])).await.good();
    assert_eq!(reads(&lin, None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_a_notice_until_it_is_read() {
    let house = House::open().await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    lin.put("/users/me/notifications", json!({"keywords": ["kettle"]})).await.good();
    let first = ada.says(kitchen, "@lin tea?").await;
    ada.says(kitchen, "nobody in particular").await;
    let second = ada.says(kitchen, "who has the kettle?").await;
    let listed = async || lin.get("/notifications").await.good()["items"].clone();
    let items = listed().await;
    let told: Vec<_> =
        items.as_array().into_iter().flatten().map(|one| (&one["topic"], &one["seq"])).collect();
    let expected = [(json!("keyword"), json!(second.seq)), (json!("mention"), json!(first.seq))];
    assert_eq!(told, expected.iter().map(|(topic, seq)| (topic, seq)).collect::<Vec<_>>());
    let why = lin.get(&format!("/rooms/{kitchen}/why")).await.good();
    assert_eq!(why["mentions"], json!([first.seq]), "the badge says why");
    // Read on any device it is read everywhere; of a deleted message nothing is left.
    let mark = json!({"seq": second.seq});
    lin.put(&format!("/rooms/{kitchen}/read-mark"), mark).await.good();
    let items = listed().await;
    assert!(items.as_array().into_iter().flatten().all(|one| one["read"] == true), "{items}");
    ada.delete(&format!("/rooms/{kitchen}/messages/{}", first.seq)).await.good();
    assert_eq!(listed().await.as_array().map(Vec::len), Some(1));
}
