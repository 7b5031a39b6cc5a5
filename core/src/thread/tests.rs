//! The thread over a store that is damaged and cannot be replaced at once, and over mistakes of ours.

use super::guard::{CALM, MISTAKES, WAIT};
use super::rebuild::AGAIN;
use super::*;
use crate::api::{Api, normalised};
use crate::feed::{Account, AccountState, Change, Feed, PersonView, pipe};
use crate::op::{Act, Draft, Op, State};
use crate::secrets::{FileSecrets, Secret};
use crate::session::Session;
use crate::store::{Store, StoreKey, views};
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, RoomId, UserId};
use hallway_protocol::rows::TenantRole;
use std::path::Path;
use std::sync::Arc;

const KEY: StoreKey = StoreKey([7; 32]);

/// A thread that is turned by hand, with no server.
struct Bench {
    run: Run,
    timer: Runtime,
    tasks: mpsc::Sender<Task>,
    inbox: mpsc::Receiver<Task>,
    feed: Feed,
    clock: Clock,
    ends: mpsc::UnboundedReceiver<(String, Over)>,
}

impl Bench {
    fn new(folder: &Path) -> Bench {
        let place =
            Place { path: folder.join("store.db"), key: KEY, account: "a".into(), me: UserId(3) };
        let secret = Secret {
            key: hex::encode(KEY.0),
            refresh_token: String::new(),
            server: "http://127.0.0.1:1".into(),
            name: "ada".into(),
            user: UserId(3),
        };
        let clock = Clock::system();
        let secrets = Arc::new(FileSecrets::new(folder.join("key")));
        let session = Arc::new(Session::new("a", secrets, clock.clone(), secret, None));
        let api = Api::new(normalised("http://127.0.0.1:1").unwrap()).unwrap();
        let (tasks, inbox) = mpsc::channel(INBOX);
        let (tell, feed) = pipe();
        let reader = Reader::start(place.path.clone(), KEY, tasks.clone()).unwrap();
        let (inbox_in, device) = (tasks.clone(), "test".into());
        let wire = Wire { api, session, inbox: inbox_in, device, swallowed: Arc::default() };
        let (over, ends) = mpsc::unbounded_channel();
        let driver = Driver {
            account: "a".into(),
            place,
            bare: Account {
                id: "a".into(),
                server: "http://127.0.0.1:1".into(),
                server_name: String::new(),
                user: UserId(3),
                name: "ada".into(),
                display_name: "ada".into(),
                role: TenantRole::Member,
                state: AccountState::Open,
                why: None,
            },
            wire,
            clock: clock.clone(),
            tasks: Tasks::default(),
            reader,
            feed: tell,
            status: watch::channel(LinkState::Offline).0,
            moved: watch::channel(0).0,
            refusals: Refusals::default(),
            over,
        };
        let timer = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (machine, _) = driver.machine().unwrap();
        let run = Run::new(driver, machine, timer.handle().clone());
        Bench { run, timer, tasks, inbox, feed, clock, ends }
    }

    fn tell(&mut self, task: Task) {
        assert!(self.lives_after(task));
    }

    fn lives_after(&mut self, task: Task) -> bool {
        self.tasks.try_send(task).ok().unwrap();
        let (timer, inbox) = (&self.timer, &mut self.inbox);
        self.run.guarded(|run| run.turn(timer, inbox))
    }

    fn passes(&self, millis: i64) {
        self.clock.turn(Duration::from_millis(millis.unsigned_abs()));
    }

    fn problems(&mut self) -> Vec<String> {
        // A feed with a last word ends its reading.
        self.run.driver.show(vec![Change::AccountGone { account: String::new() }]);
        let mut codes = Vec::new();
        loop {
            for change in self.timer.block_on(self.feed.next()).unwrap() {
                match change {
                    Change::Problem { code, .. } => codes.push(code),
                    Change::AccountGone { .. } => return codes,
                    _ => {}
                }
            }
        }
    }

    fn unsent(&self) -> Vec<Op> {
        self.run.machine.as_ref().unwrap().store().load().unwrap().ops
    }
}

fn with_unsent(folder: &Path) {
    let mut store = Store::open(&folder.join("store.db"), &KEY, "a", Some(UserId(3))).unwrap();
    let op = Op {
        op: 1,
        key: Key::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]),
        room: RoomId(7),
        act: Act::Send { text: "unsent".into(), reply: None, thread: None, draft: Draft::Kept },
        target: None,
        needs: None,
        state: State::Queued,
        attempts: 0,
        error: None,
        at: 5,
        born: None,
        settle: None,
        not_before: 0,
    };
    store.commit(&[crate::apply::Write::Put(op)], 0).unwrap();
}

