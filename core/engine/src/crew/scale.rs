//! How many instances the load wants.

use plan::Crew;

use super::INSTANCES_MAX;

/// Time between two looks at the load.
pub(super) const PERIOD_NS: u64 = 1_000_000_000;
/// The part of their time in which instances have something to do, from which on another one comes.
const GROW_AT: f64 = 0.8;
/// The same if there were one fewer, below which one goes.
const SHRINK_AT: f64 = 0.5;
/// Looks in a row that must find that one is too many.
const CALM_LOOKS: u32 = 3;

/// What a look at the load leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    Grow,
    Shrink,
}

/// See [`Scale::look`].
pub(super) struct Scale {
    crew: Crew,
    calm: u32,
}

impl Scale {
    pub(super) fn new(crew: Crew) -> Self {
        let max = crew.max.clamp(1, INSTANCES_MAX);
        Scale { crew: Crew { min: crew.min.clamp(1, max), max }, calm: 0 }
    }

    /// Fewest instances.
    pub(super) fn min(&self) -> usize {
        self.crew.min
    }

    /// No more than so many from here on.
    pub(super) fn limit(&mut self, max: usize) {
        self.crew.max = max.max(self.crew.min);
    }

    /// `busy` is the sum, over all instances, of the part of the time since the last look in which
    /// each had something to do.
    pub(super) fn look(&mut self, instances: usize, busy: f64) -> Verdict {
        let fewer = instances.saturating_sub(1);
        let calm = instances > self.crew.min && busy < SHRINK_AT * fewer as f64;
        self.calm = if calm { self.calm + 1 } else { 0 };
        if instances < self.crew.max && busy > GROW_AT * instances as f64 {
            return Verdict::Grow;
        }
        if self.calm < CALM_LOOKS {
            return Verdict::Stay;
        }
        self.calm = 0;
        Verdict::Shrink
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these loads, one look after the other, from so many instances on.
    fn counts(min: usize, max: usize, mut instances: usize, loads: &[f64]) -> Vec<usize> {
        let mut scale = Scale::new(Crew { min, max });
        let mut count = |busy: &f64| {
            match scale.look(instances, *busy) {
                Verdict::Stay => {}
                Verdict::Grow => instances += 1,
                Verdict::Shrink => instances -= 1,
            }
            instances
        };
        loads.iter().map(&mut count).collect()
    }

    #[test]
    fn they_come_with_the_load_and_go_when_it_stays_low() {
        assert_eq!(counts(1, 4, 1, &[0.5, 0.9, 1.9, 2.9, 3.9]), [1, 2, 3, 4, 4]);
        assert_eq!(counts(1, 4, 3, &[0.9, 0.9, 0.9, 0.9]), [3, 3, 2, 2], "fits into two");
        assert_eq!(counts(1, 4, 2, &[0.4, 0.4, 0.6, 0.4, 0.4, 0.4]), [2, 2, 2, 2, 2, 1]);
        assert_eq!(
            counts(2, 4, 4, &[0.0; 9]),
            [4, 4, 3, 3, 3, 2, 2, 2, 2],
            "never below the least"
        );
        assert_eq!(counts(1, 1, 1, &[1.0, 1.0]), [1, 1]);
    }

    #[test]
    fn one_that_came_is_not_sent_away_by_the_load_that_called_it() {
        for instances in 1..20 {
            let mut scale = Scale::new(Crew { min: 1, max: 20 });
            let busy = 0.81 * f64::from(instances);
            assert_eq!(scale.look(instances as usize, busy), Verdict::Grow);
            for _ in 0..9 {
                assert_ne!(scale.look(instances as usize + 1, busy), Verdict::Shrink);
            }
        }
    }

    #[test]
    fn there_is_a_most_for_all() {
        assert_eq!(counts(1, 1000, INSTANCES_MAX - 1, &[999.0; 3]), [INSTANCES_MAX; 3]);
        assert_eq!(Scale::new(Crew { min: 1000, max: 1000 }).min(), INSTANCES_MAX);
    }

    #[test]
    fn it_is_limited_where_no_other_can_be_made() {
        let mut scale = Scale::new(Crew { min: 2, max: 9 });
        scale.limit(3);
        assert_eq!((scale.look(2, 2.0), scale.look(3, 3.0)), (Verdict::Grow, Verdict::Stay));
        scale.limit(1);
        assert_eq!(scale.look(2, 2.0), Verdict::Stay);
    }
}
