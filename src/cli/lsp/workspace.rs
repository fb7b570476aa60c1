//! The documents that are open, what lies beside them, and what is known of them.

use super::analysis::{Analysis, MapFile};
use super::text::{Encoding, Text};
use crate::cli::lens::LensFile;
use crate::cli::map::ENDINGS;
use crate::diag::{Issue, Span, codes};
use crate::mapping::fml;
use crate::mapping::units::schema;
use crate::schema::Schema;
use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Bytes of one document; a greater one is not looked into.
pub(super) const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Documents that are open at once.
pub(super) const DOCUMENTS_MAX: usize = 1_000;
/// Maps beside a map that are read to find what it imports.
const NEIGHBOURS_MAX: usize = 500;
/// Entries of one folder that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// A lens.
    Lens,
    /// A map of the FHIR Mapping Language.
    Map,
    /// A FHIRPath expression.
    Path,
}

impl Language {
    /// By the ending of the file, else by what the client calls it.
    fn of(uri: &str, called: &str) -> Option<Self> {
        let ending =
            uri.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
        let of_word = |word: &str| match word {
            "lens" => Some(Self::Lens),
            "fhirpath" => Some(Self::Path),
            _ => ENDINGS.contains(&word).then_some(Self::Map),
        };
        of_word(ending).or_else(|| of_word(called))
    }
}

/// One open document.
#[derive(Debug)]
pub(super) struct Document {
    /// As the client names it.
    pub(super) uri: String,
    /// Its file, where it is one.
    pub(super) path: Option<PathBuf>,
    /// Its language.
    pub(super) language: Language,
    /// As the client counts.
    pub(super) version: i32,
    /// Its text; empty where that is over the limit.
    pub(super) text: Text,
    /// It is over [`DOCUMENT_BYTES_MAX`] since the last time that all of it was sent.
    pub(super) is_over: bool,
    known: RefCell<Option<Rc<Analysis>>>,
}

impl Document {
    /// The folder it lies in.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.path.as_ref().and_then(|path| path.parent()).map(Path::to_owned)
    }

    /// The lens that a text of this document is.
    pub(super) fn lens(&self, text: &str) -> LensFile {
        LensFile::of_text(String::new(), text.to_owned(), self.folder())
    }
}

/// Everything that is open.
#[derive(Debug)]
pub(super) struct Workspace {
    /// How positions are counted.
    pub(super) encoding: Encoding,
    documents: BTreeMap<String, Document>,
    schemas: RefCell<HashMap<PathBuf, Result<Schema, Box<Issue>>>>,
    maps: RefCell<HashMap<PathBuf, ReadMap>>,
}

/// A map that was read, and when its file was changed before that.
type ReadMap = (Option<SystemTime>, Rc<MapFile>);

