//! A trace in a file, compressed or not.
//!
//! Owns opening and decoding. Invariant: every byte of the file is a request's, or reading fails;
//! what a compressed file lost fails too. Cost: one pass; the file is never whole in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::format::Format;
use crate::failure::Failure;
use crate::limits::TRACE_REQUESTS_MAX;
use crate::workload::{Trace, TraceBuilder};

/// Bytes that are read at once, and from which the format is told.
const BUFFER_LEN: usize = 1 << 18;
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// What is compressed in ways that are not understood here.
const OTHERS: [(&[u8], &str); 3] =
    [(b"BZh", "bzip2"), (&[0x04, 0x22, 0x4d, 0x18], "lz4"), (b"PK\x03\x04", "zip")];

/// Reads the trace at `path`, at most its first `requests_max` requests; tells the format by name
/// and content unless one is given.
///
/// # Errors
/// When there is no such file, it is cut or damaged, its format cannot be told, or there is no
/// request in it.
pub fn read(
    path: &Path,
    format: Option<Format>,
    requests_max: Option<usize>,
) -> Result<Trace, Failure> {
    let refused = || Failure::system(format!("cannot read the trace {}", path.display()));
    let requests_max = requests_max.unwrap_or(TRACE_REQUESTS_MAX);
    let bytes = open(path).map_err(refused())?;
    let bytes = BufReader::with_capacity(BUFFER_LEN, bytes);
    decode(path, bytes, format, requests_max).map_err(cut).map_err(refused())
}

/// What a decompressor says of a file that ends early tells nobody anything.
fn cut(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => refused(format!("the file is cut: {error}")),
        _ => error,
    }
}

