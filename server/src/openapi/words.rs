//! The words beside the shapes: the comments on the wire's own types, read from their source, so
//! that they are written once.

use std::collections::BTreeMap;

/// Where the wire's types are.
const SOURCES: &[&str] = &[
    include_str!("../../../protocol/src/rest.rs"),
    include_str!("../../../protocol/src/rest/accounts.rs"),
    include_str!("../../../protocol/src/rest/admin.rs"),
    include_str!("../../../protocol/src/rest/badge.rs"),
    include_str!("../../../protocol/src/rest/hooks.rs"),
    include_str!("../../../protocol/src/rest/later.rs"),
    include_str!("../../../protocol/src/rest/media.rs"),
    include_str!("../../../protocol/src/rest/moderation.rs"),
    include_str!("../../../protocol/src/rest/notices.rs"),
    include_str!("../../../protocol/src/rest/operators.rs"),
    include_str!("../../../protocol/src/rows.rs"),
    include_str!("../../../protocol/src/rows/people.rs"),
    include_str!("../../../protocol/src/rows/room.rs"),
    include_str!("../../../protocol/src/frames.rs"),
    include_str!("../../../protocol/src/frames/server.rs"),
    include_str!("../../../protocol/src/error.rs"),
    include_str!("../../../protocol/src/limits.rs"),
];

/// What is written of one type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    /// Above it.
    pub of: String,
    /// Above its fields, by the names they have on the wire.
    pub fields: BTreeMap<String, String>,
}

/// What is written of each struct of the wire.
pub fn words() -> BTreeMap<String, Words> {
    let mut all = BTreeMap::new();
    for source in SOURCES {
        let (mut said, mut renamed, mut inside) = (Vec::new(), None, None);
        for line in source.lines() {
            let line = line.trim();
            if let Some(text) = line.strip_prefix("/// ") {
                said.push(text.trim());
            } else if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
                renamed = name.split('"').next();
            } else if let Some(name) = line.strip_prefix("pub struct ") {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric()).collect();
                let of = std::mem::take(&mut said).join(" ");
                all.insert(name.clone(), Words { of, ..Words::default() });
                inside = Some(name).filter(|_| line.ends_with('{'));
            } else if line == "}" {
                (said, inside) = (Vec::new(), None);
            } else if let (Some((name, _)), Some(inside)) =
                (line.strip_prefix("pub ").and_then(|line| line.split_once(": ")), &inside)
            {
                let name = renamed.take().unwrap_or(name).to_owned();
                let said = std::mem::take(&mut said).join(" ");
                all.entry(inside.clone()).or_default().fields.insert(name, said);
            } else if !line.starts_with("#[") {
                said.clear();
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_what_is_written_above_it() {
        let all = words();
        assert_eq!(all["NewRoom"].of, "`POST /rooms`.");
        assert_eq!(all["NewRoom"].fields["topic"], "At most 250 characters.");
        assert_eq!(all["File"].fields["type"], "Media type, by content.");
        assert!(all.values().flat_map(|words| words.fields.values()).all(|said| !said.is_empty()));
    }
}