impl Workspace {
    /// Nothing is open.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, documents: BTreeMap::new(), schemas: RefCell::default(), maps: RefCell::default() }
    }

    /// An open document.
    pub(super) fn document(&self, uri: &str) -> Option<&Document> {
        self.documents.get(uri)
    }

    /// Opens a document; false where its language is not known or too many are open.
    pub(super) fn open(&mut self, item: TextDocumentItem) -> bool {
        let uri = item.uri.as_str().to_owned();
        let Some(language) = Language::of(&uri, &item.language_id) else { return false };
        if self.documents.len() >= DOCUMENTS_MAX && !self.documents.contains_key(&uri) {
            return false;
        }
        let is_over = item.text.len() > DOCUMENT_BYTES_MAX;
        let text = if is_over { String::new() } else { item.text };
        let document = Document {
            path: path_of(&uri),
            uri: uri.clone(),
            language,
            version: item.version,
            text: Text::new(text, self.encoding),
            is_over,
            known: RefCell::default(),
        };
        self.documents.insert(uri, document);
        self.forget();
        true
    }

    /// Changes a document; false where it is not open.
    pub(super) fn change(
        &mut self,
        uri: &str,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) -> bool {
        let encoding = self.encoding;
        let Some(document) = self.documents.get_mut(uri) else { return false };
        document.version = version;
        for change in changes {
            // A change to a text that is not at hand cannot be made; the whole text can be sent.
            if document.is_over && change.range.is_some() {
                continue;
            }
            document.is_over = !document.text.change(&change, DOCUMENT_BYTES_MAX);
            if document.is_over {
                document.text = Text::new(String::new(), encoding);
            }
        }
        self.forget();
        true
    }

    /// Closes a document; false where it was not open.
    pub(super) fn close(&mut self, uri: &str) -> bool {
        let found = self.documents.remove(uri).is_some();
        self.forget();
        found
    }

    /// Files may have changed: what was read of them is read again.
    pub(super) fn files_changed(&mut self) {
        self.schemas.borrow_mut().clear();
        self.maps.borrow_mut().clear();
        self.forget();
    }

    /// A map may be imported by any other, so what is known of one depends on all.
    fn forget(&mut self) {
        for document in self.documents.values_mut() {
            document.known.replace(None);
        }
    }

    /// The documents that a change of one concerns: maps know each other.
    pub(super) fn concerned(&self, uri: &str) -> Vec<String> {
        let language = self.documents.get(uri).map(|document| document.language);
        let others = self
            .documents
            .values()
            .filter(|it| it.uri == uri || (language == Some(Language::Map) && it.language == Language::Map));
        others.map(|document| document.uri.clone()).collect()
    }

    /// All open documents by name.
    pub(super) fn all(&self) -> Vec<String> {
        self.documents.keys().cloned().collect()
    }

    /// What is known of a document.
    pub(super) fn analysis(&self, document: &Document) -> Rc<Analysis> {
        if let Some(known) = &*document.known.borrow() {
            return Rc::clone(known);
        }
        let made = Rc::new(self.analysis_of(document, document.text.as_str()));
        document.known.replace(Some(Rc::clone(&made)));
        made
    }

    /// What would be known of a document if this were its text.
    pub(super) fn analysis_of(&self, document: &Document, text: &str) -> Analysis {
        if document.is_over {
            let message = format!("the document is over {DOCUMENT_BYTES_MAX} bytes and is not looked into");
            return Analysis::bare(schema().clone(), Issue::error(codes::LIMIT, Span::default(), message));
        }
        match document.language {
            Language::Lens => Analysis::lens(&document.lens(text), self.schema(document)),
            Language::Map => {
                let mut maps = vec![self.own_map(document, text)];
                maps.extend(self.neighbours(document));
                Analysis::map(maps)
            }
            Language::Path => Analysis::path(text),
        }
    }

    /// The definitions for a lens: those of its folder too.
    fn schema(&self, document: &Document) -> Result<Schema, Box<Issue>> {
        let Some(folder) = document.folder() else { return Ok(schema().clone()) };
        let mut schemas = self.schemas.borrow_mut();
        let read = || document.lens("").schema().map(std::borrow::Cow::into_owned);
        let wrong = |stop: crate::cli::console::Stop| {
            let issue = Issue::error(codes::DEFINITION_SHAPE, Span::default(), stop.to_string());
            Box::new(issue.with_help(stop.help()))
        };
        schemas.entry(folder).or_insert_with(|| read().map_err(wrong)).clone()
    }

    fn own_map(&self, document: &Document, text: &str) -> Rc<MapFile> {
        Rc::new(MapFile::new(&document.uri, Text::new(text.to_owned(), self.encoding)))
    }

    /// The maps beside a document: those that are open, and those in its folder.
    fn neighbours(&self, document: &Document) -> Vec<Rc<MapFile>> {
        let open =
            self.documents.values().filter(|it| it.language == Language::Map && it.uri != document.uri);
        let mut found: Vec<Rc<MapFile>> = open.map(|it| self.own_map(it, it.text.as_str())).collect();
        let is_open = |path: &Path| self.documents.values().any(|it| it.path.as_deref() == Some(path));
        let entries = document.folder().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.take(ENTRIES_MAX).flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
            ENDINGS.contains(&ending) && !is_open(path)
        });
        paths.sort_unstable();
        found.extend(paths.into_iter().take(NEIGHBOURS_MAX).filter_map(|path| self.read_map(path)));
        found
    }

    /// A map of the folder, read again where its file changed.
    fn read_map(&self, path: PathBuf) -> Option<Rc<MapFile>> {
        let facts = fs::metadata(&path).ok()?;
        let (changed, length) = (facts.modified().ok(), usize::try_from(facts.len()).unwrap_or(usize::MAX));
        let mut maps = self.maps.borrow_mut();
        if let Some((known, map)) = maps.get(&path)
            && *known == changed
        {
            return Some(Rc::clone(map));
        }
        let text = Some(length).filter(|length| *length <= DOCUMENT_BYTES_MAX);
        let text = text.and_then(|_| fs::read_to_string(&path).ok())?;
        let map = Rc::new(MapFile::new(&uri_of(&path), Text::new(text, self.encoding)));
        maps.insert(path, (changed, Rc::clone(&map)));
        Some(map)
    }
}

impl MapFile {
    fn new(uri: &str, text: Text) -> Self {
        let parsed = fml::parse(text.as_str());
        Self { uri: uri.to_owned(), text, map: parsed.map, issues: parsed.issues }
    }
}

/// The file of a `file:` url.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.get(rest.find('/')?..)?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let [first, after @ ..] = left {
        let escaped = Some(after).filter(|_| *first == b'%').and_then(|after| after.get(..2));
        let decoded = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        (bytes, left) = match decoded {
            Some(byte) => (pushed(bytes, byte), after.get(2..).unwrap_or(&[])),
            None => (pushed(bytes, *first), after),
        };
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/c:/folder` of Windows has no slash before its drive.
    let is_drive = path.get(2..3) == Some(":") && cfg!(windows);
    Some(PathBuf::from(if is_drive { path.get(1..)?.to_owned() } else { path }))
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

/// The `file:` url of a file.
pub(super) fn uri_of(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    let text = path.to_string_lossy().replace('\\', "/");
    if !text.starts_with('/') {
        uri.push('/');
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_files_are_one() {
        let check = |uri: &str, path: &str| {
            assert_eq!(path_of(uri), Some(PathBuf::from(path)), "{uri}");
            assert_eq!(uri_of(Path::new(path)), uri);
        };
        check("file:///a/b%20c/%C3%A4.lens", "/a/b c/ä.lens");
        assert_eq!(path_of("untitled:Untitled-1"), None);
        assert_eq!(path_of("file:///a%zz%"), Some(PathBuf::from("/a%zz%")));
    }

    #[test]
    fn the_ending_tells_the_language() {
        assert_eq!(Language::of("file:///a/unit.lens", "plaintext"), Some(Language::Lens));
        assert_eq!(Language::of("untitled:1", "fhirpath"), Some(Language::Path));
        assert_eq!(Language::of("file:///a/plan.json", "json"), None);
    }
}
