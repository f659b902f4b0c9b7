//! The target, made in one pass over its schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::effects::{Effects, Sides};
use super::scalars;
use crate::ast::conversion::{Place, written};
use crate::codes::conversion as codes;
use crate::diagnostic::Diagnostics;
use crate::model::{Made, MadeObject, MadeRest};
use crate::schema::{Rest, Schema, Shape};
use crate::source::Span;

/// The object, or an item, that all of a way makes. `root`: it is the object.
pub(super) fn object(
    root: bool,
    effects: &Effects,
    sides: &Sides<'_>,
    source: &Arc<Schema>,
    target: &Arc<Schema>,
    span: Span,
    problems: &mut Diagnostics,
) -> Made {
    let tree = Tree { effects, sides, span, root };
    tree.node(Some((source, Vec::new())), target, &[], problems).unwrap_or_else(|| Made::Copy(Vec::new()))
}

/// A value that moves to a place.
pub(super) fn value(
    effects: &Effects,
    sides: &Sides<'_>,
    source: &Arc<Schema>,
    target: &Arc<Schema>,
    from: &[String],
    to: &Place,
    problems: &mut Diagnostics,
) -> Made {
    let tree = Tree { effects, sides, span: to.span, root: false };
    tree.node(Some((source, from.to_vec())), target, &to.keys, problems).unwrap_or_else(|| Made::Copy(from.to_vec()))
}

struct Tree<'a> {
    effects: &'a Effects,
    sides: &'a Sides<'a>,
    span: Span,
    root: bool,
}

/// A value of the source: its schema, and its path.
type Found<'s> = (&'s Arc<Schema>, Vec<String>);

