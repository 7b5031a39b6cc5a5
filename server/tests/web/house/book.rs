//! Every answer any test gets is held against the published description: its status is one that
//! stands there, and its body has the shape that stands there, nothing more and nothing less.

use super::Answer;
use hallway_server::openapi::document;
use serde_json::Value;

/// Holds an answer against the description of the call, where there is such a call.
#[track_caller]
pub fn hold(method: &str, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    // What is no HTTP is refused before it is anybody's call.
    if answer.status == 400 && !answer.headers.contains_key("x-request-id") {
        return;
    }
    let id = &operation["operationId"];
    let Some(said) = operation["responses"].get(answer.status.to_string()) else {
        panic!("{id} is not said to answer with {}: {answer:?}", answer.status);
    };
    let kind =
        answer.headers.get("content-type").map(|kind| kind.split(';').next().unwrap_or(kind));
    match (kind, said.get("content")) {
        (None, None) => {}
        // The bytes of a file are of whatever kind it is.
        (Some(_), Some(content)) if content.get("*/*").is_some() => {}
        (Some(kind), Some(content)) if content.get(kind).is_some() => {
            let wrong = wrong(&content[kind]["schema"], &answer.body, "body");
            assert!(wrong.is_none(), "{id} {}: {wrong:?} in {}", answer.status, answer.body);
        }
        _ => panic!("{id} is not said to answer {} with {kind:?}", answer.status),
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next()?.strip_prefix("/api/v1")?;
    let paths = document()["paths"].as_object()?;
    let parts: Vec<_> = path.split('/').collect();
    let fits = |template: &&String| {
        let names: Vec<_> = template.split('/').collect();
        names.len() == parts.len()
            && names.iter().zip(&parts).all(|(name, part)| name.starts_with('{') || name == part)
    };
    // A word is meant before a name is.
    let template =
        paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
    paths[template].get(method.to_lowercase())
}

/// What is wrong with a value, and where.
fn wrong(schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let shape = &document()["components"]["schemas"][name.rsplit('/').next()?];
        return wrong(shape, value, at);
    }
    if let Some(word) = schema.get("const") {
        return (value != word).then(|| format!("{at} is not {word}"));
    }
    if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
        let mapping = &schema["discriminator"]["mapping"];
        return match value[tag].as_str().and_then(|kind| mapping[kind].as_str()) {
            Some(name) => wrong(&serde_json::json!({"$ref": name}), value, at),
            None => Some(format!("{at} is of no known kind")),
        };
    }
    if let Some(either) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let wrongs: Vec<_> = either.iter().map(|one| wrong(one, value, at)).collect();
        return wrongs.iter().all(Option::is_some).then(|| format!("{wrongs:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Some(format!("{at} is not one of {}", schema["enum"]));
    }
    if schema.get("type").is_some() && !is_of(&schema["type"], value) {
        return Some(format!("{at} is no {}", schema["type"]));
    }
    match value {
        Value::Object(fields) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let missing =
                required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name));
            if let Some(name) = missing {
                return Some(format!("{at} lacks {name}"));
            }
            let known = schema["properties"].as_object()?;
            fields.iter().find_map(|(name, value)| match known.get(name) {
                Some(field) => wrong(field, value, &format!("{at}.{name}")),
                None => Some(format!("{at}.{name} is not said to be there")),
            })
        }
        Value::Array(elements) => elements.iter().enumerate().find_map(|(place, element)| {
            let schema = match schema["prefixItems"].get(place) {
                Some(schema) => schema,
                None => &schema["items"],
            };
            wrong(schema, element, &format!("{at}[{place}]"))
        }),
        Value::String(text) => {
            let length = text.chars().count() as u64;
            let long = schema["maxLength"].as_u64().is_some_and(|most| length > most);
            let short = schema["minLength"].as_u64().is_some_and(|least| length < least);
            (long || short).then(|| format!("{at} is too long or too short"))
        }
        Value::Number(number) => {
            let number = number.as_i64();
            let over = schema["maximum"].as_i64().is_some_and(|most| number > Some(most));
            let under = schema["minimum"].as_i64().is_some_and(|least| number < Some(least));
            (over || under).then(|| format!("{at} is out of range"))
        }
        Value::Bool(_) | Value::Null => None,
    }
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    kinds == kind || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
}
