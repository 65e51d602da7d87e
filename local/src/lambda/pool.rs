//! The pool of instances: assigns invocations to processes. An invocation ends exactly once; an instance runs one at a time.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::process::{self, Control, EndedInvocation};
use super::state::{CurrentInvocation, Instance, InvocationEvent, InvocationResult, PoolState};
use super::{FunctionSpec, InstanceInfo, InvokeError, LambdaOptions, Outcome, failure, function_name, proxies, remote};
use crate::faults::KillPoint;
use crate::logs::Journal;
use crate::watchdog::Watchdog;

#[derive(Debug)]
pub(super) struct InstancePool {
    state: Mutex<PoolState>,
    pub(super) options: LambdaOptions,
    address: SocketAddr,
    watchdog: Arc<Watchdog>,
    /// Notified when an instance has exited, for `stop`.
    gone: Notify,
    pub(super) proxies: OnceLock<proxies::SharedProxies>,
}

/// The response to a request for the next event.
#[derive(Debug)]
pub(super) enum NextEvent {
    Ready(InvocationEvent),
    Pending(oneshot::Receiver<InvocationEvent>),
}

/// Why the Runtime API rejects a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuntimeApiError {
    UnknownInstance,
    InvalidRequestId,
    InvalidStateTransition,
}

pub(super) struct Assignment {
    instance: u64,
    reply: oneshot::Receiver<InvocationResult>,
    /// When to check the timeout.
    check: Instant,
}

impl InstancePool {
    pub(super) fn new(functions: Vec<FunctionSpec>, options: LambdaOptions, address: SocketAddr) -> io::Result<Arc<Self>> {
        options.faults.set_functions(
            functions.iter().map(|spec| (spec.id.clone(), spec.binary_name())).collect(),
            options.invoke.is_some(),
        );
        Ok(Arc::new(Self {
            state: Mutex::new(PoolState::new(functions)),
            options,
            address,
            watchdog: Watchdog::acquire()?,
            gone: Notify::new(),
            proxies: OnceLock::new(),
        }))
    }

    /// Runs in its own task: the invocation continues if its caller goes away, as on Lambda.
    pub(super) async fn invoke(self: &Arc<Self>, function: &str, id: Uuid, payload: Bytes) -> Result<Outcome, InvokeError> {
        let name = function_name(function).to_owned();
        if let Some(endpoint) = &self.options.invoke {
            return remote::invoke(self, endpoint.clone(), &name, (id, payload)).await;
        }
        let assigned = self.assign(&name, id, payload.clone())?;
        let pool = self.clone();
        let run = tokio::spawn(async move { pool.wait_with_faults(&name, (id, payload), assigned).await });
        run.await.unwrap_or(Err(InvokeError::Throttled { reason: STOPPING }))
    }

    pub(super) async fn wait_for_result(
        self: &Arc<Self>,
        name: &str,
        (id, payload): (Uuid, Bytes),
        mut assigned: Assignment,
    ) -> Result<Outcome, InvokeError> {
        loop {
            match timeout_at(assigned.check, &mut assigned.reply).await {
                Ok(Ok(InvocationResult::Done(outcome))) => return Ok(outcome),
                Ok(Ok(InvocationResult::Undelivered)) => assigned = self.assign(name, id, payload.clone())?,
                Ok(Err(_)) => return Err(InvokeError::Throttled { reason: STOPPING }),
                Err(_) => assigned.check = self.expire(assigned.instance, id),
            }
        }
    }

    pub(super) fn assign(self: &Arc<Self>, name: &str, id: Uuid, payload: Bytes) -> Result<Assignment, InvokeError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.stopping {
            return Err(InvokeError::Throttled { reason: STOPPING });
        }
        let workers = state.functions.get_mut(name).ok_or_else(|| InvokeError::NotFound(name.to_owned()))?;
        let (of_function, of_all) = self.faults().concurrency_limits(name);
        if [workers.spec.reserved_concurrency, of_function].into_iter().flatten().any(|most| workers.running >= most) {
            return Err(InvokeError::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" });
        }
        if state.running >= of_all.unwrap_or(self.options.concurrency).min(self.options.concurrency) {
            return Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" });
        }
        workers.running += 1;
        state.running += 1;
        let (spec, generation) = (workers.spec.clone(), workers.generation);
        let (reply, receiver) = oneshot::channel();
        let mut current = CurrentInvocation::new(id, payload, reply);
        current.kill_on_delivery = self.faults().should_kill(name, KillPoint::BeforeHandler);
        let detours = self.faults().needs_proxies();
        while let Some(free) = workers.free.pop() {
            let Some(instance) = state.instances.get_mut(&free) else { continue };
            if instance.proxies.is_some() != detours {
                // The instance reaches the stores by another route than the faults now require: replace it.
                let _ = instance.control.send(Control::Kill);
                continue;
            }
            match instance.take(current, self.options.freeze) {
                Ok(()) => return Ok(Assignment { instance: free, reply: receiver, check: Instant::now() + spec.timeout }),
                // The poll's connection is closed: the process is exiting.
                Err(back) => {
                    let _ = instance.control.send(Control::Kill);
                    current = back;
                }
            }
        }
        current.cold = true;
        if state.instances.len() >= self.options.concurrency {
            state.evict_idle();
        }
        state.last_instance += 1;
        let (number, started) = (state.last_instance, Instant::now());
        let (control, commands) = mpsc::unbounded_channel();
        let instance = Instance::new((spec.clone(), generation), current, control);
        state.instances.insert(number, instance);
        drop(guard);
        self.launch(number, &spec, commands);
        Ok(Assignment { instance: number, reply: receiver, check: started + spec.timeout.min(self.options.init_timeout) })
    }

