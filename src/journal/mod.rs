//! The event journal: everything that reached the core, in one append-only file.
//!
//! ```text
//! header   magic, version, text length, checksum of the text | text (TOML: symbols, hashes …)
//! record   length, kind, source, seq, ts, checksum | payload | zeros up to a multiple of 8
//! ```
//!
//! Records are read in place. The checksum covers header and payload, so a crash at any byte leaves
//! a file whose whole records are all readable: reading stops at the first record that does not
//! check, and says how many bytes it dropped. State and Bind records come first, then the input as
//! it came, with outputs (adopted contexts, signals, digests) in between; an output may stand a
//! little behind the input that caused it.

pub mod context;
pub mod event;
pub mod reader;
pub mod record;
pub mod writer;

pub use reader::{JournalError, Reader};
pub use record::{Kind, Record};
pub use writer::Writer;
