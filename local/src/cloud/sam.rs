//! `local up --invoke`: the functions run at another endpoint, most likely in containers of `sam local start-lambda`. It gets a template in which
//! everything that only this cloud knows is filled in, because the SAM CLI passes no variable on that its template does not declare.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::CloudError;
use crate::{credentials, lambda::FunctionSpec, logs::Journal};

/// How often it is tried whether the endpoint is there.
const PAUSE: Duration = Duration::from_millis(300);

/// Writes the template for the other side; JSON is YAML.
pub(super) fn write(folder: &Path, template: &Path, specs: &[FunctionSpec]) -> Result<PathBuf, CloudError> {
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

/// Waits until somebody listens at the endpoint, and says what would.
pub(super) async fn wait(endpoint: &str, file: &Path, journal: &Journal) -> Result<(), CloudError> {
    let address = address(endpoint)?;
    let port = address.port();
    let mut told = false;
    while TcpStream::connect(address).await.is_err() {
        if !told {
            journal.note(&format!(
                "Waiting for {endpoint}, for example:\n  sam build && sam local start-lambda --template {} --docker-network host --port {port}",
                file.display()
            ));
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn address(endpoint: &str) -> Result<SocketAddr, CloudError> {
    let place = endpoint.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.contains('/'));
    let place = place.map(|place| if place.contains(':') { place.to_owned() } else { format!("{place}:80") });
    let found = place.and_then(|place| place.to_socket_addrs().ok()?.next());
    found.ok_or_else(|| CloudError::Failed(format!("--invoke {endpoint}: an address such as http://127.0.0.1:3001 is expected")))
}
