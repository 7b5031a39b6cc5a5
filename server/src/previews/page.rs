//! What a page says of itself, read by a tokenizer of HTML and nothing more: no tree, no script.

use crate::store::previews::Said;
use hallway_protocol::text::composed;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult,
    Tokenizer, TokenizerOpts,
};
use std::cell::RefCell;

/// Longest title, characters.
const TITLE: usize = 200;
/// Longest description, characters.
const DESCRIPTION: usize = 500;

/// What the head of a page holds.
#[derive(Debug, Default)]
struct Head {
    /// What `og:` says, before all else.
    graph: Said,
    plain: Said,
    /// Where its pictures are, the best first: of `og:`, of `twitter:`, of a link.
    pictures: [Option<String>; 3],
    in_title: bool,
    /// The body began: what follows is not of the page.
    over: bool,
}

/// Takes the tokens of a page.
#[derive(Debug, Default)]
struct Reader(RefCell<Head>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut head = self.0.borrow_mut();
        match token {
            TagToken(tag) => return head.tag(&tag),
            CharacterTokens(text) if head.in_title => {
                head.plain.title.get_or_insert_default().push_str(&text);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Head {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let start = tag.kind == StartTag;
        match &*tag.name {
            "title" => {
                // A page may hold pictures with titles of their own: the first is the page's.
                self.in_title = start && !self.over && self.plain.title.is_none();
                if start {
                    return TokenSinkResult::RawData(RawKind::Rcdata);
                }
            }
            "meta" if start && !self.over => self.meta(tag),
            "link" if start && !self.over => self.link(tag),
            "body" => self.over = true,
            "script" if start => return TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "noscript" | "iframe" | "noembed" | "noframes" | "xmp" if start => {
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            "textarea" if start => return TokenSinkResult::RawData(RawKind::Rcdata),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn meta(&mut self, tag: &Tag) {
        let name = attribute(tag, "property").or_else(|| attribute(tag, "name"));
        let Some(content) = attribute(tag, "content").filter(|content| !content.trim().is_empty())
        else {
            return;
        };
        let [graph, twitter, _] = &mut self.pictures;
        let place = match name.unwrap_or_default().to_ascii_lowercase().as_str() {
            "og:title" => &mut self.graph.title,
            "og:description" => &mut self.graph.description,
            "description" => &mut self.plain.description,
            "og:image" | "og:image:url" | "og:image:secure_url" => graph,
            "twitter:image" | "twitter:image:src" => twitter,
            _ => return,
        };
        place.get_or_insert(content);
    }

    fn link(&mut self, tag: &Tag) {
        let of = attribute(tag, "rel").unwrap_or_default().to_ascii_lowercase();
        if of == "image_src"
            && let Some(place) = attribute(tag, "href").filter(|place| !place.trim().is_empty())
        {
            self.pictures[2].get_or_insert(place);
        }
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| attribute.value.to_string())
}

/// What a body of this media type says of itself, and where it says its picture is.
pub fn said(kind: &str, body: &[u8]) -> (Said, Option<String>) {
    let mut words = kind.split(';').map(|word| word.trim().to_ascii_lowercase());
    let media = words.next().unwrap_or_default();
    if !matches!(media.as_str(), "text/html" | "application/xhtml+xml") {
        return (Said::default(), None);
    }
    let charset = words.find_map(|word| word.strip_prefix("charset=").map(str::to_owned));
    let text = match charset.as_deref().map(|name| name.trim_matches('"')) {
        Some("iso-8859-1" | "latin1") => body.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let Head { graph, plain, pictures, .. } = tokenizer.sink.0.into_inner();
    let picture = pictures.into_iter().flatten().next().map(|place| place.trim().to_owned());
    let said = Said {
        title: graph.title.or(plain.title).and_then(|title| line(&title, TITLE)),
        description: graph
            .description
            .or(plain.description)
            .and_then(|description| line(&description, DESCRIPTION)),
        image: None,
    };
    (said, picture)
}

/// One line of text as it may be shown: no control, no turning of the writing.
fn line(text: &str, most: usize) -> Option<String> {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let plain: String =
        words.chars().filter(|c| !hallway_protocol::text::is_bidi_control(*c)).collect();
    let plain = composed(&plain);
    let short: String = match plain.char_indices().nth(most) {
        None => plain,
        Some(_) => plain.chars().take(most - 1).chain(['…']).collect(),
    };
    Some(short).filter(|short| !short.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, Option<String>) {
        let (said, _) = said("text/html; charset=utf-8", body.as_bytes());
        (said.title, said.description)
    }

    #[test]
    fn a_page_is_read_as_far_as_its_head() {
        let some = |text: &str| Some(text.to_owned());
        for (body, title, description) in [
            ("<title>Tea</title>", some("Tea"), None),
            ("<title>Tea &amp; more\n  of it</title>", some("Tea & more of it"), None),
            ("<TITLE>a</TITLE><body><title>b</title>", some("a"), None),
            ("<title>plain</title><meta property=og:title content='Graph'>", some("Graph"), None),
            ("<meta name=description content='about tea'>", None, some("about tea")),
            ("<script>'<title>no</title>'</script><title>yes</title>", some("yes"), None),
            ("<style><title>no</title></style><title>yes</title>", some("yes"), None),
            ("<body><meta property='og:title' content='no'>", None, None),
            ("<title>\u{202e}evil</title>", some("evil"), None),
            ("<title>   </title>", None, None),
            ("<title>cut", some("cut"), None),
            ("", None, None),
        ] {
            assert_eq!(read(body), (title, description), "{body}");
        }
        let (long, _) = read(&format!("<title>{}</title>", "x".repeat(10_000)));
        assert_eq!(long.map(|long| long.chars().count()), Some(TITLE));
        assert_eq!(said("image/png", b"<title>x</title>"), (Said::default(), None));
        assert_eq!(said("text/html;charset=latin1", b"<title>\xe9</title>").0.title, some("é"));
    }

    #[test]
    fn a_picture_is_found_where_pages_say_it() {
        let graph = "<meta property=og:image content=' /g.png '>";
        let twitter = "<meta name=twitter:image content=https://t.example/t.png>";
        let link = "<link rel=image_src href=l.png>";
        for (body, picture) in [
            (format!("{link}{twitter}{graph}"), Some("/g.png")),
            (format!("{link}{twitter}"), Some("https://t.example/t.png")),
            (link.to_owned(), Some("l.png")),
            (format!("<meta property=og:image content=''>{link}"), Some("l.png")),
            (format!("{graph}<meta property=og:image content=/second.png>"), Some("/g.png")),
            (format!("<body>{graph}"), None),
            ("<img src=x.png>".to_owned(), None),
        ] {
            assert_eq!(said("text/html", body.as_bytes()).1.as_deref(), picture, "{body}");
        }
    }

    #[test]
    fn anything_at_all_is_read_to_its_end() {
        for body in ["<", "<!", "<!--", "<![CDATA[", "&", "&#", "<a b='", "</", "\0<\u{fffd}>"] {
            read(&body.repeat(2_000));
        }
        read(&"<a>".repeat(100_000));
    }
}
