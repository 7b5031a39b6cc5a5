//! What is typed into a search, and what it finds.

use hallway_protocol::search::{
    LENGTH_MAX, Mark, Named, Query, Trait, WORDS_MAX, Who, Without, has_link,
};
use hallway_protocol::words::{Term, words};
use proptest::prelude::*;

fn parse(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|wrong| panic!("{text:?}: {wrong}"))
}

/// What of a text a search marks; none when it does not find it.
fn marked(text: &str, asked: &str) -> Option<Vec<String>> {
    let chars: Vec<char> = text.chars().collect();
    let found = parse(asked).find(text)?;
    Some(found.ranges.iter().map(|(a, b)| chars[*a..*b].iter().collect()).collect())
}

fn finds(text: &str, asked: &str) -> bool {
    marked(text, asked).is_some()
}

fn term(text: &str, prefix: bool, part: bool) -> Term {
    Term { text: text.into(), prefix, part }
}

#[test]
fn words_beginnings_and_parts() {
    assert_eq!(parse("Tea to").terms, [term("tea", false, false), term("to", true, false)]);
    assert_eq!(parse("green tea").terms[1], term("tea", true, true));
    assert_eq!(parse("tea ").terms, [term("tea", false, false)], "a space ends it");
    assert_eq!(parse("te* milk").terms[0], term("te", true, false));
    assert_eq!(parse("*kuchen milk").terms[0], term("kuchen", true, true));
    assert_eq!(parse("*ab milk").terms[0], term("ab", true, false));
    assert!(finds("Apfelkuchen", "kuchen") && finds("Apfelkuchen, Tee", "*kuchen Tee"));
    assert!(!finds("Apfelkuchen, Tee", "kuchen Tee"), "a finished word is a whole one");
    assert!(finds("Kuchenform, Tee", "kuchen* Tee") && !finds("Apfelkuchen, Tee", "kuchen* Tee"));
    assert_eq!(marked("ein Apfelkuchen!", "KUCHEN"), Some(vec!["Apfelkuchen".into()]));
    assert_eq!(marked("東京都庁", "京都"), Some(vec!["京都".into()]));
    assert_eq!(parse("tea TEA tea").terms, [term("tea", false, false)]);
}

#[test]
fn phrases_stand_as_they_are_written() {
    assert!(finds("a green, tea!", "\"green tea\"") && !finds("tea, green", "\"green tea\""));
    assert!(!finds("green teapot", "\"green tea\""), "a phrase has whole words");
    assert_eq!(
        marked("tea green tea", "\"green tea\""),
        Some(vec!["green tea".into()]),
        "only the phrase is marked"
    );
    for asked in ["„Straße“", "“strasse”", "«STRASSE»", "\"strasse"] {
        assert!(finds("in der STRASSE", asked) && !finds("Strassenbahn", asked), "{asked}");
    }
    assert!(finds("新京都 tea", "\"都 tea\"") && !finds("京都の tea", "\"都 tea\""));
    assert_eq!(parse("\"…\""), Query::default());
}

#[test]
fn what_is_left_out() {
    assert!(finds("tea with milk", "tea -sugar") && !finds("tea with milk", "tea -milk"));
    assert!(finds("tea with milk", "tea -mil"), "what is left out is a whole word");
    assert!(
        !finds("tea with milk", "tea -\"with milk\"") && finds("milk with", "with -\"with milk\"")
    );
    assert!(!finds("tea with milk", "tea -mi*"));
    assert_eq!(parse("-milk").without, [Without::Terms(vec![term("milk", false, false)])]);
    assert!(parse("-milk -from:ada -is:pinned").is_empty());
    assert_eq!(parse("a - b").terms.len(), 2);
}

#[test]
fn operators() {
    let query = parse("tea from:@ada in:\"the kitchen\" -mentions:ME HAS:Link -is:pinned has:file");
    let named = |who, name: &str, not| Named { who, name: name.into(), not };
    assert_eq!(
        query.named,
        [
            named(Who::From, "ada", false),
            named(Who::In, "the kitchen", false),
            named(Who::Mentions, "ME", true)
        ]
    );
    let mark = |of, not| Mark { of, not };
    assert_eq!(
        query.marks,
        [mark(Trait::Link, false), mark(Trait::Pinned, true), mark(Trait::File, false)]
    );
    assert_eq!(query.terms, [term("tea", false, false)]);
    // What is no operator is words.
    assert_eq!(parse("re:tea http://x").terms.len(), 4);
    assert!(!parse("is:thread").is_empty() && parse("  ").is_empty());
}

