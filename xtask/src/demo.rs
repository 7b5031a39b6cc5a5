//! The talk of `run --demo`: four people, rooms, what they say. It is data (`demo/talk.txt`), and it
//! goes over REST with keys made from its place in the file, so doing it twice doubles nothing.
//!
//! A line of the file is one of
//! ```text
//! == kitchen | channel | topic | lin eve bob     a room of Ada's and who is in it
//! ada: words                                     a message
//! lin ^2: words                                  an answer to the last but one
//! + 👍 lin bob                                   a reaction to the last
//! ```

use crate::api::Api;
use crate::people::{self, People, Person};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;

const TALK: &str = include_str!("../demo/talk.txt");
const CAST: [&str; 4] = ["Ada", "Lin", "Eve", "Bob"];

/// A room and what is done in it, in order.
#[derive(Debug, Default, PartialEq)]
struct Room {
    name: String,
    kind: String,
    topic: String,
    members: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq)]
enum Line {
    Say { who: String, back: Option<usize>, text: String },
    React { emoji: String, who: Vec<String> },
}

/// Makes the people and their rooms; quick where it was done before.
pub fn fill(api: &Api, people: &mut People, data: &Path) -> Result<()> {
    let done = data.join("demo-done");
    let mut cast = Vec::new();
    for name in CAST {
        cast.push(people.person(name)?);
    }
    // The file as it was told: a longer talk in a later version is added, an equal one is skipped.
    if std::fs::read_to_string(&done).is_ok_and(|told| told == TALK) {
        return Ok(());
    }
    println!("xtask: telling the demo's talk to the server …");
    let voices = sign_all_in(api, &cast)?;
    let rooms = parse(TALK)?;
    for (number, room) in rooms.iter().enumerate() {
        tell(&voices, number, room)?;
    }
    for (_, voice) in voices.into_values() {
        voice.must("POST", "/auth/logout", json!({}))?;
    }
    std::fs::write(&done, TALK).with_context(|| done.display().to_string())
}

type Voices = HashMap<String, (u64, Api)>;

/// Everyone's own client by name; who is not there yet is invited by Ada.
fn sign_all_in(api: &Api, cast: &[Person]) -> Result<Voices> {
    let mut voices = Voices::new();
    for person in cast {
        let session = match people::sign_in(api, person)? {
            Some(session) => session,
            None => {
                let (_, ada) = voices.get("ada").context(
                    "this server has another owner than the Ada of data/people.json; \
                     the demo wants a folder of its own: move ./data away and start again",
                )?;
                let invite = ada.must("POST", "/invites", json!({ "uses": 1 }))?;
                let code = invite["code"].as_str().context("an invite has a code")?;
                people::register(api, person, code)?
            }
        };
        let token = session["session"]["access_token"].as_str().context("a token")?;
        let id = session["user"]["user"].as_u64().context("a user id")?;
        voices.insert(person.name.clone(), (id, api.signed_in(token.to_owned())));
    }
    Ok(voices)
}

fn tell(voices: &Voices, number: usize, room: &Room) -> Result<()> {
    let voice = |name: &str| voices.get(name).with_context(|| format!("nobody is called {name}"));
    let ids = room.members.iter().map(|name| Ok(voice(name)?.0)).collect::<Result<Vec<_>>>()?;
    let (_, ada) = voice("ada")?;
    let made = if room.kind == "direct" {
        ada.must("POST", "/rooms/direct", json!({ "users": ids }))?
    } else {
        let body = json!({
            "key": key(number, 0), "kind": room.kind, "name": room.name, "topic": room.topic,
            "members": ids,
        });
        ada.must("POST", "/rooms", body)?
    };
    let id = made["room"].as_u64().context("a room has an id")?;
    let mut seqs: Vec<Value> = Vec::new();
    for (place, line) in room.lines.iter().enumerate() {
        match line {
            Line::Say { who, back, text } => {
                let mut body = json!({ "key": key(number, place + 1), "text": text });
                if let Some(back) = back {
                    let at = seqs.len().checked_sub(*back).context("an answer to nothing")?;
                    body["reply"] = seqs[at].clone();
                }
                let path = format!("/rooms/{id}/messages");
                seqs.push(voice(who)?.1.must("POST", &path, body)?["seq"].clone());
            }
            Line::React { emoji, who } => {
                let seq = seqs.last().context("a reaction to nothing")?;
                let path = format!("/rooms/{id}/messages/{seq}/reactions/{}", percent(emoji));
                for name in who {
                    voice(name)?.1.must("PUT", &path, json!({}))?;
                }
            }
        }
    }
    Ok(())
}

