//! Files in a bucket of S3, and files that come in parts, wherever they lie.

use crate::house::uploads::{named, path_of};
use crate::house::{Answer, Call, House, Person, int, key, list};
use hallway_outside::Bucket;
use hallway_server::config::{Config, Hidden};
use serde_json::{Value, json};
use std::time::Duration;

const BYTES: &[u8] = b"A pot of tea for two, please.";
const MIB: usize = 1024 * 1024;

/// Says to a server that its files are in this bucket.
pub fn holds_files_of(bucket: &Bucket, config: &mut Config) {
    let told = bucket.environment().map(|(name, value)| {
        let name = name.strip_prefix("HALLWAY_").expect("a name of ours");
        (name.to_lowercase(), value)
    });
    let of = |name: &str| told.iter().find(|(told, _)| told == name).map(|(_, told)| told.clone());
    config.files_url = of("files_url");
    config.files_endpoint = of("files_endpoint");
    config.files_region = of("files_region");
    config.files_key = of("files_key");
    config.files_secret = of("files_secret").map(Hidden);
}

async fn house(bucket: &Bucket) -> House {
    House::with(|config| holds_files_of(bucket, config)).await
}

fn id(said: &Value) -> &str {
    said["id"].as_str().expect("an id")
}

/// Bytes that differ from each other wherever one looks.
fn many(size: usize) -> Vec<u8> {
    let mut state = 7u32;
    let next = std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    [&b"\0\0"[..], &next.take(size - 2).collect::<Vec<_>>()].concat()
}

