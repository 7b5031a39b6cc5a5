//! The index finds what reading everything finds: random talk of several people in several rooms, in
//! several scripts, with edits, deletions, pins and reactions, fed at random moments; random
//! questions. The same talk on both engines.

use crate::cast::{Stage, draft};
use crate::messages::{delete, edit, pin, react};
use crate::search::{ask, message, search};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::Message;
use hallway_protocol::search::{Trait, Who, has_link};
use hallway_server::store::search::{Order, Search};
use hallway_server::store::{Draft, Me, pages};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

contract!(the_index_finds_what_reading_everything_finds);

const WORDS: &[&str] = &[
    "tea",
    "Teekanne",
    "teapot",
    "TEA",
    "Straße",
    "STRASSE",
    "kuchen",
    "Apfelkuchen",
    "İstanbul",
    "ılık",
    "سلام",
    "السلام",
    "東京",
    "京都",
    "東",
    "東京都庁",
    "カード",
    "한국어",
    "국",
    "北京",
    "🎉",
    "👩🏽‍💻",
    "café",
    "cafe",
    "x\u{323}\u{302}y",
    "½",
    "v2.10",
    "https://a.example/x",
    "@ada",
    "@everyone",
    "it's",
];
const ASKED: &[&str] = &[
    "tea",
    "te",
    "*kanne",
    "kuchen",
    "\"tea\"",
    "strasse",
    "istanbul",
    "سلام",
    "京",
    "京都",
    "東京都",
    "한국",
    "北京 ",
    "cafe",
    "café",
    "10",
    "-tea",
    "-kuchen",
    "\"tea teapot\"",
    "ka*",
    "from:ada",
    "from:lin",
    "from:me",
    "-from:lin",
    "in:kitchen",
    "in:hall",
    "-in:hall",
    "has:link",
    "-has:link",
    "is:pinned",
    "has:reaction",
    "is:thread",
    "mentions:ada",
    "mentions:me",
    "nothing",
];

/// One talk: rooms with their names, and who is in them.
struct Talk {
    people: Vec<Me>,
    rooms: Vec<(RoomId, &'static str)>,
    said: Vec<(RoomId, Seq, Me)>,
    /// Messages with a reaction that is on.
    reacted: BTreeSet<(RoomId, Seq)>,
}

async fn talk(stage: &Stage, random: &mut StdRng) -> Talk {
    let people = vec![stage.person("ada").await, stage.person("lin").await];
    let all: Vec<&Me> = people.iter().collect();
    let mut rooms = Vec::new();
    for name in ["kitchen", "hall"] {
        rooms.push((stage.room(&all, |new| new.name = name.into()).await.room, name));
    }
    let own = stage.room(&[&people[1]], |new| new.name = "hall".into()).await.room;
    rooms.push((own, "hall"));
    Talk { people, rooms, said: Vec::new(), reacted: BTreeSet::new() }
        .goes_on(stage, random, 60)
        .await
}

fn text(random: &mut StdRng) -> String {
    let count = random.random_range(1..6);
    let words: Vec<&str> = (0..count).filter_map(|_| WORDS.choose(random).copied()).collect();
    words.join([" ", ", ", ""].choose(random).expect("one"))
}

impl Talk {
    async fn goes_on(mut self, stage: &Stage, random: &mut StdRng, steps: usize) -> Talk {
        for _ in 0..steps {
            stage.clock.turn(Duration::from_millis(random.random_range(0..3)));
            let old = self.said.choose(random).cloned();
            match (random.random_range(0..12), old) {
                (0, Some((room, seq, me))) => {
                    // A tombstone is not edited; the same text changes nothing.
                    let _ = edit(stage, &me, room, seq, &text(random)).await;
                }
                (1, Some((room, seq, me))) => {
                    delete(stage, &me, room, seq).await.expect("a deletion");
                    self.reacted.remove(&(room, seq));
                }
                (2, Some((room, seq, me))) => {
                    if react(stage, &me, room, seq, "👍", true).await.is_ok() {
                        self.reacted.insert((room, seq));
                    }
                }
                (3, Some((room, seq, _))) => {
                    let owner = if room == self.rooms[2].0 { 1 } else { 0 };
                    let _ = pin(stage, &self.people[owner], room, seq, random.random()).await;
                }
                (4, _) => {
                    let who = self.people.choose(random).expect("somebody").clone();
                    ask(stage, &who, search("tea")).await.expect("hits");
                }
                (n, old) => self.says(stage, random, old.filter(|_| n < 6)).await,
            }
        }
        self
    }

    async fn says(&mut self, stage: &Stage, random: &mut StdRng, to: Option<(RoomId, Seq, Me)>) {
        let place = random.random_range(0..3);
        let who = if place == 2 { 1 } else { random.random_range(0..2) };
        let (me, room) = (self.people[who].clone(), self.rooms[place].0);
        let thread = to.filter(|(of, ..)| *of == room).map(|(_, seq, _)| seq);
        let draft = Draft { thread, ..draft(&text(random)) };
        let posted = stage.store.append(me.clone(), room, draft).await.expect("a message");
        self.said.push((room, posted.message.seq, me));
    }

