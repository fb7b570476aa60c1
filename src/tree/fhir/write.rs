//! A resource as FHIR JSON or FHIR XML, its elements in the order of the definitions.

use super::{
    Element, FHIR_URI, Flags, Form, Issue, Kind, Layout, Name, NodeId, Outcome, Shape, Tree, TypeId,
    child_type, json, ranked_children, refuse, resource_type_id, sort, unknown, xml,
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
/// What XML cannot hold, with its path: an element without a definition, a list in a list, an empty list, a
/// null without extensions, a character that XML does not have.
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
        let Some(ty) = resource_type_id(tree, id, self.shape) else {
            return Err(refuse(tree, id, "the type of this resource is not known"));
        };
        let name = tree.resource_type(id).unwrap_or_default();
        self.out.extend(["<", &name]);
        if depth == 0 {
            self.out.extend([" xmlns=\"", FHIR_URI, "\""]);
        }
        self.content(id, ty, &name, depth)
    }

    /// Attributes and children of an element whose start tag is open, and its end.
    fn content(&mut self, id: NodeId, ty: TypeId, name: &str, depth: usize) -> Outcome<()> {
        let children = ranked_children(self.tree, id, Some(ty), self.shape);
        let inside = self.attributes(id, &children, ty)?;
        if inside == 0 {
            self.out.push_str("/>");
            return Ok(());
        }
        self.out.push('>');
        for (_, child, element) in &children {
            if let Some(element) = element.filter(|element| !element.attribute) {
                self.line(depth + 1);
                self.element(*child, element, depth + 1)?;
            }
        }
        self.line(depth);
        self.out.extend(["</", name, ">"]);
        Ok(())
    }

    /// Writes the children that are attributes; how many others there are.
    fn attributes(&mut self, id: NodeId, children: &[Ranked], ty: TypeId) -> Outcome<usize> {
        let resource = resource_type_id(self.tree, id, self.shape) == Some(ty);
        let mut inside = 0;
        for (_, child, element) in children {
            let tree = self.tree;
            match element {
                None if resource && tree.name(*child) == Name::RESOURCE_TYPE => {}
                None => return Err(unknown(tree, *child, ty, self.shape)),
                Some(element) if element.attribute => {
                    if !tree.has_text(*child)
                        || tree.kind(*child) == Kind::Object
                        || tree.first_child(*child).is_some()
                    {
                        return Err(refuse(
                            tree,
                            *child,
                            "XML writes this as an attribute, which holds only text",
                        ));
                    }
                    self.attribute(*child, tree.name_text(*child))?;
                }
                Some(_) => inside += 1,
            }
        }
        Ok(inside)
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
                self.content(id, element.ty, name, depth)
            }
            (Kind::Object, Form::Resource) => {
                self.out.extend(["<", name, ">"]);
                self.line(depth + 1);
                self.resource(id, depth + 1)?;
                self.line(depth);
                self.out.extend(["</", name, ">"]);
                Ok(())
            }
            (Kind::Str | Kind::Xhtml, Form::Xhtml) => self.narrative(id),
            (kind, Form::Str | Form::Number | Form::Bool) if kind.is_leaf() => {
                self.out.extend(["<", name]);
                if kind != Kind::Null {
                    self.attribute(id, "value")?;
                }
                self.content(id, element.ty, name, depth)
            }
            _ => Err(refuse(tree, id, "the value does not have the form of its element")),
        }
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
            self.out.extend(["<div xmlns=\"http://www.w3.org/1999/xhtml\"", &text["<div".len()..]]);
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