/// Waits until so many objects are in the bucket.
async fn holds(bucket: &Bucket, count: usize) {
    let there = async {
        while bucket.objects().len() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(crate::house::PATIENCE, there).await;
    assert!(waited.is_ok(), "not {count}: {:?}", bucket.objects());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_into_a_bucket_and_come_out_of_the_server() {
    let bucket = Bucket::open().await;
    let house = house(&bucket).await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    // A page of ours may call where uploads go.
    let page = Call::at("GET", "/mail/verify").to(house.address).await;
    let rules = &page.headers["content-security-policy"];
    let origin = format!("connect-src 'self' http://{};", bucket.address);
    assert!(rules.contains(&origin), "{rules}");
    let made = ada.post("/media", named("a.txt", "text/plain", BYTES)).await.ok(201);
    let url = made["upload"]["url"].as_str().expect("an address");
    assert!(url.starts_with(&format!("http://{}/", bucket.address)), "past us: {url}");
    ada.sends(&made["upload"], BYTES).await.ok(200);
    let file = ada.post(&format!("/media/{}/complete", id(&made)), json!({})).await.ok(200);
    assert_eq!((&file["state"], &file["type"]), (&json!("ready"), &json!("text/plain")));
    holds(&bucket, 1).await;
    let said = json!({"key": key(), "files": [id(&file)]});
    let row = ada.post(&format!("/rooms/{room}/messages"), said).await.ok(201);
    let content = format!("/media/{}/content", id(&file));
    assert_eq!(lin.get(&content).await.bytes, BYTES);
    let part = lin.begins("GET", &content).header("range", "bytes=2-4").to(house.address).await;
    assert_eq!((part.status, &part.bytes[..]), (206, &BYTES[2..5]));
    let told = lin.get(&format!("/media/{}", id(&file))).await.ok(200);
    let down = path_of(told["download"]["url"].as_str().expect("an address"));
    assert_eq!(Call::at("GET", down).to(house.address).await.bytes, BYTES);
    let picture = ada.uploads("a.png", "image/png", &crate::pictures::png(600, 20)).await;
    assert_eq!(int(&picture["width"]), 600);
    let small = ada.awaits(&format!("/media/{}/thumbnail", id(&picture))).await;
    assert_eq!((small.status, small.headers["content-type"].as_str()), (200, "image/jpeg"));
    holds(&bucket, 3).await;
    assert!(!house.data().join("files").exists(), "nothing lies here");
    ada.delete(&format!("/rooms/{room}/messages/{}", row["seq"])).await.ok(204);
    holds(&bucket, 2).await;
    // What is not what was said is dropped there too.
    let wrong = ada.post("/media", named("b.txt", "text/plain", BYTES)).await.ok(201);
    ada.sends(&wrong["upload"], &BYTES.to_ascii_uppercase()).await.ok(200);
    let said = ada.post(&format!("/media/{}/complete", id(&wrong)), json!({})).await;
    assert_eq!((said.refused(), said.blames("sha256")), ((422, "invalid"), true));
    holds(&bucket, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_a_bucket_is_bound_as_ours_are() {
    let bucket = Bucket::open().await;
    let house = house(&bucket).await;
    let ada = house.ada().await;
    let made = ada.post("/media", named("a.txt", "text/plain", BYTES)).await.ok(201);
    let url = made["upload"]["url"].as_str().expect("an address");
    let host = bucket.address.to_string();
    let call = |method: &str, url: &str| Call::at(method, path_of(url)).host(&host);
    let refused = |said: &Answer| (400..404).contains(&said.status);
    let kind = call("PUT", url).raw("text/html", BYTES).to(bucket.address).await;
    let longer =
        call("PUT", url).raw("text/plain", [BYTES, b"!"].concat()).to(bucket.address).await;
    let method = call("GET", url).to(bucket.address).await;
    let elsewhere = url.replace("/in/0", "/in/1");
    let place = call("PUT", &elsewhere).raw("text/plain", BYTES).to(bucket.address).await;
    let forged = format!("{}0", &url[..url.len() - 1]);
    let forged = if forged == url { format!("{}1", &url[..url.len() - 1]) } else { forged };
    let forged = call("PUT", &forged).raw("text/plain", BYTES).to(bucket.address).await;
    for (what, said) in [
        ("type", &kind),
        ("length", &longer),
        ("method", &method),
        ("place", &place),
        ("signature", &forged),
    ] {
        assert!(refused(said), "{what}: {said:?}");
    }
    assert_eq!(bucket.objects(), Vec::<std::path::PathBuf>::new(), "nothing came of it");
    // One that was given ten minutes ago.
    house.clock.turn(Duration::from_secs(600));
    let now = house.clock.now();
    let id = format!("/media/{}", id(&made));
    let fresh = house.login("ada").await.post("/media", named("b", "text/plain", BYTES)).await;
    assert!(int(&fresh.ok(201)["upload"]["expires_at"]) <= now + 300_000 + 10_000);
    assert_eq!(house.login("ada").await.get(&id).await.ok(200)["state"], "new");
}

/// Begins an upload in parts: its id and where each part goes.
async fn in_parts(person: &Person, bytes: &[u8], count: i64) -> (String, Value) {
    let made = person.post("/media", named("film.bin", "video/x-film", bytes)).await.ok(201);
    let media = format!("/media/{}", id(&made));
    for wrong in [0, 100, 10_001] {
        let said = person.post(&format!("{media}/parts"), json!({"parts": wrong})).await;
        assert_eq!((said.refused(), said.blames("parts")), ((422, "invalid"), true), "{wrong}");
    }
    let parts = person.post(&format!("{media}/parts"), json!({"parts": count})).await.ok(201);
    assert_eq!(list(&parts["parts"]).len() as i64, count);
    let other = person.post(&format!("{media}/parts"), json!({"parts": 1})).await;
    assert!(other.blames("parts"), "it has begun in other parts: {other:?}");
    (id(&made).to_owned(), parts["parts"].clone())
}

fn part<'b>(address: &Value, bytes: &'b [u8]) -> &'b [u8] {
    let from = usize::try_from(int(&address["offset"])).expect("a place");
    &bytes[from..from + usize::try_from(int(&address["size"])).expect("a size")]
}

/// A file of two parts and a bit goes up, part by part, one of them twice and in another order.
async fn goes_up(house: &House) {
    let ada = house.ada().await;
    let bytes = many(16 * MIB + 5);
    let (id, parts) = in_parts(&ada, &bytes, 3).await;
    let media = format!("/media/{id}");
    let complete =
        async |parts: Value| ada.post(&format!("{media}/complete"), json!({"parts": parts})).await;
    let send = async |n: usize, bytes: &[u8]| {
        let said = ada.sends(&parts[n], bytes).await;
        said.clone().ok(200);
        json!({"n": n + 1, "etag": said.headers["etag"]})
    };
    let third = send(2, part(&parts[2], &bytes)).await;
    let spoilt = send(0, &vec![b'x'; 8 * MIB]).await;
    let told = ada.get(&media).await.ok(200);
    assert_eq!((&told["state"], &told["parts"]), (&json!("new"), &json!([spoilt, third])));
    let early = complete(json!([spoilt, third])).await;
    assert_eq!((early.refused(), early.blames("parts")), ((422, "invalid"), true));
    let second = send(1, part(&parts[1], &bytes)).await;
    let first = send(0, part(&parts[0], &bytes)).await;
    assert_ne!(first, spoilt, "a part may come again");
    for wrong in [
        json!([spoilt, second, third]),
        json!([first, second]),
        json!([first, second, third, third]),
        json!([first, second, third, {"n": 4, "etag": "x"}]),
        json!([]),
    ] {
        let said = complete(wrong.clone()).await;
        assert_eq!((said.refused(), said.blames("parts")), ((422, "invalid"), true), "{wrong}");
    }
    let told = ada.get(&media).await.ok(200);
    assert_eq!(told["parts"], json!([first, second, third]));
    let done = complete(json!([third, first, second])).await.ok(200);
    assert_eq!((&done["state"], int(&done["size"])), (&json!("ready"), bytes.len() as i64));
    let down = ada.get(&format!("{media}/content")).await;
    assert!(down.status == 200 && down.bytes == bytes, "it is what went up");
    let range = format!("bytes={}-{}", 8 * MIB - 2, 8 * MIB + 1);
    let some = ada.begins("GET", &format!("{media}/content")).header("range", &range);
    let some = some.to(house.address).await;
    assert_eq!((some.status, &some.bytes[..]), (206, &bytes[8 * MIB - 2..8 * MIB + 2]));
    let late = ada.post(&format!("{media}/parts"), json!({"parts": 3})).await;
    assert_eq!(late.refused(), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_up_in_parts_into_a_folder() {
    goes_up(&House::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_up_in_parts_into_a_bucket() {
    let bucket = Bucket::open().await;
    goes_up(&house(&bucket).await).await;
    holds(&bucket, 1).await;
}
