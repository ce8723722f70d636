//! What other programs read after tests have run: JUnit's XML.

use std::fmt::Write;

use crate::testing::{Ran, Tested};

/// The document for all files: a suite for each, with a test named `lint` for its complaints.
pub(crate) fn junit(all: &[Tested]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for tested in all {
        suite(&mut out, tested);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, tested: &Tested) {
    let name = escaped(&tested.target);
    let linted = usize::from(!tested.lints.is_empty());
    let errors = usize::from(tested.error.is_some());
    let failed = tested.cases.iter().filter(|case| !case.failures.is_empty()).count() + linted;
    let tests = tested.cases.len() + linted + errors;
    let seconds: f64 = tested.cases.iter().map(|case| case.took.as_secs_f64()).sum();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" \
         time=\"{seconds:.6}\">"
    );
    if linted > 0 {
        let lints: Vec<String> = tested.lints.iter().map(ToString::to_string).collect();
        outcome(out, &name, "lint", "failure", &lints.join("\n"));
    }
    for case in &tested.cases {
        test(out, &name, case);
    }
    if let Some(error) = &tested.error {
        outcome(out, &name, "run", "error", error);
    }
    out.push_str("  </testsuite>\n");
}

fn outcome(out: &mut String, class: &str, name: &str, kind: &str, text: &str) {
    let (first, text) = (escaped(text.lines().next().unwrap_or_default()), escaped(text));
    let _ = writeln!(
        out,
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0.000000\">\n      \
         <{kind} message=\"{first}\">{text}</{kind}>\n    </testcase>"
    );
}

fn test(out: &mut String, class: &str, case: &Ran) {
    let (name, line, seconds) = (escaped(&case.name), case.line, case.took.as_secs_f64());
    let _ = write!(
        out,
        "    <testcase classname=\"{class}\" name=\"{name}\" line=\"{line}\" \
         time=\"{seconds:.6}\""
    );
    if case.failures.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    for failure in &case.failures {
        let first = escaped(failure.0.lines().next().unwrap_or_default());
        let text = escaped(&failure.0);
        let _ = writeln!(out, "      <failure message=\"{first}\">{text}</failure>");
    }
    out.push_str("    </testcase>\n");
}

/// The text with what XML gives a meaning to written out, and without what it does not allow.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
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
        let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"a&amp;b.yaml\" tests=\"4\" failures=\"2\" errors=\"1\" time=\"3.000000\">
    <testcase classname=\"a&amp;b.yaml\" name=\"lint\" time=\"0.000000\">
      <failure message=\"(5,1) odd\">(5,1) odd</failure>
    </testcase>
    <testcase classname=\"a&amp;b.yaml\" name=\"fine\" line=\"7\" time=\"1.500000\"/>
    <testcase classname=\"a&amp;b.yaml\" name=\"&lt;bad&gt;\" line=\"7\" time=\"1.500000\">
      <failure message=\"one \u{fffd}[0m\">one \u{fffd}[0m&#10;two</failure>
    </testcase>
    <testcase classname=\"a&amp;b.yaml\" name=\"run\" time=\"0.000000\">
      <error message=\"test case 2 failed: no\">test case 2 failed: no</error>
    </testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(junit(&[tested]), want);
    }
}
