//! The document, put together: one operation for each line of the routes' table, with the answers
//! that follow from who may call it and what it takes.

use super::doors::{id, security};
use super::probe::{Way, probe, reference};
use super::words::{Words, words};
use super::{entries, examples, limits};
use crate::routes::{PREFIX, Route, Rule, TABLE};
use hallway_protocol::error::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one route beyond the table.
#[derive(Default)]
pub struct Entry {
    says: &'static str,
    query: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    codes: BTreeSet<u16>,
    once: bool,
    /// Its body has the key, and no header is looked at.
    keyed: bool,
}

/// Entries and shapes, as they are collected.
pub struct Book {
    entries: BTreeMap<&'static str, Entry>,
    shapes: BTreeMap<String, Value>,
    words: BTreeMap<String, Words>,
    /// Who sends it: what may lack in a request need not in an answer of the same type.
    ways: BTreeMap<String, Way>,
    at: &'static str,
}

/// The name of a nested row or frame, by what it says of itself.
fn named(value: &Value) -> Option<String> {
    let (of, tag) = match (&value["t"], &value["type"]) {
        (Value::String(tag), _) => ("Row", tag),
        (_, Value::String(tag)) if examples::is_frame(tag) => ("Frame", tag),
        _ => return None,
    };
    Some(format!("{of}.{tag}"))
}

/// The last word of a type's name.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

impl Book {
    fn new() -> Book {
        let (entries, shapes, ways) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut book = Book { entries, shapes, words: words(), ways, at: "" };
        book.shapes.insert("Key".into(), limits::key());
        book.shapes.insert("Problem".into(), limits::problem());
        book
    }

    /// Begins to speak of a route: `METHOD /path`, and a sentence.
    pub fn on(&mut self, route: &'static str, says: &'static str) -> &mut Self {
        self.at = route;
        self.entry().says = says;
        self
    }

    fn entry(&mut self) -> &mut Entry {
        self.entries.entry(self.at).or_default()
    }

    /// A shape by the name of its type, its example beside it.
    fn shape<T: Serialize + DeserializeOwned>(&mut self, example: &Value, way: Way) -> Value {
        let name = match named(example) {
            Some(name) => name,
            None => name_of::<T>().to_owned(),
        };
        let first = *self.ways.entry(name.clone()).or_insert(way);
        let name = if first == way { name } else { format!("{name}.{way:?}") };
        self.define::<T>(&name, example, way);
        reference(&name)
    }

