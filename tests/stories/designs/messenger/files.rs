//! Files: each goes up by an address of its own, and whoever may read the message has it.

use hallway_outside::pictures::png;
use hallway_tests::wire::key;
use hallway_tests::{Engine, House, Rest, Setup, until};
use serde_json::json;

on_both!(
    a_file_goes_up_by_an_address_of_its_own_and_whoever_reads_the_message_has_it,
    a_large_one_goes_up_in_parts,
    a_picture_has_its_size_and_its_small_one,
);

/// Bytes of a file.
const TEXT: &[u8] = b"A pot of tea for two, please.";

async fn a_file_goes_up_by_an_address_of_its_own_and_whoever_reads_the_message_has_it(
    engine: Engine,
) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let (ada, lin, eve) =
        (house.owner.clone(), house.person("lin").await, house.person("eve").await);
    let path = format!("/rooms/{}/messages", ada.groups("plans", &[&lin]).await);
    let made = ada.announces("order.txt", "text/plain", TEXT).await;
    let id = made["id"].as_str().expect("an id");
    let says = json!({"key": key(), "text": "", "files": [id]});
    assert_eq!(ada.post(&path, says.clone()).await.refused(), (409, "conflict"), "not there yet");
    // Other bytes are found out, be they as many; the address needs no sign-in.
    assert_eq!(ada.sends(&made["upload"], b"A pot of tea for nobody, yes.").await, 200);
    let other = ada.post(&format!("/media/{id}/complete"), json!({})).await;
    assert_eq!(other.refused(), (422, "invalid"));
    assert!(other.body["fields"]["sha256"].is_string(), "{other:?}");
    assert_eq!(Rest::at(&house.url()).sends(&made["upload"], TEXT).await, 200);
    let ready = ada.post(&format!("/media/{id}/complete"), json!({})).await.good();
    assert_eq!((&ready["state"], &ready["type"]), (&json!("ready"), &json!("text/plain")));
    let said = ada.post(&path, says).await.good();
    let file = &said["files"][0];
    assert_eq!((&file["id"], &file["name"]), (&json!(id), &json!("order.txt")));
    assert_eq!((&file["type"], &file["size"]), (&json!("text/plain"), &json!(TEXT.len())));

    let content = format!("/media/{id}/content");
    assert_eq!(lin.bytes(&content).await.2, TEXT);
    let token = lin.token.clone().expect("signed in");
    let part = hallway_tests::wire::plain()
        .get(format!("{}/api/v1{content}", house.url()))
        .bearer_auth(token)
        .header("range", "bytes=2-4");
    let part = part.send().await.expect("answered");
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(part.text().await.expect("text"), "pot");
    assert_eq!(eve.bytes(&content).await.0, 404, "she is not in the room");
    assert_eq!(eve.get(&format!("/media/{id}")).await.refused(), (404, "not_found"));
    // With the message the file goes.
    ada.delete(&format!("{path}/{}", said["seq"])).await.good();
    assert_eq!(lin.bytes(&content).await.0, 404);
}

async fn a_large_one_goes_up_in_parts(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let ada = house.owner.clone();
    // Nine megabytes that no compression makes fewer.
    let mut seed = 7_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.to_be_bytes()[0]
    })
    .take(9 << 20)
    .collect();
    let made = ada.announces("film.bin", "application/octet-stream", &bytes).await;
    let id = made["id"].as_str().expect("an id");
    let asked = ada.post(&format!("/media/{id}/parts"), json!({"parts": 2})).await.good();
    let parts = asked["parts"].as_array().expect("parts");
    let mut tags = Vec::new();
    // The second first; the link breaks, and the first goes up again.
    let half = bytes.len().div_ceil(2);
    let size = parts[0]["size"].as_u64().map_or(half, |size| usize::try_from(size).expect("fits"));
    for (n, part) in [(1, &bytes[size..]), (0, &bytes[..size]), (0, &bytes[..size])] {
        let url = parts[n]["url"].as_str().expect("an address");
        let mut put = hallway_tests::wire::plain().put(url).body(part.to_vec());
        for (name, value) in parts[n]["headers"].as_object().into_iter().flatten() {
            put = put.header(name, value.as_str().expect("text"));
        }
        let put = put.send().await.expect("answered");
        assert_eq!(put.status().as_u16(), 200);
        let tag = put.headers()["etag"].to_str().expect("text").to_owned();
        tags.retain(|one: &serde_json::Value| one["n"] != parts[n]["n"]);
        tags.push(json!({"n": parts[n]["n"], "etag": tag}));
    }
    tags.sort_by_key(|one| one["n"].as_i64());
    let done = ada.post(&format!("/media/{id}/complete"), json!({"parts": tags})).await.good();
    assert_eq!(done["state"], "ready");
    let (status, _, back) = ada.bytes(&format!("/media/{id}/content")).await;
    assert_eq!(status, 200);
    assert!(back == bytes, "it is the same file");
}

async fn a_picture_has_its_size_and_its_small_one(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("plans", &[&lin]).await;
    let picture = ada.uploads("tea.png", "image/png", &png(600, 400, [200, 30, 30])).await;
    assert_eq!((&picture["width"], &picture["height"]), (&json!(600), &json!(400)));
    let id = picture["id"].as_str().expect("an id");
    let says = json!({"key": key(), "text": "look", "files": [id]});
    ada.post(&format!("/rooms/{room}/messages"), says).await.good();
    // A worker makes the small one.
    let (kind, small) = until("the small picture", async || {
        let (status, kind, bytes) = lin.bytes(&format!("/media/{id}/thumbnail")).await;
        (status == 200).then_some((kind, bytes))
    })
    .await;
    assert!(kind.starts_with("image/"), "{kind}");
    let large = lin.bytes(&format!("/media/{id}/content")).await.2;
    assert!(!small.is_empty() && small != large, "it is another picture");
    // What says that it is a picture and is none is a file, and never shown.
    let fake = ada.uploads("x.png", "image/png", b"<script>alert(1)</script>").await;
    assert_eq!(fake["width"], serde_json::Value::Null);
    let content = format!("/media/{}/content", fake["id"].as_str().expect("an id"));
    assert!(!ada.bytes(&content).await.1.starts_with("image/"));
}
