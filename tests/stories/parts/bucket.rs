//! Files in a bucket of S3: they go there past the server and come out of it, go with their message,
//! survive a killed server and a restore into another bucket on the other engine.

use hallway_outside::pictures::png;
use hallway_tests::server::folder;
use hallway_tests::wire::{key, plain};
use hallway_tests::{Bucket, Engine, House, Rest, Server, Setup, until};
use serde_json::{Value, json};
use std::path::Path;

on_both!(
    a_file_goes_past_the_server_and_goes_with_its_message,
    a_large_one_survives_a_kill_between_its_parts,
    a_backup_of_a_bucket_goes_into_another_on_the_other_engine,
);

const TEXT: &[u8] = b"A pot of tea for two, please.";

fn setup(engine: Engine, bucket: &Bucket) -> Setup {
    let setup = Setup::new(engine).unlimited();
    bucket.environment().into_iter().fold(setup, |setup, (name, value)| setup.env(name, value))
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}

/// Says something with these files; its path.
async fn shows(who: &Rest, room: impl std::fmt::Display, files: &[&Value]) -> String {
    let files: Vec<_> = files.iter().map(|file| id(file)).collect();
    let path = format!("/rooms/{room}/messages");
    let said = who.post(&path, json!({"key": key(), "text": "look", "files": files})).await.good();
    format!("{path}/{}", said["seq"])
}

async fn holds(bucket: &Bucket, count: usize) {
    until(&format!("{count} objects are in the bucket"), async || {
        (bucket.objects().len() == count).then_some(())
    })
    .await;
}

/// What an address gives to whoever has it.
async fn fetched(url: &str) -> (u16, Vec<u8>) {
    let answer = plain().get(url).send().await.expect("answered");
    (answer.status().as_u16(), answer.bytes().await.expect("all of it").to_vec())
}

async fn a_file_goes_past_the_server_and_goes_with_its_message(engine: Engine) {
    let bucket = Bucket::open().await;
    let house = House::with(setup(engine, &bucket)).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let room = ada.groups("plans", &[&lin]).await;
    let made = ada.announces("order.txt", "text/plain", TEXT).await;
    let url = made["upload"]["url"].as_str().expect("an address");
    assert!(url.starts_with(&format!("http://{}/", bucket.address)), "past the server: {url}");
    // The address is for one type and for nowhere else: S3 itself takes nothing else by it.
    let mut other = made["upload"].clone();
    other["headers"]["content-type"] = json!("text/html");
    assert_eq!(ada.sends(&other, TEXT).await, 403);
    let mut other = made["upload"].clone();
    other["url"] = json!(url.replace("/in/", "/out/"));
    assert_eq!(ada.sends(&other, TEXT).await, 403);
    assert_eq!(bucket.objects(), Vec::<std::path::PathBuf>::new());
    assert_eq!(Rest::at(&house.url()).sends(&made["upload"], TEXT).await, 200);
    let note = ada.post(&format!("/media/{}/complete", id(&made)), json!({})).await.good();
    let picture = ada.uploads("tea.png", "image/png", &png(600, 400, [200, 30, 30])).await;
    let path = shows(&ada, room, &[&note, &picture]).await;
    // A worker makes the small one and puts it beside the large one.
    let small = format!("/media/{}/thumbnail", id(&picture));
    until("the small picture", async || (lin.bytes(&small).await.0 == 200).then_some(())).await;
    holds(&bucket, 3).await;
    assert!(!house.data().join("files").exists(), "nothing lies at the server");

    let told = lin.get(&format!("/media/{}", id(&note))).await.good();
    let down = told["download"]["url"].as_str().expect("an address").to_owned();
    assert_eq!(fetched(&down).await, (200, TEXT.to_vec()), "the address needs no sign-in");
    let last = if down.ends_with('A') { 'B' } else { 'A' };
    let forged = format!("{}{last}", &down[..down.len() - 1]);
    assert!((400..500).contains(&fetched(&forged).await.0), "and no guessing");
    assert_eq!(eve.get(&format!("/media/{}", id(&note))).await.refused(), (404, "not_found"));
    // The bucket itself gives nothing to whoever asks without its key.
    for object in bucket.objects() {
        let name = object.strip_prefix(bucket.folder()).expect("in it").display().to_string();
        let url = format!("http://{}/hallway-files/{name}", bucket.address);
        assert_eq!(fetched(&url).await.0, 403, "{name}");
    }
    ada.delete(&path).await.good();
    holds(&bucket, 0).await;
    assert_eq!(lin.bytes(&format!("/media/{}/content", id(&note))).await.0, 404);
    assert!(fetched(&down).await.0 >= 400, "an address from before opens nothing more");
}

