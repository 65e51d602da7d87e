//! The command line of the local cloud; whatever it starts is ended before it ends, and every failure says what to do.
#![expect(clippy::disallowed_methods, reason = "the environment of this command is the configuration that it passes on")]

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use local::{
    cloud::{self, Cloud, CloudError, CloudOptions, Data, Database, Direction},
    faults::{Faults, Schedule},
    lambda::LambdaOptions,
    logs::{Detail, Journal, say},
    seed,
    watch::{self, Builder, Watch},
};
use tokio::signal::unix::{SignalKind, signal};

/// The cloud on a laptop: what template.yaml declares, on this machine.
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
    /// Forgets all data.
    Reset(Place),
    /// Shows what the functions of the running cloud printed last.
    Logs(Logs),
    /// Invokes a function of the running cloud and prints its result.
    Invoke(Invoke),
    /// Brings the database's schema to its newest version.
    MigrateUp(Stack),
    /// Takes the database's schema back by one version.
    MigrateDown(Stack),
    /// Makes a person an operator, who may then use `/api/admin`.
    Admin(Admin),
    /// Fills the cloud that is up with people, rooms and messages, and says who can log in.
    Seed(Seed),
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
    /// Builds functions again when their sources change; new instances serve, and sockets stay open.
    #[arg(long)]
    watch: bool,
    /// Has the functions run at this endpoint of Lambda's Invoke API, such as that of `sam local start-lambda`, instead of as processes here.
    #[arg(long, value_name = "URL", conflicts_with_all = ["watch", "freeze"])]
    invoke: Option<String>,
    /// What is to break from the start, as `PUT /_local/faults` takes it: JSON, or @ and the name of a file.
    #[arg(long, value_name = "JSON", value_parser = faults)]
    faults: Option<Schedule>,
    /// What the dice of the faults are made of.
    #[arg(long, requires = "faults")]
    seed: Option<u64>,
}

#[derive(Args)]
struct Logs {
    /// Only of this function: its binary (`auth`) or its name in the template (`AuthFunction`).
    function: Option<String>,
    /// Goes on until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    stack: Stack,
}

#[derive(Args)]
struct Invoke {
    /// Its binary (`auth`) or its name in the template (`AuthFunction`).
    function: String,
    /// A file with the event, or - for standard input; without one the event is `{}`.
    event: Option<PathBuf>,
    #[command(flatten)]
    stack: Stack,
}

