//! A resource as FHIR JSON or FHIR XML, its elements in the order of the definitions.

use super::read::kind_of;
use super::unknown::{is_plain_text, may_name_attribute, may_name_element, may_name_resource, refused};
use super::{
    Element, FHIR_URI, Flags, Form, Issue, Kind, Layout, Name, NodeId, Outcome, Shape, Tree, TypeId,
    child_type, element_of, json, ranked_children, refuse, resource_type_id, sort, xml,
};

/// Writes a resource as JSON; with a shape, the elements stand in the order of the definitions.
pub fn write_json(tree: &Tree, id: NodeId, shape: Option<&dyn Shape>, layout: Layout, out: &mut String) {
    match shape {
        Some(shape) if !is_sorted(tree, id, shape) => {
            let mut sorted = tree.clone();
            sort(&mut sorted, shape);
            json::write(&sorted, id, layout, out);
        }
        _ => json::write(tree, id, layout, out),
    }
}

/// True where sorting would change nothing, as for nearly all resources that a machine wrote.
fn is_sorted(tree: &Tree, id: NodeId, shape: &dyn Shape) -> bool {
    let mut open = vec![(id, resource_type_id(tree, id, shape))];
    while let Some((id, ty)) = open.pop() {
        let ranked = ranked_children(tree, id, ty, shape);
        if !ranked.iter().map(|(_, child, _)| *child).eq(tree.children(id)) {
            return false;
        }
        open.extend(
            ranked.iter().map(|(_, child, element)| (*child, child_type(tree, *child, *element, shape))),
        );
    }
    true
}

/// Writes a resource as XML.
///
/// # Errors
/// What XML cannot hold, with its path: a list in a list, an empty list, a null without extensions, a character
/// that XML does not have; without a definition also a number, `true` or `false`, a list of one, and whatever else
/// would be read as something it is not.
pub fn write_xml(
    tree: &Tree,
    id: NodeId,
    shape: &dyn Shape,
    layout: Layout,
    out: &mut String,
) -> Result<(), Box<Issue>> {
    let start = out.len();
    let written = Writer { tree, shape, layout, out }.resource(id, 0);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// The namespace of a narrative.
const XHTML_URI: &str = "http://www.w3.org/1999/xhtml";

struct Writer<'a> {
    tree: &'a Tree,
    shape: &'a dyn Shape,
    layout: Layout,
    out: &'a mut String,
}

type Ranked = (u16, NodeId, Option<Element>);

