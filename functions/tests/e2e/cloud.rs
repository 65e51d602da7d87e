//! The test environment: a shared local cloud, and separate clouds for tests that break things.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};

use local::cloud::{Cloud, CloudOptions};
use local::logs::Journal;

use crate::api::Api;
use crate::log_lines::Lines;

/// A backend and its URLs.
pub(crate) struct World {
    pub(crate) api: Api,
    /// The URL of sockets.
    pub(crate) ws: String,
    cloud: Option<Running>,
}

/// An environment variable: name and value.
#[derive(Clone, Copy)]
pub(crate) struct Variable<'a>(pub(crate) &'a str, pub(crate) &'a str);

/// A local cloud and the output of its functions.
#[derive(Clone)]
struct Running {
    cloud: Arc<Cloud>,
    lines: Arc<Lines>,
}

impl World {
    fn of(running: Running) -> Self {
        Self { api: Api::new(&running.cloud.http_url()), ws: running.cloud.ws_url(), cloud: Some(running) }
    }

    /// The local cloud, for tests that inspect or break it.
    pub(crate) fn cloud(&self) -> &Cloud {
        &self.running().cloud
    }

    /// The output of its functions.
    pub(crate) fn lines(&self) -> &Lines {
        &self.running().lines
    }

    fn running(&self) -> &Running {
        self.cloud.as_ref().expect("this test needs the local cloud")
    }
}

/// Every test ends by checking the functions' output; of parallel tests the first one to end checks for all.
impl Drop for World {
    fn drop(&mut self) {
        if let (Some(running), false) = (&self.cloud, std::thread::panicking()) {
            running.lines.assert_clean();
        }
    }
}

/// The backend shared by most tests. Each test has its own client, because connections belong to a runtime.
#[expect(clippy::disallowed_methods, reason = "which deployment to test is said by whoever runs the tests")]
pub(crate) fn world() -> World {
    static CLOUD: OnceLock<Running> = OnceLock::new();
    match (std::env::var("API_URL"), std::env::var("WS_URL")) {
        (Ok(api), Ok(ws)) => World { api: Api::new(&api), ws, cloud: None },
        _ => World::of(CLOUD.get_or_init(|| start(&[])).clone()),
    }
}

/// The same without rate limits.
pub(crate) fn unlimited_world() -> World {
    static CLOUD: OnceLock<Running> = OnceLock::new();
    const RATES: [&str; 9] = [
        "RATE_SEND",
        "RATE_CHANGE",
        "RATE_REPEAT",
        "RATE_FRAMES",
        "RATE_ACT",
        "RATE_REACH",
        "RATE_SEARCH",
        "RATE_UPLOAD",
        "RATE_WORK",
    ];
    World::of(CLOUD.get_or_init(|| start(&RATES.map(|rate| Variable(rate, "100000/60")))).clone())
}

/// Starts a backend for one test with these environment variables; it stops when dropped.
pub(crate) fn own_world(env: &[Variable<'_>]) -> World {
    World::of(start(env))
}

/// A cloud has its own thread, so that no test's runtime owns it.
fn start(env: &[Variable<'_>]) -> Running {
    let env: BTreeMap<String, String> = env.iter().map(|Variable(name, value)| ((*name).into(), (*value).into())).collect();
    let (tell, told) = mpsc::channel();
    let lines = Arc::new(Lines::default());
    let reader = Arc::clone(&lines);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut options = CloudOptions::new(template());
            options.bin_dir = Some(binaries());
            options.env = env;
            options.inspect = true;
            options.lambda.journal = Arc::new(Journal::with_observer(move |invocation| reader.read(invocation)));
            let cloud = Arc::new(Cloud::start(options).await.expect("the local cloud starts"));
            let watched = Arc::downgrade(&cloud);
            tell.send(cloud).expect("someone waits");
            while watched.strong_count() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        });
    });
    Running { cloud: told.recv().expect("the local cloud starts"), lines }
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("template.yaml")
}

/// Cargo builds the functions before these tests and provides their paths.
fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_send")).parent().expect("a folder").to_owned()
}
