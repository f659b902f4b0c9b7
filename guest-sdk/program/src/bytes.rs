//! Reading numbers and blocks from code.

use crate::error::ReadError;

/// A stretch of code that is not read yet. Each read takes from its front, so that reading always ends.
#[derive(Debug, Clone, Copy)]
pub struct Code<'p>(pub(crate) &'p [u8]);

impl<'p> Code<'p> {
    /// Whether all of it was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the reading of a record.
    ///
    /// # Errors
    /// [`ReadError::TrailingBytes`] if something is left.
    pub fn finish(&self) -> Result<(), ReadError> {
        if self.0.is_empty() { Ok(()) } else { Err(ReadError::TrailingBytes) }
    }

    /// One byte.
    ///
    /// # Errors
    /// [`ReadError::Truncated`] at the end.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, ReadError> {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                Ok(*first)
            }
            None => Err(ReadError::Truncated),
        }
    }

    /// A flag: one byte, 0 or 1.
    ///
    /// # Errors
    /// [`ReadError::Number`] for another byte.
    #[inline]
    pub fn flag(&mut self) -> Result<bool, ReadError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ReadError::Number),
        }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'p [u8], ReadError> {
        match self.0.split_at_checked(len) {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None => Err(ReadError::Truncated),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        self.array_ref().copied()
    }

    pub(crate) fn array_ref<const N: usize>(&mut self) -> Result<&'p [u8; N], ReadError> {
        match self.0.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None => Err(ReadError::Truncated),
        }
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, ReadError> {
        // Nearly all numbers are short.
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        self.long_number(first)
    }

    fn long_number(&mut self, first: u8) -> Result<u64, ReadError> {
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ReadError::Number);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
            if shift > 63 {
                return Err(ReadError::Number);
            }
        }
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Result<i64, ReadError> {
        let zigzag = self.number()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    #[inline]
    pub(crate) fn short(&mut self) -> Result<u16, ReadError> {
        u16::try_from(self.number()?).map_err(|_| ReadError::Number)
    }

    /// A count of things that follow, each at least one byte long: it can't be larger than what is left.
    #[inline]
    pub(crate) fn count(&mut self) -> Result<usize, ReadError> {
        let count = usize::try_from(self.number()?).map_err(|_| ReadError::Number)?;
        if count > self.0.len() { Err(ReadError::Truncated) } else { Ok(count) }
    }

    #[inline]
    pub(crate) fn block(&mut self) -> Result<Code<'p>, ReadError> {
        let len = self.count()?;
        Ok(Code(self.take(len)?))
    }
}

/// Writes an unsigned number.
pub(crate) fn put_number(out: &mut alloc::vec::Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a signed number.
pub(crate) fn put_signed(out: &mut alloc::vec::Vec<u8>, value: i64) {
    put_number(out, ((value << 1) ^ (value >> 63)) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn numbers_survive() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, value);
            assert_eq!(Code(&out).number(), Ok(value));
        }
        for value in [0, -1, 1, 63, -64, 64, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(Code(&out).signed(), Ok(value));
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert_eq!(Code(&[0xff; 10]).number(), Err(ReadError::Number));
        assert_eq!(Code(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]).number(), Err(ReadError::Number));
        assert_eq!(Code(&[0x80]).number(), Err(ReadError::Truncated));
    }

    #[test]
    fn a_count_is_bounded_by_what_follows() {
        assert_eq!(Code(&[2, 0]).count(), Err(ReadError::Truncated));
        assert_eq!(Code(&[1, 0]).count(), Ok(1));
    }
}
