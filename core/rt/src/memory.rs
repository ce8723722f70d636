//! Memory that a thread does not need any more.

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

/// How long a thread waits for more of the same before it gives memory back.
const PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Has the calling thread give the machine back in a moment what it holds for reuse: blocks of its
/// pool, and what it freed. An allocator does that on its own only while it is asked for more,
/// which an idle thread never does. `spawn` starts a task on this thread.
pub fn give_back_soon(spawn: impl FnOnce(Pin<Box<dyn Future<Output = ()>>>)) {
    if !WAITS.replace(true) {
        spawn(Box::pin(async {
            crate::sleep(PAUSE).await;
            WAITS.set(false);
            give_back();
        }));
    }
}

fn give_back() {
    formats::block::empty_pool();
    // SAFETY: the function may be called at any time by any thread; it only walks what belongs to
    // the allocator, which is ready from its first call on.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_an_idle_thread_are_given_back_once() {
        let reactor = crate::ReactorConfig::new(crate::IoMode::Auto, "memory");
        let main = async {
            drop(formats::block::BlockMut::new());
            assert!(formats::block::pooled_bytes() > 0);
            give_back_soon(|task| drop(crate::spawn(task)));
            give_back_soon(|task| drop(crate::spawn(task)));
            while WAITS.get() {
                crate::sleep(PAUSE / 10).await;
            }
            assert_eq!(formats::block::pooled_bytes(), 0);
        };
        crate::run_reactor(reactor, || main).unwrap();
    }
}