async fn a_large_one_survives_a_kill_between_its_parts(engine: Engine) {
    let bucket = Bucket::open().await;
    let mut house = House::with(setup(engine, &bucket)).await;
    let ada = house.owner.clone();
    let room = ada.groups("plans", &[]).await;
    let bytes: Vec<u8> = (0..9 << 20_u32).map(|n: u32| (n.wrapping_mul(n) >> 7) as u8).collect();
    let made = ada.announces("film.bin", "video/x-film", &bytes).await;
    let media = format!("/media/{}", id(&made));
    let parts = ada.post(&format!("{media}/parts"), json!({"parts": 2})).await.good();
    let mut tags = Vec::new();
    for (n, part) in parts["parts"].as_array().expect("parts").iter().enumerate() {
        let number = |name: &str| {
            let number = part[name].as_u64().expect("a number");
            usize::try_from(number).expect("a place in it")
        };
        let range = number("offset")..number("offset") + number("size");
        let url = part["url"].as_str().expect("an address");
        assert!(url.starts_with(&format!("http://{}/", bucket.address)), "past the server: {url}");
        let mut put = plain().put(url).body(bytes[range].to_vec());
        for (name, value) in part["headers"].as_object().into_iter().flatten() {
            put = put.header(name, value.as_str().expect("text"));
        }
        let put = put.send().await.expect("answered");
        assert_eq!(put.status().as_u16(), 200);
        tags.push(json!({"n": part["n"], "etag": put.headers()["etag"].to_str().expect("text")}));
        if n == 0 {
            house.crash().await;
        }
    }
    let complete = format!("{media}/complete");
    let done = ada.post(&complete, json!({"parts": tags})).await.good();
    assert_eq!(done["state"], "ready");
    // Killed after its answer, and asked again by a client that never heard it.
    house.crash().await;
    assert_eq!(ada.post(&complete, json!({"parts": tags})).await.good()["state"], "ready");
    shows(&ada, room, &[&done]).await;
    assert!(ada.bytes(&format!("{media}/content")).await.2 == bytes, "it is the same file");
    holds(&bucket, 1).await;
}

async fn a_backup_of_a_bucket_goes_into_another_on_the_other_engine(engine: Engine) {
    let (bucket, shelf) = (Bucket::open().await, folder("shelf"));
    let house = House::with(setup(engine, &bucket)).await;
    let ada = house.owner.clone();
    let room = ada.groups("plans", &[]).await;
    let note = ada.uploads("order.txt", "text/plain", TEXT).await;
    shows(&ada, room, &[&note]).await;
    holds(&bucket, 1).await;
    let file = shelf.path().join("hallway.tar").display().to_string();
    let (well, _, error) = house.operates(&["backup", &file]).await;
    assert!(well, "{error}");
    // What came after it is not in it, and is gone with the old bucket.
    let late = ada.uploads("late.txt", "text/plain", b"too late").await;
    shows(&ada, room, &[&late]).await;

    let (elsewhere, place) = (Bucket::open().await, folder("elsewhere"));
    let other = if engine == Engine::Sqlite { Engine::Shared } else { Engine::Sqlite };
    let mut new = setup(other, &elsewhere);
    new.data = Some(place.path().to_owned());
    let mut new = Server::down(new).await;
    let (well, _, error) = new.operates(&["restore", &file]).await;
    assert!(well, "{error}");
    drop((house, bucket));
    new.up().await.expect("it starts");
    let ada = Rest::sign_in(&new.url(), "ada").await;
    let content = |media: &Value| format!("/media/{}/content", id(media));
    assert_eq!(ada.bytes(&content(&note)).await.2, TEXT);
    assert_eq!(ada.bytes(&content(&late)).await.0, 404);
    assert_eq!(contents(&elsewhere), [TEXT]);
    let more = ada.uploads("more.txt", "text/plain", b"and on").await;
    shows(&ada, room, &[&more]).await;
    assert_eq!(ada.bytes(&content(&more)).await.2, b"and on");
}

fn contents(bucket: &Bucket) -> Vec<Vec<u8>> {
    let read = |path: &std::path::PathBuf| std::fs::read(Path::new(path)).expect("an object");
    bucket.objects().iter().map(read).collect()
}
