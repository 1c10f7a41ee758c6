use super::*;
use crate::{domain::field::Field, http::error::Kind};
use serde_json::Value;

fn described() -> Value {
    serde_json::from_str(&json()).unwrap()
}

#[test]
fn every_route_is_described() {
    let document = described();
    for route in Route::ALL {
        let spec = route.spec();
        let operation = &document["paths"][spec.path][spec.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], spec.operation);
        assert!(operation["responses"][spec.success.to_string()].is_object(), "{}", spec.path);
        let declared = operation["parameters"].as_array().map_or(0, |parameters| {
            parameters.iter().filter(|parameter| parameter["in"] == "path").count()
        });
        assert_eq!(declared, spec.path.matches('{').count(), "{}", spec.path);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut values = vec![&document];
    while let Some(value) = values.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
        match value {
            Value::Object(members) => values.extend(members.values()),
            Value::Array(items) => values.extend(items),
            _ => {}
        }
    }
}

#[test]
fn every_field_and_every_kind_of_problem_is_described() {
    let schemas = &described()["components"]["schemas"];
    for field in Field::ALL {
        let property = &schemas["Movie"]["properties"][field.name()];
        assert!(!property["description"].as_str().unwrap().is_empty());
        let written = &schemas["MovieInput"]["properties"][field.name()];
        assert_eq!(written.is_null(), field.read_only(), "{}", field.name());
    }
    let kinds = schemas["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    assert_eq!(kinds.len(), Kind::ALL.len());
}

#[test]
fn the_description_is_as_it_was_reviewed() {
    insta::assert_snapshot!(json());
}
