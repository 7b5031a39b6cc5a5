//! What happens later and surely: notices and mails for who is away, thumbnails, clean-up; a worker
//! that dies, and input that no worker can do anything with.

use hallway_tests::files::files;
use hallway_tests::wait::within;
use hallway_tests::wire::PASSWORD;
use hallway_tests::{Engine, Hand, House, Post, Rest, Setup, until};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    a_mention_is_a_notice_until_it_is_read,
    a_notice_says_where_it_is_about,
    who_was_away_gets_a_mail_that_says_how_much_waits,
    a_mail_whose_worker_dies_is_sent_by_another,
    what_no_server_takes_is_a_dead_letter_at_once,
    what_nobody_refers_to_is_cleaned_up,
);

fn setup(engine: Engine, post: &Post, hand: &Hand) -> Setup {
    let setup = Setup::new(engine).unlimited().clock(hand);
    setup.env("HALLWAY_REGISTRATION", "open").env("HALLWAY_MAIL", post.url())
}

async fn registers(house: &House, name: &str) {
    let email = format!("{name}@example.org");
    let new = json!({"name": name, "email": email, "password": PASSWORD});
    Rest::at(&house.url()).post("/auth/register", new).await.good();
}

/// Somebody who verified their address and signed in.
async fn verified(house: &House, post: &Post, name: &str) -> Rest {
    registers(house, name).await;
    verifies(house, &post.next().await.secret()).await;
    Rest::sign_in(&house.url(), name).await
}

async fn verifies(house: &House, token: &str) {
    let token = json!({"token": token});
    Rest::at(&house.url()).post("/auth/verify-email", token).await.good();
}

async fn a_mention_is_a_notice_until_it_is_read(engine: Engine) {
    let house = House::on(engine).await;
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

async fn a_notice_says_where_it_is_about(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    for n in 0..150 {
        ada.says(kitchen, &format!("chatter {n}")).await;
        if n == 20 {
            ada.says(kitchen, "@lin tea?").await;
        }
    }
    let mine = lin.says(kitchen, "yes").await;
    let answer = json!({"key": hallway_tests::wire::key(), "text": "green?", "reply": mine.seq});
    ada.post(&format!("/rooms/{kitchen}/messages"), answer).await.good();
    let direct = ada.post("/rooms/direct", json!({"users": [lin.user]})).await.good();
    let direct = hallway_protocol::ids::RoomId(direct["room"].as_i64().expect("a room row"));
    ada.says(direct, "psst").await;
    let items = lin.get("/notifications").await.good()["items"].clone();
    let topics: Vec<_> = items.as_array().expect("items").iter().map(|one| &one["topic"]).collect();
    assert_eq!(topics, ["direct", "reply", "mention"], "{items}");
    // What a link `hallway://host/room/7/812` is made of, and it opens at the words.
    for (item, text) in items.as_array().expect("items").iter().zip(["psst", "green?", "@lin tea?"])
    {
        let (room, seq) = (&item["room"], &item["seq"]);
        let page = format!("/rooms/{room}/messages?around={seq}&limit=10");
        let page: hallway_protocol::rest::Page = lin.get(&page).await.read();
        let rows = hallway_tests::wire::messages(&page.rows);
        let found = rows.iter().find(|row| json!(row.seq) == *seq).expect("it is on its page");
        assert_eq!(found.text, text);
    }
    let invite = ada.post("/invites", json!({})).await.good();
    let link = format!(
        "hallway://{}/invite/{}",
        house.address(),
        invite["code"].as_str().expect("a code")
    );
    assert_eq!(invite["link"], json!(link));
}

async fn who_was_away_gets_a_mail_that_says_how_much_waits(engine: Engine) {
    let (post, hand) = (Post::open().await, Hand::of_dates());
    let house = House::with(setup(engine, &post, &hand)).await;
    let mut ada = house.owner.clone();
    let lin = verified(&house, &post, "lin").await;
    let kitchen = ada.groups("kitchen", &[&lin]).await;
    lin.put("/users/me/notifications", json!({"digest_minutes": 60})).await.good();
    ada.says(kitchen, "@lin a secret recipe").await;
    let second = ada.says(kitchen, "@lin and another").await;
    hand.turn(Duration::from_secs(30 * 60));
    ada.renew().await;
    ada.says(kitchen, "nothing for anybody").await;
    house.rests("digest").await;
    assert!(post.rest().is_empty(), "not before its time");
    hand.turn(Duration::from_secs(40 * 60));
    ada.renew().await;
    // Somebody's notice wakes the worker.
    ada.says(kitchen, "@lin a third").await;
    let mail = post.next().await;
    assert_eq!(mail.to, "lin@example.org");
    assert!(mail.text().contains("kitchen: 3"), "{}", mail.text());
    assert!(!mail.data.contains("recipe"), "not a word of what was said");
    // What was read meanwhile is no mail.
    let mut lin = lin;
    lin.renew().await;
    ada.says(kitchen, "@lin a fourth").await;
    lin.put(&format!("/rooms/{kitchen}/read-mark"), json!({"seq": second.seq + 3})).await.good();
    hand.turn(Duration::from_secs(2 * 3_600));
    registers(&house, "eve").await;
    assert_eq!(post.next().await.to, "eve@example.org");
    house.has_done("digest").await;
    house.has_done("mail").await;
    assert!(post.rest().is_empty());
}

async fn a_mail_whose_worker_dies_is_sent_by_another(engine: Engine) {
    let (post, hand) = (Post::open().await, Hand::of_dates());
    let mut house = House::with(setup(engine, &post, &hand)).await;
    post.is_silent(true);
    registers(&house, "lin").await;
    // All of it was said, nothing answered: then the process is gone, and its lease is not.
    post.heard().await;
    house.kill();
    post.is_silent(false);
    house.up().await.expect("it starts again");
    // Who died may be alive still, for as long as its lease says.
    hand.turn(Duration::from_secs(31));
    registers(&house, "bob").await;
    let mut mails = vec![post.next().await, post.next().await];
    house.has_done("mail").await;
    mails.extend(post.rest());
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["bob@example.org", "lin@example.org"], "each once");
    verifies(&house, &mails[1].secret()).await;
    Rest::sign_in(&house.url(), "lin").await;
}