/// The file's bytes, decompressed.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(BUFFER_LEN, File::open(path)?);
    let head = file.fill_buf()?;
    if let Some((_, name)) = OTHERS.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(refused(format!("it is compressed by {name}: decompress it first")));
    }
    Ok(if head.starts_with(&XZ) {
        Box::new(lzma_rust2::XzReader::new(file, true))
    } else if head.starts_with(&ZSTD) {
        Box::new(zstd::Decoder::with_buffer(file)?)
    } else if head.starts_with(&GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

fn decode(
    path: &Path,
    mut bytes: impl BufRead,
    format: Option<Format>,
    requests_max: usize,
) -> io::Result<Trace> {
    let mut head = Vec::new();
    bytes.by_ref().take(BUFFER_LEN as u64).read_to_end(&mut head)?;
    let names = Format::ALL.map(Format::name).join(", ");
    let unknown = || refused(format!("its format cannot be told; say --format, one of {names}"));
    let format = match format {
        Some(format) => format,
        None if head.is_empty() => return Err(refused("it is empty".to_owned())),
        None => Format::recognise(path, &head).ok_or_else(unknown)?,
    };
    let bytes = head.chain(bytes);
    match format.record_len() {
        None => Trace::read_first(bytes, requests_max),
        Some(len) => records(bytes, format, len, requests_max),
    }
}

fn records(
    mut bytes: impl BufRead,
    format: Format,
    len: usize,
    requests_max: usize,
) -> io::Result<Trace> {
    let mut builder = TraceBuilder::default();
    let mut record = [0; 24];
    let record = &mut record[..len];
    while builder.len() < requests_max {
        let mut filled = 0;
        while filled < len {
            match bytes.read(&mut record[filled..])? {
                0 => break,
                more => filled += more,
            }
        }
        match filled {
            0 => break,
            whole if whole == len => take(&mut builder, format, record)?,
            rest => {
                let (name, number) = (format.name(), builder.len());
                return Err(refused(format!(
                    "after {number} requests, {rest} bytes are left, and a record of {name} has \
                     {len}: the file is cut, or --format is wrong"
                )));
            }
        }
    }
    builder.finish()
}

fn take(builder: &mut TraceBuilder, format: Format, record: &[u8]) -> io::Result<()> {
    let u32_at = |at: usize| record[at..at + 4].try_into().expect("four bytes");
    let u64_at = |at: usize| record[at..at + 8].try_into().expect("eight bytes");
    match format {
        Format::Text => unreachable!("text has lines"),
        Format::U32Be => builder.id(u64::from(u32::from_be_bytes(u32_at(0))), None),
        Format::U64Be => builder.id(u64::from_be_bytes(u64_at(0)), None),
        Format::OracleGeneral => {
            let size = u32::from_le_bytes(u32_at(12));
            builder.id(u64::from_le_bytes(u64_at(4)), Some(size))
        }
    }
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const KEYS: [u64; 6] = [5, 1 << 20, 5, 6, 5, 6];

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn found(name: &str, bytes: &[u8], format: Option<Format>) -> Result<Trace, String> {
        let (_folder, path) = file(name, bytes);
        read(&path, format, None).map_err(|failure| failure.to_string())
    }

    fn check(name: &str, bytes: &[u8], format: Option<Format>) -> Trace {
        let trace = found(name, bytes, format).unwrap();
        assert_eq!(trace.requests(), [0, 1, 0, 2, 0, 2], "{name}");
        assert_eq!(trace.key(1), b"1048576", "{name}");
        trace
    }

    fn u32be() -> Vec<u8> {
        KEYS.iter().flat_map(|key| (*key as u32).to_be_bytes()).collect()
    }

    fn oracle() -> Vec<u8> {
        let next = [2, -1, 4, 5, -1, -1];
        let record = |(number, key): (usize, &u64)| {
            let mut record = (number as u32 / 2).to_le_bytes().to_vec();
            record.extend_from_slice(&key.to_le_bytes());
            record.extend_from_slice(&(*key as u32 + 100).to_le_bytes());
            record.extend_from_slice(&i64::to_le_bytes(next[number]));
            record
        };
        KEYS.iter().enumerate().flat_map(record).collect()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn every_format_is_read() {
        let text: String = KEYS.iter().map(|key| format!("{key} {}\n", key + 100)).collect();
        let eight: Vec<u8> = KEYS.iter().flat_map(|key| key.to_be_bytes()).collect();
        assert_eq!(check("a.txt", text.as_bytes(), None).size(2), Some(106));
        assert_eq!(check("b.trace", &u32be(), Some(Format::U32Be)).size(0), None);
        check("c.trace", &eight, Some(Format::U64Be));
        assert_eq!(check("d.bin", &oracle(), None).size(2), Some(106));
    }

    #[test]
    fn compression_is_recognised_by_content() {
        check("a.trace", &xz(&u32be()), Some(Format::U32Be));
        check("b", &zstd::encode_all(&oracle()[..], 1).unwrap(), None);
        check("a.oracleGeneral.gz", &gzip(&oracle()), None);
        let (_folder, path) = file("c.xz", &xz(&u32be()));
        assert_eq!(read(&path, Some(Format::U32Be), Some(3)).unwrap().requests(), [0, 1, 0]);
    }

    #[test]
    fn bad_files_are_refused_with_what_to_do() {
        let check = |name: &str, bytes: &[u8], format: Option<Format>, expected: &str| {
            let error = found(name, bytes, format).unwrap_err();
            assert!(error.starts_with("cannot read the trace "), "{error}");
            assert!(error.contains(expected), "{error}");
        };
        let cut = &u32be()[..22];
        check("a", cut, Some(Format::U32Be), "after 5 requests, 2 bytes are left");
        let cut = &oracle()[..130];
        check("a.oracleGeneral", cut, None, "a record of oracle-general has 24");
        check("a", b"", None, "it is empty");
        check("a", b"", Some(Format::U32Be), "no request in it");
        check("a", b"# nothing\n", None, "no request in it");
        let fresh: Vec<u8> = (0..99_u32).flat_map(|n| (n * 0x009e_3779).to_be_bytes()).collect();
        check("a", &fresh, None, "say --format, one of text, u32be");
        let whole = xz(&(0..9999_u32).flat_map(|n| (n % 999).to_be_bytes()).collect::<Vec<_>>());
        check("a.xz", &whole[..whole.len() / 2], None, "the file is cut");
        let whole = gzip(&[&u32be()[..], &[1; 40_000]].concat());
        check("a.gz", &whole[..whole.len() - 9], None, "the file is cut");
        check("a.trace.bz2", b"BZh91AY&SYabcdefgh", None, "compressed by bzip2: decompress it");
        check("a.oracleGeneral.zip", b"PK\x03\x04abcdefghijkl", None, "compressed by zip");
        let error = read(Path::new("/nowhere/x"), None, None).unwrap_err().to_string();
        assert_eq!(
            error,
            "cannot read the trace /nowhere/x: No such file or directory (os error 2)"
        );
    }
}
