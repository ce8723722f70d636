//! Complaints that need to look at several fields of one component.

use crate::catalog::Kind;
use crate::lint::Lint;
use crate::yaml::Node;

/// What is wrong with the configuration of this component beyond its schema.
pub(crate) fn check(kind: Kind, name: &str, config: &Node) -> Vec<Lint> {
    match (kind, name) {
        (Kind::Output, "switch") => switch_rejects(config).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A `switch` that retries for ever must not have a case that always refuses.
fn switch_rejects(config: &Node) -> Option<Lint> {
    let retries = config.get("retry_until_success")?.scalar()?.switch()?;
    let cases = config.get("cases")?.items()?;
    let rejects = |case: &Node| case.get("output").is_some_and(|out| out.get("reject").is_some());
    let found = retries && cases.iter().any(|case| rejects(&case.node));
    let text = "a 'switch' output with a 'reject' case output must have the field \
                'switch.retry_until_success' set to 'false', otherwise the 'reject' child output \
                will result in infinite retries";
    found.then(|| Lint::line(config.line, text))
}
