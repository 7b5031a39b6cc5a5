//! Pages for people with a browser: what the server is, and what stands behind a mail's link. They
//! are files of `server/pages`, the same for everybody, and use nothing up.

use crate::extract::Language;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// What the pages may do: show themselves, and call us.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /`: what this is, to somebody who typed its address into a browser.
pub async fn welcome(language: Language) -> Response {
    html(match language.0.as_str() {
        "de" => include_str!("../pages/welcome.de.html"),
        _ => include_str!("../pages/welcome.en.html"),
    })
}

/// `GET /mail/verify`: the page of a link; it uses nothing up.
pub async fn verify(language: Language) -> Response {
    html(match language.0.as_str() {
        "de" => include_str!("../pages/verify.de.html"),
        _ => include_str!("../pages/verify.en.html"),
    })
}

/// `GET /mail/reset`: the page of a link; it uses nothing up.
pub async fn reset(language: Language) -> Response {
    html(match language.0.as_str() {
        "de" => include_str!("../pages/reset.de.html"),
        _ => include_str!("../pages/reset.en.html"),
    })
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

fn html(page: &'static str) -> Response {
    let kind = "text/html; charset=utf-8";
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, PAGE)], page).into_response()
}
