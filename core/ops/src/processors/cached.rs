//! `cached`: keeps what processors made of a message and uses it again for messages with the same
//! key (spec/benthos-components.md §C).

use std::collections::HashSet;
use std::rc::Rc;

use plan::env::read_config;
use plan::fields::{CacheLabel, Interpolated, Processor, Query};
use plan::shared::{Cache, CacheError, CacheOp};
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Form, Json, Log, Operator, OperatorError,
    OperatorSpec, Record, Records, Services, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, bytes_of, drive, join, ones, with_bytes};

/// Configuration of `cached`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The cache that keeps the results. What others write into it is no result.
    cache: CacheLabel,
    /// A condition on the results under which they are not kept, such as `errored()`. Where it
    /// fails they are not kept either.
    #[serde(default)]
    skip_on: Option<Query>,
    /// The key: messages that have the same one get the same result.
    key: Interpolated,
    /// How long a result is kept, such as `60s`; what the cache says when it is left out.
    #[serde(default)]
    ttl: Option<Interpolated>,
    /// What is done with a message whose key is not in the cache.
    processors: Vec<Processor>,
}

/// Messages that one result may have.
const MESSAGES_MAX: u32 = 1_000_000;
/// What a result begins with: the version of its form.
const VERSION: u32 = 1;

struct Cached {
    cache: Rc<dyn Cache>,
    skip_on: Option<Box<dyn Expr>>,
    key: Box<dyn Expr>,
    ttl: Option<Box<dyn Expr>>,
    chain: Chain,
    services: Rc<dyn Services>,
    faults: Faults,
}

/// Where the result of a message is kept and how long.
struct Slot {
    key: Vec<u8>,
    ttl_ns: Option<u64>,
}

impl Cached {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let config: Config = read_config(config)?;
        let cache = config.cache.0;
        if cache.name.is_empty() {
            return Err(BuildError::new(format!("cache named {} not found", cache.label)));
        }
        let skip_on = config.skip_on.map(|code| env.expr(&code.0, Form::Query));
        let ttl = config.ttl.map(|text| env.expr(&text.0, Form::Text));
        Ok(Box::new(Cached {
            cache: env.cache(&cache)?,
            skip_on: skip_on.transpose()?,
            key: env.expr(&config.key.0, Form::Text)?,
            ttl: ttl.transpose()?,
            chain: Chain::build(env, &config.processors)?,
            services: env.services(),
            faults: Faults::of(env.component()),
        }))
    }

    fn slot(&mut self, batch: &Batch, index: usize) -> Result<Slot, String> {
        let mut key = Vec::new();
        self.key
            .text(batch, index, &mut key)
            .map_err(|e| format!("failed to interpolate key expression: {}", e.text))?;
        let Some(ttl) = &mut self.ttl else { return Ok(Slot { key, ttl_ns: None }) };
        let mut text = Vec::new();
        ttl.text(batch, index, &mut text)
            .map_err(|e| format!("failed to interpolate ttl expression: {}", e.text))?;
        let ttl = plan::fields::Duration::parse(&String::from_utf8_lossy(&text))
            .map_err(|e| format!("failed to parse ttl expression: {e}"))?;
        Ok(Slot { key, ttl_ns: Some(ttl.wait_ns()) })
    }

    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let slots: Vec<_> = (0..batch.len()).map(|index| self.slot(&batch, index)).collect();
        let gets = slots.iter().flatten().map(|slot| CacheOp::Get { key: slot.key.clone() });
        let mut found = self.cache.run(gets.collect()).await.into_iter();
        let (frame, records) = Frame::open(batch)?;
        let mut made = Vec::with_capacity(records.recs.len());
        // Keys whose result was not there before this batch.
        let mut fresh = HashSet::new();
        for (mut one, slot) in ones(records).zip(slots) {
            let result = match slot {
                Err(text) => Err(text),
                Ok(slot) => {
                    let mut kept = found.next().unwrap_or(Err(CacheError::NotFound));
                    if fresh.contains(&slot.key) {
                        let again = CacheOp::Get { key: slot.key.clone() };
                        let results = self.cache.run(vec![again]).await;
                        kept = results.into_iter().next().unwrap_or(kept);
                    }
                    match kept {
                        Ok(bytes) => restored(&one, &bytes.unwrap_or_default()),
                        Err(CacheError::NotFound) => {
                            fresh.insert(slot.key.clone());
                            made.push(self.made(&frame, one, slot).await?);
                            continue;
                        }
                        Err(error) => Err(error.to_string()),
                    }
                }
            };
            made.push(result.unwrap_or_else(|text| {
                one.recs.iter_mut().for_each(|r| r.fault = Some(self.faults.fault(text.as_str())));
                one
            }));
        }
        frame.close(join(made.into_iter()), out);
        Ok(())
    }

    /// What the processors make of a message, which is kept for those that come after.
    async fn made(
        &mut self,
        frame: &Frame,
        one: Records,
        slot: Slot,
    ) -> Result<Records, OperatorError> {
        let parts = self.chain.run(frame.share(one)).await?;
        let mut keep = true;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            keep &= !self.skips(part)?;
        }
        let records = frame.reclaim(parts);
        let Slot { key, ttl_ns } = slot;
        if keep && let Some(value) = self.kept(&records) {
            let results = self.cache.run(vec![CacheOp::Set { key, value, ttl_ns }]).await;
            for error in results.into_iter().filter_map(Result::err) {
                self.log(&format!("failed to write result to cache: {error}"));
            }
        }
        Ok(records)
    }

    /// Whether a result is not to be kept.
    fn skips(&mut self, part: &Batch) -> Result<bool, OperatorError> {
        let Some(skip_on) = &mut self.skip_on else { return Ok(false) };
        let mut mask = Vec::new();
        skip_on.test(part, &mut mask)?;
        match mask.into_iter().next() {
            Some(Err(fault)) => {
                let why = &fault.text;
                self.log(&format!(
                    "skip_on check failed: {why}, caching will be skipped as a precaution"
                ));
                Ok(true)
            }
            Some(Ok(skip)) => Ok(skip),
            None => Ok(false),
        }
    }

    /// A result as it is kept.
    fn kept(&self, records: &Records) -> Option<Vec<u8>> {
        let count = u32::try_from(records.recs.len()).ok().filter(|count| *count <= MESSAGES_MAX);
        let value = count.and_then(|count| {
            let mut value = [VERSION.to_be_bytes(), count.to_be_bytes()].concat();
            let mut scratch = Vec::new();
            for rec in &records.recs {
                let bytes = bytes_of(records, rec, &mut scratch);
                value.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
                value.extend_from_slice(bytes);
            }
            Some(value)
        });
        if value.is_none() {
            self.log("failed to serialize resulting batch for caching: it is too large");
        }
        value
    }

    fn log(&self, text: &str) {
        self.services.log(Log::Error, text, &[]);
    }
}

