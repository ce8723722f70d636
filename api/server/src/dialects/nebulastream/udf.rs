//! The catalog of Java functions (spec/nes-rest.md §7). They are kept and handed out, and queries
//! find them here by name.

use nes::udf::{Udf, check_size, dotted};
use plan::Json;
use prost::Message;
use serde_json::json;

use super::proto::{FoundJavaUdf, JavaClass, JavaUdf, RegisterJavaUdf};
use super::routes::{NebulaStream, unknown};
use super::schema::fields;
use super::state::State;
use super::types::{error, named};
use crate::exchange::{Reply, Request};

/// Most functions.
pub(super) const UDFS_MAX: usize = 10_000;

impl NebulaStream {
    /// `first` is the spelling of the document, whose codes differ from the later one.
    pub(super) async fn udf_catalog(
        &self,
        method: &str,
        call: &str,
        first: bool,
        request: &Request,
    ) -> Result<Reply, Reply> {
        match (method, call) {
            ("GET", "listUdfs") => {
                let names: Vec<Json> =
                    self.store.lock().udfs.keys().map(|name| json!(name)).collect();
                Ok(Reply::json(200, &json!({"udfs": names})))
            }
            ("GET", "getUdfDescriptor") => {
                let name = udf_name(request, first)?;
                let found = self.store.lock().udfs.get(&name).cloned();
                let descriptor = found.and_then(|b| JavaUdf::decode(b.as_slice()).ok());
                let status = if descriptor.is_some() || first { 200 } else { 404 };
                let found = FoundJavaUdf { found: descriptor.is_some(), descriptor };
                Ok(Reply::empty(status)
                    .header("content-type", "application/octet-stream")
                    .with_body(found.encode_to_vec()))
            }
            ("POST", "registerJavaUdf") => self.register(request).await,
            ("DELETE", "removeUdf") => {
                let name = udf_name(request, first)?;
                let Some(udf) = self.store.lock().udfs.remove(&name) else {
                    return Ok(Reply::json(200, &json!({"removed": false})));
                };
                if let Err(reply) = self.store.put_udf(&name).await {
                    self.store.lock().udfs.insert(name, udf);
                    return Err(reply);
                }
                Ok(Reply::json(200, &json!({"removed": true})))
            }
            _ => Err(unknown()),
        }
    }

    async fn register(&self, request: &Request) -> Result<Reply, Reply> {
        let message = RegisterJavaUdf::decode(&*request.body);
        let message = message.map_err(|_| error(400, "Invalid Protobuf message"))?;
        let Some(descriptor) = message.descriptor.filter(|_| !message.name.is_empty()) else {
            return Err(error(400, "Invalid Protobuf message: a name and a descriptor are needed"));
        };
        named(&message.name, "udf_name")?;
        check(&descriptor).map_err(|text| error(400, text))?;
        udf_of(&descriptor).map_err(|text| error(400, text))?;
        {
            let mut state = self.store.lock();
            if state.udfs.contains_key(&message.name) {
                let text = format!("UDF with name {} already exists", message.name);
                return Err(error(400, text));
            }
            if state.udfs.len() >= UDFS_MAX {
                return Err(error(400, format!("there are {UDFS_MAX} UDFs already")));
            }
            state.udfs.insert(message.name.clone(), descriptor.encode_to_vec());
        }
        if let Err(reply) = self.store.put_udf(&message.name).await {
            self.store.lock().udfs.remove(&message.name);
            return Err(reply);
        }
        Ok(Reply::text(200, "Registered Java UDF"))
    }
}

impl State {
    /// A function as queries have it.
    pub(super) fn udf(&self, name: &str) -> Option<Udf> {
        let descriptor = JavaUdf::decode(self.udfs.get(name)?.as_slice()).ok()?;
        udf_of(&descriptor).ok()
    }
}

/// What a descriptor says.
fn udf_of(descriptor: &JavaUdf) -> Result<Udf, String> {
    let class = |class: &JavaClass| (dotted(&class.class_name), class.byte_code.clone());
    let told = descriptor.given.as_ref().or(descriptor.taken.as_ref());
    // A schema without fields is none: a client may always send the message.
    let schema = told.filter(|schema| !schema.fields.is_empty()).map(fields);
    if schema == Some(None) {
        return Err(
            "Invalid Protobuf message: the output schema has a type that is not known".to_owned()
        );
    }
    let udf = Udf {
        class: dotted(&descriptor.class_name),
        method: descriptor.method_name.clone(),
        instance: descriptor.instance.clone(),
        classes: descriptor.classes.iter().map(class).collect(),
        input: descriptor.input_class.clone(),
        output: descriptor.output_class.clone(),
        schema: schema.flatten(),
    };
    check_size(&udf)?;
    Ok(udf)
}

fn udf_name(request: &Request, first: bool) -> Result<String, Reply> {
    let Some(name) = request.param("udfName") else {
        return Err(error(400, "udfName parameter is missing"));
    };
    let others: Vec<String> =
        request.params().into_iter().map(|(key, _)| key).filter(|key| key != "udfName").collect();
    if first && !others.is_empty() {
        let text = format!("Request contains unknown parameters: {}", others.join(", "));
        return Err(error(400, text));
    }
    Ok(name)
}

fn check(udf: &JavaUdf) -> Result<(), &'static str> {
    if udf.class_name.is_empty() {
        return Err("The class name of a Java UDF must not be empty");
    }
    if udf.method_name.is_empty() {
        return Err("The method name of a Java UDF must not be empty");
    }
    if udf.classes.is_empty() {
        return Err("The bytecode list of classes implementing the UDF must not be empty");
    }
    if !udf.classes.iter().any(|class| class.class_name == udf.class_name) {
        return Err("The bytecode list of classes implementing the UDF must contain the \
             fully-qualified name of the UDF");
    }
    if udf.classes.iter().any(|class| class.byte_code.is_empty()) {
        return Err("The bytecode of a class must not not be empty");
    }
    Ok(())
}
