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
        for whole in ["MovieReplacement", "MoviePatch"] {
            let sent_back = &schemas[whole]["properties"][field.name()]["readOnly"];
            assert_eq!(sent_back == true, field.read_only(), "{whole}: {}", field.name());
        }
    }
    let kinds = schemas["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    assert_eq!(kinds.len(), Kind::ALL.len());
}

#[test]
fn the_description_is_as_it_was_reviewed() {
    insta::assert_snapshot!(json());
}

/// The same for people.
const PAGE: &str = include_str!("../../../docs/API.md");

/// The page's text below a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{heading}\n")).expect(heading);
    let end = rest.find("\n## ").into_iter().chain(rest.find("\n### ")).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// The row of a table that is about something.
fn row<'t>(text: &'t str, name: &str) -> &'t str {
    let name = format!("`{name}`");
    let about = |line: &&str| line.split(" | ").next().is_some_and(|cell| cell.contains(&name));
    text.lines().filter(|line| line.starts_with("| ")).find(about).expect(&name)
}

/// The upper bounds and the default of a schema, as people write them.
fn numbers(schema: &Value) -> Vec<String> {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let own = ["maximum", "maxLength", "maxItems", "default"].map(|name| &schema[name]);
    let numbers = own.into_iter().chain([&items["maxLength"]]).filter_map(Value::as_u64);
    // How many names of a fixed set there may be goes without saying.
    numbers.filter(|_| items["enum"].is_null()).map(with_commas).collect()
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_page_for_people_has_every_operation_with_its_parameters_and_bounds() {
    let document = described();
    for route in Route::ALL {
        let spec = route.spec();
        let text = section(&format!("### `{} {}`", spec.method, spec.path));
        let operation = &document["paths"][spec.path][spec.method.as_str().to_lowercase()];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            match parameter["in"].as_str().unwrap() {
                "query" => _ = row(text, name),
                "header" => assert!(PAGE.contains(&format!("`{name}`")), "{name}"),
                _ => {}
            }
            // A year is no number with commas, and a header's bounds may be with another operation.
            for number in numbers(&parameter["schema"]) {
                let year = number.replace(',', "");
                assert!(text.contains(&number) || text.contains(&year), "{name}: {number}");
            }
        }
    }
    assert_eq!(PAGE.matches("\n### `").count(), Route::ALL.len());
}

#[test]
fn the_page_for_people_has_every_field_with_its_bounds_and_every_problem() {
    let properties = &described()["components"]["schemas"]["MovieInput"]["properties"];
    let fields = section("## Movies");
    for field in Field::ALL {
        let text = row(fields, field.name());
        for number in numbers(&properties[field.name()]) {
            let year = number.replace(',', "");
            assert!(text.contains(&number) || text.contains(&year), "{text}: {number}");
        }
    }
    let problems = section("## Errors");
    for kind in Kind::ALL {
        let start = format!("| `{}` | {} |", kind.uri(), kind.status().as_u16());
        assert!(problems.contains(&start), "{start}");
    }
    assert_eq!(problems.matches("| `/problems/").count(), Kind::ALL.len());
}
