//! The tokenizer: what is a word in the scripts people write, and where it stands.

use hallway_protocol::words::{Term, fold, has_all, query, ranges, words};
use proptest::prelude::*;

/// `text@start-end` of each word.
fn split(text: &str) -> Vec<String> {
    words(text).iter().map(|w| format!("{}@{}-{}", w.text, w.start, w.end)).collect()
}

fn found(text: &str, asked: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    ranges(text, &query(asked)).iter().map(|(a, b)| chars[*a..*b].iter().collect()).collect()
}

#[test]
fn german_folds_fully() {
    assert_eq!(
        split("Die STRASSE, die Straße"),
        ["die@0-3", "strasse@4-11", "die@13-16", "strasse@17-23"]
    );
    assert_eq!(split("Größe A\u{308}pfel"), ["grösse@0-5", "äpfel@6-12"]);
    assert_eq!(found("Übergröße!", "ÜBERGRÖSSE"), ["Übergröße"]);
}

#[test]
fn every_turkish_i_finds_every_other() {
    assert_eq!(split("İstanbul"), ["istanbul@0-8"]);
    for asked in ["istanbul", "ISTANBUL", "İSTANBUL", "ıstanbul", "I\u{307}stanbul"] {
        assert_eq!(found("yine İstanbul'da", asked), ["İstanbul"], "{asked}");
    }
    assert_eq!(split("ığdır IĞDIR"), ["iğdir@0-5", "iğdir@6-11"]);
}

#[test]
fn arabic_is_found_with_and_without_presentation() {
    assert_eq!(split("السلام عليكم"), ["السلام@0-6", "عليكم@7-12"]);
    // Stretched, and in the glyph forms of old fonts: the same letters.
    assert_eq!(split("ســـلام"), ["سلام@0-7"]);
    assert_eq!(split("ﺳﻼﻡ"), ["سلام@0-3"]);
    // A Persian word joined by U+200C is one word; digits of any script are words.
    assert_eq!(split("می\u{200c}خواهم ۱۲"), ["میخواهم@0-8", "۱۲@9-11"]);
    // Vowel marks stay with their letters and do not part the word.
    assert_eq!(words("مُحَمَّد").len(), 1);
}

#[test]
fn chinese_japanese_korean_are_pairs() {
    assert_eq!(split("東京都"), ["東京@0-2", "京都@1-3", "都@2-3"]);
    assert_eq!(split("水 を"), ["水@0-1", "を@2-3"]);
    assert_eq!(split("ﾊﾞｽ・カード"), ["バス@0-3", "ス@2-3", "カー@4-6", "ード@5-7", "ド@6-7"]);
    assert_eq!(split("안녕 \u{1112}\u{1161}\u{11ab}"), ["안녕@0-2", "녕@1-2", "한@3-6"]);
    assert_eq!(split("iPhone東京2号"), ["iphone@0-6", "東京@6-8", "京@7-8", "2@8-9", "号@9-10"]);
}

#[test]
fn one_character_is_found_wherever_it_stands() {
    for (text, marked) in [("東京都", "京"), ("東京", "京"), ("京都", "京"), ("京", "京")]
    {
        assert_eq!(found(text, "京"), [marked], "{text}");
        assert_eq!(found(text, "京 "), [marked], "{text}, finished");
    }
    assert_eq!(found("東京都庁", "京都庁"), ["京都庁"]);
    assert!(found("東京", "北京").is_empty());
}

#[test]
fn marks_stay_with_their_letter() {
    assert_eq!(split("cafe\u{301} x\u{323}\u{302}y"), ["café@0-5", "x\u{323}\u{302}y@6-10"]);
    assert_eq!(split("नमस्ते दुनिया"), ["नमस्ते@0-6", "दुनिया@7-13"]);
    assert_eq!(split("\u{301}a \u{301}"), ["a@1-2"]);
    assert_eq!(split("co\u{ad}op\u{200b}erate"), ["coop@0-5", "erate@6-11"]);
}

