//! What stands in plain words: addresses, names, hidden parts.

use super::Piece;

/// The longest name, in characters.
const NAME: usize = 50;
/// What a sentence puts behind an address.
const ENDS: &[char] = &[
    '.', ',', ';', ':', '!', '?', '…', ')', ']', '}', '»', '”', '’', '"', '\'', '*', '_', '~', '|',
];

/// The pieces of plain words. `before` is the sign in front of them.
pub(super) fn pieces(text: &str, before: Option<char>) -> Vec<Piece> {
    let (mut out, mut plain, mut at, mut last) = (Vec::new(), 0, 0, before);
    while at < text.len() {
        let rest = &text[at..];
        let found = match rest.as_bytes()[0] {
            b'@' => name(rest, last),
            b'h' | b'H' | b'm' | b'M' if !last.is_some_and(char::is_alphanumeric) => link(rest),
            _ => None,
        };
        let step = match found {
            Some((piece, length)) => {
                push_text(&mut out, &text[plain..at]);
                out.push(piece);
                plain = at + length;
                length
            }
            None => rest.chars().next().map_or(1, char::len_utf8),
        };
        last = text[at..at + step].chars().next_back();
        at += step;
    }
    push_text(&mut out, &text[plain..]);
    out
}

fn push_text(out: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        out.push(Piece::Text { text: text.to_owned() });
    }
}

/// `@name` at the beginning of a word; a sentence's full stop after it is not part of it.
fn name(rest: &str, last: Option<char>) -> Option<(Piece, usize)> {
    if last.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let belongs = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let length: usize = rest[1..].chars().take_while(belongs).take(NAME).map(char::len_utf8).sum();
    let text = rest[..1 + length].trim_end_matches(['.', '-']);
    (text.len() > 1).then(|| (Piece::Name { text: text.to_owned() }, text.len()))
}

/// An address; it ends before the sentence's own marks, and before a bracket it did not open.
fn link(rest: &str) -> Option<(Piece, usize)> {
    let head = ["https://", "http://", "mailto:", "hallway://"];
    let is_head =
        |head: &&str| rest.get(..head.len()).is_some_and(|s| s.eq_ignore_ascii_case(head));
    head.iter().find(|head| is_head(head))?;
    let stops = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`');
    let mut text = &rest[..rest.find(stops).unwrap_or(rest.len())];
    // What is hidden or stands out ends with its own signs.
    text = &text[..text.find("||").or(text.find("**")).unwrap_or(text.len())];
    while let Some(shorter) = text.strip_suffix(ENDS) {
        if text.ends_with(')') && count(text, '(') >= count(text, ')') {
            break;
        }
        text = shorter;
    }
    let url = address(text)?;
    let inside = vec![Piece::Text { text: text.to_owned() }];
    Some((Piece::Link { url, inside }, text.len()))
}

fn count(text: &str, sign: char) -> usize {
    text.matches(sign).count()
}

/// The address a text names, in its one form, if it is one that may be opened.
pub(super) fn address(text: &str) -> Option<String> {
    let url = url::Url::parse(text.trim()).ok()?;
    let fine = match url.scheme() {
        "http" | "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        "mailto" => !url.path().is_empty(),
        // A place of ours: the window opens it itself.
        "hallway" => url.host_str().is_some_and(|host| !host.is_empty()),
        _ => false,
    };
    fine.then(|| url.into())
}

/// `||hidden||`: pairs of bars among neighbours, whatever stands between them.
pub(super) fn hidden(inside: Vec<Piece>) -> Vec<Piece> {
    let bars: usize = inside.iter().map(bars_of).sum();
    if bars < 2 {
        return inside;
    }
    let (mut out, mut open): (Vec<Piece>, Option<Vec<Piece>>) = (Vec::new(), None);
    let mut left = bars;
    for piece in inside {
        let Piece::Text { text } = piece else {
            open.as_mut().unwrap_or(&mut out).push(piece);
            continue;
        };
        for (number, part) in text.split("||").enumerate() {
            if number > 0 {
                left -= 1;
                match open.take() {
                    Some(inside) if !inside.is_empty() => out.push(Piece::Spoiler { inside }),
                    // Nothing is hidden by four bars in a row.
                    Some(_) => push_text(&mut out, "||||"),
                    None if left > 0 => open = Some(Vec::new()),
                    None => push_text(&mut out, "||"),
                }
            }
            push_text(open.as_mut().unwrap_or(&mut out), part);
        }
    }
    out
}

fn bars_of(piece: &Piece) -> usize {
    if let Piece::Text { text } = piece { text.matches("||").count() } else { 0 }
}
