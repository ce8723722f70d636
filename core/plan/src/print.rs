//! A plan as text: one node a line, inputs by number, configurations as JSON.

use std::fmt;

use crate::graph::{Plan, Role};
use crate::secret::without_secrets;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.prelude {
            writeln!(f, "prelude {}", code.lang)?;
            for line in code.text.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        if let Some(max) = self.shards_max {
            writeln!(f, "shards at most {max}")?;
        }
        if self.strict {
            writeln!(f, "strict")?;
        }
        for (id, node) in self.nodes.iter().enumerate() {
            let role = match node.role {
                Role::Source => "source",
                Role::Operator => "operator",
                Role::Sink => "sink",
            };
            write!(f, "{id}: {role} {}", node.component.name)?;
            if !node.component.label.is_empty() {
                write!(f, " '{}'", node.component.label)?;
            }
            if !node.inputs.is_empty() {
                let inputs: Vec<String> = node.inputs.iter().map(usize::to_string).collect();
                write!(f, " <- {}", inputs.join(", "))?;
            }
            writeln!(f, " {}", without_secrets(&node.component.config))?;
        }
        Ok(())
    }
}
