//! The items of a response, held against those of its questionnaire.

use super::super::Walk;
use super::super::report::{Fault, Subject};
use super::enable::and;
use super::form::{Condition, Form, Item, ItemId, Kind};
use crate::diag::{Code, Message, Severity, codes, message};
use crate::tree::{Name, NodeId};
use std::collections::HashMap;

/// A response and where the walk through it stands.
pub(super) struct Response<'w, 'a, 's, 'f> {
    pub(super) walk: &'w mut Walk<'a, 's>,
    pub(super) form: &'f Form,
    /// The response itself.
    pub(super) root: NodeId,
    /// Nothing is still to come: what is required must be there.
    pub(super) is_complete: bool,
    /// The items that the walk is in, the outermost first.
    pub(super) frames: Vec<Frame>,
    /// The items of the response by those of the form, in the order of the document.
    pub(super) by_item: HashMap<ItemId, Vec<NodeId>>,
    /// Expressions that were evaluated.
    pub(super) expressions: usize,
    /// Answers that were read for conditions.
    pub(super) answers_read: usize,
    /// Options that answers were compared with.
    pub(super) options_read: usize,
}

/// An item that the walk is in.
pub(super) struct Frame {
    pub(super) item: ItemId,
    pub(super) node: NodeId,
    is_enabled: Option<bool>,
}

impl<'w, 'a, 's, 'f> Response<'w, 'a, 's, 'f> {
    pub(super) fn new(walk: &'w mut Walk<'a, 's>, form: &'f Form, root: NodeId) -> Self {
        let status = walk.tree.child_text(root, "status");
        let is_complete = matches!(status.as_deref(), Some("completed" | "amended"));
        let mut by_item: HashMap<ItemId, Vec<NodeId>> = HashMap::new();
        if let Some(link_id) = walk.tree.names().get("linkId") {
            for leaf in walk.tree.descend(root).filter(|node| walk.tree.name(*node) == link_id) {
                let item = form.by_link(&walk.tree.text(leaf));
                if let (Some(item), Some(node)) = (item, walk.tree.parent(leaf)) {
                    by_item.entry(item).or_default().push(node);
                }
            }
        }
        Self {
            walk,
            form,
            root,
            is_complete,
            frames: Vec::new(),
            by_item,
            expressions: 0,
            answers_read: 0,
            options_read: 0,
        }
    }

    /// Checks the whole response.
    pub(super) fn check(&mut self) {
        self.items(self.root, &self.form.top);
        self.constraints(&self.form.constraints, None);
    }

    pub(super) fn answers(&self, item: NodeId) -> Vec<NodeId> {
        self.named(item, "answer")
    }

    fn named(&self, id: NodeId, name: &str) -> Vec<NodeId> {
        let tree = self.walk.tree;
        let name = tree.names().get(name).unwrap_or(Name::NONE);
        tree.children_named(id, name).filter(|child| tree.is_present(*child)).collect()
    }

    /// Tells a fault that the form makes one.
    pub(super) fn tell(&mut self, item: &Item, fault: Fault) {
        self.walk.tell(fault.rule(format!("{}#{}", self.form.url, item.link_id)));
    }

    /// Tells that something is missing, which is no error while the response is still being filled in.
    fn tell_missing(&mut self, item: &Item, code: &'static Code, at: NodeId, message: Message) {
        let severity = if self.is_complete { Severity::Error } else { Severity::Warning };
        self.tell(item, Fault::new(code, severity, at, message));
    }

