//! The way of one instance to the stores while faults ask for it: through proxies. The one to the database is its own, so that a commit is known to be its.

use std::{io, sync::Arc};

use super::FunctionSpec;
use crate::{
    faults::{Faults, Store},
    proxy::{Proxy, Witness},
};

/// Proxies that last as long as their instance.
#[derive(Debug)]
pub(super) struct Detour {
    _mysql: Option<Proxy>,
}

/// Proxies that all instances share: an address of S3 is handed on in presigned URLs, and outlives the instance that signed it.
#[derive(Debug)]
pub(super) struct Shared {
    dynamodb: Option<Proxy>,
    s3: Option<Proxy>,
    sqs: Option<Proxy>,
}

impl Shared {
    pub(super) fn start(faults: &Faults) -> io::Result<Self> {
        let stores = faults.stores();
        let start = |store, to| Proxy::start(store, to, faults, None);
        Ok(Self {
            dynamodb: stores.dynamodb.map(|to| start(Store::DynamoDb, to)).transpose()?,
            s3: stores.s3.map(|to| start(Store::S3, to)).transpose()?,
            sqs: stores.sqs.map(|to| start(Store::Sqs, to)).transpose()?,
        })
    }

    /// The function with every address of a store replaced by that of its proxy.
    pub(super) fn through(&self, spec: &FunctionSpec, faults: &Faults, witness: Witness) -> io::Result<(FunctionSpec, Detour)> {
        let stores = faults.stores();
        let mysql = stores.mysql.map(|to| Proxy::start(Store::MySql, to, faults, Some(witness))).transpose()?;
        let mut spec = spec.clone();
        let ways = [(stores.mysql, &mysql), (stores.dynamodb, &self.dynamodb), (stores.s3, &self.s3), (stores.sqs, &self.sqs)];
        for (store, proxy) in ways {
            let Some((store, proxy)) = store.zip(proxy.as_ref()) else { continue };
            let (here, there) = (store.to_string(), proxy.address().to_string());
            for value in spec.environment.values_mut().filter(|value| value.contains(&here)) {
                *value = value.replace(&here, &there);
            }
        }
        Ok((spec, Detour { _mysql: mysql }))
    }
}

/// For an instance by its number: ends it when faults want its commits unheard.
pub(super) fn witness(kill: impl Fn() -> bool + Send + Sync + 'static) -> Witness {
    Arc::new(kill)
}