#[test]
fn a_store_that_cannot_be_replaced_is_tried_again_and_nobody_spins_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    with_unsent(folder.path());
    let mut bench = Bench::new(folder.path());
    let in_the_way = folder.path().join("store.making");
    std::fs::create_dir_all(in_the_way.join("full")).unwrap();
    let (answer, answered) = oneshot::channel();
    bench.run.waiters.insert(1, answer);
    bench.tell(Task::Damaged { store: 0, why: "a test".into() });
    assert_eq!(bench.problems(), ["store_broken"]);
    assert_eq!(bench.timer.block_on(answered).unwrap(), Err(Fault::Offline));
    bench.run.step(Input::Tick);
    assert!(bench.run.wake > bench.clock.ticks(), "there is nothing to do before then");

    std::fs::remove_dir_all(in_the_way).unwrap();
    bench.passes(AGAIN.0);
    bench.tell(Task::Input(Input::Tick));
    assert_eq!(bench.problems(), ["store_damaged"]);
    assert_eq!(bench.unsent().len(), 1);
}

#[test]
fn my_own_row_is_told_as_my_account() {
    let folder = tempfile::tempdir().unwrap();
    let mut store =
        Store::open(&folder.path().join("store.db"), &KEY, "a", Some(UserId(3))).unwrap();
    let row = serde_json::json!({"t": "user", "user": 3, "name": "ada", "display_name": "Ada B.",
        "role": "owner", "rev": 5});
    let rows = vec![serde_json::from_value(row).unwrap()];
    let news = crate::notify::News::Quiet;
    store.commit(&[crate::apply::Write::Rows { rows, news }], 0).unwrap();
    let person = views::people(store.connection(), [UserId(3)]).unwrap().pop().unwrap();
    drop(store);
    let mut bench = Bench::new(folder.path());
    let other = PersonView { user: UserId(9), ..person.clone() };
    for person in [other, person] {
        let change = Change::Person { account: "a".into(), person };
        bench.run.carry_out(vec![Effect::Change(change)]);
    }
    let told = bench.timer.block_on(bench.feed.next()).unwrap();
    let accounts = told.into_iter().filter_map(|change| match change {
        Change::Account { account } => Some((account.display_name, account.role, account.state)),
        _ => None,
    });
    let mine = ("Ada B.".to_owned(), TenantRole::Owner, AccountState::Open);
    assert_eq!(accounts.collect::<Vec<_>>(), [mine]);
}

#[test]
fn damage_of_a_store_that_was_replaced_is_not_damage_of_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    with_unsent(folder.path());
    let mut bench = Bench::new(folder.path());
    for _ in 0..3 {
        bench.tell(Task::Damaged { store: 0, why: "three reads met it".into() });
    }
    assert_eq!(bench.problems(), ["store_damaged"]);
    let aside = std::fs::read_dir(folder.path().join("set-aside")).unwrap().flatten();
    assert_eq!(aside.filter(|file| file.path().extension().is_some_and(|e| e == "db")).count(), 1);
    assert_eq!(bench.unsent().len(), 1);
}

#[test]
fn whoever_waits_for_a_page_is_answered_when_the_store_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    with_unsent(folder.path());
    let mut bench = Bench::new(folder.path());
    let (answer, answered) = oneshot::channel();
    bench.run.waiters.insert(1, answer);
    bench.tell(Task::Damaged { store: 0, why: "a test".into() });
    assert_eq!(bench.timer.block_on(answered).unwrap(), Err(Fault::Offline));
}

#[test]
fn a_mistake_of_ours_is_said_and_the_account_goes_on_from_its_store() {
    let folder = tempfile::tempdir().unwrap();
    with_unsent(folder.path());
    let mut bench = Bench::new(folder.path());
    let (answer, answered) = oneshot::channel();
    bench.run.waiters.insert(1, answer);
    bench.tell(Task::Mistake);
    assert!(bench.run.machine.is_none());
    assert_eq!(bench.problems(), ["core_broken"]);
    let told = bench.timer.block_on(answered).unwrap();
    assert_eq!(told.unwrap_err().what(), "core_broken", "whoever waited is told");

    bench.passes(WAIT.0);
    bench.tell(Task::Input(Input::Tick));
    assert_eq!(bench.unsent().len(), 1, "nothing is lost");
    assert!(bench.ends.try_recv().is_err());
}

#[test]
fn the_same_mistake_again_and_again_is_tried_less_and_less_and_then_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let mut waits = Vec::new();
    for _ in 1..MISTAKES {
        bench.tell(Task::Mistake);
        let (_, wait) = bench.run.again.unwrap();
        waits.push(wait / 1_000);
        bench.passes(wait);
        bench.tell(Task::Input(Input::Tick));
        assert!(bench.run.machine.is_some());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(!bench.lives_after(Task::Mistake));
    assert_eq!(bench.ends.try_recv().unwrap(), ("a".to_owned(), Over::Broken));
}

#[test]
fn a_mistake_after_a_calm_time_is_the_first_of_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    for _ in 0..2 * MISTAKES {
        bench.passes(CALM + 1_000);
        bench.tell(Task::Mistake);
        bench.passes(WAIT.0);
        bench.tell(Task::Input(Input::Tick));
        assert!(bench.run.machine.is_some());
    }
}

#[tokio::test]
async fn a_task_that_panics_is_not_waited_for() {
    let mistake = async { panic!("planted") };
    assert_eq!(guard::or_else(mistake, || 7).await, 7);
    assert_eq!(guard::or_else(async { 5 }, || 7).await, 5);
}
