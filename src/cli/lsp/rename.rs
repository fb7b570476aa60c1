//! Another name for what a text declares, and for a group wherever the maps at hand call it.

use super::analysis::{Analysis, MapFile};
use super::navigate::own_url;
use super::wire::Fault;
use super::workspace::{Document, Language, Workspace};
use crate::diag::{Severity, Span};
use crate::mapping::fml::{self, Library};
use crate::mapping::outline::{Kind, Meaning, Outline};
use serde_json::{Map, Value, json};

/// A group that other maps may call.
struct Group {
    /// Canonical url of its map.
    map: String,
    name: String,
}

/// What a name at a byte is renamed as.
enum Renamed {
    /// A name of the text alone, by its number.
    Own(usize),
    /// A group, in this map and others.
    Group(Group),
}

fn renamed(analysis: &Analysis, offset: u32) -> Option<(Span, Renamed)> {
    let mark = analysis.outline.at(offset)?;
    let found = match &mark.meaning {
        Meaning::Declared(at) => {
            let declared = analysis.outline.declared.get(*at)?;
            // A map without a url is imported by none.
            match own_url(analysis).filter(|_| declared.kind == Kind::Group) {
                Some(map) => Renamed::Group(Group { map, name: declared.name.clone() }),
                None => Renamed::Own(*at),
            }
        }
        Meaning::Elsewhere { map, name, .. } => {
            Renamed::Group(Group { map: map.clone(), name: name.clone() })
        }
        _ => return None,
    };
    Some((mark.span, found))
}

/// What would be renamed at a byte.
pub(super) fn prepare(analysis: &Analysis, document: &Document, offset: u32) -> Value {
    match renamed(analysis, offset) {
        Some((span, _)) => {
            json!({ "range": document.text.range(span), "placeholder": document.text.slice(span) })
        }
        None => Value::Null,
    }
}

/// The changes that give the name at a byte another name.
///
/// # Errors
/// There is nothing to rename, the new name is none, or afterwards a name would stand for something else.
pub(super) fn rename(
    workspace: &Workspace,
    document: &Document,
    offset: u32,
    new: &str,
) -> Result<Value, Fault> {
    // The files beside it may have changed since it was last looked into.
    let analysis = workspace.analysis_of(document, document.text.as_str());
    let (_, renamed) = renamed(&analysis, offset).ok_or_else(|| refused("nothing here can be renamed"))?;
    let joins = |c: char| c == '_' || (c == '-' && document.language == Language::Lens);
    let is_name = new.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && new.chars().all(|c| c.is_alphanumeric() || joins(c));
    if !is_name {
        return Err(refused("this is not a name"));
    }
    let mut changes = Map::new();
    match renamed {
        Renamed::Own(at) => {
            if is_taken(&analysis.outline, at, new) {
                return Err(refused("the name is taken"));
            }
            let own: Vec<Span> = analysis.outline.places_of(at).collect();
            let after = workspace.analysis_of(document, &replaced(document.text.as_str(), &own, new));
            if meanings(&analysis.outline, None) != meanings(&after.outline, None)
                || errors(&after) > errors(&analysis)
            {
                return Err(changed_meaning());
            }
            let edit = |span: Span| json!({ "range": document.text.range(span), "newText": new });
            changes.insert(document.uri.clone(), own.into_iter().map(edit).collect());
        }
        Renamed::Group(group) => {
            for (file, spans) in group_spans(&analysis, &group, new)? {
                let edit = |span: Span| json!({ "range": file.text.range(span), "newText": new });
                changes.insert(file.uri.clone(), spans.into_iter().map(edit).collect());
            }
        }
    }
    Ok(json!({ "changes": changes }))
}

fn refused(why: &str) -> Fault {
    Fault::new(Fault::FAILED, why)
}

fn changed_meaning() -> Fault {
    refused("something would no longer stand for what it does")
}

