//! What the catalogue starts with.

/// Settings of the catalogue.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Catalogue")]
pub struct CatalogueSettings {
    /// What a new database of the embedded kind (`sqlite:`) starts with: `load` fills it with the
    /// bundled catalogue of real films, `skip` leaves it empty. Other databases always start empty.
    #[arg(
        long,
        env = "MARQUEE_BUNDLED_CATALOGUE",
        value_name = "WHAT",
        default_value = "load",
        hide_possible_values = true
    )]
    pub bundled_catalogue: BundledCatalogue,
}

/// Whether a new embedded database is filled with the bundled catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BundledCatalogue {
    /// It is.
    Load,
    /// It stays empty.
    Skip,
}
