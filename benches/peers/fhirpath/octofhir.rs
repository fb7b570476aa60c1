//! `octofhir-fhirpath`, with the definitions of R4 from `octofhir-fhirschema`.
//!
//! A context costs more to make than most invariants to evaluate, and it remembers the descendants that it has seen.
//! A validator makes one for each document, so the truth lies between the two engines here: with a context for each
//! evaluation, and with one that stands ready and remembers what it saw in the run before. The engine keeps its own
//! form of the document in both, so reading is not counted.

use super::{Answer, Engine};
use crate::finish;
use octofhir_fhirpath::{
    Collection, CompiledPlan, EvaluationContext, FhirPathEngine, FhirPathValue, create_function_registry,
};
use octofhir_fhirschema::{EmbeddedSchemaProvider, ModelFhirVersion};
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A context for each evaluation.
pub(super) fn fresh() -> Engine {
    let engine = engine();
    let prepare = move |rule: &str, document: &str| {
        let (engine, plan, resource) = (Rc::clone(&engine), plan(&engine, rule), read(document));
        let evaluate = move || evaluate(&engine, &plan, &context(&engine, &resource));
        Box::new(evaluate) as super::Evaluate
    };
    Engine { name: "octofhir 0.5.1", prepare: Box::new(prepare) }
}

/// One context for all evaluations.
pub(super) fn remembering() -> Engine {
    let engine = engine();
    let prepare = move |rule: &str, document: &str| {
        let (engine, plan, resource) = (Rc::clone(&engine), plan(&engine, rule), read(document));
        let context = context(&engine, &resource);
        let evaluate = move || evaluate(&engine, &plan, &context);
        Box::new(evaluate) as super::Evaluate
    };
    Engine { name: "… context kept", prepare: Box::new(prepare) }
}

fn engine() -> Rc<FhirPathEngine> {
    let registry = Arc::new(create_function_registry());
    let provider = Arc::new(EmbeddedSchemaProvider::new(ModelFhirVersion::R4));
    Rc::new(finish(FhirPathEngine::new(registry, provider)).unwrap())
}

fn plan(engine: &FhirPathEngine, rule: &str) -> Arc<CompiledPlan> {
    engine.compile_plan(rule).unwrap()
}

fn read(document: &str) -> Arc<Value> {
    Arc::new(serde_json::from_str(document).unwrap())
}

fn context(engine: &FhirPathEngine, resource: &Arc<Value>) -> EvaluationContext {
    finish(engine.prepare_context(Arc::clone(resource), None, &HashMap::new())).unwrap()
}

fn evaluate(engine: &FhirPathEngine, plan: &CompiledPlan, context: &EvaluationContext) -> Answer {
    finish(engine.evaluate_plan(plan, context)).map_or(Answer::Error, |result| answer(&result.value))
}

fn answer(items: &Collection) -> Answer {
    match (items.first(), items.len()) {
        (None, _) => Answer::Empty,
        (Some(FhirPathValue::Boolean(false, ..)), 1) => Answer::False,
        (Some(_), 1) => Answer::True,
        (Some(_), _) => Answer::Error,
    }
}
