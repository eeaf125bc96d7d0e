//! opwatch: the life of the process.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

#[cfg(feature = "local")]
use clap::CommandFactory;
use clap::{Parser, Subcommand};
use opwatch::cli::USAGE;
use opwatch::clock::{Clock, SystemClock};
use opwatch::intake::server::Limits;
use opwatch::net::transport::Network;
use opwatch::settings::{ServeArgs, Settings};
use opwatch::{app, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// Reports to Slack how a Google Cloud long-running operation ended.
#[derive(Parser)]
#[command(version, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service, which receives Pub/Sub pushes (the default)
    Serve(Box<ServeArgs>),
    /// Wait for operations to end, and show how they go
    #[cfg(feature = "terminal")]
    Wait(Box<opwatch::cli::wait::WaitArgs>),
    /// Look at one operation and print what the report would say; sends nothing
    Check(Box<opwatch::cli::check::CheckArgs>),
    /// Check settings, permissions and connectivity, and say how to fix what is wrong
    Doctor(Box<opwatch::cli::doctor::DoctorArgs>),
    /// Print the last runs in the ledger
    History(Box<opwatch::settings::HistoryArgs>),
    /// List the operations of a service
    #[cfg(feature = "terminal")]
    List(Box<opwatch::cli::list::ListCommandArgs>),
    /// List the services whose operations can be followed
    Services(opwatch::cli::services::ServicesArgs),
    /// Start the operation of a kickoff file with your own login, unless it runs already
    #[cfg(feature = "terminal")]
    Start(Box<opwatch::cli::start::StartArgs>),
    /// Hand an operation to the deployed service, which reports to Slack how it ends
    #[cfg(feature = "terminal")]
    Watch(Box<opwatch::cli::watch::WatchArgs>),
    /// Print the JSON Schema of messages or of events
    Schema(opwatch::cli::schema::SchemaArgs),
    /// Check messages in files as the service would; sends nothing
    Validate(opwatch::cli::validate::ValidateArgs),
    /// Print the Slack message for a recorded operation; sends nothing
    #[cfg(feature = "local")]
    Render(Box<opwatch::cli::render::RenderArgs>),
    /// Run the whole service locally, without a cloud account
    #[cfg(feature = "local")]
    Demo(Box<opwatch::fakes::demo::DemoArgs>),
    /// Print a completion script for a shell
    #[cfg(feature = "local")]
    Completions(opwatch::cli::generate::CompletionsArgs),
    /// Print a man page
    #[cfg(feature = "local")]
    Man(opwatch::cli::generate::ManArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(arguments()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here too; they are no errors.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    // One thread: Cloud Run gives one CPU, and nothing here blocks.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the runtime could not start: {error}")),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve(&args).await,
            #[cfg(feature = "terminal")]
            Command::Wait(args) => opwatch::cli::wait::run(&args).await,
            Command::Check(args) => opwatch::cli::check::run(&args).await,
            Command::Doctor(args) => opwatch::cli::doctor::run(&args).await,
            Command::History(args) => opwatch::cli::history::run(&args).await,
            #[cfg(feature = "terminal")]
            Command::List(args) => opwatch::cli::list::run(&args).await,
            Command::Services(args) => opwatch::cli::services::run(&args),
            #[cfg(feature = "terminal")]
            Command::Start(args) => opwatch::cli::start::run(&args).await,
            #[cfg(feature = "terminal")]
            Command::Watch(args) => opwatch::cli::watch::run(&args).await,
            Command::Schema(args) => opwatch::cli::schema::run(&args),
            Command::Validate(args) => opwatch::cli::validate::run(&args),
            #[cfg(feature = "local")]
            Command::Render(args) => opwatch::cli::render::run(&args),
            #[cfg(feature = "local")]
            Command::Demo(args) => opwatch::fakes::demo::run(&args).await,
            #[cfg(feature = "local")]
            Command::Completions(args) => opwatch::cli::generate::completions(&args, Cli::command()),
            #[cfg(feature = "local")]
            Command::Man(args) => opwatch::cli::generate::man(&args, Cli::command()),
        }
    })
}

/// `opwatch` alone serves, and so does `opwatch --topic …`.
fn arguments() -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let first = arguments.get(1).and_then(|argument| argument.to_str());
    let is_own =
        |first: &str| ["-h", "--help", "-V", "--version"].contains(&first) || !first.starts_with('-');
    if !first.is_some_and(is_own) {
        arguments.insert(1.min(arguments.len()), "serve".into());
    }
    arguments
}

async fn serve(args: &ServeArgs) -> ExitCode {
    let settings = match args.check() {
        Ok(settings) => settings,
        Err(bad) => {
            opwatch::terminal::error(format_args!(
                "opwatch: invalid settings:\n{bad}\n`opwatch serve --help` describes every setting."
            ));
            return ExitCode::from(USAGE);
        }
    };
    telemetry::init(settings.project());
    let code = match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reported = true, "{error}");
            ExitCode::FAILURE
        }
    };
    telemetry::flush();
    code
}

async fn run(settings: Settings) -> Result<(), String> {
    // Asked for before listening, so that a signal at any later time is a clean stop.
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| format!("can't handle signals: {error}"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|error| format!("can't handle signals: {error}"))?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, settings.port));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on port {}: {error}", settings.port))?;
    let address =
        listener.local_addr().map_err(|error| format!("can't read the listening address: {error}"))?;
    let network = Network::new().map_err(|error| format!("the HTTP client could not be built: {error}"))?;
    tracing::info!(
        topic = settings.config.topic,
        "opwatch {} listening on {address}",
        env!("CARGO_PKG_VERSION")
    );
    for (setting, direction) in settings.config.policy.unset() {
        tracing::warn!(
            "{setting} is not set: every start of an {} is rejected. Set it to the allowed gs:// prefixes, such as \
             {setting}=gs://my-backups, or to \"any\"; set STARTS=none if this service only watches operations",
            direction.word()
        );
    }
    if let Some(warning) = settings.config.trust.warning(SystemClock.now()) {
        tracing::warn!("{warning}");
    }
    let app = app::build(settings, Arc::new(network), Arc::new(SystemClock));
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: finishing pushes in flight"),
            _ = interrupt.recv() => tracing::info!("SIGINT: finishing pushes in flight"),
        }
    };
    let drained = app::run(Arc::new(app), listener, Limits::default(), shutdown).await;
    if drained {
        tracing::info!("stopped: no pushes in flight");
    } else {
        tracing::warn!("stopped with pushes in flight: Pub/Sub will redeliver them");
    }
    Ok(())
}

fn failed(text: &str) -> ExitCode {
    opwatch::terminal::error(format_args!("opwatch: {text}"));
    ExitCode::FAILURE
}
