//! Who runs what: functions with their instances, instances with their invocation. The counts change together with what they count.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

use super::{
    FunctionSpec, InstanceInfo, Outcome,
    detour::Detour,
    process::{self, Control, Ended},
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) functions: HashMap<String, Workers>,
    pub(super) instances: HashMap<u64, Instance>,
    /// Invocations that run, of all functions.
    pub(super) running: usize,
    pub(super) last_instance: u64,
    pub(super) stopping: bool,
}

#[derive(Debug)]
pub(super) struct Workers {
    pub(super) spec: Arc<FunctionSpec>,
    /// Instances without an invocation; the most recently used last.
    pub(super) free: Vec<u64>,
    pub(super) running: u32,
    /// Grows when the function's binary is another one; instances of an older one take no further invocation.
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
    pub(super) poll: Option<oneshot::Sender<Event>>,
    pub(super) current: Option<Current>,
    pub(super) last: Option<Uuid>,
    pub(super) control: mpsc::UnboundedSender<Control>,
    /// Stands between it and the stores while faults ask for that; ends with it.
    pub(super) detour: Option<Detour>,
}

#[derive(Debug)]
pub(super) struct Current {
    pub(super) id: Uuid,
    pub(super) payload: Bytes,
    pub(super) reply: oneshot::Sender<Reply>,
    /// When the process got it; until then it waits for the process to ask.
    pub(super) delivered: Option<Instant>,
    pub(super) cold: bool,
    /// Its instance is to end instead of getting it.
    pub(super) doomed: bool,
}

#[derive(Debug)]
pub(super) enum Reply {
    Done(Outcome),
    /// The process went away before it asked for the event, so another one may have it.
    Undelivered,
}

/// What `next` answers.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: Uuid,
    pub(super) payload: Bytes,
    pub(super) deadline: SystemTime,
    pub(super) function: Arc<FunctionSpec>,
}

impl State {
    pub(super) fn new(functions: Vec<FunctionSpec>) -> Self {
        let workers = functions
            .into_iter()
            .map(|spec| (spec.id.clone(), Workers { spec: Arc::new(spec), free: Vec::new(), running: 0, generation: 0 }));
        Self { functions: workers.collect(), ..Self::default() }
    }

    /// Takes the invocation from its instance and from the counts.
    pub(super) fn release(&mut self, number: u64) -> Option<Current> {
        let instance = self.instances.get_mut(&number)?;
        let current = instance.current.take()?;
        instance.used = Instant::now();
        self.running = self.running.saturating_sub(1);
        if let Some(workers) = self.functions.get_mut(&instance.spec.id) {
            workers.running = workers.running.saturating_sub(1);
        }
        Some(current)
    }

    /// Ends the invocation: its caller has the outcome, and what is given back is to be recorded.
    pub(super) fn end(&mut self, number: u64, outcome: Outcome) -> Option<Ended> {
        let Current { id, payload, reply, delivered, cold, .. } = self.release(number)?;
        let instance = self.instances.get_mut(&number)?;
        instance.last = Some(id);
        let _ = reply.send(Reply::Done(outcome.clone()));
        Some(Ended {
            id,
            event: payload,
            outcome,
            duration: delivered.unwrap_or(instance.started).elapsed(),
            cold_start: instance.cold_start.filter(|_| cold),
        })
    }

    /// The instance may have the next invocation.
    pub(super) fn set_free(&mut self, number: u64, ended: Ended) {
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

    /// Ends the function's instances: those that are free now, those that work after what they do. Says how many there are.
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

    /// Ends the instance that has been idle for longest, whatever its function.
    pub(super) fn make_room(&mut self) {
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
        current: Current,
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
            detour: None,
        }
    }

    /// Gives it an invocation: at once if it is asking, else when it asks.
    pub(super) fn take(&mut self, mut current: Current, frozen: bool) -> Result<(), Current> {
        if current.doomed {
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

impl Current {
    pub(super) fn new(id: Uuid, payload: Bytes, reply: oneshot::Sender<Reply>) -> Self {
        Self { id, payload, reply, delivered: None, cold: false, doomed: false }
    }

    pub(super) fn deliver(&mut self, function: &Arc<FunctionSpec>) -> Event {
        self.delivered = Some(Instant::now());
        Event {
            id: self.id,
            payload: self.payload.clone(),
            deadline: SystemTime::now() + function.timeout,
            function: function.clone(),
        }
    }
}
