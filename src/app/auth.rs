//! Keys and tokens put together, and the rule that nobody can write to a service that others reach
//! unless its operator gave them a key.

use std::sync::Arc;

use hyper::header::HeaderValue;
use prometheus::Registry;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AppError;
use crate::{
    config::{
        Settings,
        auth::{AuthSettings, ReadAccess},
        bad_setting::BadSetting,
    },
    domain::{api_key::Role, clock::Clock},
    http::{
        auth::{self, Auth, Expected, Reach, Tokens},
        class::{Policies, VARY_BY_CALLER},
    },
    service::keys::KeyRing,
    store::Store,
};

/// Who may call.
pub(super) struct Access {
    pub(super) auth: Auth,
    pub(super) keys: Arc<KeyRing>,
    tokens: Option<Arc<Tokens>>,
}

impl Access {
    pub(super) fn new(
        settings: &Settings,
        clock: &Clock,
        registry: &Registry,
        store: &Arc<Store>,
    ) -> Result<Self, AppError> {
        let cap = settings.cache.staleness_cap;
        let keys = Arc::new(KeyRing::new(Arc::clone(store), clock.clone(), cap));
        let tokens = tokens(&settings.auth, clock)?.map(Arc::new);
        let options = auth::Options {
            read_access: match settings.auth.read_access {
                ReadAccess::Open => auth::ReadAccess::Open,
                ReadAccess::Key => auth::ReadAccess::Key,
            },
            reach: reach(settings),
        };
        let auth = Auth::new(Arc::clone(&keys), tokens.clone(), options, clock.clone(), registry);
        Ok(Self { auth, keys, tokens })
    }

    /// Refuses a listener that others than this machine can reach, as long as nobody could write by
    /// right.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), AppError> {
        if reach(settings) == Reach::Loopback
            || self.tokens.is_some()
            || self.keys.has_active(Role::Editor)
        {
            return Ok(());
        }
        Err(AppError::Exposed(BadSetting::new(
            "--listen",
            "MARQUEE_LISTEN",
            "must be a loopback address, like 127.0.0.1:8080, until there is an editor's key: \
             `marquee keys create --name NAME --role editor` makes one, or set --jwks-file",
            &settings.http.listen.to_string(),
        )))
    }

    /// Keeps what is in memory and what is elsewhere the same, until told to stop.
    pub(super) fn follow(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        tasks.spawn(Arc::clone(&self.keys).keep_uses(stop.clone()));
        if let Some(tokens) = &self.tokens {
            tasks.spawn(Arc::clone(tokens).follow(stop.clone()));
        }
    }
}

fn reach(settings: &Settings) -> Reach {
    if settings.http.listen.ip().to_canonical().is_loopback() {
        Reach::Loopback
    } else {
        Reach::Network
    }
}

fn tokens(settings: &AuthSettings, clock: &Clock) -> Result<Option<Tokens>, AppError> {
    let AuthSettings { jwks_file, jwt_issuer, jwt_audience, jwt_role_claim, .. } = settings;
    let (Some(path), Some(issuer), Some(audience)) = (jwks_file, jwt_issuer, jwt_audience) else {
        return Ok(None);
    };
    let expected = Expected {
        issuer: issuer.clone(),
        audience: audience.clone(),
        role_claim: jwt_role_claim.clone(),
    };
    match Tokens::open(path, expected, clock.clone()) {
        Ok(tokens) => Ok(Some(tokens)),
        Err(error) => Err(AppError::Jwks(BadSetting::new(
            "--jwks-file",
            "MARQUEE_JWKS_FILE",
            format!("cannot be used: {}", crate::telemetry::in_one_line(&error)),
            &path.display().to_string(),
        ))),
    }
}

/// What caches downstream are told where callers need a key: nobody but the caller's own may keep an
/// answer, whatever the settings of policies say (RFC 9111, section 3.5).
pub(super) fn private(policies: Policies, access: ReadAccess) -> Policies {
    if access == ReadAccess::Open {
        return policies;
    }
    let of = |policy: &HeaderValue| {
        let text = policy.to_str().unwrap_or_default();
        let shared = |directive: &&str| {
            let name = directive.split('=').next().unwrap_or_default().to_ascii_lowercase();
            matches!(name.as_str(), "public" | "private" | "s-maxage" | "proxy-revalidate")
        };
        let kept = text.split(',').map(str::trim).filter(|directive| !shared(directive));
        let text = ["private"].into_iter().chain(kept).collect::<Vec<_>>().join(", ");
        HeaderValue::try_from(text).expect("it is as visible as before")
    };
    Policies {
        lists: of(&policies.lists),
        items: of(&policies.items),
        searches: of(&policies.searches),
        feed: of(&policies.feed),
        collections: of(&policies.collections),
        season: of(&policies.season),
        recommendations: of(&policies.recommendations),
        fixed: policies.fixed,
        vary: VARY_BY_CALLER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_need_a_key_are_kept_by_their_caller_only() {
        let policies = Policies {
            lists: HeaderValue::from_static("Public, max-age=10, S-MaxAge=60, must-revalidate"),
            ..Policies::default()
        };
        assert_eq!(private(policies.clone(), ReadAccess::Open).lists, policies.lists);
        let private = private(policies, ReadAccess::Key);
        assert_eq!(private.lists, "private, max-age=10, must-revalidate");
        assert_eq!(private.feed, "private, no-cache");
        assert_eq!(private.fixed, "public, max-age=300", "the description needs no key");
        assert_eq!(private.vary, "accept-encoding, authorization");
    }
}
