//! P1, P3, P4, P16: the server is killed again and again with commands under way, and PostgreSQL
//! under it; whatever was acknowledged is there, once, under its number, and whatever was asked
//! is done once in the end. The journal that says so lives in this process and survives the kills.

use hallway_kit::Tasks;
use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rows::Message;
use hallway_tests::house::reopen;
use hallway_tests::wire::{Socket, key};
use hallway_tests::{Engine, House, Person, Rest, Setup, soon};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the server is killed.
const KILLS: usize = 50;
/// How often PostgreSQL's postmaster is, beside that.
const POSTMASTER_KILLS: usize = 10;
/// Commands without an answer at each kill, at least.
const UNANSWERED: usize = 20;
/// People who write, and what each has under way.
const WRITERS: usize = 3;
const WINDOW: usize = 12;
/// Pages of a hundred that the cores are asked for in the end.
const PAGES: usize = 5;
/// Every so many kills a core says something: it has the whole flood to apply beside it.
const SAYS: usize = 4;
/// Longest stretch of answers between two kills; each stretch is drawn.
const STRETCH: u64 = 120;

/// What one command was and how it ended.
#[derive(Clone, Debug)]
struct Entry {
    writer: usize,
    order: usize,
    act: Act,
    answered: Option<Seq>,
}

#[derive(Clone, PartialEq, Debug)]
enum Act {
    Send(String),
    /// Of the message with this number.
    Edit(Seq, String),
    React(Seq),
    Delete(Seq),
}

/// Every command by its key, whether its answer came or not.
#[derive(Default)]
struct Journal {
    entries: Mutex<BTreeMap<Key, Entry>>,
    /// Answers so far; what the killer waits for.
    answers: watch::Sender<u64>,
}

impl Journal {
    fn asks(&self, key: &Key, entry: Entry) {
        self.entries.lock().insert(key.clone(), entry);
    }

    fn answered(&self, key: &Key, seq: Seq) {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(key).expect("an answer to a command of ours");
        if let Some(before) = entry.answered.replace(seq) {
            assert_eq!(before, seq, "two answers for {key} with two numbers");
        } else {
            self.answers.send_modify(|answers| *answers += 1);
        }
    }

    fn unanswered(&self) -> usize {
        self.entries.lock().values().filter(|entry| entry.answered.is_none()).count()
    }
}

/// Somebody who writes until told to finish, and then until everything is answered.
struct Writer {
    me: Rest,
    number: usize,
    room: RoomId,
    journal: Arc<Journal>,
    /// In order: what was asked and not answered.
    under_way: VecDeque<Key>,
    /// Own messages known by number, to be edited, reacted to, deleted.
    mine: Vec<Seq>,
    /// The last one reacted to.
    reacted: Seq,
    asked: usize,
    random: rand::rngs::StdRng,
}

impl Writer {
    async fn run(mut self, mut finish: watch::Receiver<bool>) {
        while !(*finish.borrow_and_update() && self.under_way.is_empty()) {
            let mut socket = reopen(&self.me).await;
            // Whatever breaks is a broken link: the next one begins with what is unanswered.
            let _ = self.converse(&mut socket, &mut finish).await;
        }
    }

    async fn converse(
        &mut self,
        socket: &mut Socket,
        finish: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut ids = BTreeMap::new();
        for key in self.under_way.clone() {
            self.ask(socket, &key, &mut ids).await?;
        }
        loop {
            let ending = *finish.borrow();
            while !ending && self.under_way.len() < WINDOW {
                let key = self.plan();
                self.ask(socket, &key, &mut ids).await?;
            }
            if ending && self.under_way.is_empty() {
                return Ok(());
            }
            match socket.next().await {
                Ok(ServerFrame::Ok(done)) => {
                    let key = ids.remove(&done.id).expect("an answer to a question");
                    self.settle(&key, done.seq.expect("every change has a number"));
                }
                Ok(ServerFrame::Error(error)) => {
                    let later = error.retry == hallway_protocol::error::Retry::Later;
                    assert!(later, "refused for good: {error:?}");
                    anyhow::bail!("again later");
                }
                Ok(_) => {}
                Err(ended) => anyhow::bail!("{ended:?}"),
            }
        }
    }