    fn launch(self: &Arc<Self>, number: u64, own: &FunctionSpec, commands: mpsc::UnboundedReceiver<Control>) {
        let proxies = self.faults().needs_proxies().then(|| self.with_proxies(number, own)).transpose();
        let spawned = proxies.and_then(|proxies| {
            let (spec, proxies) = proxies.map_or((None, None), |(spec, proxies)| (Some(spec), Some(proxies)));
            let place = process::InstanceContext { api: self.address, region: &self.options.region, watchdog: &self.watchdog };
            Ok((process::spawn(spec.as_ref().unwrap_or(own), number, &place)?, proxies))
        });
        match spawned {
            Ok((started, proxies)) => {
                if let Some(instance) = self.lock().instances.get_mut(&number) {
                    instance.pid = started.pid();
                    instance.proxies = proxies;
                }
                tokio::spawn(process::supervise(self.clone(), number, started, commands));
            }
            Err(error) => {
                let outcome = failure::not_started(&own.binary, &error);
                let mut state = self.lock();
                let ended = state.end(number, outcome);
                state.forget(number);
                drop(state);
                if let Some(ended) = ended {
                    self.options.journal.record(ended.record(&own.id, 0, Vec::new()));
                }
            }
        }
    }

    /// Ends the invocation if its timeout has passed; otherwise returns when to check again.
    fn expire(&self, number: u64, id: Uuid) -> Instant {
        let mut state = self.lock();
        let now = Instant::now();
        // Nothing to expire: the result is on its way.
        let later = now + Duration::from_secs(1);
        let Some(instance) = state.instances.get(&number) else { return later };
        let Some(current) = instance.current.as_ref().filter(|current| current.id == id) else { return later };
        let (end, allowed) = match current.delivered {
            Some(at) => (at + instance.spec.timeout, instance.spec.timeout),
            None if instance.cold_start.is_none() => (instance.started + self.options.init_timeout, self.options.init_timeout),
            // An instance that ran before and does not poll again.
            None => (instance.used + instance.spec.timeout, instance.spec.timeout),
        };
        if now < end {
            return end;
        }
        let control = instance.control.clone();
        if let Some(ended) = state.end(number, failure::timed_out(id, allowed)) {
            let _ = control.send(Control::Ended(ended));
        }
        let _ = control.send(Control::Kill);
        later
    }

    /// The process polls for an event.
    pub(super) fn poll(&self, number: u64) -> Result<NextEvent, RuntimeApiError> {
        let mut state = self.lock();
        let instance = state.instances.get_mut(&number).ok_or(RuntimeApiError::UnknownInstance)?;
        let since_start = instance.started.elapsed();
        instance.cold_start.get_or_insert(since_start);
        match &mut instance.current {
            Some(current) if current.delivered.is_some() => Err(RuntimeApiError::InvalidStateTransition),
            Some(current) if current.kill_on_delivery => {
                let _ = instance.control.send(Control::Kill);
                let (sender, receiver) = oneshot::channel();
                instance.poll = Some(sender);
                Ok(NextEvent::Pending(receiver))
            }
            Some(current) => Ok(NextEvent::Ready(current.deliver(&instance.spec))),
            None => {
                let (sender, receiver) = oneshot::channel();
                instance.poll = Some(sender);
                if self.options.freeze {
                    process::freeze(instance.pid);
                }
                Ok(NextEvent::Pending(receiver))
            }
        }
    }

    /// Whether the process may respond to this invocation.
    pub(super) fn may_answer(&self, number: u64, id: Uuid) -> Result<(), RuntimeApiError> {
        let state = self.lock();
        let instance = state.instances.get(&number).ok_or(RuntimeApiError::UnknownInstance)?;
        match &instance.current {
            Some(current) if current.id == id && current.delivered.is_some() => Ok(()),
            _ if instance.last == Some(id) => Err(RuntimeApiError::InvalidStateTransition),
            _ => Err(RuntimeApiError::InvalidRequestId),
        }
    }

