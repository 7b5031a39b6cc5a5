//! What a text becomes: text in, tree out.

use super::{Kind, Piece, tree};

/// The tree as one line, short enough to be read in a table.
fn short(pieces: &[Piece]) -> String {
    pieces.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    let around = |what: &str, inside: &[Piece]| format!("<{what} {}>", short(inside));
    match piece {
        Piece::Text { text } => text.clone(),
        Piece::Name { text } => format!("<name {text}>"),
        Piece::Break => "↵".into(),
        Piece::Code { text } => format!("<code {text}>"),
        Piece::Link { url, inside } => format!("<link {url} {}>", short(inside)),
        Piece::Strong { inside } => around("strong", inside),
        Piece::Em { inside } => around("em", inside),
        Piece::Strike { inside } => around("strike", inside),
        Piece::Spoiler { inside } => around("spoiler", inside),
        Piece::Para { inside } => around("p", inside),
        Piece::Heading { level, inside } => format!("<h{level} {}>", short(inside)),
        Piece::Quote { inside } => around("quote", inside),
        Piece::List { start, items } => {
            let items: Vec<String> = items.iter().map(|item| short(item)).collect();
            format!("<list {start:?} {}>", items.join(" | "))
        }
        Piece::Pre { lang, code } => {
            let code: String = code.iter().map(|token| token.text.as_str()).collect();
            format!("<pre {lang} {code}>")
        }
        Piece::Rule => "<rule>".into(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(short(&tree(text)), *expected, "{text:?}");
    }
}

#[test]
fn what_people_write_in_passing() {
    check(&[
        ("", ""),
        ("tea?", "<p tea?>"),
        ("one\ntwo", "<p one↵two>"),
        ("one\n\ntwo", "<p one><p two>"),
        ("**now** *or* ~~never~~", "<p <strong now> <em or> <strike never>>"),
        ("takes `1.7 l`", "<p takes <code 1.7 l>>"),
        ("- tea\n- cake", "<list None tea | cake>"),
        ("3. tea\n4. cake", "<list Some(3) tea | cake>"),
        ("## Soup", "<h2 Soup>"),
        ("```rust\nlet a = 1;\n```", "<pre rust let a = 1;>"),
        ("a\n\n---\n\nb", "<p a><rule><p b>"),
        ("snake_case_name and 2 ** 3 ** 4", "<p snake_case_name and 2 ** 3 ** 4>"),
        ("# one\n#two", "<h1 one><p #two>"),
    ]);
}

#[test]
fn what_is_hidden_is_hidden_whatever_it_holds() {
    check(&[
        ("||it was Bob||", "<p <spoiler it was Bob>>"),
        ("a ||b **c** `d`|| e", "<p a <spoiler b <strong c> <code d>> e>"),
        ("||a|| and ||b||", "<p <spoiler a> and <spoiler b>>"),
        ("a || b", "<p a || b>"),
        ("||a|| || b", "<p <spoiler a> || b>"),
        ("||||", "<p ||||>"),
        ("||https://a.example/x||", "<p <spoiler <link https://a.example/x https://a.example/x>>>"),
        ("- ||a||", "<list None <spoiler a>>"),
    ]);
}

#[test]
fn addresses_and_names_end_before_the_sentence_does() {
    check(&[
        ("see https://a.example/x.", "<p see <link https://a.example/x https://a.example/x>.>"),
        (
            "(https://a.example/x_(y))",
            "<p (<link https://a.example/x_(y) https://a.example/x_(y)>)>",
        ),
        ("https://a.example/a_b_c", "<p <link https://a.example/a_b_c https://a.example/a_b_c>>"),
        ("ask @ada.", "<p ask <name @ada>.>"),
        ("@ada.l too, not me@home.example", "<p <name @ada.l> too, not me@home.example>"),
        ("**@ada**", "<p <strong <name @ada>>>"),
        ("mail mailto:ada@a.example", "<p mail <link mailto:ada@a.example mailto:ada@a.example>>"),
        (
            "hallway://a.example/room/7/8",
            "<p <link hallway://a.example/room/7/8 hallway://a.example/room/7/8>>",
        ),
        ("[tea](https://a.example)", "<p <link https://a.example/ tea>>"),
        ("https:// and @ and xhttps://a.example", "<p https:// and @ and xhttps://a.example>"),
        ("`@ada https://a.example`", "<p <code @ada https://a.example>>"),
    ]);
}

/// Where CommonMark would swallow or change what somebody wrote, it stands as it was written.
#[test]
fn nothing_of_a_text_is_lost() {
    check(&[
        ("<b onclick=x>Lin</b>", "<p <b onclick=x>Lin</b>>"),
        ("<script>hit()</script>", "<p <script>hit()</script>>"),
        ("&lt;i&gt; &amp; &copy;", "<p &lt;i&gt; &amp; &copy;>"),
        ("[x]: https://a.example", "<p [x]: <link https://a.example/ https://a.example>>"),
        ("> [x]: y", "<quote <p [x]: y>>"),
        ("[x](javascript:alert(1))", "<p [x](javascript:alert(1))>"),
        (
            "![cat](https://a.example/c)",
            "<p ![cat](<link https://a.example/c https://a.example/c>)>",
        ),
        ("[x](file:///etc/passwd)", "<p [x](file:///etc/passwd)>"),
        ("yes\n---", "<p yes↵--->"),
        ("> Lin said\nno", "<quote <p Lin said>><p no>"),
        ("```\n[x]: y\n> a\nb\n```", "<pre  [x]: y\n> a\nb>"),
        ("| a | b |", "<p | a | b |>"),
    ]);
}

/// The words of a text, whatever stands around them, are all in its tree: for texts that begin
/// everything and end nothing.
#[test]
fn half_begun_things_keep_their_words() {
    let signs = [
        "`", "```\n", "**", "_", "~~", "||", "> ", "- ", "1. ", "[", "](", "<", "&", "@", "#",
        "\\", "|", "\n", "    ",
    ];
    for a in signs {
        for b in signs {
            for c in signs {
                let text = format!("{a}one{b}two{c}three");
                let drawn = short(&tree(&text));
                let words = ["one", "two", "three"].iter().all(|word| drawn.contains(word));
                // Behind three back quotes a word names the language; it is told with the block.
                assert!(words, "{text:?}: {drawn:?}");
            }
        }
    }
}

#[test]
fn who_nests_without_end_is_drawn_flat() {
    let text = format!("{}deep", "> ".repeat(2_000));
    let drawn = short(&tree(&text));
    assert!(drawn.contains("deep"));
    assert!(drawn.matches("<quote").count() < 20, "{drawn}");
    let text = format!("{}deep", "- ".repeat(1_000));
    assert!(short(&tree(&text)).contains("deep"));
    let started = std::time::Instant::now();
    tree(&"`@*[||".repeat(10_000));
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn code_is_told_by_its_parts() {
    let parts = |lang: &str, text: &str| {
        let Some(Piece::Pre { code, .. }) = tree(&format!("```{lang}\n{text}\n```")).pop() else {
            panic!("a block of code")
        };
        assert_eq!(code.iter().map(|token| token.text.as_str()).collect::<String>(), text);
        let told = code.into_iter().filter_map(|token| Some((token.kind?, token.text)));
        told.collect::<Vec<_>>()
    };
    let told = |kind, text: &str| (kind, text.to_owned());
    assert_eq!(
        parts("rust", "let tea = \"a \\\" b\"; // 3"),
        [
            told(Kind::Keyword, "let"),
            told(Kind::String, "\"a \\\" b\""),
            told(Kind::Comment, "// 3"),
        ]
    );
    assert_eq!(
        parts("sql", "SELECT 1.5"),
        [told(Kind::Keyword, "SELECT"), told(Kind::Number, "1.5")]
    );
    assert_eq!(parts("python", "'''a\nb'''"), [told(Kind::String, "'''a\nb'''")]);
    assert_eq!(parts("diff", "+a\n-b"), [told(Kind::Added, "+a\n"), told(Kind::Removed, "-b")]);
    assert_eq!(parts("js", "'open\n1"), [told(Kind::String, "'open"), told(Kind::Number, "1")]);
    assert_eq!(parts("", "let x"), []);
    assert_eq!(parts("nobody-knows", "let x"), []);
}
