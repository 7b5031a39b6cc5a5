//! The text of what tools for Slack send: their own, or that of their attachments and blocks, with
//! links and mentions as they are written here.

use hallway_protocol::rest::HookPayload;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// How deep blocks lie in blocks.
const DEPTH: usize = 8;

/// What it says, at most `most` characters; empty when it says nothing.
pub fn text(payload: &HookPayload, most: usize) -> String {
    let mut lines = Vec::new();
    lines.extend(payload.text.as_deref().map(plain));
    for block in &payload.blocks {
        add(&mut lines, block_text(block, DEPTH));
    }
    for attachment in &payload.attachments {
        add(&mut lines, attachment_text(attachment));
    }
    lines.retain(|line| !line.trim().is_empty());
    // Text in our form: NFC, and nothing that could not be stored.
    let text: String = lines.join("\n").chars().filter(|c| *c != '\0').nfc().collect();
    let text = text.trim();
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn add(lines: &mut Vec<String>, text: String) {
    // The text for old clients is often that of the blocks again.
    if !lines.contains(&text) {
        lines.push(text);
    }
}

fn attachment_text(value: &Value) -> String {
    let field = |name: &str| value[name].as_str().map(plain).unwrap_or_default();
    let title = match (value["title"].as_str(), value["title_link"].as_str()) {
        (Some(title), Some(link)) => format!("[{}]({link})", plain(title)),
        (Some(title), None) => plain(title),
        (None, _) => String::new(),
    };
    let mut lines = vec![field("pretext"), title, field("text")];
    for one in value["fields"].as_array().into_iter().flatten() {
        let text = |name: &str| one[name].as_str().map(plain).unwrap_or_default();
        lines.push(format!("{}: {}", text("title"), text("value")));
    }
    for block in value["blocks"].as_array().into_iter().flatten() {
        lines.push(block_text(block, DEPTH));
    }
    if lines.iter().all(String::is_empty) {
        lines.push(field("fallback"));
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The text of a block, whatever it is: its text, its fields, its elements.
fn block_text(block: &Value, depth: usize) -> String {
    if depth == 0 {
        return String::new();
    }
    let own = match (&block["text"], block["url"].as_str()) {
        (Value::String(text), Some(url)) => format!("[{text}]({url})"),
        (Value::String(text), None) => plain(text),
        (Value::Object(_), _) => block_text(&block["text"], depth - 1),
        (_, Some(url)) => url.to_owned(),
        _ => String::new(),
    };
    let inside = |name: &str, between: &str| {
        let parts = block[name].as_array().into_iter().flatten();
        let parts: Vec<_> = parts.map(|part| block_text(part, depth - 1)).collect();
        parts.join(between)
    };
    // The parts of a line stand beside each other, those of a text below each other.
    let line = matches!(block["type"].as_str(), Some("rich_text_section" | "context"));
    let mut parts =
        vec![own, inside("fields", "\n"), inside("elements", if line { "" } else { "\n" })];
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// `<https://a.example|here>` and `<!channel>` in our words; entities as what they stand for.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(&unescaped(before));
        match after.split_once('>') {
            None => {
                plain.push('<');
                rest = after;
            }
            Some((link, after)) => {
                plain.push_str(&linked(link));
                rest = after;
            }
        }
    }
    plain.push_str(&unescaped(rest));
    plain
}

fn linked(link: &str) -> String {
    let (to, label) = link.split_once('|').unwrap_or((link, ""));
    match (to, label) {
        ("!channel" | "!here" | "!everyone", _) => "@everyone".into(),
        (to, "") if to.starts_with("http") || to.starts_with("mailto:") => unescaped(to),
        (to, label) if to.starts_with("http") || to.starts_with("mailto:") => {
            format!("[{}]({})", unescaped(label), unescaped(to))
        }
        (_, "") => format!("<{link}>"),
        (_, label) => unescaped(label),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(payload: Value) -> String {
        text(&serde_json::from_value(payload).unwrap(), 100)
    }

    #[test]
    fn what_it_says_is_taken_from_wherever_it_stands() {
        for (payload, expected) in [
            (json!({"text": "tea?"}), "tea?"),
            (json!({"text": "a &lt; b &amp;&amp; c &gt; d"}), "a < b && c > d"),
            (json!({"text": "see <https://a.example/x|here>"}), "see [here](https://a.example/x)"),
            (json!({"text": "<https://a.example>, <!channel>!"}), "https://a.example, @everyone!"),
            (json!({"text": "1 < 2"}), "1 < 2"),
            (
                json!({"attachments": [{"fallback": "old", "title": "Build", "title_link": "https://a.example",
                "text": "red", "fields": [{"title": "by", "value": "Ada"}]}]}),
                "[Build](https://a.example)\nred\nby: Ada",
            ),
            (json!({"attachments": [{"fallback": "old"}]}), "old"),
            (
                json!({"text": "same", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "same"}}]}),
                "same",
            ),
            (
                json!({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "News"}},
                {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
                    {"type": "text", "text": "go "}, {"type": "link", "url": "https://a.example", "text": "there"}]}]}]}),
                "News\ngo [there](https://a.example)",
            ),
            (json!({}), ""),
            (json!({"text": "e\u{301}\0"}), "é"),
        ] {
            assert_eq!(said(payload.clone()), expected, "{payload}");
        }
        assert_eq!(said(json!({"text": "x".repeat(200)})).chars().count(), 100);
        let mut deep = json!({"text": "deep"});
        for _ in 0..100 {
            deep = json!({"type": "context", "elements": [deep]});
        }
        assert_eq!(said(json!({"blocks": [deep]})), "");
    }
}
