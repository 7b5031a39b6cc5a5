//! Who is there. A person is there while any of their connections or polls is, and for 20 seconds
//! after the last one ended, so that a change of trains goes unnoticed. Only those are told who
//! watch, and only of people they share a room with. Nothing of this is stored.

use crate::hub::Hub;
use crate::hub::line::Line;
use hallway_kit::Clock;
use hallway_protocol::frames::Presence as State;
use hallway_protocol::ids::{RoomId, UserId};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// After the last connection ended somebody still counts as there for so long.
const GRACE_MS: i64 = 20_000;

/// Who is there, and who wants to know.
#[derive(Debug)]
pub struct Presence {
    clock: Clock,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    people: HashMap<UserId, Person>,
    watches: HashMap<u64, Watch>,
    watched: HashMap<UserId, HashSet<u64>>,
    watched_rooms: HashMap<RoomId, HashSet<u64>>,
    /// Who may have changed since the last telling.
    dirty: HashSet<UserId>,
}

#[derive(Debug)]
struct Person {
    /// Connections and what they say of their person.
    lines: Vec<(u64, State)>,
    /// How they are, or were when the last connection ended.
    state: State,
    /// What the others were told.
    told: State,
    /// When the last connection ended, and the rooms it sat in.
    left: Option<(i64, HashSet<RoomId>)>,
}

#[derive(Debug)]
struct Watch {
    line: Arc<Line>,
    users: Vec<UserId>,
    room: Option<RoomId>,
}

impl Presence {
    /// Nobody is there.
    pub fn new(clock: Clock) -> Self {
        Presence { clock, board: Mutex::default() }
    }

    /// A connection arrived, or says how its person is.
    pub fn set(&self, line: &Line, state: State) {
        let mut board = self.board.lock();
        let person = board.people.entry(line.user).or_insert_with(|| Person {
            lines: Vec::new(),
            state,
            told: State::Offline,
            left: None,
        });
        person.left = None;
        match person.lines.iter_mut().find(|(id, _)| *id == line.id) {
            Some(entry) => entry.1 = state,
            None => person.lines.push((line.id, state)),
        }
        person.look();
        board.dirty.insert(line.user);
    }

    /// A connection is over; `rooms` are those it sat in.
    pub fn depart(&self, line: &Line, rooms: HashSet<RoomId>) {
        let mut board = self.board.lock();
        board.unwatch(line.id);
        let Some(person) = board.people.get_mut(&line.user) else { return };
        person.lines.retain(|(id, _)| *id != line.id);
        person.look();
        if person.lines.is_empty() {
            person.left = Some((self.clock.ticks(), rooms));
        }
        board.dirty.insert(line.user);
    }

    /// Whom a connection watches from now on; it is told of all of them at once. Strangers, and who
    /// is not there, look the same.
    pub fn watch(&self, hub: &Hub, line: &Arc<Line>, users: Vec<UserId>, room: Option<RoomId>) {
        let mine = hub.rooms_of(line.user);
        let room = room.filter(|room| mine.contains(room));
        let mut board = self.board.lock();
        board.unwatch(line.id);
        let mut states: Vec<_> =
            users.iter().map(|user| (*user, board.seen_by(hub, &mine, *user))).collect();
        if let Some(room) = room {
            let here = hub.present(room).into_iter();
            states.extend(here.map(|user| (user, board.state(user))));
            board.watched_rooms.entry(room).or_default().insert(line.id);
        }
        for user in &users {
            board.watched.entry(*user).or_default().insert(line.id);
        }
        if !users.is_empty() || room.is_some() {
            board.watches.insert(line.id, Watch { line: line.clone(), users, room });
        }
        line.presence(&states);
    }

    /// Tells watchers what changed; called every two seconds.
    pub fn tell(&self, hub: &Hub) {
        let now = self.clock.ticks();
        let mut board = self.board.lock();
        for user in std::mem::take(&mut board.dirty) {
            board.settle(hub, user, now);
        }
    }

    /// How a person is, for those who may know.
    pub fn state(&self, user: UserId) -> State {
        self.board.lock().state(user)
    }
}

impl Board {
    /// Tells of one person if they changed, and looks again later at who has just gone.
    fn settle(&mut self, hub: &Hub, user: UserId, now: i64) {
        let Some(person) = self.people.get(&user) else { return };
        let (state, rooms) = match &person.left {
            Some((at, rooms)) if now - at < GRACE_MS => {
                self.dirty.insert(user);
                (person.state, rooms.clone())
            }
            Some((_, rooms)) => (State::Offline, rooms.clone()),
            None => (person.state, hub.rooms_of(user)),
        };
        let told = person.told;
        if state == State::Offline {
            self.people.remove(&user);
        } else if let Some(person) = self.people.get_mut(&user) {
            person.told = state;
        }
        if state != told {
            self.announce(hub, user, state, &rooms);
        }
    }

    fn announce(&self, hub: &Hub, user: UserId, state: State, rooms: &HashSet<RoomId>) {
        let by_room = rooms.iter().filter_map(|room| self.watched_rooms.get(room)).flatten();
        let by_name = self.watched.get(&user).into_iter().flatten();
        let watchers: HashSet<_> = by_room.chain(by_name).collect();
        for watch in watchers.into_iter().filter_map(|id| self.watches.get(id)) {
            if !hub.rooms_of(watch.line.user).is_disjoint(rooms) {
                watch.line.presence(&[(user, state)]);
            }
        }
    }

