//! A company's server: PostgreSQL, files in a bucket, sign-in with a provider. It is killed again and
//! again while two devices of one person write, and somebody else sends each word by two ways at once.
//! Then the whole site is lost, database and bucket, and put back elsewhere from a backup. Nothing of
//! what anybody still holds is lost, and nothing is there twice.

use crate::parts::provider;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId};
use hallway_tests::cast::agree;
use hallway_tests::postgres::Postgres;
use hallway_tests::server::folder;
use hallway_tests::wire::key;
use hallway_tests::{Bucket, Engine, House, Provider, Rest, until, wait};
use serde_json::json;
use std::collections::BTreeMap;

/// How often the server is killed.
const KILLS: usize = 8;
const NOTE: &[u8] = b"A pot of tea for two, please.";

/// Sends a word under its key until the server has said that it has it; its number.
async fn insists(who: &Rest, room: RoomId, key: &Key, text: &str) -> i64 {
    let body = json!({"key": key, "text": text});
    until("it is taken", async || {
        let path = format!("/rooms/{room}/messages");
        let said = who.tries("POST", &path, Some(body.clone())).await.ok()?;
        // Between two lives nobody answers, and one who is going says later.
        if !matches!(said.status, 200 | 201) {
            assert_eq!(said.body["retry"], "later", "{said:?}");
            return None;
        }
        said.body["seq"].as_i64()
    })
    .await
}

/// How often each text is there.
async fn counted(who: &Rest, room: RoomId) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for row in who.history(room).await.into_iter().filter(|row| row.key.is_some()) {
        *counted.entry(row.text).or_default() += 1;
    }
    counted
}

fn moves(house: &mut House, database: String, bucket: &Bucket) {
    let told = bucket.environment().into_iter().chain([("HALLWAY_DATABASE_URL", database)]);
    for (name, value) in told {
        house.setup().env.retain(|(known, _)| known != name);
        house.setup().env.push((name.into(), value));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_somebody_holds_is_lost_or_doubled() {
    let postgres = wait::blocking(Postgres::start).await;
    let (bucket, elsewhere) = (Bucket::open().await, Bucket::open().await);
    let provider = Provider::open(&Clock::system()).await;
    let mut setup = provider::setup(Engine::Sqlite, &provider);
    for (name, value) in bucket.environment() {
        setup = setup.env(name, value);
    }
    let mut house = House::with(setup.env("HALLWAY_DATABASE_URL", postgres.database("site"))).await;
    let url = house.url();
    provider.is(json!({"sub": "l-1", "preferred_username": "lin"}));
    let (lin, other) =
        (provider::comes(&url, &provider).await, provider::comes(&url, &provider).await);
    assert_eq!(lin.user, other.user);
    let (desk, phone) = (house.core("ada").await, house.core("ada").await);
    let kitchen = desk.creates("kitchen").await;
    lin.joins(kitchen).await;
    phone.opens(kitchen).await;

    let mut expected = BTreeMap::new();
    let mut numbers = Vec::new();
    for kill in 0..KILLS {
        let texts = [format!("desk {kill}"), format!("phone {kill}"), format!("lin {kill}")];
        desk.says(&texts[0]).await;
        phone.says(&texts[1]).await;
        // The same word by both of her devices at once, into a server that dies and comes back.
        let key = key();
        let (one, two, ()) = tokio::join!(
            insists(&lin, kitchen, &key, &texts[2]),
            insists(&other, kitchen, &key, &texts[2]),
            async {
                house.kill();
                house.up().await.expect("it starts again");
                desk.network().await;
                phone.network().await;
            }
        );
        assert_eq!(one, two, "one word has one number");
        numbers.push(one);
        expected.extend(texts.map(|text| (text, 1)));
    }
    numbers.dedup();
    assert_eq!(numbers.len(), KILLS);
    desk.settles().await;
    phone.settles().await;
    assert_eq!(counted(&lin, kitchen).await, expected);
    agree(&[&desk, &phone], kitchen).await;

    let note = lin.uploads("order.txt", "text/plain", NOTE).await;
    let says = json!({"key": key(), "text": "the order", "files": [note["id"]]});
    lin.post(&format!("/rooms/{kitchen}/messages"), says).await.good();
    expected.insert("the order".into(), 1);
    let shelf = folder("shelf");
    let file = shelf.path().join("hallway.tar").display().to_string();
    let (well, _, error) = house.operates(&["backup", &file]).await;
    assert!(well, "{error}");

    // Acknowledged since, and on no backup: the devices hold it, and she knows her keys.
    let since = key();
    insists(&lin, kitchen, &since, "lin, since").await;
    for (device, text) in [(&desk, "desk, since"), (&phone, "phone, since")] {
        device.hears("lin, since").await;
        device.says(text).await;
        expected.insert(text.into(), 1);
        device.settles().await;
    }
    expected.insert("lin, since".into(), 1);
    agree(&[&desk, &phone], kitchen).await;

    house.kill();
    moves(&mut house, postgres.database("again"), &elsewhere);
    drop(bucket);
    let (well, _, error) = house.operates(&["restore", &file]).await;
    assert!(well, "{error}");
    house.up().await.expect("it starts again");
    desk.network().await;
    phone.network().await;
    // Her session was made before the backup, and so was who she is at the provider.
    let lin = provider::comes(&url, &provider).await;
    assert_eq!(lin.user, other.user);
    let (one, two) = tokio::join!(
        insists(&lin, kitchen, &since, "lin, since"),
        insists(&other, kitchen, &since, "lin, since")
    );
    assert_eq!(one, two);
    until("the devices gave back what they held", async || {
        (counted(&lin, kitchen).await == expected).then_some(())
    })
    .await;
    desk.settles().await;
    phone.settles().await;
    agree(&[&desk, &phone], kitchen).await;
    assert_eq!(counted(&lin, kitchen).await, expected, "and nothing twice");
    let content = format!("/media/{}/content", note["id"].as_str().expect("an id"));
    assert_eq!(other.bytes(&content).await.2, NOTE);
    // It goes on from there, for each of them.
    desk.says("and on").await;
    phone.hears("and on").await;
    assert_eq!(lin.history(kitchen).await.last().map(|row| row.text.as_str()), Some("and on"));
}
