//! Kubernetes' libraries and Orkestra's notes, from the text of an expression to what the engine gives: what Kubernetes' documentation says of each
//! function, and what is refused.

use orkestra_compile::lower;
use orkestra_engine::{Engine, Failure};
use orkestra_pattern::cel::{self, Declarations, ProblemKind};
use orkestra_program::CALL_BUDGET;
use orkestra_program::model::{Evaluation, Located, Program};
use serde_json::{Value, json};

fn outcome(source: &str) -> Result<(Value, u64), String> {
    let checked = cel::check_free(source, "", &Declarations::default()).unwrap_or_else(|problems| {
        panic!("{source}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    });
    let value = Located { at: String::new(), expr: lower::free(&checked, &[], "") };
    let evaluation = Evaluation { name: "e".to_owned(), bindings: vec![], value };
    let program = orkestra_program::encode(&Program { entries: vec![], evaluations: vec![evaluation] });
    match Engine::load(&program).eval("e", b"{}", CALL_BUDGET) {
        Ok(found) => Ok((serde_json::from_slice(&found.value).unwrap(), found.cost)),
        Err(Failure::Expression { message, .. }) => Err(message),
        Err(other) => panic!("{source}: {other:?}"),
    }
}

#[track_caller]
fn holds(sources: &[&str]) {
    for source in sources {
        assert_eq!(outcome(source).map(|(value, _)| value), Ok(json!({"type": "bool", "value": true})), "{source}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (source, part) in cases {
        let message = outcome(source).unwrap_err();
        assert!(message.contains(part), "{source}: {message}");
    }
}

/// What the check refuses because of its types.
#[track_caller]
fn refused(sources: &[&str]) {
    for source in sources {
        let Err(problems) = cel::check_free(source, "", &Declarations::default()) else {
            panic!("{source} is let through")
        };
        assert!(problems.iter().all(|problem| problem.kind == ProblemKind::NoOverload), "{source}: {problems:#?}");
    }
}

fn cost(source: &str) -> u64 {
    outcome(source).unwrap().1
}

#[test]
fn lists() {
    holds(&[
        "[1, 2, 2, 3].isSorted() && ['a', 'b'].isSorted() && [].isSorted() && [1].isSorted()",
        "![2.0, 1.0].isSorted() && ![true, false].isSorted()",
        "[timestamp('2024-01-01T00:00:00Z'), timestamp('2024-01-02T00:00:00Z')].isSorted()",
        "[1, 3].sum() == 4 && [1.0, 3.5].sum() == 4.5 && [1u, 2u].sum() == 3u",
        "[duration('1m'), duration('1s')].sum() == duration('61s')",
        "type([0].filter(x, x > 0).sum()) == int && type([0u].filter(x, x > 0u).sum()) == uint",
        "[0.5].filter(x, x > 1.0).sum() == 0.0 && type([0.5].filter(x, x > 1.0).sum()) == double",
        "[duration('1s')].filter(x, false).sum() == duration('0s')",
        "[1, 3, 2].min() == 1 && [1, 3, 2].max() == 3 && ['b', 'a'].min() == 'a' && [b'a', b'b'].max() == b'b'",
        "[1, 2, 2, 3].indexOf(2) == 1 && [1, 2, 2, 3].lastIndexOf(2) == 2 && ['a', 'b'].indexOf('c') == -1",
        "[1.0].indexOf(1.0) == 0 && [].lastIndexOf(1) == -1 && [[1], [2]].indexOf([2]) == 1",
        "'abcb'.indexOf('b') == 1 && 'abcb'.lastIndexOf('b') == 3",
    ]);
    fails(&[
        ("[1].filter(x, x > 1).min()", "empty list"),
        ("[1].filter(x, x > 1).max()", "empty list"),
        ("[9223372036854775807, 1].sum()", "out of range"),
        ("dyn(['a', 'b']).sum()", "no such overload"),
        ("dyn([1, 2u]).sum()", "no such overload"),
        ("dyn([duration('1s'), timestamp('2024-01-01T00:00:00Z')]).sum()", "no such overload"),
        ("dyn([1, 'a']).isSorted()", "no such overload"),
        ("dyn([[1], [2]]).max()", "no such overload"),
        ("dyn([{}]).min()", "no such overload"),
    ]);
    refused(&["['a'].sum()", "[[1]].isSorted()", "[{'a': 1}].min()", "[1].min(2)"]);
}

#[test]
fn sets() {
    holds(&[
        "sets.contains([], []) && sets.contains([1, 2, 3, 4], [2, 3]) && sets.contains([1, 2.0, 3u], [1.0, 2u, 3])",
        "!sets.contains([], [1]) && !sets.contains([1, 3], [1, 2])",
        "sets.equivalent([], []) && sets.equivalent([1], [1, 1]) && sets.equivalent([1], [1u, 1.0])",
        "sets.equivalent([1, 2, 3], [3u, 2.0, 1]) && !sets.equivalent([1, 2], [1])",
        "!sets.intersects([1], []) && sets.intersects([1], [1, 2]) && !sets.intersects([[1], [2, 3]], [[1, 2], [2, 3.5]])",
    ]);
    refused(&["sets.contains([1], 1)", "sets.intersects('a', ['a'])"]);
    assert_eq!(cost("sets.contains([1, 2, 3], [3, 3])") - cost("sets.contains([1, 2, 3], [1, 1])"), 4);
}

#[test]
fn regular_expressions() {
    holds(&[
        "'abc 123'.find('[0-9]+') == '123' && 'abc 123'.find('xyz') == ''",
        "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '123 abc 456'.findAll('[0-9]+', 1) == ['123']",
        "'123 abc 456'.findAll('xyz') == [] && 'aa'.findAll('a', 0) == [] && 'aa'.findAll('a', -1) == ['a', 'a']",
        "'baaac'.findAll('a*') == ['', 'aaa', '']",
    ]);
    fails(&[
        ("'a'.find('(' + '')", "not a regular expression"),
        ("'a'.findAll('[' + '', 2)", "not a regular expression"),
    ]);
    refused(&["'a'.find(1)", "'a'.findAll('a', 'b')"]);
}

#[test]
fn urls() {
    holds(&[
        "isURL('https://user:pass@example.com:80/path?query=val#fragment') && isURL('/absolute-path')",
        "!isURL('https://a:b:c/') && !isURL('../relative-path') && !isURL('')",
        "url('https://example.com/').getScheme() == 'https' && url('/path').getScheme() == ''",
        "url('HTTPS://example.com/').getScheme() == 'https'",
        "url('https://example.com:80/').getHost() == 'example.com:80' && url('https://example.com/').getHost() == 'example.com'",
        "url('https://[::1]:80/').getHost() == '[::1]:80' && url('/path').getHost() == ''",
        "url('https://example.com:80/').getHostname() == 'example.com' && url('https://127.0.0.1:80/').getHostname() == '127.0.0.1'",
        "url('https://[::1]:80/').getHostname() == '::1' && url('/path').getHostname() == ''",
        "url('https://example.com:80/').getPort() == '80' && url('https://example.com/').getPort() == ''",
        "url('https://example.com/path').getEscapedPath() == '/path'",
        "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
        "url('https://example.com').getEscapedPath() == '' && url('/a%2fb').getEscapedPath() == '/a%2fb'",
        "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
        "url('https://example.com/path?key with spaces=value with spaces').getQuery() == {'key with spaces': ['value with spaces']}",
        "url('https://example.com/path?').getQuery() == {} && url('/path').getQuery() == {}",
        "url('/p?a=%zz&b=1;c&=d&e&f=a%26b+c').getQuery() == {'': ['d'], 'e': [''], 'f': ['a&b c']}",
        "url('/a') == url('/a') && url('/a') != url('/b') && [url('/a')].indexOf(url('/a')) == 0",
    ]);
    fails(&[("url('../relative-path')", "neither an absolute URI nor an absolute path")]);
    refused(&["'a'.getHost()", "url(1)", "isURL(url('/a'))"]);
}

#[test]
fn quantities() {
    holds(&[
        "isQuantity('1.3G') && isQuantity('1.3Gi') && isQuantity('10000k') && !isQuantity('1,3G') && !isQuantity('200K')",
        "!isQuantity('Three') && !isQuantity('Mi') && quantity('1.5G') == quantity('1500M')",
        "quantity('50000000G').isInteger() && quantity('50k').isInteger() && quantity('50k').asInteger() == 50000",
        "!quantity('9999999999999999999999999999999999999G').isInteger() && !quantity('1m').isInteger()",
        "quantity('50k').sub(20000).asApproximateFloat() == 30000.0 && quantity('100m').asApproximateFloat() == 0.1",
        "quantity('-1m').sign() == -1 && quantity('0').sign() == 0 && sign(quantity('1')) == 1",
        "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').add(20) == quantity('50020')",
        "quantity('50k').sub(quantity('20k')) == quantity('30k') && quantity('50k').sub(20000) == quantity('30k')",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
        "quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('50M').compareTo(quantity('50Mi')) == -1",
        "quantity('50Mi').compareTo(quantity('50M')) == 1 && quantity('150Mi').isGreaterThan(quantity('100Mi'))",
        "!quantity('50Mi').isGreaterThan(quantity('100Mi')) && quantity('50M').isLessThan(quantity('100M'))",
        "!quantity('100M').isLessThan(quantity('50M')) && quantity('1') != quantity('2') && dyn(quantity('1')) != 1",
    ]);
    fails(&[
        ("quantity('200K')", "not a quantity"),
        ("quantity('9999999999999999999999999999999999999G').asInteger()", "not an integer"),
        ("quantity('1.5').asInteger()", "not an integer"),
    ]);
    refused(&[
        "quantity('1') + quantity('2')",
        "quantity('1').add('2')",
        "quantity('1') < quantity('2')",
        "string(quantity('1'))",
        "quantity('1').isLessThan(semver('1.0.0'))",
        "quantity(1)",
    ]);
}

#[test]
fn versions() {
    holds(&[
        "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('v1.0', false) && !isSemver('200K')",
        "isSemver('1.0.0-rc.1+build.01') && !isSemver('01.0.0') && isSemver('01.0.0', true)",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "semver('v1.2', true) == semver('1.2.0') && semver('1.2.3') == semver('1.2.3+build')",
        "semver('1.2.3').compareTo(semver('1.2.3')) == 0 && semver('1.2.3').compareTo(semver('2.0.0')) == -1",
        "semver('1.2.3').compareTo(semver('0.1.2')) == 1 && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
        "semver('1.10.0').isGreaterThan(semver('1.9.0')) && !semver('1.2.3').isGreaterThan(semver('1.2.3'))",
    ]);
    fails(&[("semver('200K')", "not a semantic version"), ("semver('v1.0.0')", "not a semantic version")]);
    refused(&["semver(1)", "semver('1.0.0').compareTo('1.0.0')", "isSemver('a', 'b')"]);
}

#[test]
fn addresses() {
    holds(&[
        "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1') && !isIP('fe80::1%en0')",
        "ip.isCanonical('127.0.0.1') && ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
        "!ip.isCanonical('2001:db8::0:0:0:abcd') && string(ip('2001:DB8::0:ABCD')) == '2001:db8::abcd'",
        "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('127.0.0.1') != ip('::1')",
        "ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified() && ip('::1').isLoopback()",
        "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && ip('fe80::1').isLinkLocalUnicast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "isCIDR('192.168.0.0/16') && isCIDR('::1/128') && !isCIDR('192.168.0.0/33') && !isCIDR('::1/129')",
        "cidr('192.168.0.0/24').containsIP('192.168.0.1') && cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))",
        "!cidr('192.168.0.0/24').containsIP('192.168.1.1') && cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')",
        "!cidr('192.168.0.0/16').containsCIDR(cidr('192.168.0.0/15')) && cidr('192.168.1.0/24').ip() == ip('192.168.1.0')",
        "cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24') && cidr('192.168.0.0/16').prefixLength() == 16",
        "string(cidr('2001:DB8::1/32').masked()) == '2001:db8::/32' && cidr('10.0.0.1/8') != cidr('10.0.0.0/8')",
        "type(ip('::')) == net.IP && type(cidr('::/0')) == net.CIDR && ['::1', '10.0.0.1'].all(ip, isIP(ip))",
    ]);
    fails(&[
        ("ip('127.0.0.256')", "not an IP address"),
        ("ip('fe80::1%en0')", "zone"),
        ("ip('::ffff:192.168.0.1')", "IPv4 address inside"),
        ("ip.isCanonical('a')", "not an IP address"),
        ("cidr('10.0.0.0')", "length of a prefix"),
        ("cidr('10.0.0.0/8').containsIP('a')", "not an IP address"),
        ("cidr('10.0.0.0/8').containsCIDR('a')", "length of a prefix"),
    ]);
    refused(&[
        "ip(1)",
        "isIP(ip('::'))",
        "'a'.family()",
        "cidr('::/0').containsIP(cidr('::/0'))",
        "ip('::') < ip('::1')",
    ]);
}

#[test]
fn formats() {
    holds(&[
        "!format.dns1123Label().validate('my-label-name').hasValue()",
        "format.dns1123Label().validate('My.Label').value().size() == 1",
        "!format.dns1123Subdomain().validate('apiextensions.k8s.io').hasValue()",
        "!format.dns1035Label().validate('my-label-name').hasValue() && format.dns1035Label().validate('1a').hasValue()",
        "!format.qualifiedName().validate('apiextensions.k8s.io/v1beta1').hasValue()",
        "!format.dns1123LabelPrefix().validate('my-label-prefix-').hasValue() && format.dns1123Label().validate('a-').hasValue()",
        "!format.dns1123SubdomainPrefix().validate('mysubdomain.prefix.-').hasValue()",
        "!format.dns1035LabelPrefix().validate('my-label-prefix-').hasValue() && format.dns1035LabelPrefix().validate('-').hasValue()",
        "!format.labelValue().validate('').hasValue() && format.labelValue().validate('a ').hasValue()",
        "!format.uri().validate('http://example.com').hasValue() && format.uri().validate('example').hasValue()",
        "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.uuid().validate('1').hasValue()",
        "!format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('aGVsbG8').hasValue()",
        "!format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-02-29').hasValue()",
        "!format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && format.datetime().validate('2021-01-01').hasValue()",
        "!format.datetime().validate('2021-01-01t00:00:00.5+01:00').hasValue()",
        "format.named('dns1123Label').value() == format.dns1123Label() && !format.named('no').hasValue()",
        "!format.named('named').hasValue() && format.named('datetime').hasValue() && format.date() != format.uri()",
        "format.labelValue().validate('ü' + 'a'.replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).value().size() == 2",
        "'%d'.format([1]) == '1'",
    ]);
    refused(&["format.dns1123Label().validate(1)", "format.named(1)"]);
}

#[test]
fn work_that_grows_with_a_text_is_charged() {
    let long = |call: &str, length: usize| cost(&call.replace('$', &"1".repeat(length)));
    for (call, tenths) in [
        ("isURL('/$')", 1),
        ("isQuantity('$')", 1),
        ("isSemver('$')", 1),
        ("isIP('$')", 1),
        ("isCIDR('$')", 1),
        ("format.uuid().validate('$').hasValue()", 15),
        ("'$'.find('abcdefgh') == ''", 2),
        ("'$'.findAll('abcdefgh').size() == 0", 2),
    ] {
        assert_eq!(long(call, 1200) - long(call, 200), tenths * 100, "{call}");
    }
    assert_eq!(cost("[1, 2, 3, 4].max()") - cost("[1, 2].max()"), 2);
}

#[test]
fn what_has_no_text_is_told_by_its_type() {
    let typed = |source: &str| outcome(source).unwrap().0;
    assert_eq!(typed("cidr('10.0.0.0/8')"), json!({"type": "net.CIDR", "value": "10.0.0.0/8"}));
    assert_eq!(typed("quantity('1')"), json!({"type": "kubernetes.Quantity", "value": ""}));
    assert_eq!(typed("ip('::')"), json!({"type": "net.IP", "value": "::"}));
}

#[test]
fn notes() {
    holds(&[
        "toLower('Ab') == 'ab' && ('Ab' | toUpper) == 'AB' && (' a ' | trim) == 'a'",
        "('a-b' | replace '-' '_') == 'a_b' && replace('aaa', 'a', 'b', 2) == 'bba' && split('a,b', ',') == ['a', 'b']",
        "(['a', 'b'] | join ',') == 'a,b' && join(['a', 'b']) == 'ab' && split('a,b,c', ',', 2) == ['a', 'b,c']",
        "toBase64('hello') == 'aGVsbG8=' && toBase64(b'hello') == 'aGVsbG8=' && fromBase64('aGVsbG8=') == 'hello'",
        "sha256sum('abc') == sha256sum(b'abc') && sha256sum('').startsWith('e3b0c44298fc1c14') && sha256sum('a').size() == 64",
        "slugify('My App / Service') == 'my-app-service' && slugify('!') == ''",
        "truncateName('a-long-name', 6) == 'a-long' && truncateName('ab', 2) == 'ab' && ('ab' | truncateName 63) == 'ab'",
        "truncateName('größe', 3) == 'grö' && truncateName('a', 0) == '' && truncateName('', 3) == ''",
        "parseQuantity('100m') == 0.1 && parseQuantity('1Gi') == 1073741824.0",
        "coalesce(null, null, 3) == 3 && (null | coalesce 'a') == 'a' && coalesce(1, 2) == 1",
        "(true | ternary 'a' 'b') == 'a' && ternary(1 > 2, 1, 2) == 2",
    ]);
    fails(&[
        ("fromBase64('a-_b')", "not base64"),
        ("fromBase64('/w==')", "not UTF-8"),
        ("parseQuantity('x')", "not a quantity"),
        ("truncateName('a', -1)", "0 characters or more"),
    ]);
    refused(&[
        "toLower(1)",
        "truncateName('a')",
        "truncateName('a', '1')",
        "sha256sum([1])",
        "slugify(1)",
        "join([1], ',')",
        "fromBase64(b'a')",
    ]);
}
