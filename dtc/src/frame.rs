//! Layer 2: a byte stream cut into frames.
//!
//! A DTC message opens with two little-endian `u16`: `Size`, which counts all its bytes with these
//! four, and `Type`. TCP keeps no message boundaries, so a read may end anywhere, inside the
//! header as well. The cutter is a pure function over the bytes at hand: it keeps nothing, copies
//! nothing, and gives the same frames however the stream was split.
//!
//! ```
//! let stream = [4, 0, 3, 0, 8, 0, 100]; // an empty heartbeat, then the start of another frame
//! let frame = dtc::frame::next_frame(&stream)?.expect("a whole frame");
//! assert_eq!((frame.kind, frame.len()), (3, 4));
//! assert_eq!(dtc::frame::next_frame(&stream[frame.len()..])?, None); // read more, ask again
//! # Ok::<(), dtc::frame::FrameError>(())
//! ```

use core::fmt;

/// Bytes of the header that opens every frame.
pub const HEADER_BYTES: usize = 4;

/// The largest frame that `Size` can state. A receive buffer of twice this never gets stuck.
pub const FRAME_BYTES_MAX: usize = 65_535;

/// One whole message as it stood in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Message number, the header's `Type`.
    pub kind: u16,
    /// All bytes of the message, the four of the header included.
    pub bytes: &'a [u8],
}

impl Frame<'_> {
    /// How many bytes of the stream this frame takes: 4 to 65,535.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never true: a frame has at least its header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The one way a stream can be broken beyond repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// `Size` is smaller than the header it counts, so the next frame cannot be found.
    SizeTooSmall {
        /// The value that stood in `Size`.
        size: u16,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::SizeTooSmall { size } => write!(
                f,
                "a message states a size of {size} bytes, less than its own 4-byte header; \
                 the stream cannot be followed any further, close the connection"
            ),
        }
    }
}

impl core::error::Error for FrameError {}

/// Looks at the front of `buf` for one whole frame.
///
/// `Ok(None)` means that more bytes are needed; call again with the same bytes and those that
/// came after. On a frame, drop [`Frame::len`] bytes and call again.
///
/// # Errors
/// [`FrameError::SizeTooSmall`] as soon as the two bytes of `Size` are there and state less than 4.
#[inline]
pub fn next_frame(buf: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let &[s0, s1, ref rest @ ..] = buf else { return Ok(None) };
    let size = u16::from_le_bytes([s0, s1]);
    if usize::from(size) < HEADER_BYTES {
        return Err(FrameError::SizeTooSmall { size });
    }
    let (&[k0, k1, ..], Some(bytes)) = (rest, buf.get(..usize::from(size))) else {
        return Ok(None);
    };
    Ok(Some(Frame { kind: u16::from_le_bytes([k0, k1]), bytes }))
}

/// Fuzz body: a stream cut piece by piece equals the same stream cut whole.
///
/// The first byte says how many of the following bytes are piece lengths; the rest is the stream.
///
/// # Panics
/// When the two differ, which is the finding.
#[doc(hidden)]
pub fn fuzz_frame(data: &[u8]) {
    use alloc::vec::Vec;

    let Some((&count, rest)) = data.split_first() else { return };
    let (pieces, stream) = rest.split_at(usize::from(count % 16).min(rest.len()));

    let mut whole = Vec::new();
    let whole_end = cut_all(stream, 0, &mut whole);

    let mut split = Vec::new();
    let (mut start, mut end, mut turn) = (0, 0, 0);
    let split_end = loop {
        let step = pieces.get(turn % pieces.len().max(1)).map_or(1, |&p| usize::from(p) + 1);
        turn += 1;
        end = (end + step).min(stream.len());
        let visible = stream.get(start..end).unwrap_or_default();
        match cut_all(visible, start, &mut split) {
            Ok(used) => start += used,
            Err(error) => break Err(error),
        }
        if end == stream.len() {
            break Ok(start);
        }
    };
    assert_eq!(whole, split, "the same frames, however the stream was split");
    assert_eq!(whole_end, split_end, "the same end, however the stream was split");
    for (kind, at, len) in whole {
        let bytes = stream.get(at..at + len).expect("a frame lies inside the stream");
        assert_eq!(bytes.first_chunk(), Some(&(len as u16).to_le_bytes()));
        assert_eq!(bytes.get(2..4), Some(kind.to_le_bytes().as_slice()));
    }
}

/// Cuts `bytes` until no whole frame is left; notes `(kind, offset, len)`, returns the bytes used.
fn cut_all(
    bytes: &[u8],
    base: usize,
    out: &mut alloc::vec::Vec<(u16, usize, usize)>,
) -> Result<usize, FrameError> {
    let mut used = 0;
    while let Some(frame) = next_frame(bytes.get(used..).unwrap_or_default())? {
        out.push((frame.kind, base + used, frame.len()));
        used += frame.len();
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_every_missing_byte() {
        let stream = [6, 0, 44, 1, 9, 9, 77];
        for n in 0..6 {
            assert_eq!(next_frame(&stream[..n]), Ok(None), "{n} bytes");
        }
        let frame = Frame { kind: 300, bytes: &stream[..6] };
        assert_eq!(next_frame(&stream[..6]), Ok(Some(frame)));
        assert_eq!(next_frame(&stream), Ok(Some(frame)));
        assert_eq!((frame.len(), frame.is_empty()), (6, false));
    }

    #[test]
    fn every_size_below_four_is_an_error_at_once() {
        for size in 0..4u16 {
            let bytes = size.to_le_bytes();
            assert_eq!(next_frame(&bytes), Err(FrameError::SizeTooSmall { size }));
        }
        let text = alloc::string::ToString::to_string(&FrameError::SizeTooSmall { size: 3 });
        assert!(text.contains("size of 3 bytes") && text.contains("close"), "{text}");
    }

    #[test]
    fn the_largest_frame_is_a_frame() {
        let mut bytes = alloc::vec![0u8; FRAME_BYTES_MAX];
        bytes[..4].copy_from_slice(&[255, 255, 7, 0]);
        assert_eq!(next_frame(&bytes[..FRAME_BYTES_MAX - 1]), Ok(None));
        assert_eq!(next_frame(&bytes).unwrap().unwrap().len(), FRAME_BYTES_MAX);
    }

    #[test]
    fn the_fuzz_body_runs_on_odd_inputs() {
        fuzz_frame(&[]);
        fuzz_frame(&[0]);
        fuzz_frame(&[3, 0, 1, 2, 4, 0, 3, 0, 5, 0, 1, 1, 7, 2]);
        fuzz_frame(&[1, 5, 4, 0, 3, 0, 3, 0]);
    }
}
