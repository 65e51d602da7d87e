//! Health, readiness, API documents and documentation. Requires no authentication; only readiness accesses the stores.

mod documents;
mod health;
mod pages;
mod policy;

use shared::aws::table_probes::TableProbes;
use shared::config::{self, Aws, ConfigError};
use shared::error::Result;
use shared::media::Media;
use shared::store::Db;
use tokio::sync::{Mutex, OnceCell};

use self::policy::Policies;
use crate::resources;
use crate::routes::routes;
use health::CachedChecks;

#[derive(Debug)]
pub struct State {
    db: OnceCell<Db>,
    tables: TableProbes,
    media: Media,
    /// None when the documentation is disabled.
    policies: Option<Policies>,
    cached_checks: Mutex<Option<CachedChecks>>,
}

impl State {
    /// Reads the environment. The first readiness probe loads the database's secret, since health must answer without it.
    pub fn from_env() -> Result<Self, ConfigError> {
        let aws = Aws::from_env()?;
        let tables = TableProbes::new(&aws, config::TableNames::from_env()?);
        let media = config::MediaConfig::from_env()?;
        let bucket = config::bucket_url(&media.bucket, &aws.region);
        let policies = Policies::of(&config::websocket_url()?, &bucket, !aws.is_real);
        let policies = config::docs()?.then_some(policies);
        Ok(Self { db: OnceCell::new(), tables, media: Media::new(&aws, &media), policies, cached_checks: Mutex::default() })
    }

    async fn db(&self) -> Result<&Db> {
        self.db.get_or_try_init(resources::database).await
    }
}

routes!(for State:
    health::health,
    health::ready,
    documents::openapi,
    documents::asyncapi,
    documents::swagger,
    documents::swagger_slash,
    documents::swagger_file,
    pages::index,
    pages::page,
);
