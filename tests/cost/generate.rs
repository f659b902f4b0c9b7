//! Expressions that are well typed, nested at random.

use super::values::Random;

/// The types that the generator knows.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Text,
    Texts,
    Number,
    Bool,
    Map,
}

/// An expression of that number.
pub(crate) fn expression(seed: u64) -> String {
    let mut random = Random::new(seed + 77);
    let depth = 1 + random.below(4);
    let ty = [Type::Text, Type::Texts, Type::Number, Type::Bool, Type::Map][random.below(5)];
    Generate { random: &mut random, locals: Vec::new(), names: 0 }.of(ty, depth)
}

struct Generate<'a> {
    random: &'a mut Random,
    /// Names of texts.
    locals: Vec<String>,
    names: usize,
}

impl Generate<'_> {
    fn of(&mut self, ty: Type, depth: usize) -> String {
        let Some(below) = depth.checked_sub(1) else { return self.leaf(ty) };
        match ty {
            Type::Text => self.text(below),
            Type::Texts => self.texts(below),
            Type::Number => self.number(below),
            Type::Bool => self.bool(below),
            Type::Map => self.map(below),
        }
    }

    fn leaf(&mut self, ty: Type) -> String {
        let leaves: &[&str] = match ty {
            Type::Text => &[
                "spec.name",
                "spec.tier",
                "'lit'",
                "''",
                "metadata.name",
                "vars.full",
                "inputs.suffix",
                "default(spec.hosts[0], 'h')",
                "default(spec.note, 'none')",
                "default(spec.labels['a'], '')",
                "default(spec.users[0].name, 'u')",
                "children.svc.metadata.name",
            ],
            Type::Texts => &["spec.hosts", "['a', 'b']", "vars.names", "default(spec.users[0].roles, [])"],
            Type::Number => &["spec.number", "3", "inputs.size", "size(spec.hosts)"],
            Type::Bool => &["spec.on", "has(spec.note)", "true"],
            Type::Map => &["spec.labels", "{'a': spec.name}"],
        };
        if ty == Type::Text && !self.locals.is_empty() && self.random.below(2) == 0 {
            return self.locals[self.random.below(self.locals.len())].clone();
        }
        self.random.pick(leaves).to_owned()
    }

    /// A macro's body, in which a name stands for a text.
    fn within(&mut self, ty: Type, depth: usize) -> (String, String) {
        self.names += 1;
        let name = format!("v{}", self.names);
        self.locals.push(name.clone());
        let body = self.of(ty, depth);
        self.locals.pop();
        (name, body)
    }

    fn text(&mut self, depth: usize) -> String {
        let (a, b) = (self.of(Type::Text, depth), self.of(Type::Text, depth));
        match self.random.below(13) {
            0 | 1 => format!("({a} + {b})"),
            2 => format!("{a}.lowerAscii()"),
            3 => format!("{a}.replace('a', {b})"),
            4 => format!("{a}.replace('', 'xy')"),
            5 => format!("{}.join({b})", self.of(Type::Texts, depth)),
            6 => format!("({} ? {a} : {b})", self.of(Type::Bool, depth)),
            7 => format!("string({})", self.of(Type::Number, depth)),
            8 => format!("toBase64({a})"),
            9 => format!("'%s-%s'.format([{a}, {b}])"),
            10 => {
                let (name, body) = self.within(Type::Text, depth);
                format!("cel.bind({name}, {a}, {body})")
            }
            11 => format!("sha256sum({a})"),
            _ => format!("slugify({a})"),
        }
    }

    fn texts(&mut self, depth: usize) -> String {
        let list = self.of(Type::Texts, depth);
        match self.random.below(8) {
            0 => format!("({list} + {})", self.of(Type::Texts, depth)),
            1 => format!("[{}, {}]", self.of(Type::Text, depth), self.of(Type::Text, depth)),
            2 => format!("{}.split('a')", self.of(Type::Text, depth)),
            3 => {
                let (name, body) = self.within(Type::Text, depth);
                format!("{list}.map({name}, {body})")
            }
            4 => {
                let (name, body) = self.within(Type::Bool, depth);
                format!("{list}.filter({name}, {body})")
            }
            5 => {
                let map = self.of(Type::Map, depth);
                let (name, body) = self.within(Type::Text, depth);
                format!("{map}.map({name}, {body})")
            }
            6 => {
                let map = self.of(Type::Map, depth);
                let (name, body) = self.within(Type::Text, depth);
                format!("{map}.transformList({name}, value{name}, {body} + value{name})")
            }
            _ => format!("({} ? {list} : {})", self.of(Type::Bool, depth), self.of(Type::Texts, depth)),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => format!("size({})", self.of(Type::Text, depth)),
            1 => format!("size({})", self.of(Type::Texts, depth)),
            2 => format!("{}.indexOf({})", self.of(Type::Texts, depth), self.of(Type::Text, depth)),
            3 => format!("size({})", self.of(Type::Map, depth)),
            _ => format!("math.greatest({}, {})", self.of(Type::Number, depth), self.of(Type::Number, depth)),
        }
    }

    fn bool(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0 => format!("({} == {})", self.of(Type::Text, depth), self.of(Type::Text, depth)),
            1 => format!("({} == {})", self.of(Type::Texts, depth), self.of(Type::Texts, depth)),
            2 => format!("({} && {})", self.of(Type::Bool, depth), self.of(Type::Bool, depth)),
            3 => format!("({} || !{})", self.of(Type::Bool, depth), self.of(Type::Bool, depth)),
            4 => format!("{}.contains({})", self.of(Type::Text, depth), self.of(Type::Text, depth)),
            5 => format!("({} in {})", self.of(Type::Text, depth), self.of(Type::Texts, depth)),
            6 => {
                let list = self.of(Type::Texts, depth);
                let (name, body) = self.within(Type::Bool, depth);
                format!("{list}.all({name}, {body})")
            }
            7 => {
                let map = self.of(Type::Map, depth);
                let (name, body) = self.within(Type::Bool, depth);
                format!("{map}.exists({name}, {body})")
            }
            8 => format!("{}.matches('[a-z]+')", self.of(Type::Text, depth)),
            _ => format!("sets.contains({}, {})", self.of(Type::Texts, depth), self.of(Type::Texts, depth)),
        }
    }

    fn map(&mut self, depth: usize) -> String {
        match self.random.below(4) {
            0 => format!("{{'a': {}, 'b': {}}}", self.of(Type::Text, depth), self.of(Type::Text, depth)),
            1 => {
                let map = self.of(Type::Map, depth);
                let (name, body) = self.within(Type::Text, depth);
                format!("{map}.transformMap(key{name}, {name}, {body} + key{name})")
            }
            2 => format!("{{{}: 'x'}}", self.of(Type::Text, depth)),
            _ => format!(
                "({} ? {} : {})",
                self.of(Type::Bool, depth),
                self.of(Type::Map, depth),
                self.of(Type::Map, depth)
            ),
        }
    }
}
