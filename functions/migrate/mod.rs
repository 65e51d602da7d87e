//! Migrations: `{"direction": "up"}` by hand, or the event of a custom resource at every deployment, which always gets a response. The custom
//! resource `Release` gets a digest of what the functions are configured with, and touches no store.
//!
//! `{"appoint": "ann"}` makes a user an operator. Permission to invoke this function authorizes that; the first operator is appointed this way.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::admin;
use shared::domain::rooms::audience;
use shared::edge::cloudformation::{self, RequestType};
use shared::error::{Error, Result};
use shared::store::{Db, function_user, migrations};
use shared::telemetry::invocation::{Invocation, Outcome};
use shared::time::Timestamp;

use crate::resources;

/// The part of the timeout reserved for the response to CloudFormation.
const TIME_TO_ANSWER: Duration = Duration::from_secs(15);

/// The direction of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
enum Command {
    /// To the newest version; the functions' user gets its rights, and the password of its secret.
    Up,
    /// Back to version `target`, or by one version.
    Down { target: Option<i64> },
    /// Resolves a half-applied migration after inspection: `applied` tells whether its change exists.
    Settle { version: i64, applied: bool },
}

/// Runs the event's command and returns the resulting schema version.
pub async fn handle(event: LambdaEvent<Value>) -> std::result::Result<Value, lambda_runtime::Error> {
    let invocation = Invocation::begin();
    let request_id = event.context.request_id.clone();
    let done = execute(event).await;
    // CloudFormation got its answer, but the deployment failed all the same.
    let failed = done.as_ref().map_or(true, |answer| answer["succeeded"] == json!(false));
    let code = if failed { "failed" } else { "ok" };
    invocation.end(&Outcome { request_id: &request_id, what: "migrate", code, status: None, connection: None });
    done
}

async fn execute(event: LambdaEvent<Value>) -> std::result::Result<Value, lambda_runtime::Error> {
    let now = u64::try_from(Timestamp::now().0).unwrap_or_default();
    let left = Duration::from_millis(event.context.deadline.saturating_sub(now)).saturating_sub(TIME_TO_ANSWER);
    if event.payload.get("RequestType").is_some() {
        return on_deployment(serde_json::from_value(event.payload)?, left).await;
    }
    if let Some(username) = event.payload.get("appoint") {
        return appoint(username.as_str().unwrap_or_default()).await.map_err(|error| reason(&error).into());
    }
    let version = migrate(serde_json::from_value(event.payload)?).await.map_err(|error| reason(&error))?;
    Ok(json!({ "version": version }))
}

/// Deleting a stack keeps the data, which can be older than the stack. An earlier release, or the rollback of a failed deployment, works with the
/// newer schema; an error here would leave the stack stuck in its rollback.
async fn on_deployment(
    event: cloudformation::CustomResourceEvent,
    left: Duration,
) -> std::result::Result<Value, lambda_runtime::Error> {
    let outcome = match event.request_type {
        RequestType::Create | RequestType::Update if event.is_release() => Ok(()),
        RequestType::Update if event.is_downgrade() => Ok(()),
        RequestType::Create | RequestType::Update => within(left, upgrade(&event)).await,
        RequestType::Delete => Ok(()),
    };
    match &outcome {
        Ok(()) if event.is_release() => {}
        Ok(()) => tracing::info!(request = ?event.request_type, "migrated"),
        Err(reason) => tracing::error!(request = ?event.request_type, reason, "migrating failed"),
    }
    cloudformation::respond(&event, &outcome).await.map_err(|error| reason(&error))?;
    Ok(json!({ "succeeded": outcome.is_ok() }))
}

/// Converts panics and hangs into errors, so that the response is always sent.
async fn within<T>(left: Duration, work: impl Future<Output = Result<T>>) -> Result<(), String> {
    match tokio::time::timeout(left, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err(error))) => Err(reason(&error)),
        Ok(Err(_)) => Err("the migration panicked; the function's log says where".into()),
        Err(_) => Err(format!("the migration was not done within {} s", left.as_secs())),
    }
}

/// Migrates to the newest version. Functions that know no socket indexes may have run until now, and the tables of a new stack are empty.
async fn upgrade(event: &cloudformation::CustomResourceEvent) -> Result<()> {
    migrate(Command::Up).await?;
    if event.comes_from_before(audience::SCHEMA) {
        audience::restart_indexes(&Db::lazy(&resources::store_url().await?)?, Timestamp::now()).await?;
    }
    Ok(())
}

async fn migrate(command: Command) -> Result<i64> {
    let url = resources::store_url().await?;
    match command {
        Command::Up => {
            let version = migrations::up(&url).await?;
            if let Some(user) = resources::function_user_url().await? {
                function_user::grant(&url, &user).await?;
            }
            Ok(version)
        }
        Command::Down { target } => {
            let target = match target {
                Some(target) => target,
                None => migrations::version(&mut *Db::lazy(&url)?.acquire().await?).await?.unwrap_or_default() - 1,
            };
            let target = target.max(0);
            migrations::down(&url, target).await?;
            Ok(target)
        }
        Command::Settle { version, applied } => {
            migrations::settle(&url, version, applied).await?;
            Ok(migrations::version(&mut *Db::lazy(&url)?.acquire().await?).await?.unwrap_or_default())
        }
    }
}

async fn appoint(username: &str) -> Result<Value> {
    let url = resources::store_url().await?;
    let user = admin::appoint(&Db::lazy(&url)?, username, Timestamp::now()).await?;
    Ok(json!({ "appointed": user }))
}

/// The code, what was attempted and all causes in one line, for the operator.
fn reason(error: &Error) -> String {
    match error.causes() {
        Some(causes) => format!("{error}: {causes}"),
        None => format!("{error}: {}", error.detail()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_up_or_down() {
        let read = |text: &str| serde_json::from_str::<Command>(text);
        assert_eq!(read(r#"{"direction":"up"}"#).unwrap(), Command::Up);
        assert_eq!(read(r#"{"direction":"down"}"#).unwrap(), Command::Down { target: None });
        assert_eq!(read(r#"{"direction":"down","target":0}"#).unwrap(), Command::Down { target: Some(0) });
        assert_eq!(
            read(r#"{"direction":"settle","version":14,"applied":false}"#).unwrap(),
            Command::Settle { version: 14, applied: false }
        );
        let nonsense = [
            "{}",
            r#"{"direction":"sideways"}"#,
            r#"{"direction":"down","target":"all"}"#,
            r#"{"direction":"settle","version":14}"#,
            "null",
            "[]",
        ];
        for text in nonsense {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_panic_and_a_hang_are_failures_with_a_reason() {
        let patience = Duration::from_millis(20);
        let hang = within(patience, std::future::pending::<Result<()>>()).await;
        assert!(hang.is_err_and(|reason| reason.contains("not done within")));
        let panic = within(patience, async { if patience.is_zero() { Ok(()) } else { panic!("for the test") } }).await;
        assert!(panic.is_err_and(|reason| reason.contains("panicked")));
        assert_eq!(within(patience, async { Ok(()) }).await, Ok(()));
    }
}
