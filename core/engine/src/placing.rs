//! Where the instances of a pipeline go: built on their shards before anything is opened.

use std::sync::Arc;

use crate::api::{ConnectionView, PipelineSpec, PutError};
use crate::instance::RoleError;
use crate::parts::{Order, Part, Parts};
use crate::shard::Control;
use crate::table::Table;

/// A pipeline that is built and not yet opened.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) home: usize,
    pub(crate) token: u64,
    /// Lines to its parts; without them the parts are gone.
    pub(crate) lines: Vec<flume::Sender<Order>>,
    /// Whether the parts have sinks, too.
    pub(crate) whole: bool,
}

/// A source or sink of a pipeline, on however many shards it has instances.
pub(crate) struct Connected {
    pub(crate) view: ConnectionView,
    up: Vec<bool>,
}

impl Connected {
    pub(crate) fn new(view: ConnectionView, instances: usize) -> Self {
        Connected { view, up: vec![false; instances] }
    }

    /// Notes what an instance tells. Connected is what all instances are: while one is not, some
    /// partitions are not read.
    pub(crate) fn set(&mut self, instance: usize, up: bool, error: String) {
        if let Some(slot) = self.up.get_mut(instance) {
            *slot = up;
        }
        self.view.connected = self.up.iter().all(|up| *up);
        if self.view.connected || !up {
            self.view.error = error;
        }
    }
}

fn build_error((role, e): RoleError) -> PutError {
    PutError::Build { text: e.text, path: e.path, label: e.label, role }
}

impl Table {
    /// Builds an instance on the next shard, and its parts on those behind it.
    pub(crate) async fn build(&self, spec: &Arc<PipelineSpec>) -> Result<Placed, PutError> {
        spec.plan.check().map_err(|e| PutError::Plan(e.to_string()))?;
        let home = self.next_home.get();
        self.next_home.set((home + 1) % self.shards.len());
        let token = self.next_token.get();
        self.next_token.set(token + 1);
        let (reply, answer) = flume::bounded(1);
        let (key, plan) = (spec.key.clone(), Arc::clone(&spec.plan));
        let build = Control::Build { token, key, plan: Arc::clone(&plan), reply };
        let _ = self.shards[home].send(build);
        let parts = answer.recv_async().await.map_err(|_| PutError::Closing)?;
        let mut placed = Placed { home, token, lines: Vec::new(), whole: false };
        if let Some(parts) = parts.map_err(build_error)? {
            placed.whole = parts.whole;
            if let Err(error) = self.build_parts(spec, &plan, &parts, &mut placed).await {
                self.discard(&placed);
                return Err(error);
            }
        }
        Ok(placed)
    }

    async fn build_parts(
        &self,
        spec: &PipelineSpec,
        plan: &Arc<plan::Plan>,
        parts: &Parts,
        placed: &mut Placed,
    ) -> Result<(), PutError> {
        let mut answers = Vec::new();
        for index in 1..parts.instances {
            let ((line_in, line), (reply, answer)) = (flume::unbounded(), flume::bounded(1));
            let part = Part { index, parts: parts.clone(), line };
            let (token, key, plan) = (placed.token, spec.key.clone(), Arc::clone(plan));
            let shard = &self.shards[(placed.home + index) % self.shards.len()];
            let _ = shard.send(Control::BuildPart { token, key, plan, part, reply });
            placed.lines.push(line_in);
            answers.push(answer);
        }
        for answer in answers {
            let built = answer.recv_async().await.map_err(|_| PutError::Closing)?;
            built.map_err(build_error)?;
        }
        Ok(())
    }

    /// Lets go of what was built and is not wanted; its parts go with their lines.
    pub(crate) fn discard(&self, placed: &Placed) {
        let _ = self.shards[placed.home].send(Control::Discard(placed.token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connected_is_what_all_instances_are() {
        let view = ConnectionView {
            label: String::new(),
            path: String::new(),
            source: true,
            connected: false,
            error: String::new(),
        };
        let mut source = Connected::new(view, 2);
        source.set(1, true, String::new());
        assert!(!source.view.connected);
        source.set(0, false, "in use".to_owned());
        source.set(1, true, String::new());
        assert_eq!((source.view.connected, &*source.view.error), (false, "in use"));
        source.set(0, true, String::new());
        assert_eq!((source.view.connected, &*source.view.error), (true, ""));
    }
}