#[test]
fn days_are_whole_and_in_utc() {
    const DAY: i64 = 86_400_000;
    let day = 1_769_817_600_000; // 2026-01-31
    let span = |text| (parse(text).from_at, parse(text).to_at);
    assert_eq!(span("on:2026-01-31"), (Some(day), Some(day + DAY)));
    assert_eq!(span("before:2026-01-31"), (None, Some(day)));
    assert_eq!(span("after:2026-01-31"), (Some(day + DAY), None));
    assert_eq!(span("after:2026-01-30 before:2026-01-31"), (Some(day), Some(day)));
    assert_eq!(span("on:1970-01-01 before:2026-01-31"), (Some(0), Some(DAY)));
    assert_eq!(span("on:2024-02-29").0, Some(1_709_164_800_000));
    assert_eq!(span("on:2000-02-29").0, Some(951_782_400_000));
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    for (asked, why) in [
        ("from:", "without a name"),
        ("in:@ tea", "without a name"),
        ("has:teeth", "knows has:"),
        ("is:", "knows is:"),
        ("on:2026-02-29", "a day like"),
        ("before:1900-02-28", "a day like"),
        ("after:yesterday", "a day like"),
        ("-on:2026-01-31", "a day like"),
        (&"x".repeat(LENGTH_MAX + 1), "too long"),
        (&"ab cd ".repeat(40), ""),
    ] {
        match Query::parse(asked) {
            Err(wrong) => assert!(wrong.contains(why), "{asked:?}: {wrong}"),
            Ok(query) => assert_eq!((why, query.terms.len()), ("", 2), "{asked:?}"),
        }
    }
    let many: Vec<String> = (0..=WORDS_MAX).map(|n| format!("w{n}")).collect();
    assert!(Query::parse(&many.join(" ")).is_err_and(|wrong| wrong.contains("too many")));
    assert!(Query::parse(&many[1..].join(" ")).is_ok());
}

#[test]
fn better_answers_score_higher() {
    let score = |text, asked: &str| parse(asked).find(text).map(|found| found.score);
    let best = ["kuchen", "kuchenform", "apfelkuchen", "tee"].map(|text| score(text, "kuchen"));
    assert_eq!(best, [Some(3), Some(2), Some(1), None]);
    assert!(score("green tea", "green tea") > score("tea, green", "green tea"));
    assert!(score("東京都", "東京都") > score("京都 東京", "東京都"));
}

#[test]
fn links_are_addresses_of_the_web() {
    for text in ["http://a.example", "see (HTTPS://x)", "xhttp://y https://z"] {
        assert!(has_link(text), "{text}");
    }
    for text in ["ftp://a", "http:// ", "://x", "httpx://a", "http", "xhttp://y"] {
        assert!(!has_link(text), "{text}");
    }
}

proptest! {
    #[test]
    fn anything_typed_is_read_or_refused(text in "\\PC{0,60}", asked in "\\PC{0,60}|([a-c*\"„“ -]|from:|has:link|on:2026-01-31){0,9}") {
        let length = text.chars().count();
        if let Ok(query) = Query::parse(&asked)
            && let Some(found) = query.find(&text)
        {
            let mut before = None;
            for (start, end) in found.ranges {
                prop_assert!(start < end && end <= length);
                prop_assert!(before.is_none_or(|b| b < start), "ranges touch");
                before = Some(end);
            }
        }
    }

    #[test]
    fn a_text_is_found_by_each_of_its_words_and_by_itself(text in "[a-c東京カ한ßİé ,.-]{1,20}") {
        for word in words(&text) {
            prop_assert!(finds(&text, &format!("\"{}\"", word.text)), "{:?}", word);
            prop_assert!(finds(&text, &word.text), "{:?}", word);
        }
        let quoted = format!("\"{text}\"");
        if parse(&quoted).phrases.iter().map(Vec::len).sum::<usize>() > 0 {
            prop_assert!(finds(&text, &quoted));
        }
    }
}
