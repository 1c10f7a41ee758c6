//! A request's way to the handler and back, of either protocol.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use futures_util::future::{Either, Ready, ready};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{self, HeaderValue},
};

use super::{
    super::response::Body,
    Handler,
    metrics::Closed,
    open::Server,
    peer::Peer,
    slot::{Open, Order, Slot},
};

/// What the HTTP library takes.
type Answered = Result<Response<Body>, Infallible>;
/// At once, or on the heap, so that a connection is small.
pub(super) type Answer =
    Either<Ready<Answered>, Pin<Box<dyn Future<Output = Answered> + Send + 'static>>>;

/// Whether the protocol has a header that says that the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// `Connection: close`.
    Close,
    /// No: it is said by a frame.
    Nothing,
}

/// Answers a request.
#[inline]
pub(super) fn answer<H: Handler>(
    server: &Arc<Server<H>>,
    slot: &Arc<Slot>,
    peer: &Arc<Peer>,
    says: Says,
    request: Request<Incoming>,
) -> Answer {
    let number = slot.count_request();
    if server.options.requests_max.is_some_and(|most| number >= most) {
        slot.tell(Order::Finish, Closed::Requests);
    }
    if server.options.retiring.load(Ordering::Relaxed) {
        slot.tell(Order::Finish, Closed::Shutdown);
    }
    if let Some(response) = server.handler.quick(&request, peer) {
        return Either::Left(ready(Ok(told(response, slot, says))));
    }
    let mut open = Open::new(slot);
    let (server, slot, peer) = (Arc::clone(server), Arc::clone(slot), Arc::clone(peer));
    Either::Right(Box::pin(async move {
        let response = server.handler.handle(request, peer).await;
        open.answered();
        let mut response = told(response, &slot, says);
        if matches!(response.body(), Body::Stream(_)) {
            response = response.map(|body| body.held(open));
        }
        Ok(response)
    }))
}

/// The answer, which says so if the connection ends with it.
#[inline]
fn told(mut response: Response<Body>, slot: &Slot, says: Says) -> Response<Body> {
    if slot.order() != Order::GoOn && says == Says::Close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
