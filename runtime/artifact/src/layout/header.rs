//! Headers of tar files, of the one kind that a layout needs: regular files with short names. No extension is read, so none can say
//! that an entry has another name or size than its header does.

use super::LayoutError;

pub(super) const BLOCK: usize = 512;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) kind: char,
}

/// Reads a header; none for a block of zeros, the end mark.
pub(super) fn read(block: &[u8; BLOCK], offset: u64) -> Result<Option<Header>, LayoutError> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let wrong = |problem| LayoutError::BadHeader { offset, problem };
    let sum: u64 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    if octal(&block[148..156]) != Some(sum) {
        return Err(wrong("its checksum is another"));
    }
    if &block[257..262] != b"ustar" {
        return Err(wrong("it is not of the format `ustar`"));
    }
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8(field[..end].to_vec()).map_err(|_| wrong("its name is not UTF-8"))
    };
    // GNU's variant keeps times where the name's prefix would be; none of our names needs one.
    let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500])? } else { String::new() };
    let name = text(&block[..100])?;
    let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
    let size = octal(&block[124..136]).ok_or_else(|| wrong("its size is no octal number"))?;
    let kind = if block[156] == 0 { '0' } else { char::from(block[156]) };
    Ok(Some(Header { name, size, kind }))
}

/// Writes a header of a regular file: owner, time and mode are the same on any machine.
pub(super) fn write(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(|character| matches!(character, ' ' | '\0'));
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => u64::from_str_radix(text, 8).ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let written = write("blobs/sha256/00", 1 << 30);
        let read = read(&written, 0).unwrap().unwrap();
        assert_eq!(read, Header { name: "blobs/sha256/00".into(), size: 1 << 30, kind: '0' });
        assert_eq!(super::read(&[0; BLOCK], 0).unwrap(), None);
    }

    #[test]
    fn a_changed_header_is_refused() {
        let mut changed = write("index.json", 5);
        changed[124] = b'7';
        assert_eq!(read(&changed, 0).unwrap_err().reason(), "BadHeader");
        assert_eq!(read(&[b'x'; BLOCK], 0).unwrap_err().reason(), "BadHeader");
    }
}
