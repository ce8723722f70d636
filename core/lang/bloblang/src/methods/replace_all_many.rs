//! `replace_all_many`

use formats::value::Value;

use super::replace_all::replace;
use super::same_kind;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "replace_all_many",
    category: "strings",
    summary: "The text with several parts replaced, one after another, so that later pairs see \
              what earlier ones made.",
    params: Params::Fixed(&[Param::new(
        "values",
        Kind::Array,
        "Parts and what takes their place, in turns.",
    )]),
    examples: &[Example {
        mapping: r#"root.new_value = this.value.replace_all_many(["<b>", "&lt;b&gt;", "</b>", "&lt;/b&gt;"])"#,
        cases: &[(
            r#"{"value":"Hello <b>World</b>"}"#,
            r#"{"new_value":"Hello &lt;b&gt;World&lt;/b&gt;"}"#,
        )],
    }],
    run: Run::Prepared(|args| {
        let items = args.array(0);
        if items.len() % 2 != 0 {
            let shown = crate::text::go_plain(&Value::array(items.to_vec()));
            let why = "invalid arg, replacements should be in pairs and must therefore be even";
            return Err(Error::new(format!("{why}: {shown}")));
        }
        let mut texts = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let text = Val::Data(item.clone()).into_text();
            let text =
                text.map_err(|e| e.prefix(format_args!("invalid replacement value at index {i}")))?;
            texts.push(text);
        }
        Ok(Box::new(move |target| {
            let mut text = target.as_text()?.to_vec();
            for pair in texts.chunks_exact(2) {
                if let [old, new] = pair {
                    text = replace(&text, old.as_bytes(), new.as_bytes())?;
                }
            }
            Ok(same_kind(&target, &text))
        }))
    }),
    ..Method::CORE
};
