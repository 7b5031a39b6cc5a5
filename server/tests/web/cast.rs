//! Everybody who could want something of a private group, and how each of them calls.

use crate::house::{Call, House, PASSWORD, Person, Socket, int};
use hallway_protocol::ids::UserId;
use hallway_server::params;
use hallway_server::store::{Event, Needs};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The kinds of caller, in the order of the cells.
pub const CALLERS: [&str; 20] = [
    // Nobody, or as good as nobody. The unverified one has no session: a backend acts for them.
    "nobody",
    "unverified",
    "forged",
    "expired",
    "banned", //
    // People of the tenant who are not in the room (any more).
    "stranger",
    "removed", //
    // Who is in it. The author wrote the message, and is a member beside that.
    "guest",
    "muted",
    "member",
    "author",
    "admin",
    "owner", //
    // Who runs the tenant, and who runs the server; none of them is in the room.
    "tenant-admin",
    "tenant-owner",
    "operator", //
    // People of another tenant.
    "foreigner",
    "foreign-owner", //
    // A backend's keys, for nobody in particular.
    "reading",
    "writing",
];

/// How somebody says who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    Nothing,
    Token(String),
    /// A backend's key, and the person it acts for.
    Key(String, Option<i64>),
}

/// The people and keys.
pub struct Cast {
    people: HashMap<&'static str, Person>,
    /// What they type as their name.
    names: HashMap<&'static str, String>,
    proofs: HashMap<&'static str, Proof>,
    /// The tenant of most of them.
    pub tenant: i64,
    /// Whose address is not verified.
    pub waiting: i64,
    /// Each closed account is followed by another of another name.
    made: usize,
}

