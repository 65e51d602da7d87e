//! The measured backend: the deployed binaries behind the local cloud, in this or a separate process, with durable data.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local::cloud::{Cloud, CloudOptions, DataLocation};
use tokio::runtime::Handle;

use crate::Outcome;
use crate::api::Api;

/// The argument that makes this program serve a backend.
pub(crate) const SERVE: &str = "serve";

/// A backend in this process with its own threads.
pub(crate) struct Backend {
    pub(crate) api: Api,
    pub(crate) ws: String,
    pub(crate) cloud: Cloud,
    pub(crate) started_in: Duration,
    clouds: Handle,
}

impl Backend {
    pub(crate) async fn start(clouds: &Handle, folder: &Path, env: BTreeMap<String, String>) -> Outcome<Self> {
        let mut options = options(folder)?;
        options.env = env;
        let begun = Instant::now();
        let cloud = clouds.spawn(Cloud::start(options)).await?.map_err(|error| error.to_string())?;
        let started_in = begun.elapsed();
        let (api, ws) = (Api::new(&cloud.http_url()), cloud.ws_url());
        Ok(Self { api, ws, cloud, started_in, clouds: clouds.clone() })
    }

    pub(crate) async fn stop(self) -> Outcome<()> {
        Ok(self.clouds.spawn(self.cloud.stop()).await?)
    }
}

/// A backend in a separate process.
pub(crate) struct Apart {
    pub(crate) api: Api,
    pub(crate) ws: String,
    process: Child,
}

impl Apart {
    pub(crate) fn start(folder: &Path) -> Outcome<Self> {
        let mut process =
            Command::new(std::env::current_exe()?).arg(SERVE).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let (http, ws) = line.trim().split_once(' ').ok_or("the backend did not start")?;
        Ok(Self { api: Api::new(http), ws: ws.to_owned(), process })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn stop(mut self) -> Outcome<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the backend ended with {status}").into()) }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // After an error; its children end with it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Serves a backend and prints its URLs until standard input closes.
pub(crate) async fn serve(folder: &Path) -> Outcome<()> {
    let cloud = Cloud::start(options(folder)?).await.map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{} {}", cloud.http_url(), cloud.ws_url())?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    cloud.stop().await;
    Ok(())
}

/// The functions that cargo builds for this program.
pub(crate) fn binaries() -> Outcome<PathBuf> {
    Ok(Path::new(env!("CARGO_BIN_EXE_send")).parent().ok_or("no folder")?.to_owned())
}

fn options(folder: &Path) -> Outcome<CloudOptions> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let mut options = CloudOptions::new(workspace.join("template.yaml"));
    options.bin_dir = Some(binaries()?);
    // Commits wait for the disk, as in production.
    options.data = DataLocation::Persistent(folder.join("data"));
    Ok(options)
}