#[derive(Args)]
struct Seed {
    #[command(flatten)]
    place: Place,
    /// Base of the HTTP API; by default that of the cloud which runs on the data folder.
    #[arg(long)]
    url: Option<String>,
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
struct Admin {
    /// The person's username.
    username: String,
    #[command(flatten)]
    stack: Stack,
}

#[derive(Args)]
struct Place {
    /// The data folder.
    #[arg(long, default_value = ".local")]
    data: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Local::parse().command;
    // What the gateway has to say besides the invocations. The stores would warn of every refused condition, which is daily business, and what
    // the template's reader warns of is news only to whoever starts a cloud.
    let told = if matches!(command, Command::Up(_)) { "warn,dynoxide=error,s3s=error,s3s_fs=error" } else { "error" };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(told))
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    let done = match command {
        Command::Up(options) => up(*options).await,
        Command::Reset(place) => cloud::reset(&place.data)
            .map(|found| say(if found { "Everything is forgotten." } else { "There is nothing to forget." })),
        Command::Logs(wanted) => logs(wanted).await,
        Command::Invoke(wanted) => invoke(wanted).await,
        Command::MigrateUp(stack) => migrate(stack, Direction::Up).await,
        Command::MigrateDown(stack) => migrate(stack, Direction::Down).await,
        Command::Admin(admin) => appoint(admin).await,
        Command::Seed(options) => seed(options).await,
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
    let broken = up.faults.map(|faults| Schedule { seed: up.seed.or(faults.seed), ..faults });
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
    local::open_files::raise();
    let web = options.static_dir.is_some();
    let mut ended = Ended::watch()?;
    let builder = if up.watch { Some(builder(&options)?) } else { None };
    let template = options.template.clone();
    say("Starting …");
    let cloud = tokio::select! {
        cloud = Cloud::start(options) => cloud?,
        () = ended.recv() => return Ok(()),
    };
    // Not before it is up: a start that fails by chance is no use to anybody.
    if let Some(Err(wrong)) = broken.map(|faults| cloud.faults().set(faults)) {
        cloud.stop().await;
        return Err(CloudError::Failed(format!("--faults: {wrong}")));
    }
    say(&greeting(&cloud, web));
    if !host.is_loopback() {
        say(
            "Others in this network can reach it, and its secrets are the ones that everybody knows. Only this machine can inspect it.\n",
        );
    }
    if let Some(builder) = builder {
        say("Sources are watched: what changes is built again and serves.\n");
        let root = watch::root_of(&template);
        let template = template.file_name().map(PathBuf::from).unwrap_or_default();
        let watch = Watch { root, template, stack: cloud.stack().clone(), lambda: cloud.lambda().clone(), builder };
        tokio::select! {
            () = watch.run() => {}
            () = ended.recv() => {}
        }
    } else {
        ended.recv().await;
    }
    say("Stopping …");
    cloud.stop().await;
    Ok(())
}

fn faults(text: &str) -> Result<Schedule, String> {
    let read = |file| std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"));
    let json = text.strip_prefix('@').map_or_else(|| Ok(text.as_bytes().to_vec()), read)?;
    Faults::parse(&json).map_err(|wrong| wrong.to_string())
}

fn builder(options: &CloudOptions) -> Result<Builder, CloudError> {
    let folder = options.binaries()?;
    Builder::cargo(&folder).ok_or_else(|| {
        CloudError::Failed(format!("--watch builds into target/debug or target/release, not into {}", folder.display()))
    })
}

fn greeting(cloud: &Cloud, web: bool) -> String {
    let (http, socket, database) = (cloud.http_url(), cloud.ws_url(), cloud.database_url());
    let web = if web { format!("  Web        {http}/\n") } else { String::new() };
    // The password of a database of one's own is not for the terminal.
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

async fn logs(wanted: Logs) -> Result<(), CloudError> {
    let data = wanted.stack.place.data.clone();
    let options = options(wanted.stack);
    let mut ended = Ended::watch()?;
    tokio::select! {
        done = cloud::logs(&data, &options, wanted.function.as_deref(), wanted.follow) => done,
        () = ended.recv() => Ok(()),
    }
}

async fn invoke(wanted: Invoke) -> Result<(), CloudError> {
    let data = wanted.stack.place.data.clone();
    let event = match &wanted.event {
        None => b"{}".to_vec(),
        Some(file) => {
            let file = if file.as_os_str() == "-" { Path::new("/dev/stdin") } else { file.as_path() };
            std::fs::read(file).map_err(|source| CloudError::Io { what: format!("read {}", file.display()), source })?
        }
    };
    let (options, function) = (options(wanted.stack), wanted.function);
    let answer = cloud::invoke(&data, &options, &function, event.into()).await?;
    say(&answer);
    Ok(())
}

async fn migrate(stack: Stack, direction: Direction) -> Result<(), CloudError> {
    let answer = cloud::migrate(options(stack), direction).await?;
    say(&answer);
    Ok(())
}

async fn appoint(admin: Admin) -> Result<(), CloudError> {
    if admin.username.is_empty() {
        return Err(CloudError::Failed("say whom: `make admin user=ann`".into()));
    }
    let answer = cloud::appoint(options(admin.stack), &admin.username).await?;
    say(&answer);
    Ok(())
}

async fn seed(options: Seed) -> Result<(), CloudError> {
    let nowhere =
        || CloudError::Failed("no cloud is up on the data folder; start one with `make run`, or name one with --url".into());
    let url = options.url.or_else(|| cloud::running_at(&options.place.data)).ok_or_else(nowhere)?;
    say(&format!("Filling {url} …"));
    let seeded = seed::seed(&url).await.map_err(|error| CloudError::Failed(error.to_string()))?;
    let news = if seeded.already { "Everybody is there already" } else { "Everybody has arrived" };
    say(&format!(
        "{news}; the busiest room has {} messages.\n\n  URL        {url}\n  Password   {}\n  Names      {}\n",
        seeded.busiest,
        seed::PASSWORD,
        seeded.usernames.join(" ")
    ));
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
