//! Which element an entry of a differential is about.

use super::super::element::Stated;

/// Steps of one path.
pub(super) const STEPS_MAX: usize = 32;

/// One step from an element to one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// As a definition writes it: `value[x]`, or short `valueQuantity`.
    pub(super) name: String,
    pub(super) slice: Option<String>,
}

/// The steps of every entry below the first element. Ids say them in full; where one does not fit its path, the order of
/// the entries says in which slice an element stands (FHIR R4, `ElementDefinition`, interpretation of `id` and `path`).
pub(super) fn steps(elements: &[Stated]) -> Result<Vec<Vec<Step>>, String> {
    if let Some(element) = elements.iter().find(|it| it.path.split('.').count() > STEPS_MAX + 1) {
        return Err(format!("has a path of over {STEPS_MAX} steps, `{}`", element.path));
    }
    let by_id: Option<Vec<_>> = elements.iter().map(by_id).collect();
    Ok(by_id.unwrap_or_else(|| by_order(elements)))
}

fn by_id(element: &Stated) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut ids = element.id.split('.');
    for name in element.path.split('.') {
        let id = ids.next()?;
        let (id_name, slice) = id.split_once(':').map_or((id, None), |(name, slice)| (name, Some(slice)));
        let is_short = slice == Some(name) && id_name.ends_with("[x]");
        if id_name != name && !is_short {
            return None;
        }
        steps.push(Step { name: id_name.to_owned(), slice: slice.map(str::to_owned) });
    }
    let slice = element.facts.slice.as_deref();
    let agrees = slice.is_none() || steps.last().is_some_and(|step| step.slice.as_deref() == slice);
    (ids.next().is_none() && agrees).then(|| steps.split_off(1))
}

fn by_order(elements: &[Stated]) -> Vec<Vec<Step>> {
    let mut open: Vec<Step> = Vec::new();
    let mut all = Vec::with_capacity(elements.len());
    for element in elements {
        let names: Vec<&str> = element.path.split('.').skip(1).collect();
        let same = open.iter().zip(&names).take_while(|(step, name)| step.name == **name).count();
        open.truncate(same.min(names.len().saturating_sub(1)));
        for name in &names[open.len()..] {
            open.push(Step { name: (*name).to_owned(), slice: None });
        }
        if let Some(last) = open.last_mut() {
            last.slice = element.facts.slice.as_deref().map(str::to_owned);
        }
        all.push(open.clone());
    }
    all
}
