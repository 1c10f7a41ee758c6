//! JSON schemas in few words.

use serde_json::Value;
use utoipa::openapi::{
    ArrayBuilder, Object, ObjectBuilder, Ref, RefOr, Schema,
    schema::{AdditionalProperties, AllOfBuilder, AnyOfBuilder, SchemaType, Type},
};

/// A schema, or a reference to one.
pub(super) type Node = RefOr<Schema>;

/// Whether null is a value too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    No,
    Yes,
}

fn one_or_null(of: Type, null: Null) -> SchemaType {
    match null {
        Null::No => SchemaType::Type(of),
        Null::Yes => SchemaType::Array(vec![of, Type::Null]),
    }
}

/// Text.
pub(super) fn text(null: Null) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(one_or_null(Type::String, null))
}

/// Text that is not blank and has at most so many characters.
pub(super) fn name(most: usize, null: Null) -> ObjectBuilder {
    text(null).min_length(Some(1)).max_length(Some(most)).pattern(Some(r"\S"))
}

/// Text of which these are the only ones.
pub(super) fn one_of(values: impl IntoIterator<Item = String>) -> ObjectBuilder {
    text(Null::No).enum_values(Some(values))
}

/// An integer from `least` to `most`.
pub(super) fn integer((least, most): (i64, i64), null: Null) -> ObjectBuilder {
    let integer = ObjectBuilder::new().schema_type(one_or_null(Type::Integer, null));
    let integer = integer.minimum(Some(least));
    // JSON readers that keep numbers as f64 would round larger bounds.
    if most < i64::MAX { integer.maximum(Some(most)) } else { integer.format(Some(int64())) }
}

fn int64() -> utoipa::openapi::SchemaFormat {
    utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Int64)
}

/// A number from 0 to `most`.
pub(super) fn number(most: f64, null: Null) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(one_or_null(Type::Number, null));
    number.minimum(Some(0)).maximum(Some(most))
}

/// A list.
pub(super) fn list(of: impl Into<Node>) -> ArrayBuilder {
    ArrayBuilder::new().items(of.into())
}

/// A list of at most `most` items.
pub(super) fn list_up_to(most: usize, of: impl Into<Node>, null: Null) -> ArrayBuilder {
    list(of).max_items(Some(most)).schema_type(one_or_null(Type::Array, null))
}

/// An object. A name that ends with `?` is not required.
pub(super) fn object<N: Into<Node>>(
    members: impl IntoIterator<Item = (&'static str, N)>,
) -> ObjectBuilder {
    members.into_iter().fold(ObjectBuilder::new(), |object, (name, schema)| {
        match name.strip_suffix('?') {
            Some(name) => object.property(name, schema),
            None => object.property(name, schema).required(name),
        }
    })
}

/// An object that has no other members.
pub(super) fn closed(object: ObjectBuilder) -> ObjectBuilder {
    object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// Either of these.
pub(super) fn any_of(schemas: impl IntoIterator<Item = Node>) -> Node {
    let any = schemas.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    Node::T(Schema::AnyOf(any.build()))
}

/// All of these.
pub(super) fn all_of(schemas: impl IntoIterator<Item = Node>) -> Node {
    let all = schemas.into_iter().fold(AllOfBuilder::new(), AllOfBuilder::item);
    Node::T(Schema::AllOf(all.build()))
}

/// A constant.
pub(super) fn constant(value: impl Into<Value>) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some([value.into()])).build()
}

/// A named schema.
pub(super) fn named(name: &str) -> Node {
    Node::Ref(Ref::from_schema_name(name))
}
