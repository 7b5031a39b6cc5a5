//! The few REST calls `run` makes, as any client would make them.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;

/// A refused call.
#[derive(Debug)]
pub struct Refused {
    /// The wire's code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A server, and who speaks to it.
pub struct Api {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Api {
    /// Nobody yet.
    pub fn new(base: &str) -> Api {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Api { agent: config.into(), base: base.to_owned(), token: None }
    }

    /// The same server, spoken to by someone signed in.
    pub fn signed_in(&self, token: String) -> Api {
        Api { agent: self.agent.clone(), base: self.base.clone(), token: Some(token) }
    }

    /// What the server says about itself; an error where none of ours answers.
    pub fn server(&self) -> Result<Value> {
        let about = self.call("GET", "/server", None)?;
        match about {
            Ok(about) if about["epoch"].is_string() => Ok(about),
            _ => bail!("something that is not Hallway answers at {}", self.base),
        }
    }

    /// Calls and waits as long as the server asks; a refusal is an error.
    pub fn must(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        match self.call(method, path, Some(body))? {
            Ok(answer) => Ok(answer),
            Err(refused) => bail!("{method} {path}: {} ({})", refused.message, refused.code),
        }
    }

    /// Calls and waits as long as the server asks.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Result<Value, Refused>> {
        loop {
            let (status, answer) = self.once(method, path, body.as_ref())?;
            if status < 400 {
                return Ok(Ok(answer));
            }
            if answer["retry"] == "later" && matches!(status, 429 | 503) {
                let pause = answer["after_ms"].as_u64().unwrap_or(200).clamp(20, 5_000);
                std::thread::sleep(Duration::from_millis(pause));
                continue;
            }
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            return Ok(Err(Refused { code: text("code"), message: text("message") }));
        }
    }

    fn once(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let url = format!("{}/api/v1{path}", self.base);
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let mut answer =
            self.agent.run(request.body(bytes)?).with_context(|| format!("{method} {url}"))?;
        let text = answer.body_mut().read_to_string()?;
        let value = if text.is_empty() { json!(null) } else { serde_json::from_str(&text)? };
        Ok((answer.status().as_u16(), value))
    }
}
