//! Elements of a document, with their attributes and children checked against what is known.
//!
//! Knows no meaning of any of them.

use roxmltree::Node;

use crate::emulator::refusal::{Outcome, Refusal};

/// Attributes that Dataverse documents and this emulator does not serve, each with its element.
const ABSENT: [(&str, &str); 8] = [
    ("fetch", "datasource"),
    ("fetch", "latematerialize"),
    ("fetch", "options"),
    ("filter", "hint"),
    ("filter", "isquickfindfields"),
    ("filter", "overridequickfindrecordlimitenabled"),
    ("attribute", "rowaggregate"),
    ("link-entity", "enableprefiltering"),
];

/// An element whose attributes are all known.
pub(super) struct Element<'d> {
    node: Node<'d, 'd>,
}

impl<'d> Element<'d> {
    pub(super) fn new(node: Node<'d, 'd>, name: &str, known: &[&str]) -> Outcome<Element<'d>> {
        if node.tag_name().name() != name || node.tag_name().namespace().is_some() {
            return Err(invalid(&format!(
                "The element '{}' stands where '{name}' must.",
                node.tag_name().name()
            )));
        }
        for attribute in node.attributes() {
            if known.contains(&attribute.name()) {
                continue;
            }
            if ABSENT.contains(&(name, attribute.name())) {
                return Err(Refusal::unsupported(&format!(
                    "The attribute '{}' of the element '{name}' in FetchXML",
                    attribute.name()
                )));
            }
            return Err(invalid(&format!(
                "The attribute '{}' of the element '{name}' is not known.",
                attribute.name()
            )));
        }
        Ok(Element { node })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'d str> {
        self.node.attribute(name)
    }

    pub(super) fn required(&self, name: &str) -> Outcome<&'d str> {
        self.attribute(name).ok_or_else(|| {
            invalid(&format!(
                "The element '{}' needs the attribute '{name}'.",
                self.node.tag_name().name()
            ))
        })
    }

    /// Yes or no; no where it is not said.
    pub(super) fn flag(&self, name: &str) -> Outcome<bool> {
        match self.attribute(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(invalid(&format!(
                "'{other}' is not a value of '{name}', which is true or false."
            ))),
        }
    }

    /// A whole number greater than 0.
    pub(super) fn number(&self, name: &str) -> Outcome<Option<usize>> {
        let Some(text) = self.attribute(name) else {
            return Ok(None);
        };
        let number = text.trim().parse().ok().filter(|number| *number > 0);
        number.map(Some).ok_or_else(|| {
            invalid(&format!(
                "'{text}' is not a value of '{name}', which is a whole number greater than 0."
            ))
        })
    }

    /// Refuses children of any other name.
    pub(super) fn children_are(&self, known: &[&str]) -> Outcome<()> {
        for child in self.node.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            if !known.contains(&name) {
                return Err(invalid(&format!(
                    "The element '{name}' is not known below '{}'.",
                    self.node.tag_name().name()
                )));
            }
        }
        Ok(())
    }

    /// The children of a name, in their order.
    pub(super) fn children(&self, name: &str, known: &[&str]) -> Outcome<Vec<Element<'d>>> {
        let children = self.node.children().filter(Node::is_element);
        children
            .filter(|child| child.tag_name().name() == name)
            .map(|child| Element::new(child, name, known))
            .collect()
    }

    /// The one child that there must be.
    pub(super) fn only_child(&self, name: &str, known: &[&str]) -> Outcome<Element<'d>> {
        self.children_are(&[name])?;
        let mut children = self.children(name, known)?;
        match (children.pop(), children.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(invalid(&format!(
                "The element '{}' needs exactly one '{name}'.",
                self.node.tag_name().name()
            ))),
        }
    }

    /// The text inside.
    pub(super) fn text(&self) -> &'d str {
        self.node.text().unwrap_or_default()
    }
}

/// What is wrong with a document (the code is inferred).
pub(super) fn invalid(message: &str) -> Refusal {
    Refusal::argument(format!("Invalid FetchXML: {message}"))
}
