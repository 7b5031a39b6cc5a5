//! What a route is called in the document, and with what one comes to it.

use crate::access::Act;
use crate::routes::{Route, Rule};
use serde_json::{Value, json};

/// With what one comes: a session, or a tenant's key that acts for a person or for nobody.
pub fn security(rule: Rule) -> Value {
    let (session, key) = (json!({"session": []}), json!({"key": []}));
    let acting = json!({"key": [], "person": []});
    match rule {
        Rule::Anyone => json!([]),
        // Of rooms a key that reads sees the public ones.
        Rule::Reads | Rule::Room(Act::See) => json!([session, acting, key]),
        Rule::Person | Rule::Operator | Rule::Room(_) => json!([session, acting]),
        Rule::Oversees => json!([session, acting, key]),
        Rule::Runs | Rule::Manages => json!([session, key]),
        Rule::Backend(_) => json!([key]),
    }
}

/// The name of an operation: `get_rooms_room_messages`.
pub fn id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(route.method.to_lowercase(), |id, word| format!("{id}_{word}"))
}