impl Tree<'_> {
    /// What stands at a place of the target; none: nothing.
    fn node(
        &self,
        source: Option<Found<'_>>,
        target: &Arc<Schema>,
        at: &[String],
        problems: &mut Diagnostics,
    ) -> Option<Made> {
        if let Some((made, _)) = self.effects.written.get(at) {
            return Some(made.clone());
        }
        let source = source.filter(|(_, path)| !self.effects.taken.contains(path) || path.is_empty());
        let below = |other: &Vec<String>, path: &[String]| other.len() > path.len() && other.starts_with(path);
        let inside = self.effects.written.keys().any(|other| below(other, at));
        let Some((found, path)) = source else {
            return match &target.shape {
                Shape::Object(_) if inside => Some(self.fields(None, false, target, at, problems)),
                _ => None,
            };
        };
        let taken = self.effects.taken.iter().any(|other| below(other, &path));
        if !inside && !taken && same_shape(found, target) {
            return Some(Made::Copy(path));
        }
        match (&found.shape, &target.shape) {
            (Shape::Object(_), Shape::Object(_)) => Some(self.fields(Some((found, path)), taken, target, at, problems)),
            (Shape::List(a), Shape::List(b)) => {
                let items = Tree { effects: &Effects::default(), root: false, ..*self };
                let item = items.node(Some((&a.items, Vec::new())), &b.items, &[], problems);
                Some(Made::Each(path, Box::new(item.unwrap_or_else(|| Made::Copy(Vec::new())))))
            }
            _ if scalars::fits(found, target) => Some(Made::Copy(path)),
            _ => {
                let (from, to) = (written(&path), written(at));
                let named = |text: &str| if text.is_empty() { "the item".to_owned() } else { text.to_owned() };
                problems.push(codes::types(
                    self.span,
                    &format!("{} of {}", named(&from), self.sides.from),
                    &named(&to),
                    &found.describe(),
                    &target.describe(),
                ));
                None
            }
        }
    }

    fn fields(
        &self,
        source: Option<Found<'_>>,
        taken: bool,
        target: &Arc<Schema>,
        at: &[String],
        problems: &mut Diagnostics,
    ) -> Made {
        let Shape::Object(wanted) = &target.shape else { return Made::Copy(Vec::new()) };
        let found = source.as_ref().and_then(|(schema, path)| match &schema.shape {
            Shape::Object(object) => Some((object, path)),
            _ => None,
        });
        let mut members = Vec::new();
        for (name, field) in &wanted.fields {
            let of = match &found {
                Some((object, path)) => {
                    let below = || [path.as_slice(), std::slice::from_ref(name)].concat();
                    let schema = object.fields.get(name).map(|field| &field.schema);
                    schema
                        .or(match &object.rest {
                            Rest::Each(schema) => Some(schema),
                            _ => None,
                        })
                        .map(|schema| (schema, below()))
                }
                None => None,
            };
            let place = [at, std::slice::from_ref(name)].concat();
            if let Some(made) = self.node(of, &field.schema, &place, problems) {
                members.push((name.clone(), made));
            }
        }
        // Keys that rules write into a map, whose schema names none.
        for (path, (made, _)) in &self.effects.written {
            if let Some((key, parent)) = path.split_last()
                && parent == at
                && !wanted.fields.contains_key(key)
            {
                members.push((key.clone(), made.clone()));
            }
        }
        let rest = found.and_then(|(object, path)| self.rest(&object.rest, object, wanted, path, &members, problems));
        let from = source.map(|(_, path)| path);
        // What rules take leaves an empty object nowhere but at the root: `spec` stays.
        let stays = self.root
            && from.as_ref().is_some_and(|path| path.len() <= 1 && !path.starts_with(&["metadata".to_owned()]));
        let taken = taken && !stays;
        Made::Object(MadeObject { from, taken, members, rest })
    }

    /// What becomes of the source's members that have no field of their own in the target.
    fn rest(
        &self,
        unnamed: &Rest,
        found: &crate::schema::Object,
        wanted: &crate::schema::Object,
        path: &[String],
        members: &[(String, Made)],
        problems: &mut Diagnostics,
    ) -> Option<MadeRest> {
        let mut except: BTreeSet<String> = wanted.fields.keys().cloned().collect();
        except.extend(members.iter().map(|(key, _)| key.clone()));
        for taken in &self.effects.taken {
            if let Some((key, parent)) = taken.split_last()
                && parent == path
            {
                except.insert(key.clone());
            }
        }
        let value = match (unnamed, &wanted.rest) {
            (_, Rest::Nothing) => return None,
            (_, Rest::Anything) => None,
            (Rest::Nothing, Rest::Each(_)) if found.fields.is_empty() => return None,
            (Rest::Each(a), Rest::Each(b)) if same_shape(a, b) => None,
            (Rest::Each(a), Rest::Each(b)) => {
                let values = Tree { effects: &Effects::default(), root: false, ..*self };
                values.node(Some((a, Vec::new())), b, &[], problems).map(Box::new)
            }
            (Rest::Nothing | Rest::Anything, Rest::Each(schema)) => {
                let unlike = found
                    .fields
                    .iter()
                    .find(|(name, field)| !except.contains(*name) && !scalars::fits(&field.schema, schema));
                let unlike = unlike.map(|(name, field)| (name.clone(), field.schema.describe()));
                let unlike =
                    unlike.or_else(|| (*unnamed == Rest::Anything).then(|| ("*".to_owned(), "any value".to_owned())));
                if let Some((name, found)) = unlike {
                    let place = written(&[path, &[name]].concat());
                    let to = written(path);
                    problems.push(codes::types(self.span, &place, &to, &found, &schema.describe()));
                    return None;
                }
                None
            }
        };
        Some(MadeRest { except: except.into_iter().collect(), value })
    }
}

/// Whether two schemas allow the same types everywhere, so that a value of one is one of the other, bounds apart.
pub(super) fn same_shape(a: &Schema, b: &Schema) -> bool {
    if a.nullable != b.nullable {
        return false;
    }
    match (&a.shape, &b.shape) {
        (Shape::Object(a), Shape::Object(b)) => {
            let fields = a.fields.len() == b.fields.len()
                && a.fields.iter().zip(&b.fields).all(|((name, field), (other, like))| {
                    name == other
                        && (Arc::ptr_eq(&field.schema, &like.schema) || same_shape(&field.schema, &like.schema))
                });
            let rest = match (&a.rest, &b.rest) {
                (Rest::Each(a), Rest::Each(b)) => Arc::ptr_eq(a, b) || same_shape(a, b),
                (a, b) => a == b,
            };
            fields && rest
        }
        (Shape::List(a), Shape::List(b)) => Arc::ptr_eq(&a.items, &b.items) || same_shape(&a.items, &b.items),
        (Shape::String(_), Shape::String(_)) => true,
        (a, b) => a == b,
    }
}
