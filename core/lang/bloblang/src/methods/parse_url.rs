//! `parse_url`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::url::Url;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_url",
    category: "parsing",
    summary: "An object of the parts of a URL: scheme, opaque, host, path, raw_path, raw_query, \
              fragment, raw_fragment, and user where there is one.",
    examples: &[
        Example {
            mapping: "root.host = this.url.parse_url().host",
            cases: &[(
                r#"{"url":"https://example.com:8080/a?b=c"}"#,
                r#"{"host":"example.com:8080"}"#,
            )],
        },
        Example {
            mapping: "root.name = this.url.parse_url().user.name",
            cases: &[(r#"{"url":"amqp://foo:bar@127.0.0.1:5672/"}"#, r#"{"name":"foo"}"#)],
        },
    ],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let url = Url::parse(target.as_text()?).map_err(Error::new)?;
    let member = |name: &str, bytes: Vec<u8>| (Text::from(name), Value::text(bytes));
    let mut parts = vec![
        member("scheme", url.scheme),
        member("opaque", url.opaque),
        member("host", url.host),
        member("path", url.path),
        member("raw_path", url.raw_path),
        member("raw_query", url.raw_query),
        member("fragment", url.fragment),
        member("raw_fragment", url.raw_fragment),
    ];
    if let Some((name, password)) = url.user {
        let mut user = vec![member("name", name)];
        user.extend(password.map(|password| member("password", password)));
        parts.push((Text::from("user"), Value::object(user.into_iter().collect::<Object>())));
    }
    Ok(Val::object(parts.into_iter().collect::<Object>()))
}
