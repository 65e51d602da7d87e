//! A whole cloud from one template: stores, functions, custom resources, gateway, in this order; it is up only when all of it is.

mod data;
mod environment;
mod error;
mod migration;
mod running;
mod sam;
mod stores;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::{net::TcpListener, task::JoinSet};

pub use self::{
    data::{Data, reset, running_at},
    error::CloudError,
    migration::{Database, Direction, appoint, migrate},
    running::{invoke, logs},
};
use self::{
    data::{DataFolder, Running},
    environment::{Places, environment},
    stores::Stores,
};
use crate::{
    clock::Clock,
    custom, event_sources,
    faults::Faults,
    gateway::{Backend, Gateway, Limits},
    inspection::{self, Counts, Inspected},
    lambda::{Destinations, FunctionSpec, Lambda, LambdaOptions},
    loopback::Loopback,
    mysql::MySql,
    schedules,
    sqs::Sqs,
    stack::Stack,
    template,
};

/// What a cloud is made from.
#[derive(Clone, Debug)]
pub struct CloudOptions {
    /// The SAM template.
    pub template: PathBuf,
    /// The section of `samconfig.toml` beside the template whose parameters are used, if there is one.
    pub config_env: String,
    /// Parameters that win over those.
    pub overrides: BTreeMap<String, String>,
    /// Where the functions' binaries are; by default where this program is.
    pub bin_dir: Option<PathBuf>,
    /// Where data is kept.
    pub data: Data,
    /// Address of the gateway; everything else is on loopback.
    pub host: IpAddr,
    /// Port of the gateway; 0 for any.
    pub port: u16,
    /// The environment of whoever starts the cloud: overrides of the functions' variables, `DATABASE_URL`, `AWS_ENDPOINT_URL_…`.
    pub env: BTreeMap<String, String>,
    /// A folder that is served at `/`.
    pub static_dir: Option<PathBuf>,
    /// Limits of the gateway.
    pub limits: Limits,
    /// How functions are run.
    pub lambda: LambdaOptions,
    /// How often expired DynamoDB items are removed.
    pub ttl_sweep: Duration,
    /// Whether the cloud shows itself below `/_local/`.
    pub inspect: bool,
    /// The time of the queues.
    pub clock: Clock,
}

