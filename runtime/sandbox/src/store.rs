//! The store of one call: its limits, armed before anything runs, and what became of them.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::engine::TICK;
use crate::failure::Failure;
use crate::limits::{Ended, Limits, Sum};

/// A call that did not get its processor time within so many times its deadline is given up.
const PATIENCE: u32 = 10;

/// What the host keeps for one call.
pub(crate) struct State {
    pub(crate) sum: Sum,
    clock: Clock,
}

/// A store whose limits are armed. Start functions run inside of instantiation, so this comes before it.
pub(crate) fn armed(engine: &Engine, limits: &Limits) -> Store<State> {
    let mut store = Store::new(engine, State { sum: Sum::new(limits.memory), clock: Clock::start(limits.deadline) });
    store.limiter(|state| &mut state.sum);
    // Nothing is copied by wasmtime itself, see `abi`; what is copied there is paid from the output limit.
    store.set_hostcall_fuel(usize::MAX);
    store.set_epoch_deadline(ticks(limits.deadline));
    store.epoch_deadline_callback(|context: StoreContextMut<'_, State>| context.data().clock.decide());
    store
}

fn ticks(duration: Duration) -> u64 {
    // One more, because the first tick may come at once.
    u64::try_from(duration.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX - 1).saturating_add(1)
}

/// Processor time against wall time: a call that was descheduled is not to blame.
struct Clock {
    deadline: Duration,
    cpu: Duration,
    wall: Instant,
}

impl Clock {
    fn start(deadline: Duration) -> Self {
        Clock { deadline, cpu: thread_time(), wall: Instant::now() }
    }

    fn decide(&self) -> wasmtime::Result<UpdateDeadline> {
        let used = thread_time().saturating_sub(self.cpu);
        match self.deadline.checked_sub(used) {
            None | Some(Duration::ZERO) => Err(Ended::Deadline.into()),
            Some(_) if self.wall.elapsed() > self.deadline * PATIENCE => Err(Ended::Busy.into()),
            Some(left) => Ok(UpdateDeadline::Continue(ticks(left))),
        }
    }
}

/// Processor time of the calling thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Names an error that ended an instantiation or a call.
pub(crate) fn classify(error: &wasmtime::Error, limits: &Limits) -> Failure {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::Memory => Failure::MemoryExceeded { limit: limits.memory },
            Ended::Deadline => Failure::DeadlineExceeded(limits.deadline),
            Ended::Busy => Failure::HostBusy("the call did not get its processor time"),
            // A pattern has no host calls.
            Ended::HostCalls => Failure::HostCallsExceeded { limit: 0 },
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Failure::StackOverflow,
        Some(Trap::Interrupt) => Failure::DeadlineExceeded(limits.deadline),
        Some(
            trap @ (Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::InvalidDiscriminant
            | Trap::InvalidChar
            | Trap::UnalignedPointer),
        ) => Failure::InvalidOutput(trap.to_string()),
        Some(trap) => Failure::Trapped(trap.to_string()),
        // There are no host functions that could fail: what is left is reading and writing the guest's memory.
        None => Failure::InvalidOutput(error.root_cause().to_string()),
    }
}
