//! Tells the formats of chain files apart by their content, packed with gzip or not.
//!
//! The name of a file says nothing: pages and browsers name exports as they like.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::import::{Fault, ImportError, ImportOptions, MAX_BYTES, excerpt};
use super::{cboe_csv, cboe_json, own_jsonl};
use crate::calendar::Calendar;
use crate::options::chain::Chain;

/// First bytes of a gzip file.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The chain of a Cboe quote table, of Cboe's delayed quotes or of a record of our own; each also
/// as gzip. The digest in the provenance is that of the unpacked bytes.
///
/// # Errors
/// Those of the format's own reader; [`Fault::Format`] where there is none, [`Fault::Truncated`]
/// for gzip that ends too early, [`Fault::TooLarge`] beyond [`MAX_BYTES`], unpacked.
pub fn read_chain(
    bytes: &[u8],
    calendar: &Calendar,
    options: &ImportOptions,
) -> Result<Chain, ImportError> {
    if bytes.starts_with(GZIP) {
        return read_plain(&unpacked(bytes)?, calendar, options);
    }
    read_plain(bytes, calendar, options)
}

fn read_plain(
    bytes: &[u8],
    calendar: &Calendar,
    options: &ImportOptions,
) -> Result<Chain, ImportError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if own_jsonl::is_it(bytes) {
        own_jsonl::read(bytes, options)
    } else if text.starts_with(b"{") {
        cboe_json::read(bytes, calendar, options)
    } else if cboe_csv::is_it(bytes) {
        cboe_csv::read(bytes, calendar, options)
    } else {
        let what = match bytes {
            [] => "the file is empty".to_owned(),
            _ => format!("no known format: the file starts with `{}`", excerpt(bytes)),
        };
        Err(ImportError::new(Fault::Format, what))
    }
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, ImportError> {
    let mut out = Vec::new();
    let limit = MAX_BYTES as u64;
    let read = MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut out);
    read.map_err(|error| {
        let early = error.kind() == std::io::ErrorKind::UnexpectedEof;
        let fault = if early { Fault::Truncated } else { Fault::Format };
        ImportError::new(fault, format!("cannot unpack gzip: {error}"))
    })?;
    if out.len() > MAX_BYTES {
        let what = format!("more than {MAX_BYTES} bytes, unpacked");
        return Err(ImportError::new(Fault::TooLarge, what));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::chain::SourceKind;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    const CSV: &str = "S&P 500,Last: 3856.28\n\"Date: July 12, 2022, 11:55 AM EDT\"\n\
        Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,\
        Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest\n\
        Fri Jul 15 2022,SPX220715C03850000,,,30.1,31.2,,,,,5,3850,SPX220715P03850000,,,,,,,,,6\n";
    const JSON: &str = r#" {"timestamp": "2022-07-12 15:55:00", "data": {"current_price": 3856.28,
        "options": [{"option": "SPX220715C03850000", "bid": 30.1, "ask": 31.2, "open_interest": 5},
        {"option": "SPX220715P03850000", "open_interest": 6}]}}"#;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).expect("packed");
        packer.finish().expect("packed")
    }

    fn read_bytes(bytes: &[u8]) -> Result<Chain, ImportError> {
        let calendar = Calendar::bundled().expect("calendar");
        read_chain(bytes, &calendar, &ImportOptions::default())
    }

    #[test]
    fn formats_by_content() {
        let csv = read_bytes(CSV.as_bytes()).expect("CSV");
        let json = read_bytes(JSON.as_bytes()).expect("JSON");
        let record = own_jsonl::write(&csv).expect("written");
        let own = read_bytes(&record).expect("a record");
        assert_eq!(csv.provenance.provider, "cboe_csv");
        assert_eq!(json.provenance.provider, "cboe_json");
        assert_eq!(own.provenance.source_kind, SourceKind::Replay);
        assert_eq!((&own.rows, own.print, own.asof), (&csv.rows, csv.print, csv.asof));
        assert_eq!((&json.rows, json.print, json.asof), (&csv.rows, csv.print, csv.asof));
        for (bytes, chain) in [(CSV.as_bytes(), csv), (JSON.as_bytes(), json), (&record, own)] {
            assert_eq!(read_bytes(&packed(bytes)), Ok(chain));
        }
    }

    #[test]
    fn what_is_none_of_them() {
        for (bytes, expected) in [
            (&b""[..], Fault::Format),
            (b"\x1f\x8bjunk junk junk", Fault::Format),
            (b"hello", Fault::Format),
            (b"\xff\xfeE\0x\0p\0", Fault::Format),
            (b"{}", Fault::Format),
            (b"[1,2]", Fault::Format),
        ] {
            let error = read_bytes(bytes).expect_err("no chain");
            assert_eq!(error.fault, expected, "{error}");
            assert!(error.to_string().len() < 400, "{error}");
        }
        let whole = packed(CSV.as_bytes());
        let error = read_bytes(&whole[..whole.len() - 9]).expect_err("cut");
        assert_eq!(error.fault, Fault::Truncated, "{error}");
        assert_eq!(read_bytes(&packed(&whole)).expect_err("twice packed").fault, Fault::Format);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = packed(&vec![b' '; MAX_BYTES + 1]);
        assert!(bomb.len() < 1_000_000);
        assert_eq!(read_bytes(&bomb).expect_err("too large").fault, Fault::TooLarge);
    }
}
