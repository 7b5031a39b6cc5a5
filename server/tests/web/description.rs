//! The published description and its page. That it is true is seen elsewhere: every answer any test
//! gets is held against it (`house/book.rs`).

use crate::house::{Call, House};
use hallway_server::routes::TABLE;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_names_every_route_of_the_table_and_no_other() {
    let house = House::open().await;
    let said = Call::new("GET", "/openapi.json").to(house.address).await;
    assert_eq!(said.headers["content-type"], "application/json");
    assert_eq!(said.body["openapi"], "3.1.0");
    let paths = said.body["paths"].as_object().expect("paths");
    let mut named: Vec<_> = paths
        .iter()
        .flat_map(|(path, calls)| {
            let calls = calls.as_object().expect("calls");
            calls.keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let mut routes: Vec<_> =
        TABLE.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    named.sort();
    routes.sort();
    assert_eq!(named, routes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_shows_as_an_example_can_be_sent() {
    let house = House::open().await;
    let said = Call::new("GET", "/openapi.json").to(house.address).await;
    let example = |path: &str| {
        let content = &said.body["paths"][path]["post"]["requestBody"]["content"];
        content["application/json"]["example"].clone()
    };
    let one_of = |path: &str, names: &[&str]| {
        let example = example(path);
        let given = names.iter().filter(|name| !example[**name].is_null()).count();
        assert_eq!(given, 1, "{path}: {example}");
    };
    one_of("/bans", &["user", "address"]);
    one_of("/auth/guest", &["code", "room", "name"]);
    assert_eq!(example("/rooms")["sealed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_outside() {
    let house = House::open().await;
    let page = Call::new("GET", "/docs").to(house.address).await;
    let rules = &page.headers["content-security-policy"];
    assert!(
        rules.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{rules}"
    );
    for path in ["/docs", "/docs/page.js", "/docs/page.css"] {
        let file = Call::new("GET", path).to(house.address).await;
        assert_eq!(file.status, 200);
        let text = file.body.as_str().expect("text");
        assert!(text.len() > 300, "{path} is empty");
        assert!(!text.contains("//cdn") && !text.contains("http"), "{path} names an address");
        let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("];
        assert!(!markup.iter().any(|word| text.contains(word)), "{path} parses markup");
    }
}
