//! Where the tests run: one local cloud for all of them, and clouds of their own for those that break things.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};

use local::cloud::{Cloud, CloudOptions};

use crate::api::Api;

/// A backend and the ways to it.
pub(crate) struct World {
    pub(crate) api: Api,
    /// Where sockets are opened.
    pub(crate) ws: String,
    cloud: Option<Arc<Cloud>>,
}

impl World {
    fn of(cloud: Arc<Cloud>) -> Self {
        Self { api: Api::new(&cloud.http_url()), ws: cloud.ws_url(), cloud: Some(cloud) }
    }

    /// The local cloud behind it, for tests that look inside or break something.
    pub(crate) fn cloud(&self) -> &Cloud {
        self.cloud.as_deref().expect("this test needs the local cloud")
    }
}

/// The backend that most tests share. Each test has a client of its own, because connections live in the runtime that opened them.
#[expect(clippy::disallowed_methods, reason = "which deployment to test is said by whoever runs the tests")]
pub(crate) fn world() -> World {
    static CLOUD: OnceLock<Arc<Cloud>> = OnceLock::new();
    match (std::env::var("API_URL"), std::env::var("WS_URL")) {
        (Ok(api), Ok(ws)) => World { api: Api::new(&api), ws, cloud: None },
        _ => World::of(Arc::clone(CLOUD.get_or_init(|| start(&[])))),
    }
}

/// The same for tests that ask more often than a person may.
pub(crate) fn unlimited_world() -> World {
    static CLOUD: OnceLock<Arc<Cloud>> = OnceLock::new();
    const RATES: [&str; 7] = ["RATE_SEND", "RATE_CHANGE", "RATE_REPEAT", "RATE_FRAMES", "RATE_ACT", "RATE_SEARCH", "RATE_UPLOAD"];
    World::of(Arc::clone(CLOUD.get_or_init(|| start(&RATES.map(|rate| (rate, "100000/60"))))))
}

/// Starts a backend of the test's own, which ends with the value, with these variables in the functions' environment.
pub(crate) fn own_world(env: &[(&str, &str)]) -> World {
    World::of(start(env))
}

/// A cloud lives in a thread of its own, so that no test's runtime owns it.
fn start(env: &[(&str, &str)]) -> Arc<Cloud> {
    let env: BTreeMap<String, String> = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut options = CloudOptions::new(template());
            options.bin_dir = Some(binaries());
            options.env = env;
            let cloud = Arc::new(Cloud::start(options).await.expect("the local cloud starts"));
            let watched = Arc::downgrade(&cloud);
            tell.send(cloud).expect("someone waits");
            while watched.strong_count() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        });
    });
    told.recv().expect("the local cloud starts")
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("template.yaml")
}

/// Cargo builds the functions before these tests and says where each is.
fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_send")).parent().expect("a folder").to_owned()
}