/// The places of a group in every map at hand, open or not, where all names still stand for the same afterwards.
fn group_spans<'a>(
    analysis: &'a Analysis,
    group: &Group,
    new: &str,
) -> Result<Vec<(&'a MapFile, Vec<Span>)>, Fault> {
    let files: Vec<&MapFile> = analysis.maps.iter().map(AsRef::as_ref).collect();
    let library = Library::new(files.iter().map(|file| &file.map));
    let outline_of =
        |text: &str, map, library: &Library<'_>| fml::outline(text, map, library, &analysis.schema);
    let before: Vec<Outline> = files
        .iter()
        .map(|file| fml::outline(file.text.as_str(), &file.map, &library, &analysis.schema))
        .collect();
    let spans: Vec<Vec<Span>> =
        files.iter().zip(&before).map(|(file, outline)| spans_in(file, outline, group)).collect();
    let is_declared = |map: &fml::Map| map.groups.iter().any(|known| known.name.text == new);
    let touched = files.iter().zip(&spans).filter(|(_, spans)| !spans.is_empty());
    if touched.clone().any(|(file, _)| is_declared(&file.map)) {
        return Err(refused("the name is taken"));
    }
    let texts: Vec<String> =
        files.iter().zip(&spans).map(|(file, spans)| replaced(file.text.as_str(), spans, new)).collect();
    let parsed: Vec<fml::Parsed> = texts.iter().map(|text| fml::parse(text)).collect();
    let after = Library::new(parsed.iter().map(|parsed| &parsed.map));
    for (at, (file, text)) in files.iter().zip(&texts).enumerate() {
        let (Some(parsed), Some(was)) = (parsed.get(at), before.get(at)) else { continue };
        let is = outline_of(text, &parsed.map, &after);
        let names = Some((group, new));
        if meanings(was, names) != meanings(&is, None) || parsed.issues.len() > file.issues.len() {
            return Err(changed_meaning());
        }
    }
    Ok(files.into_iter().zip(spans).filter(|(_, spans)| !spans.is_empty()).collect())
}

/// Where a map names a group.
fn spans_in(file: &MapFile, outline: &Outline, group: &Group) -> Vec<Span> {
    let is_its_map = file.map.url.as_ref().is_some_and(|url| url.text == group.map);
    let named = |at: usize| {
        outline.declared.get(at).is_some_and(|it| it.kind == Kind::Group && it.name == group.name)
    };
    let is_it = |meaning: &Meaning| match meaning {
        Meaning::Declared(at) => is_its_map && named(*at),
        Meaning::Elsewhere { map, name, .. } => *map == group.map && *name == group.name,
        _ => false,
    };
    outline.marks.iter().filter(|mark| is_it(&mark.meaning)).map(|mark| mark.span).collect()
}

/// A text with another name at these places.
fn replaced(text: &str, spans: &[Span], new: &str) -> String {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let mut text = text.to_owned();
    for span in spans.iter().rev() {
        text.replace_range(span.start as usize..span.end as usize, new);
    }
    text
}

/// True where a name of the same kind is known at a place where the declared one is.
fn is_taken(outline: &Outline, at: usize, new: &str) -> bool {
    let family = |kind: Kind| match kind {
        Kind::Source | Kind::Target | Kind::Resource | Kind::Constant => 0,
        Kind::Group => 1,
        Kind::Codes => 2,
        Kind::Parameter => 3,
        Kind::ConceptMap => 4,
        Kind::Alias => 5,
    };
    let Some(own) = outline.declared.get(at) else { return false };
    outline.declared.iter().any(|it| {
        let meet = it.scope.start <= own.scope.end && own.scope.start <= it.scope.end;
        it.name == new && meet && family(it.kind) == family(own.kind)
    })
}

fn errors(analysis: &Analysis) -> usize {
    analysis.issues.iter().filter(|issue| issue.severity == Severity::Error).count()
}

/// What a name of a text stands for, apart from where that is.
#[derive(PartialEq, Eq)]
enum Stands {
    Declared(usize),
    Elsewhere(String, String),
    Other,
}

/// What every name of a text stands for, the group that is renamed by its new name.
fn meanings(outline: &Outline, names: Option<(&Group, &str)>) -> Vec<Stands> {
    let of = |meaning: &Meaning| match meaning {
        Meaning::Declared(at) => Stands::Declared(*at),
        Meaning::Elsewhere { map, name, .. } => {
            let new = names.filter(|(group, _)| group.map == *map && group.name == *name);
            Stands::Elsewhere(map.clone(), new.map_or_else(|| name.clone(), |(_, new)| new.to_owned()))
        }
        _ => Stands::Other,
    };
    outline.marks.iter().map(|mark| of(&mark.meaning)).collect()
}
