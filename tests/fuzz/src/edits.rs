//! Edits of YAML by lines and words, for the fuzzer. One that changes bytes alone rarely gets past the check: of six thousand inputs
//! that it had kept, thirty were sound patterns. An edit as a person makes one leaves a sound pattern far more often, and one that
//! begins with a sound pattern more often still: so some of those are remembered here, which libFuzzer would not keep for that.

use std::sync::Mutex;

/// What a value may become.
const VALUES: [&str; 16] = [
    "true",
    "false",
    "0",
    "1",
    "65536",
    "30s",
    "a",
    "\"\"",
    "{}",
    "[]",
    "[a, b]",
    "{a: b}",
    "\"{{ metadata.name }}\"",
    "\"{{ spec.replicas | default 1 }}\"",
    "\"{{ has(spec.note) }}\"",
    "\"{{ {'a': 'b'} }}\"",
];

/// Sound patterns that were seen.
static SOUND: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// How many are remembered.
const MOST: usize = 512;

/// Remembers a sound pattern, in the place of another one where there are many.
pub fn remember(bytes: &[u8]) {
    let Ok(mut sound) = SOUND.lock() else { return };
    // Its own bytes decide whose place it takes, so that a run with a seed can be run again.
    let mut random =
        Random(bytes.iter().fold(1, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte))) | 1);
    match sound.len() < MOST {
        true => sound.push(bytes.to_owned()),
        false => sound[random.below(MOST)] = bytes.to_owned(),
    }
}

/// Two times in three a pattern that is remembered, else the bytes, with one to three edits; none where they are no text.
pub fn next(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let sound = SOUND.lock().ok()?;
    let mut random = Random(u64::from(seed) << 16 | 1);
    random.below(1);
    match sound.get(random.below(sound.len())) {
        Some(remembered) if random.below(3) > 0 => edited(remembered, seed),
        _ => edited(bytes, seed),
    }
}

/// Numbers from a seed (xorshift); the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or_default()
    }
}

/// The text with one to three edits; none where it is no text.
fn edited(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
    let mut random = Random(u64::from(seed) << 8 | 0x9e37_79b9_0000_0001);
    random.below(1);
    for _ in 0..=random.below(3) {
        text = edit(&text, &mut random)?;
    }
    Some(text.into_bytes())
}

fn edit(text: &str, random: &mut Random) -> Option<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let at = random.below(lines.len());
    let end = block(&lines, at);
    let around = |put: &[&str], from: usize| [&lines[..from], put, &lines[end..]].concat().join("\n");
    Some(match random.below(6) {
        0 => around(&[], at),
        1 => around(&lines[at..end], end),
        2 => {
            // One that stands in the same column may stand here as well.
            let alike: Vec<usize> =
                (0..lines.len()).filter(|other| indent(lines[*other]) == indent(lines[at])).collect();
            let other = *alike.get(random.below(alike.len()))?;
            around(&lines[other..block(&lines, other)], end)
        }
        3 => {
            let colon = lines[at].find(": ")? + 2;
            let given = lines[random.below(lines.len())].split_once(": ").map(|(_, value)| value);
            let value = given.filter(|_| random.below(2) == 0).unwrap_or(VALUES[random.below(VALUES.len())]);
            let line = format!("{}{value}", &lines[at][..colon]);
            [&lines[..at], &[line.as_str()], &lines[at + 1..]].concat().join("\n")
        }
        4 => {
            let numbers = runs(text, |letter| letter.is_ascii_digit());
            let (start, end) = *numbers.get(random.below(numbers.len()))?;
            let digits = 1 + random.below(8);
            let number: String = (0..digits).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
            format!("{}{number}{}", &text[..start], &text[end..])
        }
        _ => {
            // A name, wherever it is used.
            let words = runs(text, |letter| letter.is_ascii_alphabetic());
            let (start, end) = *words.get(random.below(words.len()))?;
            let letter = char::from(b'a' + random.below(26) as u8);
            let name = format!("{}{}", &text[start..end], letter.to_string().repeat(1 + random.below(40)));
            let old = &text[start..end];
            let mut renamed = String::with_capacity(text.len());
            let mut done = 0;
            for (from, to) in words.iter().copied().filter(|(from, to)| text[*from..*to] == *old) {
                renamed.push_str(&text[done..from]);
                renamed.push_str(&name);
                done = to;
            }
            renamed + &text[done..]
        }
    })
}

/// Where the block ends that begins with a line: that line, and those below it that are indented more.
fn block(lines: &[&str], at: usize) -> usize {
    let own = indent(lines[at]);
    let below = lines[at + 1..].iter().take_while(|line| line.trim().is_empty() || indent(line) > own).count();
    at + 1 + below
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where letters stand that are all alike, from and to.
fn runs(text: &str, of: impl Fn(char) -> bool) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, letter) in text.char_indices().filter(|(_, letter)| of(*letter)) {
        match found.last_mut() {
            Some((_, end)) if *end == at => *end += letter.len_utf8(),
            _ => found.push((at, at + letter.len_utf8())),
        }
    }
    found
}
