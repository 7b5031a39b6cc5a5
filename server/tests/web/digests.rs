//! The mail that says what is waiting, to who has been away: how much and where, never what was said.
//! It goes to a real server, over the wire.

use crate::house::{House, PASSWORD, PATIENCE, Person, int};
use hallway_outside::Post;
use hallway_server::params;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

async fn house(post: &Post) -> House {
    let mail = post.url();
    House::with(|config| {
        config.mail = mail;
        config.registration = hallway_protocol::rest::Registration::Open;
    })
    .await
}

/// Somebody verified and signed in.
async fn verified(house: &House, post: &Post, name: &str, language: &str) -> Person {
    let email = format!("{name}@example.org");
    let body = json!({"name": name, "display_name": name.to_uppercase(), "password": PASSWORD,
        "email": email});
    let call = crate::house::Call::new("POST", "/auth/register");
    let call = call.header("accept-language", language).body(body);
    call.to(house.address).await.ok(201);
    let token = json!({"token": post.next().await.secret()});
    house.call("POST", "/auth/verify-email", token).await.ok(204);
    house.login(name).await
}

/// Until no digest is due: when the one that waits looks next, if one does.
async fn settled(house: &House) -> Option<i64> {
    let looked = async {
        loop {
            let now = house.clock.now();
            let found = house.app.store.read(move |read| {
                read.one(
                    "select next_at, state from jobs where kind = 'digest'",
                    params![],
                    |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)),
                )
            });
            match found.await.expect("an answer") {
                None => return None,
                Some((at, state)) if at > now && state == "pending" => return Some(at - now),
                Some(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("it looks in time")
}

async fn turns(house: &House, time: Duration) -> Option<i64> {
    house.clock.turn(time);
    house.app.jobs.ring();
    settled(house).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_one_mail_that_says_where_and_how_much() {
    let post = Post::open().await;
    let house = house(&post).await;
    let ada = verified(&house, &post, "ada", "en").await;
    let lin = verified(&house, &post, "lin", "de").await;
    let room = ada.group("kitchen", &[&lin]).await;
    ada.says(room, "@lin before she wants any").await;
    lin.put("/users/me/notifications", json!({"digest_minutes": 60})).await.ok(204);
    assert_eq!(settled(&house).await, None);
    let direct = json!({"users": [lin.user]});
    let direct = int(&ada.post("/rooms/direct", direct).await.ok(201)["room"]);
    ada.says(room, "@lin the secret recipe").await;
    ada.says(room, "nothing for anybody").await;
    ada.says(direct, "psst, a secret").await;
    assert!(turns(&house, HOUR / 2).await.is_some(), "not before its time");
    assert!(post.rest().is_empty());
    assert_eq!(turns(&house, HOUR).await, None);
    let mail = post.next().await;
    assert_eq!(mail.to, "lin@example.org");
    assert_eq!(mail.header("subject"), "Ungelesen bei Hallway");
    let text = mail.text();
    assert!(text.contains("kitchen: 2") && text.contains("ADA: 1"), "{text}");
    assert!(text.contains("Einstellungen") && text.contains(&house.app.base()), "{text}");
    assert!(!mail.data.contains("secret"), "not a word of what was said: {}", mail.data);
    // The same is in no second mail, and more of it waits for its time.
    assert_eq!(turns(&house, 2 * HOUR).await, None);
    let ada = house.login("ada").await;
    ada.says(room, "@lin hello?").await;
    let wait = settled(&house).await.expect("it waits");
    assert!(wait > 3_500_000, "{wait}");
    assert_eq!(turns(&house, 2 * HOUR).await, None);
    assert!(post.next().await.text().contains("kitchen: 3"), "all that is unread");
    assert!(post.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_mailed_who_was_there_who_read_it_or_wants_to_sleep() {
    let post = Post::open().await;
    let house = house(&post).await;
    let ada = verified(&house, &post, "ada", "en").await;
    let lin = verified(&house, &post, "lin", "en").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let hour = |later: i64| {
        let minutes = house.clock.now() / 60_000 + later * 60;
        format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
    };
    let quiet = json!({"from": hour(0), "to": hour(4), "days": []});
    let wanted = json!({"digest_minutes": 60, "quiet": quiet});
    lin.put("/users/me/notifications", wanted).await.ok(204);
    // A device of hers has it, read or not.
    let seq = int(&ada.says(room, "@lin one").await["seq"]);
    let (mut socket, _) = lin.socket().await;
    socket.say(json!({"type": "ack", "rooms": [[room, seq]], "own": 0})).await;
    socket.told(json!({"type": "own", "since": 0})).await;
    assert_eq!(turns(&house, 2 * HOUR).await, None);
    // She sleeps until four, and is there when it ends.
    let (ada, lin) = (house.login("ada").await, house.login("lin").await);
    let two = int(&ada.says(room, "@lin two").await["seq"]);
    let wait = turns(&house, HOUR).await.expect("it waits for the end of the quiet hours");
    assert!((3_000_000..=3_600_000).contains(&wait), "{wait}");
    assert!(turns(&house, HOUR + HOUR / 60).await.is_some(), "she is connected");
    // Read in between it is nothing to tell of.
    let lin = Person { token: house.login("lin").await.token, ..lin };
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": two})).await.ok(204);
    assert_eq!(turns(&house, 2 * HOUR).await, None);
    assert!(post.rest().is_empty());
}
