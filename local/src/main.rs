//! The command line of the local cloud. It stops what it starts; every error says how to fix the problem.
#![expect(clippy::disallowed_methods, reason = "the environment of this command is the configuration that it passes on")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use local::cloud::{self, Cloud, CloudError, CloudOptions, DataLocation, Database, Direction};
use local::faults::{FaultConfig, Faults};
use local::lambda::LambdaOptions;
use local::logs::{Detail, Journal, print_line};
use local::seed;
use local::watch::{self, Builder, Watch};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the resources of template.yaml on this machine.
#[derive(Parser)]
#[command(name = "local", version)]
struct Local {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything and serves until Ctrl-C.
    Up(Box<Up>),
    /// Deletes all data.
    Reset(DataFolderArgs),
    /// Shows recent output of the running cloud's functions.
    Logs(Logs),
    /// Invokes a function of the running cloud and prints its result.
    Invoke(Invoke),
    /// Migrates the database's schema to the newest version.
    MigrateUp(StackArgs),
    /// Reverts the last migration.
    MigrateDown(StackArgs),
    /// Gives a user operator rights, which `/api/admin` requires.
    Admin(Admin),
    /// Fills the running cloud with example users, rooms and messages, and prints their credentials.
    Seed(Seed),
    /// Starts only the database, prints its URL and runs until Ctrl-C.
    Mysql(DataFolderArgs),
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    stack: StackArgs,
    /// Port of the APIs and the web client, for cleartext and for TLS with the authority in ca.pem of the data folder; the environment variable
    /// `LOCAL_TLS=off` takes TLS away.
    #[arg(long, env = "PORT", default_value_t = 8081)]
    port: u16,
    /// Address to listen on; any address but loopback is reachable from the network.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Prints every line that functions print.
    #[arg(long)]
    verbose: bool,
    /// Stops instances between invocations, as Lambda does.
    #[arg(long)]
    freeze: bool,
    /// Rebuilds functions when their sources change and replaces their instances; sockets stay open.
    #[arg(long)]
    watch: bool,
    /// Runs the functions at this endpoint of Lambda's Invoke API, for example `sam local start-lambda`, instead of as local processes.
    #[arg(long, value_name = "URL", conflicts_with_all = ["watch", "freeze"])]
    invoke: Option<String>,
    /// Faults to inject from the start, as in `PUT /_local/faults`: JSON, or @ and a file name.
    #[arg(long, value_name = "JSON", value_parser = faults)]
    faults: Option<FaultConfig>,
    /// Seed of the random faults.
    #[arg(long, requires = "faults")]
    seed: Option<u64>,
}

#[derive(Args)]
struct Logs {
    /// Only this function: its binary (`auth`) or its name in the template (`AuthFunction`).
    function: Option<String>,
    /// Continues until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Args)]
struct Invoke {
    /// Its binary (`auth`) or its name in the template (`AuthFunction`).
    function: String,
    /// File with the event, or - for standard input; `{}` by default.
    event: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Args)]
