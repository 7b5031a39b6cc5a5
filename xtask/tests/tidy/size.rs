//! Sizes: the caps of the house. What outgrows one is cut where its nouns part, not squeezed.

use crate::floors::{is_test, without_tests};
use crate::tree::{File, clean, files, rust, window};

/// Lines of a Rust file without its tests, and of one function.
const RUST: (usize, usize) = (400, 60);
/// Lines of a JS file, and of one method.
const JS: (usize, usize) = (200, 30);
/// Lines of a CSS file.
const CSS: usize = 250;
/// Lines of a file of tests.
const TEST: usize = 600;

fn too_long(file: &File) -> Vec<String> {
    let ending = file.path.rsplit('.').next().unwrap_or_default();
    let (text, cap, function) = match (is_test(&file.path), ending) {
        (true, _) => (file.text.as_str(), TEST, None),
        (_, "rs") => (without_tests(&file.text), RUST.0, Some(RUST.1)),
        (_, "js") => (file.text.as_str(), JS.0, Some(JS.1)),
        _ => (file.text.as_str(), CSS, None),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    if lines.len() > cap {
        found.push(format!("{}: {} lines of {cap}", file.path, lines.len()));
    }
    let Some(function) = function else { return found };
    let begins = if ending == "rs" { rust_function } else { js_function };
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let length = length(&lines[at..]);
        if length > function {
            let head = line.trim();
            found.push(format!("{}:{}: {length} lines of {function}: {head}", file.path, at + 1));
        }
    }
    found
}

/// Lines from a head to the first line of the same indent that closes it. The tree is formatted, so
/// indentation tells the truth; a head without a body ends at its semicolon.
fn length(lines: &[&str]) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[0]);
    for (at, line) in lines.iter().enumerate() {
        let (text, level) = (line.trim(), indent(line));
        let closes = level == own && at > 0 && text.starts_with('}');
        let bodiless = level <= own + 4 && text.ends_with(';') && at == 0;
        if closes || bodiless || (at == 0 && text.ends_with('}')) {
            return at + 1;
        }
        if at > 0 && level == own && text.ends_with(';') && !text.is_empty() {
            return at + 1;
        }
    }
    lines.len()
}

fn rust_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        matches!(*word, "pub" | "const" | "async" | "unsafe" | "extern") || word.starts_with("pub(")
    });
    words.next() == Some("fn")
}

fn js_function(line: &str) -> bool {
    let text = line.trim();
    let head = text.split('(').next().unwrap_or_default();
    let word = head.split_whitespace().next().unwrap_or_default();
    let control = matches!(
        word,
        "if" | "for" | "while" | "switch" | "catch" | "}" | "else" | "do" | "return"
    );
    let names = head.chars().all(|c| c.is_alphanumeric() || " _#$*".contains(c));
    let method = text.ends_with('{') && text.contains('(') && names && !head.is_empty();
    let arrow =
        text.ends_with("=> {") && (text.starts_with("const ") || text.starts_with("export "));
    !control && (method || arrow)
}

#[test]
fn nothing_is_longer_than_its_cap() {
    let mut all = rust();
    all.extend(window(&[".js", ".css"]));
    all.extend(files("src-tauri", &[".js"]));
    clean(all.iter().flat_map(too_long).collect());
}

#[test]
fn what_is_too_long_is_found() {
    let body = "    work();\n".repeat(59);
    let function = format!("pub async fn long() {{\n{body}}}\n");
    assert_eq!(too_long(&File::new("core/src/x.rs", &function)).len(), 1);
    assert_eq!(too_long(&File::new("core/tests/x.rs", &function)).len(), 0);
    let file = "// a\n".repeat(401);
    assert_eq!(too_long(&File::new("core/src/x.rs", &file)).len(), 1);
    let tests = format!("\n#[cfg(test)]\nmod tests {{\n{file}}}\n");
    assert_eq!(too_long(&File::new("core/src/x.rs", &tests)).len(), 0);
    let method = format!("  async #draw(x) {{\n{}  }}\n", "    x()\n".repeat(30));
    assert_eq!(too_long(&File::new("ui/x.js", &method)).len(), 1);
    assert_eq!(too_long(&File::new("ui/x.css", &"a\n".repeat(251))).len(), 1);
    assert_eq!(too_long(&File::new("tests/stories/x.rs", &"a\n".repeat(601))).len(), 1);
}

#[test]
fn a_short_function_after_a_bodiless_one_is_not_its_end() {
    let text = "    fn a(&self);\n    fn b(&self) {\n        x();\n    }\n";
    assert_eq!(length(&text.lines().collect::<Vec<_>>()), 1);
    let signature = "fn a(\n    x: u8,\n) -> u8 {\n    x\n}\n";
    assert_eq!(length(&signature.lines().collect::<Vec<_>>()), 5);
}
