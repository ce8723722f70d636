//! The limit of what a memory buffer has on its way.

use plan::serde_json::json;

use super::*;
use crate::buffered::IN_FLIGHT_MAX;
use crate::signal::Signal;
use crate::testing::{Fake, TestEnv, batch, both_modes};
use futures_util::FutureExt;
use plan::Outcome;

/// Takes every batch, and tells what became of it when it is let.
struct Holding {
    outer: Rc<Fake>,
    taken: Cell<usize>,
    open: Cell<bool>,
    changed: Rc<Signal>,
    this: std::rc::Weak<Holding>,
}

impl SourceContext for Holding {
    fn emit(&self, _: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        self.taken.set(self.taken.get() + 1);
        let this = self.this.upgrade();
        let outcome = async move {
            if let Some(this) = this {
                this.changed.until(|| this.open.get().then_some(())).await;
            }
            Outcome::default()
        };
        Box::pin(std::future::ready(Ok(Emitted(Box::pin(outcome)))))
    }

    leave_to!(outer);
}

#[test]
fn so_many_batches_are_on_their_way_and_no_more() {
    const BATCHES: usize = IN_FLIGHT_MAX + 5;
    both_modes(|| async {
        let mapping = json!({"lang": "toy", "text": "a"});
        let generate =
            json!({"mapping": mapping, "interval": "", "batch_size": 2, "count": 2 * BATCHES});
        let config = json!({"input": {"name": "generate", "config": generate}});
        let mut buffer = (SPEC.build)(&config, &TestEnv::new()).expect("a buffer");
        let holding = Rc::new_cyclic(|this| Holding {
            outer: Fake::new(),
            taken: Cell::new(0),
            open: Cell::new(false),
            changed: Rc::default(),
            this: this.clone(),
        });
        let watching = async {
            while holding.taken.get() < IN_FLIGHT_MAX {
                rt::yield_now().await;
            }
            for _ in 0..100 {
                rt::yield_now().await;
            }
            assert_eq!(holding.taken.get(), IN_FLIGHT_MAX);
            holding.open.set(true);
            holding.changed.wake();
        };
        let (ended, ()) = join(buffer.run(holding.clone()), watching).await;
        assert!(ended.is_ok());
        assert_eq!(holding.taken.get(), BATCHES);
    });
}

#[test]
fn a_batch_beyond_the_limit_is_refused_and_one_that_finds_no_room_waits() {
    both_modes(|| async {
        let one = weight(&batch(&["abc"]));
        let kept = Kept::build(one, &BatchPolicy::default(), false, &TestEnv::new());
        let fake = Fake::new();
        let kept = kept.expect("a buffer");
        let filling = Filling { outer: fake.clone(), kept, burst: Cell::default() };
        let refused = filling.keep(batch(&["abc", "d"])).await.expect("it is taken");
        let (_, fault) = refused.outcome().await.failures.remove(0);
        assert!(fault.text.ends_with("exceeds the limit of the buffer"), "{}", fault.text);
        assert!(filling.keep(batch(&["abc"])).await.is_ok());
        let mut waiting = Box::pin(filling.keep(batch(&["def"])));
        for _ in 0..100 {
            assert!((&mut waiting).now_or_never().is_none(), "there is no room");
            rt::yield_now().await;
        }
        fake.stop();
        assert_eq!(waiting.await.err(), Some(SourceError::Stopped));
    });
}