    /// Makes up the next command and writes it down before anything is sent.
    fn plan(&mut self) -> Key {
        let key = key();
        let text = format!("writer {} line {}", self.number, self.asked);
        let act = match (self.random.random_range(0..10), self.mine.last().copied()) {
            (0, Some(seq)) => Act::Edit(seq, format!("{text}, better")),
            // The same reaction again would change nothing and take no number.
            (1, Some(seq)) if self.reacted < seq => {
                self.reacted = seq;
                Act::React(seq)
            }
            (2, Some(seq)) => {
                self.mine.clear();
                Act::Delete(seq)
            }
            _ => Act::Send(text),
        };
        let entry = Entry { writer: self.number, order: self.asked, act, answered: None };
        self.journal.asks(&key, entry);
        self.asked += 1;
        self.under_way.push_back(key.clone());
        key
    }

    async fn ask(
        &mut self,
        socket: &mut Socket,
        key: &Key,
        ids: &mut BTreeMap<u64, Key>,
    ) -> anyhow::Result<()> {
        let act = self.journal.entries.lock()[key].act.clone();
        let (id, room, key) = (socket.id(), self.room, key.clone());
        ids.insert(id, key.clone());
        let frame = match act {
            Act::Send(text) => {
                ClientFrame::Send(hallway_tests::wire::message(id, room, key, &text))
            }
            Act::Edit(seq, text) => ClientFrame::Edit { id, room, key, seq, text },
            Act::React(seq) => {
                ClientFrame::React { id, room, key, seq, emoji: "👍".into(), on: true }
            }
            Act::Delete(seq) => ClientFrame::Delete { id, room, key, seq },
        };
        socket.send(&frame).await
    }

    fn settle(&mut self, key: &Key, seq: Seq) {
        self.journal.answered(key, seq);
        self.under_way.retain(|one| one != key);
        if matches!(self.journal.entries.lock()[key].act, Act::Send(_)) {
            self.mine.push(seq);
        }
    }
}

/// Waits until enough has been answered since the last kill and enough is under way.
async fn ripe(journal: &Journal, answers: u64) {
    let mut told = journal.answers.subscribe();
    soon("answers after a restart", async {
        loop {
            let now = *told.borrow_and_update();
            if now >= answers && journal.unanswered() >= UNANSWERED {
                return;
            }
            told.changed().await.expect("the journal lives");
        }
    })
    .await;
}

async fn nothing_is_lost_or_doubled(engine: Engine) {
    let mut house = House::with(Setup::new(engine).unlimited()).await;
    let kitchen = house.owner.creates("kitchen").await;
    let journal = Arc::new(Journal::default());
    let (tasks, finish) = (Tasks::default(), watch::Sender::new(false));
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..WRITERS {
        let me = house.person(["lin", "eve", "bob"][number]).await;
        me.joins(kitchen).await;
        let writer = Writer {
            me,
            number,
            room: kitchen,
            journal: journal.clone(),
            under_way: VecDeque::new(),
            mine: Vec::new(),
            reacted: 0,
            asked: 0,
            random: rand::rngs::StdRng::seed_from_u64(number as u64),
        };
        let (finish, ended) = (finish.subscribe(), ended.clone());
        tasks.once("writer", async move {
            writer.run(finish).await;
            ended.send(()).expect("the story waits for the writers");
        });
    }

    // Two cores live through it all as any app would: one writes, one reads.
    let (ada, lin) = (house.core("ada").await, house.core("lin").await);
    ada.opens(kitchen).await;
    lin.opens(kitchen).await;
    let mut said = Vec::new();
    let began = Instant::now();
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let mut fewest = usize::MAX;
    for kill in 0..KILLS {
        let answers = *journal.answers.borrow() + random.random_range(1..STRETCH);
        ripe(&journal, answers).await;
        if kill % SAYS == 0 {
            said.push(ada.says(&format!("kill {kill}")).await);
        }
        house.kill();
        fewest = fewest.min(journal.unanswered());
        house.up().await.expect("the server starts again");
        // Their back-off grows with each kill, as it should; the network coming back ends it.
        ada.network().await;
        lin.network().await;
    }
    if engine == Engine::Postgres {
        for _ in 0..POSTMASTER_KILLS {
            let answers = *journal.answers.borrow() + random.random_range(1..STRETCH);
            ripe(&journal, answers).await;
            house.postgres().kill();
            fewest = fewest.min(journal.unanswered());
            house.postgres().restart();
            // A server may stop when its database is gone: then it is started as a supervisor would.
            if !house.is_up() {
                house.revive().await;
            }
        }
    }
    ada.network().await;
    lin.network().await;
    assert!(fewest >= UNANSWERED, "a kill with {fewest} under way proves little");
    finish.send_replace(true);
    soon("the writers are done", async {
        for _ in 0..WRITERS {
            ends.recv().await.expect("each writer ends");
        }
    })
    .await;
    println!(
        "{engine:?}: {KILLS} kills, {} commands, at least {fewest} under way at each, {:.1} s",
        journal.entries.lock().len(),
        began.elapsed().as_secs_f64()
    );
    assert!(tasks.end(Duration::from_secs(5)).await.is_empty());
    // What the core took may still be on its way.
    ada.settles().await;
    let history = house.owner.history(kitchen).await;
    compare(&history, &said, &journal);
    for person in [&ada, &lin] {
        holds_the_end(person, kitchen, &history).await;
    }
}

