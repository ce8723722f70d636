use super::*;
use crate::testing::{Setup, faults, texts};

/// What becomes of each line, or why it is refused.
fn hold(config: &str, cases: &[(&str, &str)]) {
    for (line, want) in cases {
        let out = Setup::default().run(&SPEC, config, &[line]);
        let got = match faults(&out).concat() {
            fault if fault.is_empty() => texts(&out).concat(),
            fault => fault,
        };
        assert_eq!(got, *want, "{line}");
    }
}

const BSD: &str = r#"{"format":"syslog_rfc3164","default_year":"2020"}"#;
const SYSLOG: &str = r#"{"format":"syslog_rfc5424"}"#;

/// What a line that begins with `<34>` and a time gives, with its other fields.
fn with(fields: &str, more: &str) -> String {
    let time = r#""severity":2,"timestamp":"2020-10-11T22:14:15Z""#;
    format!("{{{fields}{time}{more}}}")
}

#[test]
fn priorities() {
    let angle = "expecting a priority value within angle brackets [col 0]";
    let range = "expecting a priority value in the range 1-191 or equal to 0";
    for (line, column) in
        [("<", 1), ("<>", 1), ("<a>", 1), ("<1", 2), ("<192>", 3), ("<200>", 3), ("<01>", 2)]
    {
        hold(BSD, &[(line, &format!("{range} [col {column}]"))]);
        hold(SYSLOG, &[(line, &format!("{range} [col {column}]"))]);
    }
    hold(BSD, &[("", angle), ("a", angle)]);
    hold(SYSLOG, &[("", angle), ("34>", angle)]);
}

#[test]
fn times_without_a_year() {
    let stamp = "expecting a Stamp timestamp";
    for (line, column) in [
        ("<34>", 4),
        ("<34>x", 4),
        ("<34>Okt 11 22:14:15 b s", 5),
        ("<34>Oct 1 22:14:15 b s", 9),
        ("<34>Oct 32 22:14:15 b s", 9),
        ("<34>Oct 00 22:14:15 b s", 8),
        ("<34>Oct 11 25:14:15 b s", 12),
        ("<34>Oct 11 22:74:15 b s", 14),
        ("<34>Oct 11 22:14:75 b s", 17),
    ] {
        hold(BSD, &[(line, &format!("{stamp} [col {column}]"))]);
    }
    let short = r#"{"facility":4,"priority":34,"severity":2}"#;
    hold(
        BSD,
        &[
            ("<34>Oct 11 22:14:15", short),
            ("<34>2020-13-11T22:14:15Z b s", short),
            ("<34>2020-10-11 22:14:15Z b s", short),
            (
                "<34>Feb 30 22:14:15 b s",
                "parsing time \"Feb 30 22:14:15\": day out of range [col 19]",
            ),
            (
                "<34>2020-02-30T22:14:15Z b s",
                "parsing time \"2020-02-30T22:14:15Z\": day out of range [col 24]",
            ),
            (
                "<34>2020-10-11T22:14:15.123Z b s",
                "expecting a Stamp or a RFC3339 timestamp [col 23]",
            ),
        ],
    );
    let strict = r#"{"format":"syslog_rfc3164","best_effort":false,"allow_rfc3339":false}"#;
    hold(
        strict,
        &[
            ("<34>Oct 11 22:14:15", "parsing error [col 19]"),
            ("<34>2020-10-11T22:14:15Z b s", "expecting a Stamp timestamp [col 4]"),
        ],
    );
}