    /// Puts a shape among the components.
    pub fn define<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        example: &Value,
        way: Way,
    ) {
        if self.shapes.contains_key(name) {
            return;
        }
        let (whole, mut schema) = probe::<T>(example, way, &named);
        let source = examples::source(name).unwrap_or(name);
        let source = source.strip_suffix(".Asked").unwrap_or(source);
        let source = source.strip_suffix(".Said").unwrap_or(source);
        limits::apply(source, &mut schema);
        if let Some(words) = self.words.get(source) {
            describe(&mut schema, words);
        }
        schema["examples"] = json!([limits::sendable(source, whole)]);
        self.shapes.insert(name.to_owned(), schema);
    }

    /// One of several shapes, told apart by `tag`.
    pub fn one_of(&mut self, name: &str, tag: &str, of: &str) {
        let prefix = format!("{of}.");
        let kinds: Vec<_> =
            self.shapes.keys().filter_map(|name| name.strip_prefix(&prefix)).collect();
        let at = |kind: &&str| format!("#/components/schemas/{prefix}{kind}");
        let mapping: Map<_, _> =
            kinds.iter().map(|kind| ((*kind).to_owned(), json!(at(kind)))).collect();
        let refs: Vec<_> = kinds.iter().map(|kind| json!({"$ref": at(kind)})).collect();
        let schema = json!({"oneOf": refs,
            "discriminator": {"propertyName": tag, "mapping": mapping}});
        self.shapes.insert(name.to_owned(), schema);
    }

    /// It takes a body of this type, such as this one.
    pub fn takes<T: Serialize + DeserializeOwned>(&mut self, example: Value) -> &mut Self {
        let shape = self.shape::<T>(&example, Way::Asked);
        self.body(shape, limits::sendable(name_of::<T>(), example), true)
    }

    /// It takes a body of this type, or none.
    pub fn may_take<T: Serialize + DeserializeOwned>(&mut self, example: Value) -> &mut Self {
        let shape = self.shape::<T>(&example, Way::Asked);
        self.body(shape, limits::sendable(name_of::<T>(), example), false)
    }

    /// It takes any JSON.
    pub fn takes_anything(&mut self, example: Value) -> &mut Self {
        self.body(json!({}), example, true)
    }

    fn body(&mut self, schema: Value, example: Value, required: bool) -> &mut Self {
        let content = json!({"application/json": {"schema": schema, "example": example}});
        self.entry().body = Some(json!({"required": required, "content": content}));
        self
    }

    /// It answers with this type, such as this.
    pub fn gives<T: Serialize + DeserializeOwned>(
        &mut self,
        status: u16,
        says: &str,
        example: Value,
    ) -> &mut Self {
        let schema = self.shape::<T>(&example, Way::Said);
        self.gives_as(status, says, "application/json", schema)
    }

    /// It answers with one row of this kind.
    pub fn gives_row(&mut self, status: u16, says: &str, kind: &str) -> &mut Self {
        self.gives_as(status, says, "application/json", reference(&format!("Row.{kind}")))
    }

    /// It answers with a list of rows, a part at a time.
    pub fn gives_rows(&mut self, says: &str) -> &mut Self {
        let rows = json!({"type": "array", "items": reference("Row")});
        let schema = json!({"type": "object", "required": ["rows"],
            "properties": {"rows": rows, "next": limits::next()}});
        self.gives_as(200, says, "application/json", schema).paged()
    }

    /// It answers with a list of what is no row, a part at a time.
    pub fn gives_items<T: Serialize + DeserializeOwned>(
        &mut self,
        says: &str,
        example: Value,
    ) -> &mut Self {
        let items = json!({"type": "array", "items": self.shape::<T>(&example, Way::Said)});
        let schema = json!({"type": "object", "required": ["items"],
            "properties": {"items": items, "next": limits::next()}});
        self.gives_as(200, says, "application/json", schema).paged()
    }

    /// It answers with something of this media type.
    pub fn gives_as(&mut self, status: u16, says: &str, kind: &str, schema: Value) -> &mut Self {
        let answer = json!({"description": says, "content": {kind: {"schema": schema}}});
        self.entry().answers.insert(status, answer);
        self
    }

    /// It answers with another media type as well, to who asks for that.
    pub fn or_as(&mut self, status: u16, kind: &str, schema: Value) -> &mut Self {
        if let Some(answer) = self.entry().answers.get_mut(&status) {
            answer["content"][kind] = json!({"schema": schema});
        }
        self
    }

    /// With this status it may answer with this type instead.
    pub fn or_gives<T: Serialize + DeserializeOwned>(
        &mut self,
        status: u16,
        example: Value,
    ) -> &mut Self {
        let other = self.shape::<T>(&example, Way::Said);
        if let Some(answer) = self.entry().answers.get_mut(&status) {
            let schema = &mut answer["content"]["application/json"]["schema"];
            *schema = json!({"anyOf": [schema.take(), other]});
        }
        self
    }

    /// It answers with a status alone.
    pub fn gives_nothing(&mut self, status: u16, says: &str) -> &mut Self {
        self.entry().answers.insert(status, json!({"description": says}));
        self
    }

    /// It answers with the bytes of a file, all of them or a part.
    pub fn gives_bytes(&mut self) -> &mut Self {
        self.gives_as(200, "All of it.", "*/*", json!({}));
        self.gives_as(206, "The part that was asked for.", "*/*", json!({}));
        self.gives_nothing(304, "It is what `If-None-Match` names.");
        self.entry().codes.insert(416);
        self.refuses(&[Code::Conflict, Code::Gone])
    }

    /// It may carry a key; the same again is the first answer with status 200.
    pub fn once(&mut self) -> &mut Self {
        let taken = self.entry().body.as_ref().and_then(|body| {
            let name = body["content"]["application/json"]["schema"]["$ref"].as_str()?;
            Some(name.rsplit('/').next()?.to_owned())
        });
        let needed = taken.and_then(|name| self.shapes.get(&name)?["required"].as_array());
        let keyed = needed.is_some_and(|needed| needed.contains(&json!("key")));
        let entry = self.entry();
        (entry.once, entry.keyed) = (true, keyed);
        let first = entry.answers.values().next().cloned().unwrap_or_default();
        let mut again = first;
        again["description"] = json!("Done before with this key: the answer of then.");
        entry.answers.entry(200).or_insert(again);
        entry.codes.extend([409, 422]);
        self
    }

    /// A parameter of the query.
    pub fn asks(&mut self, name: &str, says: &str, schema: Value) -> &mut Self {
        let query = json!({"name": name, "in": "query", "description": says, "schema": schema});
        let entry = self.entry();
        entry.query.push(query);
        entry.codes.insert(422);
        self
    }

    /// The last thing it asked for in the address must be there.
    pub fn needed(&mut self) -> &mut Self {
        if let Some(query) = self.entry().query.last_mut() {
            query["required"] = json!(true);
        }
        self
    }

    /// `limit` and `next`.
    pub fn paged(&mut self) -> &mut Self {
        self.asks("limit", "How many; more than 100 means 100.", limits::page()).asks(
            "next",
            "Where the last part ended, as it said.",
            json!({"type": "string"}),
        )
    }

    /// It is no call but the beginning of a socket.
    pub fn needs_upgrade(&mut self) -> &mut Self {
        self.entry().codes.insert(426);
        self
    }

    /// It may also be refused for this.
    pub fn refuses(&mut self, codes: &[Code]) -> &mut Self {
        self.entry().codes.extend(codes.iter().map(|code| code.status()));
        self
    }
}

