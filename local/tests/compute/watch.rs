//! Changed sources are served without a restart; sources that do not compile change nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use local::lambda::{FunctionSpec, Lambda, LambdaOptions};
use local::watch::{Builder, Watch};

use crate::cloud::template;
use crate::support::{binaries, echo, json, lambda_of, success, until};

/// A two-line compiler: fails if a source requests it, otherwise replaces the binary.
const COMPILER: &str = r#"
echo "$@" >> calls
! grep -q refuse functions/echo/mod.rs || exit 1
cp "$0.echo" bin/echo.new && mv bin/echo.new bin/echo
"#;

async fn pid(lambda: &Lambda) -> u64 {
    success(lambda.invoke("EchoFunction", json("{}")).await.unwrap())["pid"].as_u64().unwrap()
}

fn calls(root: &Path) -> Vec<String> {
    fs::read_to_string(root.join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_built_and_served_and_what_does_not_compile_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    for made in ["bin", "functions/echo", "shared"] {
        fs::create_dir_all(root.join(made)).unwrap();
    }
    let compiler = root.join("compiler");
    fs::write(&compiler, COMPILER).unwrap();
    fs::copy(binaries().join("echo"), root.join("compiler.echo")).unwrap();
    fs::copy(binaries().join("echo"), root.join("bin/echo")).unwrap();
    fs::write(root.join("functions/echo/mod.rs"), "fn main() {}").unwrap();

    let lambda =
        lambda_of(vec![FunctionSpec { binary: root.join("bin/echo"), ..echo("EchoFunction") }], LambdaOptions::default()).await;
    let stack = Arc::new(local::template::load(template(), &std::collections::BTreeMap::new()).unwrap());
    let builder = Builder::new(["sh", compiler.to_str().unwrap()], &root.join("bin"));
    let watch = Watch { root: root.clone(), template: "template.yaml".into(), stack, lambda: lambda.clone(), builder };
    let watching = tokio::spawn(watch.run());
    let first = pid(&lambda).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    // An invocation runs the old code during the replacement.
    let working = tokio::spawn({
        let lambda = lambda.clone();
        async move { lambda.invoke("EchoFunction", json(r#"{"sleep":1500}"#)).await }
    });
    until("it works", || lambda.instances().iter().any(|instance| instance.busy)).await;
    fs::write(root.join("functions/echo/mod.rs"), "fn main() { changed() }").unwrap();
    until("it is built", || calls(&root).len() == 1).await;
    until("the old instance has ended its work and is gone", || lambda.instances().is_empty()).await;
    assert_eq!(success(working.await.unwrap().unwrap())["pid"], first);
    let second = pid(&lambda).await;
    assert_ne!(first, second);
    assert_eq!(calls(&root), ["--bin echo"]);

    fs::write(root.join("functions/echo/mod.rs"), "refuse").unwrap();
    until("it is refused", || calls(&root).len() == 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(pid(&lambda).await, second, "the code that was built last goes on serving");

    fs::write(root.join("functions/echo/mod.rs"), "fn main() { mended() }").unwrap();
    until("the mended one serves", || !lambda.instances().iter().any(|instance| u64::from(instance.pid) == second)).await;
    assert_ne!(pid(&lambda).await, second);
    watching.abort();
    lambda.stop().await;
}
