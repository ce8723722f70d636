//! Several messages of a batch under way at the same time, each on a lane with processors of its
//! own.

use futures_util::future::try_join_all;
use plan::fields::Processor;
use plan::{BuildError, Class, Env, OperatorError, Records};

use crate::batches::{Chain, ones};

/// Most messages that are under way at a time.
const LANES_MAX: usize = 64;

/// Each lane has instances of its own; processors that remember what they saw have one lane.
pub(crate) struct Lanes(Vec<Chain>);

impl Lanes {
    /// So many lanes; 0 for as many as there may be.
    ///
    /// # Errors
    /// The first processor's that cannot be built.
    pub(crate) fn build(
        env: &dyn Env,
        processors: &[Processor],
        wanted: usize,
    ) -> Result<Self, BuildError> {
        let first = Chain::build(env, processors)?;
        let wanted = if wanted == 0 { LANES_MAX } else { wanted.min(LANES_MAX) };
        let count = if first.class() == Class::Stateless { wanted } else { 1 };
        let mut lanes = vec![first];
        while lanes.len() < count {
            lanes.push(Chain::build(env, processors)?);
        }
        Ok(Lanes(lanes))
    }

    pub(crate) fn class(&self) -> Class {
        self.0.first().map_or(Class::Stateless, Chain::class)
    }

    /// Does the work on each message, as many at a time as there are lanes; the results are in the
    /// order of the messages.
    ///
    /// # Errors
    /// The first of the work.
    pub(crate) async fn each<T>(
        &mut self,
        records: Records,
        work: impl AsyncFn(&mut Chain, Records) -> Result<T, OperatorError>,
    ) -> Result<Vec<T>, OperatorError> {
        let count = self.0.len().max(1);
        let mut shares: Vec<Vec<(usize, Records)>> = Vec::new();
        shares.resize_with(count, Vec::new);
        for (at, one) in ones(records).enumerate() {
            if let Some(share) = shares.get_mut(at % count) {
                share.push((at, one));
            }
        }
        let work = &work;
        let lanes = self.0.iter_mut().zip(shares).map(|(chain, share)| async move {
            let mut results = Vec::with_capacity(share.len());
            for (at, one) in share {
                results.push((at, work(chain, one).await?));
            }
            Ok::<_, OperatorError>(results)
        });
        let mut results: Vec<_> = try_join_all(lanes).await?.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}
