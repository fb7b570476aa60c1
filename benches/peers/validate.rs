//! Validation of the published plans, teams and goals against core R4, with all invariants.
//!
//! Documents are read beforehand, and every engine has validated each of them once, so that what it compiles and
//! remembers of the definitions is ready. The examples are valid: the errors an engine tells are printed beside its time.

use crate::finish;
use crate::measure::{Run, seconds};
use octofhir_fhirpath::{FhirPathEngine, create_function_registry};
use octofhir_fhirschema::{EmbeddedSchemaProvider, ModelFhirVersion, embedded};
use sauma::diag::Severity;
use sauma::schema::Schema;
use sauma::tree::fhir;
use sauma::validate::{Options, Validator};
use serde_json::Value;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// How the names of the examples begin.
const KINDS: [&str; 3] = ["careplan-", "careteam-", "goal-"];

/// Validates a document that was read, and gives the number of errors.
type Validate = Box<dyn Fn() -> usize>;

/// Makes a document ready.
type Prepare = Box<dyn Fn(&str) -> Validate>;

/// One line for each engine.
pub(crate) fn table(shared: &Path) {
    let documents = examples(shared);
    let engines: [(&str, Prepare); 3] =
        [("Sauma", sauma()), ("octofhir-fhirschema 0.3.33", octofhir()), ("rh-validator 0.3.0", rh())];
    println!("\nValidation: µs of one plan, team or goal, mean of {} examples", documents.len());
    let mut runs: Vec<Run> = Vec::new();
    let mut errors = Vec::new();
    for (_, prepare) in &engines {
        let all: Vec<Validate> = documents.iter().map(|document| prepare(document)).collect();
        errors.push(all.iter().map(|validate| validate()).sum::<usize>());
        runs.push(Box::new(move || {
            for validate in &all {
                black_box(validate());
            }
        }));
    }
    let times = seconds(&runs);
    for (at, (name, _)) in engines.iter().enumerate() {
        let one = times[at] * 1e6 / f64::from(u32::try_from(documents.len()).unwrap());
        println!("{name:<28}{one:>10.1} ({:.1}), errors told {}", times[at] / times[0], errors[at]);
    }
}

fn examples(shared: &Path) -> Vec<String> {
    let files = fs::read_dir(shared.join("suites/r4-examples")).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        KINDS.iter().any(|kind| name.starts_with(kind)) && name.ends_with(".json")
    };
    let mut files: Vec<_> = files.filter(|path| is_wanted(path)).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn sauma() -> Prepare {
    let validator = Rc::new(Validator::new(Schema::r4()));
    Box::new(move |document| {
        let tree = fhir::read_json(document, Schema::r4().names()).unwrap();
        let validator = Rc::clone(&validator);
        Box::new(move || {
            let report = validator.validate(&tree, &Options::default());
            report.issues.iter().filter(|issue| issue.severity == Severity::Error).count()
        })
    })
}

fn octofhir() -> Prepare {
    let registry = Arc::new(create_function_registry());
    let provider = Arc::new(EmbeddedSchemaProvider::new(ModelFhirVersion::R4));
    let fhirpath = finish(FhirPathEngine::new(registry, provider)).unwrap();
    let schemas = embedded::get_schemas(embedded::FhirVersion::R4).clone();
    let validator = octofhir_fhirschema::FhirValidator::from_schemas(schemas, Some(Arc::new(fhirpath)));
    let validator = Rc::new(validator);
    Box::new(move |document| {
        let resource: Value = serde_json::from_str(document).unwrap();
        let names = vec![resource["resourceType"].as_str().unwrap().to_owned()];
        let validator = Rc::clone(&validator);
        Box::new(move || finish(validator.validate(&resource, names.clone())).errors.len())
    })
}

fn rh() -> Prepare {
    let validator = rh_validator::FhirValidator::new(rh_validator::FhirVersion::R4, None).unwrap();
    let validator = Rc::new(validator);
    Box::new(move |document| {
        let resource: Value = serde_json::from_str(document).unwrap();
        let validator = Rc::clone(&validator);
        Box::new(move || {
            let result = validator.validate_auto(&resource).unwrap();
            result.issues.iter().filter(|issue| issue.severity == rh_validator::Severity::Error).count()
        })
    })
}