/// The messages of a result that was kept, each with everything else of the one that asked.
fn restored(one: &Records, bytes: &[u8]) -> Result<Records, String> {
    let Some(rec) = one.recs.first() else { return Ok(one.like()) };
    let recs = unpacked(rec, bytes).map_err(|why| {
        format!(
            "failed to parse cached result, this indicates the data was not set by this \
             processor: {why}"
        )
    });
    recs.map(|recs| one.like().with(recs))
}

fn unpacked(rec: &Record, mut rest: &[u8]) -> Result<Vec<Record>, String> {
    let version = number(&mut rest)
        .map_err(|e| format!("failed to extract serialization format version: {e}"))?;
    if version != VERSION {
        return Err(format!("invalid format version: {version}"));
    }
    let count = number(&mut rest).map_err(|e| format!("failed to extract batch size: {e}"))?;
    if count > MESSAGES_MAX {
        return Err(format!("there may be {MESSAGES_MAX} messages at most, not {count}"));
    }
    let mut recs = Vec::new();
    for at in 0..count {
        let failed = |e: &str| format!("failed to extract message {at} size: {e}");
        let size = number(&mut rest).map_err(failed)? as usize;
        let Some((bytes, after)) = rest.split_at_checked(size) else {
            return Err(failed("input data ended unexpectedly"));
        };
        recs.push(with_bytes(rec, bytes.to_vec()));
        rest = after;
    }
    Ok(recs)
}

fn number(rest: &mut &[u8]) -> Result<u32, &'static str> {
    let (number, after) =
        rest.split_first_chunk().ok_or("message is too small to extract number")?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

