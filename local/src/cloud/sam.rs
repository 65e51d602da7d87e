//! `local up --invoke`: an external Invoke API runs the functions, usually containers of `sam local start-lambda`. Writes a template with all local
//! values filled in, because the SAM CLI passes only variables that its template declares.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::CloudError;
use crate::credentials;
use crate::lambda::FunctionSpec;
use crate::logs::Journal;

/// Interval between connection attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);

/// Writes the template for the external runner; JSON is valid YAML.
pub(super) fn write_template(folder: &Path, template: &Path, specs: &[FunctionSpec]) -> Result<PathBuf, CloudError> {
    let built = std::path::absolute(template).unwrap_or_else(|_| template.to_owned()).with_file_name(".aws-sam").join("build");
    let resources: Map<String, Value> = specs.iter().map(|spec| (spec.id.clone(), function(spec, &built))).collect();
    let text = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "Written by `local up --invoke` at every start.",
        "Resources": resources,
    });
    let file = folder.join("sam.yaml");
    std::fs::write(&file, format!("{text:#}\n")).map_err(CloudError::io(format!("write {}", file.display())))?;
    Ok(file)
}

fn function(spec: &FunctionSpec, built: &Path) -> Value {
    let mut variables: Map<String, Value> =
        spec.environment.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    variables.insert("AWS_ACCESS_KEY_ID".into(), credentials::ACCESS_KEY.into());
    variables.insert("AWS_SECRET_ACCESS_KEY".into(), credentials::SECRET_KEY.into());
    json!({
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": built.join(&spec.id),
            "Handler": "bootstrap",
            "Runtime": "provided.al2023",
            "MemorySize": spec.memory_size,
            "Timeout": spec.timeout.as_secs(),
            "Environment": { "Variables": variables },
        },
    })
}

/// Waits until the endpoint accepts connections; prints the command that starts it.
pub(super) async fn wait_for_endpoint(endpoint: &str, file: &Path, journal: &Journal) -> Result<(), CloudError> {
    let address = address(endpoint)?;
    let port = address.port();
    let mut announced = false;
    while TcpStream::connect(address).await.is_err() {
        if !announced {
            journal.note(&format!(
                "Waiting for {endpoint}, for example:\n  sam build && sam local start-lambda --template {} --docker-network host --port {port}",
                file.display()
            ));
            announced = true;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
    Ok(())
}

fn address(endpoint: &str) -> Result<SocketAddr, CloudError> {
    let place = endpoint.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.contains('/'));
    let place = place.map(|place| if place.contains(':') { place.to_owned() } else { format!("{place}:80") });
    let found = place.and_then(|place| place.to_socket_addrs().ok()?.next());
    found.ok_or_else(|| CloudError::CommandFailed(format!("--invoke {endpoint}: expected a URL such as http://127.0.0.1:3001")))
}
