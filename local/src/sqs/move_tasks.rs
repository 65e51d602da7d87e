//! Message move tasks: redrive dead letters to their source queue, or to another queue, as new messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::broker::{Broker, new_id};
use super::error::{Code, SqsError};

/// Recent tasks of each queue by ARN, newest first.
#[derive(Debug, Default)]
pub(crate) struct MoveTasks(Mutex<BTreeMap<String, Vec<Arc<Task>>>>);

#[derive(Debug)]
struct Task {
    id: String,
    source: String,
    destination: Option<String>,
    per_second: Option<u32>,
    to_move: u64,
    started_at: u64,
    progress: Mutex<Progress>,
}

#[derive(Clone, Debug)]
struct Progress {
    moved: u64,
    status: &'static str,
    failure: Option<String>,
}

/// Number of tasks kept per queue.
const KEPT: usize = 10;

impl MoveTasks {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Arc<Task>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self) -> String {
        STANDARD.encode(json!({ "taskId": self.id, "sourceArn": self.source }).to_string())
    }

    fn to_json(&self) -> Value {
        let Progress { moved, status, failure } = self.progress().clone();
        let mut shown = json!({
            "Status": status,
            "SourceArn": self.source,
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started_at,
        });
        let optional = [
            ("TaskHandle", (status == "RUNNING").then(|| json!(self.handle()))),
            ("DestinationArn", self.destination.as_ref().map(|arn| json!(arn))),
            ("MaxNumberOfMessagesPerSecond", self.per_second.map(|rate| json!(rate))),
            ("FailureReason", failure.map(|reason| json!(reason))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        shown
    }
}

impl Broker {
    /// Starts a task and returns its handle.
    pub(crate) fn start_move(
        &self,
        source: &str,
        destination: Option<String>,
        per_second: Option<u32>,
    ) -> Result<String, SqsError> {
        let queue = self.queue_of(source).ok_or_else(|| not_found("SourceArn"))?;
        if self.sources_of(&queue.row.name).is_empty() {
            return Err(SqsError::invalid("Source queue must be configured as a Dead Letter Queue."));
        }
        if destination.as_ref().is_some_and(|arn| self.queue_of(arn).is_none()) {
            return Err(not_found("DestinationArn"));
        }
        if let Some(rate) = per_second.filter(|rate| !(1..=500).contains(rate)) {
            return Err(SqsError::parameter(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided."));
        }
        let task = Arc::new(Task {
            id: new_id(),
            source: source.to_owned(),
            destination,
            per_second,
            to_move: self.counts(&queue)?.visible,
            started_at: self.clock().now(),
            progress: Mutex::new(Progress { moved: 0, status: "RUNNING", failure: None }),
        });
        let mut all = self.tasks().all();
        let tasks = all.entry(source.to_owned()).or_default();
        if tasks.iter().any(|task| task.progress().status == "RUNNING") {
            let reason =
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
            return Err(SqsError::invalid(reason));
        }
        tasks.insert(0, Arc::clone(&task));
        tasks.truncate(KEPT);
        drop(all);
        let handle = task.handle();
        tokio::spawn(self.clone().run_move(queue.row.name.clone(), task));
        Ok(handle)
    }

    /// Cancels a task and returns the number of moved messages.
    pub(crate) fn cancel_move(&self, handle: &str) -> Result<u64, SqsError> {
        let decoded = STANDARD.decode(handle).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        let named = |name: &str| decoded.as_ref().and_then(|handle| handle[name].as_str());
        let Some((id, source)) = named("taskId").zip(named("sourceArn")) else {
            return Err(SqsError::invalid("Value for parameter TaskHandle is invalid."));
        };
        if self.queue_of(source).is_none() {
            return Err(not_found("SourceArn"));
        }
        let task = self.tasks().all().get(source).and_then(|tasks| tasks.iter().find(|task| task.id == id).cloned());
        let task = task.ok_or_else(|| SqsError::new(Code::ResourceNotFound, "Task does not exist."))?;
        let mut progress = task.progress();
        if progress.status == "RUNNING" {
            progress.status = "CANCELLED";
        }
        Ok(progress.moved)
    }

    pub(crate) fn list_moves(&self, source: &str, most: usize) -> Result<Vec<Value>, SqsError> {
        self.queue_of(source).ok_or_else(|| not_found("SourceArn"))?;
        let all = self.tasks().all();
        Ok(all.get(source).into_iter().flatten().take(most).map(|task| task.to_json()).collect())
    }

    async fn run_move(self, source: String, task: Arc<Task>) {
        let pause = task.per_second.map(|rate| Duration::from_secs(1) / rate);
        loop {
            {
                let mut progress = task.progress();
                if progress.status != "RUNNING" {
                    return;
                }
                match self.move_one(&source, task.destination.as_deref()) {
                    Ok(true) => progress.moved += 1,
                    Ok(false) => {
                        progress.status = "COMPLETED";
                        return;
                    }
                    Err(error) => {
                        (progress.status, progress.failure) = ("FAILED", Some(error.message));
                        return;
                    }
                }
            }
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// Moves the oldest visible message; `false` if there is none. An error's message becomes the task's failure reason.
    fn move_one(&self, source: &str, destination: Option<&str>) -> Result<bool, SqsError> {
        let fails = |reason: &str| SqsError::new(Code::Internal, reason);
        let no_queue = || fails(Code::QueueDoesNotExist.query());
        let (state, now) = (self.state(), self.clock().now());
        let queue = state.queue(source).map_err(|_| no_queue())?;
        let Some((sequence, origin)) = state.store.oldest_visible(queue.row.id, now)? else { return Ok(false) };
        let target = destination.map(str::to_owned).or(origin).ok_or_else(|| fails("CouldNotDetermineMessageSource"))?;
        let target = state.queue(target.rsplit(':').next().unwrap_or_default()).map_err(|_| no_queue())?;
        state.store.move_as_new(sequence, target.row.id, &new_id(), now)?;
        target.changed.notify_waiters();
        Ok(true)
    }
}

fn not_found(parameter: &str) -> SqsError {
    let reason = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
    SqsError::new(Code::ResourceNotFound, reason)
}
