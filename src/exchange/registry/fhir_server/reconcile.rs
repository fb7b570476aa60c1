//! Reconcile: what differs between our resource and theirs, with both values.

use serde_json::Value;
use std::collections::BTreeSet;

/// Objects and lists below each other that are compared; deeper ones are compared as a whole.
const DEPTH_MAX: usize = 128;
/// What each server writes for itself.
const OWN: &[&str] = &["id", "meta", "text"];

/// A place where two servers have different values.
#[derive(Clone, PartialEq)]
pub struct Difference {
    /// Where: `CarePlan.activity[2].detail.status`.
    pub path: String,
    /// Our value; none where we have none.
    pub ours: Option<Value>,
    /// Theirs.
    pub theirs: Option<Value>,
}

impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Difference").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The differences of two resources. Ids, `meta` and the narrative are each server's own.
pub fn differences(ours: &Value, theirs: &Value) -> Vec<Difference> {
    let kind = ours["resourceType"].as_str().or(theirs["resourceType"].as_str()).unwrap_or("Resource");
    let mut found = Vec::new();
    if theirs.is_null() {
        found.push(Difference { path: kind.to_owned(), ours: Some(ours.clone()), theirs: None });
        return found;
    }
    compare(kind, ours, theirs, 0, &mut found);
    found
}

fn compare(path: &str, ours: &Value, theirs: &Value, depth: usize, found: &mut Vec<Difference>) {
    if ours == theirs {
        return;
    }
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if depth < DEPTH_MAX => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let is_own = |name: &str| depth == 0 && OWN.contains(&name);
            for name in names.into_iter().filter(|name| !is_own(name)) {
                beside(&format!("{path}.{name}"), a.get(name), b.get(name), depth, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if depth < DEPTH_MAX => {
            for at in 0..a.len().max(b.len()) {
                beside(&format!("{path}[{at}]"), a.get(at), b.get(at), depth, found);
            }
        }
        _ => found.push(Difference {
            path: path.to_owned(),
            ours: Some(ours.clone()),
            theirs: Some(theirs.clone()),
        }),
    }
}

fn beside(
    path: &str,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    depth: usize,
    found: &mut Vec<Difference>,
) {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => compare(path, ours, theirs, depth + 1, found),
        (None, None) => {}
        (ours, theirs) => {
            found.push(Difference { path: path.to_owned(), ours: ours.cloned(), theirs: theirs.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_values_of_each_difference_are_told() {
        let ours = json!({ "resourceType": "Goal", "id": "1", "a": [1, { "b": "x" }], "c": true });
        let check = |theirs: Value, expected: &[&str]| {
            let found = differences(&ours, &theirs);
            let told: Vec<String> = found
                .iter()
                .map(|one| {
                    let text =
                        |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
                    format!("{} {} {}", one.path, text(&one.ours), text(&one.theirs))
                })
                .collect();
            assert_eq!(told, expected);
        };
        check(
            json!({ "resourceType": "Goal", "id": "9", "meta": {}, "a": [1, { "b": "x" }], "c": true }),
            &[],
        );
        check(
            json!({ "resourceType": "Goal", "a": [1, { "b": "y" }, 3] }),
            &["Goal.a[1].b \"x\" \"y\"", "Goal.a[2] - 3", "Goal.c true -"],
        );
        assert_eq!(differences(&ours, &Value::Null).len(), 1);
    }
}
