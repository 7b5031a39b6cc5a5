//! The table of who may, as data, run cell by cell: every route and every kind of caller, about a
//! private group. The routes are those of the server's own table, so one that nobody thought about
//! fails here. What one may not see does not exist, and a refused call leaves the whole database as
//! it was. How a row is written stands in `access/rights.rs`.

mod frames;
mod rights;

use crate::cast::{CALLERS, Cast};
use crate::house::{Call, House, PASSWORD, changes, key, rows};
use crate::postgres::Postgres;
use hallway_outside::push::{POINT, SECRET};
use hallway_protocol::rest::Guests;
use hallway_server::params;
use hallway_server::routes::TABLE;
use hallway_server::store::{Needs, Tx};
use rights::RIGHTS;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::spawn_blocking;

/// What an answer is in the table.
fn sign(status: u16, code: &str) -> char {
    match (status, code) {
        (101 | 200..300, _) => '+',
        (_, "unverified") => 'u',
        (401, _) => '!',
        (403, _) => '-',
        (404, _) => '.',
        (405 | 415 | 426, _) => '/',
        (409, _) => '#',
        (422, _) => '?',
        _ => 'E',
    }
}

/// Where databases for scenes come from; none: SQLite.
type Databases = Option<Arc<Postgres>>;

async fn house_on(databases: &Databases) -> House {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("scene_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let server = databases.clone();
    let url = spawn_blocking(move || server.map(|server| server.database(&name)));
    let url = url.await.expect("a database");
    House::with(|config| {
        config.mail = format!("file:{}", config.data.join("mail").display());
        config.guests = Guests::Code;
        config.database_url = url;
    })
    .await
}

/// A house with everybody in it, and what words stand for.
struct Scene {
    house: House,
    databases: Databases,
    cast: Cast,
    /// Made when a row first names them, and anew once a call has done something with them.
    words: HashMap<String, String>,
}

impl Scene {
    async fn set() -> Scene {
        Scene::on(None).await
    }

    async fn on(databases: Databases) -> Scene {
        let house = house_on(&databases).await;
        let cast = Cast::of(&house).await;
        let mut scene = Scene { house, databases, cast, words: HashMap::new() };
        scene.knows("room").await;
        scene
    }

    /// Makes sure that what a word stands for is there.
    async fn knows(&mut self, word: &str) {
        if self.words.contains_key(word) {
            return;
        }
        let (cast, house) = (&mut self.cast, &self.house);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let made = match word {
            "room" => {
                let words = cast.room(house).await;
                self.words.extend(words.map(|(word, made)| (word.to_owned(), made)));
                return;
            }
            "hall" => {
                let words = cast.hall().await;
                self.words.extend(words.map(|(word, made)| (word.to_owned(), made)));
                return;
            }
            "tenant" => cast.tenant.to_string(),
            "lin" | "bob" => cast.person(word).user.to_string(),
            "theirs" => cast.person("bob").session.clone(),
            "waiting" => cast.waiting.to_string(),
            "emoji" => "👍".into(),
            "point" => POINT.into(),
            "secret" => SECRET.into(),
            "word" | "nothing" => word.into(),
            "password" => PASSWORD.into(),
            "digest" => "0".repeat(64),
            "file" => {
                let author = cast.person("author").clone();
                let file = author.uploads("secret.txt", "text/plain", b"secret").await;
                let said = json!({"key": key(), "files": [file["id"]]});
                let path = format!("/rooms/{}/messages", self.words["room"]);
                author.post(&path, said).await.ok(201);
                text(&file["id"])
            }
            "third" => {
                let made = json!({"name": key()});
                let operator = cast.person("operator");
                let third = operator.post("/admin/tenants", made).await.ok(201)["tenant"].clone();
                let suspended = json!({"suspended": true});
                operator.patch(&format!("/admin/tenants/{third}"), suspended).await.ok(200);
                third.to_string()
            }
            "account" => {
                let operator = cast.person("operator");
                let made = operator.post("/admin/users", json!({"name": key()})).await;
                made.ok(201)["user"].to_string()
            }
            "robot" => {
                let body = json!({"name": key(), "display_name": "Kettle"});
                let made = cast.person("tenant-owner").post("/bots", body).await.ok(201);
                made["user"]["user"].to_string()
            }
            "letter" => house.dead_letter(Some(cast.tenant)).await,
            "report" => {
                let report = json!({"room": self.number("room"), "seq": self.number("seq"),
                    "reason": "spam"});
                let made = self.cast.person("bob").post("/reports", report).await.ok(201);
                text(&made["id"])
            }
            _ => {
                let ada = cast.person("tenant-owner").clone();
                let (path, body, field) = match word {
                    "invite" => ("/invites".to_owned(), json!({}), "id"),
                    "opens" => ("/invites".to_owned(), json!({}), "code"),
                    "ban" => {
                        let body = json!({"address": "192.0.2.9", "reason": "spam"});
                        ("/bans".to_owned(), body, "id")
                    }
                    "command" => {
                        let body = json!({"name": key(), "url": "https://a.example/",
                            "description": "x"});
                        ("/commands".to_owned(), body, "id")
                    }
                    "hook" => {
                        let body = json!({"url": "https://a.example/", "events": ["reaction"]});
                        ("/webhooks".to_owned(), body, "id")
                    }
                    "key" => {
                        let body = json!({"name": "shop", "scopes": ["read"]});
                        (format!("/admin/tenants/{}/keys", cast.tenant), body, "id")
                    }
                    _ => panic!("nobody said what {{{word}}} is"),
                };
                text(&ada.post(&path, body).await.ok(201)[field])
            }
        };
        self.words.insert(word.to_owned(), made);
    }

    fn number(&self, word: &str) -> i64 {
        self.words[word].parse().expect("a number")
    }

    /// Makes what a row names. There is always a room: guests are of one.
    async fn sets(&mut self, row: &Row) {
        self.knows("room").await;
        for text in [row.0, row.1] {
            for word in named(text).filter(|word| !OWN.contains(word)) {
                match word.strip_prefix("my-") {
                    Some(_) => self.owns(word).await,
                    None => self.knows(word).await,
                }
            }
        }
    }

    /// Makes one of these for each caller who may make one.
    async fn owns(&mut self, word: &str) {
        for caller in CALLERS {
            let name = format!("{caller}'s {word}");
            if self.words.contains_key(&name) {
                continue;
            }
            let (room, seq) = (self.number("room"), self.number("seq"));
            let at = self.house.clock.now() + 3_600_000;
            let (path, body) = match word {
                "my-saved" => ("/saved", json!({"room": room, "seq": seq})),
                "my-scheduled" => {
                    ("/scheduled", json!({"key": key(), "room": room, "text": "x", "at": at}))
                }
                "my-reminder" => ("/reminders", json!({"room": room, "seq": seq, "at": at})),
                "my-endpoint" => {
                    let url = format!("https://push.example/{}", key());
                    ("/push/endpoints", json!({"url": url, "p256dh": POINT, "auth": SECRET}))
                }
                _ => panic!("nobody said what {{{word}}} is"),
            };
            let call = self.cast.signs(caller, Call::new("POST", path).body(body));
            let made = call.to(self.house.address).await;
            let id = made.body["id"].as_str().filter(|_| made.status == 201);
            self.words.insert(name, id.unwrap_or("none").to_owned());
        }
    }

    /// A text of a row as this caller says it.
    fn filled(&self, caller: &str, text: &'static str) -> String {
        let own = |word: &str| {
            let (name, refresh) = self.cast.types(caller);
            Some(match word {
                "name" => name,
                "refresh" => refresh,
                "home" if caller.starts_with("foreign") => "other".into(),
                "home" => "default".into(),
                "session" => self.cast.session(caller),
                "once" => key(),
                "soon" => (self.house.clock.now() + 3_600_000).to_string(),
                my if my.starts_with("my-") => self.words[&format!("{caller}'s {my}")].clone(),
                _ => return None,
            })
        };
        named(text).fold(text.to_owned(), |text, word| {
            let said = own(word).unwrap_or_else(|| self.words[word].clone());
            text.replace(&format!("{{{word}}}"), &said)
        })
    }

    async fn tries(&self, caller: &str, row: &Row) -> char {
        let (method, path) = row.0.split_once(' ').expect("method and path");
        if row.0 == "GET /socket" {
            return match self.cast.dials(&self.house, caller).await {
                Ok(_) => '+',
                Err(status) => sign(status, ""),
            };
        }
        let mut call = Call::new(method, &self.filled(caller, path));
        if !row.1.is_empty() {
            call = call.raw("application/json", self.filled(caller, row.1));
        }
        let said = self.cast.signs(caller, call).to(self.house.address).await;
        if said.status < 400 {
            return sign(said.status, "");
        }
        let (status, code) = said.refused();
        sign(status, code)
    }

    /// After something was done: what it was done to is made anew, and so is whoever it ended.
    async fn mends(&mut self, caller: &'static str, row: &Row) {
        if row.0.contains("{tenant}") {
            let tenant = format!("/admin/tenants/{}", self.cast.tenant);
            let said = self.cast.person("operator").get(&tenant).await;
            if said.status != 200 || said.body["suspended"] == true {
                *self = Scene::on(self.databases.clone()).await;
            }
        }
        if [row.0, row.1].iter().any(|text| named(text).any(|word| !OWN.contains(&word))) {
            self.words.clear();
        }
        for person in [caller, "bob"] {
            if self.cast.is_over(person).await {
                self.words.clear();
                // A guest comes with the next room.
                if person != "guest" {
                    self.cast.comes(&self.house, person).await;
                }
            }
        }
    }
}

type Row = (&'static str, &'static str, &'static str);

/// Words that each caller has one of their own of.
const OWN: [&str; 6] = ["name", "refresh", "home", "session", "once", "soon"];

/// The words in braces.
fn named(text: &'static str) -> impl Iterator<Item = &'static str> {
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts.map(|(word, _)| word).filter(|word| !word.is_empty() && !word.contains('"'))
}

/// A text with something in place of its words.
fn shape_of_words(text: &'static str) -> String {
    named(text).fold(text.to_owned(), |text, word| {
        let some = if word == "once" { key() } else { "7".into() };
        text.replace(&format!("{{{word}}}"), &some)
    })
}

/// The route of a row as the table names it.
fn shape(route: &str) -> String {
    let braced = |part: &str| if part.starts_with('{') { "{}".into() } else { part.to_owned() };
    // What is asked of it is not which it is.
    let route = route.split('?').next().unwrap_or(route);
    route.split('/').map(braced).collect::<Vec<_>>().join("/")
}

fn cells(row: &Row) -> impl Iterator<Item = (&'static str, char)> {
    CALLERS.into_iter().zip(row.2.chars().filter(|cell| *cell != ' '))
}

#[test]
fn the_table_speaks_of_every_route_and_of_no_other() {
    let routes: Vec<_> = TABLE.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    for route in &routes {
        let known = RIGHTS.iter().any(|row| shape(row.0) == shape(route));
        assert!(known, "nobody said who may {route}");
    }
    for row in RIGHTS {
        assert!(routes.iter().any(|route| shape(route) == shape(row.0)), "there is no {}", row.0);
        assert_eq!(cells(row).count(), CALLERS.len(), "{}", row.0);
        assert_eq!(row.2.replace(' ', "").len(), CALLERS.len(), "{}", row.0);
    }
}

/// Runs every `parts`-th row, beginning with `part`; what was not as the table says.
async fn runs(part: usize, parts: usize, databases: Databases) -> Vec<String> {
    let mut scene = Scene::on(databases).await;
    let mut wrong = Vec::new();
    for row in RIGHTS.iter().skip(part).step_by(parts) {
        scene.sets(row).await;
        let before = rows(&scene.house.app).await;
        let mut told = String::new();
        for (caller, _) in cells(row).filter(|(_, right)| *right != '+') {
            told.push(scene.tries(caller, row).await);
        }
        let changed = changes(&before, &rows(&scene.house.app).await);
        let mut told = told.chars();
        let mut said = String::new();
        for (caller, right) in cells(row) {
            if right != '+' {
                said.push(told.next().expect("as many"));
                continue;
            }
            scene.sets(row).await;
            said.push(scene.tries(caller, row).await);
            if !row.0.starts_with("GET ") {
                scene.mends(caller, row).await;
            }
        }
        for ((caller, right), said) in cells(row).zip(said.chars()) {
            if said != right {
                wrong.push(format!("{} {} by {caller}: {right} but {said}", row.0, row.1));
            }
        }
        if !changed.is_empty() {
            wrong.push(format!("{} {}: refused, yet {changed:#?}", row.0, row.1));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_what_the_table_says_and_nothing_else() {
    let wrong = runs(0, 2, None).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_what_the_other_half_says_too() {
    let wrong = runs(1, 2, None).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_shows_whatever_was_changed() {
    let postgres = spawn_blocking(|| Arc::new(Postgres::start())).await.expect("it starts");
    for databases in [None, Some(postgres.clone())] {
        let house = house_on(&databases).await;
        house.ada().await;
        for (sql, shown) in [
            ("update users set status = 'planted'", vec!["gone users", "new users"]),
            ("insert into meta (name, value) values ('planted', '1')", vec!["new meta"]),
            ("delete from meta where name = 'planted'", vec!["gone meta"]),
        ] {
            let before = rows(&house.app).await;
            assert_eq!(changes(&before, &rows(&house.app).await), [""; 0], "nobody did anything");
            let plants = move |tx: &mut Tx<'_>| tx.exec(sql, params![]);
            house.app.store.write(Needs::default(), plants).await.expect("planted");
            let changed = changes(&before, &rows(&house.app).await);
            let said: Vec<_> = changed.iter().filter_map(|line| line.split(':').next()).collect();
            assert_eq!(said, shown, "{changed:?}");
        }
        house.stop().await;
    }
    spawn_blocking(move || drop(postgres)).await.expect("it ends");
}

/// Both halves at once, each in a database of its own of the one server.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_holds_on_postgres_too() {
    let postgres = spawn_blocking(|| {
        let postgres = Postgres::start();
        // Thousands of calls, of which none has to outlive the power.
        postgres.sql("alter system set fsync = off");
        postgres.sql("select pg_reload_conf()");
        Arc::new(postgres)
    });
    let postgres = postgres.await.expect("it starts");
    let half = |part| runs(part, 2, Some(postgres.clone()));
    let (one, other) = tokio::join!(half(0), half(1));
    spawn_blocking(move || drop(postgres)).await.expect("it ends");
    let wrong = [one, other].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