    fn seen_by(&self, hub: &Hub, mine: &HashSet<RoomId>, user: UserId) -> State {
        let theirs = match self.people.get(&user).map(|person| &person.left) {
            Some(Some((_, rooms))) => rooms.clone(),
            Some(None) => hub.rooms_of(user),
            None => return State::Offline,
        };
        if theirs.is_disjoint(mine) { State::Offline } else { self.state(user) }
    }

    fn state(&self, user: UserId) -> State {
        self.people.get(&user).map_or(State::Offline, |person| person.state)
    }

    fn unwatch(&mut self, line: u64) {
        let Some(watch) = self.watches.remove(&line) else { return };
        for user in watch.users {
            drop_from(&mut self.watched, user, line);
        }
        if let Some(room) = watch.room {
            drop_from(&mut self.watched_rooms, room, line);
        }
    }
}

impl Person {
    /// With no connection left they stay as they were, for the grace.
    fn look(&mut self) {
        let at_screen = self.lines.iter().any(|(_, state)| *state == State::Online);
        self.state = match (at_screen, self.lines.is_empty()) {
            (true, _) => State::Online,
            (false, false) => State::Away,
            (false, true) => self.state,
        };
    }
}

fn drop_from<K: std::hash::Hash + Eq>(map: &mut HashMap<K, HashSet<u64>>, key: K, line: u64) {
    if let Some(lines) = map.get_mut(&key) {
        lines.remove(&line);
        if lines.is_empty() {
            map.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Me;
    use std::time::Duration;

    struct Scene {
        clock: Clock,
        hub: Hub,
        presence: Presence,
    }

    fn scene() -> Scene {
        let clock = Clock::system();
        let (hub, presence) = (Hub::new(clock.clone()), Presence::new(clock.clone()));
        Scene { clock, hub, presence }
    }

    impl Scene {
        fn comes(&self, user: i64, room: i64) -> Arc<Line> {
            let line = self.hub.arrive(&Me::test(user, &format!("s{user}")));
            self.hub.seat(&line, &[(RoomId(room), 1)]);
            self.presence.set(&line, State::Online);
            self.presence.tell(&self.hub);
            line
        }

        fn goes(&self, line: &Line) {
            self.presence.depart(line, self.hub.rooms_of(line.user));
            self.hub.depart(line);
            self.presence.tell(&self.hub);
        }
    }

    fn told(line: &Line) -> String {
        serde_json::to_string(&line.signs()).unwrap()
    }

    #[test]
    fn a_watcher_is_told_at_once_and_of_changes_and_of_the_end_after_the_grace() {
        let scene = scene();
        let (ada, lin) = (scene.comes(1, 7), scene.comes(2, 7));
        scene.presence.watch(&scene.hub, &ada, vec![UserId(2), UserId(9)], None);
        let all = r#"[{"type":"presence","users":[[2,"online"],[9,"offline"]]}]"#;
        assert_eq!(told(&ada), all);
        scene.presence.set(&lin, State::Away);
        scene.presence.tell(&scene.hub);
        assert_eq!(told(&ada), r#"[{"type":"presence","users":[[2,"away"]]}]"#);
        scene.goes(&lin);
        assert_eq!(told(&ada), "[]");
        scene.clock.turn(Duration::from_millis(19_000));
        scene.presence.tell(&scene.hub);
        assert_eq!(told(&ada), "[]");
        scene.clock.turn(Duration::from_millis(1_001));
        scene.presence.tell(&scene.hub);
        assert_eq!(told(&ada), r#"[{"type":"presence","users":[[2,"offline"]]}]"#);
    }

    #[test]
    fn who_comes_back_within_the_grace_never_went() {
        let scene = scene();
        let (ada, lin) = (scene.comes(1, 7), scene.comes(2, 7));
        scene.presence.watch(&scene.hub, &ada, vec![UserId(2)], None);
        ada.signs();
        scene.goes(&lin);
        scene.clock.turn(Duration::from_millis(10_000));
        let _lin = scene.comes(2, 7);
        scene.clock.turn(Duration::from_millis(60_000));
        scene.presence.tell(&scene.hub);
        assert_eq!(told(&ada), "[]");
    }

    #[test]
    fn a_stranger_is_not_seen_and_whoever_comes_into_a_watched_room_is() {
        let scene = scene();
        let (ada, _eve) = (scene.comes(1, 7), scene.comes(5, 8));
        scene.presence.watch(&scene.hub, &ada, vec![UserId(5)], Some(RoomId(7)));
        let all = r#"[{"type":"presence","users":[[1,"online"],[5,"offline"]]}]"#;
        assert_eq!(told(&ada), all);
        let _bob = scene.comes(4, 7);
        assert_eq!(told(&ada), r#"[{"type":"presence","users":[[4,"online"]]}]"#);
        scene.presence.watch(&scene.hub, &ada, vec![], Some(RoomId(8)));
        assert_eq!(told(&ada), "[]");
    }
}
