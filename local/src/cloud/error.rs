//! Errors of starting a cloud or talking to it; every message says how to fix the problem.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::aws_request::NoResponse;
use crate::custom_resources::CustomResourceError;
use crate::dynamodb::DynamoDbError;
use crate::mysql::MySqlError;
use crate::sqs::SqsStartError;
use crate::template::TemplateError;

/// Why an operation on a cloud failed.
#[derive(Debug)]
pub enum CloudError {
    /// The template or `samconfig.toml` is invalid.
    Template(TemplateError),
    /// Functions whose binary is missing.
    MissingBinaries(Vec<PathBuf>),
    /// Another process holds the data folder.
    Locked {
        data: PathBuf,
        /// The process id and URL that it published.
        holder: String,
    },
    /// The gateway cannot listen on this address.
    Port {
        address: SocketAddr,
        source: io::Error,
    },
    MySql(MySqlError),
    DynamoDb(DynamoDbError),
    Sqs(SqsStartError),
    /// A custom resource, such as the migration, was not created.
    CustomResource(CustomResourceError),
    /// The template has no such function.
    UnknownFunction {
        /// The requested name.
        name: String,
        /// The functions that exist, by binary.
        known: Vec<String>,
    },
    /// No cloud runs on the data folder.
    NotRunning(PathBuf),
    /// A command failed; the message is for the terminal.
    CommandFailed(String),
    /// A running cloud did not respond.
    NoResponse(NoResponse),
    /// A file or process operation failed.
    Io {
        /// The operation and its subject.
        what: String,
        source: io::Error,
    },
}

impl CloudError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(error) => error.fmt(f),
            Self::MissingBinaries(binaries) => {
                let names: Vec<_> = binaries.iter().filter_map(|binary| binary.file_name()?.to_str()).collect();
                let folder = binaries.first().and_then(|binary| binary.parent()).unwrap_or(Path::new("."));
                write!(f, "not built yet: {} (in {}). Run `make build`.", names.join(", "), folder.display())
            }
            Self::Locked { data, holder } => {
                write!(
                    f,
                    "{} is in use by another `local` ({holder}): stop it, or choose another folder with --data",
                    data.display()
                )
            }
            Self::Port { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "port {} is in use: choose another port with PORT=… or --port, or stop the program that uses it",
                    address.port()
                )
            }
            Self::Port { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::MySql(error) => error.fmt(f),
            Self::DynamoDb(error) => error.fmt(f),
            Self::Sqs(error) => error.fmt(f),
            Self::CustomResource(error) => error.fmt(f),
            Self::UnknownFunction { name, known } => {
                write!(f, "the template has no function {name}; it has {}", known.join(", "))
            }
            Self::NotRunning(data) => {
                write!(f, "no cloud runs on {}: start one with `make run`, or choose another folder with --data", data.display())
            }
            Self::CommandFailed(reason) => f.write_str(reason),
            Self::NoResponse(error) => error.fmt(f),
            Self::Io { what, source } => write!(f, "could not {what}: {source}"),
        }
    }
}

impl std::error::Error for CloudError {}

impl From<TemplateError> for CloudError {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

impl From<MySqlError> for CloudError {
    fn from(error: MySqlError) -> Self {
        Self::MySql(error)
    }
}

impl From<DynamoDbError> for CloudError {
    fn from(error: DynamoDbError) -> Self {
        Self::DynamoDb(error)
    }
}

impl From<CustomResourceError> for CloudError {
    fn from(error: CustomResourceError) -> Self {
        Self::CustomResource(error)
    }
}

impl From<NoResponse> for CloudError {
    fn from(error: NoResponse) -> Self {
        Self::NoResponse(error)
    }
}
