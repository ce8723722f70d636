//! Workers: who is there, under which id, and until when. Whoever shows no sign of life for as long
//! as its lease is gone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sources::{Physical, SourceCatalog};
use super::topology::{Node, ROOT, Topology};

/// Most workers of a coordinator.
pub const MEMBERS_MAX: usize = 1000;
/// Signs of life that may stay away.
const BEATS_MISSED_MAX: u64 = 3;

/// What a worker says of itself, again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The id it has or wants.
    #[serde(default)]
    pub id: Option<u64>,
    /// Its address.
    pub address: String,
    /// Operators that it takes.
    pub slots: u64,
    /// The node it is to be below.
    pub parent: u64,
    /// Where it is: latitude and longitude.
    #[serde(default)]
    pub location: Option<(f64, f64)>,
    /// `NO_LOCATION`, `FIXED_LOCATION` or `MOBILE_NODE`.
    pub kind: String,
    /// Its physical sources.
    pub sources: Vec<Physical>,
    /// Counts its signs of life, so that each is another.
    pub beat: u64,
}

struct Member {
    id: u64,
    seen_ms: u64,
}

/// The workers by their sessions, which are other ones each time they start.
pub struct Fleet {
    members: BTreeMap<String, Member>,
    lease_ms: u64,
    next: u64,
}

impl Fleet {
    /// No worker yet; all show signs of life so often.
    #[must_use]
    pub fn new(beat_ms: u64) -> Self {
        let lease_ms = beat_ms.saturating_mul(BEATS_MISSED_MAX);
        Fleet { members: BTreeMap::new(), lease_ms, next: ROOT }
    }

    /// The id of a session.
    #[must_use]
    pub fn id(&self, session: &str) -> Option<u64> {
        self.members.get(session).map(|member| member.id)
    }

    /// The session of a worker.
    #[must_use]
    pub fn session(&self, id: u64) -> Option<&str> {
        let mut all = self.members.iter();
        all.find(|(_, member)| member.id == id).map(|(session, _)| session.as_str())
    }

    /// Takes a sign of life. A worker that is new gets an id, a place in the topology, and its
    /// sources one in the catalog; true in that case.
    ///
    /// # Errors
    /// It cannot join, for now: its id is taken, or there are too many.
    pub fn beat(
        &mut self,
        session: &str,
        hello: &Hello,
        now_ms: u64,
        topology: &mut Topology,
        sources: &mut SourceCatalog,
    ) -> Result<bool, String> {
        if let Some(member) = self.members.get_mut(session) {
            member.seen_ms = now_ms;
            return Ok(false);
        }
        if self.members.len() >= MEMBERS_MAX {
            return Err(format!("there are {MEMBERS_MAX} workers already"));
        }
        let id = match hello.id {
            Some(id) => id,
            None => {
                let free = |id: &u64| topology.node(*id).is_none();
                (self.next + 1..).find(free).unwrap_or(self.next)
            }
        };
        let node = Node {
            location: hello.location,
            kind: hello.kind.clone(),
            ..Node::new(id, &hello.address, hello.slots)
        };
        topology.add(node, hello.parent).map_err(|error| error.to_string())?;
        for source in &hello.sources {
            let source = Physical { node: id, ..source.clone() };
            if sources.add_physical(source).is_err() {
                topology.remove(id);
                sources.remove_of(id);
                return Err("its physical sources are there twice, or too many".to_owned());
            }
        }
        self.next = self.next.max(id);
        self.members.insert(session.to_owned(), Member { id, seen_ms: now_ms });
        Ok(true)
    }

    /// A worker has gone; its id.
    pub fn leave(
        &mut self,
        session: &str,
        topology: &mut Topology,
        sources: &mut SourceCatalog,
    ) -> Option<u64> {
        let Member { id, .. } = self.members.remove(session)?;
        topology.remove(id);
        sources.remove_of(id);
        Some(id)
    }

    /// The sessions whose leases have ended.
    #[must_use]
    pub fn lapsed(&self, now_ms: u64) -> Vec<String> {
        let late = |member: &Member| now_ms.saturating_sub(member.seen_ms) > self.lease_ms;
        let late = self.members.iter().filter(|(_, member)| late(member));
        late.map(|(session, _)| session.clone()).collect()
    }

    /// All leases begin anew, because nobody could be heard.
    pub fn renew(&mut self, now_ms: u64) {
        self.members.values_mut().for_each(|member| member.seen_ms = now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(id: Option<u64>) -> Hello {
        let source = Physical {
            logical: "a".into(),
            name: "a1".into(),
            kind: "CSV_SOURCE".into(),
            node: 0,
            config: plan::Json::Null,
        };
        let (address, kind) = ("host".to_owned(), super::super::NO_LOCATION.to_owned());
        Hello { id, address, slots: 5, parent: 1, kind, sources: vec![source], ..Hello::default() }
    }

    #[test]
    fn workers_come_show_life_and_go() {
        let (mut topology, mut sources) = (Topology::new("root", 9), SourceCatalog::default());
        let mut fleet = Fleet::new(1000);
        let mut beat = |fleet: &mut Fleet, session: &str, id, now| {
            fleet.beat(session, &hello(id), now, &mut topology, &mut sources)
        };
        assert_eq!(beat(&mut fleet, "x", None, 0), Ok(true));
        assert_eq!(beat(&mut fleet, "y", Some(7), 0), Ok(true));
        assert_eq!(beat(&mut fleet, "z", None, 0), Ok(true));
        assert_eq!((fleet.id("x"), fleet.id("y"), fleet.id("z")), (Some(2), Some(7), Some(8)));
        assert!(beat(&mut fleet, "w", Some(7), 0).unwrap_err().contains("id 7"));
        assert_eq!(beat(&mut fleet, "x", Some(2), 3000), Ok(false));
        assert_eq!(fleet.lapsed(3000), [""; 0]);
        assert_eq!(fleet.lapsed(3001), ["y", "z"]);
        assert_eq!(fleet.leave("y", &mut topology, &mut sources), Some(7));
        assert_eq!(fleet.leave("y", &mut topology, &mut sources), None);
        assert_eq!((topology.breadth_first(), sources.physical("a").len()), (vec![1, 2, 8], 2));
        fleet.renew(9000);
        assert!(fleet.lapsed(9001).is_empty());
        assert_eq!((fleet.session(8), fleet.session(7)), (Some("z"), None));
        let again = fleet.beat("v", &hello(Some(7)), 9000, &mut topology, &mut sources);
        assert_eq!(again, Ok(true), "the id is free again");
    }

    #[test]
    fn a_worker_that_cannot_join_leaves_nothing() {
        let (mut topology, mut sources) = (Topology::new("root", 9), SourceCatalog::default());
        let mut fleet = Fleet::new(1000);
        let mut twice = hello(None);
        twice.sources.push(twice.sources[0].clone());
        assert!(fleet.beat("x", &twice, 0, &mut topology, &mut sources).is_err());
        assert_eq!((topology.nodes().len(), sources.all_physical().len()), (1, 0));
    }

    #[test]
    fn workers_are_limited() {
        let (mut topology, mut sources) = (Topology::new("root", 9), SourceCatalog::default());
        let mut fleet = Fleet::new(1000);
        for n in 0..MEMBERS_MAX {
            let joined = fleet.beat(&n.to_string(), &hello(None), 0, &mut topology, &mut sources);
            assert_eq!(joined, Ok(true));
        }
        assert!(fleet.beat("x", &hello(None), 0, &mut topology, &mut sources).is_err());
    }
}