async fn what_no_server_takes_is_a_dead_letter_at_once(engine: Engine) {
    let (post, hand) = (Post::open().await, Hand::of_dates());
    let house = House::with(setup(engine, &post, &hand)).await;
    let operator = house.operator();
    let letters = async || {
        let said = operator.get("/admin/dead-letters?kind=mail").await.good();
        said["items"].as_array().expect("items").clone()
    };
    let dead = async |count: usize| {
        until("dead letters", async || Some(letters().await).filter(|all| all.len() == count)).await
    };
    post.says(Some("550 there is no such box"));
    for name in ["lin", "eve"] {
        registers(&house, name).await;
    }
    let all = dead(2).await;
    for letter in &all {
        let words = letter["last_error"].as_str().expect("words");
        assert!(words.contains("550") && !words.contains("example.org"), "{letter}");
        assert_eq!(letter["attempts"], 1, "it would never be taken: {letter}");
    }
    let act = async |letter: &Value, what: &str| {
        let path = format!("/admin/dead-letters/{}", letter["id"].as_str().expect("an id"));
        match what {
            "retry" => operator.post(&format!("{path}/retry"), json!({})).await,
            _ => operator.delete(&path).await,
        }
    };
    // Tried again to no avail it is one again; when the box is there, it is sent.
    assert_eq!(act(&all[0], "retry").await.status, 202);
    let all = dead(2).await;
    post.says(None);
    assert_eq!(act(&all[0], "retry").await.status, 202);
    let sent = post.next().await;
    verifies(&house, &sent.secret()).await;
    act(&all[1], "drop").await.good();
    assert!(letters().await.is_empty());
    house.has_done("mail").await;
    assert!(post.rest().is_empty());
    // For now is not for ever: it waits, and holds up nobody.
    post.says(Some("450 later, please"));
    registers(&house, "bob").await;
    until("it failed once", async || {
        let waits = "hallway_jobs{state=\"pending\",kind=\"mail\"}";
        (house.figure(waits).await == Some(1.0)).then_some(())
    })
    .await;
    post.says(None);
    registers(&house, "ann").await;
    let mut three = vec![post.next().await.to];
    hand.turn(Duration::from_secs(80));
    registers(&house, "tom").await;
    three.extend([post.next().await.to, post.next().await.to]);
    three.sort();
    assert_eq!(three, ["ann@example.org", "bob@example.org", "tom@example.org"]);
}

async fn what_nobody_refers_to_is_cleaned_up(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let mut ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let begun = ada.announces("never.txt", "text/plain", b"never to be finished").await;
    assert_eq!(ada.sends(&begun["upload"], b"never to be finished").await, 200);
    let kept = ada.uploads("kept.txt", "text/plain", b"somebody shows this").await;
    let says = json!({"key": hallway_tests::wire::key(), "text": "see", "files": [kept["id"]]});
    ada.post(&format!("/rooms/{kitchen}/messages"), says).await.good();
    let folder = house.data().join("files");
    let holds = |text: &str| {
        let holds = |file: &std::path::PathBuf| {
            std::fs::read(file).is_ok_and(|bytes| bytes == text.as_bytes())
        };
        files(&folder).iter().any(holds)
    };
    assert!(holds("never to be finished"));
    // The server counts its days by the hours it has run; in one of them the clean-up takes it.
    let mut hours = 0;
    let passes = async {
        while holds("never to be finished") {
            hand.turn(Duration::from_secs(3_600));
            hours += 1;
            house.rests("clean-up").await;
        }
    };
    within(Duration::from_secs(180), "it is gone from the disk", passes).await;
    assert!(hours >= 24, "gone after {hours} hours");
    ada.renew().await;
    let path = format!("/media/{}", begun["id"].as_str().expect("an id"));
    assert!(ada.get(&path).await.status >= 404);
    let content = format!("/media/{}/content", kept["id"].as_str().expect("an id"));
    assert_eq!(ada.bytes(&content).await.2, b"somebody shows this");
}
