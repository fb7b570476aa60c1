//! `rh-fhirpath`.

use super::{Answer, Engine, Evaluate};
use rh_fhirpath::{EvaluationContext, FhirPathEvaluator, FhirPathParser, FhirPathValue};

pub(super) fn engine() -> Engine {
    Engine { name: "rh 0.3.0", prepare: Box::new(prepare) }
}

fn prepare(rule: &str, document: &str) -> Evaluate {
    let rule = FhirPathParser::new().parse(rule).unwrap();
    let evaluator = FhirPathEvaluator::new();
    let context = EvaluationContext::new(serde_json::from_str(document).unwrap());
    Box::new(move || evaluator.evaluate(&rule, &context).map_or(Answer::Error, |value| answer(&value)))
}

fn answer(value: &FhirPathValue) -> Answer {
    match value {
        FhirPathValue::Empty => Answer::Empty,
        FhirPathValue::Boolean(false) | FhirPathValue::TypedBoolean { value: false, .. } => Answer::False,
        FhirPathValue::Collection(items) | FhirPathValue::UnorderedCollection(items) => {
            match items.as_slice() {
                [] => Answer::Empty,
                [item] => answer(item),
                [..] => Answer::Error,
            }
        }
        _ => Answer::True,
    }
}