#[test]
fn apostrophes_and_signs_part_words_and_digits_do_not() {
    assert_eq!(split("l'été, Ada’s"), ["l@0-1", "été@2-5", "ada@7-10", "s@11-12"]);
    assert_eq!(
        split("v2.10 a_b №5 ½ x²"),
        ["v2@0-2", "10@3-5", "a@6-7", "b@8-9", "no5@10-12", "1@13-14", "2@13-14", "x2@15-17"]
    );
    assert!(words("… — !? \u{0} \n").is_empty());
}

#[test]
fn emoji_are_no_words() {
    for text in ["🎉", "👩🏽‍💻", "🇩🇪", "1️⃣", "❤️", "🅰", "Ⓜ️", "☕︎", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"]
    {
        assert!(words(text).is_empty(), "{text}");
    }
    assert_eq!(split("tea🫖time"), ["tea@0-3", "time@4-8"]);
}

#[test]
fn the_last_word_is_begun_while_it_is_typed() {
    let term = |text: &str, prefix| Term { text: text.into(), prefix, part: false };
    assert_eq!(query("Tea to"), [term("tea", false), term("to", true)]);
    assert_eq!(query("Tea to "), [term("tea", false), term("to", false)]);
    assert_eq!(query("\"tea\""), [term("tea", false)]);
    assert_eq!(query("tea TEA"), [term("tea", false)]);
    assert_eq!(query("東京都"), [term("東京", false), term("京都", true)]);
    assert_eq!(query(" !"), []);
    assert_eq!(found("Teatime, tea", "tea"), ["Teatime", "tea"]);
    assert_eq!(found("Teatime, tea", "tea "), ["tea"]);
}

#[test]
fn a_text_is_found_by_all_of_its_terms_in_any_order() {
    let has = |text, asked| has_all(text, &query(asked));
    assert!(has("Tea with milk", "MILK te"));
    assert!(!has("Tea with milk", "milk te "), "a whole word is not the beginning of another");
    assert!(!has("Tea with milk", "milk sugar"));
    assert!(!has("Tea with milk", " !"), "nothing was asked for");
    assert!(has("東京都", "京都"));
}

/// Text with many of the characters that are hard.
fn hard() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z0-9 '’]{1,4}",
        prop::sample::select(vec![
            "ß", "İ", "ı", "I\u{307}", "ﬃ", "Σς", "ΐ", "ŉ", "é", "\u{301}", "\u{307}", "\u{345}",
            "東", "京", "カ", "ﾊﾞ", "\u{1112}", "\u{1161}", "\u{11ab}", "한", "س", "ـ", "ﷺ",
            "\u{200d}", "\u{fe0f}", "\u{20e3}", "🇩", "👍", "½", "Ǆ", "ᾳ", "\u{3099}", "\u{9c7}",
            "\u{9be}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn folding_twice_is_folding_once(text in hard()) {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
    }

    #[test]
    fn words_are_in_bounds_folded_and_in_order(text in hard()) {
        let length = text.chars().count();
        let mut before = 0;
        for word in words(&text) {
            prop_assert!(word.start < word.end && word.end <= length, "{:?}", word);
            prop_assert!(before <= word.start, "{:?}", word);
            prop_assert_eq!(&fold(&word.text), &word.text);
            prop_assert_eq!(&words(&word.text)[0].text, &word.text);
            before = word.start;
        }
    }

    #[test]
    fn a_text_matches_its_own_words(text in hard(), other in hard()) {
        let length = text.chars().count();
        let all = ranges(&text, &query(&text));
        prop_assert_eq!(has_all(&text, &query(&text)), !all.is_empty());
        for word in words(&text) {
            prop_assert!(all.iter().any(|(a, b)| *a <= word.start && word.end <= *b), "{:?}", word);
        }
        let mut before = None;
        for (start, end) in ranges(&text, &query(&other)) {
            prop_assert!(start < end && end <= length);
            prop_assert!(before.is_none_or(|b| b < start), "ranges touch");
            before = Some(end);
        }
    }
}
