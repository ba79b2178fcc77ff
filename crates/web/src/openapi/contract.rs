//! Chooses the schema of a type: a reply is described as it is serialised, so that a field that is always present is
//! `required`; an input as it is deserialised. Both in JSON Schema 2020-12, as OpenAPI 3.1 requires.

use std::cell::RefCell;
use std::mem::swap;

use aide::generate::{GenContext, in_context};
use aide::openapi::{OpenApi, SchemaObject};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;

/// Prefix of an input's name until [`merge`](super::merge()) knows whether the two shapes of the name differ.
pub(super) const INPUT: &str = "in.";

const REPLIES: &str = "#/components/schemas";
const INPUTS: &str = "#/components/inputs";

thread_local! {
    static INPUT_SCHEMAS: RefCell<SchemaGenerator> = RefCell::new(inputs());
}

fn replies() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.definitions_path = REPLIES.into()).into_generator()
}

fn inputs() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = INPUTS.into()).into_generator()
}

/// Makes this thread describe replies as they are serialised, because aide starts with a draft 7 generator for inputs.
pub(crate) fn begin(ctx: &mut GenContext) {
    if ctx.schema.contract().is_deserialize() {
        ctx.schema = replies();
    }
}

/// Describes a request body or a parameter.
pub(crate) fn input<R>(ctx: &mut GenContext, describe: impl FnOnce(&mut GenContext) -> R) -> R {
    begin(ctx);
    INPUT_SCHEMAS.with_borrow_mut(|inputs| {
        swap(&mut ctx.schema, inputs);
        let described = describe(ctx);
        swap(&mut ctx.schema, inputs);
        described
    })
}

/// Moves the inputs that this thread has described to the other components, and clears the used names for the next
/// service.
pub(crate) fn take_inputs(api: &mut OpenApi) {
    let schemas = &mut api.components.get_or_insert_default().schemas;
    let described = INPUT_SCHEMAS.replace(inputs()).take_definitions(true);
    for (name, schema) in described {
        if let Ok(json_schema) = schema.try_into() {
            schemas.insert(format!("{INPUT}{name}"), SchemaObject { json_schema, example: None, external_docs: None });
        }
    }
    in_context(|ctx| ctx.schema = replies());
}

/// The reference as written in a service's document.
pub(super) fn reference(reference: &str) -> Option<String> {
    let name = reference.strip_prefix(INPUTS)?.strip_prefix('/')?;
    Some(format!("{REPLIES}/{INPUT}{name}"))
}
