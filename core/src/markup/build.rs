//! From the events of CommonMark to the tree.

use super::{DEPTH, Piece, code, words};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// A piece whose end was not seen yet.
struct Open {
    what: What,
    inside: Vec<Piece>,
    items: Vec<Vec<Piece>>,
    /// Words that belong together: CommonMark hands them over in parts.
    plain: String,
}

enum What {
    Root,
    Para,
    Heading(u8),
    Quote,
    List(Option<u64>),
    Item,
    Pre(String),
    Strong,
    Em,
    Strike,
    /// Where it leads, if that may be opened; and how it was written.
    Link(Option<String>, String),
    /// Nothing of its own.
    Bare,
}

impl Open {
    fn new(what: What) -> Self {
        Open { what, inside: Vec::new(), items: Vec::new(), plain: String::new() }
    }

    /// Turns the words gathered so far into pieces.
    fn settle(&mut self) {
        if self.plain.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.plain);
        match self.what {
            What::Pre(_) | What::Link(Some(_), _) => self.inside.push(Piece::Text { text }),
            _ => self.inside.extend(words::pieces(&text, None)),
        }
    }

    fn push(&mut self, piece: Piece) {
        self.settle();
        self.inside.push(piece);
    }
}

pub(super) fn tree(text: &str) -> Vec<Piece> {
    let source = guarded(text);
    let mut stack = vec![Open::new(What::Root)];
    for (event, range) in Parser::new_ext(&source, Options::ENABLE_STRIKETHROUGH).into_offset_iter()
    {
        take(&mut stack, event, &source, range);
    }
    while stack.len() > 1 {
        close(&mut stack);
    }
    let mut root = stack.pop().expect("the root is never closed");
    root.settle();
    root.inside
}

/// The text as CommonMark takes it the way people mean it: a definition of a link (`[x]: y`) is words,
/// not something to be hidden; dashes below a line do not make it a heading; what follows a quote is
/// no part of it.
fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut fence, mut before): (Option<&str>, &str) = (None, "");
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark));
        let was = fence;
        match (fence, mark) {
            (None, Some(mark)) if !closes_itself(bare, mark) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if was.is_none() {
            let inner = line.trim_start().trim_start_matches(['>', ' ']);
            let rule = !bare.is_empty() && [b'-', b'='].iter().any(|b| all(bare, *b));
            if before.starts_with('>') && !bare.is_empty() && !bare.starts_with('>') {
                out.push('\n');
            }
            if inner.starts_with('[') && inner.contains("]:") {
                out.push_str(&line[..line.len() - inner.len()]);
                out.push('\\');
                out.push_str(inner);
            } else {
                if rule && !before.is_empty() && !before.starts_with('>') {
                    out.push('\\');
                }
                out.push_str(line);
            }
        } else {
            out.push_str(line);
        }
        before = bare;
    }
    out
}

/// ```` ```x``` ```` is code within a line, and opens nothing.
fn closes_itself(line: &str, mark: &str) -> bool {
    mark == "```" && line[mark.len()..].contains('`')
}

fn all(line: &str, byte: u8) -> bool {
    line.bytes().all(|b| b == byte)
}

fn top(stack: &mut [Open]) -> &mut Open {
    stack.last_mut().expect("the root is never closed")
}

fn take(stack: &mut Vec<Open>, event: Event<'_>, source: &str, range: Range<usize>) {
    match event {
        Event::Start(tag) => {
            let deep = stack.len() > DEPTH;
            let what = if deep { What::Bare } else { opened(tag, source, &range) };
            top(stack).settle();
            stack.push(Open::new(what));
        }
        Event::End(TagEnd::Item) => {
            let mut item = stack.pop().expect("what ends was begun");
            item.settle();
            let (list, inside) = (top(stack), words::hidden(item.inside));
            if matches!(list.what, What::List(_)) {
                list.items.push(inside);
            } else {
                list.inside.extend(inside);
            }
        }
        Event::End(_) => close(stack),
        Event::Text(said) => {
            // An entity is shown as it was written.
            let raw = &source[range];
            let entity = raw.starts_with('&') && raw.ends_with(';') && raw != &*said;
            top(stack).plain.push_str(if entity { raw } else { &said });
        }
        Event::Code(said) => top(stack).push(Piece::Code { text: said.into_string() }),
        Event::SoftBreak | Event::HardBreak => top(stack).push(Piece::Break),
        Event::Rule => top(stack).push(Piece::Rule),
        Event::Html(said) | Event::InlineHtml(said) => top(stack).plain.push_str(&said),
        Event::InlineMath(said) | Event::DisplayMath(said) | Event::FootnoteReference(said) => {
            top(stack).plain.push_str(&said);
        }
        Event::TaskListMarker(_) => {}
    }
}

fn opened(tag: Tag<'_>, source: &str, range: &Range<usize>) -> What {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => What::Para,
        Tag::Heading { level, .. } => What::Heading(level as u8),
        Tag::BlockQuote(_) => What::Quote,
        Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
            What::Pre(info.split_whitespace().next().unwrap_or_default().to_lowercase())
        }
        Tag::CodeBlock(CodeBlockKind::Indented) => What::Pre(String::new()),
        Tag::List(start) => What::List(start),
        Tag::Item => What::Item,
        Tag::Emphasis => What::Em,
        Tag::Strong => What::Strong,
        Tag::Strikethrough => What::Strike,
        Tag::Link { dest_url, .. } => {
            What::Link(words::address(&dest_url), source[range.clone()].to_owned())
        }
        // A picture of somewhere else is not fetched: it is what was written.
        Tag::Image { .. } => What::Link(None, source[range.clone()].to_owned()),
        _ => What::Bare,
    }
}

fn close(stack: &mut Vec<Open>) {
    let mut done = stack.pop().expect("what ends was begun");
    done.settle();
    let inside = match done.what {
        What::Pre(_) => done.inside,
        _ => words::hidden(done.inside),
    };
    let parent = top(stack);
    parent.push(match done.what {
        What::Para => Piece::Para { inside: trimmed(inside) },
        What::Heading(level) => Piece::Heading { level, inside },
        What::Quote => Piece::Quote { inside },
        What::List(start) => Piece::List { start, items: done.items },
        What::Pre(lang) => {
            let text: String = inside.into_iter().map(text_of).collect();
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Piece::Pre { code: code::tokens(&lang, text), lang }
        }
        What::Strong => Piece::Strong { inside },
        What::Em => Piece::Em { inside },
        What::Strike => Piece::Strike { inside },
        What::Link(Some(url), _) => Piece::Link { url, inside },
        What::Link(None, written) => {
            parent.plain.push_str(&written);
            return;
        }
        What::Root | What::Item | What::Bare => {
            parent.settle();
            parent.inside.extend(inside);
            return;
        }
    });
}

/// What HTML blocks end with is no line of its own.
fn trimmed(mut inside: Vec<Piece>) -> Vec<Piece> {
    if let Some(Piece::Text { text }) = inside.last_mut() {
        text.truncate(text.trim_end_matches('\n').len());
    }
    inside
}

fn text_of(piece: Piece) -> String {
    if let Piece::Text { text } = piece { text } else { String::new() }
}
