//! Maps that are at hand together, so that what one imports is found among the others.

use super::model::{Group, Map};
use std::collections::{HashMap, HashSet};

/// Maps that know each other.
#[derive(Debug, Default)]
pub struct Library<'m> {
    maps: Vec<&'m Map>,
    /// The number of each map, by where it is kept.
    by_address: HashMap<usize, usize>,
    by_url: HashMap<&'m str, Vec<usize>>,
    by_group: HashMap<&'m str, Vec<(usize, &'m Group)>>,
    /// What each `imports` of the maps names.
    imports: HashMap<&'m str, Vec<usize>>,
}

/// What a map can call: its own groups and those of all it imports, directly or through others.
#[derive(Debug)]
pub struct Reach {
    /// For each map of the library whether it is reached.
    maps: Vec<bool>,
    /// Whether they may import maps that are not in the library.
    pub is_open: bool,
}

impl Reach {
    /// True for a map, by its number in the library, that is reached through imports.
    pub fn has(&self, map: usize) -> bool {
        self.maps.get(map) == Some(&true)
    }
}

impl<'m> Library<'m> {
    /// A library of maps.
    pub fn new(maps: impl IntoIterator<Item = &'m Map>) -> Self {
        let mut library = Self::default();
        for map in maps {
            let at = library.maps.len();
            library.maps.push(map);
            library.by_address.entry(std::ptr::from_ref(map).addr()).or_insert(at);
            if let Some(url) = &map.url {
                library.by_url.entry(&url.text).or_default().push(at);
            }
            for group in &map.groups {
                library.by_group.entry(&group.name.text).or_default().push((at, group));
            }
        }
        for import in library.maps.iter().flat_map(|map| &map.imports) {
            if !library.imports.contains_key(import.as_str()) {
                let found = library.search(&import.text);
                library.imports.insert(&import.text, found);
            }
        }
        library
    }

    /// The maps that an `imports` names; `*` stands for any characters.
    pub fn import(&self, url: &str) -> Vec<&'m Map> {
        self.imported(url).into_iter().filter_map(|at| self.maps.get(at).copied()).collect()
    }

    fn imported(&self, url: &str) -> Vec<usize> {
        self.imports.get(url).cloned().unwrap_or_else(|| self.search(url))
    }

    fn search(&self, url: &str) -> Vec<usize> {
        let url = url.split_once('|').map_or(url, |(url, _)| url);
        if !url.contains('*') {
            return self.by_url.get(url).cloned().unwrap_or_default();
        }
        let fits = |map: &Map| map.url.as_ref().is_some_and(|known| matches(url, &known.text));
        self.maps.iter().enumerate().filter(|(_, map)| fits(map)).map(|(at, _)| at).collect()
    }

    /// True for a map that others of the library import.
    pub fn is_imported(&self, map: &Map) -> bool {
        let Some(own) = self.number(map) else { return false };
        self.imports.values().flatten().any(|at| *at == own)
    }

    /// The maps that are reached through imports.
    pub fn reached<'a>(&'a self, reach: &'a Reach) -> impl Iterator<Item = &'m Map> + 'a {
        self.maps.iter().zip(&reach.maps).filter(|(_, reached)| **reached).map(|(map, _)| *map)
    }

    /// What a map of this library can call.
    pub fn reach(&self, map: &Map) -> Reach {
        let mut reach = Reach { maps: vec![false; self.maps.len()], is_open: false };
        let mut open: Vec<&Map> = vec![map];
        // Many maps import the same others.
        let mut urls: HashSet<&str> = HashSet::new();
        while let Some(map) = open.pop() {
            for import in &map.imports {
                if !urls.insert(import.as_str()) {
                    continue;
                }
                let found = self.imported(&import.text);
                // What else a wildcard means elsewhere cannot be known.
                reach.is_open |= found.is_empty() || import.text.contains('*');
                for at in found {
                    let seen = reach.maps.get_mut(at).is_none_or(|seen| std::mem::replace(seen, true));
                    if !seen {
                        open.extend(self.maps.get(at).copied());
                    }
                }
            }
        }
        reach
    }

    /// The group of a name that a map can call, its own first, with the map it stands in.
    pub fn group(&self, map: &'m Map, reach: &Reach, name: &str) -> Option<(&'m Map, &'m Group)> {
        let named = self.by_group.get(name).map_or(&[][..], |named| named);
        // A map with many groups calls many of them, so the own ones are looked up as well.
        let own = match self.number(map) {
            Some(own) => named.iter().find(|(at, _)| *at == own).map(|(_, group)| *group),
            None => map.group(name),
        };
        if let Some(group) = own {
            return Some((map, group));
        }
        let (at, group) = named.iter().find(|(at, _)| reach.maps.get(*at) == Some(&true))?;
        Some((self.maps.get(*at).copied()?, group))
    }

    fn number(&self, map: &Map) -> Option<usize> {
        self.by_address.get(&std::ptr::from_ref(map).addr()).copied()
    }

    /// The names of all groups that a map can call.
    pub fn group_names<'a>(&'a self, map: &'a Map, reach: &'a Reach) -> impl Iterator<Item = &'a str> {
        let reached = self.maps.iter().zip(&reach.maps).filter(|(_, reached)| **reached);
        let maps = std::iter::once(map).chain(reached.map(|(map, _)| *map));
        maps.flat_map(|map| map.groups.iter().map(|group| group.name.as_str()))
    }
}

/// True where a text fits a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = text.get(at + part.len()..).unwrap_or("");
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::fml::parse;

    #[test]
    fn a_wildcard_stands_for_any_characters() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("http://x/*3to4", "http://x/Account3to4", true);
        check("http://x/*3to4", "http://x/Account4to3", false);
        check("*a*b", "xaybzb", true);
        check("*a*b", "ab", true);
        check("a", "ab", false);
    }

    #[test]
    fn groups_are_found_through_imports() {
        let text = |url: &str, import: &str, group: &str| {
            format!("map \"{url}\" = \"m\"\n{import}\ngroup {group}(source a, target b) {{ a -> b; }}")
        };
        let a = parse(&text("a", "imports \"b*\"", "A")).map;
        let b = parse(&text("b1", "imports \"c\"", "B")).map;
        let c = parse(&text("c", "imports \"d\"", "C")).map;
        let library = Library::new([&a, &b, &c]);
        let reach = library.reach(&a);
        assert!(reach.is_open);
        assert!(library.group(&a, &reach, "C").is_some());
        assert!(library.group(&c, &library.reach(&c), "A").is_none());
        assert_eq!(library.import("b*").len(), 1);
        assert_eq!(library.group_names(&a, &reach).collect::<Vec<_>>(), ["A", "B", "C"]);
    }
}
