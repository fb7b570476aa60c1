//! FHIR XML as the tree that FHIR JSON gives.

use super::unknown::{is_declaration, may_name_attribute, may_name_element, may_name_resource, refused};
use super::{
    ANY_RESOURCE, Arc, Element, FHIR_URI, Flags, Form, HashMap, Issue, Kind, Name, NameTable, NodeId,
    Outcome, Shape, Tree, TypeId, element_of, known_name, line_ends, refuse, xml,
};
use crate::diag::Span;

/// Reads one resource from XML. Elements and attributes that the definitions do not have are kept (see [`super`]).
///
/// # Errors
/// As for [`xml::read`], and where the text is not of the form that FHIR gives to XML: an element of another
/// namespace, text where none may stand, an element twice that may stand once.
pub fn read_xml(text: &str, names: &Arc<NameTable>, shape: &dyn Shape) -> Result<Tree, Box<Issue>> {
    read(text, names, shape, None).map(|(tree, _)| tree)
}

/// As [`read_xml`], but what has not the form of FHIR is left out and listed, at most [`FAULTS_MAX`] times, so that all
/// that is wrong with a document can be told at once. The tree is not what the document says; it is for checks alone.
///
/// # Errors
/// As for [`xml::read`], where the root is no resource, and what is wrong beyond [`FAULTS_MAX`].
pub fn read_xml_with_faults(
    text: &str,
    names: &Arc<NameTable>,
    shape: &dyn Shape,
) -> Result<(Tree, Vec<Issue>), Box<Issue>> {
    read(text, names, shape, Some(Vec::new()))
}

/// What [`read_xml_with_faults`] lists of one document.
pub const FAULTS_MAX: usize = 1_000;

fn read(
    text: &str,
    names: &Arc<NameTable>,
    shape: &dyn Shape,
    faults: Option<Vec<Issue>>,
) -> Result<(Tree, Vec<Issue>), Box<Issue>> {
    let mut tree = xml::read(text, names)?;
    let root = NodeId::ROOT;
    check_namespace(&tree)?;
    let Some(ty) = shape.type_named(tree.name_text(root)) else {
        return Err(refuse(&tree, root, "the root element is no resource type"));
    };
    if tree.kind(root) == Kind::Str {
        return Err(refuse(&tree, root, "text may not stand here"));
    }
    let mut reader = Reader { tree: &mut tree, shape, found: Vec::new(), plain_is_fhir: false, faults };
    reader.element(root, Some(ty), false)?;
    let faults = reader.faults.unwrap_or_default();
    lead_with_type(&mut tree, root);
    tree.set_name(root, Name::NONE);
    Ok((tree, faults))
}

/// The name of the element that a resource is says the type; in JSON a leaf of its own does, which must come first.
fn lead_with_type(tree: &mut Tree, id: NodeId) {
    let (start, end) = tag_name(tree, id);
    let children: Vec<NodeId> = tree.children(id).collect();
    let leaf = tree.push(id, Name::RESOURCE_TYPE, Kind::Str, Flags::default());
    tree.set_spans(leaf, start, start, end);
    tree.set_text_range(leaf, start, end);
    let children: Vec<NodeId> = std::iter::once(leaf).chain(children).collect();
    tree.set_children(id, &children);
}

/// The root element must be in the namespace of FHIR.
fn check_namespace(tree: &Tree) -> Outcome<()> {
    let (start, end) = tag_name(tree, NodeId::ROOT);
    let tag = tree.source().get(tree.span(NodeId::ROOT).start as usize + 1..end).unwrap_or("");
    let declared = match tag.len().checked_sub(end - start + 1) {
        Some(prefix) => format!("@xmlns:{}", tag.get(..prefix).unwrap_or("")),
        None => "@xmlns".to_owned(),
    };
    if tree.child_text(NodeId::ROOT, &declared).is_some_and(|uri| uri == FHIR_URI) {
        return Ok(());
    }
    let issue = refuse(tree, NodeId::ROOT, "the root element is not in the namespace of FHIR");
    Err(Box::new(issue.with_help(format!("declare xmlns=\"{FHIR_URI}\" on it"))))
}