impl CloudOptions {
    /// A temporary cloud on any port, with nothing of the caller's environment.
    pub fn new(template: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            config_env: "local".into(),
            overrides: BTreeMap::new(),
            bin_dir: None,
            data: Data::Temporary,
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

    /// A variable of the caller; one that is empty counts as none.
    fn given(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where the functions' binaries are.
    pub fn binaries(&self) -> Result<PathBuf, CloudError> {
        if let Some(folder) = &self.bin_dir {
            return std::path::absolute(folder).map_err(CloudError::io(format!("find {}", folder.display())));
        }
        let program = std::env::current_exe().map_err(CloudError::io("find this program"))?;
        let folder = program.parent().unwrap_or(Path::new("/"));
        // Test binaries and examples are one folder below the functions.
        let below = folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
        Ok(if below { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
    }
}

/// A running cloud. Dropped without `stop`, it ends all the same, only less politely.
#[derive(Debug)]
pub struct Cloud {
    // In the order in which they have to end.
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
    /// Starts everything, or nothing: whatever was started before an error is ended.
    pub async fn start(options: CloudOptions) -> Result<Self, CloudError> {
        let begun = Instant::now();
        let stack = Arc::new(options.stack()?);
        let specs = specs(&stack, &options)?;
        let data = DataFolder::open(&options.data)?;
        // First of all what is likely to fail.
        let wanted = SocketAddr::from((options.host, options.port));
        let listener = TcpListener::bind(wanted).await.map_err(|source| CloudError::Port { address: wanted, source })?;
        let port = listener.local_addr().map_err(CloudError::io("read the gateway's port"))?.port();
        let lambda_listener = Loopback::bind().await.map_err(CloudError::io("listen for the functions"))?;
        let lambda_address = lambda_listener.local_addr().map_err(CloudError::io("read the functions' port"))?;

        let stores = Stores::start(&stack, &data, &options).await?;
        let places = Places {
            http: format!("http://{}", SocketAddr::new(reachable(options.host), port)),
            database: stores.database_url(),
            dynamodb: stores.dynamodb_endpoint().to_owned(),
            s3: stores.s3_endpoint().to_owned(),
            sqs: stores.sqs().endpoint(),
            lambda: format!("http://{lambda_address}"),
        };
        let specs: Vec<_> = specs.into_iter().map(|spec| in_place(spec, &stack, &places, &options.env)).collect();
        if let Some(endpoint) = &options.lambda.invoke {
            let file = sam::write(data.path(), &options.template, &specs)?;
            sam::wait(endpoint, &file, &options.lambda.journal).await?;
        }
        let mut lambda_options = options.lambda;
        lambda_options.faults.place(stores.breakable());
        lambda_options.region.clone_from(&stack.region);
        lambda_options.dead_letters = lambda_options.dead_letters.or_else(|| Some(data.path().join("dead-letters.jsonl")));
        lambda_options.destinations = Destinations::new(stores.sqs(), &stack.queues);
        let lambda = Lambda::start_on(lambda_listener, specs, lambda_options).map_err(CloudError::io("start the functions"))?;
        if let Err(error) = custom::create_all(&stack, &lambda).await {
            lambda.stop().await;
            stores.stop().await;
            return Err(error.into());
        }
        let gateway = Gateway::start(listener, &stack, Backend::Lambda(lambda.clone()), options.limits, options.static_dir)
            .map_err(CloudError::io("start the gateway"))?;
        if options.inspect {
            gateway.set_inspector(inspection::inspector(Inspected {
                lambda: lambda.clone(),
                view: gateway.view(),
                stack: Arc::clone(&stack),
                stores: stores.shown(),
                broker: stores.sqs().broker().clone(),
                counts: Counts::new(stores.dynamodb_endpoint()),
                started: SystemTime::now(),
            }));
        }
        data.announce(&Running { pid: std::process::id(), http: places.http, lambda: places.lambda })?;
        lambda.journal().note(&format!("  ready after   {:>6} ms", begun.elapsed().as_millis()));
        let clocks = schedules::start(&stack, &lambda);
        let pollers = event_sources::start(&stack, &lambda, stores.sqs().broker());
        Ok(Self { _clocks: clocks, pollers, gateway, lambda, stores, stack, host: options.host, _data: data })
    }

    /// Base of the HTTP API.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where clients open their sockets: the first WebSocket API's stage.
    pub fn ws_url(&self) -> String {
        let stage = self.stack.websocket_apis.values().next().map_or("", |api| api.stage.as_str());
        format!("ws://{}/{stage}", self.address())
    }

    /// The gateway's address, as this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(reachable(self.host), self.gateway.address().port())
    }

    /// What the template declares.
    pub fn stack(&self) -> &Arc<Stack> {
        &self.stack
    }

    /// The functions.
    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// What is to break: `cloud.faults().set_json(&json!({…}))`.
    pub fn faults(&self) -> &Faults {
        self.lambda.faults()
    }

    /// The gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The database, unless it is one of the caller's own.
    pub fn mysql(&self) -> Option<&MySql> {
        self.stores.mysql()
    }

    /// `mysql://…`.
    pub fn database_url(&self) -> String {
        self.stores.database_url()
    }

    /// Where DynamoDB is.
    pub fn dynamodb_endpoint(&self) -> &str {
        self.stores.dynamodb_endpoint()
    }

    /// Where S3 is.
    pub fn s3_endpoint(&self) -> &str {
        self.stores.s3_endpoint()
    }

    /// Where SQS is.
    pub fn sqs(&self) -> &Sqs {
        self.stores.sqs()
    }

    /// Ends pollers, sockets, functions and stores, in this order, and waits for them.
    pub async fn stop(mut self) {
        self.pollers.shutdown().await;
        self.gateway.stop().await;
        self.lambda.stop().await;
        self.stores.stop().await;
    }
}

/// An address of all interfaces is no address to connect to.
fn reachable(host: IpAddr) -> IpAddr {
    if host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { host }
}

fn specs(stack: &Stack, options: &CloudOptions) -> Result<Vec<FunctionSpec>, CloudError> {
    let binaries = options.binaries()?;
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
        // What runs is built over there.
        return Ok(specs);
    }
    let missing: Vec<_> = specs.iter().map(|spec| spec.binary.clone()).filter(|binary| !binary.is_file()).collect();
    if missing.is_empty() { Ok(specs) } else { Err(CloudError::NotBuilt(missing)) }
}

fn in_place(mut spec: FunctionSpec, stack: &Stack, places: &Places, caller: &BTreeMap<String, String>) -> FunctionSpec {
    if let Some(function) = stack.functions.get(&spec.id) {
        spec.environment = environment(function, stack, places, caller);
    }
    spec
}
