//! Signing in and out, the feed, and what the window as a whole asks for.

use super::Home;
use crate::feed::News;
use hallway_core::feed::Account;
use hallway_core::{Checked, Fault, Proof, Result};
use tauri::AppHandle;
use tauri::ipc::Channel;
use tauri_plugin_opener::OpenerExt;

#[tauri::command]
pub async fn accounts(home: Home<'_>) -> Result<Vec<Account>> {
    home.core().await?.accounts().await
}

#[tauri::command]
pub async fn check_server(home: Home<'_>, url: String) -> Result<Checked> {
    home.core().await?.check_server(&url).await
}

#[tauri::command]
pub async fn sign_in(
    home: Home<'_>,
    url: String,
    login: String,
    password: String,
    code: Option<String>,
) -> Result<Account> {
    let proof = Proof { password: &password, code: code.as_deref() };
    home.core().await?.sign_in(&url, &login, proof).await
}

#[tauri::command(rename_all = "snake_case")]
pub async fn register(
    home: Home<'_>,
    url: String,
    name: String,
    display_name: Option<String>,
    password: String,
    invite: Option<String>,
) -> Result<Account> {
    home.core().await?.register(&url, &name, display_name, &password, invite).await
}

#[tauri::command]
pub async fn subscribe(home: Home<'_>, channel: Channel<Vec<News>>) -> Result<()> {
    home.subscribe(channel).await
}

#[tauri::command]
pub async fn painted(home: Home<'_>) -> Result<()> {
    home.painted();
    Ok(())
}

/// The system opens it, and only what a browser or a mail program is for.
#[tauri::command]
pub async fn open_link(app: AppHandle, url: String) -> Result<()> {
    let url = outside(&url).ok_or_else(|| Fault::invalid("url", "is not a link of the web"))?;
    app.opener()
        .open_url(url, None::<&str>)
        .map_err(|error| Fault::local("broken", format!("the system did not open it: {error}")))
}

#[tauri::command]
pub async fn sign_in_again(
    home: Home<'_>,
    account: String,
    password: String,
    code: Option<String>,
) -> Result<Account> {
    let proof = Proof { password: &password, code: code.as_deref() };
    home.core().await?.sign_in_again(&account, proof).await
}

#[tauri::command]
pub async fn sign_out(home: Home<'_>, account: String) -> Result<()> {
    home.core().await?.sign_out(&account).await
}

#[tauri::command]
pub async fn unlock(home: Home<'_>, account: String) -> Result<()> {
    home.core().await?.try_again(&account).await
}

#[tauri::command]
pub async fn network(home: Home<'_>) -> Result<()> {
    home.core().await?.network_changed().await;
    Ok(())
}

/// A link people follow, in its one form; anything else is none.
fn outside(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_web_and_mail_leave_the_app() {
        assert_eq!(
            outside("https://example.org/a b").as_deref(),
            Some("https://example.org/a%20b")
        );
        assert!(outside("mailto:lin@example.org").is_some());
        for no in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "hallway://x/",
            "/etc/passwd",
            "data:,x",
            "",
        ] {
            assert_eq!(outside(no), None, "{no}");
        }
    }
}
