//! The shape of a body, found by asking the code that reads it. A full example is read by its own
//! type with one thing changed at a time: what may be left out, what may be null, which words and
//! which numbers are taken. So the published shape cannot say anything else than the server does.

use hallway_protocol::ids::NUMBER_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Who sends it: what we read may lack what has a default, what we say lacks only what we leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// A request.
    Asked,
    /// An answer, a row or a frame of ours.
    Said,
}

/// Reads a value as the type it is of, and says how that would go over the wire.
type Reader<'p> = &'p dyn Fn(&Value) -> Result<Value, String>;

struct Probe<'p> {
    whole: &'p Value,
    way: Way,
    read: Reader<'p>,
    /// What a nested row or frame is called.
    named: &'p dyn Fn(&Value) -> Option<String>,
}

/// The example as its type says it, and the schema of it.
pub fn probe<T: Serialize + DeserializeOwned>(
    example: &Value,
    way: Way,
    named: &dyn Fn(&Value) -> Option<String>,
) -> (Value, Value) {
    let read = |value: &Value| {
        let read = T::deserialize(value).map_err(|error| error.to_string())?;
        serde_json::to_value(read).map_err(|error| error.to_string())
    };
    let whole = read(example).unwrap_or_else(|error| panic!("{error}: {example}"));
    let probe = Probe { whole: &whole, way, read: &read, named };
    let schema = probe.at(&mut Vec::new(), &whole);
    (whole, schema)
}

/// A name or a place.
#[derive(Clone)]
enum Step {
    Field(String),
    Place(usize),
}

impl Probe<'_> {
    fn at(&self, path: &mut Vec<Step>, value: &Value) -> Value {
        if !path.is_empty()
            && let Some(name) = (self.named)(value)
        {
            return reference(&name);
        }
        match value {
            Value::Object(fields) => self.object(path, fields),
            Value::Array(elements) => self.list(path, elements),
            Value::String(_) => self.text(path),
            Value::Bool(_) => json!({"type": "boolean"}),
            Value::Number(_) => self.number(path),
            Value::Null => json!({}),
        }
    }

    fn object(&self, path: &mut Vec<Step>, fields: &Map<String, Value>) -> Value {
        let mut free = fields.clone();
        free.insert("any thing".into(), json!(1));
        let kept = self.with(path, Some(Value::Object(free)));
        if kept.is_ok_and(|kept| find(&kept, path).is_some_and(|at| at.get("any thing").is_some()))
        {
            return json!({"type": "object"});
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, value) in fields {
            path.push(Step::Field(name.clone()));
            let mut schema = self.at(path, value);
            if matches!(name.as_str(), "t" | "type") && path.len() == 1 && self.is_tag(path) {
                schema = json!({"const": value});
            }
            if self.may_be_null(path) {
                schema = nullable(schema);
            }
            if !self.may_lack(path) {
                required.push(name.clone());
            }
            properties.insert(name.clone(), schema);
            path.pop();
        }
        json!({"type": "object", "properties": properties, "required": required})
    }

    /// What tells rows and frames apart: with another word it would be of another kind.
    fn is_tag(&self, path: &[Step]) -> bool {
        let other = self.with(path, Some(json!("~")));
        other.is_ok_and(|other| find(&other, path).is_none_or(|tag| tag != "~"))
    }

    fn list(&self, path: &mut Vec<Step>, elements: &[Value]) -> Value {
        if self.with(path, Some(json!([]))).is_err() {
            let mut places = Vec::new();
            for (at, one) in elements.iter().enumerate() {
                places.push(self.place(path, at, one));
            }
            return json!({"type": "array", "prefixItems": places, "items": false,
                "minItems": places.len(), "maxItems": places.len()});
        }
        let mut kinds: Vec<Value> = Vec::new();
        for (at, one) in elements.iter().enumerate() {
            let kind = match (self.named)(one) {
                // A list of rows may hold rows of any kind.
                Some(name) if name.starts_with("Row.") => reference("Row"),
                _ => self.place(path, at, one),
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let items = match kinds.len() {
            0 => json!({}),
            1 => kinds.remove(0),
            _ => json!({"oneOf": kinds}),
        };
        json!({"type": "array", "items": items})
    }

    fn place(&self, path: &mut Vec<Step>, at: usize, value: &Value) -> Value {
        path.push(Step::Place(at));
        let schema = self.at(path, value);
        path.pop();
        schema
    }

    fn text(&self, path: &[Step]) -> Value {
        match self.with(path, Some(json!("~"))) {
            Err(why) if why.contains("UUIDv7") => reference("Key"),
            Err(why) => match words(&why) {
                Some(words) => json!({"type": "string", "enum": words}),
                None => json!({"type": "string"}),
            },
            Ok(_) => json!({"type": "string"}),
        }
    }

    fn number(&self, path: &[Step]) -> Value {
        let mut schema = json!({"type": "integer"});
        if self.with(path, Some(json!(-1))).is_err() {
            schema["minimum"] = json!(0);
        }
        if self.with(path, Some(json!(NUMBER_MAX + 1))).is_err() {
            schema["maximum"] = json!(NUMBER_MAX);
        }
        schema
    }

    fn may_be_null(&self, path: &[Step]) -> bool {
        match (self.with(path, Some(Value::Null)), self.way) {
            (Ok(said), Way::Said) => find(&said, path).is_some_and(Value::is_null),
            (read, _) => read.is_ok(),
        }
    }

    fn may_lack(&self, path: &[Step]) -> bool {
        match (self.with(path, None), self.way) {
            (Ok(said), Way::Said) => find(&said, path).is_none(),
            (read, _) => read.is_ok(),
        }
    }

    /// The example with one thing replaced or taken away, as it is read and said again.
    fn with(&self, path: &[Step], new: Option<Value>) -> Result<Value, String> {
        let mut whole = self.whole.clone();
        let Some((last, before)) = path.split_last() else {
            return (self.read)(&new.unwrap_or_default());
        };
        let mut at = &mut whole;
        for step in before {
            at = match step {
                Step::Field(name) => &mut at[name.as_str()],
                Step::Place(place) => &mut at[*place],
            };
        }
        match (last, new) {
            (Step::Field(name), Some(new)) => at[name.as_str()] = new,
            (Step::Field(name), None) => {
                at.as_object_mut().map(|fields| fields.remove(name));
            }
            (Step::Place(place), new) => at[*place] = new.unwrap_or_default(),
        }
        (self.read)(&whole)
    }
}

fn find<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |at, step| match step {
        Step::Field(name) => at.get(name),
        Step::Place(place) => at.get(place),
    })
}

