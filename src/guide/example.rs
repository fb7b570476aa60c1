//! The index of examples: which file is an example of which profile, and what a bad one was made for.

/// One example.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The file, from the folder of the index.
    pub file: String,
    /// Id of the profile.
    pub profile: String,
    /// The code of the one fault that it was made for; empty for a good one.
    pub code: String,
    /// Key of the constraint that it breaks; empty for other faults.
    pub rule: String,
    /// The element that is at fault.
    pub path: String,
    /// The element that the definition demands it of, where the path does not say it: a slice
    /// (`CarePlan.extension:next-review`), or another definition's (`sector#Extension.value[x]`).
    pub element: String,
}

impl Example {
    /// The definition and the element that demand what a bad example breaks.
    pub fn demanded(&self) -> (&str, &str) {
        let element = if self.element.is_empty() { &self.path } else { &self.element };
        element.split_once('#').unwrap_or((&self.profile, element))
    }

    /// True for an example without a fault.
    pub fn is_good(&self) -> bool {
        self.code.is_empty()
    }
}

/// Reads the index: `[[example]]` tables with the texts `file`, `profile`, `code`, `rule`, `path` and
/// `element`.
///
/// ```
/// use sauma::guide::examples;
///
/// let found = examples("[[example]]\nfile = \"good/goal.json\"\nprofile = \"sauma-goal\"\n")?;
/// assert!(found[0].is_good());
/// assert_eq!(examples("[[example]]\nfile = goal.json\n"), Err(2));
/// # Ok::<(), usize>(())
/// ```
///
/// # Errors
/// The number of the line that is something else.
pub fn examples(text: &str) -> Result<Vec<Example>, usize> {
    let mut found: Vec<Example> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[example]]" {
            found.push(Example::default());
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number)?;
        let value = value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(number)?;
        let example = found.last_mut().ok_or(number)?;
        let place = match name.trim() {
            "file" => &mut example.file,
            "profile" => &mut example.profile,
            "code" => &mut example.code,
            "rule" => &mut example.rule,
            "path" => &mut example.path,
            "element" => &mut example.element,
            _ => return Err(number),
        };
        value.clone_into(place);
    }
    Ok(found)
}
