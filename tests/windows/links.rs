//! `hallway://` links: they find the running app or start it, and lead; nothing is done by them.

use crate::app::{App, Seat, program};
use hallway_tests::{Engine, House, Setup, wait};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Opens a link as the system does: it starts the program with it, which hands it over and ends.
async fn opened(app: &App, link: &str) {
    let mut second = Command::new(program());
    app.seat.dress(&mut second);
    second.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut second = second.spawn().expect("it starts");
    let ended = wait::soon("the second start ends", async {
        loop {
            if let Some(status) = second.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(ended.await.success());
}

/// What a link to this server begins with.
fn links(house: &House) -> String {
    house.url().replacen("http", "hallway", 1)
}

async fn field(app: &App, name: &str, is: &str) {
    let script = format!("return document.querySelector('[name={name}]')?.value ?? null");
    app.until(&format!("{name} is {is}"), &script, |value| value == is).await;
}

async fn house() -> House {
    House::alone(Setup::new(Engine::Sqlite)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_its_message_and_into_a_room_by_a_code() {
    let house = house().await;
    let kitchen = house.owner.creates("kitchen").await;
    let said = house.owner.says(kitchen, "the kettle is on").await;
    house.owner.creates("books").await;
    let lin = house.person("lin").await;
    let den = lin.creates("den").await;
    let code = lin.post(&format!("/rooms/{den}/code"), json!({})).await.good();
    let code = code["code"].as_str().expect("a code").to_owned();
    let app = App::start(Seat::new("ada")).await;
    app.sign_in(&house.url(), "ada").await;
    app.open("books").await;

    let link = format!("{}/room/{kitchen}/{}", links(&house), said.seq);
    opened(&app, &link).await;
    app.sees("the kettle is on").await;
    let there = "return document.querySelector('room-head h1')?.textContent";
    app.until("the kitchen", there, |name| name.as_str().is_some_and(|n| n.contains("kitchen")))
        .await;

    opened(&app, &format!("{}/join/{code}", links(&house))).await;
    field(&app, "code", &code).await;
    // Nobody is anywhere before they say so.
    let people = lin.get(&format!("/rooms/{den}/members")).await.good();
    let inside = people["rows"].as_array().expect("rows").iter().filter(|row| row["t"] == "member");
    assert_eq!(inside.count(), 1, "{people}");
    app.press("Join with the code").await;
    app.until("the den", there, |name| name.as_str().is_some_and(|n| n.contains("den"))).await;

    // A room of others, and what is no link of ours.
    let secret = lin.creates("secret").await;
    opened(&app, &format!("{}/room/{secret}", links(&house))).await;
    let notice = "return document.querySelector('notice-line')?.textContent ?? ''";
    app.until("that it leads nowhere", notice, |text: &Value| {
        text.as_str().is_some_and(|text| text.contains("a room that you are not in"))
    })
    .await;
    opened(&app, "hallway://x/delete/everything").await;
    app.until("the den still", there, |name| name.as_str().is_some_and(|n| n.contains("den")))
        .await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_starts_the_app_and_waits_for_who_signs_in() {
    let house = house().await;
    let kitchen = house.owner.creates("kitchen").await;
    let said = house.owner.says(kitchen, "the kettle is on").await;
    house.owner.creates("books").await;
    let mut seat = Seat::new("ada");
    let host = links(&house);
    seat.link = Some(format!("{host}/room/{kitchen}/{}", said.seq));
    let app = App::start(seat).await;
    let host = host.trim_start_matches("hallway://").to_owned();
    field(&app, "url", &host).await;
    app.fill("[name=login]", "ada").await;
    app.fill("[name=password]", hallway_tests::wire::PASSWORD).await;
    app.press("Sign in").await;
    app.sees("the kettle is on").await;

    let invite = house.owner.post("/invites", json!({})).await.good();
    let link = invite["link"].as_str().expect("a link").to_owned();
    opened(&app, &link).await;
    field(&app, "invite", link.rsplit('/').next().expect("a code")).await;
    field(&app, "url", &host).await;
    app.press("Cancel").await;
    app.sees("the kettle is on").await;
    app.close().await;
}
