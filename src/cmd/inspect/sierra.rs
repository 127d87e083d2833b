//! Records of `.scid` and `.depth` files as JSON.

use dtc::file::depth::{self, Command};
use dtc::file::scid::{self, Kind, Unbundled};
use serde::Serialize;

use super::{Lines, Stop, rfc3339, shortest};

/// First line of a file.
#[derive(Serialize)]
struct HeaderJson {
    file: &'static str,
    header_size: u32,
    record_size: u32,
    version: u32,
    records: usize,
}

/// Last line of a file that ends inside a record, as a growing one may.
#[derive(Serialize)]
struct Partial {
    partial_bytes: usize,
}

/// A record of a `.scid` file; `time` and prices are as they stand.
#[derive(Serialize)]
pub(super) struct ScidJson {
    kind: &'static str,
    time: i64,
    ts: Option<String>,
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    close: Option<f64>,
    num_trades: u32,
    total_volume: u32,
    bid_volume: u32,
    ask_volume: u32,
}

impl ScidJson {
    pub(super) fn new(record: &scid::Record) -> ScidJson {
        ScidJson {
            kind: match record.kind() {
                Kind::Trade(Unbundled::None) => "trade",
                Kind::Trade(Unbundled::First) => "first_sub_trade",
                Kind::Trade(Unbundled::Last) => "last_sub_trade",
                Kind::BidAsk => "bid_ask",
                Kind::Bar => "bar",
                Kind::Garbage => "garbage",
            },
            time: record.time_us,
            ts: rfc3339(record.unix_ns()),
            open: shortest(record.open),
            high: shortest(record.high),
            low: shortest(record.low),
            close: shortest(record.close),
            num_trades: record.num_trades,
            total_volume: record.total_volume,
            bid_volume: record.bid_volume,
            ask_volume: record.ask_volume,
        }
    }
}

/// A record of a `.depth` file.
#[derive(Serialize)]
pub(super) struct DepthJson {
    /// `None` for a command that the format does not have.
    kind: Option<&'static str>,
    command: u8,
    time: i64,
    ts: Option<String>,
    price: Option<f64>,
    quantity: u32,
    num_orders: u16,
    flags: u8,
    end_of_batch: bool,
}

impl DepthJson {
    pub(super) fn new(record: &depth::Record) -> DepthJson {
        DepthJson {
            kind: record.kind().map(command_name),
            command: record.command,
            time: record.time_us,
            ts: rfc3339(record.unix_ns()),
            price: shortest(record.price),
            quantity: record.quantity,
            num_orders: record.num_orders,
            flags: record.flags,
            end_of_batch: record.is_end_of_batch(),
        }
    }
}

fn command_name(command: Command) -> &'static str {
    match command {
        Command::None => "none",
        Command::ClearBook => "clear_book",
        Command::AddBid => "add_bid",
        Command::AddAsk => "add_ask",
        Command::ModifyBid => "modify_bid",
        Command::ModifyAsk => "modify_ask",
        Command::DeleteBid => "delete_bid",
        Command::DeleteAsk => "delete_ask",
    }
}

/// Prints a `.scid` file.
pub(super) fn scid(data: &[u8], lines: &mut Lines<'_>) -> Result<(), Stop> {
    let header = scid::Header::parse(data).map_err(anyhow::Error::from)?;
    let records = scid::records(data).map_err(anyhow::Error::from)?;
    lines.put(&HeaderJson {
        file: "scid",
        header_size: header.header_size,
        record_size: header.record_size,
        version: header.version.into(),
        records: records.len(),
    })?;
    let partial_bytes = records.remainder();
    for record in records {
        lines.put(&ScidJson::new(&record))?;
    }
    partial(partial_bytes, lines)
}

/// Prints a `.depth` file.
pub(super) fn depth(data: &[u8], lines: &mut Lines<'_>) -> Result<(), Stop> {
    let header = depth::Header::parse(data).map_err(anyhow::Error::from)?;
    let records = depth::records(data).map_err(anyhow::Error::from)?;
    lines.put(&HeaderJson {
        file: "depth",
        header_size: header.header_size,
        record_size: header.record_size,
        version: header.version,
        records: records.len(),
    })?;
    let partial_bytes = records.remainder();
    for record in records {
        lines.put(&DepthJson::new(&record))?;
    }
    partial(partial_bytes, lines)
}

fn partial(partial_bytes: usize, lines: &mut Lines<'_>) -> Result<(), Stop> {
    if partial_bytes > 0 { lines.put(&Partial { partial_bytes }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_bytes;
    use super::*;

    fn time() -> i64 {
        dtc::file::from_unix_ns(1_700_000_000_000_001_000)
    }

    #[test]
    fn a_scid_file() {
        let mut record = scid::Record::parse(&[0; 40]).expect("whole");
        record.time_us = time();
        (record.close, record.high, record.low) = (4500.1, 4500.1, 4500.0);
        (record.num_trades, record.total_volume, record.ask_volume) = (1, 3, 3);
        let mut file = scid::Header::DEFAULT.to_bytes().to_vec();
        file.extend_from_slice(&record.to_bytes());
        record.open_bits = scid::OPEN_LAST_SUB_TRADE;
        file.extend_from_slice(&record.to_bytes());
        file.extend_from_slice(&[1; 7]);

        let (lines, error) = of_bytes("scid", &file);
        assert_eq!(error, None);
        let head = r#"{"file":"scid","header_size":56,"record_size":40,"version":1,"records":2}"#;
        let [header, first, second, last] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(header, head);
        let trade = format!(
            r#"{{"kind":"trade","time":{},"ts":"2023-11-14T22:13:20.000001000Z","open":0.0,"#,
            time()
        );
        assert!(first.starts_with(&trade), "{first}");
        assert!(first.contains(r#""close":4500.1,"num_trades":1,"total_volume":3,"#), "{first}");
        assert!(second.starts_with(r#"{"kind":"last_sub_trade""#), "{second}");
        assert_eq!(last, r#"{"partial_bytes":7}"#);
    }

    #[test]
    fn a_depth_file() {
        let mut record = depth::Record::parse(&[0; 24]).expect("whole");
        (record.time_us, record.command, record.flags) = (time(), 3, 1);
        (record.price, record.quantity, record.num_orders) = (4500.5, 12, 4);
        let mut file = depth::Header::DEFAULT.to_bytes().to_vec();
        file.extend_from_slice(&record.to_bytes());
        record.command = 9;
        record.time_us = 0;
        file.extend_from_slice(&record.to_bytes());

        let (lines, error) = of_bytes("depth", &file);
        assert_eq!(error, None);
        let [header, first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(header.starts_with(r#"{"file":"depth","header_size":64"#), "{header}");
        assert!(first.starts_with(r#"{"kind":"add_ask","command":3,"#), "{first}");
        assert!(first.contains(r#""price":4500.5,"quantity":12,"num_orders":4,"#), "{first}");
        assert!(first.ends_with(r#""end_of_batch":true}"#), "{first}");
        assert!(second.starts_with(r#"{"kind":null,"command":9,"time":0,"ts":null,"#), "{second}");
    }

    #[test]
    fn a_damaged_header_is_an_error() {
        let (lines, error) = of_bytes("short", b"SCID");
        assert!(lines.is_empty() && error.expect("short").contains("4 bytes"));
    }
}
