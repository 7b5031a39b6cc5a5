//! The part `interface`: what the server publishes of itself, held against the server. The document
//! is read by the rules of OpenAPI 3.1; then schemathesis makes calls out of it, good ones and bad
//! ones, as somebody who owns the server and as nobody, and judges every answer by it. No check is
//! off; what the document cannot say stands in `tests/schemathesis`.

use crate::command::{Group, Stop, shown, watch};
use crate::places::Places;
use crate::tally::Tally;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// As tested here, with everything it needs: a newer one may judge otherwise.
const PINNED: &str = "tests/schemathesis/requirements.txt";
/// A guard against hanging; it takes about a minute and a half for each caller.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// A server that is not up by then does not come up.
const SERVER_UP: Duration = Duration::from_secs(60);

/// Holds the program of the server against its description.
pub fn check(places: &Places, stop: &Stop) -> Result<Tally> {
    let tools = install(places, stop)?;
    let mut sum = Tally::default();
    for who in ["owner", "nobody"] {
        let data = places.target.join("interface");
        let _ = std::fs::remove_dir_all(&data);
        let (server, address) = start(places, &data)?;
        let api = format!("http://{address}/api/v1");
        let told = |mut command: Command| -> Result<Command> {
            let token = |file: &str| std::fs::read_to_string(data.join(file)).context("a token");
            command
                .current_dir(places.root.join("tests/schemathesis"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("PYTHONPATH", ".")
                .env("SCHEMATHESIS_HOOKS", "hooks")
                .env("HALLWAY_API", &api)
                .env("HALLWAY_AS", who)
                .env("HALLWAY_OWNER_TOKEN", token("first-owner")?.trim())
                .env("HALLWAY_OPERATOR_TOKEN", token("operator")?.trim());
            Ok(command)
        };
        if who == "owner" {
            let mut rules = Command::new(tools.join("bin/python"));
            rules.arg("rules.py");
            sum += checked(told(rules)?, stop)?;
        }
        let mut calls = Command::new(tools.join("bin/st"));
        calls
            .args(["--config-file", "schemathesis.toml", "run", &format!("{api}/openapi.json")])
            .args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"])
            // One after the other: the same calls in the same order, each time.
            .args(["--max-examples", "10", "--seed", "1", "--workers", "1"])
            .args(["--generation-database", "none", "--continue-on-failure", "--no-color"]);
        sum += checked(told(calls)?, stop)?;
        drop(server);
    }
    Ok(sum)
}

fn checked(mut command: Command, stop: &Stop) -> Result<Tally> {
    println!("$ {}", shown(&command));
    Ok(Tally::check(watch(&mut command, stop, LIMIT)?.ok))
}

/// An environment of Python with what is pinned, made once for each list of pins.
fn install(places: &Places, stop: &Stop) -> Result<PathBuf> {
    let pinned = places.root.join(PINNED);
    let pins = std::fs::read_to_string(&pinned).context(PINNED)?;
    let (tools, done) = (places.tools.join("schemathesis"), "pins");
    if std::fs::read_to_string(tools.join(done)).is_ok_and(|had| had == pins) {
        return Ok(tools);
    }
    println!("xtask: installing schemathesis once, into {}", tools.display());
    let _ = std::fs::remove_dir_all(&tools);
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&tools);
    let mut pip = Command::new(tools.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&pinned);
    for mut command in [venv, pip] {
        println!("$ {}", shown(&command));
        if !watch(&mut command, stop, LIMIT)?.ok {
            bail!("{} failed", shown(&command));
        }
    }
    std::fs::write(tools.join(done), pins)?;
    Ok(tools)
}

/// A server with data of its own, and where it listens.
fn start(places: &Places, data: &Path) -> Result<(Group, String)> {
    let mut command = Command::new(places.server_binary("debug"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("HALLWAY_LIMITS", "off")
        .env("HALLWAY_LOG_LEVEL", "error")
        .stdout(Stdio::piped());
    let mut server = Group::start("the server", &mut command)?;
    let stdout = server.stdout().context("its output was asked for")?;
    let (said, ready) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    let line = ready.recv_timeout(SERVER_UP).context("the server did not come up")?;
    let said: serde_json::Value = serde_json::from_str(&line).context("its one line")?;
    let address = said["listening"].as_str().context("where it listens")?;
    Ok((server, address.to_owned()))
}