/// The range of the local name in the start tag of an element.
fn tag_name(tree: &Tree, id: NodeId) -> (usize, usize) {
    let start = tree.span(id).start as usize + 1;
    let tag = tree.source().get(start..).unwrap_or("");
    let length = tag.find(|sign| !xml::is_name_char(sign)).unwrap_or(0);
    let prefix = tag[..length].find(':').map_or(0, |colon| colon + 1);
    (start + prefix, start + length)
}

struct Reader<'a> {
    tree: &'a mut Tree,
    shape: &'a dyn Shape,
    /// Children found so far of the elements that are open, innermost last.
    found: Vec<NodeId>,
    /// Names without a prefix are in the namespace of FHIR here.
    plain_is_fhir: bool,
    /// What was wrong so far; none where the first fault ends the reading.
    faults: Option<Vec<Issue>>,
}

/// What a child of an element is.
enum Found {
    /// Nothing that has a node of its own in JSON.
    Nothing,
    /// An element or attribute of the definitions.
    Known(Element),
    /// Several resources in one element, each an item of its list.
    Items(Element, Vec<NodeId>),
    /// An element or attribute that the definitions do not have.
    Unknown,
}

impl Reader<'_> {
    /// Makes the children of an element those of JSON. A primitive's value becomes its text.
    fn element(&mut self, id: NodeId, ty: Option<TypeId>, primitive: bool) -> Outcome<()> {
        let (mark, outside) = (self.found.len(), self.plain_is_fhir);
        let (mut in_order, mut all_known) = (true, true);
        let mut before = (0, Name::NONE, false);
        let mut next = self.tree.first_child(id);
        while let Some(child) = next {
            next = self.tree.next_sibling(child);
            let (mark, inside) = (self.found.len(), self.plain_is_fhir);
            let found = match self.child(id, child, ty, primitive) {
                Ok(found) => found,
                Err(issue) => {
                    self.fault(issue)?;
                    self.found.truncate(mark);
                    self.plain_is_fhir = inside;
                    continue;
                }
            };
            match &found {
                Found::Nothing => continue,
                Found::Known(element) | Found::Items(element, _) => {
                    let name = self.tree.name(child);
                    let rank = (element.order, name, element.list);
                    in_order &= before.0 < rank.0 || (before == rank && element.list);
                    before = rank;
                }
                Found::Unknown => all_known = false,
            }
            match found {
                Found::Items(_, items) => self.found.extend(items),
                Found::Nothing | Found::Known(_) | Found::Unknown => self.found.push(child),
            }
        }
        self.plain_is_fhir = outside;
        let mut children = self.found.split_off(mark);
        if !(in_order && all_known) {
            self.regroup(&mut children)?;
        }
        if !all_known {
            self.rank_unknown(&children);
        }
        self.tree.set_children(id, &children);
        Ok(())
    }

    /// Notes a fault where that is asked for; otherwise it ends the reading.
    fn fault(&mut self, issue: Box<Issue>) -> Outcome<()> {
        match &mut self.faults {
            Some(faults) if faults.len() < FAULTS_MAX => {
                faults.push(*issue);
                Ok(())
            }
            Some(_) | None => Err(issue),
        }
    }

    /// Brings the items of each list together, where the first one stands. Unknown elements of one name are a list.
    fn regroup(&mut self, children: &mut [NodeId]) -> Outcome<()> {
        let mut first: HashMap<Name, usize> = HashMap::new();
        for (at, child) in children.iter().enumerate() {
            let earlier = *first.entry(self.tree.name(*child)).or_insert(at);
            if earlier == at {
                continue;
            }
            let unknown = [children[earlier], *child].map(|id| self.tree.order(id) == 0);
            if unknown[0] != unknown[1] {
                return Err(refuse(self.tree, *child, "this stands as an attribute and as an element"));
            }
            if unknown[1] {
                self.tree.add_flags(children[earlier], Flags::LIST);
                self.tree.add_flags(*child, Flags::LIST);
            } else if !self.tree.flags(*child).has(Flags::LIST) && self.faults.is_none() {
                // Who asks for all faults counts the elements.
                return Err(refuse(self.tree, *child, "this element may stand only once"));
            }
        }
        children.sort_by_key(|child| first.get(&self.tree.name(*child)).copied());
        Ok(())
    }

    /// Gives what the definitions do not have the rank of what it stands behind, as [`super::sort`] does.
    fn rank_unknown(&mut self, children: &[NodeId]) {
        let mut before = 0;
        for child in children {
            match self.tree.order(*child) {
                0 => self.tree.set_order(*child, before),
                order => before = order,
            }
        }
    }

    fn child(&mut self, id: NodeId, child: NodeId, ty: Option<TypeId>, primitive: bool) -> Outcome<Found> {
        match self.tree.kind(child) {
            Kind::Attr => self.attribute(id, child, ty, primitive),
            Kind::Text if self.tree.text(child).trim().is_empty() => Ok(Found::Nothing),
            Kind::Text => Err(refuse(self.tree, child, "text may not stand here")),
            Kind::Object | Kind::Str => {
                let is_narrative = self.tree.name_text(child) == "xhtml:div";
                if is_narrative {
                    self.tree.set_name(child, Name::DIV);
                }
                let known = element_of(self.shape, ty, self.tree.name_text(child), primitive);
                match known.filter(|element| ty.is_some() || !element.attribute) {
                    Some(element) => self.known(child, element),
                    None if is_narrative => {
                        self.narrative(child);
                        Ok(Found::Unknown)
                    }
                    None => self.unknown(child, ty),
                }
            }
            _ => Ok(Found::Nothing),
        }
    }

    fn known(&mut self, id: NodeId, element: Element) -> Outcome<Found> {
        if element.attribute {
            return Err(refuse(self.tree, id, "this is written as an attribute"));
        }
        self.place(id, element);
        self.value(id, element)
    }

    /// An element that the definitions do not have, as JSON holds it: a text where it has the form of a primitive,
    /// otherwise an object.
    fn unknown(&mut self, id: NodeId, ty: Option<TypeId>) -> Outcome<Found> {
        self.check_own(id)?;
        if !may_name_element(self.tree.name_text(id)) {
            return Err(refused(self.tree, id, ty, self.shape));
        }
        self.without_text(id)?;
        let outside = self.plain_is_fhir;
        if let [inner] = self.held(id)?[..]
            && self.tree.kind(inner) == Kind::Object
            && self.shape.type_named(self.tree.name_text(inner)).is_some()
        {
            self.resource(id, inner)?;
            self.plain_is_fhir = outside;
            return Ok(Found::Unknown);
        }
        self.plain_is_fhir = outside;
        let primitive = is_primitive(self.tree, id);
        self.element(id, None, primitive)?;
        if primitive && self.tree.name(id) == Name::DIV {
            // JSON knows a narrative by its name alone.
            self.tree.set_kind(id, Kind::Xhtml);
        }
        Ok(Found::Unknown)
    }

    /// An element must be in the namespace of FHIR. One with the prefix of another has it in its name.
    fn check_own(&self, id: NodeId) -> Outcome<()> {
        let prefixed = tag_name(self.tree, id).0 > self.tree.span(id).start as usize + 1;
        let mut attributes = self.tree.children(id).take_while(|child| self.tree.kind(*child) == Kind::Attr);
        let own = if prefixed {
            !self.tree.name_text(id).contains(':')
        } else {
            // A declaration of any other namespace is refused where it is read.
            self.plain_is_fhir || attributes.any(|attribute| self.tree.name_text(attribute) == "@xmlns")
        };
        if own {
            Ok(())
        } else {
            Err(refuse(self.tree, id, "an element of another namespace may not stand here"))
        }
    }

    fn place(&mut self, child: NodeId, element: Element) {
        self.tree.set_order(child, element.order);
        if element.list {
            self.tree.add_flags(child, Flags::LIST);
        }
    }

    fn attribute(
        &mut self,
        id: NodeId,
        child: NodeId,
        ty: Option<TypeId>,
        primitive: bool,
    ) -> Outcome<Found> {
        let name = self.tree.name_text(child);
        let plain = name.strip_prefix('@').unwrap_or(name).to_owned();
        if is_declaration(name) {
            self.declaration(id, child)?;
            return Ok(Found::Nothing);
        }
        if primitive && plain == "value" {
            self.primitive_text(id, child);
            return Ok(Found::Nothing);
        }
        let element = element_of(self.shape, ty, &plain, primitive).filter(|element| element.attribute);
        if element.is_none() && !may_name_attribute(&plain) {
            let name = known_name(self.tree, &plain).unwrap_or_else(|| "of this name".to_owned());
            return Err(refuse(self.tree, child, format!("there is no attribute {name} here")));
        }
        self.tree.set_kind(child, Kind::Str);
        self.tree.add_flags(child, Flags::XML_ATTRIBUTE);
        let Some(element) = element else { return Ok(Found::Unknown) };
        let name = self.tree.intern(&plain);
        self.tree.set_name(child, name);
        self.place(child, element);
        Ok(Found::Known(element))
    }

    /// A declaration of namespaces. Below the root, whose namespace was checked, names without a prefix may change
    /// only to that of FHIR.
    fn declaration(&mut self, id: NodeId, attribute: NodeId) -> Outcome<()> {
        if self.tree.name_text(attribute) != "@xmlns" {
            return Ok(());
        }
        self.plain_is_fhir = self.tree.text(attribute) == FHIR_URI;
        if id == NodeId::ROOT || self.plain_is_fhir {
            return Ok(());
        }
        Err(refuse(self.tree, attribute, "an element of FHIR is in the namespace of FHIR"))
    }

    /// Gives a primitive the text of its attribute `value`.
    fn primitive_text(&mut self, id: NodeId, value: NodeId) {
        let Span { start, end } = self.tree.text_span(value);
        self.tree.set_text_range(id, start as usize, end as usize);
        self.tree.add_flags(id, Flags::XML_ATTRIBUTE);
        if self.tree.flags(value).has(Flags::XML_ESCAPES) {
            self.tree.add_flags(id, Flags::XML_ESCAPES);
        }
        self.tree.set_kind(id, Kind::Str);
    }

    fn value(&mut self, id: NodeId, element: Element) -> Outcome<Found> {
        if element.form != Form::Xhtml {
            self.without_text(id)?;
        }
        match element.form {
            Form::Object => self.element(id, Some(element.ty), false)?,
            Form::Xhtml => self.narrative(id),
            Form::Resource => return self.resources(id, element),
            Form::Str | Form::Number | Form::Bool => {
                self.element(id, Some(element.ty), true)?;
                self.primitive_kind(id, element.form)?;
            }
        }
        Ok(Found::Known(element))
    }

    /// An element that holds nothing but white space holds nothing.
    fn without_text(&mut self, id: NodeId) -> Outcome<()> {
        if self.tree.kind(id) == Kind::Str {
            if !self.tree.text(id).trim().is_empty() {
                return Err(refuse(self.tree, id, "text may not stand here"));
            }
            self.tree.set_kind(id, Kind::Object);
        }
        Ok(())
    }

    fn primitive_kind(&mut self, id: NodeId, form: Form) -> Outcome<()> {
        if self.tree.kind(id) == Kind::Object {
            if self.tree.first_child(id).is_none() {
                return Err(refuse(self.tree, id, "an element has a value, an id or extensions"));
            }
            self.tree.set_kind(id, Kind::Null);
            return Ok(());
        }
        let text = self.tree.text(id);
        let kind = kind_of(form, &text);
        if kind == Kind::Str {
            return Ok(());
        }
        if self.tree.flags(id).has(Flags::XML_ESCAPES) {
            let text = text.into_owned();
            self.tree.set_read_text(id, &text);
        }
        self.tree.set_kind(id, kind);
        Ok(())
    }

    /// The markup of a narrative as one text, which must say its namespace itself.
    fn narrative(&mut self, id: NodeId) {
        let Span { start, end } = self.tree.span(id);
        self.tree.drop_flags(id, Flags::XML_ESCAPES);
        self.tree.set_text_range(id, start as usize, end as usize);
        let (_, name_end) = tag_name(self.tree, id);
        let tag = self.tree.source().get(start as usize + 1..name_end).unwrap_or("").to_owned();
        let declared = match tag.split_once(':') {
            Some((prefix, _)) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        let missing = self.tree.child_str(id, &format!("@{declared}")).is_none();
        let raw = self.tree.raw_text(id);
        if missing || raw.contains('\r') {
            let rest = line_ends(raw.get(tag.len() + 1..).unwrap_or(""));
            let uri =
                if missing { format!(" {declared}=\"http://www.w3.org/1999/xhtml\"") } else { String::new() };
            let text = format!("<{tag}{uri}{rest}");
            self.tree.set_read_text(id, &text);
        }
        self.tree.set_kind(id, Kind::Xhtml);
        self.tree.set_children(id, &[]);
    }

    /// An element that holds a resource. FHIR writes one in each, but where several stand in one that may repeat it
    /// is plain what is meant.
    fn resources(&mut self, id: NodeId, element: Element) -> Outcome<Found> {
        let outside = self.plain_is_fhir;
        let held = self.held(id)?;
        let found = match held[..] {
            [inner] => {
                self.resource(id, inner)?;
                Found::Known(element)
            }
            [_, _, ..] if element.list => {
                for item in &held {
                    self.content(*item)?;
                    lead_with_type(self.tree, *item);
                    self.tree.set_name(*item, self.tree.name(id));
                    self.place(*item, element);
                }
                Found::Items(element, held)
            }
            _ => return Err(refuse(self.tree, id, "exactly one resource was expected in this element")),
        };
        self.plain_is_fhir = outside;
        Ok(found)
    }

    /// What stands in an element beside comments and declarations.
    fn held(&mut self, id: NodeId) -> Outcome<Vec<NodeId>> {
        let mut held = Vec::new();
        let mut next = self.tree.first_child(id);
        while let Some(child) = next {
            next = self.tree.next_sibling(child);
            match self.tree.kind(child) {
                Kind::Comment | Kind::Pi => {}
                Kind::Text if self.tree.text(child).trim().is_empty() => {}
                Kind::Attr if is_declaration(self.tree.name_text(child)) => self.declaration(id, child)?,
                _ => held.push(child),
            }
        }
        Ok(held)
    }

    /// The element inside one that holds a resource becomes its `resourceType`.
    fn resource(&mut self, id: NodeId, inner: NodeId) -> Outcome<()> {
        self.content(inner)?;
        let mut children = vec![inner];
        children.extend(self.tree.children(inner));
        let (start, end) = tag_name(self.tree, inner);
        self.tree.set_children(inner, &[]);
        self.tree.set_name(inner, Name::RESOURCE_TYPE);
        self.tree.set_kind(inner, Kind::Str);
        self.tree.set_spans(inner, start, start, end);
        self.tree.set_text_range(inner, start, end);
        self.tree.set_children(id, &children);
        Ok(())
    }

    /// The content of the element that a resource is.
    fn content(&mut self, id: NodeId) -> Outcome<()> {
        let name = self.tree.name_text(id);
        let known = self.shape.type_named(name);
        let ty = known.or_else(|| self.shape.type_named(ANY_RESOURCE).filter(|_| may_name_resource(name)));
        let Some(ty) = ty.filter(|_| self.tree.kind(id) == Kind::Object) else {
            return Err(refuse(self.tree, id, "a resource was expected here"));
        };
        if known.is_none() {
            self.check_own(id)?;
        }
        self.element(id, Some(ty), false)
    }
}

