//! Plays Amazon SQS: the JSON protocol that SDKs speak on a loopback listener, and the queues behind it in a file. The tables of README.md say how far.

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

use std::{collections::BTreeMap, fmt, io, net::SocketAddr, path::Path};

pub(crate) use self::{
    administration::QueueInfo,
    attributes::Attributes,
    broker::{Broker, Wanted, new_id},
    error::SqsError,
    message::{Message, MessageAttributes, NewMessage, md5_of, md5_of_attributes},
};
use crate::{clock::Clock, loopback::Loopback, stack::Queue};

/// A running SQS.
#[derive(Debug)]
pub struct Sqs {
    broker: Broker,
    loopback: Loopback,
}

/// Why there is no SQS.
#[derive(Debug)]
pub enum SqsFailure {
    /// The file of the queues cannot be used, or holds something else.
    File(String),
    /// A queue of the template is refused.
    Queue {
        /// Its name.
        name: String,
        /// What SQS says.
        reason: String,
    },
    /// It cannot listen.
    Listen(io::Error),
}

impl fmt::Display for SqsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(reason) => write!(f, "{reason}: `local reset` forgets it, with all other data"),
            Self::Queue { name, reason } => write!(f, "SQS refuses the queue {name} of the template: {reason}"),
            Self::Listen(error) => write!(f, "SQS cannot listen: {error}"),
        }
    }
}

impl std::error::Error for SqsFailure {}

impl Sqs {
    /// Serves the queues of the file, or of memory. Queues of the template are made or get its attributes; others are left alone.
    pub async fn start(
        file: Option<&Path>,
        region: &str,
        clock: Clock,
        queues: impl IntoIterator<Item = &Queue>,
    ) -> Result<Self, SqsFailure> {
        let broker = Broker::open(file, region, clock).map_err(|error| SqsFailure::File(error.message))?;
        for queue in queues {
            let refused = |error: SqsError| SqsFailure::Queue { name: queue.name.clone(), reason: error.message };
            broker.declare(&queue.name, &queue.attributes).map_err(refused)?;
        }
        let listener = Loopback::bind().await.map_err(SqsFailure::Listen)?;
        let answering = broker.clone();
        let loopback = Loopback::serve(listener, move |request| api::answer(answering.clone(), request));
        Ok(Self { broker, loopback: loopback.map_err(SqsFailure::Listen)? })
    }

    /// For `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
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

/// The attributes of a queue as CloudFormation would take them; the name of the wrong one and what is wrong with it otherwise.
pub(crate) fn check_queue(name: &str, attributes: &BTreeMap<String, String>) -> Result<Attributes, String> {
    let own = Attributes::new(attributes).map_err(|error| error.message)?;
    administration::check_name(name, own.fifo).map_err(|error| error.message)?;
    Ok(own)
}
