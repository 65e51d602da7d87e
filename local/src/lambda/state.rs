//! State of the pool: functions with their instances, instances with their invocation. Counts and contents change together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::process::{self, Control, EndedInvocation};
use super::proxies::InstanceProxies;
use super::{FunctionSpec, InstanceInfo, Outcome};

#[derive(Debug, Default)]
pub(super) struct PoolState {
    pub(super) functions: HashMap<String, FunctionState>,
    pub(super) instances: HashMap<u64, Instance>,
    /// Running invocations of all functions.
    pub(super) running: usize,
    pub(super) last_instance: u64,
    pub(super) stopping: bool,
}

#[derive(Debug)]
pub(super) struct FunctionState {
    pub(super) spec: Arc<FunctionSpec>,
    /// Idle instances, most recently used last.
    pub(super) free: Vec<u64>,
    pub(super) running: u32,
    /// Version of the binary; instances of an older one get no further invocation.
    pub(super) generation: u64,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) spec: Arc<FunctionSpec>,
    pub(super) generation: u64,
    pub(super) pid: u32,
    pub(super) started: Instant,
    pub(super) started_at: SystemTime,
    pub(super) cold_start: Option<Duration>,
    pub(super) used: Instant,
    pub(super) invocations: u64,
    /// Its open request for the next event.
    pub(super) poll: Option<oneshot::Sender<InvocationEvent>>,
    pub(super) current: Option<CurrentInvocation>,
    pub(super) last: Option<Uuid>,
    pub(super) control: mpsc::UnboundedSender<Control>,
    /// Proxies in front of its stores, while faults require them.
    pub(super) proxies: Option<InstanceProxies>,
}

#[derive(Debug)]
pub(super) struct CurrentInvocation {
    pub(super) id: Uuid,
    pub(super) payload: Bytes,
    pub(super) reply: oneshot::Sender<InvocationResult>,
    /// When the process got the event; `None` while it has not polled.
    pub(super) delivered: Option<Instant>,
    pub(super) cold: bool,
    /// The instance is killed instead of getting the event.
    pub(super) kill_on_delivery: bool,
}

#[derive(Debug)]
pub(super) enum InvocationResult {
    Done(Outcome),
    /// The process exited before it polled; another one may get the event.
    Undelivered,
}

/// The response to `next`.
#[derive(Debug)]
pub(super) struct InvocationEvent {
    pub(super) id: Uuid,
    pub(super) payload: Bytes,
    pub(super) deadline: SystemTime,
    pub(super) function: Arc<FunctionSpec>,
}

impl PoolState {
    pub(super) fn new(functions: Vec<FunctionSpec>) -> Self {
        let workers = functions
            .into_iter()
            .map(|spec| (spec.id.clone(), FunctionState { spec: Arc::new(spec), free: Vec::new(), running: 0, generation: 0 }));
        Self { functions: workers.collect(), ..Self::default() }
    }

    /// Removes the invocation from its instance and from the counts.
    pub(super) fn release(&mut self, number: u64) -> Option<CurrentInvocation> {
        let instance = self.instances.get_mut(&number)?;
        let current = instance.current.take()?;
        instance.used = Instant::now();
        self.running = self.running.saturating_sub(1);
        if let Some(workers) = self.functions.get_mut(&instance.spec.id) {
            workers.running = workers.running.saturating_sub(1);
        }
        Some(current)
    }

    /// Ends the invocation: sends the outcome to its caller and returns the journal record.
    pub(super) fn end(&mut self, number: u64, outcome: Outcome) -> Option<EndedInvocation> {
        let CurrentInvocation { id, payload, reply, delivered, cold, .. } = self.release(number)?;
        let instance = self.instances.get_mut(&number)?;
        instance.last = Some(id);
        let _ = reply.send(InvocationResult::Done(outcome.clone()));
        Some(EndedInvocation {
            id,
            event: payload,
            outcome,
            duration: delivered.unwrap_or(instance.started).elapsed(),
            cold_start: instance.cold_start.filter(|_| cold),
        })
    }

