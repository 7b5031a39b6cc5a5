//! Pages for people with a browser: what the server is, and what stands behind a mail's link. They
//! are files of `server/pages`, the same for everybody, and use nothing up.

use crate::app::App;
use crate::extract::Language;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// What the pages may do: show themselves, and call us and the bucket that uploads go to.
fn rules(app: &App) -> String {
    let calls = app.files.origin().map(|bucket| format!(" {bucket}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{calls}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// A page in the languages it is written in: English, German.
type Written = [&'static str; 2];

const WELCOME: Written =
    [include_str!("../pages/welcome.en.html"), include_str!("../pages/welcome.de.html")];
const VERIFY: Written =
    [include_str!("../pages/verify.en.html"), include_str!("../pages/verify.de.html")];
const RESET: Written =
    [include_str!("../pages/reset.en.html"), include_str!("../pages/reset.de.html")];

/// `GET /`: what this is, to somebody who typed its address into a browser.
pub async fn welcome(State(app): State<App>, language: Language) -> Response {
    html(&app, &language, WELCOME)
}

/// `GET /mail/verify`: the page of a link; it uses nothing up.
pub async fn verify(State(app): State<App>, language: Language) -> Response {
    html(&app, &language, VERIFY)
}

/// `GET /mail/reset`: the page of a link; it uses nothing up.
pub async fn reset(State(app): State<App>, language: Language) -> Response {
    html(&app, &language, RESET)
}

/// `GET /mail/page.js`.
pub async fn script() -> Response {
    let kind = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], include_str!("../pages/page.js")).into_response()
}

/// `GET /mail/page.css`.
pub async fn style() -> Response {
    let kind = "text/css; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], include_str!("../pages/page.css")).into_response()
}

fn html(app: &App, language: &Language, [english, german]: Written) -> Response {
    let page = if language.0 == "de" { german } else { english };
    let kind = "text/html; charset=utf-8".to_owned();
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, rules(app))], page)
        .into_response()
}
