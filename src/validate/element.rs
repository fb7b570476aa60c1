//! Elements: which there are, how often, in which form, and what their values are.

use super::Walk;
use super::primitive::{Primitive, TEXT_CHARS_MAX, is_absolute};
use super::report::{Fault, ISSUES_MAX};
use super::rules::{Member, Ranks, Role, TypeRules};
use crate::diag::{Argument, Message, codes, message, nearest};
use crate::tree::fhir::Form;
use crate::tree::{Flags, Kind, Name, NodeId};

impl<'a, 's> Walk<'a, 's> {
    /// Checks the children of a node against the rules of its type.
    pub(super) fn children(&mut self, id: NodeId, rules: &'a TypeRules<'s>) {
        let tree = self.tree;
        let mut seen = Ranks::default();
        let mut next = tree.first_child(id);
        while let Some(first) = next {
            if matches!(tree.kind(first), Kind::Comment | Kind::Pi) {
                next = tree.next_sibling(first);
                continue;
            }
            let name = tree.name(first);
            if name == Name::ID && self.scope.resource != id {
                self.element_id(first, rules.role);
            }
            next = match rules.member(name) {
                Some(member) => self.run(id, first, member, &mut seen),
                None => self.not_defined(first, name, rules),
            };
        }
        if !seen.covers(rules.required) {
            self.missing(id, rules, seen);
        }
        if self.is_xml {
            self.order(id, rules);
        }
    }

    /// Checks a run of children of one name, and gives the child behind it.
    fn run(
        &mut self,
        parent: NodeId,
        first: NodeId,
        member: &'a Member<'s>,
        seen: &mut Ranks,
    ) -> Option<NodeId> {
        let tree = self.tree;
        let is_empty = tree.kind(first) == Kind::EmptyList;
        if !seen.insert(member.element.order) {
            let name = tree.names().text(member.element.name);
            let message = message!("`{name}` may have one type only, and stands here with a second", name);
            self.tell(Fault::error(codes::CHOICE_TWICE, first, message));
        }
        if is_empty {
            self.tell(Fault::error(codes::EMPTY, first, message!("a list has items, or is left out")));
        } else if tree.flags(first).has(Flags::LIST) != member.element.is_list() {
            let name = tree.names().text(member.name);
            let message = if member.element.is_list() {
                message!("`{name}` is a list", name)
            } else {
                message!("`{name}` is no list", name)
            };
            self.tell(Fault::error(codes::LIST_SHAPE, first, message));
        }
        let (mut count, mut here) = (0_u32, Some(first));
        while let Some(id) = here.filter(|id| tree.name(*id) == member.name) {
            if !is_empty {
                self.value(id, member);
            }
            count += 1;
            here = tree.next_sibling(id);
        }
        if count > member.element.max {
            let message = at_most(format!("`{}`", tree.names().text(member.name)), member.element.max, count);
            self.tell(Fault::error(codes::TOO_MANY, parent, message));
        }
        here
    }

    /// Tells of an element that the type does not have, and gives the first child of another name.
    fn not_defined(&mut self, first: NodeId, name: Name, rules: &TypeRules<'_>) -> Option<NodeId> {
        let tree = self.tree;
        let after = || {
            let mut behind = std::iter::successors(Some(first), |id| tree.next_sibling(*id));
            behind.find(|id| tree.name(*id) != name)
        };
        let is_type =
            name == Name::RESOURCE_TYPE && self.scope.resource == tree.parent(first).unwrap_or(first);
        if is_type && tree.first_child(first).is_some() {
            let message = message!("`resourceType` is no element, and has neither an id nor extensions");
            self.tell(Fault::error(codes::ELEMENT_UNKNOWN, first, message));
        }
        if is_type || tree.kind(first) == Kind::Text {
            return after();
        }
        let text = tree.names().text(name);
        let names = tree.names();
        let what = self.validator.schema().type_info(rules.ty).name;
        let message = if names.is_shared(name) {
            message!("{what} has no element `{text}`", what, text)
        } else {
            message!("{what} has no element of this name", what)
        };
        let mut fault = Fault::error(codes::ELEMENT_UNKNOWN, first, message).value(text);
        let known = rules.members().iter().map(|member| names.text(member.name));
        // Advice that nobody will read is not looked for.
        let is_read = self.told_errors < ISSUES_MAX;
        if let Some(near) = is_read.then(|| nearest(text, known)).flatten() {
            fault = fault.help(message!("did you mean `{near}`?", near));
        }
        self.tell(fault);
        after()
    }

