//! Two people, two windows, one server: from signing in to a server that is killed under them.

use crate::app::{App, Line, Seat};
use hallway_tests::{Engine, House, Setup};

/// Ada's and Lin's windows, both in the room.
pub async fn at_the_table(house: &House, room: &str) -> (App, App) {
    house.person("lin").await;
    let (ada, lin) = tokio::join!(App::start(Seat::new("ada")), App::start(Seat::new("lin")));
    ada.sign_in(&house.url(), "ada").await;
    lin.sign_in(&house.url(), "lin").await;
    ada.press("Create a room").await;
    ada.fill("create-room [name=name]", room).await;
    ada.press("Create").await;
    ada.shown("message-composer textarea").await;
    lin.press("Find a room").await;
    lin.press(&format!("Join {room}")).await;
    lin.shown("message-composer textarea").await;
    (ada, lin)
}

/// What is said, in order.
pub fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

/// What two screens must have in common: numbers, texts, tombstones, in order.
pub fn told(lines: &[Line]) -> Vec<(Option<&str>, &str, bool)> {
    lines.iter().map(|l| (l.seq.as_deref(), l.text.as_str(), l.deleted)).collect()
}

fn all_sent(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.seq.is_some() && !line.pending && !line.failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_in_two_windows() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;

    ada.say("tea?").await;
    lin.sees("tea?").await;
    lin.say("yes, please").await;
    ada.sees("yes, please").await;
    ada.say("Earl Gray or Assam?").await;
    lin.sees("Earl Gray or Assam?").await;

    ada.act("Earl Gray or Assam?", ".edit").await;
    ada.fill("message-composer textarea", "Earl Grey or Assam?").await;
    ada.press("Save").await;
    let edited = "Earl Grey or Assam? (edited)";
    lin.sees(edited).await;

    lin.act(edited, ".react").await;
    lin.click("emoji-palette button[value='👍']").await;
    let thumbs = |lines: &[Line]| lines[2].reactions.iter().any(|name| name.contains("👍"));
    ada.lines_are("Lin's reaction", thumbs).await;

    lin.act("yes, please", ".remove").await;
    lin.click("confirm-box .act").await;
    ada.lines_are("the deletion", |lines| lines[1].deleted).await;
    let here = ada.lines_are("all sent", all_sent).await;
    let there = lin.lines_are("the same on both screens", |lines| told(lines) == told(&here)).await;
    assert_eq!(texts(&there)[0], "tea?");
    assert!(
        !lin.run("return document.body.innerText", vec![])
            .await
            .to_string()
            .contains("yes, please")
    );
    ada.close().await;
    lin.close().await;
}

/// The promise of the path of a message: the pending message and the sent one are one node.
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_message_becomes_the_sent_one_in_its_place() {
    let mut house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    ada.say("before").await;
    lin.sees("before").await;
    house.kill();
    ada.say("while it was gone").await;
    let pending = |lines: &[Line]| lines.last().is_some_and(|l| l.pending && l.seq.is_none());
    ada.lines_are("the message, waiting", pending).await;
    let mark = "const all = document.querySelectorAll('time-line message-item[pending]');
                all[all.length - 1].marked = true; return all.length";
    assert_eq!(ada.run(mark, vec![]).await, 1);
    house.up().await.expect("the server starts again");
    ada.sees("while it was gone").await;
    let same = "const all = [...document.querySelectorAll('time-line message-item')];
                return [all.filter((m) => m.marked).length, all.at(-1).marked === true]";
    assert_eq!(ada.run(same, vec![]).await, serde_json::json!([1, true]));
    ada.close().await;
    lin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back_loses_and_doubles_nothing() {
    let mut house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    ada.say("one").await;
    lin.sees("one").await;
    for round in 0..2 {
        house.kill();
        ada.link("Ada hears that it is gone", |said| !said.is_empty()).await;
        lin.link("Lin hears that it is gone", |said| !said.is_empty()).await;
        ada.say(&format!("from Ada, round {round}")).await;
        lin.say(&format!("from Lin, round {round}")).await;
        house.up().await.expect("the server starts again");
        ada.sees(&format!("from Lin, round {round}")).await;
        lin.sees(&format!("from Ada, round {round}")).await;
        ada.link("all is well for Ada", str::is_empty).await;
        lin.link("all is well for Lin", str::is_empty).await;
    }
    let here = ada.lines_are("five messages", |lines| lines.len() == 5 && all_sent(lines)).await;
    lin.lines_are("the same five in the same order", |lines| told(lines) == told(&here)).await;
    ada.close().await;
    lin.close().await;
}
