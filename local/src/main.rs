//! The command line of the local cloud; whatever it starts is ended before it ends, and every failure says what to do.
#![expect(clippy::disallowed_methods, reason = "the environment of this command is the configuration that it passes on")]

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Parser, Subcommand};
use local::{
    cloud::{self, Cloud, CloudError, CloudOptions, Data, Database, Direction},
    lambda::LambdaOptions,
    logs::{Detail, Journal, say},
};
use tokio::signal::unix::{SignalKind, signal};

/// The cloud on a laptop: what template.yaml declares, on this machine.
#[derive(Parser)]
#[command(name = "local")]
struct Local {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything and serves until Ctrl-C.
    Up(Up),
    /// Forgets all data.
    Reset(Place),
    /// Brings the database's schema to its newest version.
    MigrateUp(Stack),
    /// Takes the database's schema back by one version.
    MigrateDown(Stack),
    /// Starts only the database, prints its URL and runs until Ctrl-C.
    Mysql(Place),
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    stack: Stack,
    /// Port of both APIs and of the web client.
    #[arg(long, env = "PORT", default_value_t = 8081)]
    port: u16,
    /// Address to listen on; anything but loopback lets others in.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Shows every line that functions print.
    #[arg(long)]
    verbose: bool,
    /// Stops instances between invocations, as Lambda does.
    #[arg(long)]
    freeze: bool,
}

#[derive(Args)]
struct Stack {
    #[command(flatten)]
    place: Place,
    /// The SAM template.
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
    /// The section of samconfig.toml whose parameters are used.
    #[arg(long, default_value = "local")]
    config_env: String,
    /// Where the functions' binaries are; by default beside this command.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

#[derive(Args)]
struct Place {
    /// The data folder.
    #[arg(long, default_value = ".local")]
    data: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    // What the gateway has to say besides the invocations. The stores would warn of every refused condition, which is daily business.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn,dynoxide=error,s3s=error,s3s_fs=error"))
        .with_writer(std::io::stderr)
        .init();
    let done = match Local::parse().command {
        Command::Up(options) => up(options).await,
        Command::Reset(place) => cloud::reset(&place.data).map(|()| say("Everything is forgotten.")),
        Command::MigrateUp(stack) => migrate(stack, Direction::Up).await,
        Command::MigrateDown(stack) => migrate(stack, Direction::Down).await,
        Command::Mysql(place) => mysql(place.data).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn up(up: Up) -> Result<(), CloudError> {
    let detail = if up.verbose { Detail::Verbose } else { Detail::Brief };
    let mut options = options(up.stack);
    options.port = up.port;
    options.host = up.host;
    options.lambda = LambdaOptions { journal: Arc::new(Journal::new(detail)), freeze: up.freeze, ..LambdaOptions::default() };
    options.static_dir = Some(options.template.with_file_name("local").join("web")).filter(|web| web.is_dir());
    let mut ended = Ended::watch()?;
    say("Starting …");
    let cloud = tokio::select! {
        cloud = Cloud::start(options) => cloud?,
        () = ended.recv() => return Ok(()),
    };
    say(&greeting(&cloud));
    ended.recv().await;
    say("Stopping …");
    cloud.stop().await;
    Ok(())
}

fn greeting(cloud: &Cloud) -> String {
    let (http, socket) = (cloud.http_url(), cloud.ws_url());
    format!(
        "\n  HTTP       {http}\n  WebSocket  {socket}\n  Database   {}\n\n  curl -i {http}/health\n  \
         curl -s {http}/api/auth/register -H 'content-type: application/json' -d '{{\"username\":\"ada\",\"password\":\"a long passphrase\"}}'\n  \
         wscat -c \"{socket}?token=<access token>\"\n\n  Ctrl-C stops it.\n",
        cloud.database_url()
    )
}

async fn migrate(stack: Stack, direction: Direction) -> Result<(), CloudError> {
    let answer = cloud::migrate(options(stack), direction).await?;
    say(&answer);
    Ok(())
}

async fn mysql(data: PathBuf) -> Result<(), CloudError> {
    let mut ended = Ended::watch()?;
    let database = Database::start(&Data::Persistent(data)).await?;
    say(&database.url());
    ended.recv().await;
    database.stop().await;
    Ok(())
}

fn options(stack: Stack) -> CloudOptions {
    CloudOptions {
        config_env: stack.config_env,
        bin_dir: stack.bin_dir,
        data: Data::Persistent(stack.place.data),
        // What is not text is nothing that a function is told.
        env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<BTreeMap<_, _>>(),
        ..CloudOptions::new(stack.template)
    }
}

/// Ctrl-C, SIGTERM, or a terminal that is closed.
struct Ended {
    signals: [tokio::signal::unix::Signal; 3],
}

impl Ended {
    fn watch() -> Result<Self, CloudError> {
        let watch = |kind| signal(kind).map_err(|source| CloudError::Io { what: "listen for signals".into(), source });
        Ok(Self { signals: [watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?, watch(SignalKind::hangup())?] })
    }

    async fn recv(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[expect(clippy::print_stderr, reason = "errors of a command go to standard error")]
fn complain(error: &CloudError) {
    eprintln!("local: {error}");
}
