//! `randomAlphanumeric`, `randomHex`: text drawn from the request's entropy.
//!
//! What is drawn depends on the entropy, the child, its element and how many draws came before in that child, and on
//! nothing else: two calls with the same request give the same text, and no text tells anything of another one.

use orkestra_program::function::Function;
use sha2::{Digest, Sha256};

use super::Called;
use crate::eval::{Env, Machine};
use crate::fault::{Fault, Res};
use crate::value::Value;

const HEX: &[u8; 16] = b"0123456789abcdef";
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Bytes from here on are drawn again: the 248 below are four times the alphabet.
const REJECTED: u8 = 248;
const LONGEST: i64 = 256;
const ENTROPY: usize = 32;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let [Value::Int(length)] = *arguments else { return Ok(None) };
    if !(1..=LONGEST).contains(&length) {
        return m.error("a random text has from 1 to 256 characters");
    }
    m.meter.spend(length as u64)?;
    let mut stream = stream(m)?;
    let mut text = bumpalo::collections::String::with_capacity_in(length as usize, m.arena);
    while text.len() < length as usize {
        let byte = stream.next_byte();
        let digit = match function {
            Function::RandomHex => HEX.get(usize::from(byte >> 4)),
            _ if byte >= REJECTED => continue,
            _ => ALPHANUMERIC.get(usize::from(byte) % ALPHANUMERIC.len()),
        };
        text.extend(digit.map(|digit| char::from(*digit)));
    }
    Ok(Some(Value::String(text.into_bump_str())))
}

/// The bytes of one draw.
struct Stream {
    seed: [u8; 32],
    block: [u8; 32],
    blocks: u64,
    used: usize,
}

impl Stream {
    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.blocks.to_le_bytes());
            self.block = hash.finalize().into();
            self.blocks += 1;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }
}

fn stream<'a>(m: &mut Machine<'a>) -> Res<'a, Stream> {
    let (Env::Entry(env), Some(subject)) = (&m.env, &m.subject) else {
        return m.error("random text can only be made in the manifest of a child");
    };
    if env.entropy.len() != ENTROPY {
        return Err(Fault::input(m.arena, &["entropy is not 32 bytes long"]));
    }
    let mut hash = Sha256::new();
    hash.update(env.entropy);
    // Each part with its length, so that no two places have the same input.
    for part in [subject.id, subject.element.map_or("", |element| element.key)] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(m.draws.to_le_bytes());
    m.draws += 1;
    Ok(Stream { seed: hash.finalize().into(), block: [0; 32], blocks: 0, used: 32 })
}