    /// Checks the items right below a node, which are to be those of the form right below an item.
    fn items(&mut self, holder: NodeId, wanted: &'f [ItemId]) {
        let form = self.form;
        let above = wanted.first().and_then(|id| form.item(*id)).map(|item| item.parent);
        let mut found: HashMap<ItemId, Vec<NodeId>> = HashMap::new();
        let mut last = 0;
        for node in self.named(holder, "item") {
            // That it has a link id is told by its cardinality.
            let Some(link_id) = self.walk.tree.child_text(node, "linkId") else { continue };
            let Some((id, item)) = form.by_link(&link_id).and_then(|id| Some((id, form.item(id)?))) else {
                let message = message!("the questionnaire has no item of this link id");
                self.walk.tell(Fault::error(codes::ITEM_UNKNOWN, node, message).rule(&*form.url));
                continue;
            };
            if Some(item.parent) != above {
                let message = message!(
                    "the questionnaire has the item `{link_id}` at another place",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ITEM_PLACE, node, message));
                self.one(id, item, node, None);
                continue;
            }
            if item.rank < last {
                let message = message!(
                    "the item `{link_id}` stands behind one that it comes before",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ITEM_PLACE, node, message));
            }
            last = item.rank;
            found.entry(id).or_default().push(node);
        }
        for (id, item) in wanted.iter().filter_map(|id| Some((*id, form.item(*id)?))) {
            match found.remove(&id) {
                Some(nodes) => self.present(id, item, &nodes),
                None => self.absent(id, item, holder),
            }
        }
    }

    /// An item that the response does not have.
    fn absent(&mut self, id: ItemId, item: &Item, holder: NodeId) {
        if !item.is_required || item.kind == Kind::Display {
            return;
        }
        let around = self.frames.last().map_or(Some(true), |frame| frame.is_enabled);
        let enabled = self.is_enabled(id, item);
        self.note_open(item, enabled);
        if and(around, enabled) == Some(true) {
            let message = message!("the item `{link_id}` is required and missing", link_id = item.link_id);
            self.tell_missing(item, codes::ITEM_MISSING, holder, message);
        }
    }

    /// An item that the response has, once or several times.
    fn present(&mut self, id: ItemId, item: &'f Item, nodes: &[NodeId]) {
        let enabled = self.is_enabled(id, item);
        self.note_open(item, enabled);
        if enabled == Some(false) {
            for node in nodes {
                if !self.answers(*node).is_empty() || !self.named(*node, "item").is_empty() {
                    let message = message!(
                        "the item `{link_id}` is answered, and its condition does not hold",
                        link_id = item.link_id
                    );
                    self.tell(item, Fault::error(codes::ITEM_DISABLED, *node, message));
                }
            }
        }
        if let Some(second) = nodes.get(1).filter(|_| !item.repeats) {
            let message = message!(
                "the item `{link_id}` may stand once, and stands {count} times",
                link_id = item.link_id,
                count = nodes.len()
            );
            self.tell(item, Fault::error(codes::ITEM_TOO_MANY, *second, message));
        }
        if let (Kind::Group, Some(first)) = (item.kind, nodes.first()) {
            self.count(item, *first, nodes.len());
        }
        for node in nodes {
            self.one(id, item, *node, enabled);
        }
    }

    /// What could not be told for want of something that only the one who fills in the form has.
    fn note_open(&mut self, item: &Item, enabled: Option<bool>) {
        if enabled.is_none() && !matches!(item.condition, Condition::Always) {
            let name = format!("{}#{}", self.form.url, item.link_id);
            self.walk.not_checked(Subject::Condition, &name);
        }
    }

    /// How often an answer is given, or a group stands, where extensions say it.
    fn count(&mut self, item: &Item, at: NodeId, count: usize) {
        if let Some(max) = item.limits.occurs_max.filter(|max| count > *max) {
            let message = message!(
                "the item `{link_id}` may have at most {max}, and has {count}",
                link_id = item.link_id,
                max,
                count
            );
            self.tell(item, Fault::error(codes::ITEM_TOO_MANY, at, message));
        }
        if let Some(min) = item.limits.occurs_min.filter(|min| count < *min) {
            let message = message!(
                "the item `{link_id}` has at least {min}, and has {count} here",
                link_id = item.link_id,
                min,
                count
            );
            self.tell_missing(item, codes::ITEM_TOO_FEW, at, message);
        }
    }

    /// One item with all that it holds.
    fn one(&mut self, id: ItemId, item: &'f Item, node: NodeId, enabled: Option<bool>) {
        self.text(item, node);
        let around = self.frames.last().map_or(Some(true), |frame| frame.is_enabled);
        let is_enabled = and(around, enabled);
        self.frames.push(Frame { item: id, node, is_enabled });
        if is_enabled == Some(true) {
            self.constraints(&item.constraints, Some(node));
        }
        let answers = self.answers(node);
        if let Some(second) = answers.get(1).filter(|_| !item.repeats) {
            let message = message!(
                "the item `{link_id}` may have one answer, and has {count}",
                link_id = item.link_id,
                count = answers.len()
            );
            self.tell(item, Fault::error(codes::ITEM_TOO_MANY, *second, message));
        }
        let below = self.named(node, "item");
        match item.kind {
            Kind::Group => self.group(item, node, &answers, &below, is_enabled),
            Kind::Display => self.display(item, &answers, &below),
            Kind::Unknown => {
                let message = message!(
                    "the questionnaire gives the item `{link_id}` no type that can be answered",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ANSWER_TYPE, node, message));
            }
            _ => {
                if is_enabled == Some(true) {
                    self.answered(item, node, answers.len());
                }
                if let Some(first) = below.first() {
                    let message = message!("items below a question stand in its answer");
                    self.tell(item, Fault::error(codes::ANSWER_PLACE, *first, message));
                }
                for answer in &answers {
                    self.value(item, *answer, answers.len());
                    self.items(*answer, &item.children);
                }
            }
        }
        self.frames.pop();
    }

    fn group(
        &mut self,
        item: &'f Item,
        node: NodeId,
        answers: &[NodeId],
        below: &[NodeId],
        is_enabled: Option<bool>,
    ) {
        for answer in answers {
            let message =
                message!("the item `{link_id}` is a group, and has no answer", link_id = item.link_id);
            self.tell(item, Fault::error(codes::ANSWER_PLACE, *answer, message));
        }
        if item.is_required && answers.is_empty() && below.is_empty() && is_enabled == Some(true) {
            let message =
                message!("the group `{link_id}` is required and holds nothing", link_id = item.link_id);
            self.tell_missing(item, codes::ITEM_MISSING, node, message);
        }
        self.items(node, &item.children);
    }

    fn display(&mut self, item: &Item, answers: &[NodeId], below: &[NodeId]) {
        for node in answers.iter().chain(below) {
            let message = message!(
                "the item `{link_id}` is there to be read, and has neither answer nor items",
                link_id = item.link_id
            );
            self.tell(item, Fault::error(codes::ANSWER_PLACE, *node, message));
        }
    }

    /// Whether a question has as many answers as it needs.
    fn answered(&mut self, item: &Item, node: NodeId, count: usize) {
        if count == 0 && item.is_required {
            let message =
                message!("the item `{link_id}` is required and has no answer", link_id = item.link_id);
            self.tell_missing(item, codes::ITEM_MISSING, node, message);
            return;
        }
        self.count(item, node, count);
    }

    /// The text of an item is that which the questionnaire shows.
    fn text(&mut self, item: &Item, node: NodeId) {
        let tree = self.walk.tree;
        let Some(leaf) = tree.child_str(node, "text").filter(|leaf| tree.has_text(*leaf)) else { return };
        if item.texts.is_empty() || item.is_text_open {
            return;
        }
        let text = tree.text(leaf);
        let is_same = |known: &str| known.split_whitespace().eq(text.split_whitespace());
        if !item.texts.iter().any(|known| is_same(known)) {
            let message =
                message!("the questionnaire gives the item `{link_id}` another text", link_id = item.link_id);
            self.tell(item, Fault::error(codes::ITEM_TEXT, leaf, message));
        }
    }
}