/// The key of a line: a UUIDv7 in form, the same at every run.
fn key(room: usize, place: usize) -> String {
    format!("01990000-0000-7000-8000-{room:04x}{place:08x}")
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn parse(talk: &str) -> Result<Vec<Room>> {
    let mut rooms: Vec<Room> = Vec::new();
    for (number, line) in talk.lines().enumerate() {
        let place = || format!("line {} of the talk: {line}", number + 1);
        if line.trim().is_empty() {
            continue;
        }
        if let Some(head) = line.strip_prefix("== ") {
            rooms.push(head_of(head).with_context(place)?);
        } else {
            let room = rooms.last_mut().with_context(place)?;
            room.lines.push(line_of(line).with_context(place)?);
        }
    }
    Ok(rooms)
}

fn head_of(head: &str) -> Result<Room> {
    let parts: Vec<&str> = head.split('|').map(str::trim).collect();
    let [name, kind, topic, members] = parts[..] else { bail!("a room has four parts") };
    Ok(Room {
        name: name.to_owned(),
        kind: kind.to_owned(),
        topic: topic.to_owned(),
        members: members.split_whitespace().map(str::to_owned).collect(),
        lines: Vec::new(),
    })
}

fn line_of(line: &str) -> Result<Line> {
    if let Some(reaction) = line.strip_prefix("+ ") {
        let mut words = reaction.split_whitespace().map(str::to_owned);
        let emoji = words.next().context("which sign?")?;
        return Ok(Line::React { emoji, who: words.collect() });
    }
    let (who, text) = line.split_once(": ").context("who says what?")?;
    let (who, back) = match who.split_once(" ^") {
        Some((who, back)) => (who, Some(back.parse()?)),
        None => (who, None),
    };
    Ok(Line::Say { who: who.to_owned(), back, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_talk_is_read() {
        let talk = "== kitchen | channel | tea | lin bob\nada: tea?\nlin ^1: yes: please\n+ 👍 bob";
        let say =
            |who: &str, back, text: &str| Line::Say { who: who.into(), back, text: text.into() };
        let lines = vec![
            say("ada", None, "tea?"),
            say("lin", Some(1), "yes: please"),
            Line::React { emoji: "👍".into(), who: vec!["bob".into()] },
        ];
        let room = Room {
            name: "kitchen".into(),
            kind: "channel".into(),
            topic: "tea".into(),
            members: vec!["lin".into(), "bob".into()],
            lines,
        };
        assert_eq!(parse(talk).expect("it is well formed"), vec![room]);
    }

    #[test]
    fn the_demos_talk_is_well_formed_and_long_enough_to_scroll() {
        let rooms = parse(TALK).expect("it is well formed");
        let says = |line: &&Line| matches!(line, Line::Say { .. });
        let said: usize = rooms.iter().map(|room| room.lines.iter().filter(says).count()).sum();
        assert!(rooms.len() >= 5 && said >= 200, "{} rooms, {said} messages", rooms.len());
        for room in &rooms {
            let mut people: Vec<&str> = room.members.iter().map(String::as_str).collect();
            people.push("ada");
            for line in &room.lines {
                if let Line::Say { who, .. } = line {
                    assert!(people.contains(&who.as_str()), "{who} in {}", room.name);
                }
            }
        }
    }

    #[test]
    fn keys_have_the_form_of_uuid_7() {
        assert_eq!(key(3, 17), "01990000-0000-7000-8000-000300000011");
    }
}
