//! FHIR XML as the tree that FHIR JSON gives.

use super::{
    Arc, Element, FHIR_URI, Flags, Form, HashMap, Issue, Kind, Name, NameTable, NodeId, Outcome, Shape, Tree,
    TypeId, element_of, line_ends, refuse, unknown, xml,
};
use crate::diag::Span;

/// Reads one resource from XML.
///
/// # Errors
/// As for [`xml::read`], and where the text is not of the form that FHIR gives to XML: an element that the
/// definitions do not have, text where none may stand, an element twice that may stand once.
pub fn read_xml(text: &str, names: &Arc<NameTable>, shape: &dyn Shape) -> Result<Tree, Box<Issue>> {
    let mut tree = xml::read(text, names)?;
    let root = NodeId::ROOT;
    check_namespace(&tree)?;
    let Some(ty) = shape.type_named(tree.name_text(root)) else {
        return Err(refuse(&tree, root, "the root element is no resource type"));
    };
    let (start, end) = tag_name(&tree, root);
    if tree.kind(root) == Kind::Str {
        return Err(refuse(&tree, root, "text may not stand here"));
    }
    Reader { tree: &mut tree, shape, found: Vec::new() }.element(root, ty, false)?;
    // The name of the root says the type; a leaf of that name must come first.
    let children: Vec<NodeId> = tree.children(root).collect();
    let leaf = tree.push(root, Name::RESOURCE_TYPE, Kind::Str, Flags::default());
    tree.set_spans(leaf, start, start, end);
    tree.set_text_range(leaf, start, end);
    let children: Vec<NodeId> = std::iter::once(leaf).chain(children).collect();
    tree.set_children(root, &children);
    tree.set_name(root, Name::NONE);
    Ok(tree)
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
}

impl Reader<'_> {
    /// Makes the children of an element those of JSON. A primitive's value becomes its text.
    fn element(&mut self, id: NodeId, ty: TypeId, primitive: bool) -> Outcome<()> {
        let mark = self.found.len();
        let mut in_order = true;
        let mut before = (0, Name::NONE, false);
        let mut next = self.tree.first_child(id);
        while let Some(child) = next {
            next = self.tree.next_sibling(child);
            let Some(element) = self.child(id, child, ty, primitive)? else { continue };
            let name = self.tree.name(child);
            let rank = (element.order, name, element.list);
            in_order &= before.0 < rank.0 || (before == rank && element.list);
            before = rank;
            self.found.push(child);
        }
        let mut children = self.found.split_off(mark);
        if !in_order {
            self.regroup(&mut children)?;
        }
        self.tree.set_children(id, &children);
        Ok(())
    }

    /// Brings the items of each list together, where the first one stands.
    fn regroup(&self, children: &mut [NodeId]) -> Outcome<()> {
        let mut first: HashMap<Name, usize> = HashMap::new();
        for (at, child) in children.iter().enumerate() {
            if first.insert(self.tree.name(*child), at).is_some() && !self.tree.flags(*child).has(Flags::LIST)
            {
                return Err(refuse(self.tree, *child, "this element may stand only once"));
            }
        }
        first.clear();
        for (at, child) in children.iter().enumerate() {
            first.entry(self.tree.name(*child)).or_insert(at);
        }
        children.sort_by_key(|child| first.get(&self.tree.name(*child)).copied());
        Ok(())
    }

    /// One child; `None` where it has no node of its own in JSON.
    fn child(&mut self, id: NodeId, child: NodeId, ty: TypeId, primitive: bool) -> Outcome<Option<Element>> {
        match self.tree.kind(child) {
            Kind::Attr => self.attribute(id, child, ty, primitive),
            Kind::Text if self.tree.text(child).trim().is_empty() => Ok(None),
            Kind::Text => Err(refuse(self.tree, child, "text may not stand here")),
            Kind::Object | Kind::Str => {
                if self.tree.name_text(child) == "xhtml:div" {
                    self.tree.set_name(child, Name::DIV);
                }
                let Some(element) = element_of(self.shape, ty, self.tree.name_text(child), primitive) else {
                    return Err(unknown(self.tree, child, ty, self.shape));
                };
                if element.attribute {
                    return Err(refuse(self.tree, child, "this is written as an attribute"));
                }
                self.place(child, element);
                self.value(child, element)?;
                Ok(Some(element))
            }
            _ => Ok(None),
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
        ty: TypeId,
        primitive: bool,
    ) -> Outcome<Option<Element>> {
        let name = self.tree.name_text(child);
        let plain = name.strip_prefix('@').unwrap_or(name).to_owned();
        if plain == "xmlns" && id != NodeId::ROOT && self.tree.text(child) != FHIR_URI {
            return Err(refuse(self.tree, child, "an element of FHIR is in the namespace of FHIR"));
        }
        if plain == "xmlns" || plain.starts_with("xmlns:") || plain.starts_with("xsi:") {
            return Ok(None);
        }
        if primitive && plain == "value" {
            self.primitive_text(id, child);
            return Ok(None);
        }
        let element = element_of(self.shape, ty, &plain, primitive).filter(|element| element.attribute);
        let Some(element) = element else {
            let message = format!("there is no attribute `{plain}` here");
            return Err(refuse(self.tree, child, message));
        };
        let name = self.tree.intern(&plain);
        self.tree.set_name(child, name);
        self.tree.set_kind(child, Kind::Str);
        self.tree.add_flags(child, Flags::XML_ATTRIBUTE);
        self.place(child, element);
        Ok(Some(element))
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

    fn value(&mut self, id: NodeId, element: Element) -> Outcome<()> {
        if self.tree.kind(id) == Kind::Str && element.form != Form::Xhtml {
            if !self.tree.text(id).trim().is_empty() {
                return Err(refuse(self.tree, id, "text may not stand here"));
            }
            self.tree.set_kind(id, Kind::Object);
        }
        match element.form {
            Form::Object => self.element(id, element.ty, false),
            Form::Xhtml => {
                self.narrative(id);
                Ok(())
            }
            Form::Resource => self.resource(id),
            Form::Str | Form::Number | Form::Bool => {
                self.element(id, element.ty, true)?;
                self.primitive_kind(id, element.form)
            }
        }
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
        // Any other text stays a string, which JSON can hold and the validator reports.
        let kind = match form {
            Form::Number if is_number(&text) => Kind::Number,
            Form::Bool if matches!(text.as_ref(), "true" | "false") => Kind::Bool,
            _ => return Ok(()),
        };
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

    /// An element that holds a whole resource: the element inside it becomes its `resourceType`.
    fn resource(&mut self, id: NodeId) -> Outcome<()> {
        let silent = |kind: Kind| matches!(kind, Kind::Comment | Kind::Pi);
        let inner: Vec<NodeId> =
            self.tree.children(id).filter(|child| !silent(self.tree.kind(*child))).collect();
        let [inner] = inner[..] else {
            return Err(refuse(self.tree, id, "exactly one resource was expected in this element"));
        };
        let ty = self.shape.type_named(self.tree.name_text(inner));
        let Some(ty) = ty.filter(|_| self.tree.kind(inner) == Kind::Object) else {
            return Err(refuse(self.tree, inner, "a resource was expected here"));
        };
        self.element(inner, ty, false)?;
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
