//! Files: up and down again, by whom they may be read, how they end.

use crate::house::uploads::{named, path_of};
use crate::house::{Answer, Call, House, Person, Process, int, key, list};
use hallway_protocol::ids::TenantId;
use hallway_server::params;
use hallway_server::store::{Needs, chores};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const BYTES: &[u8] = b"A pot of tea for two, please.";

fn id(said: &Value) -> &str {
    said["id"].as_str().expect("an id")
}

async fn complete(person: &Person, id: &str) -> Answer {
    person.post(&format!("/media/{id}/complete"), json!({})).await
}

async fn sends(person: &Person, room: i64, text: &str, files: &[&str]) -> Answer {
    let body = json!({"key": key(), "text": text, "files": files});
    person.post(&format!("/rooms/{room}/messages"), body).await
}

async fn content(person: &Person, id: &str) -> Answer {
    person.get(&format!("/media/{id}/content")).await
}

/// Lets the server have run for so many hours more, by its own count, and waits for the clean-up.
async fn run_for(house: &House, hours: i64) {
    counted(house, 1).await;
    let before = house.app.store.write(Needs::default(), move |tx| {
        let next = chores::hours(tx)? + hours;
        let sql = "update meta set value = $1 where name = 'hours'";
        tx.exec(sql, params![&next.to_string()])?;
        Ok(next)
    });
    let before = before.await.expect("a count");
    house.clock.turn(Duration::from_secs(3_601));
    house.app.jobs.ring();
    counted(house, before + 1).await;
}

