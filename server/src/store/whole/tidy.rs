//! Giving back room.

use super::{Use, connect};
use crate::store::{Place, Result, broken};

/// Rewrites what is there more tightly; bytes before and after. Blocks; never inside a runtime.
pub fn vacuum(place: &Place) -> Result<(u64, u64)> {
    let done = || {
        let mut conn = connect(place, Use::Write)?;
        let before = conn.bytes()?;
        conn.shrink()?;
        Ok((before, conn.bytes()?))
    };
    done().map_err(broken)
}
