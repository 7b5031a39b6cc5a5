//! The window's rules: one file names Tauri, a tag is two files, markup is literal and HTML strings
//! never exist.

use crate::floors::{code, is_test};
use crate::tree::{File, clean, window};
use std::collections::BTreeSet;

/// Only the door to the core knows what the window runs in.
fn tauri_named(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| f.path != "ui/core.js" && !is_test(&f.path)) {
        for (number, line) in code(&file.text) {
            if line.to_lowercase().contains("tauri") {
                found.push(format!("{}:{number}: only ui/core.js names Tauri", file.path));
            }
        }
    }
    found
}

#[test]
fn only_the_core_module_names_tauri() {
    clean(tauri_named(&window(&[".js", ".html", ".css"])));
    let offence = "import x from './vendor/tauri/core.js'\n// tauri\n";
    assert_eq!(tauri_named(&[File::new("ui/main.js", offence)]).len(), 1);
}

/// Each `ui/components/<tag>` holds `<tag>.js`, which defines the tag, and `<tag>.css`.
fn half_components(files: &[File]) -> Vec<String> {
    let inside = |file: &File| {
        let rest = file.path.strip_prefix("ui/components/")?;
        rest.split_once('/').map(|(tag, _)| tag.to_owned())
    };
    let tags: BTreeSet<String> = files.iter().filter_map(inside).collect();
    let mut found = Vec::new();
    for tag in tags {
        let part = |ending: &str| {
            let path = format!("ui/components/{tag}/{tag}{ending}");
            files.iter().find(|file| file.path == path)
        };
        match part(".js") {
            None => found.push(format!("<{tag}> has no {tag}.js")),
            Some(js) if !js.text.contains(&format!("customElements.define(\"{tag}\"")) => {
                found.push(format!("{} does not define <{tag}>", js.path));
            }
            Some(_) => {}
        }
        match part(".css") {
            None => found.push(format!("<{tag}> has no {tag}.css")),
            Some(css) if !css.text.contains("@layer components") => {
                found.push(format!("{} is not in the layer of the components", css.path));
            }
            Some(_) => {}
        }
    }
    found
}

#[test]
fn each_tag_has_its_script_and_its_style() {
    clean(half_components(&window(&[".js", ".css"])));
}

#[test]
fn half_a_component_is_found() {
    let js = File::new("ui/components/a-b/a-b.js", "customElements.define(\"a-b\", AB)");
    let css = File::new("ui/components/a-b/a-b.css", "@layer components { a-b { } }");
    assert_eq!(half_components(&[js, css]), Vec::<String>::new());
    let js = File::new("ui/components/a-b/a-b.js", "customElements.define(\"a-c\", AB)");
    assert_eq!(half_components(&[js]).len(), 2);
}

/// Ways from a string to markup or code. `ui/lib/dom.js` may parse: it is given literals alone.
const NEVER: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "srcdoc",
    "setHTMLUnsafe",
    "parseHTMLUnsafe",
    "javascript:",
];
const PARSERS: &[&str] = &["DOMParser", "createContextualFragment", "createElement(\"template\")"];

fn strings_as_markup(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    // A test may hold what it refuses.
    for file in files.iter().filter(|file| !is_test(&file.path)) {
        let parses = file.path == "ui/lib/dom.js";
        for (number, line) in code(&file.text) {
            let never = NEVER.iter().filter(|word| !(parses && **word == "innerHTML"));
            let banned = never.chain(PARSERS.iter().filter(|_| !parses));
            for word in banned.filter(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
        found.extend(computed_sheets(file));
    }
    found
}

/// `sheet` is called with a template literal without `${`, and with nothing else.
fn computed_sheets(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in file.text.match_indices("sheet(") {
        let before = file.text[..at].chars().next_back();
        let defines = file.text[..at].ends_with("function ");
        if defines || before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '#')) {
            continue;
        }
        let rest = file.text[at + "sheet(".len()..].trim_start();
        let literal = rest.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        let good = literal.is_some_and(|(markup, after)| {
            !markup.contains("${") && after.trim_start().starts_with([')', ','])
        });
        if !good {
            let line = file.text[..at].lines().count();
            found.push(format!("{}:{line}: markup is a literal without ${{", file.path));
        }
    }
    found
}

#[test]
fn markup_is_literal() {
    clean(strings_as_markup(&window(&[".js", ".html"])));
}

#[test]
fn computed_markup_is_found() {
    let offences = [
        "x.innerHTML = text",
        "x.insertAdjacentHTML('beforeend', text)",
        "const f = eval('1')",
        "const shape = sheet(`<b>${name}</b>`)",
        "const shape = sheet(`<b>` + name)",
        "const shape = sheet(markup)",
        "new DOMParser()",
    ];
    for offence in offences {
        assert_eq!(strings_as_markup(&[File::new("ui/x.js", offence)]).len(), 1, "{offence}");
    }
    let good = "const shape = sheet(`<b class=\"x\"></b>`)\nexport function sheet(markup) {}\n";
    assert_eq!(strings_as_markup(&[File::new("ui/x.js", good)]), Vec::<String>::new());
}