struct Seed {
    #[command(flatten)]
    folder: DataFolderArgs,
    /// Base URL of the HTTP API; by default that of the cloud on the data folder.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Args)]
struct StackArgs {
    #[command(flatten)]
    folder: DataFolderArgs,
    /// The SAM template.
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
    /// Section of samconfig.toml whose parameters are used.
    #[arg(long, default_value = "local")]
    config_env: String,
    /// Folder of the functions' binaries; by default the folder of this command.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

#[derive(Args)]
struct Admin {
    /// The user's name.
    username: String,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Args)]
struct DataFolderArgs {
    /// The data folder.
    #[arg(long, default_value = ".local")]
    data: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Local::parse().command;
    // Logs of libraries. The stores would warn of every failed condition, which is normal operation; warnings about the template matter only to `up`.
    let log_filter = if matches!(command, Command::Up(_)) { "warn,dynoxide=error,s3s=error,s3s_fs=error" } else { "error" };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(log_filter))
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    let done = match command {
        Command::Up(options) => up(*options).await,
        Command::Reset(folder) => cloud::reset(&folder.data)
            .map(|found| print_line(if found { "All data is deleted." } else { "There is no data to delete." })),
        Command::Logs(args) => logs(args).await,
        Command::Invoke(args) => invoke(args).await,
        Command::MigrateUp(stack) => migrate(stack, Direction::Up).await,
        Command::MigrateDown(stack) => migrate(stack, Direction::Down).await,
        Command::Admin(admin) => grant_operator(admin).await,
        Command::Seed(options) => seed(options).await,
        Command::Mysql(folder) => mysql(folder.data).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn up(up: Up) -> Result<(), CloudError> {
    let detail = if up.verbose { Detail::Verbose } else { Detail::Brief };
    let fault_config = up.faults.map(|faults| FaultConfig { seed: up.seed.or(faults.seed), ..faults });
    let mut options = options(up.stack);
    options.port = up.port;
    options.host = up.host;
    let host = up.host;
    options.inspect = true;
    options.lambda = LambdaOptions {
        journal: Arc::new(Journal::new(detail)),
        freeze: up.freeze,
        invoke: up.invoke,
        ..LambdaOptions::default()
    };
    options.static_dir = Some(options.template.with_file_name("local").join("web")).filter(|web| web.is_dir());
    local::open_files::raise_limit();
    let web = options.static_dir.is_some();
    let mut shutdown = ShutdownSignal::watch()?;
    let builder = if up.watch { Some(builder(&options)?) } else { None };
    let template = options.template.clone();
    print_line("Starting …");
    let cloud = tokio::select! {
        cloud = Cloud::start(options) => cloud?,
        () = shutdown.recv() => return Ok(()),
    };
    // Set faults after the start: a start that fails at random is useless.
    if let Some(Err(wrong)) = fault_config.map(|faults| cloud.faults().set(faults)) {
        cloud.stop().await;
        return Err(CloudError::CommandFailed(format!("--faults: {wrong}")));
    }
    print_line(&greeting(&cloud, web));
    if !host.is_loopback() {
        print_line("The cloud is reachable from the network, and its secrets are public. Only this machine can inspect it.\n");
    }
    if let Some(builder) = builder {
        print_line("Watching sources: changed functions are rebuilt and replaced.\n");
        let root = watch::workspace_root(&template);
        let template = template.file_name().map(PathBuf::from).unwrap_or_default();
        let watch = Watch { root, template, stack: cloud.stack().clone(), lambda: cloud.lambda().clone(), builder };
        tokio::select! {
            () = watch.run() => {}
            () = shutdown.recv() => {}
        }
    } else {
        shutdown.recv().await;
    }
    print_line("Stopping …");
    cloud.stop().await;
    Ok(())
}

fn faults(text: &str) -> Result<FaultConfig, String> {
    let read = |file| std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"));
    let json = text.strip_prefix('@').map_or_else(|| Ok(text.as_bytes().to_vec()), read)?;
    Faults::parse(&json).map_err(|wrong| wrong.to_string())
}

fn builder(options: &CloudOptions) -> Result<Builder, CloudError> {
    let folder = options.binary_dir()?;
    Builder::cargo(&folder).ok_or_else(|| {
        CloudError::CommandFailed(format!("--watch builds into target/debug or target/release, not into {}", folder.display()))
    })
}

fn greeting(cloud: &Cloud, web: bool) -> String {
    let (http, socket, database) = (cloud.http_url(), cloud.ws_url(), cloud.database_url());
    let web = if web { format!("  Web        {http}/\n") } else { String::new() };
    // Do not print the password of an external database.
    let database = match database.split_once("://").zip(database.rsplit_once('@')) {
        Some(((scheme, _), (_, place))) if cloud.mysql().is_none() => format!("{scheme}://{place}"),
        _ => database,
    };
    format!(
        "\n  HTTP       {http}\n{web}  WebSocket  {socket}\n  Docs       {http}/docs\n  Inspect    {http}/_local/\n  Database   {database}\n\n  \
         curl -i {http}/health\n  \
         curl -s {http}/api/auth/register -H 'content-type: application/json' -d '{{\"username\":\"ada\",\"password\":\"a long passphrase\"}}'\n  \
         wscat -c \"{socket}\" -H \"Authorization: <access token>\"\n\n  Ctrl-C stops it.\n"
    )
}

async fn logs(args: Logs) -> Result<(), CloudError> {
    let data = args.stack.folder.data.clone();
    let options = options(args.stack);
    let mut shutdown = ShutdownSignal::watch()?;
    tokio::select! {
        done = cloud::logs(&data, &options, args.function.as_deref(), args.follow) => done,
        () = shutdown.recv() => Ok(()),
    }
}

async fn invoke(args: Invoke) -> Result<(), CloudError> {
    let data = args.stack.folder.data.clone();
    let event = match &args.event {
        None => b"{}".to_vec(),
        Some(file) => {
            let file = if file.as_os_str() == "-" { Path::new("/dev/stdin") } else { file.as_path() };
            std::fs::read(file).map_err(|source| CloudError::Io { what: format!("read {}", file.display()), source })?
        }
    };
    let (options, function) = (options(args.stack), args.function);
    let answer = cloud::invoke(&data, &options, &function, event.into()).await?;
    print_line(&answer);
    Ok(())
}

async fn migrate(stack: StackArgs, direction: Direction) -> Result<(), CloudError> {
    let answer = cloud::migrate(options(stack), direction).await?;
    print_line(&answer);
    Ok(())
}

async fn grant_operator(admin: Admin) -> Result<(), CloudError> {
    if admin.username.is_empty() {
        return Err(CloudError::CommandFailed("the username is missing: `make admin user=ann`".into()));
    }
    let answer = cloud::grant_operator(options(admin.stack), &admin.username).await?;
    print_line(&answer);
    Ok(())
}

async fn seed(options: Seed) -> Result<(), CloudError> {
    let not_running =
        || CloudError::CommandFailed("no cloud runs on the data folder; start one with `make run`, or specify --url".into());
    let url = options.url.or_else(|| cloud::running_url(&options.folder.data)).ok_or_else(not_running)?;
    print_line(&format!("Filling {url} …"));
    let seeded = seed::seed(&url).await.map_err(|error| CloudError::CommandFailed(error.to_string()))?;
    let status = if seeded.already { "All users exist already" } else { "All users are created" };
    print_line(&format!(
        "{status}; the busiest room has {} messages.\n\n  URL        {url}\n  Password   {}\n  Names      {}\n",
        seeded.busiest,
        seed::PASSWORD,
        seeded.usernames.join(" ")
    ));
    Ok(())
}

async fn mysql(data: PathBuf) -> Result<(), CloudError> {
    let mut shutdown = ShutdownSignal::watch()?;
    let database = Database::start(&DataLocation::Persistent(data)).await?;
    print_line(&database.url());
    shutdown.recv().await;
    database.stop().await;
    Ok(())
}

fn options(stack: StackArgs) -> CloudOptions {
    CloudOptions {
        config_env: stack.config_env,
        bin_dir: stack.bin_dir,
        data: DataLocation::Persistent(stack.folder.data),
        // Functions get only UTF-8 variables.
        env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<BTreeMap<_, _>>(),
        ..CloudOptions::new(stack.template)
    }
}

/// Ctrl-C, SIGTERM or a closed terminal.
struct ShutdownSignal {
    signals: [tokio::signal::unix::Signal; 3],
}

impl ShutdownSignal {
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
fn print_error(error: &CloudError) {
    eprintln!("local: {error}");
}
