//! Where faults reach the instances: those that end early, invocations that run twice, starts that take long, ways that lead through proxies.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use super::{
    FunctionSpec, InvokeError, Outcome,
    detour::{self, Detour},
    instances::{Assigned, Pool},
    process::Control,
    state::State,
};
use crate::faults::{At, Faults};

impl Pool {
    /// Follows an invocation to its end, and where faults ask for it a second time.
    pub(super) async fn follow_all(
        self: &Arc<Self>,
        name: &str,
        (id, payload): (Uuid, Bytes),
        assigned: Assigned,
    ) -> Result<Outcome, InvokeError> {
        let outcome = self.follow(name, (id, payload.clone()), assigned).await;
        if !self.faults().replays(name) {
            return outcome;
        }
        match self.assign(name, id, payload.clone()) {
            Ok(again) => self.follow(name, (id, payload), again).await,
            // No room for a second time: then it was once.
            Err(_) => outcome,
        }
    }

    /// Whether the instance ends although it has done its work; nobody gets its answer.
    pub(super) fn dies_before_its_response(&self, state: &State, number: u64) -> bool {
        let Some(instance) = state.instances.get(&number) else { return false };
        self.faults().kills(&instance.spec.id, At::BeforeResponse) && instance.control.send(Control::Kill).is_ok()
    }

    /// The function with its stores behind proxies. The one to the database tells what this instance commits.
    pub(super) fn detour(self: &Arc<Self>, number: u64, spec: &FunctionSpec) -> io::Result<(FunctionSpec, Detour)> {
        if self.proxies.get().is_none() {
            let _ = self.proxies.set(detour::Shared::start(self.faults())?);
        }
        let Some(shared) = self.proxies.get() else { return Err(io::Error::other("there are no proxies")) };
        let (pool, function) = (Arc::downgrade(self), spec.id.clone());
        let committed = move || {
            let Some(pool) = pool.upgrade() else { return false };
            pool.faults().kills(&function, At::AfterCommit) && pool.end_instance(number)
        };
        shared.through(spec, self.faults(), detour::witness(committed))
    }

    fn end_instance(&self, number: u64) -> bool {
        self.lock().instances.get(&number).is_some_and(|instance| instance.control.send(Control::Kill).is_ok())
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.options.faults
    }

    /// How much longer this instance is to take to its first event.
    pub(super) fn cold_start_delay(&self, number: u64) -> Option<Duration> {
        let first = self.lock().instances.get(&number).is_some_and(|instance| instance.cold_start.is_none());
        first.then(|| self.faults().cold_start()).flatten()
    }
}
