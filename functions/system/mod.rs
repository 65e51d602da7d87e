//! Health, readiness, the OpenAPI document and Swagger UI. Nothing here needs a caller, and only readiness touches a store.

mod documents;
mod health;

use std::sync::Arc;

use shared::config::{self, Aws, ConfigError};
use shared::error::Result;
use shared::push::tables::Tables;
use shared::store::Db;
use tokio::sync::OnceCell;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::resources;

/// What the probes look at.
#[derive(Debug)]
pub struct State {
    db: OnceCell<Db>,
    tables: Tables,
}

impl State {
    /// Reads where the stores are. The database's secret is fetched by the first probe: health must answer without it.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { db: OnceCell::new(), tables: Tables::new(&Aws::from_env()?, config::Tables::from_env()?) })
    }

    async fn db(&self) -> Result<&Db> {
        self.db.get_or_try_init(resources::database).await
    }
}

/// The routes with their documentation.
pub fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(documents::openapi))
        .routes(routes!(documents::swagger))
        .routes(routes!(documents::swagger_slash))
        .routes(routes!(documents::swagger_file))
        .routes(routes!(documents::docs))
}

/// The routes, ready to serve.
pub fn router(state: Arc<State>) -> OpenApiRouter {
    routes().with_state(state)
}
