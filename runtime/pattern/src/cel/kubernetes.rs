//! The declarations of Kubernetes' libraries: lists, sets, regular expressions, URLs, quantities, versions, addresses, formats.

use cel_core::{CelType, Env, FunctionDecl, OverloadDecl};

/// Types that only functions look into, by the names that Kubernetes gives them.
pub(super) const IP: &str = "net.IP";
pub(super) const CIDR: &str = "net.CIDR";
const QUANTITY: &str = "kubernetes.Quantity";
const SEMVER: &str = "kubernetes.Semver";
const URL: &str = "kubernetes.URL";
const FORMAT: &str = "kubernetes.NamedFormat";

/// What `format.…()` and `format.named('…')` know.
const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "dns1035Label",
    "dns1035LabelPrefix",
    "qualifiedName",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// Adds the libraries.
pub(super) fn declare(env: &mut Env) {
    for name in [IP, CIDR] {
        env.add_variable(name, CelType::type_of(opaque(name)));
    }
    let mut add = Declarer(env);
    lists(&mut add);
    texts(&mut add);
    urls(&mut add);
    quantities(&mut add);
    versions(&mut add);
    addresses(&mut add);
    formats(&mut add);
}

fn opaque(name: &str) -> CelType {
    CelType::abstract_type(name, &[])
}

struct Declarer<'a>(&'a mut Env);

impl Declarer<'_> {
    fn function<const N: usize>(&mut self, name: &str, arguments: [CelType; N], result: CelType) {
        let id = id(name, &arguments);
        self.overload(name, OverloadDecl::function(id, arguments.into(), result));
    }

    /// The receiver is the first argument.
    fn method<const N: usize>(&mut self, name: &str, arguments: [CelType; N], result: CelType) {
        let id = id(name, &arguments);
        self.overload(name, OverloadDecl::method(id, arguments.into(), result));
    }

    fn overload(&mut self, name: &str, overload: OverloadDecl) {
        // A parameter of a type is one in functions of any value only.
        let overload = overload.with_type_params(vec!["A".to_owned()]);
        self.0.add_function(FunctionDecl::new(name).with_overload(overload));
    }
}

fn id(name: &str, arguments: &[CelType]) -> String {
    let types: Vec<String> = arguments.iter().map(CelType::display_name).collect();
    format!("{name}({})", types.join(","))
}

fn lists(add: &mut Declarer<'_>) {
    use CelType::{Bool, Bytes, Double, Duration, Int, String, Timestamp, UInt};
    for item in [Int, UInt, Double, Bool, Duration, Timestamp, String, Bytes] {
        let list = CelType::list(item.clone());
        add.method("isSorted", [list.clone()], Bool);
        add.method("min", [list.clone()], item.clone());
        add.method("max", [list], item);
    }
    for item in [Int, UInt, Double, Duration] {
        add.method("sum", [CelType::list(item.clone())], item);
    }
    let any = CelType::type_param("A");
    let list = CelType::list(any.clone());
    for name in ["indexOf", "lastIndexOf"] {
        add.method(name, [list.clone(), any.clone()], Int);
    }
    for name in ["sets.contains", "sets.equivalent", "sets.intersects"] {
        add.function(name, [list.clone(), list.clone()], Bool);
    }
}

fn texts(add: &mut Declarer<'_>) {
    use CelType::{Int, String};
    add.method("find", [String, String], String);
    add.method("findAll", [String, String], CelType::list(String));
    add.method("findAll", [String, String, Int], CelType::list(String));
}

fn urls(add: &mut Declarer<'_>) {
    use CelType::{Bool, String};
    add.function("url", [String], opaque(URL));
    add.function("isURL", [String], Bool);
    for name in ["getScheme", "getHost", "getHostname", "getPort", "getEscapedPath"] {
        add.method(name, [opaque(URL)], String);
    }
    add.method("getQuery", [opaque(URL)], CelType::map(String, CelType::list(String)));
}

fn quantities(add: &mut Declarer<'_>) {
    use CelType::{Bool, Double, Int, String};
    add.function("quantity", [String], opaque(QUANTITY));
    add.function("isQuantity", [String], Bool);
    add.method("isInteger", [opaque(QUANTITY)], Bool);
    add.method("asInteger", [opaque(QUANTITY)], Int);
    add.method("asApproximateFloat", [opaque(QUANTITY)], Double);
    // Kubernetes documents the method and has the function.
    add.method("sign", [opaque(QUANTITY)], Int);
    add.function("sign", [opaque(QUANTITY)], Int);
    for name in ["add", "sub"] {
        add.method(name, [opaque(QUANTITY), opaque(QUANTITY)], opaque(QUANTITY));
        add.method(name, [opaque(QUANTITY), Int], opaque(QUANTITY));
    }
    ordered(add, QUANTITY);
}

fn ordered(add: &mut Declarer<'_>, name: &str) {
    add.method("isLessThan", [opaque(name), opaque(name)], CelType::Bool);
    add.method("isGreaterThan", [opaque(name), opaque(name)], CelType::Bool);
    add.method("compareTo", [opaque(name), opaque(name)], CelType::Int);
}

fn versions(add: &mut Declarer<'_>) {
    use CelType::{Bool, Int, String};
    add.function("semver", [String], opaque(SEMVER));
    add.function("semver", [String, Bool], opaque(SEMVER));
    add.function("isSemver", [String], Bool);
    add.function("isSemver", [String, Bool], Bool);
    for name in ["major", "minor", "patch"] {
        add.method(name, [opaque(SEMVER)], Int);
    }
    ordered(add, SEMVER);
}

fn addresses(add: &mut Declarer<'_>) {
    use CelType::{Bool, Int, String};
    add.function("ip", [String], opaque(IP));
    add.function("isIP", [String], Bool);
    add.function("ip.isCanonical", [String], Bool);
    add.method("family", [opaque(IP)], Int);
    for name in ["isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast", "isGlobalUnicast"] {
        add.method(name, [opaque(IP)], Bool);
    }
    add.function("cidr", [String], opaque(CIDR));
    add.function("isCIDR", [String], Bool);
    for (name, of) in [("containsIP", IP), ("containsCIDR", CIDR)] {
        add.method(name, [opaque(CIDR), opaque(of)], Bool);
        add.method(name, [opaque(CIDR), String], Bool);
    }
    add.method("ip", [opaque(CIDR)], opaque(IP));
    add.method("masked", [opaque(CIDR)], opaque(CIDR));
    add.method("prefixLength", [opaque(CIDR)], Int);
    for of in [IP, CIDR] {
        add.function("string", [opaque(of)], String);
    }
}

fn formats(add: &mut Declarer<'_>) {
    for name in FORMATS {
        add.function(&format!("format.{name}"), [], opaque(FORMAT));
    }
    add.function("format.named", [CelType::String], CelType::optional(opaque(FORMAT)));
    let problems = CelType::optional(CelType::list(CelType::String));
    add.method("validate", [opaque(FORMAT), CelType::String], problems);
}