    /// Everything one may see, newest first.
    async fn read(&self, stage: &Stage, me: &Me) -> Vec<Message> {
        let mut all = Vec::new();
        for (room, _) in &self.rooms {
            let (me, room, mut after) = (me.clone(), *room, 0);
            loop {
                let me = me.clone();
                let part = pages::Part::After(after);
                let page = stage.read(move |read| pages::page(read, &me, room, part, 100)).await;
                let Ok(page) = page else { break };
                all.extend(page.rows.into_iter().filter_map(|row| match row {
                    hallway_protocol::rows::Row::Message(m) if m.seq > after => Some(m),
                    _ => None,
                }));
                if page.hi >= page.as_of {
                    break;
                }
                after = page.hi;
            }
        }
        all.retain(|m| !m.deleted && m.key.is_some());
        all
    }

    fn takes(&self, search: &Search, me: &Me, m: &Message) -> bool {
        let is = |name: &str, user| {
            let names = [("ada", 0), ("lin", 1)];
            (name == "me" && user == me.user)
                || names.iter().any(|(n, i)| *n == name && self.people[*i].user == user)
        };
        let fits = |who: Who, name: &str| match who {
            Who::From => is(name, m.sender),
            Who::In => self.rooms.iter().any(|(room, n)| *room == m.room && *n == name),
            Who::Mentions => m.everyone || m.mentions.iter().any(|user| is(name, *user)),
        };
        let named = &search.query.named;
        [Who::From, Who::In, Who::Mentions].into_iter().all(|who| {
            let mut any = named.iter().filter(|n| n.who == who && !n.not).peekable();
            any.peek().is_none() || any.any(|n| fits(who, &n.name))
        }) && !named.iter().any(|n| n.not && fits(n.who, &n.name))
            && search.query.marks.iter().all(|mark| {
                mark.not
                    != match mark.of {
                        Trait::Link => has_link(&m.text),
                        Trait::Pinned => m.pinned,
                        Trait::Thread => m.thread.is_some(),
                        Trait::Reaction => self.reacted.contains(&(m.room, m.seq)),
                        Trait::File | Trait::Image => false,
                    }
            })
    }
}

/// All pages of a question: where, what is marked, and in which order.
async fn pages_of(
    stage: &Stage,
    me: &Me,
    asked: Search,
) -> Vec<(RoomId, Seq, i64, Vec<(usize, usize)>)> {
    let (mut next, mut all) = (None, Vec::new());
    loop {
        let hits = ask(stage, me, Search { next, ..asked.clone() }).await.expect("hits");
        assert!(hits.items.len() <= asked.limit);
        for hit in &hits.items {
            let m = message(hit);
            all.push((m.room, m.seq, m.at, hit.ranges.clone()));
        }
        next = hits.next;
        if next.is_none() {
            return all;
        }
    }
}

async fn the_index_finds_what_reading_everything_finds(stage: Arc<Stage>) {
    let mut random = StdRng::seed_from_u64(40);
    let mut talk = talk(&stage, &mut random).await;
    let (mut asked, mut hits) = (0, 0);
    for _ in 0..8 {
        talk = talk.goes_on(&stage, &mut random, 30).await;
        for me in talk.people.clone() {
            let all = talk.read(&stage, &me).await;
            for _ in 0..25 {
                let count = random.random_range(1..4);
                let words: Vec<&str> =
                    (0..count).filter_map(|_| ASKED.choose(&mut random).copied()).collect();
                let q = words.join(" ");
                let one = search(&q);
                if one.query.is_empty() {
                    continue;
                }
                let expected: BTreeMap<_, _> = all
                    .iter()
                    .filter(|m| talk.takes(&one, &me, m))
                    .filter_map(|m| Some(((m.room, m.seq), one.query.find(&m.text)?.ranges)))
                    .collect();
                let order = if random.random() { Order::Time } else { Order::Rank };
                let limit = random.random_range(1..9);
                let found = pages_of(&stage, &me, Search { limit, order, ..one }).await;
                let answered: BTreeMap<_, _> =
                    found.iter().map(|(room, seq, _, r)| ((*room, *seq), r.clone())).collect();
                assert_eq!(answered, expected, "{q:?} {order:?} {limit}");
                assert_eq!(found.len(), answered.len(), "{q:?}: something was shown twice");
                if order == Order::Time {
                    assert!(found.is_sorted_by(|a, b| a.2 >= b.2), "{q:?}");
                }
                (asked, hits) = (asked + 1, hits + found.len());
            }
        }
    }
    assert!(asked > 300 && hits > 1_500, "{asked} questions, {hits} answers");
}
