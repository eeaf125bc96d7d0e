//! Limits on how much a publisher may request.

/// Protection against a publisher that sends too much, by mistake or on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_STARTS_PER_HOUR`: starts per project and hour; 0 for no limit.
    pub starts_per_hour: u32,
    /// `MAX_WATCHES_PER_MINUTE`: kickoffs per minute, of all projects; 0 for no limit.
    pub watches_per_minute: u32,
    /// `MAX_ADOPTIONS_PER_MINUTE`: watches per minute that begin with a signal; 0 for no limit.
    pub adoptions_per_minute: u32,
    /// `MAX_NOTICES_PER_HOUR`: notices of messages that can't be used, per hour; 0 for no limit.
    pub notices_per_hour: u32,
    /// `MIN_INTERVAL`: the shortest interval of checks, in seconds.
    pub min_interval: u32,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        starts_per_hour: 0,
        watches_per_minute: 0,
        adoptions_per_minute: 0,
        notices_per_hour: 0,
        min_interval: 1,
    };
}