impl Operator for Cached {
    fn class(&self) -> Class {
        // What one message leaves in the cache, the next one finds.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `cached`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "cached",
    since: "0.1.0",
    category: "utility",
    summary: "Uses what processors made of one message again for others with the same key.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "worked out once for each key",
        config: r#"{"cache":"words","key":"${! this.k }",
            "processors":[{"mapping":"root.first = this.id"}]}"#,
        input: &[r#"{"id":1,"k":"a"}"#, r#"{"id":2,"k":"b"}"#, r#"{"id":3,"k":"a"}"#],
        output: &[r#"{"first":1}"#, r#"{"first":2}"#, r#"{"first":1}"#],
    }],
    build: Cached::build,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, texts};

    #[test]
    fn results_of_any_number_of_messages_are_kept_with_the_metadata_of_who_asks() {
        let cached = r#"{"cached":{"cache":"words","key":"k","processors":[
            {"mapping":"root = this.l"},{"unarchive":{"format":"json_array"}}]}}"#;
        let config = format!(
            r#"[{{"mapping":"meta m = this.m\nroot = this"}},{cached},
                {{"mapping":"root = [content().string(), @m]"}}]"#
        );
        let spec = &crate::processors::processors::SPEC;
        let setup = Setup::default();
        let out = setup.run(spec, &config, &[r#"{"l":[1,2],"m":1}"#, r#"{"l":[3],"m":2}"#]);
        assert_eq!(texts(&out), [r#"["1",1]"#, r#"["2",1]"#, r#"["1",2]"#, r#"["2",2]"#]);
        // Nothing at all is a result too.
        let config = r#"{"cache":"words","key":"none","processors":[
            {"mapping":"root = if this.id < 3 { deleted() }"}]}"#;
        assert_eq!(texts(&setup.run(&SPEC, config, &[r#"{"id":1}"#, r#"{"id":7}"#])), [""; 0]);
    }

    #[test]
    fn what_is_to_be_skipped_is_not_kept() {
        for (skip_on, want) in [
            ("this.id < 2", ["1", "2", "2"]),
            ("this.id.uppercase() == \\\"\\\"", ["1", "2", "3"]),
            ("false", ["1", "1", "1"]),
        ] {
            let config = format!(
                r#"{{"cache":"words","key":"k","skip_on":"{skip_on}","processors":[
                    {{"mapping":"root.id = this.id"}}]}}"#
            );
            let input = [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#];
            let want = want.map(|id| format!(r#"{{"id":{id}}}"#));
            assert_eq!(texts(&Setup::default().run(&SPEC, &config, &input)), want, "{skip_on}");
        }
    }

    #[test]
    fn failures_are_named() {
        for (config, why) in [
            (
                r#"{"cache":"words","key":"${! throw(\"x\") }","processors":[]}"#,
                "failed to interpolate key expression: x",
            ),
            (
                r#"{"cache":"words","key":"a","ttl":"${! throw(\"x\") }","processors":[]}"#,
                "failed to interpolate ttl expression: x",
            ),
            (
                r#"{"cache":"words","key":"a","ttl":"zz","processors":[]}"#,
                "failed to parse ttl expression: time: invalid duration \"zz\"",
            ),
            (
                r#"{"cache":"words","key":"greeting","processors":[]}"#,
                "failed to parse cached result, this indicates the data was not set by this \
                 processor: invalid format version: 1751477356",
            ),
        ] {
            let out = Setup::default().run(&SPEC, config, &["{}"]);
            assert_eq!((texts(&out), faults(&out)), (vec!["{}".into()], vec![why.into()]));
        }
        let config = r#"{"cache":"nope","key":"a","processors":[]}"#;
        let error = Setup::default().try_build(&SPEC, config).err().unwrap();
        assert!(error.to_string().ends_with("cache named nope not found"), "{error}");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let number = |n: u32| n.to_be_bytes().to_vec();
        let rec = Record::default();
        for (bytes, why) in [
            (vec![0, 0], "failed to extract serialization format version: message is too small"),
            (number(1), "failed to extract batch size: message is too small"),
            ([number(1), number(1)].concat(), "failed to extract message 0 size: message is too"),
            (
                [number(1), number(2), number(0), number(5)].concat(),
                "failed to extract message 1 size: input data ended unexpectedly",
            ),
            ([number(1), number(MESSAGES_MAX + 1)].concat(), "there may be 1000000 messages"),
        ] {
            let error = unpacked(&rec, &bytes).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let most = [number(1), number(MESSAGES_MAX), vec![0; 4 * MESSAGES_MAX as usize]].concat();
        assert_eq!(unpacked(&rec, &most).unwrap().len(), MESSAGES_MAX as usize);
    }
}
