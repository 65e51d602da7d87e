//! Proxies between an instance and the stores while faults require them. Each instance has its own database proxy, so that commits can be attributed to it.

use std::io;
use std::sync::Arc;

use super::FunctionSpec;
use crate::faults::{Faults, StoreKind};
use crate::proxy::{CommitHook, Proxy};

/// Proxies that live as long as their instance.
#[derive(Debug)]
pub(super) struct InstanceProxies {
    _mysql: Option<Proxy>,
}

/// Proxies shared by all instances: presigned URLs contain the address of the S3 proxy and outlive the instance.
#[derive(Debug)]
pub(super) struct SharedProxies {
    dynamodb: Option<Proxy>,
    s3: Option<Proxy>,
    sqs: Option<Proxy>,
}

impl SharedProxies {
    pub(super) fn start(faults: &Faults) -> io::Result<Self> {
        let stores = faults.stores();
        let start = |store, to| Proxy::start(store, to, faults, None);
        Ok(Self {
            dynamodb: stores.dynamodb.map(|to| start(StoreKind::DynamoDb, to)).transpose()?,
            s3: stores.s3.map(|to| start(StoreKind::S3, to)).transpose()?,
            sqs: stores.sqs.map(|to| start(StoreKind::Sqs, to)).transpose()?,
        })
    }

    /// Replaces every store address in the function's environment by that of its proxy.
    pub(super) fn route_through_proxies(
        &self,
        spec: &FunctionSpec,
        faults: &Faults,
        commit_hook: CommitHook,
    ) -> io::Result<(FunctionSpec, InstanceProxies)> {
        let stores = faults.stores();
        let mysql = stores.mysql.map(|to| Proxy::start(StoreKind::MySql, to, faults, Some(commit_hook))).transpose()?;
        let mut spec = spec.clone();
        let addresses =
            [(stores.mysql, &mysql), (stores.dynamodb, &self.dynamodb), (stores.s3, &self.s3), (stores.sqs, &self.sqs)];
        for (store, proxy) in addresses {
            let Some((store, proxy)) = store.zip(proxy.as_ref()) else { continue };
            let (here, there) = (store.to_string(), proxy.address().to_string());
            for value in spec.environment.values_mut().filter(|value| value.contains(&here)) {
                *value = value.replace(&here, &there);
            }
        }
        Ok((spec, InstanceProxies { _mysql: mysql }))
    }
}

/// The hook that runs after a commit and kills the instance if the faults require it.
pub(super) fn commit_hook(kill: impl Fn() -> bool + Send + Sync + 'static) -> CommitHook {
    Arc::new(kill)
}