#[test]
fn years_and_zones() {
    for (year, zone, line, want) in [
        ("2020", "UTC", "Feb 29 22:14:15", "2020-02-29T22:14:15Z"),
        ("2021", "UTC", "Feb 29 22:14:15", "2021-03-01T22:14:15Z"),
        ("", "UTC", "Oct  1 22:14:15", "0000-10-01T22:14:15Z"),
        ("current", "UTC", "Oct  1 22:14:15", "1970-10-01T22:14:15Z"),
        ("2020", "Europe/Rome", "Dec 31 23:30:00", "2021-01-01T00:30:00+01:00"),
        ("2020", "America/New_York", "Jul  1 01:00:00", "2020-06-30T21:00:00-04:00"),
        ("2020", "Europe/London", "Jan  1 01:00:00", "2020-01-01T01:00:00Z"),
        ("2020", "", "2020-10-11T22:14:15+02:00", "2020-10-11T22:14:15+02:00"),
    ] {
        let config = format!(
            r#"{{"format":"syslog_rfc3164","default_year":"{year}","default_timezone":"{zone}"}}"#
        );
        let want = format!(
            r#"{{"facility":0,"hostname":"b","message":"s","priority":1,"severity":1,"timestamp":"{want}"}}"#
        );
        hold(&config, &[(&format!("<1>{line} b s"), &want)]);
    }
    for (year, zone, why) in [
        (
            "x",
            "UTC",
            "failed to convert year x into integer:  strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        ("2020", "No/Zone", "failed to lookup timezone UTC - unknown time zone No/Zone"),
    ] {
        let config = format!(
            r#"{{"format":"syslog_rfc3164","default_year":"{year}","default_timezone":"{zone}"}}"#
        );
        let error = Setup::default().try_build(&SPEC, &config).err().unwrap().to_string();
        assert!(error.ends_with(why), "{error}");
    }
}

#[test]
fn tags_and_messages() {
    let box_ = r#""hostname":"box","#;
    let rest = r#""priority":34,"#;
    for (line, appname, message, procid) in [
        ("box su: it failed", "su", "it failed", ""),
        ("box s", "", "s", ""),
        ("box su:", "su", "su:", ""),
        ("box su: ", "su", "su: ", ""),
        ("box su:x", "su", "su:x", ""),
        ("box su[123]: msg", "su", "msg", "123"),
        ("box su[]: msg", "su", "msg", ""),
        ("box su[-]: msg", "su", "msg", ""),
        ("box su[12: msg", "su", "12: msg", ""),
        ("box su[12]x: msg", "su", "12]x: msg", "12"),
        ("box su[1 2]: msg", "su", "msg", "1 2"),
        ("box su[a]b]: msg", "su", "msg", "a]b"),
        ("box su[a]: b]: msg", "su", "msg", "b"),
        ("box su[: msg", "su", ": msg", ""),
        ("box su[]: ]: msg", "su", "msg", "]: "),
        ("box su[[x]: msg", "su", "msg", "[x"),
        ("box a:b: msg", "a", "a:b: msg", ""),
        ("box a b: msg", "", "a b: msg", ""),
        ("box : msg", "", ": msg", ""),
        ("box [x]: msg", "", "[x]: msg", ""),
        ("box sü: it", "", "sü: it", ""),
        ("box su: it fäiled", "su", "it fäiled", ""),
        ("box su: it\tfailed", "su", "", ""),
        (
            "box aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: msg",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "msg",
            "",
        ),
        (
            "box aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: msg",
            "",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: msg",
            "",
        ),
    ] {
        let field = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!(r#""{name}":"{value}","#),
        };
        let (appname, message) = (field("appname", appname), field("message", message));
        let procid = field("procid", procid);
        let fields = format!(r#"{appname}"facility":4,{box_}{message}{rest}{procid}"#);
        hold(BSD, &[(&format!("<34>Oct 11 22:14:15 {line}"), &with(&fields, ""))]);
    }
    let host = "expecting an hostname (from 1 to max 255 US-ASCII characters)";
    for (line, column) in [("", 20), ("box", 23), (" box su: x", 20), ("bo\tx su: x", 22)] {
        hold(BSD, &[(&format!("<34>Oct 11 22:14:15 {line}"), &format!("{host} [col {column}]"))]);
    }
    let tag = "expecting an alphanumeric tag (max 32 characters) [col 24]";
    hold(BSD, &[("<34>Oct 11 22:14:15 box ", tag), ("<34>Oct 11 22:14:15 box \t", tag)]);
    let long = "h".repeat(256);
    hold(BSD, &[(&format!("<34>Oct 11 22:14:15 {long} m"), &format!("{host} [col 275]"))]);
}

#[test]
fn headers_of_the_protocol() {
    let version = "expecting a version value in the range 1-999";
    let time = "expecting a RFC3339MICRO timestamp or a nil value";
    let host = "expecting an hostname (from 1 to max 255 US-ASCII characters) or a nil value";
    let app = "expecting an app-name (from 1 to max 48 US-ASCII characters) or a nil value";
    let proc = "expecting a procid (from 1 to max 128 US-ASCII characters) or a nil value";
    let msgid = "expecting a msgid (from 1 to max 32 US-ASCII characters) or a nil value";
    let app_line = format!("<34>1 - h {} p m - x", "a".repeat(49));
    let msgid_line = format!("<34>1 - h a p {} - x", "m".repeat(33));
    for (line, what, column) in [
        ("<34>", version, 4),
        ("<34>0 ", version, 4),
        ("<34>1", "parsing error", 5),
        ("<34>1x", "parsing error", 5),
        ("<34>12", version, 6),
        ("<34>1234 ", version, 7),
        ("<34>123 ", time, 8),
        ("<34>1 x - - - - -", time, 6),
        ("<34>1 -", "parsing error", 7),
        ("<34>1 2003-10-11 - - - - -", time, 16),
        ("<34>1 2003-10-11T22:14:15 - - - - -", time, 25),
        ("<34>1 2003-10-11T22:14:15.1234567Z - - - - -", time, 32),
        ("<34>1 2003-10-11T22:14:15.Z - - - - -", time, 26),
        ("<34>1 2003-10-11T22:14:15Z", "parsing error", 26),
        ("<34>1 2003-10-11T22:14:15Zx a", "parsing error", 26),
        (
            "<34>1 2003-02-30T22:14:15Z a",
            "parsing time \"2003-02-30T22:14:15Z\": day out of range",
            26,
        ),
        ("<34>1 - ", host, 8),
        ("<34>1 - h", host, 9),
        ("<34>1 - h a", app, 11),
        ("<34>1 - h a p", proc, 13),
        ("<34>1 - h a p m", msgid, 15),
        (&app_line, app, 58),
        (&msgid_line, msgid, 46),
    ] {
        hold(SYSLOG, &[(line, &format!("{what} [col {column}]"))]);
    }
    hold(
        SYSLOG,
        &[
            ("<34>1 - - - - - -", r#"{"facility":4,"priority":34,"severity":2,"version":1}"#),
            (
                "<34>12 2003-10-11T22:14:15.120+00:00 - - - - -",
                r#"{"facility":4,"priority":34,"severity":2,"timestamp":"2003-10-11T22:14:15.12Z","version":12}"#,
            ),
        ],
    );
}

#[test]
fn data_and_messages_of_the_protocol() {
    for (line, what, column) in [
        ("", rfc5424::DATA, 16),
        ("x", rfc5424::DATA, 16),
        ("-x", "parsing error", 17),
        ("[", rfc5424::ELEMENT, 17),
        ("[]", rfc5424::ELEMENT, 17),
        ("[id", rfc5424::ELEMENT, 19),
        ("[i=d]", rfc5424::ELEMENT, 18),
        ("[id]msg", rfc5424::DATA, 20),
        ("[id ]", rfc5424::PARAMETER, 20),
        ("[id a]", rfc5424::PARAMETER, 21),
        ("[id a=]", rfc5424::PARAMETER, 22),
        ("[id a=\"b]", rfc5424::ESCAPE, 24),
        ("[id a=\"b\\nc\"]", rfc5424::ESCAPE, 25),
        ("[id a=\"\\", rfc5424::ESCAPE, 24),
        ("[id a=\"x\"y", rfc5424::PARAMETER, 25),
        ("[id a=\"b\" ]", rfc5424::PARAMETER, 26),
        ("[id][id]", "duplicate structured data element id", 23),
    ] {
        let (line, why) = (format!("<34>1 - - - - - {line}"), format!("{what} [col {column}]"));
        hold(SYSLOG, &[(&line, &why)]);
    }
    for (line, message, data) in [
        ("- msg", "msg", ""),
        ("-  mä\tsg", " mä\\tsg", ""),
        ("- ", "", ""),
        ("[id]", "", r#"{"id":{}}"#),
        ("[id] [x] msg", "[x] msg", r#"{"id":{}}"#),
        ("[id a=\"b\" a=\"d\"][i x=\"\"]", "", r#"{"i":{"x":""},"id":{"a":"d"}}"#),
        (r#"[id a="b\"c\\d\]e" b="ä"]"#, "", r#"{"id":{"a":"b\"c\\d]e","b":"ä"}}"#),
    ] {
        let message = match message {
            "" => String::new(),
            message => format!(r#""message":"{message}","#),
        };
        let data = match data {
            "" => String::new(),
            data => format!(r#","structureddata":{data}"#),
        };
        let want =
            format!(r#"{{"facility":4,{message}"priority":34,"severity":2{data},"version":1}}"#);
        hold(SYSLOG, &[(&format!("<34>1 - - - - - {line}"), &want)]);
    }
    let setup = Setup::default();
    let mut operator = setup.build(&SPEC, SYSLOG);
    for (message, column) in [(&b"b\xff"[..], 19), (b"\xff", 18), (b"\xc3", 19), (b"\xe2\x82x", 20)]
    {
        let line = [b"<34>1 - - - - - - ", message].concat();
        let batch = Batch::records(plan::Records::from_bodies([line]));
        let out = crate::testing::feed_batch(&mut *operator, batch);
        let why = format!(
            "expecting a free-form optional message in UTF-8 (starting with or without BOM) \
             [col {column}]"
        );
        assert_eq!(faults(&out), [why]);
    }
}
