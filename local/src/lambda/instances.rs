//! Which process runs which invocation. An invocation is counted from its start to its one end, and an instance never has two.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::{
    FunctionSpec, InstanceInfo, InvokeError, LambdaOptions, Outcome, detour, failure, function_name,
    process::{self, Control, Ended},
    remote,
    state::{Current, Event, Instance, Reply, State},
};
use crate::{faults::At, leash::Leash, logs::Journal};

#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    pub(super) options: LambdaOptions,
    address: SocketAddr,
    leash: Arc<Leash>,
    /// Told whenever an instance is gone, for `stop`.
    gone: Notify,
    pub(super) proxies: OnceLock<detour::Shared>,
}

/// What becomes of a request for the next event.
#[derive(Debug)]
pub(super) enum Poll {
    Now(Event),
    Later(oneshot::Receiver<Event>),
}

/// Why the Runtime API refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownInstance,
    InvalidRequestId,
    InvalidStateTransition,
}

pub(super) struct Assigned {
    instance: u64,
    reply: oneshot::Receiver<Reply>,
    /// When to look whether it has run out of time.
    check: Instant,
}

impl Pool {
    pub(super) fn new(functions: Vec<FunctionSpec>, options: LambdaOptions, address: SocketAddr) -> io::Result<Arc<Self>> {
        options
            .faults
            .know(functions.iter().map(|spec| (spec.id.clone(), spec.binary_name())).collect(), options.invoke.is_some());
        Ok(Arc::new(Self {
            state: Mutex::new(State::new(functions)),
            options,
            address,
            leash: Leash::hold()?,
            gone: Notify::new(),
            proxies: OnceLock::new(),
        }))
    }

    /// The invocation is a task of its own: it goes on when its caller goes away, as on Lambda.
    pub(super) async fn invoke(self: &Arc<Self>, function: &str, id: Uuid, payload: Bytes) -> Result<Outcome, InvokeError> {
        let name = function_name(function).to_owned();
        if let Some(endpoint) = &self.options.invoke {
            return remote::invoke(self, endpoint.clone(), &name, (id, payload)).await;
        }
        let assigned = self.assign(&name, id, payload.clone())?;
        let pool = self.clone();
        let run = tokio::spawn(async move { pool.follow_all(&name, (id, payload), assigned).await });
        run.await.unwrap_or(Err(InvokeError::Throttled { reason: STOPPING }))
    }

    pub(super) async fn follow(
        self: &Arc<Self>,
        name: &str,
        (id, payload): (Uuid, Bytes),
        mut assigned: Assigned,
    ) -> Result<Outcome, InvokeError> {
        loop {
            match timeout_at(assigned.check, &mut assigned.reply).await {
                Ok(Ok(Reply::Done(outcome))) => return Ok(outcome),
                Ok(Ok(Reply::Undelivered)) => assigned = self.assign(name, id, payload.clone())?,
                Ok(Err(_)) => return Err(InvokeError::Throttled { reason: STOPPING }),
                Err(_) => assigned.check = self.expire(assigned.instance, id),
            }
        }
    }

