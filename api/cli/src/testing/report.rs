//! What people read after tests have run.

use std::fmt::Write;

use crate::testing::Tested;

/// The failures of all files; empty when there are none.
pub(crate) fn report(all: &[Tested]) -> String {
    let mut out = String::new();
    let failed = all.iter().filter(|tested| !tested.passed() && tested.error.is_none());
    for (at, tested) in failed.enumerate() {
        out.push_str(if at == 0 { "\nFailures:\n\n" } else { "\n" });
        let _ = write!(out, "--- {} ---\n\n", tested.target);
        for lint in &tested.lints {
            let _ = writeln!(out, "Lint: {lint}");
        }
        let cases = tested.cases.iter().filter(|case| !case.failures.is_empty());
        for (at, case) in cases.enumerate() {
            if at > 0 || !tested.lints.is_empty() {
                out.push('\n');
            }
            let _ = writeln!(out, "{} [line {}]:", case.name, case.line);
            for failure in &case.failures {
                let _ = writeln!(out, "{}", failure.0);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::Lint;

    use super::*;
    use crate::testing::{Failure, Ran};

    #[test]
    fn failures_stand_below_their_file_and_test() {
        let case = |name: &str, failures: &[&str]| Ran {
            name: name.to_owned(),
            line: 3,
            took: Duration::ZERO,
            failures: failures.iter().map(|text| Failure((*text).to_owned())).collect(),
        };
        let tested = |target: &str, lints: Vec<Lint>, cases| Tested {
            target: target.to_owned(),
            lints,
            cases,
            error: None,
        };
        let all = [
            tested("ok.yaml", vec![], vec![case("fine", &[])]),
            tested("a.yaml", vec![], vec![case("x", &["one", "two"]), case("y", &["three"])]),
            tested("b.yaml", vec![Lint::line(5, "odd")], vec![case("z", &["four"])]),
        ];
        let want = "\nFailures:\n\n--- a.yaml ---\n\nx [line 3]:\none\ntwo\n\ny [line 3]:\nthree\n\n\
                    --- b.yaml ---\n\nLint: (5,1) odd\n\nz [line 3]:\nfour\n";
        assert_eq!(report(&all), want);
        assert_eq!(report(&all[..1]), "");
    }
}
