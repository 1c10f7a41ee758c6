//! A panic is a bug, and a failed request: it takes neither the connection nor the answer with it.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::error::Problem;

/// Does `work`; a panic in it is an internal problem. The panic hook has logged the panic itself, in
/// the request's span.
///
/// Whatever `work` shares with others must bear to be left where it was, as locks do that are
/// poisoned then.
///
/// No `async fn`: its future would have room for `work` twice, as what it was given and as what it waits for.
pub(super) fn caught<T>(
    work: impl Future<Output = Result<T, Problem>>,
) -> impl Future<Output = Result<T, Problem>> {
    let caught = AssertUnwindSafe(work).catch_unwind();
    caught.map(|ended| ended.unwrap_or_else(|_| Err(Problem::internal())))
}

#[cfg(test)]
mod tests {
    use super::{super::error::Kind, *};

    #[tokio::test]
    async fn a_panic_is_an_internal_problem() {
        let work =
            async { Err::<(), _>(Problem::no_such_movie([0_u8; 0][std::hint::black_box(1)])) };
        assert_eq!(caught(work).await.unwrap_err().kind(), Kind::Internal);
        assert_eq!(caught(async { Ok(1) }).await.unwrap(), 1);
    }
}