    /// The process has responded; it may get the next invocation.
    pub(super) fn answer(&self, number: u64, id: Uuid, outcome: Outcome) -> Result<(), RuntimeApiError> {
        self.may_answer(number, id)?;
        let mut state = self.lock();
        if matches!(outcome, Outcome::Success(_)) && self.is_killed_before_response(&state, number) {
            return Err(RuntimeApiError::UnknownInstance);
        }
        let ended = state.end(number, outcome).ok_or(RuntimeApiError::InvalidRequestId)?;
        state.set_free(number, ended);
        Ok(())
    }

    /// The process reports a failed initialization.
    pub(super) fn init_failed(&self, number: u64, outcome: Outcome) -> Result<(), RuntimeApiError> {
        let mut state = self.lock();
        let instance = state.instances.get(&number).ok_or(RuntimeApiError::UnknownInstance)?;
        if instance.cold_start.is_some() {
            return Err(RuntimeApiError::InvalidStateTransition);
        }
        let control = instance.control.clone();
        if let Some(ended) = state.end(number, outcome) {
            let _ = control.send(Control::Ended(ended));
        }
        let _ = control.send(Control::Kill);
        Ok(())
    }

    /// The process has exited. Returns the record of its invocation, if any.
    pub(super) fn exited(&self, number: u64, status: Option<ExitStatus>, last_lines: &[String]) -> Option<EndedInvocation> {
        let mut state = self.lock();
        let instance = state.instances.get(&number)?;
        let polled = instance.cold_start.is_some();
        let ended = match &instance.current {
            Some(current) if current.delivered.is_none() && polled && !current.kill_on_delivery && !state.stopping => {
                let taken = state.release(number);
                taken.map(|current| current.reply.send(InvocationResult::Undelivered));
                None
            }
            Some(current) => {
                let outcome = failure::exited(current.id, status, if polled { &[] } else { last_lines });
                state.end(number, outcome)
            }
            None => None,
        };
        state.forget(number);
        drop(state);
        self.gone.notify_waiters();
        ended
    }

    pub(super) fn function(&self, name_or_arn: &str) -> Option<Arc<FunctionSpec>> {
        self.lock().functions.get(function_name(name_or_arn)).map(|workers| workers.spec.clone())
    }

    /// Logical ids of the failure destinations.
    pub(super) fn destinations(&self) -> Vec<String> {
        let state = self.lock();
        let named = state.functions.values().filter_map(|workers| workers.spec.event_invoke.on_failure.clone());
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn arn(&self, function: &str) -> String {
        format!("arn:aws:lambda:{}:000000000000:function:{function}", self.options.region)
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.options.journal
    }

    pub(super) fn retry_scale(&self) -> f64 {
        self.options.retry_scale
    }

    pub(super) fn instances(&self) -> Vec<InstanceInfo> {
        let mut all: Vec<_> = self.lock().instances.values().map(Instance::info).collect();
        all.sort_by_key(|instance| instance.started);
        all
    }

    pub(super) fn retire(&self, function: &str) -> usize {
        self.lock().retire(function)
    }

    pub(super) fn kill(&self, pid: u32) -> bool {
        let state = self.lock();
        state
            .instances
            .values()
            .find(|instance| instance.pid == pid)
            .is_some_and(|instance| instance.control.send(Control::Kill).is_ok())
    }

    /// Stops idle instances for as long as the pool exists.
    pub(super) async fn reap(pool: Weak<Self>, idle: Duration) {
        loop {
            tokio::time::sleep((idle / 4).clamp(Duration::from_millis(10), Duration::from_secs(15))).await;
            let Some(pool) = pool.upgrade() else { return };
            let mut state = pool.lock();
            let state = &mut *state;
            for workers in state.functions.values_mut() {
                workers.free.retain(|number| match state.instances.get(number) {
                    Some(instance) if instance.used.elapsed() < idle => true,
                    Some(instance) => {
                        let _ = instance.control.send(Control::Kill);
                        false
                    }
                    None => false,
                });
            }
        }
    }

    pub(super) fn idle(&self) -> Duration {
        self.options.idle
    }

    pub(super) async fn stop(&self) {
        {
            let mut state = self.lock();
            state.stopping = true;
            for instance in state.instances.values() {
                let _ = instance.control.send(Control::Kill);
            }
        }
        loop {
            let gone = self.gone.notified();
            if self.lock().instances.is_empty() {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), gone).await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) const STOPPING: &str = "Stopping";
