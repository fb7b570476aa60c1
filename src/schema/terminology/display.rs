//! What people read for a code.

use super::{CodeSystem, Designation};
use crate::schema::Schema;

impl Schema {
    /// What people read for a code: in `language` where the system or a supplement has it, otherwise as the system
    /// says it. `fi` fits `fi-FI`; an empty language asks for what the system says.
    pub fn display(&self, system: &str, code: &str, language: &str) -> Option<&str> {
        let displays = self.displays(system, code);
        let fits = |known: &str| {
            let rest = known.get(..language.len()).filter(|start| start.eq_ignore_ascii_case(language));
            rest.is_some() && matches!(known.as_bytes().get(language.len()), None | Some(b'-'))
        };
        let own = displays.first().filter(|(_, text)| !text.is_empty());
        let found = displays.iter().find(|(known, _)| !language.is_empty() && fits(known));
        found.or(own).map(|(_, text)| *text)
    }

    /// All that people may read for a code: language and text, first what the system says itself, with an empty
    /// language. Empty where the code is not at hand.
    pub fn displays(&self, system: &str, code: &str) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        let all = self.code_system(system).into_iter().chain(self.supplements(system));
        for system in all {
            // A supplement has few codes, and needs no index.
            let number = match &*system.supplements {
                "" => self.system_index(&system.url).and_then(|index| index.number(code)),
                _ => system.concepts.iter().position(|concept| &*concept.code == code),
            };
            if let Some(number) = number {
                push(&mut found, system, number);
            }
        }
        found
    }
}

fn push<'s>(found: &mut Vec<(&'s str, &'s str)>, system: &'s CodeSystem, number: usize) {
    let display = system.concepts.get(number).map_or("", |concept| &*concept.display);
    if found.is_empty() || !display.is_empty() {
        found.push(("", display));
    }
    let is_its = |it: &&Designation| it.concept as usize == number;
    found.extend(system.designations.iter().filter(is_its).map(|it| (&*it.language, &*it.text)));
}
