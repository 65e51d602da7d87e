//! Health, readiness, the OpenAPI document and Swagger UI. Nothing here needs a caller, and only readiness touches a store.

mod documents;
mod health;
mod pages;
mod policy;

use shared::config::{self, Aws, ConfigError};
use shared::error::Result;
use shared::media::Media;
use shared::push::tables::Tables;
use shared::store::Db;
use tokio::sync::{Mutex, OnceCell};

use self::policy::Policies;
use crate::resources;
use crate::routes::routes;
use health::Seen;

/// What the probes look at.
#[derive(Debug)]
pub struct State {
    db: OnceCell<Db>,
    tables: Tables,
    media: Media,
    /// None where the documentation is not shown.
    policies: Option<Policies>,
    seen: Mutex<Option<Seen>>,
}

impl State {
    /// Reads where the stores are. The database's secret is fetched by the first probe: health must answer without it.
    pub fn from_env() -> Result<Self, ConfigError> {
        let aws = Aws::from_env()?;
        let tables = Tables::new(&aws, config::Tables::from_env()?);
        let media = config::Media::from_env()?;
        let bucket = config::bucket_url(&media.bucket, &aws.region);
        let policies = Policies::of(&config::websocket_url()?, &bucket, !aws.is_real);
        let policies = config::docs()?.then_some(policies);
        Ok(Self { db: OnceCell::new(), tables, media: Media::new(&aws, &media), policies, seen: Mutex::default() })
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
