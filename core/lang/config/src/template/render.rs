//! From a use of a template to the configuration of the component it stands for.

use std::sync::Arc;

use plan::batch::body_bytes;
use plan::serde_json::{self, Map};
use plan::{Batch, Json, Meta, Record, Records};

use crate::catalog::Catalog;
use crate::template::Template;
use crate::yaml::Node;

/// Most templates that one stream may expand, those in templates counted.
pub(crate) const EXPANSIONS_MAX: usize = 10_000;

/// Metadata under which the mapping finds the label.
const LABEL: &str = "label";

impl Template {
    /// The configuration of the component that a use of the template stands for.
    ///
    /// # Errors
    /// A field that is missing or does not fit, or what the mapping says.
    pub(crate) fn render(
        &self,
        catalog: &Catalog,
        config: &Node,
        label: &str,
    ) -> Result<Json, String> {
        let fields = self.fields_of(config);
        let fields = fields.map_err(|e| format!("invalid config for template component: {e}"))?;
        let text = serde_json::to_vec(&fields).map_err(|e| e.to_string())?;
        let mut meta = Meta::new();
        meta.set(LABEL, formats::value::Value::text(label));
        let record = Record { meta: Some(Arc::new(meta)), ..Record::own(text) };
        let batch = Batch::records(Records { recs: vec![record], ..Records::default() });
        let out = catalog.map(&self.mapping, batch);
        let out = out.map_err(|e| format!("mapping failed for template component: {e}"))?;
        let records = out.iter().filter_map(Batch::as_records);
        let Some((block, record)) =
            records.flat_map(|all| all.recs.iter().map(|rec| (&all.block, rec))).next()
        else {
            return Err("mapping failed for template component: it deletes the message".into());
        };
        if let Some(fault) = &record.fault {
            return Err(format!("mapping failed for template component: {}", fault.text));
        }
        let mut scratch = Vec::new();
        let bytes = body_bytes(block, &record.body, &mut scratch);
        serde_json::from_slice(bytes)
            .map_err(|e| format!("mapping for template component resulted in invalid config: {e}"))
    }

    /// The values of all fields. What is no field is handed over as it was written.
    fn fields_of(&self, config: &Node) -> Result<Json, String> {
        let mut all = Map::new();
        for entry in config.entries().unwrap_or_default() {
            let field = self.fields.iter().find(|field| *field.name == *entry.key);
            let node = &entry.value.node;
            let value = match field {
                Some(field) => field.value(node).map_err(|e| format!("field '{}': {e}", entry.key)),
                None => Ok(node.to_json()),
            };
            all.insert(entry.key.to_string(), value?);
        }
        for field in &self.fields {
            if all.contains_key(&field.name) {
                continue;
            }
            let Some(default) = &field.default else {
                let name = &field.name;
                return Err(format!(
                    "field '{name}' is required and was not present in the config"
                ));
            };
            all.insert(field.name.clone(), default.clone());
        }
        all.sort_keys();
        Ok(Json::Object(all))
    }
}
