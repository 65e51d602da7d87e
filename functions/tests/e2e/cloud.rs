//! Where the tests run: one local cloud for all of them, and clouds of their own for those that break things.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};

use local::cloud::{Cloud, CloudOptions};
use local::logs::Journal;

use crate::api::Api;
use crate::canary_lines::Lines;

/// A backend and the ways to it.
pub(crate) struct World {
    pub(crate) api: Api,
    /// Where sockets are opened.
    pub(crate) ws: String,
    cloud: Option<Running>,
}

/// A local cloud, and what its functions print.
#[derive(Clone)]
struct Running {
    cloud: Arc<Cloud>,
    lines: Arc<Lines>,
}

impl World {
    fn of(running: Running) -> Self {
        Self { api: Api::new(&running.cloud.http_url()), ws: running.cloud.ws_url(), cloud: Some(running) }
    }

    /// The local cloud behind it, for tests that look inside or break something.
    pub(crate) fn cloud(&self) -> &Cloud {
        &self.running().cloud
    }

    /// What its functions print.
    pub(crate) fn lines(&self) -> &Lines {
        &self.running().lines
    }

    fn running(&self) -> &Running {
        self.cloud.as_ref().expect("this test needs the local cloud")
    }
}

/// Every test ends with a look at what the functions printed meanwhile; of tests at once, whichever ends first speaks for all.
impl Drop for World {
    fn drop(&mut self) {
        if let (Some(running), false) = (&self.cloud, std::thread::panicking()) {
            running.lines.assert_clean();
        }
    }
}

/// The backend that most tests share. Each test has a client of its own, because connections live in the runtime that opened them.
#[expect(clippy::disallowed_methods, reason = "which deployment to test is said by whoever runs the tests")]
pub(crate) fn world() -> World {
    static CLOUD: OnceLock<Running> = OnceLock::new();
    match (std::env::var("API_URL"), std::env::var("WS_URL")) {
        (Ok(api), Ok(ws)) => World { api: Api::new(&api), ws, cloud: None },
        _ => World::of(CLOUD.get_or_init(|| start(&[])).clone()),
    }
}

/// The same for tests that ask more often than a person may.
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
    World::of(CLOUD.get_or_init(|| start(&RATES.map(|rate| (rate, "100000/60")))).clone())
}

/// Starts a backend of the test's own, which ends with the value, with these variables in the functions' environment.
pub(crate) fn own_world(env: &[(&str, &str)]) -> World {
    World::of(start(env))
}

/// A cloud lives in a thread of its own, so that no test's runtime owns it.
fn start(env: &[(&str, &str)]) -> Running {
    let env: BTreeMap<String, String> = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
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
            options.lambda.journal = Arc::new(Journal::read_by(move |invocation| reader.read(invocation)));
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

/// Cargo builds the functions before these tests and says where each is.
fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_send")).parent().expect("a folder").to_owned()
}
