//! A private room and everybody who could want something of it.

use crate::house::{House, Person, int};
use serde_json::json;

/// The people. The operator owns the tenant and is not in the room; the foreigner owns another
/// tenant of the same server.
pub struct Cast {
    pub owner: Person,
    pub admin: Person,
    pub member: Person,
    pub author: Person,
    pub removed: Person,
    pub stranger: Person,
    pub operator: Person,
    pub foreign: Person,
    /// Somebody to be brought in; no caller.
    pub lin: Person,
}

impl Cast {
    pub async fn of(house: &House) -> Cast {
        let operator = house.ada().await;
        let new = async |name: &str| house.newcomer(&operator, name).await;
        Cast {
            owner: new("owner").await,
            admin: new("admin").await,
            member: new("member").await,
            author: new("author").await,
            removed: new("removed").await,
            stranger: new("stranger").await,
            lin: new("lin").await,
            foreign: elsewhere(house).await,
            operator,
        }
    }

    /// A private group with a message of the author, and `removed` thrown out again.
    pub async fn room(&self) -> (i64, i64) {
        let people = [&self.admin, &self.member, &self.removed, &self.author];
        let room = self.owner.group("committee", &people).await;
        let admin = format!("/rooms/{room}/members/{}", self.admin.user);
        self.owner.put(&admin, json!({"role": "admin"})).await.ok(200);
        self.owner.removes(room, &self.removed).await;
        let seq = int(&self.author.says(room, "secret").await["seq"]);
        (room, seq)
    }

    /// The caller of this name; nobody is nobody.
    pub fn caller(&self, name: &str) -> Option<&Person> {
        Some(match name {
            "nobody" => return None,
            "stranger" => &self.stranger,
            "removed" => &self.removed,
            "member" => &self.member,
            "author" => &self.author,
            "admin" => &self.admin,
            "owner" => &self.owner,
            "operator" => &self.operator,
            "foreign" => &self.foreign,
            _ => panic!("nobody is called {name}"),
        })
    }
}

/// Somebody of another tenant, who owns it.
async fn elsewhere(house: &House) -> Person {
    house.founds("other", json!({})).await.1
}