impl Cast {
    /// Mail must be on (nobody is unverified else), and guests welcome by code.
    pub async fn of(house: &House) -> Cast {
        let ada = house.ada().await;
        let tenant = int(&ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"]);
        let people = HashMap::from([("tenant-owner", ada)]);
        let names =
            HashMap::from([("tenant-owner", "ada".into()), ("foreign-owner", "eve".into())]);
        let mut cast = Cast { people, names, proofs: HashMap::new(), tenant, waiting: 0, made: 0 };
        // The owner's first token is the expired one: it would open everything.
        cast.comes(house, "owner").await;
        let name = cast.names["owner"].clone();
        house.clock.turn(Duration::from_secs(11 * 60));
        cast.people.insert("tenant-owner", house.login("ada").await);
        let owner = house.login(&name).await;
        let (signed, signature) = owner.token.rsplit_once('.').expect("three parts");
        let turned: String = signature.chars().rev().collect();
        let forged = Proof::Token(format!("{signed}.{turned}"));
        let expired = cast.people.insert("owner", owner).expect("the first token");
        cast.proofs.insert("expired", Proof::Token(expired.token.clone()));
        cast.proofs.insert("forged", forged);
        cast.proofs.insert("nobody", Proof::Nothing);
        cast.people.insert("expired", expired);
        cast.names.insert("expired", name.clone());
        cast.names.insert("forged", name);
        for name in
            ["banned", "stranger", "removed", "muted", "member", "author", "admin", "bob", "lin"]
        {
            cast.comes(house, name).await;
        }
        cast.comes(house, "tenant-admin").await;
        let (_, eve) = house.founds("other", json!({})).await;
        cast.people.insert("foreign-owner", eve);
        cast.comes(house, "foreigner").await;
        cast.people.insert("operator", house.operator());
        for (name, scope) in [("reading", "read"), ("writing", "write"), ("unverified", "act")] {
            let made = json!({"name": name, "scopes": [scope]});
            let keys = format!("/admin/tenants/{tenant}/keys");
            let made = cast.person("tenant-owner").post(&keys, made).await.ok(201);
            let key = made["key"].as_str().expect("a key").to_owned();
            cast.proofs.insert(name, Proof::Key(key, None));
        }
        let (name, waits) = cast.registers(house, "default", "unverified").await;
        cast.names.insert("unverified", name);
        cast.waiting = waits;
        if let Some(Proof::Key(_, who)) = cast.proofs.get_mut("unverified") {
            *who = Some(waits);
        }
        cast
    }

    /// Somebody of this name who is there for sure.
    pub fn person(&self, name: &str) -> &Person {
        self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// How a caller says who they are.
    pub fn proof(&self, caller: &str) -> Proof {
        let person = || Proof::Token(self.person(caller).token.clone());
        self.proofs.get(caller).cloned().unwrap_or_else(person)
    }

    /// The call, signed by the caller.
    pub fn signs(&self, caller: &str, call: Call) -> Call {
        match self.proof(caller) {
            Proof::Nothing => call,
            Proof::Token(token) => call.token(&token),
            Proof::Key(key, None) => call.header("x-api-key", &key),
            Proof::Key(key, Some(user)) => {
                call.header("x-api-key", &key).header("x-user-id", &user.to_string())
            }
        }
    }

    /// A connection of the caller before its `hello`; else the status that refused it.
    pub async fn dials(&self, house: &House, caller: &str) -> Result<Socket, u16> {
        match self.proof(caller) {
            Proof::Nothing | Proof::Token(_) => Ok(Socket::dial(house.address).await),
            Proof::Key(key, user) => {
                let user = user.map(|user| user.to_string());
                let user = user.iter().map(|user| ("x-user-id", user.as_str()));
                let headers: Vec<_> = user.chain([("x-api-key", key.as_str())]).collect();
                Socket::dial_with(house.address, &headers).await
            }
        }
    }

    /// What a caller types as their name, and the token with which they come back.
    pub fn types(&self, caller: &str) -> (String, String) {
        let refresh = self.people.get(caller).map(|person| person.refresh.clone());
        let name = self.names.get(caller).cloned();
        (name.unwrap_or_else(|| caller.to_owned()), refresh.unwrap_or_else(|| "none".into()))
    }

    /// The session of a caller.
    pub fn session(&self, caller: &str) -> String {
        let session = self.people.get(caller).map(|person| person.session.clone());
        session.filter(|session| !session.is_empty()).unwrap_or_else(|| "none".into())
    }

    /// Whether a caller who was somebody is nobody any more.
    pub async fn is_over(&self, caller: &str) -> bool {
        match self.people.get(caller).filter(|_| !self.proofs.contains_key(caller)) {
            Some(person) if caller == "guest" || self.names.contains_key(caller) => {
                person.get("/users/me").await.status == 401
            }
            _ => false,
        }
    }

    /// A public channel of the same people, but guests, with a message of the author; and that.
    pub async fn hall(&self) -> [(&'static str, String); 2] {
        let owner = self.person("owner");
        let others = ["admin", "muted", "member", "removed", "author", "bob"];
        let others = others.map(|name| self.person(name).user);
        let hall = json!({"kind": "channel", "name": "hall", "members": others});
        let hall = int(&owner.post("/rooms", hall).await.ok(201)["room"]);
        let of = |name: &str| format!("/rooms/{hall}/members/{}", self.person(name).user);
        owner.put(&of("admin"), json!({"role": "admin"})).await.ok(200);
        owner.put(&of("muted"), json!({"muted_until": 9_007_199_254_740_991_i64})).await.ok(200);
        owner.removes(hall, self.person("removed")).await;
        let note = int(&self.person("author").says(hall, "hear, hear").await["seq"]);
        [("hall", hall.to_string()), ("note", note.to_string())]
    }

    /// A private group with a message of the author; `removed` is thrown out again, and `banned` is
    /// kept out of everything. The words that name it, that
    /// message, the last one, and its code.
    pub async fn room(&mut self, house: &House) -> [(&'static str, String); 4] {
        let owner = self.person("owner").clone();
        let others = ["admin", "muted", "member", "removed", "author", "bob", "banned"];
        let others: Vec<_> = others.iter().map(|name| self.person(name)).collect();
        let room = owner.group("committee", &others).await;
        let of = |name: &str| format!("/rooms/{room}/members/{}", self.person(name).user);
        owner.put(&of("admin"), json!({"role": "admin"})).await.ok(200);
        let until = house.clock.now() + 86_400_000;
        owner.put(&of("muted"), json!({"muted_until": until})).await.ok(200);
        owner.removes(room, self.person("removed")).await;
        let seq = int(&self.person("author").says(room, "secret").await["seq"]);
        owner.put(&format!("/rooms/{room}/guests"), json!({"guests": "code"})).await.ok(200);
        let code = owner.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
        let guest = json!({"code": code["code"], "display_name": "guest"});
        let guest = house.call("POST", "/auth/guest", guest).await.ok(200);
        self.people.insert("guest", Person::of(house.address, &guest));
        let head = int(&self.person("author").says(room, "more").await["seq"]);
        [
            ("room", room.to_string()),
            ("seq", seq.to_string()),
            ("head", head.to_string()),
            ("code", code["code"].as_str().expect("a code").to_owned()),
        ]
    }
}

/// How they come to be.
impl Cast {
    /// Makes this one; signs them in again where they only went.
    pub async fn comes(&mut self, house: &House, name: &'static str) {
        let tenant = if name.starts_with("foreign") { "other" } else { "default" };
        if let Some(typed) = self.names.get(name) {
            let login = json!({"tenant": tenant, "login": typed, "password": PASSWORD});
            let said = house.call("POST", "/auth/login", login).await;
            if said.status == 200 {
                self.people.insert(name, Person::of(house.address, &said.body));
                return;
            }
        }
        self.made += 1;
        let (typed, user) = self.registers(house, tenant, name).await;
        verified(house, user).await;
        let login = json!({"tenant": tenant, "login": typed, "password": PASSWORD});
        let said = house.call("POST", "/auth/login", login).await.ok(200);
        match name {
            "tenant-admin" => promoted(house, user).await,
            "banned" => {
                let ban = json!({"user": user, "reason": "spam"});
                self.person("tenant-owner").post("/bans", ban).await.ok(201);
            }
            _ => {}
        }
        self.people.insert(name, Person::of(house.address, &said));
        self.names.insert(name, typed);
    }

    /// An account that waits until its address is verified: its name and number.
    async fn registers(&self, house: &House, tenant: &str, name: &str) -> (String, i64) {
        let host = if tenant == "default" { "tenant-owner" } else { "foreign-owner" };
        let invite = self.person(host).post("/invites", json!({})).await.ok(201);
        let name = format!("{name}-{}", self.made);
        let body = json!({"tenant": tenant, "name": name, "password": PASSWORD,
            "email": format!("{name}@example.org"), "invite": invite["code"]});
        let said = house.call("POST", "/auth/register", body).await.ok(201);
        (name, int(&said["user"]["user"]))
    }
}

/// Follows the link of the mail to somebody.
async fn verified(house: &House, user: i64) {
    let id = house.app.store.read(move |read| {
        let sql = "select id from mails where person = $1 and kind = 'verify'";
        read.one(sql, params![UserId(user)], |row| row.get::<String>(0))
    });
    let id = id.await.expect("a mail").expect("to them");
    let token = json!({"token": house.app.tokens.mail(&id)});
    house.call("POST", "/auth/verify-email", token).await.ok(204);
}

/// Makes somebody an admin of their tenant, as the operator's program does.
async fn promoted(house: &House, user: i64) {
    let user = UserId(user);
    let made = house.app.store.write(Needs::person(user), move |tx| {
        tx.exec("update users set role = 1 where id = $1", params![user])?;
        tx.emit(Event::Changed { user });
        Ok(())
    });
    made.await.expect("an admin");
}
