//! Database commands: starts the database alone, or invokes the migrate function in the running cloud or without one.

use bytes::Bytes;
use serde_json::{Value, json};

use super::commands::find_function;
use super::data::{self, DataFolder, RunningCloud};
use super::environment::Endpoints;
use super::{CloudError, CloudOptions, DataLocation, function_specs, with_environment};
use crate::aws_request::post;
use crate::custom_resources::error_message;
use crate::lambda::{FunctionSpec, Lambda, Outcome};
use crate::mysql::{MySql, MySqlOptions};
use crate::stack::Stack;

/// Direction of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the newest version.
    Up,
    /// Back by one version.
    Down,
}

/// The database of a data folder without the rest of the cloud.
#[derive(Debug)]
pub struct Database {
    mysql: MySql,
    _data: DataFolder,
}

impl Database {
    /// Starts the database; fails if a cloud runs on the folder.
    pub async fn start(data: &DataLocation) -> Result<Self, CloudError> {
        let folder = DataFolder::open(data)?;
        let durable = *data != DataLocation::Temporary;
        let mysql = MySql::start(&folder.path().join("mysql"), MySqlOptions { durable, port: None }).await?;
        Ok(Self { mysql, _data: folder })
    }

    /// `mysql://…`
    pub fn url(&self) -> String {
        self.mysql.url()
    }

    /// Stops the database and waits for its end.
    pub async fn stop(self) {
        self.mysql.stop().await;
    }
}

/// Migrates the caller's `DATABASE_URL`, or else the database of the data folder. Returns the function's result.
pub async fn migrate(options: CloudOptions, direction: Direction) -> Result<String, CloudError> {
    let command = json!({ "direction": match direction { Direction::Up => "up", Direction::Down => "down" } });
    run_migrate_function(options, command).await
}

/// Gives a user operator rights in the caller's `DATABASE_URL`, or else in the data folder. Returns the function's result.
pub async fn grant_operator(options: CloudOptions, username: &str) -> Result<String, CloudError> {
    run_migrate_function(options, json!({ "appoint": username })).await.map_err(|error| match error {
        CloudError::CommandFailed(reason) if reason == "user_not_found" => {
            CloudError::CommandFailed(format!("no user is named {username}"))
        }
        other => other,
    })
}

/// Invokes the migrate function with a command.
async fn run_migrate_function(options: CloudOptions, command: Value) -> Result<String, CloudError> {
    let stack = options.stack()?;
    let function = find_function(&stack, "migrate")?;
    let only = Stack { functions: [(function.id.clone(), function.clone())].into(), ..Stack::default() };
    let specs = function_specs(&only, &options)?;
    if let Some(url) = options.env_var("DATABASE_URL") {
        return invoke_standalone(specs, &only, (url, &options), &command).await;
    }
    match Database::start(&options.data).await {
        Ok(database) => {
            let answer = invoke_standalone(specs, &only, (&database.url(), &options), &command).await;
            database.stop().await;
            answer
        }
        Err(CloudError::Locked { data, holder }) => {
            let running = data::find_running(&data).ok_or(CloudError::Locked { data, holder })?;
            invoke_in_running_cloud(&running, &function.id, &command).await
        }
        Err(error) => Err(error),
    }
}

/// Invokes the function with only a database running.
async fn invoke_standalone(
    specs: Vec<FunctionSpec>,
    stack: &Stack,
    (url, options): (&str, &CloudOptions),
    command: &Value,
) -> Result<String, CloudError> {
    let endpoints = Endpoints { database: url.to_owned(), ..Endpoints::default() };
    let function = specs.first().map(|spec| spec.id.clone()).unwrap_or_default();
    let specs = specs.into_iter().map(|spec| with_environment(spec, stack, &endpoints, &options.env)).collect();
    let lambda = Lambda::start(specs, options.lambda.clone()).await.map_err(CloudError::io("start the migrate function"))?;
    let outcome = lambda.invoke(&function, Bytes::from(command.to_string())).await;
    lambda.stop().await;
    match outcome {
        Ok(Outcome::Success(body)) => Ok(String::from_utf8_lossy(&body).into_owned()),
        Ok(Outcome::FunctionError(body)) => Err(command_error(&body)),
        Err(error) => Err(CloudError::CommandFailed(error.to_string())),
    }
}

async fn invoke_in_running_cloud(cloud: &RunningCloud, function: &str, command: &Value) -> Result<String, CloudError> {
    let answer = post(&cloud.lambda, &format!("/2015-03-31/functions/{function}/invocations"), &[], command).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    // A failed function also returns status 200.
    let failed = answer.status != 200 || text.contains("\"errorMessage\"");
    if failed { Err(command_error(&answer.body)) } else { Ok(text) }
}

/// Extracts the error message; replaces the server's message about missing tables by advice.
fn command_error(body: &[u8]) -> CloudError {
    let reason = error_message(body);
    let absent = reason.contains("Table '") && reason.contains("' doesn't exist");
    CloudError::CommandFailed(if absent {
        format!("the database has no schema yet: `make run` or `local migrate-up` creates it ({reason})")
    } else {
        reason
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_without_tables_is_reported() {
        let said = |message: &str| command_error(json!({ "errorMessage": message }).to_string().as_bytes()).to_string();
        let fresh = said("internal: error returned from database: 1146 (42S02): Table 'conchat.users' doesn't exist");
        assert!(fresh.starts_with("the database has no schema yet: `make run`"), "{fresh}");
        assert_eq!(said("user_not_found"), "user_not_found");
    }
}