    fn missing(&mut self, id: NodeId, rules: &TypeRules<'_>, seen: Ranks) {
        let mut told = Ranks::default();
        for member in rules.members() {
            let element = member.element;
            let is_missing = element.is_required() && !seen.has(element.order);
            if is_missing && told.insert(element.order) {
                let name = self.tree.names().text(element.name);
                let ending = if element.is_choice() { "[x]" } else { "" };
                let message = message!("`{name}` is required and missing", name = format!("{name}{ending}"));
                let rule = self.validator.schema().type_info(rules.ty).url;
                self.tell(Fault::error(codes::TOO_FEW, id, message).rule(rule));
            }
        }
    }

    /// Ids of elements have no spaces and are unique within their resource (FHIR R4, `Element.id`). The elements of a
    /// definition have the same ids in its snapshot and its differential, of which sdf-16 and sdf-17 say that they differ.
    fn element_id(&mut self, id: NodeId, role: Role) {
        let text = self.tree.text(id).into_owned();
        if text.contains([' ', '\t', '\r', '\n']) {
            let message = message!("the id of an element has no spaces");
            self.tell(Fault::error(codes::VALUE_FORMAT, id, message));
        }
        let is_free = text.is_empty() || role == Role::ElementDefinition;
        if !is_free && !self.ids.insert((self.scope.resource, text)) {
            let message = message!("another element of the resource has this id too");
            self.tell(Fault::error(codes::ID_TWICE, id, message));
        }
    }

    /// XML has the elements in the order of the definition (FHIR R4, "XML Representation").
    fn order(&mut self, id: NodeId, rules: &TypeRules<'_>) {
        let tree = self.tree;
        let mut before = (0, 0);
        // Attributes, `id` and the `url` of an extension, stand in the tag of their element and have no place among others.
        let is_element = |child: &NodeId| {
            tree.source().as_bytes().get(tree.head_span(*child).start as usize) == Some(&b'<')
        };
        let is_behind = |child: NodeId| {
            let Some(member) = rules.member(tree.name(child)) else { return false };
            let here = (member.element.order, tree.head_span(child).start);
            let is_behind = here.0 < before.0 || here.1 < before.1;
            before = here;
            is_behind
        };
        if let Some(child) = tree.children(id).filter(is_element).find({
            let mut is_behind = is_behind;
            move |child| is_behind(*child)
        }) {
            let message = message!("`{name}` stands too late", name = tree.name_text(child));
            self.tell(Fault::error(codes::OUT_OF_ORDER, child, message));
        }
    }

    /// Checks one value of an element.
    fn value(&mut self, id: NodeId, member: &'a Member<'s>) {
        match member.form {
            Form::Object => {
                if self.object(id, member) {
                    self.bound(id, member);
                }
            }
            Form::Str | Form::Number | Form::Bool => {
                if self.primitive(id, member) {
                    self.bound(id, member);
                }
            }
            Form::Xhtml => self.narrative(id),
            Form::Resource if self.tree.kind(id) == Kind::Object => self.resource(id),
            Form::Resource => self.wrong_kind(id, &message!("a resource")),
        }
        self.invariants(&member.invariants, id, member.ty);
    }

    /// False where the node is no object at all.
    fn object(&mut self, id: NodeId, member: &'a Member<'s>) -> bool {
        if self.tree.kind(id) != Kind::Object {
            self.wrong_kind(id, &message!("an object"));
            return false;
        }
        let is_mute = |child: NodeId| {
            self.tree.name(child) == Name::ID || matches!(self.tree.kind(child), Kind::Comment | Kind::Pi)
        };
        if self.tree.children(id).all(is_mute) {
            self.tell(Fault::error(codes::EMPTY, id, message!("ele-1: an element has a value or children")));
            return false;
        }
        let Some(rules) = self.validator.rules.of(member.ty) else { return true };
        self.children(id, rules);
        self.invariants(&rules.invariants, id, rules.ty);
        match rules.role {
            Role::Extension => self.extension(id, rules.ty),
            Role::Reference => self.reference(id, member),
            Role::Coding | Role::Quantity => self.coding(id),
            Role::System => {
                self.system_is_absolute(id);
            }
            Role::Attachment => self.attachment(id),
            Role::Plain
            | Role::CodeableConcept
            | Role::Bundle
            | Role::Narrative
            | Role::ElementDefinition
            | Role::StructureDefinition => {}
        }
        if let Some(type_ref) = member.type_ref.filter(|type_ref| !type_ref.profiles.is_empty()) {
            self.type_profiles(id, rules.ty, std::slice::from_ref(type_ref));
        }
        true
    }