    /// Makes the instance available for the next invocation.
    pub(super) fn set_free(&mut self, number: u64, ended: EndedInvocation) {
        let Some(instance) = self.instances.get_mut(&number) else { return };
        instance.invocations += 1;
        let _ = instance.control.send(Control::Ended(ended));
        let Some(workers) = self.functions.get_mut(&instance.spec.id) else { return };
        if instance.generation == workers.generation {
            workers.free.push(number);
        } else {
            let _ = instance.control.send(Control::Kill);
        }
    }

    /// Stops the function's instances: idle ones now, busy ones after their invocation. Returns their number.
    pub(super) fn retire(&mut self, function: &str) -> usize {
        let Some(workers) = self.functions.get_mut(function) else { return 0 };
        workers.generation += 1;
        for number in workers.free.drain(..) {
            if let Some(instance) = self.instances.get(&number) {
                let _ = instance.control.send(Control::Kill);
            }
        }
        self.instances.values().filter(|instance| instance.spec.id == function).count()
    }

    pub(super) fn forget(&mut self, number: u64) {
        if let Some(instance) = self.instances.remove(&number)
            && let Some(workers) = self.functions.get_mut(&instance.spec.id)
        {
            workers.free.retain(|free| *free != number);
        }
    }

    /// Stops the instance that has been idle for longest, of any function.
    pub(super) fn evict_idle(&mut self) {
        let idle = self
            .functions
            .values()
            .flat_map(|workers| &workers.free)
            .filter_map(|number| Some((*number, self.instances.get(number)?)));
        let Some((number, instance)) = idle.min_by_key(|(_, instance)| instance.used) else { return };
        let _ = instance.control.send(Control::Kill);
        let function = instance.spec.id.clone();
        if let Some(workers) = self.functions.get_mut(&function) {
            workers.free.retain(|free| *free != number);
        }
    }
}

impl Instance {
    pub(super) fn new(
        (spec, generation): (Arc<FunctionSpec>, u64),
        current: CurrentInvocation,
        control: mpsc::UnboundedSender<Control>,
    ) -> Self {
        let now = Instant::now();
        Self {
            spec,
            generation,
            pid: 0,
            started: now,
            started_at: SystemTime::now(),
            cold_start: None,
            used: now,
            invocations: 0,
            poll: None,
            current: Some(current),
            last: None,
            control,
            proxies: None,
        }
    }

    /// Assigns an invocation: delivers it if the instance is polling, else at its next poll.
    pub(super) fn take(&mut self, mut current: CurrentInvocation, frozen: bool) -> Result<(), CurrentInvocation> {
        if current.kill_on_delivery {
            let _ = self.control.send(Control::Kill);
        } else if let Some(poll) = self.poll.take() {
            if poll.is_closed() {
                return Err(current);
            }
            let event = current.deliver(&self.spec);
            if frozen {
                process::thaw(self.pid);
            }
            if poll.send(event).is_err() {
                current.delivered = None;
                return Err(current);
            }
        }
        self.used = Instant::now();
        self.current = Some(current);
        Ok(())
    }

    pub(super) fn info(&self) -> InstanceInfo {
        InstanceInfo {
            function: self.spec.id.clone(),
            pid: self.pid,
            busy: self.current.is_some(),
            started: self.started_at,
            invocations: self.invocations,
            cold_start: self.cold_start,
        }
    }
}

impl CurrentInvocation {
    pub(super) fn new(id: Uuid, payload: Bytes, reply: oneshot::Sender<InvocationResult>) -> Self {
        Self { id, payload, reply, delivered: None, cold: false, kill_on_delivery: false }
    }

    pub(super) fn deliver(&mut self, function: &Arc<FunctionSpec>) -> InvocationEvent {
        self.delivered = Some(Instant::now());
        InvocationEvent {
            id: self.id,
            payload: self.payload.clone(),
            deadline: SystemTime::now() + function.timeout,
            function: function.clone(),
        }
    }
}
