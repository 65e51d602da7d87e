//! Why a cloud did not start; every message says what to do.

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    custom::CustomResourceError, dynamodb::DynamoDbError, mysql::MySqlError, request::NoAnswer, sqs::SqsFailure,
    template::TemplateError,
};

/// Why a cloud did not start.
#[derive(Debug)]
pub enum CloudError {
    /// The template, or `samconfig.toml`, cannot be used.
    Template(TemplateError),
    /// Functions without their binary.
    NotBuilt(Vec<PathBuf>),
    /// Another process runs on the data folder.
    Locked {
        /// The data folder.
        data: PathBuf,
        /// What that process says about itself.
        holder: String,
    },
    /// The port is taken, or may not be used.
    Port {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The database.
    MySql(MySqlError),
    /// DynamoDB.
    DynamoDb(DynamoDbError),
    /// SQS.
    Sqs(SqsFailure),
    /// A custom resource, such as the migration.
    CustomResource(CustomResourceError),
    /// The template has no such function.
    NoFunction {
        /// What was asked for.
        name: String,
        /// The binaries that there are.
        known: Vec<String>,
    },
    /// No cloud runs on the data folder.
    NotRunning(PathBuf),
    /// A function that was to do something for the command line failed.
    Failed(String),
    /// A running cloud does not answer.
    NoAnswer(NoAnswer),
    /// A file or process operation failed.
    Io {
        /// What was tried, and with what.
        what: String,
        /// Why it failed.
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
            Self::NotBuilt(binaries) => {
                let names: Vec<_> = binaries.iter().filter_map(|binary| binary.file_name()?.to_str()).collect();
                let folder = binaries.first().and_then(|binary| binary.parent()).unwrap_or(Path::new("."));
                write!(f, "not built yet: {} (in {}). Run `make build`.", names.join(", "), folder.display())
            }
            Self::Locked { data, holder } => {
                write!(
                    f,
                    "{} is in use by another `local` ({holder}): stop that one, or name another folder with --data",
                    data.display()
                )
            }
            Self::Port { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "port {} is in use: choose another one with PORT=… or --port, or stop what uses it", address.port())
            }
            Self::Port { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::MySql(error) => error.fmt(f),
            Self::DynamoDb(error) => error.fmt(f),
            Self::Sqs(error) => error.fmt(f),
            Self::CustomResource(error) => error.fmt(f),
            Self::NoFunction { name, known } => {
                write!(f, "the template has no function {name}; it has {}", known.join(", "))
            }
            Self::NotRunning(data) => {
                write!(f, "no cloud runs on {}: start one with `make run`, or name another folder with --data", data.display())
            }
            Self::Failed(reason) => f.write_str(reason),
            Self::NoAnswer(error) => error.fmt(f),
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

impl From<NoAnswer> for CloudError {
    fn from(error: NoAnswer) -> Self {
        Self::NoAnswer(error)
    }
}
