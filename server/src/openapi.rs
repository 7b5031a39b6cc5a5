//! The description of the interface, for programs (`/api/v1/openapi.json`, OpenAPI 3.1) and for
//! people (`/api/v1/docs`). Paths, methods and who may come from the routes' own table; shapes are
//! asked of the code that reads and writes them ([`probe`]); words beside them are the comments on
//! the wire's types ([`words`]); what no code can say (a sentence, an example, the answers) stands
//! in [`entries`]. It is made once, at the first question.

mod book;
mod doors;
mod entries;
mod examples;
mod limits;
mod probe;
mod words;

use crate::error::Result;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(book::document);

/// The page loads its own script and style, and the description; nothing from outside.
const PAGE_RULES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The description as a whole.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Routes of which nothing is written, and what is written of no route.
pub fn gaps() -> Vec<String> {
    book::gaps()
}

/// `GET /openapi.json`.
pub async fn show() -> Result<axum::Json<&'static Value>> {
    Ok(axum::Json(document()))
}

/// `GET /docs`: the page for people.
pub async fn page() -> Result<Response> {
    let mut answer = file("text/html; charset=utf-8", include_str!("openapi/page.html"));
    let rules = HeaderValue::from_static(PAGE_RULES);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, rules);
    Ok(answer)
}

/// `GET /docs/page.js`.
pub async fn script() -> Result<Response> {
    Ok(file("text/javascript; charset=utf-8", include_str!("openapi/page.js")))
}

/// `GET /docs/page.css`.
pub async fn style() -> Result<Response> {
    Ok(file("text/css; charset=utf-8", include_str!("openapi/page.css")))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        assert_eq!(gaps(), Vec::<String>::new());
    }

    /// Every reference leads somewhere, and every shape is used.
    #[test]
    fn the_document_holds_together() {
        let text = document().to_string();
        let shapes = document()["components"]["schemas"].as_object().expect("shapes");
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            assert!(shapes.contains_key(name), "there is no {name}");
        }
        for name in shapes.keys().filter(|name| !matches!(name.as_str(), "Command" | "Frame")) {
            let used = text.contains(&format!("#/components/schemas/{name}\""));
            assert!(used, "{name} is not used");
        }
    }

    #[test]
    fn every_operation_says_what_it_is_and_how_it_may_end() {
        let paths = document()["paths"].as_object().expect("paths");
        for operation in paths.values().flat_map(|path| path.as_object().expect("a path").values())
        {
            let id = &operation["operationId"];
            assert!(operation["summary"].as_str().is_some_and(|says| says.len() > 2), "{id}");
            let answers = operation["responses"].as_object().expect("answers");
            assert!(answers.keys().any(|status| status < &"400".to_owned()), "{id} never succeeds");
            assert!(
                ["429", "500", "503"].iter().all(|status| answers.contains_key(*status)),
                "{id}"
            );
            // What a person's browser comes to is a page, whatever it says.
            let pages = |answer: &serde_json::Value| answer["content"]["text/html"].is_object();
            for (status, answer) in answers.iter().filter(|(_, answer)| !pages(answer)) {
                let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                let refusal = status.starts_with(['4', '5']);
                assert_eq!(problem.is_string(), refusal, "{id} {status}");
            }
        }
    }
}
