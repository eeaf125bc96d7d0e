//! JSON Schemas, made from the structs of messages and events and compared with the committed files in `schema/`, which the binary
//! includes. Only tests have this.

use std::path::Path;
use std::{env, fs};

use boon::{Compiler, SchemaIndex, Schemas};
use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The schema of `T` without what says nothing to a reader: `null` in place of a field that is left out, and formats of Rust.
pub(crate) fn schema_of<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    plain(&mut schema);
    schema.to_value()
}

fn plain(schema: &mut Schema) {
    transform_subschemas(&mut plain, schema);
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format != "date-time") {
        object.remove("format");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|schema| schema["type"] != "null");
        if let [Value::Object(only)] = any.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (name, value) in only {
                object.entry(name).or_insert(value);
            }
        }
    }
}

/// Compares `schema` with the committed file, or writes that.
#[expect(clippy::disallowed_methods, reason = "a developer asks for it")]
pub(crate) fn keep(file: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = format!("{schema:#}\n");
    if env::var_os("OPWATCH_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    } else {
        let is_current = fs::read_to_string(&path).is_ok_and(|now| now == text);
        assert!(is_current, "{file} is out of date: OPWATCH_UPDATE=1 cargo test --lib schema");
    }
}

/// A compiled schema.
pub(crate) struct Compiled(Schemas, SchemaIndex);

impl Compiled {
    pub(crate) fn new(schema: &Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("schema.json", schema.clone()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self(schemas, index)
    }

    /// What is wrong with `value`; nothing when it is valid.
    pub(crate) fn problem(&self, value: &Value) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| format!("{error:#}"))
    }
}
