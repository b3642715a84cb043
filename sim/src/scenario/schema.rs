//! The JSON Schema of scenario files, made from the list of keys and the grammar of their forms: what an editor
//! completes and checks. It accepts every file that can be read; what names mean is checked by reading.

use serde_json::{Map, Value, json};

use super::grammar::{self, Shape};
use super::keys::{self, Absent, Form, Key, Table};
use super::matrix::VARIANTS_MAX;

/// The schema, ready to be written to a file.
pub fn schema() -> String {
    let mut root = Map::new();
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("A scenario of squall"));
    let mut defs = Map::new();
    root.extend(table(&keys::FILE, &mut defs));
    defs.sort_keys();
    root.insert("$defs".into(), Value::Object(defs));
    format!("{:#}\n", Value::Object(root))
}

fn table(table: &'static Table, defs: &mut Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in table.keys {
        properties.insert(key.name.to_owned(), property(key, defs));
    }
    let required = table.keys.iter().filter(|key| matches!(key.absent, Absent::Required)).map(|key| key.name);
    let mut all = Map::new();
    all.insert("description".into(), json!(table.doc));
    all.insert("type".into(), json!("object"));
    all.insert("properties".into(), Value::Object(properties));
    all.insert("required".into(), required.collect());
    all.insert("additionalProperties".into(), json!(false));
    all
}

fn property(key: &Key, defs: &mut Map<String, Value>) -> Value {
    let mut all = Map::new();
    let description = match key.absent {
        Absent::Means(text) => format!("{} Without it: {text}.", key.doc),
        Absent::Required | Absent::RequiredHereOrInBase | Absent::Default(_) => key.doc.to_owned(),
    };
    all.insert("description".into(), json!(description));
    let shape = grammar::of(key.form).shape;
    if let Absent::Default(text) = key.absent {
        all.insert("default".into(), default(&shape, text));
    }
    match &shape {
        Shape::Table | Shape::Tables | Shape::Named => all.extend(nested(key.form, defs)),
        Shape::Words(_) | Shape::Integer | Shape::Chance | Shape::Flag => all.extend(value(&shape)),
        Shape::Text(_) | Shape::Either(_) | Shape::List(_) | Shape::Lists | Shape::ByName(_) => {
            let name = format!("{:?}", key.form);
            all.insert("$ref".into(), json!(format!("#/$defs/{name}")));
            if !defs.contains_key(&name) {
                defs.insert(name, definition(key.form));
            }
        }
    }
    Value::Object(all)
}

/// A form that several keys have.
fn definition(form: Form) -> Value {
    let grammar = grammar::of(form);
    let mut all = Map::new();
    all.insert("description".into(), json!(grammar.doc));
    all.extend(value(&grammar.shape));
    let examples = grammar.examples.iter().filter_map(|example| example_value(example));
    all.insert("examples".into(), examples.collect());
    Value::Object(all)
}

/// An example as it stands in a file, as JSON.
fn example_value(example: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("x = {example}")).ok()?;
    serde_json::to_value(table.get("x")?).ok()
}

fn value(shape: &Shape) -> Map<String, Value> {
    let value = match shape {
        Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::Integer => json!({ "type": "integer", "minimum": 0 }),
        Shape::Chance => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(value).collect::<Vec<_>>() }),
        Shape::List(item) => json!({ "type": "array", "minItems": 1, "items": value(item) }),
        Shape::Lists => lists(),
        Shape::ByName(item) => {
            json!({ "type": "object", "minProperties": 1, "additionalProperties": value(item) })
        }
        Shape::Table | Shape::Tables | Shape::Named => json!({}),
    };
    match value {
        Value::Object(value) => value,
        _ => Map::new(),
    }
}

/// Lists by path: `"grid.encoding" = [...]` or `grid.encoding = [...]`.
fn lists() -> Value {
    let tables: Vec<&str> = keys::FILE.keys.iter().map(|key| key.name).collect();
    json!({
        "type": "object",
        "propertyNames": { "pattern": format!(r"^({})(\.|$)", tables.join("|")) },
        "additionalProperties": { "anyOf": [{ "$ref": "#/$defs/MatrixValues" }, { "$ref": "#/$defs/MatrixTable" }] },
    })
}

/// What the definition of a matrix refers to.
fn matrix_parts(defs: &mut Map<String, Value>) {
    let item = json!({ "type": ["string", "number", "boolean", "array"], "items": { "type": "string" } });
    defs.insert(
        "MatrixValues".into(),
        json!({ "type": "array", "minItems": 1, "maxItems": VARIANTS_MAX, "uniqueItems": true, "items": item }),
    );
    let either = json!([{ "$ref": "#/$defs/MatrixValues" }, { "$ref": "#/$defs/MatrixTable" }]);
    defs.insert(
        "MatrixTable".into(),
        json!({ "type": "object", "additionalProperties": { "anyOf": either } }),
    );
}

fn nested(form: Form, defs: &mut Map<String, Value>) -> Map<String, Value> {
    let (Form::Table(inner) | Form::Tables(inner) | Form::Named(inner)) = form else { return Map::new() };
    let name: String = inner.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if !defs.contains_key(&name) {
        let inner = table(inner, defs);
        defs.insert(name.clone(), Value::Object(inner));
        matrix_parts(defs);
    }
    let link = json!({ "$ref": format!("#/$defs/{name}") });
    let value = match form {
        Form::Tables(_) => json!({ "type": "array", "items": link }),
        Form::Named(_) => json!({ "type": "object", "additionalProperties": link }),
        _ => link,
    };
    value.as_object().cloned().unwrap_or_default()
}

/// A default as it would stand in a file.
fn default(shape: &Shape, text: &str) -> Value {
    let takes_numbers = match shape {
        Shape::Integer => true,
        Shape::Either(shapes) => shapes.contains(&Shape::Integer),
        _ => false,
    };
    match (text.parse::<u64>(), text) {
        (Ok(number), _) if takes_numbers => json!(number),
        (_, "true" | "false") if *shape == Shape::Flag => json!(text == "true"),
        _ => json!(text),
    }
}
