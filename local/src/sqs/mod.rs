//! Amazon SQS: the SDKs' JSON protocol on a loopback listener, and queues in a file. README.md lists what is supported.

mod administration;
mod api;
mod attributes;
mod broker;
mod delivery;
mod error;
pub(crate) mod message;
#[cfg(test)]
mod model;
mod move_tasks;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

pub(crate) use self::administration::QueueInfo;
pub(crate) use self::attributes::Attributes;
pub(crate) use self::broker::{Broker, ReceiveOptions, new_id};
pub(crate) use self::error::SqsError;
pub(crate) use self::message::{Message, MessageAttributes, NewMessage, md5_of, md5_of_attributes};
use crate::clock::Clock;
use crate::http_server::HttpServer;
use crate::stack::Queue;

#[derive(Debug)]
pub struct Sqs {
    broker: Broker,
    loopback: HttpServer,
}

/// Why SQS did not start.
#[derive(Debug)]
pub enum SqsStartError {
    /// The queue file is unusable or has another format.
    File(String),
    /// A queue of the template is invalid.
    Queue {
        name: String,
        /// SQS's message.
        reason: String,
    },
    /// It cannot listen.
    Listen(io::Error),
}

impl fmt::Display for SqsStartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(reason) => write!(f, "{reason}: `local reset` deletes it with all other data"),
            Self::Queue { name, reason } => write!(f, "SQS rejects the template's queue {name}: {reason}"),
            Self::Listen(error) => write!(f, "SQS cannot listen: {error}"),
        }
    }
}

impl std::error::Error for SqsStartError {}

impl Sqs {
    /// Serves the queues of the file, or of memory. Creates or updates the template's queues and keeps others.
    pub async fn start(
        file: Option<&Path>,
        region: &str,
        clock: Clock,
        queues: impl IntoIterator<Item = &Queue>,
    ) -> Result<Self, SqsStartError> {
        let broker = Broker::open(file, region, clock).map_err(|error| SqsStartError::File(error.message))?;
        for queue in queues {
            let refused = |error: SqsError| SqsStartError::Queue { name: queue.name.clone(), reason: error.message };
            broker.declare(&queue.name, &queue.attributes).map_err(refused)?;
        }
        let listener = HttpServer::bind().await.map_err(SqsStartError::Listen)?;
        let answering = broker.clone();
        let loopback = HttpServer::serve(listener, move |request| api::answer(answering.clone(), request));
        Ok(Self { broker, loopback: loopback.map_err(SqsStartError::Listen)? })
    }

    /// Value of `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Closes the listener and every connection.
    pub fn stop(&self) {
        self.loopback.stop();
    }
}

/// Validates a queue's attributes as CloudFormation would; returns the wrong attribute and the reason.
pub(crate) fn check_queue(name: &str, attributes: &BTreeMap<String, String>) -> Result<Attributes, String> {
    let own = Attributes::new(attributes).map_err(|error| error.message)?;
    administration::check_name(name, own.fifo).map_err(|error| error.message)?;
    Ok(own)
}
