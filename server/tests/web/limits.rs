//! Rates: how fast passwords are tried, who counts as one address, how many commands a socket takes.
//! Sign-ins are counted by the machine's clock, commands by the house's, which can be turned.

use crate::house::{Answer, Call, House, PATIENCE, Socket, int, key};
use futures_util::future::join_all;
use hallway_server::config::Switch;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// More calls than any rate lets through at once.
const MANY: usize = 200;

/// Commands sent at once: more than the sixteen that may be unanswered, and so many more than the
/// burst of a hundred that no slowness of ours fills the bucket again meanwhile.
const COMMANDS: usize = 200;

/// A house behind a proxy of this machine, and rates on.
async fn behind_a_proxy() -> House {
    House::with(|config| {
        config.limits = Switch::On;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await
}

async fn forged_refresh(address: SocketAddr, from: &str) -> Answer {
    let call = Call::new("POST", "/auth/refresh").header("x-forwarded-for", from);
    call.body(json!({"refresh_token": "forged"})).to(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed_down() {
    let house = House::strict().await;
    let body = json!({"login": "ada", "password": "guess-guess"});
    for attempt in 0..MANY {
        let said = house.call("POST", "/auth/login", body.clone()).await;
        if said.status == 429 {
            assert_eq!(said.refused(), (429, "rate_limited"));
            assert!(attempt >= 3, "people mistype");
            return;
        }
        assert_eq!(said.refused(), (401, "wrong_credentials"));
    }
    panic!("{MANY} guesses were answered; hers would be found");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_is_protected_from_all_addresses_together() {
    let house = behind_a_proxy().await;
    house.ada().await;
    let guess = |n: usize| {
        Call::new("POST", "/auth/login")
            .header("x-forwarded-for", &format!("10.2.0.{n}"))
            .body(json!({"login": "ada", "password": "wrong one"}))
            .to(house.address)
    };
    let guesses = join_all((0..40).map(guess)).await;
    assert!(guesses.iter().any(|guess| guess.status == 429));
    assert!(guesses.iter().any(|guess| guess.status == 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_slowed_down_and_others_come_in_meanwhile() {
    let house = behind_a_proxy().await;
    let mut last = forged_refresh(house.address, "10.1.1.1").await;
    for _ in 0..MANY {
        last = forged_refresh(house.address, "10.1.1.1").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(last.refused(), (429, "rate_limited"));
    assert!(last.headers["retry-after"].parse::<u64>().expect("seconds") >= 1);
    // What a stranger claims about an address further back is not believed.
    let claimed = forged_refresh(house.address, "10.9.9.9, 10.1.1.1").await;
    assert_eq!(claimed.refused(), (429, "rate_limited"));
    let other = forged_refresh(house.address, "10.1.1.2").await;
    assert_eq!(other.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_we_do_not_trust_does_not_name_addresses() {
    let house = House::strict().await;
    let mut statuses = Vec::new();
    for n in 0..60 {
        statuses.push(forged_refresh(house.address, &format!("10.0.0.{n}")).await.status);
    }
    assert_eq!((statuses[0], statuses.contains(&429)), (401, true));
}

/// Sends all of these at once to a room; which were done and which refused, each in the order of
/// the answers.
async fn burst(socket: &mut Socket, room: i64, keys: &[String]) -> (Vec<usize>, Vec<usize>) {
    for (id, key) in keys.iter().enumerate() {
        socket.say(send(room, id, key)).await;
    }
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    while done.len() + refused.len() < keys.len() {
        // Refusals may come before the commits of what stood ahead of them.
        let said = socket.until(|said| said["type"] == "ok" || said["type"] == "error").await;
        let id = usize::try_from(int(&said["id"])).expect("one of ours");
        if said["type"] == "ok" {
            done.push(id);
            continue;
        }
        assert_eq!((&said["code"], &said["retry"]), (&json!("rate_limited"), &json!("later")));
        refused.push(id);
    }
    (done, refused)
}

fn send(room: i64, id: usize, key: &str) -> Value {
    json!({"type": "send", "id": id, "room": room, "key": key, "text": id.to_string()})
}

/// Sends it until it is done, turning the clock by what each refusal asks for; its `seq`.
async fn until_done(house: &House, socket: &mut Socket, frame: Value) -> i64 {
    let began = Instant::now();
    loop {
        let said = socket.told(frame.clone()).await;
        if said["type"] == "ok" {
            return int(&said["seq"]);
        }
        assert_eq!(said["retry"], "later", "{said}");
        assert!(began.elapsed() < PATIENCE, "refused to the end: {said}");
        let wait = said["after_ms"].as_u64().expect("how long to wait");
        house.clock.turn(Duration::from_millis(wait));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_come_in_bursts_and_then_at_their_rate() {
    let house = House::strict().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, welcome) = ada.socket().await;
    assert_eq!(welcome["limits"]["commands_per_second"], 50);
    let keys: Vec<_> = (0..COMMANDS).map(|_| key()).collect();
    let (done, refused) = burst(&mut socket, room, &keys).await;
    assert!(!refused.is_empty());
    // None overtook the first that was refused: it has to come again first.
    let first = *refused.iter().min().expect("one");
    assert!(done.iter().all(|id| *id < first), "{first} {done:?}");
    house.clock.turn(Duration::from_millis(200));
    let by_id = |id: usize| move |said: &Value| said["id"] == id;
    let mut again = async |id: usize| {
        socket.say(send(room, id, &keys[id])).await;
        socket.until(by_id(id)).await["type"].clone()
    };
    assert_eq!(again(first + 1).await, "error");
    assert_eq!(again(first).await, "ok");
    assert_eq!(again(first + 1).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_holds_back_the_rooms_later_ones() {
    let house = House::strict().await;
    let ada = house.ada().await;
    let (room, other) = (ada.group("kitchen", &[]).await, ada.group("attic", &[]).await);
    let (mut socket, _) = ada.socket().await;
    let keys: Vec<String> = (0..COMMANDS).map(|_| key()).collect();
    let (_, refused) = burst(&mut socket, room, &keys).await;
    let first = *refused.first().expect("some were refused");
    assert_eq!(refused, (first..keys.len()).collect::<Vec<_>>(), "none overtook the refused one");
    let command =
        |room: i64, text: &str| json!({"type": "send", "room": room, "key": key(), "text": text});
    let later = socket.told(command(room, "overtakes")).await;
    assert_eq!(later["code"], "rate_limited", "it still waits for that key");
    until_done(&house, &mut socket, command(other, "free")).await;
    let mut last = 0;
    for id in refused {
        let frame = json!({"type": "send", "room": room, "key": keys[id], "text": id.to_string()});
        let seq = until_done(&house, &mut socket, frame).await;
        assert!(seq > last, "order of acts is order of numbers");
        last = seq;
    }
}