    pub(super) fn assign(self: &Arc<Self>, name: &str, id: Uuid, payload: Bytes) -> Result<Assigned, InvokeError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.stopping {
            return Err(InvokeError::Throttled { reason: STOPPING });
        }
        let workers = state.functions.get_mut(name).ok_or_else(|| InvokeError::NotFound(name.to_owned()))?;
        let (of_function, of_all) = self.faults().caps(name);
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
        let mut current = Current::new(id, payload, reply);
        current.doomed = self.faults().kills(name, At::BeforeHandler);
        let detours = self.faults().detours();
        while let Some(free) = workers.free.pop() {
            let Some(instance) = state.instances.get_mut(&free) else { continue };
            if instance.detour.is_some() != detours {
                // It goes to the stores by the other way.
                let _ = instance.control.send(Control::Kill);
                continue;
            }
            match instance.take(current, self.options.freeze) {
                Ok(()) => return Ok(Assigned { instance: free, reply: receiver, check: Instant::now() + spec.timeout }),
                // Its connection is closed: the process is ending.
                Err(back) => {
                    let _ = instance.control.send(Control::Kill);
                    current = back;
                }
            }
        }
        current.cold = true;
        if state.instances.len() >= self.options.concurrency {
            state.make_room();
        }
        state.last_instance += 1;
        let (number, started) = (state.last_instance, Instant::now());
        let (control, commands) = mpsc::unbounded_channel();
        let instance = Instance::new((spec.clone(), generation), current, control);
        state.instances.insert(number, instance);
        drop(guard);
        self.launch(number, &spec, commands);
        Ok(Assigned { instance: number, reply: receiver, check: started + spec.timeout.min(self.options.init_timeout) })
    }

    fn launch(self: &Arc<Self>, number: u64, own: &FunctionSpec, commands: mpsc::UnboundedReceiver<Control>) {
        let detour = self.faults().detours().then(|| self.detour(number, own)).transpose();
        let spawned = detour.and_then(|detour| {
            let (spec, detour) = detour.map_or((None, None), |(spec, detour)| (Some(spec), Some(detour)));
            let place = process::Place { api: self.address, region: &self.options.region, leash: &self.leash };
            Ok((process::spawn(spec.as_ref().unwrap_or(own), number, &place)?, detour))
        });
        match spawned {
            Ok((started, detour)) => {
                if let Some(instance) = self.lock().instances.get_mut(&number) {
                    instance.pid = started.pid();
                    instance.detour = detour;
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

    /// Ends the invocation if its time is over; otherwise says when to look again.
    fn expire(&self, number: u64, id: Uuid) -> Instant {
        let mut state = self.lock();
        let now = Instant::now();
        // Nothing to expire: the reply is on its way.
        let later = now + Duration::from_secs(1);
        let Some(instance) = state.instances.get(&number) else { return later };
        let Some(current) = instance.current.as_ref().filter(|current| current.id == id) else { return later };
        let (end, allowed) = match current.delivered {
            Some(at) => (at + instance.spec.timeout, instance.spec.timeout),
            None if instance.cold_start.is_none() => (instance.started + self.options.init_timeout, self.options.init_timeout),
            // It ran before and does not ask again.
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

    /// The process asks for an event.
    pub(super) fn poll(&self, number: u64) -> Result<Poll, Refusal> {
        let mut state = self.lock();
        let instance = state.instances.get_mut(&number).ok_or(Refusal::UnknownInstance)?;
        let since_start = instance.started.elapsed();
        instance.cold_start.get_or_insert(since_start);
        match &mut instance.current {
            Some(current) if current.delivered.is_some() => Err(Refusal::InvalidStateTransition),
            Some(current) if current.doomed => {
                let _ = instance.control.send(Control::Kill);
                let (sender, receiver) = oneshot::channel();
                instance.poll = Some(sender);
                Ok(Poll::Later(receiver))
            }
            Some(current) => Ok(Poll::Now(current.deliver(&instance.spec))),
            None => {
                let (sender, receiver) = oneshot::channel();
                instance.poll = Some(sender);
                if self.options.freeze {
                    process::freeze(instance.pid);
                }
                Ok(Poll::Later(receiver))
            }
        }
    }

    /// Whether the process may answer this invocation now.
    pub(super) fn may_answer(&self, number: u64, id: Uuid) -> Result<(), Refusal> {
        let state = self.lock();
        let instance = state.instances.get(&number).ok_or(Refusal::UnknownInstance)?;
        match &instance.current {
            Some(current) if current.id == id && current.delivered.is_some() => Ok(()),
            _ if instance.last == Some(id) => Err(Refusal::InvalidStateTransition),
            _ => Err(Refusal::InvalidRequestId),
        }
    }

    /// The process has answered; from now on it may have the next invocation.
    pub(super) fn answer(&self, number: u64, id: Uuid, outcome: Outcome) -> Result<(), Refusal> {
        self.may_answer(number, id)?;
        let mut state = self.lock();
        if matches!(outcome, Outcome::Success(_)) && self.dies_before_its_response(&state, number) {
            return Err(Refusal::UnknownInstance);
        }
        let ended = state.end(number, outcome).ok_or(Refusal::InvalidRequestId)?;
        state.set_free(number, ended);
        Ok(())
    }

    /// The process says that it cannot start.
    pub(super) fn init_failed(&self, number: u64, outcome: Outcome) -> Result<(), Refusal> {
        let mut state = self.lock();
        let instance = state.instances.get(&number).ok_or(Refusal::UnknownInstance)?;
        if instance.cold_start.is_some() {
            return Err(Refusal::InvalidStateTransition);
        }
        let control = instance.control.clone();
        if let Some(ended) = state.end(number, outcome) {
            let _ = control.send(Control::Ended(ended));
        }
        let _ = control.send(Control::Kill);
        Ok(())
    }

    /// The process is gone. Gives what is to be recorded if it had an invocation.
    pub(super) fn exited(&self, number: u64, status: Option<ExitStatus>, said: &[String]) -> Option<Ended> {
        let mut state = self.lock();
        let instance = state.instances.get(&number)?;
        let polled = instance.cold_start.is_some();
        let ended = match &instance.current {
            Some(current) if current.delivered.is_none() && polled && !current.doomed && !state.stopping => {
                let taken = state.release(number);
                taken.map(|current| current.reply.send(Reply::Undelivered));
                None
            }
            Some(current) => {
                let outcome = failure::exited(current.id, status, if polled { &[] } else { said });
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

    /// Logical ids of the resources that take on-failure records.
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

    /// Ends instances that were idle for too long, for as long as there is a pool.
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

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) const STOPPING: &str = "Stopping";