/// The last pages of a core are the server's, once it has settled.
async fn holds_the_end(person: &Person, room: RoomId, history: &[Message]) {
    person.settles().await;
    let mut before = None;
    let mut end = history.iter().rev();
    for _ in 0..PAGES {
        let page = person.page(room, before, 100).await;
        before = page.rows.first().and_then(|row| row.seq);
        for row in page.rows.iter().rev() {
            let there = end.next().expect("the room began with a notice");
            let seen = (row.seq, row.text.as_str(), row.deleted);
            assert_eq!(seen, (Some(there.seq), there.text.as_str(), there.deleted));
        }
    }
}

/// The journal against the room, key by key and number by number. `said` are the keys of a core.
fn compare(history: &[Message], said: &[String], journal: &Journal) {
    let entries = journal.entries.lock().clone();
    let head = history.last().expect("something was said").seq;

    // Every message is somebody's, once, under the number they were told.
    let mut by_key: BTreeMap<&Key, &Message> = BTreeMap::new();
    let mut hers = Vec::new();
    for message in history {
        let Some(key) = &message.key else { continue };
        if message.text.starts_with("kill ") {
            hers.push((key.to_string(), message.seq));
            continue;
        }
        assert!(by_key.insert(key, message).is_none(), "{key} is there twice");
        let entry = entries.get(key).expect("nobody else writes here");
        assert_eq!(entry.answered, Some(message.seq), "{key}");
    }
    // What the core took is there once each, in the order in which it was said.
    assert_eq!(
        hers.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        said.iter().collect::<Vec<_>>()
    );

    // Numbers are dense: each belongs to one command, or to a notice of the room itself.
    let mut numbers: Vec<Seq> = entries.values().filter_map(|entry| entry.answered).collect();
    numbers.extend(history.iter().filter(|row| row.key.is_none()).map(|row| row.seq));
    let notices = history.iter().filter(|row| row.key.is_none()).count();
    assert_eq!(numbers.len(), entries.len() + notices, "all are answered");
    numbers.extend(hers.iter().map(|(_, seq)| seq));
    numbers.sort_unstable();
    numbers.dedup();
    let last = *numbers.last().expect("there are some");
    assert!(last >= head);
    let missing: Vec<_> = (1..=last).filter(|seq| numbers.binary_search(seq).is_err()).collect();
    assert!(missing.is_empty(), "numbers without a command: {missing:?}");

    // What each writer did keeps its order, and each message is as its last command left it.
    let mut expected: BTreeMap<Seq, (String, bool)> = BTreeMap::new();
    let mut order: Vec<_> = entries.values().collect();
    order.sort_by_key(|entry| (entry.writer, entry.order));
    for entry in &order {
        let seq = entry.answered.expect("answered");
        match &entry.act {
            Act::Send(text) => drop(expected.insert(seq, (text.clone(), false))),
            Act::Edit(of, text) => expected.get_mut(of).expect("sent before").0 = text.clone(),
            Act::Delete(of) => *expected.get_mut(of).expect("sent before") = (String::new(), true),
            Act::React(_) => {}
        }
    }
    for pair in order.windows(2).filter(|pair| pair[0].writer == pair[1].writer) {
        let sends = pair.iter().all(|entry| matches!(entry.act, Act::Send(_)));
        assert!(!sends || pair[0].answered < pair[1].answered, "{pair:?}");
    }
    let shown: BTreeMap<_, _> =
        by_key.values().map(|m| (m.seq, (m.text.clone(), m.deleted))).collect();
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    nothing_is_lost_or_doubled(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_postgres() {
    nothing_is_lost_or_doubled(Engine::Postgres).await;
}
