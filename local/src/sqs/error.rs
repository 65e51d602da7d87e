//! SQS errors: the shapes of the JSON protocol, the codes of the query protocol, and AWS's messages.

use std::fmt;

use http::StatusCode;

/// Why a request or a batch entry was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqsError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

macro_rules! codes {
    ($($name:ident $shape:literal $query:literal $status:literal)*) => {
        /// AWS's error codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($name),* }

        impl Code {
            /// `__type` of the JSON protocol.
            pub(crate) fn shape(self) -> &'static str {
                match self { $(Self::$name => $shape),* }
            }

            /// The code in the header `x-amzn-query-error`, which SDKs show.
            pub(crate) fn query(self) -> &'static str {
                match self { $(Self::$name => $query),* }
            }

            pub(crate) fn status(self) -> StatusCode {
                StatusCode::from_u16(match self { $(Self::$name => $status),* }).unwrap_or(StatusCode::BAD_REQUEST)
            }
        }
    };
}

codes! {
    QueueDoesNotExist "com.amazonaws.sqs#QueueDoesNotExist" "AWS.SimpleQueueService.NonExistentQueue" 400
    QueueNameExists "com.amazonaws.sqs#QueueNameExists" "QueueAlreadyExists" 400
    QueueDeletedRecently "com.amazonaws.sqs#QueueDeletedRecently" "AWS.SimpleQueueService.QueueDeletedRecently" 400
    PurgeQueueInProgress "com.amazonaws.sqs#PurgeQueueInProgress" "AWS.SimpleQueueService.PurgeQueueInProgress" 403
    InvalidAttributeName "com.amazonaws.sqs#InvalidAttributeName" "InvalidAttributeName" 400
    InvalidAttributeValue "com.amazonaws.sqs#InvalidAttributeValue" "InvalidAttributeValue" 400
    InvalidParameterValue "com.amazon.coral.service#InvalidParameterValueException" "InvalidParameterValue" 400
    MissingParameter "com.amazon.coral.service#MissingRequiredParameterException" "MissingParameter" 400
    InvalidMessageContents "com.amazonaws.sqs#InvalidMessageContents" "InvalidMessageContents" 400
    ReceiptHandleIsInvalid "com.amazonaws.sqs#ReceiptHandleIsInvalid" "ReceiptHandleIsInvalid" 400
    MessageNotInflight "com.amazonaws.sqs#MessageNotInflight" "AWS.SimpleQueueService.MessageNotInflight" 400
    OverLimit "com.amazonaws.sqs#OverLimit" "OverLimit" 403
    EmptyBatchRequest "com.amazonaws.sqs#EmptyBatchRequest" "AWS.SimpleQueueService.EmptyBatchRequest" 400
    TooManyEntriesInBatchRequest "com.amazonaws.sqs#TooManyEntriesInBatchRequest" "AWS.SimpleQueueService.TooManyEntriesInBatchRequest" 400
    BatchEntryIdsNotDistinct "com.amazonaws.sqs#BatchEntryIdsNotDistinct" "AWS.SimpleQueueService.BatchEntryIdsNotDistinct" 400
    InvalidBatchEntryId "com.amazonaws.sqs#InvalidBatchEntryId" "AWS.SimpleQueueService.InvalidBatchEntryId" 400
    BatchRequestTooLong "com.amazonaws.sqs#BatchRequestTooLong" "AWS.SimpleQueueService.BatchRequestTooLong" 400
    ResourceNotFound "com.amazonaws.sqs#ResourceNotFoundException" "ResourceNotFoundException" 404
    UnsupportedOperation "com.amazonaws.sqs#UnsupportedOperation" "AWS.SimpleQueueService.UnsupportedOperation" 400
    InvalidAction "com.amazon.coral.service#UnknownOperationException" "InvalidAction" 400
    InvalidRequest "com.amazon.coral.service#SerializationException" "InvalidRequest" 400
    MissingToken "com.amazon.coral.service#MissingAuthenticationTokenException" "MissingAuthenticationToken" 403
    Internal "com.amazon.coral.service#InternalFailure" "InternalFailure" 500
}

impl SqsError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn no_queue() -> Self {
        Self::new(Code::QueueDoesNotExist, "The specified queue does not exist.")
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(Code::MissingParameter, format!("The request must contain the parameter {parameter}."))
    }

    /// `Value {value} for parameter {parameter} is invalid. Reason: {reason}`
    pub(crate) fn parameter(value: impl fmt::Display, parameter: &str, reason: &str) -> Self {
        Self::new(Code::InvalidParameterValue, format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterValue, message)
    }

    /// Whether the status is 5xx, a server error.
    pub(crate) fn is_server_error(&self) -> bool {
        self.code.status().is_server_error()
    }
}

impl fmt::Display for SqsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.query(), self.message)
    }
}

impl std::error::Error for SqsError {}

impl From<rusqlite::Error> for SqsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(Code::Internal, format!("the queue file cannot be used: {error}"))
    }
}
