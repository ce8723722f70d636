//! What other programs read after tests have run: JUnit's XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::testing::{Ran, Tested};

/// The document for all files: a suite for each, with a test named `lint` for its complaints.
///
/// # Errors
/// What cannot be written as XML.
pub(crate) fn junit(all: &[Tested]) -> Result<String, String> {
    let mut report = Report::unnamed();
    report.add_test_suites(all.iter().map(suite));
    report.to_string().map_err(|e| e.to_string())
}

fn suite(tested: &Tested) -> TestSuite {
    let mut suite = TestSuite::new(tested.target.as_str());
    suite.set_time(tested.cases.iter().map(|case| case.took).sum());
    if !tested.lints.is_empty() {
        let lints: Vec<String> = tested.lints.iter().map(ToString::to_string).collect();
        suite.add_test_case(outcome("lint", NonSuccessKind::Failure, &lints.join("\n")));
    }
    suite.add_test_cases(tested.cases.iter().map(test));
    if let Some(error) = &tested.error {
        suite.add_test_case(outcome("run", NonSuccessKind::Error, error));
    }
    for case in &mut suite.test_cases {
        case.set_classname(tested.target.as_str());
    }
    suite
}

fn outcome(name: &str, kind: NonSuccessKind, text: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(text.lines().next().unwrap_or_default()).set_description(text);
    let mut case = TestCase::new(name, status);
    case.set_time(Duration::ZERO);
    case
}

fn test(ran: &Ran) -> TestCase {
    let failures: Vec<&str> = ran.failures.iter().map(|failure| failure.0.as_str()).collect();
    let mut case = match failures[..] {
        [] => TestCase::new(ran.name.as_str(), TestCaseStatus::success()),
        _ => outcome(&ran.name, NonSuccessKind::Failure, &failures.join("\n")),
    };
    case.set_time(ran.took);
    case.extra.insert("line".into(), ran.line.to_string().into());
    case
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::Lint;

    use super::*;
    use crate::testing::Failure;

    #[test]
    fn every_outcome_has_its_element() {
        let case = |name: &str, failures: Vec<Failure>| Ran {
            name: name.to_owned(),
            line: 7,
            took: Duration::from_millis(1500),
            failures,
        };
        let tested = Tested {
            target: "a&b.yaml".to_owned(),
            lints: vec![Lint::line(5, "odd")],
            cases: vec![
                case("fine", vec![]),
                case("<bad>", vec![Failure("one \u{1b}[0m\ntwo".to_owned())]),
            ],
            error: Some("test case 2 failed: no".to_owned()),
        };
        let want = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" skipped="0" failures="2" errors="1">
    <testsuite name="a&amp;b.yaml" tests="4" skipped="0" errors="1" failures="2" time="3.000">
        <testcase name="lint" classname="a&amp;b.yaml" time="0.000">
            <failure message="(5,1) odd">(5,1) odd</failure>
        </testcase>
        <testcase name="fine" classname="a&amp;b.yaml" time="1.500" line="7"/>
        <testcase name="&lt;bad&gt;" classname="a&amp;b.yaml" time="1.500" line="7">
            <failure message="one ">one 
two</failure>
        </testcase>
        <testcase name="run" classname="a&amp;b.yaml" time="0.000">
            <error message="test case 2 failed: no">test case 2 failed: no</error>
        </testcase>
    </testsuite>
</testsuites>
"#;
        assert_eq!(junit(&[tested]).unwrap(), want);
    }
}
