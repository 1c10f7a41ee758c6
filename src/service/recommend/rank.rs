//! How much a user may want each of some movies: what a search is ranked anew by.

use crate::{
    domain::{activity::UserId, movie::MovieId},
    service::error::ServiceError,
};

use super::Recommender;

/// What being wanted weighs beside the place that a movie had.
const PERSONAL: f32 = 0.4;

impl Recommender {
    /// The places of some movies, ranked anew for a user. A movie's place counts 6 parts of 10: the first 1, the
    /// last next to nothing. How much the user may want it, relative to the one that is wanted most, counts 4.
    /// Without a model, and for a user of whom nothing is known, they stay as they are. Ties stay in order.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn rank(
        &self,
        user: &UserId,
        movies: &[MovieId],
    ) -> Result<Vec<usize>, ServiceError> {
        let as_they_are = || (0..movies.len()).collect();
        let Some(model) = self.models.in_force() else { return Ok(as_they_are()) };
        let history = self.histories.of(user).await?;
        let wanted = model.regard(&history.regards, movies);
        Ok(ranked(&wanted))
    }
}

fn ranked(wanted: &[Option<f32>]) -> Vec<usize> {
    let most = wanted.iter().flatten().fold(0.0_f32, |most, score| most.max(*score));
    #[expect(clippy::cast_precision_loss, reason = "a page is short")]
    let points = |place: usize| {
        let by_place = 1.0 - place as f32 / wanted.len() as f32;
        let by_user = wanted[place].map_or(0.0, |score| score / most.max(f32::MIN_POSITIVE));
        (1.0 - PERSONAL) * by_place + PERSONAL * by_user
    };
    let mut places: Vec<usize> = (0..wanted.len()).collect();
    places.sort_by(|a, b| points(*b).total_cmp(&points(*a)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_rises_and_the_others_stay_in_order() {
        let none = [None; 5];
        assert_eq!(ranked(&none), [0, 1, 2, 3, 4]);
        let mut wanted = none;
        wanted[3] = Some(2.0);
        assert_eq!(ranked(&wanted), [3, 0, 1, 2, 4]);
        wanted[1] = Some(1.0);
        assert_eq!(ranked(&wanted), [1, 3, 0, 2, 4]);
        assert!(ranked(&[]).is_empty());
    }
}