/// The words an error of serde says were expected.
fn words(error: &str) -> Option<Vec<&str>> {
    let (_, expected) = error.split_once("unknown variant `~`, expected ")?;
    Some(expected.split('`').skip(1).step_by(2).collect())
}

/// A named shape.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn nullable(mut schema: Value) -> Value {
    match schema["type"].take() {
        Value::String(kind) => {
            schema["type"] = json!([kind, "null"]);
            if let Some(Value::Array(words)) = schema.get_mut("enum") {
                words.push(Value::Null);
            }
            schema
        }
        _ => {
            schema.as_object_mut().map(|fields| fields.remove("type"));
            json!({"anyOf": [schema, {"type": "null"}]})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::rest::NewRoom;
    use hallway_protocol::rows::Row;

    #[test]
    fn the_code_says_what_it_takes() {
        let example = json!({"key": "01890a5d-ac96-774b-bcce-b302099a8057", "kind": "group",
            "name": "kitchen", "topic": "tea", "visibility": "private", "members": [3]});
        let (_, schema) = probe::<NewRoom>(&example, Way::Asked, &|_| None);
        assert_eq!(schema["required"], json!(["kind", "name"]));
        let of = |field: &str| schema["properties"][field].clone();
        assert_eq!(of("kind"), json!({"type": "string", "enum": ["group", "channel"]}));
        assert_eq!(of("visibility")["enum"], json!(["public", "private", null]));
        assert_eq!(of("key"), json!({"anyOf": [reference("Key"), {"type": "null"}]}));
        let id = json!({"type": "integer", "minimum": 0, "maximum": NUMBER_MAX});
        assert_eq!(of("members"), json!({"type": "array", "items": id}));
        assert_eq!(of("ephemeral"), json!({"type": "boolean"}));
    }

    #[test]
    fn a_row_leaves_out_what_is_blank_and_says_what_it_is() {
        let example = json!({"t": "member", "room": 7, "user": 3, "role": "admin",
            "joined_seq": 1, "left_seq": 9, "rev": 9});
        let (_, schema) = probe::<Row>(&example, Way::Said, &|_| None);
        assert_eq!(schema["required"], json!(["rev", "role", "room", "t", "user"]));
        assert_eq!(schema["properties"]["t"], json!({"const": "member"}));
        assert_eq!(schema["properties"]["left_seq"]["type"], "integer");
    }
}
