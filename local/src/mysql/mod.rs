//! A private MySQL-compatible server on loopback with its own data folder. It never outlives this process; a stale server does not block the next start.

mod install;
mod probe;

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::install::Installation;
pub use self::probe::Probe;
use crate::watchdog::Watchdog;

/// Options of the server.
#[derive(Clone, Debug, Default)]
pub struct MySqlOptions {
    /// Whether commits wait for the disk. Without it, commits survive a killed server but not a power failure, which suffices for tests.
    pub durable: bool,
    /// Port; any free one by default.
    pub port: Option<u16>,
}

/// Why the database is unavailable.
#[derive(Debug)]
pub enum MySqlError {
    /// No server binary was found.
    NoServer,
    /// The data folder could not be created.
    NotInitialised {
        /// Output of the server's tool.
        output: String,
    },
    /// The server exited, or did not respond in time.
    NotStarted {
        /// The last lines of its log.
        log: String,
    },
    /// A file or process operation failed.
    Io {
        /// The operation and its subject.
        what: String,
        source: io::Error,
    },
}

impl MySqlError {
    fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { what: format!("{verb} {}", path.display()), source }
    }
}

impl fmt::Display for MySqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str(
                "no MariaDB or MySQL server found: run scripts/mariadb.sh, or set DATABASE_URL to a database of your own",
            ),
            Self::NotInitialised { output } => write!(f, "could not create the database's data folder:\n{output}"),
            Self::NotStarted { log } => write!(f, "the database did not start; its log ends with:\n{log}"),
            Self::Io { what, source } => write!(f, "could not {what}: {source}"),
        }
    }
}

impl std::error::Error for MySqlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A running server. Dropping the last clone kills it.
#[derive(Clone, Debug)]
pub struct MySql(Arc<Server>);

#[derive(Debug)]
struct Server {
    process: Mutex<Option<Child>>,
    installation: Installation,
    data: PathBuf,
    port: AtomicU16,
    durable: bool,
    /// False after a deliberate stop: the server must not be restarted.
    should_run: AtomicBool,
    watchdog: Arc<Watchdog>,
    /// Removed after the server is killed: fields are dropped after `drop`.
    _temporary: Option<tempfile::TempDir>,
}

impl MySql {
    /// Starts a server on this data folder and creates it if missing. Stops a stale server on the same folder first.
    pub async fn start(data: &Path, options: MySqlOptions) -> Result<Self, MySqlError> {
        let data = std::path::absolute(data).map_err(|source| MySqlError::io("find", data, source))?;
        blocking(move || Server::start(data, None, &options)).await
    }

    /// Starts a server on a temporary folder.
    pub async fn temporary(options: MySqlOptions) -> Result<Self, MySqlError> {
        blocking(move || {
            let folder = tempfile::Builder::new()
                .prefix("conchat-mysql-")
                .tempdir()
                .map_err(|source| MySqlError::io("make a folder in", &std::env::temp_dir(), source))?;
            Server::start(folder.path().join("data"), Some(folder), &options)
        })
        .await
    }

    /// `mysql://…` of a user with all privileges.
    pub fn url(&self) -> String {
        format!("mysql://conchat:conchat@127.0.0.1:{}/conchat", self.0.port())
    }

    /// `mysql://…` of a user who may only read and change rows.
    pub fn restricted_url(&self) -> String {
        format!("mysql://functions:functions@127.0.0.1:{}/conchat", self.0.port())
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.0.port()).into()
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.0.process().as_ref().map(Child::id)
    }

    /// A weak handle to the server.
    pub fn probe(&self) -> Probe {
        Probe::new(&self.0)
    }

    /// Kills the server like a crash.
    pub async fn kill(&self) {
        self.end(Signal::SIGKILL).await;
    }

    /// Shuts the server down; kills it after ten seconds.
    pub async fn stop(&self) {
        self.end(Signal::SIGTERM).await;
    }

    /// Starts it again on the same data and port, after stopping it if necessary.
    pub async fn restart(&self) -> Result<(), MySqlError> {
        let server = self.0.clone();
        blocking(move || {
            server.end(Signal::SIGTERM);
            server.should_run.store(true, Ordering::Release);
            server.run()
        })
        .await
    }

    async fn end(&self, signal: Signal) {
        let server = self.0.clone();
        // Set the flag first: a concurrent start either sees it or has already stored its process.
        server.should_run.store(false, Ordering::Release);
        let _ = tokio::task::spawn_blocking(move || server.end(signal)).await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, MySqlError> + Send + 'static) -> Result<T, MySqlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(MySqlError::Io { what: "wait for the database".into(), source: io::Error::other(stopped) }))
}

