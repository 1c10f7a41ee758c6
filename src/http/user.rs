//! For whom a request is made: the pseudonym that a caller with a key gives.

use crate::domain::activity::UserId;

use super::{audit::Who, auth::Caller, call::Call, error::Problem, noted::Marks};

/// Who a request is made for: `X-User-Id` of a caller with a key or token. Whoever else sends one is
/// answered as if they had not.
///
/// # Errors
/// 400 where such a caller's is no pseudonym.
pub(super) fn of(call: &Call<'_>) -> Result<Option<UserId>, Problem> {
    let marks = Marks::of(&call.parts.headers);
    let Some(caller) = trusted(call) else { return Ok(None) };
    if marks.has_bad_user() {
        return Err(Problem::header("X-User-Id", format!("{}, given once", UserId::MUST)));
    }
    Ok(marks.user(caller))
}

/// The caller, if it has a key or token.
pub(super) fn trusted<'c>(call: &'c Call<'_>) -> Option<&'c Caller> {
    match call.who {
        Who::Caller(caller) if caller.number().is_some() => Some(caller),
        Who::Caller(_) | Who::Unasked | Who::Refused(_) => None,
    }
}
