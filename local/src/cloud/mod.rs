//! A complete cloud from one template: stores, functions, custom resources, gateway, started in this order.

mod commands;
mod data;
mod environment;
mod error;
mod migration;
mod sam;
mod stores;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::commands::{invoke, logs};
use self::data::{DataFolder, RunningCloud};
pub use self::data::{DataLocation, reset, running_url};
use self::environment::{Endpoints, environment};
pub use self::error::CloudError;
pub use self::migration::{Database, Direction, grant_operator, migrate};
use self::stores::Stores;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::gateway::{Backend, Gateway, GatewayOptions, Limits, Tls};
use crate::http_server::HttpServer;
use crate::inspection::{self, InspectedCloud, ItemCounts};
use crate::lambda::{Destinations, FunctionSpec, Lambda, LambdaOptions};
use crate::mysql::MySql;
use crate::sqs::Sqs;
use crate::stack::Stack;
use crate::{custom_resources, event_sources, schedules, template};

/// Options of a cloud.
#[derive(Clone, Debug)]
pub struct CloudOptions {
    /// The SAM template.
    pub template: PathBuf,
    /// Section of `samconfig.toml` beside the template that supplies parameters, if the file exists.
    pub config_env: String,
    /// Parameters that override those of `samconfig.toml`.
    pub overrides: BTreeMap<String, String>,
    /// Folder of the functions' binaries; by default the folder of this executable.
    pub bin_dir: Option<PathBuf>,
    pub data: DataLocation,
    /// Address of the gateway; all other servers listen on loopback.
    pub host: IpAddr,
    /// Port of the gateway; 0 selects a free one.
    pub port: u16,
    /// The caller's environment: overrides of function variables, `DATABASE_URL`, `AWS_ENDPOINT_URL_…`.
    pub env: BTreeMap<String, String>,
    /// Folder served at `/`.
    pub static_dir: Option<PathBuf>,
    pub limits: Limits,
    pub lambda: LambdaOptions,
    /// Interval at which expired DynamoDB items are removed.
    pub ttl_sweep: Duration,
    /// Whether the inspection pages below `/_local/` are served.
    pub inspect: bool,
    /// Clock of queues and event sources.
    pub clock: Clock,
}

