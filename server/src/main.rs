//! `hallway-server`: arguments, configuration, log, run. stdout carries one line in the life of the
//! process, the address it listens on; all else goes to stderr.

use anyhow::Context;
use clap::{Parser, Subcommand};
use hallway_kit::{Clock, Stop, Stopper, Tasks};
use hallway_server::Server;
use hallway_server::config::{Config, Flags, IN_THE_OPEN, LogForm, Switch, strangers};
use hallway_server::operate::{self, readable};
use std::io::Write;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A messenger you host yourself.
#[derive(Parser)]
#[command(name = "hallway-server", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve(Box<Flags>),
    #[command(flatten)]
    Operate(operate::Command),
}

fn main() -> ExitCode {
    // What we write is for us alone, whoever writes it for us.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = Arguments::parse();
    let done = match arguments.command.unwrap_or(Command::Serve(Box::new(arguments.flags))) {
        Command::Serve(flags) => configured(&flags).and_then(|config| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(config)).map(|()| ExitCode::SUCCESS)
        }),
        Command::Operate(command) => operate::run(command).map(|said| {
            if !said.text.is_empty() {
                say(said.text.trim_end());
            }
            if said.well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hallway-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn configured(flags: &Flags) -> anyhow::Result<Config> {
    Config::load(flags, |name| std::env::var(name).ok())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    log(&config)?;
    raise_open_files();
    for said in strangers(readable(std::env::vars_os())) {
        tracing::warn!("{said}");
    }
    if config.limits == Switch::Off {
        tracing::warn!("HALLWAY_LIMITS=off: nobody is slowed down, whatever they do");
    }
    if config.is_in_the_open() {
        tracing::warn!("TLS is {IN_THE_OPEN}");
    }
    let listener = TcpListener::bind(&config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let tasks = Tasks::default();
    let stop = asked_to_stop(&tasks)?;
    let server = Server::open(config, address, Clock::system()).await?;
    say(&serde_json::json!({ "listening": address }).to_string());
    server.run(listener, stop).await
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_level).context("log_level")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log {
        LogForm::Text => log.with_ansi(false).init(),
        LogForm::Json => log.json().init(),
    }
    Ok(())
}

/// One line to stdout. Whoever started us may have closed it, which is no reason not to run.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A socket is an open file, and many systems begin with 1,024 of them.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, ?limit, "cannot open more files than this");
    }
}

/// SIGTERM and SIGINT ask for the end.
fn asked_to_stop(tasks: &Tasks) -> anyhow::Result<Stop> {
    let (stopper, stop) = Stopper::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tasks.once("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        stopper.stop();
        // Dropping the stopper would count as a stop as well.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}