/// Waits until so many hours were counted, each by a clean-up.
async fn counted(house: &House, hours: i64) {
    let cleaned = async {
        while house.app.store.read(chores::hours).await.expect("a count") < hours {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, cleaned).await.expect("a clean-up in time");
}

/// Waits until no file of this name is in the folder, or any at all.
async fn emptied(house: &House, part: &str) {
    fn any(folder: &std::path::Path, part: &str) -> bool {
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.into_iter().map(|one| one.path()).any(|path| {
            if path.is_dir() { any(&path, part) } else { path.to_string_lossy().contains(part) }
        })
    }
    let folder = house.data().join("files");
    let gone = async {
        while any(&folder, part) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, gone).await.expect("the bytes go in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_and_comes_down_whole_and_in_parts() {
    let house = House::open().await;
    let ada = house.ada().await;
    let name = "Tea \"for\" two; ☕.html";
    let made = ada.post("/media", named(name, "text/html", BYTES)).await.ok(201);
    let media = format!("/media/{}", id(&made));
    let waiting = ada.get(&media).await.ok(200);
    assert_eq!((&waiting["state"], &waiting["download"]), (&json!("new"), &Value::Null));
    let early = complete(&ada, id(&made)).await;
    assert_eq!((early.refused(), &early.body["retry"]), ((409, "conflict"), &json!("later")));
    let sent = ada.sends(&made["upload"], BYTES).await;
    assert_eq!(sent.status, 200);
    let etag = sent.headers["etag"].trim_matches('"');
    assert!(etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit()), "{etag}");
    // Without a body it is the same, whatever kind that would be of.
    let bare = Call::new("POST", &format!("{media}/complete")).token(&ada.token);
    let done = bare.raw("application/octet-stream", "").to(house.address).await.ok(200);
    assert_eq!((&done["state"], &done["type"]), (&json!("ready"), &json!("text/plain")));
    assert_eq!(complete(&ada, id(&made)).await.ok(200), done, "it is done once");
    emptied(&house, "/in/").await;
    let again = ada.sends(&made["upload"], BYTES).await;
    assert_eq!(again.refused(), (409, "conflict"), "what was looked at does not change");
    let whole = content(&ada, id(&made)).await;
    assert_eq!((whole.status, &whole.bytes[..]), (200, BYTES));
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    assert_eq!(whole.headers["x-content-type-options"], "nosniff");
    assert_eq!(whole.headers["cache-control"], "no-store");
    assert!(whole.headers["content-security-policy"].starts_with("sandbox"));
    let shown = &whole.headers["content-disposition"];
    assert_eq!(shown, "attachment; filename*=UTF-8''Tea%20%22for%22%20two%3B%20%E2%98%95.html");
    let part = |range: &'static str| {
        let call = ada.begins("GET", &format!("{media}/content")).header("range", range);
        call.to(house.address)
    };
    let said = part("bytes=2-4").await;
    assert_eq!((said.status, &said.bytes[..]), (206, &BYTES[2..5]));
    assert_eq!(said.headers["content-range"], format!("bytes 2-4/{}", BYTES.len()));
    assert_eq!(part("bytes=-7").await.bytes, &BYTES[BYTES.len() - 7..]);
    let beyond = part("bytes=99-").await;
    assert!(beyond.refused() == (416, "invalid") && beyond.blames("range"), "{beyond:?}");
    assert_eq!(beyond.headers["content-range"], format!("bytes */{}", BYTES.len()));
    let tag = whole.headers["etag"].clone();
    for (held, status) in [(tag.as_str(), 206), ("\"other\"", 200)] {
        let call = ada.begins("GET", &format!("{media}/content")).header("range", "bytes=0-0");
        assert_eq!(call.header("if-range", held).to(house.address).await.status, status);
    }
    for (held, status) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("\"other\", {tag}"), 304),
        ("*".into(), 304),
        ("\"other\"".into(), 200),
        (tag.trim_matches('"').into(), 200),
    ] {
        let call = ada.begins("GET", &format!("{media}/content")).header("range", "bytes=0-");
        let said = call.header("if-none-match", &held).to(house.address).await;
        // The rest of it is a part, all of it in one.
        let status = if status == 200 { 206 } else { status };
        assert_eq!((said.status, said.headers["etag"].as_str()), (status, tag.as_str()), "{held}");
        assert_eq!(said.headers["cache-control"], "no-store");
        assert_eq!(said.bytes.is_empty(), status == 304, "{held}");
    }
    let call = Call::new("GET", &format!("{media}/content")).header("if-none-match", &tag);
    assert_eq!(call.to(house.address).await.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_folder_is_for_the_server_alone() {
    fn modes(folder: &Path, found: &mut Vec<(bool, u32)>) {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path())
        {
            // What led to a file goes while we look.
            let Ok(meta) = path.metadata() else { continue };
            found.push((meta.is_dir(), meta.permissions().mode() & 0o777));
            modes(&path, found);
        }
    }
    let server = Process::start(&[]).await;
    let ada = server.ada().await;
    let large = vec![b'x'; 3 << 20];
    for (name, bytes) in [("a.txt", BYTES), ("b.bin", &large)] {
        let file = ada.uploads(name, "text/plain", bytes).await;
        assert_eq!(content(&ada, id(&file)).await.bytes, bytes);
    }
    let mut found = Vec::new();
    modes(&server.data().join("files"), &mut found);
    assert!(found.len() > 4, "{found:?}");
    let right = |(folder, mode): &(bool, u32)| *mode == if *folder { 0o700 } else { 0o600 };
    assert!(found.iter().all(right), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_file_keeps_its_limits() {
    let house = House::open().await;
    let ada = house.ada().await;
    let with = |field: &str, value: Value| {
        let mut body = named("a.txt", "text/plain", BYTES);
        body[field] = value;
        body
    };
    let wrong = [
        ("name", json!("")),
        ("name", json!("x".repeat(256))),
        ("name", json!("a\nb")),
        ("type", json!("tea")),
        ("type", json!("text/plain\r\nx: y")),
        ("type", json!(format!("a/{}", "b".repeat(130)))),
        ("size", json!(0)),
        ("size", json!(-1)),
        ("size", json!("7")),
        ("sha256", json!("00")),
        ("sha256", json!("zz".repeat(32))),
    ];
    for (field, value) in wrong {
        let said = ada.post("/media", with(field, value.clone())).await;
        assert_eq!((said.refused(), said.blames(field)), ((422, "invalid"), true), "{value}");
    }
    let said = ada.post("/media", with("size", json!(100 * 1024 * 1024 + 1))).await;
    assert_eq!(said.refused(), (413, "too_large"));
    let turned = ada.post("/media", with("name", json!("cod\u{202e}gpj.exe"))).await.ok(201);
    assert_eq!(ada.get(&format!("/media/{}", id(&turned))).await.ok(200)["name"], "codgpj.exe");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_was_said_are_dropped() {
    let house = House::open().await;
    let ada = house.ada().await;
    let other: Vec<u8> = BYTES.iter().rev().copied().collect();
    let made = ada.post("/media", named("a.txt", "text/plain", BYTES)).await.ok(201);
    ada.sends(&made["upload"], &other).await.ok(200);
    let said = complete(&ada, id(&made)).await;
    assert_eq!((said.refused(), said.blames("sha256")), ((422, "invalid"), true));
    emptied(&house, "").await;
    assert_eq!(complete(&ada, id(&made)).await.refused(), (409, "conflict"), "nothing is there");
    ada.sends(&made["upload"], BYTES).await.ok(200);
    complete(&ada, id(&made)).await.ok(200);
    assert_eq!(content(&ada, id(&made)).await.bytes, BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_good_for_one_thing_and_not_for_long() {
    let house = House::open().await;
    let ada = house.ada().await;
    let made = ada.post("/media", named("a.txt", "text/plain", BYTES)).await.ok(201);
    let put = made["upload"]["url"].as_str().expect("an address");
    assert!(put.starts_with(&format!("http://{}/files/", house.address)), "{put}");
    assert!(int(&made["upload"]["expires_at"]) <= house.clock.now() + 5 * 60_000);
    let put = path_of(put);
    let raw = |kind: &str, bytes: &[u8]| Call::at("PUT", put).raw(kind, bytes).to(house.address);
    assert_eq!(raw("text/html", BYTES).await.refused(), (422, "invalid"));
    assert_eq!(raw("text/plain", &BYTES[1..]).await.refused(), (422, "invalid"));
    let chunks = |bytes: &[u8]| {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n0\r\n\r\n"].concat();
        let head = Call::at("PUT", put).header("content-type", "text/plain");
        head.chunked(chunk).to(house.address)
    };
    assert_eq!(chunks(&[BYTES, b"!"].concat()).await.refused(), (413, "too_large"));
    assert_eq!(chunks(&BYTES[1..]).await.refused(), (422, "invalid"));
    assert_eq!(Call::at("GET", put).to(house.address).await.refused(), (403, "forbidden"));
    let forged = format!("{}x", &put[..put.len() - 1]);
    let said = Call::at("PUT", &forged).raw("text/plain", BYTES).to(house.address).await;
    assert_eq!(said.refused(), (403, "forbidden"));
    assert_eq!(complete(&ada, id(&made)).await.refused(), (409, "conflict"), "nothing came of it");
    assert_eq!(chunks(BYTES).await.status, 200);
    complete(&ada, id(&made)).await.ok(200);
    let told = ada.get(&format!("/media/{}", id(&made))).await.ok(200);
    let get = path_of(told["download"]["url"].as_str().expect("an address"));
    let down = Call::at("GET", get).header("range", "bytes=0-0").to(house.address).await;
    assert_eq!((down.status, &down.bytes[..]), (206, &BYTES[..1]));
    let up = Call::at("PUT", get).raw("text/plain", BYTES).to(house.address).await;
    assert_eq!(up.refused(), (403, "forbidden"));
    house.clock.turn(Duration::from_secs(5 * 60 + 1));
    assert_eq!(raw("text/plain", BYTES).await.refused(), (403, "forbidden"));
    assert_eq!(Call::at("GET", get).to(house.address).await.refused(), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_ends_with_what_its_bearer_may_read() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (lin, bob) = (house.newcomer(&ada, "lin").await, house.newcomer(&ada, "bob").await);
    let room = ada.group("kitchen", &[&lin, &bob]).await;
    let file = ada.uploads("a.txt", "text/plain", BYTES).await;
    sends(&ada, room, "", &[id(&file)]).await.ok(201);
    let mut addresses = Vec::new();
    for reader in [&lin, &bob] {
        let told = reader.get(&format!("/media/{}", id(&file))).await.ok(200);
        addresses.push(path_of(told["download"]["url"].as_str().expect("an address")).to_owned());
    }
    let get = |n: usize| Call::at("GET", &addresses[n]).to(house.address);
    assert_eq!((get(0).await.status, get(1).await.status), (200, 200));
    ada.removes(room, &lin).await;
    assert_eq!(get(0).await.refused(), (404, "not_found"), "removed");
    bob.post("/auth/logout", json!({})).await.fine();
    assert_eq!(get(1).await.refused(), (403, "forbidden"), "signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_files_to_those_who_may_read_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (lin, bob) = (house.newcomer(&ada, "lin").await, house.newcomer(&ada, "bob").await);
    let body =
        json!({"kind": "group", "name": "kitchen", "history": "joined", "members": [lin.user]});
    let room = int(&ada.post("/rooms", body).await.ok(201)["room"]);
    let (mut ear, _) = lin.socket().await;
    let (first, second) = (
        ada.uploads("a.txt", "text/plain", BYTES).await,
        ada.uploads("b.txt", "text/plain", b"milk").await,
    );
    let row = sends(&ada, room, "", &[id(&first), id(&second)]).await.ok(201);
    let carried =
        json!({"id": id(&first), "name": "a.txt", "type": "text/plain", "size": BYTES.len()});
    assert_eq!((row.get("text"), &row["files"][0], list(&row["files"]).len()), (None, &carried, 2));
    let heard = ear.hears("event").await;
    assert_eq!(heard["rows"][0]["files"], row["files"]);
    let path = format!("/rooms/{room}/messages/{}", row["seq"]);
    for listed in ["/messages", "/messages?limit=1"] {
        let page = lin.get(&format!("/rooms/{room}{listed}")).await.ok(200);
        assert!(list(&page["rows"]).iter().any(|one| one["files"] == row["files"]), "{page}");
    }
    let mine = ada.get("/users/me/messages").await.ok(200);
    assert_eq!(mine["rows"][0]["files"], row["files"]);
    assert_eq!(content(&lin, id(&first)).await.bytes, BYTES);
    assert_eq!(content(&bob, id(&first)).await.refused(), (404, "not_found"));
    ada.adds(room, &bob).await;
    assert_eq!(content(&bob, id(&first)).await.refused(), (404, "not_found"), "before they came");
    // Who may read it may pass it on, and whoever reads that may read the file.
    let passed = sends(&lin, room, "look", &[id(&first)]).await.ok(201);
    assert_eq!(passed["files"][0], carried);
    assert_eq!(content(&bob, id(&first)).await.bytes, BYTES);
    // A text may go where files stay.
    let passed = format!("/rooms/{room}/messages/{}", passed["seq"]);
    assert_eq!(lin.patch(&passed, json!({"text": ""})).await.ok(200).get("text"), None);
    lin.delete(&passed).await.ok(204);
    assert_eq!(content(&bob, id(&first)).await.refused(), (404, "not_found"));
    assert_eq!(content(&lin, id(&first)).await.bytes, BYTES, "another message carries it");
    ada.delete(&path).await.ok(204);
    assert_eq!(ada.get(&path).await.ok(200).get("files"), None);
    assert_eq!(content(&lin, id(&first)).await.refused(), (404, "not_found"));
    emptied_of(&house, &ada, id(&first)).await;
}

/// Waits until its uploader is told that a file is gone, and the folder is empty.
async fn emptied_of(house: &House, owner: &Person, id: &str) {
    let gone = async {
        while content(owner, id).await.status == 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, gone).await.expect("it goes in time");
    assert_eq!(content(owner, id).await.refused(), (410, "gone"));
    emptied(house, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_names_files_that_are_there_and_its_own() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let head = ada.get(&format!("/rooms/{room}/messages")).await.ok(200)["as_of"].clone();
    let theirs = lin.uploads("a.txt", "text/plain", BYTES).await;
    let unknown = sends(&ada, room, "x", &["none"]).await;
    let hidden = sends(&ada, room, "x", &[id(&theirs)]).await;
    assert_eq!((unknown.refused(), unknown.blames("files")), ((422, "invalid"), true));
    assert_eq!((hidden.status, &hidden.body), (unknown.status, &unknown.body));
    let mine = ada.brings("b.txt", "text/plain", BYTES).await;
    let early = sends(&ada, room, "x", &[&mine]).await;
    assert_eq!((early.refused(), &early.body["retry"]), ((409, "conflict"), &json!("later")));
    complete(&ada, &mine).await.ok(200);
    for files in [vec![mine.as_str(); 2], vec!["x"; 11]] {
        let said = sends(&ada, room, "x", &files).await;
        assert_eq!((said.refused(), said.blames("files")), ((422, "invalid"), true));
    }
    let after = ada.get(&format!("/rooms/{room}/messages")).await.ok(200)["as_of"].clone();
    assert_eq!(after, head, "nothing was said");
    // By socket it is the same, and the same key is the same message.
    let (mut socket, _) = ada.socket().await;
    let send = json!({"type": "send", "room": room, "key": key(), "files": [mine]});
    let first = socket.told(send.clone()).await;
    assert_eq!((&first["type"], &first["row"]["files"][0]["id"]), (&json!("ok"), &json!(mine)));
    let again = socket.told(send).await;
    assert_eq!((&again["again"], &again["row"]), (&json!(true), &first["row"]));
    let wrong = json!({"type": "send", "room": room, "key": key(), "files": [id(&theirs)]});
    let said = socket.told(wrong).await;
    assert_eq!((&said["code"], said["fields"]["files"].is_string()), (&json!("invalid"), true));
    // Bytes are not asked for by a socket.
    let path = format!("/media/{mine}/content?x");
    let call = socket.told(json!({"type": "call", "method": "GET", "path": path})).await;
    assert_eq!(call["code"], "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_refers_to_ends_in_its_time() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let begun = ada.post("/media", named("a.txt", "text/plain", BYTES)).await.ok(201);
    ada.sends(&begun["upload"], BYTES).await.ok(200);
    let loose = ada.uploads("b.txt", "text/plain", BYTES).await;
    let sent = ada.uploads("c.txt", "text/plain", BYTES).await;
    sends(&ada, room, "", &[id(&sent)]).await.ok(201);
    run_for(&house, 20).await;
    let state = async |file: &str| house.login("ada").await.get(&format!("/media/{file}")).await;
    assert_eq!(state(id(&begun)).await.ok(200)["state"], "new");
    run_for(&house, 4).await;
    assert_eq!(state(id(&begun)).await.refused(), (410, "gone"), "24 hours without its end");
    emptied(&house, "/in/").await;
    assert_eq!(state(id(&loose)).await.ok(200)["state"], "ready");
    run_for(&house, 40 * 24 - 32).await;
    assert_eq!(state(id(&loose)).await.ok(200)["state"], "ready");
    run_for(&house, 8).await;
    assert_eq!(state(id(&loose)).await.refused(), (410, "gone"), "40 days after it was ready");
    let ada = house.login("ada").await;
    assert_eq!(sends(&ada, room, "", &[id(&loose)]).await.refused(), (410, "gone"));
    assert_eq!(complete(&ada, id(&begun)).await.refused(), (410, "gone"));
    assert_eq!(content(&ada, id(&sent)).await.bytes, BYTES, "a message carries it");
    // With its room it goes.
    ada.delete(&format!("/rooms/{room}")).await.ok(204);
    emptied_of(&house, &ada, id(&sent)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_could_run_is_an_attachment_in_a_sandbox() {
    let house = House::open().await;
    let ada = house.ada().await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let cases: [(&[u8], &str, &str); 3] = [
        (svg, "image/png", "image/svg+xml"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "image/jpeg", "text/html"),
        (b"%PDF-1.7 /JS (app.alert(1))", "image/gif", "application/pdf"),
    ];
    for (bytes, said, kind) in cases {
        let file = ada.uploads("a.png", said, bytes).await;
        assert_eq!((&file["type"], &file["width"]), (&json!(kind), &Value::Null));
        let told = ada.get(&format!("/media/{}", id(&file))).await.ok(200);
        let signed = path_of(told["download"]["url"].as_str().expect("an address"));
        for down in
            [content(&ada, id(&file)).await, Call::at("GET", signed).to(house.address).await]
        {
            assert_eq!((down.status, down.headers["content-type"].as_str()), (200, kind));
            assert!(down.headers["content-disposition"].starts_with("attachment;"), "{kind}");
            assert!(down.headers["content-security-policy"].starts_with("sandbox"), "{kind}");
            assert_eq!(down.headers["x-content-type-options"], "nosniff");
        }
        let said = ada.put("/users/me/avatar", json!({"media": id(&file)})).await;
        assert_eq!((said.refused(), said.blames("media")), ((422, "invalid"), true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_person_is_for_everyone_of_the_tenant() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (_, eve) = house.founds("other", json!({})).await;
    ada.group("kitchen", &[&lin]).await;
    let (mut ear, _) = lin.socket().await;
    let picture = crate::pictures::png(8, 8);
    let first = ada.uploads("me.png", "image/png", &picture).await;
    assert_eq!(content(&lin, id(&first)).await.refused(), (404, "not_found"));
    let row = ada.put("/users/me/avatar", json!({"media": id(&first)})).await.ok(200);
    assert_eq!(row["avatar"], first["id"]);
    let heard = ear.hears("users").await;
    assert_eq!(heard["rows"][0]["avatar"], first["id"]);
    assert_eq!(content(&lin, id(&first)).await.status, 200);
    assert_eq!(lin.awaits(&format!("/media/{}/thumbnail", id(&first))).await.status, 200);
    assert_eq!(content(&eve, id(&first)).await.refused(), (404, "not_found"));
    let taken = lin.put("/users/me/avatar", json!({"media": id(&first)})).await;
    assert_eq!(taken.refused(), (404, "not_found"), "it is hers");
    let second = ada.uploads("new.png", "image/png", &picture).await;
    ada.put("/users/me/avatar", json!({"media": id(&second)})).await.ok(200);
    assert_eq!(content(&lin, id(&first)).await.refused(), (404, "not_found"));
    assert_eq!(content(&lin, id(&second)).await.status, 200);
    ada.delete("/users/me/avatar").await.ok(204);
    assert_eq!(ada.get("/users/me").await.ok(200).get("avatar"), None);
    emptied_of(&house, &ada, id(&second)).await;
    let third = lin.uploads("lin.png", "image/png", &picture).await;
    lin.put("/users/me/avatar", json!({"media": id(&third)})).await.ok(200);
    lin.delete("/users/me").await.fine();
    emptied(&house, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_its_bounds_and_its_files_go_with_it() {
    let house = House::open().await;
    let (tenant, eve) = house.founds("tea", json!({"file_max": 40, "quota_bytes": 60})).await;
    let said = eve.post("/media", named("a", "text/plain", &[b'x'; 41])).await;
    assert_eq!(said.refused(), (413, "too_large"));
    let first = eve.uploads("a", "text/plain", &[b'x'; 40]).await;
    let said = eve.post("/media", named("a", "text/plain", &[b'x'; 21])).await;
    assert_eq!(said.refused(), (413, "too_large"));
    assert!(said.body["message"].as_str().is_some_and(|said| said.contains("20 bytes")));
    eve.uploads("a", "text/plain", &[b'x'; 20]).await;
    let room = eve.group("kitchen", &[]).await;
    let row = sends(&eve, room, "", &[id(&first)]).await.ok(201);
    eve.delete(&format!("/rooms/{room}/messages/{}", row["seq"])).await.ok(204);
    let freed = async {
        while eve.post("/media", named("a", "text/plain", &[b'x'; 21])).await.status != 201 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, freed).await.expect("room again");
    let folder = house.data().join("files").join(tenant.to_string());
    assert!(folder.is_dir(), "what is a tenant's lies by itself");
    let path = format!("/admin/tenants/{tenant}");
    house.operator().patch(&path, json!({"suspended": true})).await.ok(200);
    house.operator().delete(&path).await.fine();
    emptied(&house, &TenantId(tenant).to_string()).await;
}
