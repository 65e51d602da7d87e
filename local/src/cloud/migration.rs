//! The database by hand: alone, or with the migrate function, which runs in the cloud that is up or is started for it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    CloudError, CloudOptions, Data,
    data::{self, DataFolder, Running},
    environment::Places,
    in_place,
    running::named,
    specs,
};
use crate::{
    custom::error_message,
    lambda::{FunctionSpec, Lambda, Outcome},
    mysql::{MySql, MySqlOptions},
    request::post,
    stack::Stack,
};

/// Which way the schema goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the newest version.
    Up,
    /// Back by one version.
    Down,
}

/// The database of a data folder, without the rest of the cloud.
#[derive(Debug)]
pub struct Database {
    mysql: MySql,
    _data: DataFolder,
}

impl Database {
    /// Starts it; an error if a cloud runs on the folder.
    pub async fn start(data: &Data) -> Result<Self, CloudError> {
        let folder = DataFolder::open(data)?;
        let durable = *data != Data::Temporary;
        let mysql = MySql::start(&folder.path().join("mysql"), MySqlOptions { durable, port: None }).await?;
        Ok(Self { mysql, _data: folder })
    }

    /// `mysql://…`.
    pub fn url(&self) -> String {
        self.mysql.url()
    }

    /// Ends it and waits for it.
    pub async fn stop(self) {
        self.mysql.stop().await;
    }
}

/// Migrates the caller's `DATABASE_URL`, or else the database of the data folder; gives what the function answers.
pub async fn migrate(options: CloudOptions, direction: Direction) -> Result<String, CloudError> {
    let order = json!({ "direction": match direction { Direction::Up => "up", Direction::Down => "down" } });
    ordered(options, order).await
}

/// Makes somebody an operator of what lives in the caller's `DATABASE_URL`, or else in the data folder; gives what the function answers.
pub async fn appoint(options: CloudOptions, username: &str) -> Result<String, CloudError> {
    ordered(options, json!({ "appoint": username })).await.map_err(|error| match error {
        CloudError::Failed(reason) if reason == "user_not_found" => CloudError::Failed(format!("there is no person {username}")),
        other => other,
    })
}

/// Has the migrate function do something: the one that has the database in hand.
async fn ordered(options: CloudOptions, order: Value) -> Result<String, CloudError> {
    let stack = options.stack()?;
    let function = named(&stack, "migrate")?;
    let only = Stack { functions: [(function.id.clone(), function.clone())].into(), ..Stack::default() };
    let specs = specs(&only, &options)?;
    if let Some(url) = options.given("DATABASE_URL") {
        return alone(specs, &only, (url, &options), &order).await;
    }
    match Database::start(&options.data).await {
        Ok(database) => {
            let answer = alone(specs, &only, (&database.url(), &options), &order).await;
            database.stop().await;
            answer
        }
        Err(CloudError::Locked { data, holder }) => {
            let running = data::running(&data).ok_or(CloudError::Locked { data, holder })?;
            in_running(&running, &function.id, &order).await
        }
        Err(error) => Err(error),
    }
}

/// The function with nothing around it but a database.
async fn alone(
    specs: Vec<FunctionSpec>,
    stack: &Stack,
    (url, options): (&str, &CloudOptions),
    order: &Value,
) -> Result<String, CloudError> {
    let places = Places { database: url.to_owned(), ..Places::default() };
    let function = specs.first().map(|spec| spec.id.clone()).unwrap_or_default();
    let specs = specs.into_iter().map(|spec| in_place(spec, stack, &places, &options.env)).collect();
    let lambda = Lambda::start(specs, options.lambda.clone()).await.map_err(CloudError::io("start the migrate function"))?;
    let outcome = lambda.invoke(&function, Bytes::from(order.to_string())).await;
    lambda.stop().await;
    match outcome {
        Ok(Outcome::Success(body)) => Ok(String::from_utf8_lossy(&body).into_owned()),
        Ok(Outcome::FunctionError(body)) => Err(refused(&body)),
        Err(error) => Err(CloudError::Failed(error.to_string())),
    }
}

async fn in_running(cloud: &Running, function: &str, order: &Value) -> Result<String, CloudError> {
    let answer = post(&cloud.lambda, &format!("/2015-03-31/functions/{function}/invocations"), &[], order).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    // A function that fails answers 200 all the same.
    let failed = answer.status != 200 || text.contains("\"errorMessage\"");
    if failed { Err(refused(&answer.body)) } else { Ok(text) }
}

/// What the function says. A database that nobody migrated lacks the tables, which the server tells in its own words.
fn refused(body: &[u8]) -> CloudError {
    let reason = error_message(body);
    let absent = reason.contains("Table '") && reason.contains("' doesn't exist");
    CloudError::Failed(if absent {
        format!("there is no schema yet: `make run` or `local migrate-up` makes it ({reason})")
    } else {
        reason
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_without_tables_is_told_as_such() {
        let said = |message: &str| refused(json!({ "errorMessage": message }).to_string().as_bytes()).to_string();
        let fresh = said("internal: error returned from database: 1146 (42S02): Table 'conchat.users' doesn't exist");
        assert!(fresh.starts_with("there is no schema yet: `make run`"), "{fresh}");
        assert_eq!(said("user_not_found"), "user_not_found");
    }
}
