//! Files that settings name.

use std::path::Path;

/// Bytes of a file that the settings name.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Reads a file that the settings name.
///
/// # Errors
/// It cannot be read, or is over its limit.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("`{}` is over {FILE_BYTES_MAX} bytes", path.display()));
    }
    std::fs::read(path).map_err(told)
}