impl Server {
    fn start(data: PathBuf, temporary: Option<tempfile::TempDir>, options: &MySqlOptions) -> Result<MySql, MySqlError> {
        let installation = Installation::find()?;
        let watchdog = Watchdog::acquire().map_err(|source| MySqlError::io("run", Path::new("/bin/sh"), source))?;
        if let Some(folder) = &temporary {
            watchdog.remove_after_death(folder.path()).map_err(|source| MySqlError::io("guard", folder.path(), source))?;
        }
        installation.prepare(&data)?;
        stop_stale(&data);
        let server = Self {
            process: Mutex::new(None),
            installation,
            data,
            port: AtomicU16::new(0),
            durable: options.durable,
            should_run: AtomicBool::new(true),
            watchdog,
            _temporary: temporary,
        };
        // Another process may take the free port before its use: retry with another one.
        let mut attempts = if options.port.is_some() { 1 } else { 5 };
        loop {
            attempts -= 1;
            let port = options
                .port
                .map_or_else(free_port, Ok)
                .map_err(|source| MySqlError::io("find", Path::new("a free port"), source))?;
            server.port.store(port, Ordering::Relaxed);
            match server.run() {
                Ok(()) => return Ok(MySql(Arc::new(server))),
                Err(MySqlError::NotStarted { log }) if attempts > 0 && log.contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) -> Result<(), MySqlError> {
        let init_file = self.data.join("init.sql");
        fs::write(&init_file, INIT).map_err(|source| MySqlError::io("write", &init_file, source))?;
        let log_file = self.data.join("server.log");
        let log = fs::File::create(&log_file).map_err(|source| MySqlError::io("write", &log_file, source))?;
        // A starting server deletes foreign temporary tables, so a shared folder would lose those of other servers. The dot keeps the folder from
        // being listed as a database.
        let passing = self.data.join(".tmp");
        fs::create_dir_all(&passing).map_err(|source| MySqlError::io("make", &passing, source))?;
        let mut command = self.installation.command();
        command
            .args(SETTINGS)
            .args(if self.durable { DURABLE } else { FAST })
            .arg(format!("--port={}", self.port()))
            .arg(format!("--datadir={}", self.data.display()))
            .arg(format!("--tmpdir={}", passing.display()))
            .arg(format!("--init-file={}", init_file.display()))
            .process_group(self.watchdog.group())
            .stdout(log.try_clone().map_or_else(|_| Stdio::null(), Stdio::from))
            .stderr(log);
        let program = PathBuf::from(command.get_program());
        {
            let mut process = self.process();
            if !self.should_run.load(Ordering::Acquire) {
                return Err(MySqlError::NotStarted { log: "(stopped during its start)".into() });
            }
            *process = Some(command.spawn().map_err(|source| MySqlError::io("run", &program, source))?);
        }
        let started = Instant::now();
        while !self.accepts_connections() {
            let ended = match self.process().as_mut().map(Child::try_wait) {
                Some(Ok(None)) => started.elapsed() > Duration::from_mins(1),
                _ => true,
            };
            if ended {
                self.end(Signal::SIGKILL);
                return Err(MySqlError::NotStarted { log: last_lines(&log_file) });
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether the server accepts connections; it does so only after running the init file.
    fn accepts_connections(&self) -> bool {
        let greeted = || {
            let address = (Ipv4Addr::LOCALHOST, self.port()).into();
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.read(&mut [0_u8; 16])
        };
        matches!(greeted(), Ok(bytes) if bytes > 0)
    }

    fn end(&self, signal: Signal) {
        let Some(mut child) = self.process().take() else { return };
        if let Ok(pid) = i32::try_from(child.id()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
        let asked = Instant::now();
        while signal != Signal::SIGKILL && asked.elapsed() < Duration::from_secs(10) {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Signal::SIGKILL);
    }
}

/// One statement per line, as the init file requires. `localhost` is the socket, the address is TCP: name resolution is off.
const INIT: &str = "\
CREATE DATABASE IF NOT EXISTS conchat CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE USER IF NOT EXISTS 'conchat'@'127.0.0.1' IDENTIFIED BY 'conchat';
CREATE USER IF NOT EXISTS 'conchat'@'localhost' IDENTIFIED BY 'conchat';
GRANT ALL ON *.* TO 'conchat'@'127.0.0.1' WITH GRANT OPTION;
GRANT ALL ON *.* TO 'conchat'@'localhost' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS 'functions'@'127.0.0.1' IDENTIFIED BY 'functions';
GRANT SELECT, INSERT, UPDATE, DELETE ON conchat.* TO 'functions'@'127.0.0.1';
";

/// MySQL 8's strict defaults, so that accepted statements are portable; `loose-` where only one server knows a setting. File names are relative to
/// the data folder, because a socket's path must be short.
const SETTINGS: [&str; 16] = [
    "--bind-address=127.0.0.1",
    "--socket=server.sock",
    "--pid-file=server.pid",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--default-time-zone=+00:00",
    "--sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    "--max-connections=400",
    "--innodb-buffer-pool-size=128M",
    "--loose-innodb-buffer-pool-dump-at-shutdown=OFF",
    "--loose-innodb-autoextend-increment=4",
    "--loose-performance-schema=OFF",
    "--loose-aria-log-file-size=8M",
    "--loose-mysqlx=OFF",
];
const DURABLE: [&str; 2] = ["--innodb-flush-log-at-trx-commit=1", "--loose-innodb-log-file-size=32M"];
const FAST: [&str; 2] = ["--innodb-flush-log-at-trx-commit=2", "--loose-innodb-log-file-size=16M"];

/// Stops a server left over from a killed start. Its pid file names it; its command line proves that it uses this data folder.
fn stop_stale(data: &Path) {
    let pid = fs::read_to_string(data.join("server.pid")).ok().and_then(|text| text.trim().parse::<i32>().ok());
    let Some(pid) = pid.filter(|pid| *pid > 1) else { return };
    let ours = format!("--datadir={}", data.display());
    let asked = Instant::now();
    let mut signal = Signal::SIGTERM;
    while command_line(pid).is_some_and(|line| line.contains(&ours)) && asked.elapsed() < Duration::from_secs(15) {
        let _ = kill(Pid::from_raw(pid), signal);
        thread::sleep(Duration::from_millis(100));
        if asked.elapsed() > Duration::from_secs(10) {
            signal = Signal::SIGKILL;
        }
    }
}

fn command_line(pid: i32) -> Option<String> {
    if let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&line).into_owned());
    }
    let listed = std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&listed.stdout).into_owned())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