impl CloudOptions {
    /// A temporary cloud on a free port with an empty environment.
    pub fn new(template: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            config_env: "local".into(),
            overrides: BTreeMap::new(),
            bin_dir: None,
            data: DataLocation::Temporary,
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            env: BTreeMap::new(),
            static_dir: None,
            limits: Limits::default(),
            lambda: LambdaOptions::default(),
            ttl_sweep: Duration::from_secs(5),
            inspect: false,
            clock: Clock::default(),
        }
    }

    fn stack(&self) -> Result<Stack, CloudError> {
        let samconfig = self.template.with_file_name("samconfig.toml");
        let mut parameters =
            if samconfig.is_file() { template::samconfig_parameters(&samconfig, &self.config_env)? } else { BTreeMap::new() };
        parameters.extend(self.overrides.clone());
        Ok(template::load(&self.template, &parameters)?)
    }

    /// A variable of the caller's environment; an empty one counts as unset.
    fn env_var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Folder of the functions' binaries.
    pub fn binary_dir(&self) -> Result<PathBuf, CloudError> {
        if let Some(folder) = &self.bin_dir {
            return std::path::absolute(folder).map_err(CloudError::io(format!("find {}", folder.display())));
        }
        let program = std::env::current_exe().map_err(CloudError::io("find this program"))?;
        let folder = program.parent().unwrap_or(Path::new("/"));
        // Test binaries and examples live one folder below the functions.
        let below = folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
        Ok(if below { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
    }
}

/// A running cloud. Dropping it without `stop` ends everything without a graceful shutdown.
#[derive(Debug)]
pub struct Cloud {
    // Fields are declared in the order in which they must be dropped.
    _clocks: JoinSet<()>,
    pollers: JoinSet<()>,
    gateway: Gateway,
    lambda: Lambda,
    stores: Stores,
    stack: Arc<Stack>,
    host: IpAddr,
    _data: DataFolder,
}

impl Cloud {
    /// Starts everything; on an error, stops what has already started.
    pub async fn start(options: CloudOptions) -> Result<Self, CloudError> {
        let begun = Instant::now();
        let stack = Arc::new(options.stack()?);
        let specs = function_specs(&stack, &options)?;
        let data = DataFolder::open(&options.data)?;
        // Bind the port first: it is the most likely failure.
        let listen_address = SocketAddr::from((options.host, options.port));
        let listener =
            TcpListener::bind(listen_address).await.map_err(|source| CloudError::Port { address: listen_address, source })?;
        let port = listener.local_addr().map_err(CloudError::io("read the gateway's port"))?.port();
        let lambda_listener = HttpServer::bind().await.map_err(CloudError::io("listen for the functions"))?;
        let lambda_address = lambda_listener.local_addr().map_err(CloudError::io("read the functions' port"))?;

        let tls = match options.env_var("LOCAL_TLS") {
            Some("off") => None,
            _ => Some(Tls::new(connectable(options.host)).map_err(CloudError::io("make a certificate"))?),
        };
        // Functions at an external endpoint cannot read a file of this machine.
        let authority = match tls.as_ref().filter(|_| options.lambda.invoke.is_none()) {
            Some(tls) => Some(data.write_authority(tls)?),
            None => None,
        };
        let stores = Stores::start(&stack, &data, &options).await?;
        let address = SocketAddr::new(connectable(options.host), port);
        let endpoints = Endpoints {
            http: format!("http://{address}"),
            management: format!("{}://{address}", if authority.is_some() { "https" } else { "http" }),
            authority,
            database: stores.database_url(),
            functions_database: stores.functions_database_url(),
            dynamodb: stores.dynamodb_endpoint().to_owned(),
            s3: stores.s3_endpoint().to_owned(),
            sqs: stores.sqs().endpoint(),
            lambda: format!("http://{lambda_address}"),
        };
        let specs: Vec<_> = specs.into_iter().map(|spec| with_environment(spec, &stack, &endpoints, &options.env)).collect();
        if let Some(endpoint) = &options.lambda.invoke {
            let file = sam::write_template(data.path(), &options.template, &specs)?;
            sam::wait_for_endpoint(endpoint, &file, &options.lambda.journal).await?;
        }
        let mut lambda_options = options.lambda;
        lambda_options.faults.set_stores(stores.fault_targets());
        lambda_options.region.clone_from(&stack.region);
        lambda_options.dead_letters = lambda_options.dead_letters.or_else(|| Some(data.path().join("dead-letters.jsonl")));
        lambda_options.destinations = Destinations::new(stores.sqs(), &stack.queues);
        let lambda = Lambda::start_on(lambda_listener, specs, lambda_options).map_err(CloudError::io("start the functions"))?;
        if let Err(error) = custom_resources::create_all(&stack, &lambda).await {
            lambda.stop().await;
            stores.stop().await;
            return Err(error.into());
        }
        let served = GatewayOptions { limits: options.limits, static_dir: options.static_dir, tls };
        let gateway = Gateway::start(listener, &stack, Backend::Lambda(lambda.clone()), served)
            .map_err(CloudError::io("start the gateway"))?;
        if options.inspect {
            gateway.set_inspector(inspection::inspector(InspectedCloud {
                lambda: lambda.clone(),
                view: gateway.view(),
                stack: Arc::clone(&stack),
                stores: stores.describe(),
                broker: stores.sqs().broker().clone(),
                counts: ItemCounts::new(stores.dynamodb_endpoint()),
                started: SystemTime::now(),
            }));
        }
        data.publish(&RunningCloud { pid: std::process::id(), http: endpoints.http, lambda: endpoints.lambda })?;
        lambda.journal().note(&format!("  ready after   {:>6} ms", begun.elapsed().as_millis()));
        let clocks = schedules::start(&stack, &lambda);
        let pollers = event_sources::start(&stack, &lambda, stores.sqs().broker());
        Ok(Self { _clocks: clocks, pollers, gateway, lambda, stores, stack, host: options.host, _data: data })
    }

    /// Base URL of the HTTP API.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// URL of the first WebSocket API's stage.
    pub fn ws_url(&self) -> String {
        let stage = self.stack.websocket_apis.values().next().map_or("", |api| api.stage.as_str());
        format!("ws://{}/{stage}", self.address())
    }

    /// The gateway's address, reachable from this machine.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(connectable(self.host), self.gateway.address().port())
    }

    pub fn stack(&self) -> &Arc<Stack> {
        &self.stack
    }

    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// Fault injection: `cloud.faults().set_json(&json!({…}))`.
    pub fn faults(&self) -> &Faults {
        self.lambda.faults()
    }

    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The database; `None` if the caller named an external one.
    pub fn mysql(&self) -> Option<&MySql> {
        self.stores.mysql()
    }

    /// `mysql://…`
    pub fn database_url(&self) -> String {
        self.stores.database_url()
    }

    pub fn dynamodb_endpoint(&self) -> &str {
        self.stores.dynamodb_endpoint()
    }

    pub fn s3_endpoint(&self) -> &str {
        self.stores.s3_endpoint()
    }

    pub fn sqs(&self) -> &Sqs {
        self.stores.sqs()
    }

    /// Stops pollers, sockets, functions and stores, in this order, and waits for them.
    pub async fn stop(mut self) {
        self.pollers.shutdown().await;
        self.gateway.stop().await;
        self.lambda.stop().await;
        self.stores.stop().await;
    }
}

/// Replaces an unspecified address (`0.0.0.0`, `::`) by loopback, so that clients can connect.
fn connectable(host: IpAddr) -> IpAddr {
    if host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { host }
}

fn function_specs(stack: &Stack, options: &CloudOptions) -> Result<Vec<FunctionSpec>, CloudError> {
    let binaries = options.binary_dir()?;
    let specs: Vec<_> = stack
        .functions
        .values()
        .map(|function| FunctionSpec {
            id: function.id.clone(),
            binary: binaries.join(&function.binary),
            environment: BTreeMap::new(),
            memory_size: function.memory_size,
            timeout: Duration::from_secs(function.timeout.into()),
            reserved_concurrency: function.reserved_concurrency,
            event_invoke: function.event_invoke.clone(),
        })
        .collect();
    if options.lambda.invoke.is_some() {
        // With a remote Invoke API, no local binaries are needed.
        return Ok(specs);
    }
    let missing: Vec<_> = specs.iter().map(|spec| spec.binary.clone()).filter(|binary| !binary.is_file()).collect();
    if missing.is_empty() { Ok(specs) } else { Err(CloudError::MissingBinaries(missing)) }
}

fn with_environment(
    mut spec: FunctionSpec,
    stack: &Stack,
    endpoints: &Endpoints,
    caller: &BTreeMap<String, String>,
) -> FunctionSpec {
    if let Some(function) = stack.functions.get(&spec.id) {
        spec.environment = environment(function, stack, endpoints, caller);
    }
    spec
}
