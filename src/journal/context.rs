//! A context version as the bytes of a [`super::Kind::Context`] record: JSON, every number exact.

use crate::context::Context;

/// The bytes of `context`.
#[must_use]
pub fn encode(context: &Context) -> Vec<u8> {
    simd_json::to_vec(context).unwrap_or_default()
}

/// The context of some bytes.
///
/// # Errors
/// A text that says why it is none.
pub fn decode(bytes: &[u8]) -> Result<Context, String> {
    let mut bytes = bytes.to_vec();
    let context: Context = simd_json::from_slice(&mut bytes).map_err(|e| e.to_string())?;
    context.check()?;
    Ok(context)
}
