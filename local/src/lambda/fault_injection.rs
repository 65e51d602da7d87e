//! Applies faults to instances: kills, repeated invocations, slow cold starts, proxies.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::pool::{Assignment, InstancePool};
use super::process::Control;
use super::proxies::{self, InstanceProxies};
use super::state::PoolState;
use super::{FunctionSpec, InvokeError, Outcome};
use crate::faults::{Faults, KillPoint};

impl InstancePool {
    /// Waits for the result of an invocation, and repeats it if the faults require it.
    pub(super) async fn wait_with_faults(
        self: &Arc<Self>,
        name: &str,
        (id, payload): (Uuid, Bytes),
        assigned: Assignment,
    ) -> Result<Outcome, InvokeError> {
        let outcome = self.wait_for_result(name, (id, payload.clone()), assigned).await;
        if !self.faults().should_replay(name) {
            return outcome;
        }
        match self.assign(name, id, payload.clone()) {
            Ok(again) => self.wait_for_result(name, (id, payload), again).await,
            // No capacity for the repetition: keep the first result.
            Err(_) => outcome,
        }
    }

    /// Whether the instance is killed after its work; its response is lost.
    pub(super) fn is_killed_before_response(&self, state: &PoolState, number: u64) -> bool {
        let Some(instance) = state.instances.get(&number) else { return false };
        self.faults().should_kill(&instance.spec.id, KillPoint::BeforeResponse) && instance.control.send(Control::Kill).is_ok()
    }

    /// Places proxies in front of the function's stores. The database proxy reports the commits of this instance.
    pub(super) fn with_proxies(
        self: &Arc<Self>,
        number: u64,
        spec: &FunctionSpec,
    ) -> io::Result<(FunctionSpec, InstanceProxies)> {
        if self.proxies.get().is_none() {
            let _ = self.proxies.set(proxies::SharedProxies::start(self.faults())?);
        }
        let Some(shared) = self.proxies.get() else { return Err(io::Error::other("there are no proxies")) };
        let (pool, function) = (Arc::downgrade(self), spec.id.clone());
        let committed = move || {
            let Some(pool) = pool.upgrade() else { return false };
            pool.faults().should_kill(&function, KillPoint::AfterCommit) && pool.end_instance(number)
        };
        shared.route_through_proxies(spec, self.faults(), proxies::commit_hook(committed))
    }

    fn end_instance(&self, number: u64) -> bool {
        self.lock().instances.get(&number).is_some_and(|instance| instance.control.send(Control::Kill).is_ok())
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.options.faults
    }

    /// Additional delay before this instance gets its first event.
    pub(super) fn cold_start_delay(&self, number: u64) -> Option<Duration> {
        let first = self.lock().instances.get(&number).is_some_and(|instance| instance.cold_start.is_none());
        first.then(|| self.faults().cold_start()).flatten()
    }
}
