use super::*;
use crate::diag::LineIndex;

/// The faults of a policy as `line:column code message help`.
fn faults(text: &str) -> Vec<String> {
    let index = LineIndex::new(text);
    let told = |issue: &Issue| {
        let place = index.place(issue.span.start);
        format!("{}:{} {} {} {}", place.line, place.column, issue.code.id, issue.message, issue.help)
    };
    Policy::read(text).err().unwrap_or_default().iter().map(told).collect()
}

#[test]
fn the_default_is_sound() {
    assert_eq!(faults(COUNTY), Vec::<String>::new());
    assert_eq!(Policy::county().sights.len(), 7);
}
