//! The server's binaries and its data folder. A folder is either complete or absent: it is created under another name and renamed.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::MySqlError;

/// The server's binary, and the package root if it is not installed.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    server: PathBuf,
    /// The root of an unpacked package, as created by `scripts/mariadb.sh`.
    unpacked: Option<PathBuf>,
    version: String,
}

impl Installation {
    /// Searches `PATH`, the usual package locations, and `.local/mariadb` in this and all parent folders.
    pub(super) fn find() -> Result<Self, MySqlError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed = std::env::split_paths(&path)
            .chain(["/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin", "/opt/homebrew/bin"].map(PathBuf::from))
            .map(|folder| (folder, None));
        let unpacked = starting_points().into_iter().flat_map(|start| {
            start
                .ancestors()
                .map(|above| above.join(".local/mariadb"))
                .map(|root| (root.join("usr/sbin"), Some(root)))
                .collect::<Vec<_>>()
        });
        let (server, unpacked) = installed
            .chain(unpacked)
            .flat_map(|(folder, root)| ["mariadbd", "mysqld"].map(|name| (folder.join(name), root.clone())))
            .find(|(server, _)| server.is_file())
            .ok_or(MySqlError::NoServer)?;
        let mut found = Self { server, unpacked, version: String::new() };
        let answer = run(found.command().arg("--version"))?;
        found.version = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(found)
    }

    /// The server's command with `--no-defaults` (which must come first) and the options that its location requires.
    pub(super) fn command(&self) -> Command {
        let mut command = self.tool(&self.server);
        command.arg("--no-defaults");
        if let Some(root) = &self.unpacked {
            command.arg(format!("--basedir={}", root.join("usr").display()));
        }
        if nix::unistd::geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    }

    /// Creates the data folder if it is missing, from a cached template.
    pub(super) fn prepare(&self, data: &Path) -> Result<(), MySqlError> {
        if data.join("mysql").is_dir() {
            return Ok(());
        }
        let template = template_folder(data).join(format!("mysql-template-{}", self.fingerprint()));
        if !template.is_dir() {
            create_atomically(&template, |aside| self.initialise(aside))?;
        }
        create_atomically(data, |aside| {
            copy(&template, aside).map_err(|source| MySqlError::io("copy the empty database to", aside, source))
        })
    }

    fn initialise(&self, folder: &Path) -> Result<(), MySqlError> {
        let datadir = format!("--datadir={}", folder.display());
        let small =
            ["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:4M:autoextend", "--innodb-autoextend-increment=4"];
        let mut command = if self.version.contains("MariaDB") {
            let mut command = self.tool(&self.installer()?);
            command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
            // Name resolution may not work in containers, and is not needed.
            command.arg("--force");
            if let Some(root) = &self.unpacked {
                command.arg(format!("--basedir={}", root.join("usr").display()));
            }
            if nix::unistd::geteuid().is_root() {
                command.arg("--user=root");
            }
            command.args(["--aria-log-file-size=8M", &datadir]);
            command
        } else {
            let mut command = self.command();
            command.args(["--initialize-insecure", &datadir]);
            command
        };
        // A starting server deletes foreign temporary tables; give each server its own temporary folder.
        let temporary = folder.with_extension("passing");
        std::fs::create_dir_all(&temporary).map_err(|source| MySqlError::io("make", &temporary, source))?;
        let output = run(command.args(small).env("TMPDIR", &temporary));
        drop(std::fs::remove_dir_all(&temporary));
        let output = output?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(MySqlError::NotInitialised { output: String::from_utf8_lossy(&said).trim().to_owned() })
    }

    fn installer(&self) -> Result<PathBuf, MySqlError> {
        let beside = self.server.parent().map(Path::to_path_buf).unwrap_or_default();
        [beside.clone(), beside.join("../bin"), beside.join("../scripts"), PathBuf::from("/usr/bin")]
            .into_iter()
            .flat_map(|folder| ["mariadb-install-db", "mysql_install_db"].map(|name| folder.join(name)))
            .find(|tool| tool.is_file())
            .ok_or(MySqlError::NoServer)
    }

    fn tool(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        if let Some(root) = &self.unpacked {
            let usr = root.join("usr");
            command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", usr.join("bin").display()));
            command.env("LD_LIBRARY_PATH", libraries(root));
        }
        command
    }

    fn fingerprint(&self) -> String {
        let version = self.version.split_whitespace().skip_while(|word| *word != "Ver").nth(1).unwrap_or("unknown");
        version.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
    }
}

fn starting_points() -> Vec<PathBuf> {
    std::env::current_dir().into_iter().chain(std::env::current_exe()).collect()
}

/// The build folder if the executable is inside one (shared by all test binaries), else beside the data folder.
fn template_folder(data: &Path) -> PathBuf {
    let build = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.ancestors().find(|above| above.join("CACHEDIR.TAG").is_file()).map(Path::to_path_buf));
    build.unwrap_or_else(|| data.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// Creates a folder atomically. Of two concurrent creators, the first rename wins; the other result is discarded.
fn create_atomically(folder: &Path, make: impl FnOnce(&Path) -> Result<(), MySqlError>) -> Result<(), MySqlError> {
    let aside = folder.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&aside).map_err(|source| MySqlError::io("make", &aside, source))?;
    let done = make(&aside).and_then(|()| {
        // An empty folder may exist already, for example a temporary one.
        let _ = fs::remove_dir(folder);
        match fs::rename(&aside, folder) {
            Err(source) if !folder.join("mysql").is_dir() => Err(MySqlError::io("move the new database to", folder, source)),
            _ => Ok(()),
        }
    });
    if aside.exists() {
        let _ = fs::remove_dir_all(&aside);
    }
    done
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn libraries(root: &Path) -> String {
    let folders = ["usr/lib", "lib"].map(|place| root.join(place));
    let triplets =
        folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
    let all = folders.iter().cloned().chain(triplets).filter(|folder| folder.is_dir());
    all.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}

fn run(command: &mut Command) -> Result<Output, MySqlError> {
    let program = PathBuf::from(command.get_program());
    command.process_group(0).output().map_err(|source| MySqlError::io("run", &program, source))
}