    fn wrong_kind(&mut self, id: NodeId, wanted: &Message) {
        let message = message!("`{name}` is {wanted}", name = self.tree.name_text(id), wanted = *wanted);
        self.tell(Fault::error(codes::VALUE_KIND, id, message));
    }

    /// False where the node holds no value that can be looked at further.
    fn primitive(&mut self, id: NodeId, member: &'a Member<'s>) -> bool {
        let tree = self.tree;
        let Some(rules) = self.validator.rules.of(member.ty) else { return false };
        if tree.first_child(id).is_some() {
            self.children(id, rules);
        }
        let primitive = rules.primitive.unwrap_or(Primitive::Text);
        let is_kind = match (tree.kind(id), member.form) {
            // An id or extensions without a value.
            (Kind::Null, _) => {
                if tree.children(id).all(|child| tree.name(child) == Name::ID) {
                    self.tell(Fault::error(
                        codes::EMPTY,
                        id,
                        message!("ele-1: a primitive has a value or extensions"),
                    ));
                }
                return false;
            }
            (Kind::Str, Form::Str) | (Kind::Number, Form::Number) | (Kind::Bool, Form::Bool) => true,
            (Kind::Str, _) => self.is_xml,
            _ => false,
        };
        if !is_kind {
            let wanted = match member.form {
                Form::Number => message!("a number, without quotes"),
                Form::Bool => message!("`true` or `false`, without quotes"),
                Form::Str | Form::Xhtml | Form::Object | Form::Resource => message!("a text, in quotes"),
            };
            self.wrong_kind(id, &wanted);
            return false;
        }
        if matches!(primitive, Primitive::Uri | Primitive::Canonical) || member.name == Name::REFERENCE {
            self.local_reference(&tree.text(id));
        }
        self.format(id, primitive)
    }

    fn format(&mut self, id: NodeId, primitive: Primitive) -> bool {
        let text = self.tree.text(id);
        if text.is_empty() {
            self.tell(Fault::error(
                codes::EMPTY,
                id,
                message!("ele-1: a value is not empty; leave the element out"),
            ));
            return false;
        }
        let is_long = || text.chars().nth(TEXT_CHARS_MAX).is_some();
        if text.len() > TEXT_CHARS_MAX && primitive != Primitive::Base64 && is_long() {
            let message = message!("a text has at most {max} characters", max = TEXT_CHARS_MAX);
            self.tell(Fault::error(codes::TEXT_LENGTH, id, message));
        }
        if primitive == Primitive::Text && looks_like_markup(&text) {
            self.tell(Fault::warning(
                codes::MARKUP,
                id,
                message!("the text has what looks like a tag of HTML"),
            ));
        }
        if primitive == Primitive::Canonical && !is_absolute(&text) {
            let message = message!("a canonical url is absolute, or a fragment `#id`");
            self.tell(Fault::warning(codes::VALUE_FORMAT, id, message));
        }
        let fits = primitive.fits(&text);
        if !fits {
            let message = message!("this is not {form}", form = Message::words(primitive.form()));
            self.tell(Fault::error(codes::VALUE_FORMAT, id, message));
        }
        fits
    }
}

/// True for a text with `<` before a letter and a `>` behind it.
fn looks_like_markup(text: &str) -> bool {
    let Some(end) = text.rfind('>') else { return false };
    let opens = |(at, _): (usize, &str)| {
        let rest = text.get(at + 1..end).unwrap_or("");
        let name = rest.strip_prefix('/').unwrap_or(rest);
        name.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    text.match_indices('<').any(opens)
}

/// `once`, `3 times`.
pub(super) fn stands(count: u32) -> Message {
    if count == 1 { message!("once") } else { message!("{count} times", count) }
}

/// Says that something stands more often than it may.
pub(super) fn at_most(what: impl Into<Argument>, max: u32, count: u32) -> Message {
    let what = what.into();
    match max {
        0 => message!("{what} may not stand here", what),
        1 => message!("{what} may stand once, and stands {count}", what, count = stands(count)),
        _ => message!(
            "{what} may stand at most {max} times, and stands {count}",
            what,
            max,
            count = stands(count)
        ),
    }
}
