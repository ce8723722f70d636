//! A Java virtual machine in this process, and our classes in it.

use std::path::Path;

use jni::errors::Error;
use jni::objects::{JClass, JClassLoader, JObject, JString};
use jni::signature::{MethodSignature, RuntimeMethodSignature};
use jni::strings::JNIString;
use jni::{Env, InitArgsBuilder, JValue, JValueOwned, JavaVM};

use super::{AREA_BYTES, INPUT_AT, OUTPUT_AT};

/// Class files of ours; none where this program was built without a compiler of Java.
const CLASSES: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/java.rs"));
/// The class that is called.
const HOST: &str = "mainstem/Host";
/// Bytes of what a machine knows about classes.
const METASPACE_BYTES: u64 = 128 << 20;
/// Objects of one call.
const LOCALS: usize = 8;

/// Whether functions can be called at all.
///
/// # Errors
/// What to do about it.
pub(super) fn is_built() -> Result<(), String> {
    if CLASSES.is_empty() {
        let text = "this program was built without a compiler of Java, so it has nothing to call \
                    functions in Java with: build it where a JDK is installed";
        return Err(text.to_owned());
    }
    Ok(())
}

/// Starts the machine. It has to be done once, and on a thread that stays.
pub(super) fn start(library: &Path, heap_bytes: u64) -> Result<JavaVM, String> {
    let options = [
        format!("-Xmx{heap_bytes}"),
        format!("-XX:MaxDirectMemorySize={heap_bytes}"),
        format!("-XX:MaxMetaspaceSize={METASPACE_BYTES}"),
        "-XX:+UseSerialGC".to_owned(),
        // Signals are for who has started us, and files of a crash for nobody.
        "-Xrs".to_owned(),
        "-XX:-CreateCoredumpOnCrash".to_owned(),
        "-XX:ErrorFile=/dev/null".to_owned(),
        "-XX:-UsePerfData".to_owned(),
        "-Djava.awt.headless=true".to_owned(),
    ];
    let mut args = InitArgsBuilder::new().ignore_unrecognized(true);
    for option in &options {
        args = args.option(option.as_str());
    }
    let args = args.build().map_err(|error| error.to_string())?;
    let failed = |error: String| {
        format!("the Java virtual machine {} does not start: {error}", library.display())
    };
    JavaVM::with_libjvm(args, || Ok(library)).map_err(|error| failed(error.to_string()))
}

/// Our classes, ready to be called by one thread.
pub(super) struct Host<'local> {
    class: JClass<'local>,
}

/// What a call has given.
pub(super) enum Worked {
    /// So many bytes, and these were all.
    Done(u32),
    /// So many, and there are more.
    Part(u32),
}

impl<'local> Host<'local> {
    /// Defines them.
    pub(super) fn define(env: &mut Env<'local>) -> Result<Self, Error> {
        let loader = JClassLoader::get_system_class_loader(env)?;
        for code in CLASSES {
            env.define_class(None::<JNIString>, &loader, code)?;
        }
        Ok(Host { class: env.find_class(JNIString::new(HOST))? })
    }

    fn call<'frame>(
        &self,
        env: &mut Env<'frame>,
        name: &str,
        signature: &str,
        args: &[JValue<'_>],
    ) -> Result<JValueOwned<'frame>, Error> {
        let signature = RuntimeMethodSignature::from_str(signature)?;
        let signature = MethodSignature::from(&signature);
        env.call_static_method(&self.class, JNIString::new(name), signature, args)
    }

    /// Gets a function ready; `region` is a path to the memory.
    pub(super) fn open(
        &self,
        env: &mut Env<'local>,
        region: &str,
        setup: &[u8],
    ) -> Result<(), String> {
        let open = |env: &mut Env<'_>| {
            let region = JObject::from(env.new_string(region)?);
            let setup = JObject::from(env.byte_array_from_slice(setup)?);
            let number = |number: usize| JValue::Int(i32::try_from(number).unwrap_or(i32::MAX));
            let args = [
                JValue::Object(&region),
                number(INPUT_AT),
                number(OUTPUT_AT),
                number(AREA_BYTES),
                JValue::Object(&setup),
            ];
            self.call(env, "open", "(Ljava/lang/String;III[B)Z", &args)?.z()
        };
        // What was handed over is not kept any longer than the call takes.
        match env.with_local_frame(LOCALS, open) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.failure(env)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Calls it for rows, or goes on where it stopped.
    pub(super) fn work(&self, env: &mut Env<'local>, rows: Option<u32>) -> Result<Worked, String> {
        let called = match rows {
            Some(rows) => {
                let rows = JValue::Int(i32::try_from(rows).unwrap_or(i32::MAX));
                self.call(env, "work", "(I)I", &[rows])
            }
            None => self.call(env, "more", "()I", &[]),
        };
        match called.and_then(JValueOwned::i) {
            Ok(i32::MIN) => Err(self.failure(env)),
            Ok(bytes) if bytes >= 0 => Ok(Worked::Done(bytes.unsigned_abs())),
            Ok(bytes) => Ok(Worked::Part((bytes + 1).unsigned_abs())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn failure(&self, env: &mut Env<'local>) -> String {
        let failure = |env: &mut Env<'_>| {
            let text = self.call(env, "failure", "()Ljava/lang/String;", &[])?.l()?;
            let text = env.cast_local::<JString<'_>>(text)?;
            text.try_to_string(env)
        };
        failure(env).unwrap_or_else(|error| error.to_string())
    }
}