/// True for an unknown element that has the form of a primitive: a value, and nothing else but an id and extensions.
fn is_primitive(tree: &Tree, id: NodeId) -> bool {
    let fits = |child: NodeId| match tree.kind(child) {
        Kind::Attr => {
            matches!(tree.name_text(child), "@value" | "@id") || is_declaration(tree.name_text(child))
        }
        Kind::Object | Kind::Str => match tree.name(child) {
            Name::EXTENSION => true,
            Name::ID => is_bare_value(tree, child) && tree.children_named(id, Name::ID).count() == 1,
            _ => false,
        },
        _ => true,
    };
    tree.child_str(id, "@value").is_some() && tree.children(id).all(fits)
}

/// True for an element with a value and nothing else, as the id of an element is sometimes written.
fn is_bare_value(tree: &Tree, id: NodeId) -> bool {
    let mut children = tree.children(id);
    children.next().is_some_and(|child| tree.name_text(child) == "@value") && children.next().is_none()
}

/// What the text of a primitive is. One that does not have the form of its element stays a string, which JSON can hold
/// and the validator reports.
pub(super) fn kind_of(form: Form, text: &str) -> Kind {
    match form {
        Form::Number if is_number(text) => Kind::Number,
        Form::Bool if matches!(text, "true" | "false") => Kind::Bool,
        _ => Kind::Str,
    }
}

/// True for a number as JSON writes it.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(text, rest)| (text, Some(rest)));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
