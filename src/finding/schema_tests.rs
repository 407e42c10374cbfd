//! Tests that `docs/schema/record.json`, the published schema of a record line, fits the types.
//!
//! After a change of the types, `BLESS=1 cargo test --lib schema_tests` writes the file anew.

use std::borrow::Cow;
use std::path::Path;

use super::{Address, Finding, Record, Run, Totals};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An address, or an offset of a module.",
            "type": "string",
            "pattern": "^0x[0-9a-f]+$",
        })
    }
}

/// The schema of the records that are written. Readers accept more: they skip unknown fields.
fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Record>();
    schema.insert("title".to_owned(), "fencepost record".into());
    schema.insert(
        "description".to_owned(),
        "One line of a record file of fencepost (JSON Lines). Fields are added, never given another meaning, within one \
         version. Readers skip types and fields that they do not know."
            .into(),
    );
    schema.to_value()
}

fn published() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/record.json")
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let wanted = format!("{:#}\n", schema());
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(published(), &wanted).unwrap();
    }
    let found = std::fs::read_to_string(published()).unwrap_or_default();
    assert!(
        found == wanted,
        "out of date: BLESS=1 cargo test --lib schema_tests writes docs/schema/record.json"
    );
}

#[test]
fn records_are_valid_and_what_is_none_is_not() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(published()).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let finding = Finding { address: Some(Address(u64::MAX)), ..Finding::default() };
    for record in [
        Record::Run(Run::default()),
        Record::Finding(Box::new(finding)),
        Record::Totals(Totals::default()),
    ] {
        let mut value = serde_json::to_value(&record).unwrap();
        validator.validate(&value).unwrap();
        value["new field"] = 1.into();
        validator.validate(&value).unwrap();
        value["version"] = "1".into();
        assert!(!validator.is_valid(&value));
        value.as_object_mut().unwrap().remove("version");
        assert!(!validator.is_valid(&value));
    }
    let mut value = serde_json::to_value(Record::Finding(Box::default())).unwrap();
    value["address"] = "7f".into();
    assert!(!validator.is_valid(&value));
}
