//! The stack that expressions are parsed and checked on.

use std::cell::Cell;

use super::{Problem, ProblemKind};

/// Parser and checker recurse. The bounds keep their depth finite, and a stack of so many bytes is enough for them whatever the
/// caller has. Memory is taken only as far as it is used.
pub const DEEP_STACK: usize = 64 << 20;

thread_local! {
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Does something on the calling thread alone, which has to have [`DEEP_STACK`] bytes of stack left: no thread is started for an
/// expression. For processes that may not start any.
pub fn on_this_stack<T>(work: impl FnOnce() -> T) -> T {
    let before = IS_DEEP.replace(true);
    let result = work();
    IS_DEEP.set(before);
    result
}

/// Runs on a stack that is deep enough.
pub(super) fn on_a_deep_stack<T: Send>(
    work: impl FnOnce() -> Result<T, Vec<Problem>> + Send,
) -> Result<T, Vec<Problem>> {
    if IS_DEEP.get() {
        return work();
    }
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().name("expression".to_owned()).stack_size(DEEP_STACK);
        match thread.spawn_scoped(threads, work).map(|worker| worker.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => Err(vec![
                Problem::new(ProblemKind::TooDeep, 0..0, "there is no memory to check this expression")
                    .mend("free memory and try again"),
            ]),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use super::*;

    fn worker() -> ThreadId {
        on_a_deep_stack(|| Ok(thread::current().id())).unwrap()
    }

    #[test]
    fn threads_are_started_unless_the_caller_has_the_stack_itself() {
        let here = thread::current().id();
        assert_ne!(worker(), here);
        assert_eq!(on_this_stack(|| on_this_stack(worker)), here);
        assert_ne!(worker(), here);
    }
}