impl Writer<'_> {
    fn resource(&mut self, id: NodeId, depth: usize) -> Outcome<()> {
        let tree = self.tree;
        let name = tree.resource_type(id).unwrap_or_default();
        let named = tree.child(id, Name::RESOURCE_TYPE).is_some_and(|leaf| is_plain_text(tree, leaf));
        let known = self.shape.type_named(&name).is_some();
        // Only inside another resource can one of unknown type be told from any other document.
        let may_stand = named && (known || (depth > 0 && may_name_resource(&name)));
        let Some(ty) = resource_type_id(tree, id, self.shape).filter(|_| may_stand) else {
            return Err(refuse(tree, id, "the type of this resource is not known"));
        };
        self.out.extend(["<", &name]);
        if depth == 0 {
            self.out.extend([" xmlns=\"", FHIR_URI, "\""]);
        }
        self.content(id, Some(ty), &name, depth)
    }

    /// Attributes and children of an element whose start tag is open, and its end.
    fn content(&mut self, id: NodeId, ty: Option<TypeId>, name: &str, depth: usize) -> Outcome<()> {
        let tree = self.tree;
        let mut children = ranked_children(tree, id, ty, self.shape);
        if ty.is_some() && resource_type_id(tree, id, self.shape) == ty {
            children.retain(|(_, child, _)| tree.name(*child) != Name::RESOURCE_TYPE);
        }
        let mut is_empty = true;
        for ranked in &children {
            if is_attribute(tree, ty, ranked) {
                self.attribute_of(id, ty, ranked)?;
            } else {
                is_empty = false;
            }
        }
        if is_empty {
            self.out.push_str("/>");
            return Ok(());
        }
        self.out.push('>');
        for (at, ranked) in children.iter().enumerate() {
            if is_attribute(tree, ty, ranked) {
                continue;
            }
            self.line(depth + 1);
            match ranked.2.filter(|element| !element.attribute) {
                Some(element) if ty.is_none() && element.list && !tree.flags(ranked.1).has(Flags::LIST) => {
                    return Err(refuse(tree, ranked.1, "a list was expected here"));
                }
                Some(element) => self.element(ranked.1, element, depth + 1)?,
                None => {
                    let same = |other: Option<&Ranked>| {
                        other.is_some_and(|other| tree.name(other.1) == tree.name(ranked.1))
                    };
                    let alone = !same(at.checked_sub(1).and_then(|at| children.get(at)))
                        && !same(children.get(at + 1));
                    self.unknown(ranked.1, ty, alone, depth + 1)?;
                }
            }
        }
        self.line(depth);
        self.out.extend(["</", name, ">"]);
        Ok(())
    }

    /// A child that is an attribute, of the definitions or kept under `@name`.
    fn attribute_of(&mut self, id: NodeId, ty: Option<TypeId>, ranked: &Ranked) -> Outcome<()> {
        let (tree, child) = (self.tree, ranked.1);
        let name = tree.name_text(child);
        if !is_plain_text(tree, child) {
            return Err(refuse(tree, child, "XML writes this as an attribute, which holds only text"));
        }
        if ranked.2.is_some() {
            return self.attribute(child, name);
        }
        let plain = name.strip_prefix('@').unwrap_or(name);
        let primitive = tree.kind(id).is_leaf();
        let meant = element_of(self.shape, ty, plain, primitive).is_some_and(|element| element.attribute)
            || (primitive && plain == "value");
        if meant || !may_name_attribute(plain) {
            return Err(refuse(tree, child, "XML cannot have an attribute of this name here"));
        }
        self.attribute(child, plain)
    }

    fn attribute(&mut self, id: NodeId, name: &str) -> Outcome<()> {
        let text = self.tree.text(id);
        if xml::first_illegal(&text).is_some() {
            return Err(refuse(self.tree, id, "the text has a character that XML does not have"));
        }
        self.out.extend([" ", name, "=\""]);
        xml::escape_attribute_into(&text, self.out);
        self.out.push('"');
        Ok(())
    }

    /// An element that the definitions do not have, where reading it gives the same again.
    fn unknown(&mut self, id: NodeId, ty: Option<TypeId>, alone: bool, depth: usize) -> Outcome<()> {
        let tree = self.tree;
        let name = tree.name_text(id);
        if !may_name_element(name) {
            return Err(refused(tree, id, ty, self.shape));
        }
        if tree.flags(id).has(Flags::LIST) && alone {
            return Err(refuse(tree, id, "without a definition, XML cannot tell a list of one"));
        }
        match tree.kind(id) {
            Kind::EmptyList => Err(refuse(tree, id, "XML cannot hold an empty list")),
            Kind::Array => Err(refuse(tree, id, "XML cannot hold a list in a list")),
            Kind::Null => Err(refuse(tree, id, "without a definition, XML cannot hold null")),
            Kind::Number | Kind::Bool => {
                Err(refuse(tree, id, "without a definition, XML cannot tell this value from a text"))
            }
            Kind::Object if tree.child(id, Name::RESOURCE_TYPE).is_some() => self.unknown_holder(id, depth),
            Kind::Object => self.unknown_object(id, depth),
            Kind::Xhtml if self.is_markup(id) => self.narrative(id),
            Kind::Str | Kind::Xhtml => {
                if !tree.children(id).all(|child| is_of_primitive(tree, child)) {
                    let message = "without a definition, a primitive has only an id and extensions in XML";
                    return Err(refuse(tree, id, message));
                }
                self.out.extend(["<", name]);
                self.attribute(id, "value")?;
                self.content(id, None, name, depth)
            }
            Kind::Attr | Kind::Text | Kind::Comment | Kind::Pi => {
                Err(refuse(tree, id, "a resource has no such node"))
            }
        }
    }

    /// A resource in an element that the definitions do not have: known by its type alone.
    fn unknown_holder(&mut self, id: NodeId, depth: usize) -> Outcome<()> {
        let (tree, name) = (self.tree, self.tree.name_text(id));
        let kind = tree.resource_type(id).unwrap_or_default();
        if self.shape.type_named(&kind).is_none() {
            return Err(refuse(tree, id, "the type of this resource is not known"));
        }
        self.holder(id, name, depth)
    }

    /// An object without a definition, which must not look like a primitive or like what holds a resource.
    fn unknown_object(&mut self, id: NodeId, depth: usize) -> Outcome<()> {
        let (tree, name) = (self.tree, self.tree.name_text(id));
        let is_value = |child: NodeId| tree.name_text(child) == "@value";
        if tree.children(id).any(is_value)
            && tree.children(id).all(|child| is_value(child) || is_of_primitive(tree, child))
        {
            return Err(refuse(tree, id, "without a definition, XML cannot tell this object from a text"));
        }
        let mut children = tree.children(id);
        if let (Some(only), None) = (children.next(), children.next())
            && self.shape.type_named(tree.name_text(only)).is_some()
        {
            return Err(refuse(
                tree,
                id,
                "without a definition, XML cannot tell this object from a resource",
            ));
        }
        self.out.extend(["<", name]);
        self.content(id, None, name, depth)
    }

    /// An element that holds a resource.
    fn holder(&mut self, id: NodeId, name: &str, depth: usize) -> Outcome<()> {
        self.out.extend(["<", name, ">"]);
        self.line(depth + 1);
        self.resource(id, depth + 1)?;
        self.line(depth);
        self.out.extend(["</", name, ">"]);
        Ok(())
    }

    fn element(&mut self, id: NodeId, element: Element, depth: usize) -> Outcome<()> {
        let tree = self.tree;
        let name = tree.name_text(id);
        if tree.flags(id).has(Flags::LIST) && !element.list {
            return Err(refuse(tree, id, "a list stands here, but the element may stand only once"));
        }
        match (tree.kind(id), element.form) {
            (Kind::EmptyList, _) => Err(refuse(tree, id, "XML cannot hold an empty list")),
            (Kind::Array, _) => Err(refuse(tree, id, "XML cannot hold a list in a list")),
            (Kind::Null, _) if tree.first_child(id).is_none() => {
                Err(refuse(tree, id, "XML cannot hold null"))
            }
            (Kind::Object, Form::Object) => {
                self.out.extend(["<", name]);
                self.content(id, Some(element.ty), name, depth)
            }
            (Kind::Object, Form::Resource) => self.holder(id, name, depth),
            (Kind::Str | Kind::Xhtml, Form::Xhtml) => self.narrative(id),
            (kind, Form::Str | Form::Number | Form::Bool) if fits(tree, id, element.form) => {
                self.out.extend(["<", name]);
                if kind != Kind::Null {
                    self.attribute(id, "value")?;
                }
                self.content(id, Some(element.ty), name, depth)
            }
            _ => Err(refuse(tree, id, "the value does not have the form of its element")),
        }
    }

    /// True for a text that is read as the same text where it stands as markup.
    fn is_markup(&self, id: NodeId) -> bool {
        let text = self.tree.text(id);
        if !text.starts_with("<div") || text.contains('\r') || self.tree.first_child(id).is_some() {
            return false;
        }
        xml::read(&text, self.tree.names().shared()).is_ok_and(|markup| {
            let root = NodeId::ROOT;
            markup.span(root).end as usize == text.len()
                && markup.name_text(root) == "div"
                && markup.child_text(root, "@xmlns").is_some_and(|uri| uri == XHTML_URI)
        })
    }

    /// The markup is copied, so it must be one well-formed element.
    fn narrative(&mut self, id: NodeId) -> Outcome<()> {
        let text = self.tree.text(id);
        let text = text.trim();
        let wrong = || refuse(self.tree, id, "the narrative is not one well-formed XHTML div");
        if text.starts_with("<?") || text.starts_with("<!") {
            return Err(wrong());
        }
        let markup = xml::read(text, self.tree.names().shared()).map_err(|_| wrong())?;
        let whole = markup.span(NodeId::ROOT).end as usize == text.len();
        if !whole || markup.name_text(NodeId::ROOT) != "div" || self.tree.first_child(id).is_some() {
            return Err(wrong());
        }
        if text.starts_with("<div") && markup.child_str(NodeId::ROOT, "@xmlns").is_none() {
            self.out.extend(["<div xmlns=\"", XHTML_URI, "\"", &text["<div".len()..]]);
        } else {
            self.out.push_str(text);
        }
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

/// True for a child that XML writes as an attribute. The id of an element without a definition is one where it can
/// be.
fn is_attribute(tree: &Tree, ty: Option<TypeId>, (_, child, element): &Ranked) -> bool {
    match element {
        Some(element) => element.attribute && (ty.is_some() || is_plain_text(tree, *child)),
        None => tree.name_text(*child).starts_with('@'),
    }
}

/// True for a primitive that is read as what it is.
fn fits(tree: &Tree, id: NodeId, form: Form) -> bool {
    match tree.kind(id) {
        Kind::Null => true,
        Kind::Str if form == Form::Str => true,
        kind => kind.is_leaf() && form != Form::Str && kind == kind_of(form, &tree.text(id)),
    }
}

/// True for what may stand in an element that is read as a primitive: an id and extensions.
fn is_of_primitive(tree: &Tree, id: NodeId) -> bool {
    match tree.name(id) {
        Name::ID => is_plain_text(tree, id),
        Name::EXTENSION => tree.flags(id).has(Flags::LIST),
        _ => false,
    }
}
