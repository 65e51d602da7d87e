//! What a template declares, resolved: plain values, no intrinsics left. `template` makes it, everything else reads it.

use std::collections::BTreeMap;
use std::time::Duration;

/// A whole template after parameters, conditions and intrinsics are resolved.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// `AWS::Region` as the template saw it; part of every ARN.
    pub region: String,
    /// Functions by logical id.
    pub functions: BTreeMap<String, Function>,
    /// HTTP APIs by logical id.
    pub http_apis: BTreeMap<String, HttpApi>,
    /// WebSocket APIs by logical id.
    pub websocket_apis: BTreeMap<String, WebSocketApi>,
    /// DynamoDB tables by logical id.
    pub tables: BTreeMap<String, Table>,
    /// S3 buckets by logical id.
    pub buckets: BTreeMap<String, Bucket>,
    /// SQS queues by logical id.
    pub queues: BTreeMap<String, Queue>,
    /// What is polled for functions; mappings that are disabled are left out.
    pub event_sources: Vec<EventSource>,
    /// Custom resources: functions that the deployment invokes once, in order of their logical ids.
    pub custom_resources: BTreeMap<String, CustomResource>,
    /// The template's outputs, by name.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// A function by its logical id (`AuthFunction`) or by its binary (`auth`).
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name).or_else(|| self.functions.values().find(|function| function.binary == name))
    }
}

/// An `AWS::Serverless::Function`.
#[derive(Clone, Debug)]
pub struct Function {
    /// Logical id in the template; also the function's name locally.
    pub id: String,
    /// `Metadata.BuildProperties.Binary`: the file name of the binary.
    pub binary: String,
    /// Environment variables, resolved.
    pub environment: BTreeMap<String, String>,
    /// MB.
    pub memory_size: u32,
    /// Seconds.
    pub timeout: u32,
    /// `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<u32>,
    /// `EventInvokeConfig`, with Lambda's defaults where absent.
    pub event_invoke: EventInvoke,
    /// When it is invoked by the clock.
    pub schedules: Vec<Schedule>,
}

/// An event of type `ScheduleV2`: the function is invoked asynchronously at a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name, as SAM makes it: the function's and the event's.
    pub name: String,
    /// From one invocation to the next.
    pub every: Duration,
    /// The event, JSON; without one Scheduler's own notification.
    pub input: Option<String>,
}

/// What becomes of an asynchronous invocation that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventInvoke {
    /// 0–2; Lambda's default is 2.
    pub maximum_retry_attempts: u32,
    /// 60–21600 seconds; Lambda's default is 21600.
    pub maximum_event_age: u32,
    /// Logical id of the resource that takes the on-failure record, if any.
    pub on_failure: Option<String>,
}

impl Default for EventInvoke {
    fn default() -> Self {
        Self { maximum_retry_attempts: 2, maximum_event_age: 21_600, on_failure: None }
    }
}

/// An `AWS::Serverless::HttpApi` with the routes that functions declare on it (`Events` of type `HttpApi`).
#[derive(Clone, Debug, Default)]
pub struct HttpApi {
    /// Logical id.
    pub id: String,
    /// Every route of the API.
    pub routes: Vec<HttpRoute>,
    /// `CorsConfiguration`, if any.
    pub cors: Option<Cors>,
}

/// One route: `POST /api/rooms/{room_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRoute {
    /// Upper case, or `ANY`.
    pub method: String,
    /// Path template as in the template, with `{name}` and `{name+}`.
    pub path: String,
    /// Logical id of the function.
    pub function: String,
}

/// `CorsConfiguration` of an HTTP API.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins, or `*`.
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    pub allow_methods: Vec<String>,
    /// Header names, or `*`.
    pub allow_headers: Vec<String>,
    /// Header names that scripts may read.
    pub expose_headers: Vec<String>,
    /// Whether credentials may be sent.
    pub allow_credentials: bool,
    /// Seconds a preflight's answer may be cached.
    pub max_age: Option<u32>,
}

/// An `AWS::Serverless::WebSocketApi`.
#[derive(Clone, Debug)]
pub struct WebSocketApi {
    /// Logical id.
    pub id: String,
    /// Stage name: the path under which sockets are opened.
    pub stage: String,
    /// For example `$request.body.action`.
    pub route_selection_expression: String,
    /// Route key → route, `$connect`, `$disconnect` and `$default` included.
    pub routes: BTreeMap<String, WebSocketRoute>,
    /// The REQUEST authorizer of `$connect`, if any.
    pub authorizer: Option<WebSocketAuthorizer>,
}

/// One route of a WebSocket API.
#[derive(Clone, Debug)]
pub struct WebSocketRoute {
    /// Logical id of the function.
    pub function: String,
    /// Milliseconds; 29 000 when the template says nothing.
    pub integration_timeout_ms: u32,
    /// Whether the function's `body` goes back to the socket (expression and a `RouteResponse` are both there).
    pub responds: bool,
}

/// The REQUEST authorizer of a WebSocket API.
#[derive(Clone, Debug)]
pub struct WebSocketAuthorizer {
    /// Logical id of the function.
    pub function: String,
    /// `route.request.header.X` and `route.request.querystring.Y`; each must be present, else 401.
    pub identity_sources: Vec<String>,
}

/// An `AWS::DynamoDB::Table`: its `CreateTable` request and its TTL attribute.
#[derive(Clone, Debug)]
pub struct Table {
    /// Physical name; the logical id when the template gives none.
    pub name: String,
    /// The resource's properties as the `CreateTable` API takes them.
    pub create: serde_json::Value,
    /// Attribute that holds the expiry, if TTL is on.
    pub ttl_attribute: Option<String>,
}

/// An `AWS::S3::Bucket`.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Physical name: valid for S3 (lower case).
    pub name: String,
    /// `CorsConfiguration.CorsRules`, as in the template.
    pub cors_rules: serde_json::Value,
}

/// An `AWS::SQS::Queue`, or one that SAM makes for a function's failed events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Physical name; the logical id when the template gives none, with `.fifo` for a FIFO queue.
    pub name: String,
    /// What the template says, as the attributes of the `CreateQueue` API.
    pub attributes: BTreeMap<String, String>,
}

/// An event source mapping: messages of a queue that a function is invoked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSource {
    /// Its logical id, as SAM makes it: the function's and the event's.
    pub name: String,
    /// Name of the queue.
    pub queue: String,
    /// Logical id of the function.
    pub function: String,
    /// Messages of one invocation at most.
    pub batch_size: usize,
    /// How long messages are gathered after the first one.
    pub batching_window: Duration,
    /// Whether the function says which messages failed.
    pub reports_failures: bool,
    /// `ScalingConfig.MaximumConcurrency`: invocations at once.
    pub maximum_concurrency: Option<u32>,
}

/// A `Custom::…` resource (or `AWS::CloudFormation::CustomResource`) whose `ServiceToken` is a function of this template.
#[derive(Clone, Debug)]
pub struct CustomResource {
    /// Resource type, for example `Custom::Migration`.
    pub kind: String,
    /// Logical id of the function.
    pub function: String,
    /// Its properties, resolved.
    pub properties: serde_json::Value,
}
