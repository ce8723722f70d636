//! Outputs around other outputs.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::program::Folder;

use super::Target;
use super::local::whole_lines;
use super::network::{Posted, poster};
use crate::peers::http::{HttpPeer, Mode};
use crate::service::Service;

fn around(config: fn(Value) -> Value) -> Box<dyn Target> {
    Box::new(Posted { peer: HttpPeer::start(), config })
}

pub(super) fn drop_on(_: &Folder) -> Box<dyn Target> {
    around(|child| json!({"drop_on": {"error": false, "output": child}}))
}

pub(super) fn dynamic(_: &Folder) -> Box<dyn Target> {
    around(|child| json!({"dynamic": {"outputs": {"one": child}}}))
}

pub(super) fn reject_errored(_: &Folder) -> Box<dyn Target> {
    around(|child| json!({"reject_errored": child}))
}

pub(super) fn retry(_: &Folder) -> Box<dyn Target> {
    around(|child| {
        let backoff = json!({"initial_interval": "5ms", "max_interval": "20ms"});
        json!({"retry": {"output": child, "backoff": backoff}})
    })
}

pub(super) fn switch(_: &Folder) -> Box<dyn Target> {
    around(|child| {
        let never = json!({"check": "content().string() == \"\"", "output": {"drop": {}}});
        json!({"switch": {"cases": [never, {"output": child}]}})
    })
}

/// Two outputs that get everything, or share it.
struct Two {
    peers: [HttpPeer; 2],
    pattern: &'static str,
    shares: bool,
}

impl Target for Two {
    fn config(&self) -> Value {
        let outputs = self.peers.each_ref().map(poster);
        json!({"broker": {"pattern": self.pattern, "outputs": outputs}})
    }

    /// What both got, or one of them.
    fn arrived(&self) -> Vec<String> {
        let [mut first, second] = self.peers.each_ref().map(HttpPeer::taken);
        if self.shares {
            first.extend(second);
        } else {
            first.retain(|message| second.contains(message));
        }
        first
    }

    fn is_ordered(&self) -> bool {
        !self.shares
    }

    fn block(&mut self, blocked: bool) {
        for peer in &self.peers {
            peer.set(if blocked { Mode::Hold } else { Mode::Take });
        }
    }

    fn holds(&self) -> Option<bool> {
        Some(self.peers.iter().any(HttpPeer::holds))
    }

    fn cut(&mut self) {
        self.peers.iter_mut().for_each(HttpPeer::cut);
    }

    fn mend(&mut self) {
        self.peers.iter_mut().for_each(HttpPeer::mend);
    }
}

fn two(pattern: &'static str, shares: bool) -> Box<dyn Target> {
    Box::new(Two { peers: [HttpPeer::start(), HttpPeer::start()], pattern, shares })
}

pub(super) fn fan_out(_: &Folder) -> Box<dyn Target> {
    two("fan_out", false)
}

pub(super) fn fan_out_fail_fast(_: &Folder) -> Box<dyn Target> {
    two("fan_out_fail_fast", false)
}

pub(super) fn fan_out_sequential(_: &Folder) -> Box<dyn Target> {
    two("fan_out_sequential", false)
}

pub(super) fn fan_out_sequential_fail_fast(_: &Folder) -> Box<dyn Target> {
    two("fan_out_sequential_fail_fast", false)
}

pub(super) fn greedy(_: &Folder) -> Box<dyn Target> {
    two("greedy", true)
}

pub(super) fn round_robin(_: &Folder) -> Box<dyn Target> {
    two("round_robin", true)
}

/// A second output for what the first refuses.
struct Fallback {
    first: Posted,
    second: PathBuf,
}

impl Target for Fallback {
    fn config(&self) -> Value {
        let second = json!({"file": {"path": self.second, "codec": "lines"}});
        json!({"fallback": [self.first.config(), second]})
    }

    fn arrived(&self) -> Vec<String> {
        [self.first.arrived(), whole_lines(&self.second)].concat()
    }

    fn block(&mut self, blocked: bool) {
        self.first.block(blocked);
    }

    fn holds(&self) -> Option<bool> {
        self.first.holds()
    }

    fn cut(&mut self) {
        self.first.cut();
    }

    fn mend(&mut self) {
        self.first.mend();
    }
}

pub(super) fn fallback(folder: &Folder) -> Box<dyn Target> {
    let first = Posted { peer: HttpPeer::start(), config: |child| child };
    Box::new(Fallback { first, second: folder.path("second") })
}

/// A resource of the process.
struct Resource(Posted);

impl Target for Resource {
    fn config(&self) -> Value {
        json!({"resource": "target"})
    }

    fn prepare(&mut self, service: &Service) {
        service.post("/resources/output/target", &self.0.config());
    }

    fn arrived(&self) -> Vec<String> {
        self.0.arrived()
    }

    fn block(&mut self, blocked: bool) {
        self.0.block(blocked);
    }

    fn holds(&self) -> Option<bool> {
        self.0.holds()
    }

    fn cut(&mut self) {
        self.0.cut();
    }

    fn mend(&mut self) {
        self.0.mend();
    }
}

pub(super) fn resource(_: &Folder) -> Box<dyn Target> {
    Box::new(Resource(Posted { peer: HttpPeer::start(), config: |child| child }))
}