fn describe(schema: &mut Value, words: &Words) {
    if !words.of.is_empty() {
        schema["description"] = json!(words.of);
    }
    for (name, says) in &words.fields {
        if let Some(Value::Object(field)) = schema["properties"].get_mut(name) {
            field.insert("description".into(), json!(says));
        }
    }
}

fn full() -> Book {
    let mut book = Book::new();
    examples::define(&mut book);
    entries::write(&mut book);
    book
}

/// Routes of which nothing is written, and what is written of no route.
pub fn gaps() -> Vec<String> {
    let book = full();
    let routes: BTreeSet<_> =
        TABLE.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let written: BTreeSet<_> = book.entries.keys().map(|route| (*route).to_owned()).collect();
    routes.symmetric_difference(&written).cloned().collect()
}

/// The whole document.
pub fn document() -> Value {
    let book = full();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let nothing = Entry::default();
    for route in TABLE {
        let name = format!("{} {}", route.method, route.path);
        let entry = book.entries.get(name.as_str()).unwrap_or(&nothing);
        let operation = operation(route, entry);
        paths.entry(route.path).or_default().insert(route.method.to_lowercase(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Hallway", "version": env!("CARGO_PKG_VERSION"),
            "description": "Messages, rooms and people of a Hallway server. Every refusal is a \
                problem object; every changing call may carry a key and is then done once; numbers \
                are read exactly by every program."},
        "servers": [{"url": PREFIX}],
        "paths": paths,
        "webhooks": entries::hooks::calls(),
        "components": {"schemas": book.shapes, "headers": limits::headers(),
            "securitySchemes": limits::schemes()},
    })
}

fn operation(route: &Route, entry: &Entry) -> Value {
    let mut parameters: Vec<_> = limits::of_path(route.path);
    parameters.extend(entry.query.iter().cloned());
    let mut codes = entry.codes.clone();
    // An address too many calls come from, an origin that may not call, a full queue, our fault.
    codes.extend([403, 429, 500, 503]);
    if route.path.contains('{') {
        codes.extend([404, 422]);
    }
    match route.rule {
        Rule::Anyone => {}
        Rule::Person
        | Rule::Operator
        | Rule::Reads
        | Rule::Oversees
        | Rule::Runs
        | Rule::Manages
        | Rule::Backend(_) => {
            // A key may name a person there is not, or say none that could be.
            codes.extend([401, 404, 422]);
        }
        Rule::Room(_) => codes.extend([401, 404, 422]),
    }
    if entry.body.is_some() {
        codes.extend([413, 415, 422]);
    }
    if entry.once && !entry.keyed {
        parameters.push(limits::idempotency_key());
    }
    let mut answers: BTreeMap<String, Value> =
        entry.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone())).collect();
    for code in codes {
        answers.entry(code.to_string()).or_insert_with(|| limits::refusal(code));
    }
    for answer in answers.values_mut() {
        answer["headers"]["X-Request-Id"] = json!({"$ref": "#/components/headers/X-Request-Id"});
    }
    let noun = route.path.split('/').nth(1).unwrap_or_default();
    let mut operation = json!({"operationId": id(route), "summary": entry.says, "tags": [noun],
        "parameters": parameters, "responses": answers,
        "security": security(route.rule)});
    if let Some(body) = &entry.body {
        operation["requestBody"] = body.clone();
    }
    operation
}
